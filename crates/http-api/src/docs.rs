//! The description of the API for people: Swagger UI over `/openapi.json`.
//!
//! `build.rs` takes Swagger UI out of the crate that carries it. The page loads nothing from another host, and its
//! policy forbids it to.

use std::sync::LazyLock;

use actix_web::web::{self, Bytes, Path};
use actix_web::{HttpRequest, HttpResponse};

use crate::asset::{Asset, SCRIPT, STYLE};
use crate::problem::ApiError;
use crate::resource::resource;

/// The policy of the page, except that Swagger UI may write styles into its elements.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; \
    img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const TEXT: &str = "text/plain; charset=utf-8";

macro_rules! taken {
    ($name:literal) => {
        include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".gz"))
    };
}

static PAGE: LazyLock<Asset> = LazyLock::new(|| {
    let page = include_bytes!("../docs/index.html");
    Asset::new("", "text/html; charset=utf-8", POLICY, Bytes::from_static(page))
});

static FILES: LazyLock<[Asset; 5]> = LazyLock::new(|| {
    let start = include_bytes!("../docs/start.js");
    [
        Asset::new("start.js", SCRIPT, POLICY, Bytes::from_static(start)),
        Asset::packed("swagger-ui-bundle.js", SCRIPT, POLICY, taken!("swagger-ui-bundle.js")),
        Asset::packed("swagger-ui.css", STYLE, POLICY, taken!("swagger-ui.css")),
        Asset::packed("LICENSE", TEXT, POLICY, taken!("LICENSE")),
        Asset::packed("NOTICE", TEXT, POLICY, taken!("NOTICE")),
    ]
});

async fn page(request: HttpRequest) -> HttpResponse {
    PAGE.answer(request.headers())
}

async fn file(request: HttpRequest, name: Path<String>) -> Result<HttpResponse, ApiError> {
    let asset = FILES.iter().find(|asset| asset.name == *name);
    asset.map(|asset| asset.answer(request.headers())).ok_or_else(|| ApiError::NoRoute(request.path().to_owned()))
}

/// `/docs` and the files that it loads.
pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config
        .service(resource("/docs", "GET, HEAD").route(web::get().to(page)))
        .service(resource("/docs/{name}", "GET, HEAD").route(web::get().to(file)));
}
