//! The Mission Control page: files that are part of the binary, packed and named once, and served as they are.
//!
//! There is no build step: a browser gets the files of `console/` unchanged. The page loads nothing from anywhere else,
//! and its policy forbids it to. A development build reads the folder again for each request, so a change of the page
//! needs a reload in the browser and no build.

use std::borrow::Cow;
use std::sync::LazyLock;

use actix_web::http::header::ACCEPT;
use actix_web::web::{self, Bytes, Path};
use actix_web::{HttpRequest, HttpResponse};

use crate::asset::{Asset, SCRIPT, STYLE};
use crate::handlers::health;
use crate::problem::ApiError;
use crate::resource::resource;

/// No inline script or style, nothing from elsewhere, no frame around the page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
    base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

macro_rules! assets {
    ($($content_type:expr => $($name:literal),+;)+) => {
        [$($(($name, $content_type, include_str!(concat!("../console/", $name))),)+)+]
    };
}

/// All files of `console/` except the page itself, which lists the scripts so that they are fetched at once.
const FILES: [(&str, &str, &str); 37] = assets! {
    SCRIPT => "api.js", "approvals.js", "audit.js", "charts.js", "compose.js", "costs.js", "dom.js", "emitter.js", "feed.js", "find.js", "form.js",
        "fleet.js", "header.js", "keyboard.js", "login.js", "main.js", "message.js", "operations.js", "panel.js",
        "panels.js", "rows.js", "runners.js", "selection.js", "status.js", "stepin.js", "text.js", "theme.js", "toast.js", "transcript.js", "tree.js",
        "window.js";
    STYLE => "conversation.css", "fleet.css", "page.css", "theme.css", "views.css";
    "image/svg+xml" => "icon.svg";
};

/// The folder of the files while this crate is developed.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/console/");

/// The current text of a file in a development build, and the text in the binary in any other build.
fn text(name: &str, in_binary: &'static str) -> Cow<'static, str> {
    let present = if cfg!(debug_assertions) { std::fs::read_to_string(format!("{FOLDER}{name}")).ok() } else { None };
    present.map_or(Cow::Borrowed(in_binary), Cow::Owned)
}

/// The page, with its scripts named in its head, so that a browser fetches them in parallel.
fn index() -> String {
    let preload = |(name, kind, _): &(&str, &str, &str)| {
        let module = *kind == SCRIPT && *name != "theme.js" && *name != "main.js";
        module.then(|| format!("<link rel=\"modulepreload\" href=\"/console/{name}\">\n"))
    };
    let modules: String = FILES.iter().filter_map(preload).collect();
    text("index.html", include_str!("../console/index.html")).replace("<!-- modules -->\n", &modules)
}

fn page_now() -> Asset {
    Asset::new("", "text/html; charset=utf-8", POLICY, Bytes::from(index()))
}

fn file_now((name, kind, in_binary): &(&'static str, &'static str, &'static str)) -> Asset {
    let bytes = match text(name, in_binary) {
        Cow::Borrowed(text) => Bytes::from_static(text.as_bytes()),
        Cow::Owned(text) => Bytes::from(text),
    };
    Asset::new(name, kind, POLICY, bytes)
}

static PAGE: LazyLock<Asset> = LazyLock::new(page_now);
static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| FILES.iter().map(file_now).collect());

/// The page for browsers, and a short text for other clients.
pub(crate) async fn page(request: HttpRequest) -> HttpResponse {
    let accept = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match accept.contains("text/html") {
        false => health::welcome(),
        true if cfg!(debug_assertions) => page_now().answer(request.headers()),
        true => PAGE.answer(request.headers()),
    }
}

/// One file of the page.
pub(crate) async fn file(request: HttpRequest, name: Path<String>) -> Result<HttpResponse, ApiError> {
    let answer = if cfg!(debug_assertions) {
        FILES.iter().find(|(known, ..)| *known == *name).map(|file| file_now(file).answer(request.headers()))
    } else {
        ASSETS.iter().find(|asset| asset.name == *name).map(|asset| asset.answer(request.headers()))
    };
    answer.ok_or_else(|| ApiError::NoRoute(request.path().to_owned()))
}

/// `/` and the files that it loads.
pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config
        .service(resource("/", "GET, HEAD").route(web::get().to(page)))
        .service(resource("/console/{name}", "GET, HEAD").route(web::get().to(file)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_development_build_serves_what_lies_in_the_folder() {
        let lies_there = std::fs::read_to_string(format!("{FOLDER}main.js")).expect("a script");
        assert_eq!(text("main.js", "of the binary"), lies_there);
        assert_eq!(text("no-such.js", "of the binary"), "of the binary");
    }

    #[test]
    fn every_file_of_the_folder_is_served() {
        let folder = std::fs::read_dir(FOLDER).expect("the folder");
        let mut there: Vec<String> =
            folder.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        there.retain(|name| name != "index.html" && !name.ends_with(".d.ts"));
        there.sort();
        let mut served: Vec<String> = FILES.iter().map(|(name, ..)| (*name).to_owned()).collect();
        served.sort();
        assert_eq!(served, there);
    }
}
