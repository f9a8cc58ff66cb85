//! The Mission Control page: files that are part of the binary, packed and named once, and served as they are.
//!
//! There is no build step: a browser gets the files of `console/` unchanged. The page loads nothing from anywhere else,
//! and its policy forbids it to. A development build reads the folder again when a file in it was written, so a change of
//! the page needs a reload in the browser and no build.
//!
//! The page names its files below a version, the hash of all of them: `/console/<version>/main.js`. What is there never
//! changes, so a browser keeps it and asks only for the page itself.

mod files;

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use actix_web::http::header::ACCEPT;
use actix_web::web::{self, Bytes, Path};
use actix_web::{HttpRequest, HttpResponse};

use sha2::{Digest, Sha256};

use self::files::FILES;
use crate::asset::{Asset, SCRIPT};
use crate::handlers::health;
use crate::problem::ApiError;
use crate::resource::resource;

/// No inline script or style, nothing from elsewhere, no frame around the page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data: blob:; \
    base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Scripts that the page does not load as modules of its own: two that it names itself, and the service worker.
const BY_OTHERS: [&str; 3] = ["theme.js", "main.js", WORKER];

/// Scripts of views that are not looked at by everybody each time: a browser fetches them when they are.
const LATER: [&str; 6] = ["audit/", "manage/", "timeline/", "usage/", "kit/bars.js", "kit/schema.js"];

/// The service worker, which shows what is pushed. It is served at the root, for a worker rules what is below its address.
const WORKER: &str = "worker.js";

/// The folder of the files while this crate is developed.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/console/");

/// The current text of a file in a development build, and the text in the binary in any other build.
fn text(name: &str, in_binary: &'static str) -> Cow<'static, str> {
    let present = if cfg!(debug_assertions) { std::fs::read_to_string(format!("{FOLDER}{name}")).ok() } else { None };
    present.map_or(Cow::Borrowed(in_binary), Cow::Owned)
}

/// The name of the files as they are: other files have another one.
fn version_now() -> String {
    let mut all = Sha256::new();
    for (name, _, in_binary) in FILES {
        all.update(name.as_bytes());
        all.update([0]);
        all.update(text(name, in_binary).as_bytes());
        all.update([0]);
    }
    all.finalize().iter().take(6).fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

/// A name that may have a version in front: the name without it, and the version.
fn unversioned(name: &str) -> (&str, Option<&str>) {
    match name.split_once('/') {
        Some((version, rest)) if version.len() == 12 && version.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            (rest, Some(version))
        }
        _ => (name, None),
    }
}

/// The page, with the scripts named in its head that it always needs, so that a browser fetches them in parallel.
fn index(version: &str) -> String {
    let preload = |(name, kind, _): &(&str, &str, &str)| {
        let later = LATER.iter().any(|start| name.starts_with(start));
        let module = *kind == SCRIPT && !BY_OTHERS.contains(name) && !later;
        module.then(|| format!("<link rel=\"modulepreload\" href=\"/console/{name}\">\n"))
    };
    let modules: String = FILES.iter().filter_map(preload).collect();
    text("index.html", include_str!("../../console/index.html"))
        .replace("<!-- modules -->\n", &modules)
        .replace("\"/console/", &format!("\"/console/{version}/"))
}

/// The page and its files, packed.
struct Site {
    version: String,
    page: Asset,
    files: Vec<Asset>,
}

impl Site {
    fn now() -> Self {
        let version = version_now();
        let page = Asset::new("", "text/html; charset=utf-8", POLICY, Bytes::from(index(&version)));
        Self { page, files: FILES.iter().map(file_now).collect(), version }
    }
}

fn file_now((name, kind, in_binary): &(&'static str, &'static str, &'static str)) -> Asset {
    let bytes = match text(name, in_binary) {
        Cow::Borrowed(text) => Bytes::from_static(text.as_bytes()),
        Cow::Owned(text) => Bytes::from(text),
    };
    Asset::new(name, kind, POLICY, bytes)
}

/// When the files in the folder were written, and how long they are.
type Written = Vec<Option<(SystemTime, u64)>>;

fn written() -> Written {
    let names = FILES.iter().map(|(name, ..)| *name).chain(["index.html"]);
    let written = |name| {
        let about = std::fs::metadata(format!("{FOLDER}{name}")).ok()?;
        Some((about.modified().ok()?, about.len()))
    };
    names.map(written).collect()
}

/// What is served now. A development build packs the files again when one of them was written.
fn site() -> Arc<Site> {
    static SITE: Mutex<Option<(Written, Arc<Site>)>> = Mutex::new(None);
    let written = if cfg!(debug_assertions) { written() } else { Vec::new() };
    let mut kept = SITE.lock().unwrap_or_else(PoisonError::into_inner);
    match &*kept {
        Some((then, site)) if *then == written => Arc::clone(site),
        _ => {
            let site = Arc::new(Site::now());
            *kept = Some((written, Arc::clone(&site)));
            site
        }
    }
}

/// The page for browsers, and a short text for other clients.
pub(crate) async fn page(request: HttpRequest) -> HttpResponse {
    let accept = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accept.contains("text/html") { site().page.answer(request.headers()) } else { health::welcome() }
}

/// One file of the page. Below the version that it has now a browser keeps it; below that of another server, which has
/// or had other files, it is the one that is here, and is asked for again.
pub(crate) async fn file(request: HttpRequest, path: Path<String>) -> Result<HttpResponse, ApiError> {
    let ((name, version), site) = (unversioned(&path), site());
    let asset = site.files.iter().find(|asset| asset.name == name);
    let asset = asset.ok_or_else(|| ApiError::NoRoute(request.path().to_owned()))?;
    let is_current = version == Some(site.version.as_str());
    Ok(if is_current { asset.answer_for_good(request.headers()) } else { asset.answer(request.headers()) })
}

/// The service worker. A browser asks for it again, so that a new one takes the place of the old one.
async fn worker(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    file(request, Path::from(WORKER.to_owned())).await
}

/// `/` and the files that it loads.
pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config
        .service(resource("/", "GET, HEAD").route(web::get().to(page)))
        .service(resource("/worker.js", "GET, HEAD").route(web::get().to(worker)))
        .service(resource("/console/{name:.*}", "GET, HEAD").route(web::get().to(file)));
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

    /// The names of all files in a folder and those below it.
    fn listed(folder: &std::path::Path, names: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                listed(&path, names);
            } else {
                names.push(path.strip_prefix(FOLDER).expect("in the folder").to_string_lossy().into_owned());
            }
        }
    }

    #[test]
    fn every_file_of_the_folder_is_served() {
        let mut there = Vec::new();
        listed(std::path::Path::new(FOLDER), &mut there);
        there.retain(|name| name != "index.html" && !name.ends_with(".d.ts"));
        there.sort();
        let mut served: Vec<String> = FILES.iter().map(|(name, ..)| (*name).to_owned()).collect();
        served.sort();
        assert_eq!(served, there);
    }

    #[test]
    fn a_name_is_known_with_a_version_and_without() {
        assert_eq!(unversioned("kit/dom.js"), ("kit/dom.js", None));
        assert_eq!(unversioned("0123456789ab/kit/dom.js"), ("kit/dom.js", Some("0123456789ab")));
        assert_eq!(unversioned("0123456789ag/kit/dom.js"), ("0123456789ag/kit/dom.js", None));
        assert_eq!(version_now().len(), 12);
    }
}
