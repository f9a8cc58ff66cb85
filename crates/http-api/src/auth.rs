//! Who is calling: keys and logins are checked once per request, and remembered for a moment.

mod caller;
mod known;
mod presented;
mod ring;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpRequest};

pub(crate) use caller::Caller;
pub(crate) use known::OpenStream;
use presented::{Presented, needs_own_page};
pub(crate) use presented::{SITE, cookie_name, from_own_page, over_tls};
pub(crate) use ring::KeyRing;

use crate::extract::wired;
use crate::problem::ApiError;

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
    let keys = wired::<KeyRing>(request)?;
    match Presented::of(request.headers())? {
        Presented::Key(key) => keys.check(&key).await,
        Presented::Login(login) => {
            // A browser sends a cookie whoever made it send the request.
            if needs_own_page(request.method()) && !from_own_page(request) {
                return Err(ApiError::Denied(
                    "a change with a login's cookie has to come from this server's own page (Sec-Fetch-Site, Origin)"
                        .to_owned(),
                ));
            }
            keys.check_login(&login).await
        }
    }
}
