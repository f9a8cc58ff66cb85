//! JSON bodies.

use std::future::{Ready, ready};
use std::marker::PhantomData;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_LENGTH;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;

use super::Cap;
use super::bodies::{Arrived, Bodies, Held};
use super::objects::Objects;
use super::wired::wired;
use crate::heavy;
use crate::problem::ApiError;

/// How long a body may take to arrive.
const DEADLINE: Duration = Duration::from_secs(30);

/// A body before it is read. A handler reads it only when it needs it: after authentication, the rules of roles and the
/// throttle.
pub(crate) struct Unread {
    pub(crate) payload: Payload,
    pub(crate) content_type: String,
    announced: Option<usize>,
    bodies: Data<Bodies>,
}

impl FromRequest for Unread {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let announced = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        let (payload, content_type) = (payload.take(), request.content_type().to_owned());
        ready(wired(request).map(|bodies| Self { payload, content_type, announced, bodies }))
    }
}

impl Unread {
    /// Counts the memory of the body, for a route that does not read it whole.
    pub(crate) fn hold(&self, cap: Cap) -> Held {
        self.bodies.hold(cap)
    }

    /// Reads the body, up to the cap of the route.
    ///
    /// # Errors
    /// The body is too long, by its announced or its real length; it breaks off or does not arrive in time; or there is
    /// no room now.
    pub(crate) async fn read(self, cap: Cap) -> Result<Arrived, ApiError> {
        // Before a byte of it is read.
        if self.announced.is_some_and(|length| length > cap.bytes()) {
            return Err(ApiError::TooLarge(cap.bytes()));
        }
        let mut body = Arrived::new(&self.bodies, cap);
        let mut payload = self.payload;
        let all = async {
            while let Some(chunk) = payload.next().await {
                body.push(&chunk.map_err(|error| ApiError::BrokenOff(error.to_string()))?)?;
            }
            Ok::<(), ApiError>(())
        };
        tokio::time::timeout(DEADLINE, all).await.map_err(|_elapsed| ApiError::TooSlow(DEADLINE.as_secs()))??;
        Ok(body)
    }
}

/// The body of a route that takes none.
///
/// Many clients send `{}` with every `POST`, and some in a packet of its own. A body that is left on the connection makes
/// the HTTP library close it after the answer, and a client that sends its next request at that moment gets none. So the
/// body is read, and what is in it does not count.
pub(crate) struct NoBody(Unread);

impl FromRequest for NoBody {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(Unread::from_request(request, payload).into_inner().map(Self))
    }
}

impl NoBody {
    /// Takes the body off the connection.
    ///
    /// # Errors
    /// As [`Unread::read`].
    pub(crate) async fn pass_over(self) -> Result<(), ApiError> {
        self.0.read(Cap::Report).await.map(drop)
    }
}

/// A JSON body before it is read. A missing body is read as `{}`, so that calls whose fields are all optional need
/// none.
pub(crate) struct Body<T>(Unread, PhantomData<fn() -> T>);

impl<T> FromRequest for Body<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(Unread::from_request(request, payload).into_inner().map(|unread| Self(unread, PhantomData)))
    }
}

impl<T: DeserializeOwned + Send + 'static> Body<T> {
    /// Reads the body.
    ///
    /// # Errors
    /// As [`Unread::read`]; or the body does not have the form that the route needs.
    pub(crate) async fn read(self, cap: Cap) -> Result<T, ApiError> {
        let content_type = self.0.content_type.clone();
        let body = self.0.read(cap).await?;
        if body.is_empty() {
            return decode(b"{}", "");
        }
        if content_type != "application/json" {
            return Err(ApiError::MediaType { given: content_type, expected: "application/json" });
        }
        heavy::work(body.len(), move || decode(&body, "")).await?
    }
}

/// Reads JSON; a fault names its place as a JSON pointer below `prefix`. Malformed texts are repaired as in all JSON of
/// agents, because an unpaired surrogate must not lose a message.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8], prefix: &str) -> Result<T, ApiError> {
    flightdeck_agent_io::json::bounded(bytes).map_err(|error| ApiError::field(prefix, error.to_string()))?;
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let strict = match serde_path_to_error::deserialize(Objects(&mut json)) {
        Ok(value) => match json.end() {
            Ok(()) => return Ok(value),
            Err(error) => ApiError::field(prefix, format!("not JSON: {error}")),
        },
        Err(error) if error.inner().is_data() => {
            return Err(ApiError::field(format!("{prefix}{}", pointer(error.path())), error.inner().to_string()));
        }
        Err(error) => {
            ApiError::field(format!("{prefix}{}", pointer(error.path())), format!("not JSON: {}", error.inner()))
        }
    };
    match flightdeck_agent_io::json::read(bytes) {
        Ok(read) if read.mended => decode_value(read.value, prefix),
        _ => Err(strict),
    }
}

/// The same for JSON that was parsed already.
pub(crate) fn decode_value<T: DeserializeOwned>(value: Value, prefix: &str) -> Result<T, ApiError> {
    serde_path_to_error::deserialize(Objects(value))
        .map_err(|error| ApiError::field(format!("{prefix}{}", pointer(error.path())), error.inner().to_string()))
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
            Segment::Enum { variant } => format!("/{variant}"),
            Segment::Unknown => String::new(),
        })
        .collect()
}
