//! Finds out who calls: keys and logins are checked once per request, and remembered for a moment.

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

use flightdeck_domain::ports::AssignmentError;
use flightdeck_domain::runner::AssignmentRefused;
use flightdeck_domain::use_cases::ServeRunners;

use crate::extract::wired;
use crate::problem::ApiError;

/// Rejects requests without a valid key or login. Wraps everything that is not public.
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

/// What a runner says with the reports of an agent: which assignment they are about, and its fencing token.
const ASSIGNMENT: &str = "Flightdeck-Assignment";

/// The caller as the agent that it was assigned, if the request says so.
async fn assigned(caller: Caller, request: &HttpRequest) -> Result<Caller, ApiError> {
    let Some(value) = request.headers().get(ASSIGNMENT) else { return Ok(caller) };
    let wrong = || ApiError::field(ASSIGNMENT, "is not <agentId>/<token>, as a start was confirmed with");
    let (session, token) = value.to_str().ok().and_then(|text| text.trim().split_once('/')).ok_or_else(wrong)?;
    let (Ok(session), Ok(token)) = (session.parse(), token.parse()) else { return Err(wrong()) };
    match wired::<ServeRunners>(request)?.act_for(&caller.principal, session, token).await {
        Ok(principal) => Ok(Caller { principal, ..caller }),
        // Whether others have it is nothing that they should know.
        Err(AssignmentError::Refused(unknown @ AssignmentRefused::Unknown(_))) => {
            Err(ApiError::Denied(unknown.to_string()))
        }
        Err(error) => Err(error.into()),
    }
}

/// Finds the caller of a request by its headers.
pub(crate) async fn caller(request: &HttpRequest) -> Result<Caller, ApiError> {
    let keys = wired::<KeyRing>(request)?;
    match Presented::of(request.headers())? {
        Presented::Key(key) => assigned(keys.check(&key).await?, request).await,
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
