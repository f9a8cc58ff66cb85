//! `HEAD` wherever `GET` is: the same answer without its content (RFC 9110, section 9.3.2).

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::{HttpMessage, HttpRequest};

/// Routes a `HEAD` as a `GET`, and drops the content of the answer. A stream ends before it begins.
pub(crate) async fn answer<B: MessageBody>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, Without>>, actix_web::Error> {
    if *request.method() != Method::HEAD {
        return Ok(next.call(request).await?.map_into_left_body());
    }
    request.head_mut().method = Method::GET;
    request.extensions_mut().insert(Asked);
    let response = next.call(request).await?;
    Ok(response.map_body(|_, content| EitherBody::right(Without(content.size()))))
}

/// Marks a request that came as a `HEAD`.
struct Asked;

/// Whether a request came as a `HEAD`, for a route whose `GET` uses something up.
pub(crate) fn is_head(request: &HttpRequest) -> bool {
    request.extensions().get::<Asked>().is_some()
}

/// The rest of a content: its size.
pub(crate) struct Without(BodySize);

impl MessageBody for Without {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        self.0
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(None)
    }
}
