//! The page: what is served, and how.

use std::io::Read;

use crate::server::TestServer;

struct Answer {
    status: u16,
    headers: ureq::http::HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// Without a key, as a browser comes.
fn ask(server: &TestServer, path: &str, headers: &[(&str, &str)]) -> Answer {
    let request =
        headers.iter().fold(ureq::get(server.url(path)), |request, (name, value)| request.header(*name, *value));
    let mut response = request.config().http_status_as_error(false).build().call().expect("an answer");
    let mut body = Vec::new();
    response.body_mut().as_reader().read_to_end(&mut body).expect("a body");
    Answer { status: response.status().as_u16(), headers: response.headers().clone(), body }
}

const BROWSER: (&str, &str) = ("Accept", "text/html,application/xhtml+xml,*/*;q=0.8");

#[test]
fn a_browser_gets_the_page_and_others_a_few_words() {
    let server = TestServer::start();
    let page = ask(&server, "/", &[BROWSER]);
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    let curl = ask(&server, "/", &[("Accept", "*/*")]);
    assert_eq!((curl.status, curl.header("content-type")), (200, "text/plain; charset=utf-8"));
}

#[test]
fn everything_that_the_page_names_is_there_under_the_same_policy() {
    let server = TestServer::start();
    let page = ask(&server, "/", &[BROWSER]);
    let text = String::from_utf8(page.body).expect("a text");
    let mut names: Vec<&str> = text.split('"').filter(|part| part.starts_with("/console/")).collect();
    names.sort_unstable();
    let listed = names.len();
    names.dedup();
    assert_eq!((names.len(), listed > 25), (listed, true), "each once");
    for name in names {
        let file = ask(&server, name, &[]);
        assert_eq!(file.status, 200, "{name}");
        let policy = file.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{name}: {policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(file.header("x-content-type-options"), "nosniff", "{name}");
    }
    assert_eq!(ask(&server, "/console/index.html", &[]).status, 404);
    assert_eq!(ask(&server, "/console/..%2fCargo.toml", &[]).status, 404);
}

#[test]
fn what_a_browser_has_is_not_sent_again_and_what_it_gets_is_packed() {
    let server = TestServer::start();
    let plain = ask(&server, "/console/main.js", &[("Accept-Encoding", "identity")]);
    assert_eq!(plain.header("content-encoding"), "");
    let tag = plain.header("etag").to_owned();
    let again = ask(&server, "/console/main.js", &[("If-None-Match", &format!("\"other\", W/{tag}"))]);
    assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, tag.as_str()));
    assert_eq!(ask(&server, "/console/main.js", &[("If-None-Match", "\"other\"")]).status, 200);
    let packed = ask(&server, "/console/main.js", &[("Accept-Encoding", "gzip, br")]);
    assert_eq!(packed.header("content-encoding"), "gzip");
    assert!(packed.body.starts_with(&[0x1f, 0x8b]) && packed.body.len() < plain.body.len());
}

#[test]
fn a_browser_keeps_what_is_named_by_its_content_and_asks_for_the_page_alone() {
    let server = TestServer::start();
    let page = ask(&server, "/", &[BROWSER]);
    assert_eq!(page.header("cache-control"), "no-cache");
    let again = ask(&server, "/", &[BROWSER, ("If-None-Match", page.header("etag"))]);
    assert_eq!((again.status, again.body.len()), (304, 0));
    let text = String::from_utf8(page.body).expect("a text");
    let names: Vec<&str> = text.split('"').filter(|part| part.starts_with("/console/")).collect();
    for name in &names {
        let kept = ask(&server, name, &[]);
        assert_eq!(kept.header("cache-control"), "public, max-age=31536000, immutable", "{name}");
    }
    let main = names.iter().find(|name| name.ends_with("/main.js")).expect("a script");
    let other = main.replace(main.split('/').nth(2).expect("a version"), "0123456789ab");
    for name in ["/console/main.js", &other] {
        let asked = ask(&server, name, &[]);
        assert_eq!((asked.status, asked.header("cache-control")), (200, "no-cache"), "{name}");
    }
}

#[test]
fn the_description_for_people_is_served_whole_and_under_a_policy_of_its_own() {
    let server = TestServer::start();
    let page = ask(&server, "/docs", &[]);
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    let policy = page.header("content-security-policy").to_owned();
    assert!(policy.contains("default-src 'none'") && !policy.contains("http"), "{policy}");
    let text = String::from_utf8(page.body).expect("a text");
    let named: Vec<&str> = text.split('"').filter(|part| part.starts_with("/docs/")).collect();
    assert_eq!(named.len(), 3, "{named:?}");
    for name in named.into_iter().chain(["/docs/LICENSE", "/docs/NOTICE"]) {
        let plain = ask(&server, name, &[("Accept-Encoding", "identity")]);
        assert_eq!((plain.status, plain.header("content-encoding")), (200, ""), "{name}");
        assert_eq!(plain.header("content-security-policy"), policy, "{name}");
        assert!(plain.body.len() > 50, "{name}");
        let again = ask(&server, name, &[("If-None-Match", plain.header("etag"))]);
        assert_eq!((again.status, again.body.len()), (304, 0), "{name}");
        assert_eq!(server.call("POST", name, "", b"").status, 405, "{name}");
    }
    assert_eq!(ask(&server, "/docs/index.html", &[]).status, 404);
}
