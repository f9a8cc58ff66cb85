//! Who is calling: keys are checked once per request, and remembered for a moment.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use flightdeck_domain::api_key::{ApiKey, KeyId, PlainKey};
use flightdeck_domain::operator::Principal;
use flightdeck_domain::use_cases::{Authenticate, AuthenticateError};
use std::future::{Ready, ready};
use tokio_util::sync::CancellationToken;

use crate::problem::ApiError;
use crate::state::Api;

/// How long a key that was found good is taken as good without asking the store. A revocation takes effect within it.
const REMEMBERED_FOR: Duration = Duration::from_secs(1);

/// Whoever makes the request.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) principal: Principal,
    pub(crate) key: Arc<KnownKey>,
}

impl FromRequest for Caller {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let missing = || ApiError::Unauthenticated("an API key is needed".to_owned());
        ready(request.extensions().get::<Self>().cloned().ok_or_else(missing))
    }
}

/// Lets nobody pass without a good key. Wraps everything but what is public.
pub(crate) async fn authenticate<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, actix_web::Error> {
    match caller(&request).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.call(request).await.map(ServiceResponse::map_into_left_body)
        }
        Err(error) => Ok(request.error_response(error).map_into_right_body()),
    }
}

async fn caller(request: &ServiceRequest) -> Result<Caller, ApiError> {
    let api =
        request.app_data::<Data<Api>>().ok_or_else(|| ApiError::Internal("the server is not wired up".into()))?.clone();
    let presented = presented(request.headers())?;
    api.keys.check(&presented).await
}

fn presented(headers: &HeaderMap) -> Result<PlainKey, ApiError> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = || {
        let value = header(AUTHORIZATION.as_str())?;
        let (scheme, key) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
    };
    let text = header("x-api-key").or_else(bearer);
    let text = text.ok_or_else(|| ApiError::Unauthenticated("an API key is needed".to_owned()))?;
    PlainKey::parse(text).map_err(|error| ApiError::Unauthenticated(error.to_string()))
}

/// A key in use: what its open streams share.
pub(crate) struct KnownKey {
    /// Cancelled when the key is revoked or expires: its open streams end.
    pub(crate) ended: CancellationToken,
    streams: AtomicUsize,
    stored: Mutex<(ApiKey, Instant)>,
}

impl KnownKey {
    fn new(key: ApiKey) -> Self {
        Self {
            ended: CancellationToken::new(),
            streams: AtomicUsize::new(0),
            stored: Mutex::new((key, Instant::now())),
        }
    }

    fn stored(&self) -> (ApiKey, Instant) {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn refresh(&self, key: ApiKey) {
        *self.stored.lock().unwrap_or_else(PoisonError::into_inner) = (key, Instant::now());
    }

    /// Counts an open stream.
    ///
    /// # Errors
    /// The key has as many as it may.
    pub(crate) fn open_stream(self: &Arc<Self>, limit: usize) -> Result<OpenStream, ApiError> {
        let before = self.streams.fetch_add(1, Ordering::Relaxed);
        let open = OpenStream(Arc::clone(self));
        if before >= limit { Err(ApiError::TooManyStreams(before)) } else { Ok(open) }
    }
}

/// One open stream of a key, counted as long as this lives.
pub(crate) struct OpenStream(Arc<KnownKey>);

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The keys in use.
pub(crate) struct KeyRing {
    authenticate: Authenticate,
    known: Mutex<HashMap<KeyId, Arc<KnownKey>>>,
}

impl KeyRing {
    pub(crate) fn new(authenticate: Authenticate) -> Self {
        Self { authenticate, known: Mutex::new(HashMap::new()) }
    }

    async fn check(&self, presented: &PlainKey) -> Result<Caller, ApiError> {
        if let Some(known) = self.get(&presented.id) {
            let (stored, at) = known.stored();
            if at.elapsed() < REMEMBERED_FOR {
                let principal = self.authenticate.recheck(&stored, presented).map_err(AuthenticateError::from)?;
                return Ok(Caller { principal, key: known });
            }
        }
        let (principal, stored) = self.authenticate.execute(presented).await?;
        let mut ring = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = ring.entry(stored.id.clone()).or_insert_with(|| Arc::new(KnownKey::new(stored.clone())));
        let known = Arc::clone(known);
        drop(ring);
        known.refresh(stored);
        Ok(Caller { principal, key: known })
    }

    fn get(&self, id: &KeyId) -> Option<Arc<KnownKey>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    fn all(&self) -> Vec<Arc<KnownKey>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// How many streams are open, over all keys.
    pub(crate) fn open_streams(&self) -> u64 {
        self.all().iter().map(|known| u64::try_from(known.streams.load(Ordering::Relaxed)).unwrap_or(u64::MAX)).sum()
    }

    /// Asks the store about every key in use, and ends the streams of those that are no longer good. A store that does
    /// not answer ends nothing.
    pub(crate) async fn sweep(&self) {
        for known in self.all() {
            let (stored, _) = known.stored();
            match self.authenticate.still_good(&stored).await {
                Ok(fresh) => known.refresh(fresh),
                Err(AuthenticateError::Rejected(_)) => {
                    self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(&stored.id);
                    known.ended.cancel();
                }
                Err(AuthenticateError::Unavailable(error)) => {
                    let cause: &dyn std::error::Error = &error;
                    tracing::warn!(cause, "cannot check the keys in use; trying again");
                    return;
                }
            }
        }
    }
}
