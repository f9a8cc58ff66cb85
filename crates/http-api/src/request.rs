//! The outermost layer: a request id for every request, one log line for its end, and problem documents that carry the id.

use std::error::Error;
use std::time::Instant;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use flightdeck_domain::ports::IdGenerator;
use flightdeck_domain::text::RequestId;

use crate::counters::Counters;
use crate::line::Line;
use crate::problem::ApiError;
use crate::request_spans::RequestSpans;

/// The header with the request id, in both directions.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Gives the request an id (the client's own if it is valid), logs how the request ended, and answers errors.
pub(crate) async fn identify<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, actix_web::Error> {
    if request.conn_data::<Line>().is_some_and(Line::is_taken) {
        // It came behind the request of a stream that now has the connection, and nobody would see the answer: nothing is done.
        return Ok(request.into_response(HttpResponse::ServiceUnavailable().finish()).map_into_right_body());
    }
    let started = Instant::now();
    let id = given_id(&request).unwrap_or_else(|| minted_id(&request));
    request.extensions_mut().insert(id.clone());
    let spans = request.app_data::<Data<RequestSpans>>().cloned();
    let span = spans.as_ref().and_then(|spans| spans.begin(&request));
    let response = next.call(request).await.map_err(told)?;
    let mut response = answer_errors(response, &id);
    keep_private(response.headers_mut());
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    if let (Some(spans), Some(span)) = (spans, &span) {
        spans.end(span, response.request(), &id, response.status());
    }
    tracing::debug!(
        request_id = %id,
        method = %response.request().method(),
        path = %shown(response.request().path()),
        status = response.status().as_u16(),
        micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
        "request"
    );
    Ok(response)
}

/// An error that is not ours is that of a handler that panicked, as `CatchPanic` gives it. The log already has the
/// panic. A request that is interrupted leaves nothing that others see, because mutations are tasks of their own.
fn told(error: actix_web::Error) -> actix_web::Error {
    match error.as_error::<ApiError>() {
        Some(_) => error,
        None => ApiError::Internal("a panic stopped the request".into()).into(),
    }
}

/// Browsers and proxies must not store the answer or guess its type, unless its route says otherwise.
fn keep_private(headers: &mut HeaderMap) {
    for (name, value) in [(CACHE_CONTROL, "no-store"), (X_CONTENT_TYPE_OPTIONS, "nosniff")] {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
}

/// A path for logs and traces: without the secret of a login link.
pub(crate) fn shown(path: &str) -> &str {
    if path.starts_with("/login/") { "/login/…" } else { path }
}

/// The id of a request.
pub(crate) fn id_of(request: &HttpRequest) -> Option<RequestId> {
    request.extensions().get::<RequestId>().cloned()
}

fn given_id(request: &ServiceRequest) -> Option<RequestId> {
    let text = request.headers().get(REQUEST_ID)?.to_str().ok()?;
    RequestId::new(text).ok()
}

fn minted_id(request: &ServiceRequest) -> RequestId {
    let uuid = request.app_data::<Data<dyn IdGenerator>>().map(|ids| ids.uuid()).unwrap_or_default();
    RequestId::from(uuid)
}

/// A 5xx logs its cause here, once; its body does not contain the cause.
fn answer_errors<B: MessageBody>(response: ServiceResponse<B>, id: &RequestId) -> ServiceResponse<EitherBody<B>> {
    let replacement = response.response().error().map(|error| {
        let status = error.as_response_error().status_code();
        let ours = error.as_error::<ApiError>();
        if let (Some(error), Some(counters)) = (ours, response.request().app_data::<Data<Counters>>()) {
            counters.count(error);
        }
        // That there is no room is the doing of those who send much: it is counted, and not worth a line each.
        if status.is_server_error() && !matches!(ours, Some(ApiError::Busy)) {
            tracing::error!(request_id = %id, path = %shown(response.request().path()), cause = %chain(error), "request failed");
        }
        match ours {
            Some(error) => error.respond(id.as_str()),
            None => of_framework(status, error).respond(id.as_str()),
        }
    });
    match replacement {
        Some(replacement) => response.into_response(replacement).map_into_right_body(),
        None => response.map_into_left_body(),
    }
}

/// An error of the framework before any of our code ran.
fn of_framework(status: actix_web::http::StatusCode, error: &actix_web::Error) -> ApiError {
    if status.is_server_error() {
        ApiError::Internal(error.to_string().into())
    } else {
        ApiError::field("", error.to_string())
    }
}

fn chain(error: &actix_web::Error) -> String {
    let Some(error) = error.as_error::<ApiError>() else { return error.to_string() };
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}

/// The answer for a path without a route.
pub(crate) async fn no_route(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    Err(ApiError::NoRoute(request.path().to_owned()))
}

#[cfg(test)]
mod tests {
    use actix_web::test::{TestRequest, init_service, try_call_service};
    use actix_web::{App, middleware, web};
    use actix_web_lab::middleware::CatchPanic;

    use super::*;

    #[actix_web::test]
    async fn a_handler_that_panics_is_an_internal_error_of_ours() {
        async fn on_purpose() -> HttpResponse {
            panic!("on purpose")
        }
        let app = App::new().route("/", web::get().to(on_purpose)).wrap(CatchPanic::default());
        let app = init_service(app.wrap(middleware::from_fn(identify))).await;
        let error =
            try_call_service(&app, TestRequest::default().to_request()).await.map(drop).expect_err("it panicked");
        assert!(matches!(error.as_error::<ApiError>(), Some(ApiError::Internal(_))), "{error}");
    }
}
