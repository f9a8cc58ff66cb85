//! JSON bodies.

use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_LENGTH;
use actix_web::web::{Bytes, BytesMut};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;

use crate::heavy;
use crate::problem::ApiError;

/// The largest body, in bytes.
pub(crate) const MAX_BODY: usize = 4 * 1_048_576;
/// How long a body may take to arrive.
const DEADLINE: Duration = Duration::from_secs(30);

/// A body as it came, with its content type.
pub(crate) struct BodyBytes {
    pub(crate) bytes: Bytes,
    pub(crate) content_type: String,
}

impl FromRequest for BodyBytes {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let content_type = request.content_type().to_owned();
        let announced = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        let payload = payload.take();
        Box::pin(async move {
            let bytes = tokio::time::timeout(DEADLINE, read(payload, announced))
                .await
                .map_err(|_elapsed| ApiError::TooSlow(DEADLINE.as_secs()))??;
            Ok(Self { bytes, content_type })
        })
    }
}

async fn read(mut payload: Payload, announced: Option<usize>) -> Result<Bytes, ApiError> {
    if announced.is_some_and(|length| length > MAX_BODY) {
        return Err(ApiError::TooLarge(MAX_BODY));
    }
    let mut body = BytesMut::with_capacity(announced.unwrap_or(0));
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| ApiError::field("", format!("the body broke off: {error}")))?;
        if body.len() + chunk.len() > MAX_BODY {
            return Err(ApiError::TooLarge(MAX_BODY));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// A JSON body. A missing one is read as `{}`, so that calls whose fields are all optional need none.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned + Send + 'static> FromRequest for Body<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = BodyBytes::from_request(request, payload);
        Box::pin(async move {
            let body = body.await?;
            if body.bytes.is_empty() {
                return decode(b"{}", "").map(Self);
            }
            if body.content_type != "application/json" {
                return Err(ApiError::MediaType { given: body.content_type, expected: "application/json" });
            }
            heavy::work(body.bytes.len(), move || decode(&body.bytes, "").map(Self)).await?
        })
    }
}

/// Reads JSON; a fault names its place as a JSON pointer below `prefix`. What is malformed within texts is mended as
/// agents' JSON is everywhere: an unpaired surrogate must not cost a message.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8], prefix: &str) -> Result<T, ApiError> {
    flightdeck_agent_io::json::bounded(bytes).map_err(|error| ApiError::field(prefix, error.to_string()))?;
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let strict = match serde_path_to_error::deserialize(&mut json) {
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

/// The same of JSON that was read already.
pub(crate) fn decode_value<T: DeserializeOwned>(value: Value, prefix: &str) -> Result<T, ApiError> {
    serde_path_to_error::deserialize(value)
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
