//! Who is calling: keys and logins are checked once per request, and remembered for a moment.

mod presented;
mod ring;

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use flightdeck_domain::operator::Principal;
use tokio_util::sync::CancellationToken;

use presented::{Presented, needs_own_page};
pub(crate) use presented::{SITE, cookie_name, from_own_page, over_tls};
pub(crate) use ring::{KeyRing, OpenStream};
use ring::{KnownKey, KnownLogin};

use crate::problem::ApiError;
use crate::state::Api;

/// Whoever makes the request.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) principal: Principal,
    key: Arc<KnownKey>,
    /// What they came in by, when it was a cookie.
    login: Option<Arc<KnownLogin>>,
}

impl Caller {
    /// Cancelled when the key is revoked or expires, or the login ends: then their open streams end.
    pub(crate) fn ended(&self) -> CancellationToken {
        self.login.as_ref().map_or_else(|| self.key.ended.clone(), |login| login.ended.clone())
    }

    /// Counts an open stream.
    ///
    /// # Errors
    /// The key has as many as it may.
    pub(crate) fn open_stream(&self, limit: usize) -> Result<OpenStream, ApiError> {
        OpenStream::of(&self.key, self.login.as_ref(), limit)
    }

    /// The key that they act as.
    pub(crate) fn key(&self) -> flightdeck_domain::api_key::ApiKey {
        self.key.stored()
    }

    /// The login that they came in by; `None` for those who sent the key itself.
    pub(crate) fn login(&self) -> Option<flightdeck_domain::login::Login> {
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

/// Lets nobody pass without a good key or login. Wraps everything but what is public.
pub(crate) async fn authenticate<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, actix_web::Error> {
    match caller(request.request()).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.call(request).await.map(ServiceResponse::map_into_left_body)
        }
        Err(error) => Ok(request.error_response(error).map_into_right_body()),
    }
}

/// Who makes a request, by its headers alone.
pub(crate) async fn caller(request: &HttpRequest) -> Result<Caller, ApiError> {
    let api =
        request.app_data::<Data<Api>>().ok_or_else(|| ApiError::Internal("the server is not wired up".into()))?.clone();
    match Presented::of(request.headers())? {
        Presented::Key(key) => api.keys.check(&key).await,
        Presented::Login(login) => {
            // A browser sends a cookie whoever made it send the request.
            if needs_own_page(request.method()) && !from_own_page(request) {
                return Err(ApiError::Denied(
                    "a change with a login's cookie has to come from this server's own page (Sec-Fetch-Site, Origin)"
                        .to_owned(),
                ));
            }
            api.keys.check_login(&login).await
        }
    }
}
