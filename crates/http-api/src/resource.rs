//! A path of the API.

use actix_web::{HttpRequest, HttpResponse, Resource, web};

use crate::problem::ApiError;

/// A path with its methods; another method gets an answer that names them.
pub(crate) fn resource(path: &str, allowed: &'static str) -> Resource {
    web::resource(path).default_service(web::to(move |request: HttpRequest| async move {
        Err::<HttpResponse, _>(ApiError::Method { method: request.method().to_string(), allowed })
    }))
}
