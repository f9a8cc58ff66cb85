//! The caller of a request.

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use flightdeck_domain::api_key::ApiKey;
use flightdeck_domain::login::Login;
use flightdeck_domain::operator::Principal;
use tokio_util::sync::CancellationToken;

use super::known::{KnownKey, KnownLogin, OpenStream};
use crate::problem::ApiError;

/// The caller of the request.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) principal: Principal,
    pub(super) key: Arc<KnownKey>,
    /// The login of the caller, if they sent a cookie.
    pub(super) login: Option<Arc<KnownLogin>>,
}

impl Caller {
    /// Cancelled when the key is revoked or expires, or the login ends. Then the caller's open streams end.
    pub(crate) fn ended(&self) -> CancellationToken {
        self.login.as_ref().map_or_else(|| self.key.ended.clone(), |login| login.ended.clone())
    }

    /// Counts an open stream.
    ///
    /// # Errors
    /// The key has the largest allowed number of streams.
    pub(crate) fn open_stream(&self, limit: usize) -> Result<OpenStream, ApiError> {
        OpenStream::of(&self.key, self.login.as_ref(), limit)
    }

    /// The key that they act as.
    pub(crate) fn key(&self) -> ApiKey {
        self.key.stored()
    }

    /// The login of the caller; `None` if they sent the key itself.
    pub(crate) fn login(&self) -> Option<Login> {
        self.login.as_ref().map(|login| login.stored())
    }
}

impl FromRequest for Caller {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let missing = || ApiError::Unauthenticated("an API key is needed".to_owned());
        ready(request.extensions().get::<Self>().cloned().ok_or_else(missing))
    }
}
