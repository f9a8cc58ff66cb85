//! The Mission Control page: files that are part of the binary, packed and named once, and served as they are.
//!
//! There is no build step: what lies in `console/` is what a browser gets. The page loads nothing from anywhere else, and
//! its policy forbids it to.

use std::io::Write;
use std::sync::LazyLock;

use actix_web::http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, ETAG, HeaderMap, HeaderName,
    HeaderValue, IF_NONE_MATCH, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::web::{self, Bytes, Path};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use crate::handlers::health;
use crate::problem::ApiError;

/// No inline script or style, nothing from elsewhere, no frame around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
    base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// A file as it is served.
struct Asset {
    name: &'static str,
    content_type: &'static str,
    plain: Bytes,
    packed: Bytes,
    tag: HeaderValue,
}

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

static PAGE: LazyLock<Asset> = LazyLock::new(|| Asset::new("", "text/html; charset=utf-8", Bytes::from(index())));

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    FILES.iter().map(|(name, kind, text)| Asset::new(name, kind, Bytes::from_static(text.as_bytes()))).collect()
});

impl Asset {
    fn new(name: &'static str, content_type: &'static str, plain: Bytes) -> Self {
        let start = Sha256::digest(&plain).iter().take(8).fold(0_u64, |all, byte| all << 8 | u64::from(*byte));
        let tag =
            HeaderValue::from_str(&format!("\"{start:016x}\"")).unwrap_or_else(|_| HeaderValue::from_static("\"\""));
        // Writing to memory does not fail; if it did, the file would be served as it is.
        let packed = pack(&plain).map_or_else(|_| Bytes::new(), Bytes::from);
        Self { name, content_type, plain, packed, tag }
    }

    fn answer(&self, request: &HeaderMap) -> HttpResponse {
        let known = request.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if known.split(',').any(|tag| self.tag.as_bytes() == tag.trim().trim_start_matches("W/").as_bytes()) {
            return self.begin(HttpResponse::NotModified()).finish();
        }
        let mut response = self.begin(HttpResponse::Ok());
        response.content_type(self.content_type);
        if self.packed.is_empty() || !takes_gzip(request) {
            return response.body(self.plain.clone());
        }
        response.insert_header((CONTENT_ENCODING, HeaderValue::from_static("gzip")));
        response.body(self.packed.clone())
    }

    /// Browsers ask each time whether a file is still the same: after an update nobody is left with an old one.
    fn begin(&self, mut response: HttpResponseBuilder) -> HttpResponseBuilder {
        let header = |name: HeaderName, value: &'static str| (name, HeaderValue::from_static(value));
        response
            .insert_header((ETAG, self.tag.clone()))
            .insert_header(header(CACHE_CONTROL, "no-cache"))
            .insert_header(header(VARY, "Accept, Accept-Encoding"))
            .insert_header(header(CONTENT_SECURITY_POLICY, POLICY))
            .insert_header(header(X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .insert_header(header(REFERRER_POLICY, "same-origin"))
            .insert_header(header(HeaderName::from_static("cross-origin-opener-policy"), "same-origin"));
        response
    }
}

fn pack(plain: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain)?;
    encoder.finish()
}

/// `gzip` among the encodings, and not with a weight of nothing.
fn takes_gzip(request: &HeaderMap) -> bool {
    let accepted = request.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        name.trim().eq_ignore_ascii_case("gzip") && !matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
    })
}

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
        .service(crate::routes::resource("/", "GET, HEAD").route(web::get().to(page)))
        .service(crate::routes::resource("/console/{name}", "GET, HEAD").route(web::get().to(file)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_served() {
        let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/console")).expect("the folder");
        let mut there: Vec<String> =
            folder.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        there.retain(|name| name != "index.html" && name != "types.d.ts");
        there.sort();
        let mut served: Vec<String> = FILES.iter().map(|(name, ..)| (*name).to_owned()).collect();
        served.sort();
        assert_eq!(served, there);
    }

    #[test]
    fn an_encoding_that_is_refused_is_not_used() {
        let asks = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(text));
            takes_gzip(&headers)
        };
        assert!(asks("gzip, deflate, br") && asks("br;q=1.0, GZIP;q=0.5"));
        assert!(!asks("") && !asks("br") && !asks("gzip;q=0, br") && !asks("xgzip"));
    }
}
