//! The Mission Control page: files that are part of the binary, packed and named once, and served as they are.
//!
//! There is no build step: what lies in `console/` is what a browser gets. The page loads nothing from anywhere else, and
//! its policy forbids it to.

use std::sync::LazyLock;

use actix_web::http::header::ACCEPT;
use actix_web::web::{self, Bytes, Path};
use actix_web::{HttpRequest, HttpResponse};

use crate::asset::{Asset, SCRIPT, STYLE};
use crate::handlers::health;
use crate::problem::ApiError;
use crate::resource::resource;

/// No inline script or style, nothing from elsewhere, no frame around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
    base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

macro_rules! assets {
    ($($content_type:expr => $($name:literal),+;)+) => {
        [$($(($name, $content_type, include_str!(concat!("../console/", $name))),)+)+]
    };
}

/// Everything in `console/` but the page itself, which lists the scripts among them so that they are fetched at once.
const FILES: [(&str, &str, &str); 36] = assets! {
    SCRIPT => "api.js", "approvals.js", "audit.js", "charts.js", "compose.js", "costs.js", "dom.js", "emitter.js", "feed.js", "find.js", "form.js",
        "fleet.js", "header.js", "keyboard.js", "login.js", "main.js", "message.js", "operations.js", "panel.js",
        "panels.js", "rows.js", "selection.js", "status.js", "stepin.js", "text.js", "theme.js", "toast.js", "transcript.js", "tree.js",
        "window.js";
    STYLE => "conversation.css", "fleet.css", "page.css", "theme.css", "views.css";
    "image/svg+xml" => "icon.svg";
};

/// The page, with its scripts named in its head: a browser then fetches them side by side and not one after the other.
fn index() -> String {
    let preload = |(name, kind, _): &(&str, &str, &str)| {
        let module = *kind == SCRIPT && *name != "theme.js" && *name != "main.js";
        module.then(|| format!("<link rel=\"modulepreload\" href=\"/console/{name}\">\n"))
    };
    let modules: String = FILES.iter().filter_map(preload).collect();
    include_str!("../console/index.html").replace("<!-- modules -->\n", &modules)
}

static PAGE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("", "text/html; charset=utf-8", POLICY, Bytes::from(index())));

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    FILES.iter().map(|(name, kind, text)| Asset::new(name, kind, POLICY, Bytes::from_static(text.as_bytes()))).collect()
});

/// The page for browsers, a few words for everybody else.
pub(crate) async fn page(request: HttpRequest) -> HttpResponse {
    let accept = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accept.contains("text/html") { PAGE.answer(request.headers()) } else { health::welcome() }
}

/// One file of the page.
pub(crate) async fn file(request: HttpRequest, name: Path<String>) -> Result<HttpResponse, ApiError> {
    let asset = ASSETS.iter().find(|asset| asset.name == *name);
    asset.map(|asset| asset.answer(request.headers())).ok_or_else(|| ApiError::NoRoute(request.path().to_owned()))
}

/// `/` and what it loads.
pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config
        .service(resource("/", "GET, HEAD").route(web::get().to(page)))
        .service(resource("/console/{name}", "GET, HEAD").route(web::get().to(file)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_served() {
        let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/console")).expect("the folder");
        let mut there: Vec<String> =
            folder.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        there.retain(|name| name != "index.html" && !name.ends_with(".d.ts"));
        there.sort();
        let mut served: Vec<String> = FILES.iter().map(|(name, ..)| (*name).to_owned()).collect();
        served.sort();
        assert_eq!(served, there);
    }
}
