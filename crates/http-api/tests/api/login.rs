//! Logging in and out, and what a cookie may.

use flightdeck_domain::api_key::PlainKey;
use flightdeck_domain::operator::Role;
use flightdeck_http_api::{ApiOptions, Rate};
use serde_json::{Value, json};

use crate::raw::Raw;
use crate::server::{Reply, TestServer, options};

/// What a browser sends along from the server's own page.
const OWN_PAGE: (&str, &str) = ("Sec-Fetch-Site", "same-origin");

/// The pair of a `Set-Cookie` that goes back in `Cookie`.
fn cookie_of(reply: &Reply) -> String {
    let set = reply.header("set-cookie").expect("a cookie");
    set.split(';').next().expect("a pair").to_owned()
}

fn log_in(server: &TestServer, key: &str) -> String {
    let reply = server.send(&[], "POST", "/login", &json!({"key": key}));
    let cookie = cookie_of(&reply);
    reply.expect(204);
    cookie
}

fn me(server: &TestServer, cookie: &str) -> Reply {
    server.send(&[("Cookie", cookie)], "GET", "/me", &Value::Null)
}

/// What the cookie of a server is called.
fn name(server: &TestServer) -> String {
    format!("flightdeck_session_{}", server.address.port())
}

/// Makes a login link and gives its path.
fn link(server: &TestServer, key: &str) -> String {
    let made = server.post_as(key, "/login-links", &json!({})).expect(201);
    made["path"].as_str().expect("a path").to_owned()
}

#[test]
fn a_key_gives_a_cookie_that_acts_as_the_key() {
    let server = TestServer::start();
    let key = server.key_bound_to(Role::Operator, None);
    let reply = server.send(&[], "POST", "/login", &json!({"key": key.reveal()}));
    let set = reply.header("set-cookie").expect("a cookie").to_owned();
    assert!(set.starts_with(&format!("{}=", name(&server))), "{set}");
    assert!(set.ends_with("; HttpOnly; SameSite=Strict; Path=/; Max-Age=604800"), "{set}");
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let cookie = cookie_of(&reply);
    assert!(!cookie.contains(key.secret()), "the key itself stays out of the browser");
    let me = me(&server, &cookie).expect(200);
    assert_eq!((&me["keyId"], &me["name"], &me["role"]), (&json!(key.id), &json!("test"), &json!("operator")));
    assert_eq!((&me["boundTo"], &me["keyExpiresAt"]), (&Value::Null, &Value::Null));
    assert!(me["loginExpiresAt"].is_string(), "{me}");

    let agent = server.session(None);
    let path = format!("/agents/{agent}/inject");
    server.send(&[("Cookie", &cookie), OWN_PAGE], "POST", &path, &json!({"message": "hi"})).expect(200);
    let audit = server.get("/audit?limit=2").expect(200);
    let actions: Vec<_> = audit["entries"].as_array().expect("entries").iter().map(|entry| &entry["action"]).collect();
    assert_eq!(actions, ["inject", "login"], "{audit}");
    assert_eq!(audit["entries"][0]["actor"], json!(key.id), "{audit}");
}

#[test]
fn a_login_over_tls_has_a_secure_cookie() {
    let server = TestServer::start();
    let body = json!({"key": server.admin});
    let secure = |server: &TestServer, headers: &[(&str, &str)]| {
        let reply = server.send(headers, "POST", "/login", &body);
        reply.header("set-cookie").expect("a cookie").ends_with("; Secure")
    };
    assert!(!secure(&server, &[]));
    assert!(secure(&server, &[("X-Forwarded-Proto", "https")]));
    let always = TestServer::with(ApiOptions { secure_cookies: true, ..options() });
    let reply = always.send(&[], "POST", "/login", &json!({"key": always.admin}));
    assert!(reply.header("set-cookie").expect("a cookie").ends_with("; Secure"));
}

#[test]
fn a_bad_key_gives_nothing() {
    let server = TestServer::start();
    let revoked = server.key_bound_to(Role::Admin, None);
    server.revoke(&revoked);
    let wrong = PlainKey::from_random([1; 32], [2; 32]).reveal();
    for key in ["", "fd_", &wrong, &revoked.reveal()] {
        let reply = server.send(&[], "POST", "/login", &json!({"key": key}));
        assert_eq!(reply.header("set-cookie"), None);
        assert_eq!(reply.header("content-type"), Some("application/problem+json"));
        assert_eq!(reply.expect(401)["type"], "urn:flightdeck:problem:unauthenticated");
    }
    server.send(&[], "POST", "/login", &json!({"key": server.key(Role::Agent)})).expect(403);
    server.send(&[], "POST", "/login", &json!({"key": server.admin, "keep": true})).expect(400);
    let unknown = format!("0101010101010101_{}", "02".repeat(32));
    for token in ["", "x", "0101010101010101_02", &unknown] {
        let cookie = format!("{}={token}", name(&server));
        assert_eq!(me(&server, &cookie).expect(401)["type"], "urn:flightdeck:problem:unauthenticated");
    }
}

#[test]
fn another_sites_page_changes_nothing_with_a_cookie() {
    let server = TestServer::start();
    let cookie = log_in(&server, &server.admin);
    let own = format!("http://{}", server.address);
    let post = |headers: &[(&str, &str)]| {
        let headers: Vec<_> = headers.iter().copied().chain([("Cookie", cookie.as_str())]).collect();
        server.send(&headers, "POST", "/killswitch/release", &json!({})).status
    };
    assert_eq!(post(&[OWN_PAGE]), 200);
    assert_eq!(post(&[("Origin", &own)]), 200);
    assert_eq!(post(&[]), 403, "a browser says where it is");
    assert_eq!(post(&[("Origin", "https://evil.example")]), 403);
    assert_eq!(post(&[("Origin", &own), ("Sec-Fetch-Site", "cross-site")]), 403);
    assert_eq!(post(&[("X-API-Key", &server.admin)]), 200, "a key is no cookie, and goes before it");
    let foreign = server.send(&[("Origin", "https://evil.example")], "POST", "/login", &json!({"key": server.admin}));
    assert_eq!(foreign.status, 403, "nobody is logged in as somebody else");
    server.send(&[("Cookie", &cookie)], "GET", "/agents/tree", &Value::Null).expect(200);
}

#[test]
fn a_link_logs_in_once() {
    let server = TestServer::start();
    let key = server.key_bound_to(Role::Operator, None);
    let path = link(&server, &key.reveal());
    let opened = server.send(&[], "GET", &path, &Value::Null);
    assert_eq!((opened.status, opened.header("location")), (303, Some("/")));
    assert_eq!(opened.header("referrer-policy"), Some("no-referrer"));
    let cookie = cookie_of(&opened);
    assert_eq!(me(&server, &cookie).expect(200)["keyId"], json!(key.id));

    let again = server.send(&[], "GET", &path, &Value::Null);
    assert_eq!((again.status, again.header("set-cookie")), (410, None));
    assert_eq!(again.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(again.header("content-security-policy"), Some("default-src 'none'; frame-ancestors 'none'"));
    assert!(again.body.as_str().expect("a page").contains("flightdeck login"));
    let same_browser = server.send(&[("Cookie", &cookie)], "GET", &path, &Value::Null);
    assert_eq!((same_browser.status, same_browser.header("set-cookie")), (303, None), "logged in already");
    server.send(&[], "GET", "/login/nonsense", &Value::Null).expect(410);

    let of_revoked = link(&server, &key.reveal());
    server.revoke(&key);
    server.send(&[], "GET", &of_revoked, &Value::Null).expect(410);
}

#[test]
fn a_cookie_makes_no_link_and_a_viewer_none_either() {
    let server = TestServer::start();
    let cookie = log_in(&server, &server.admin);
    server.send(&[("Cookie", &cookie), OWN_PAGE], "POST", "/login-links", &json!({})).expect(403);
    server.post_as(&server.key(Role::Viewer), "/login-links", &json!({})).expect(403);
}

#[test]
fn a_logout_ends_the_cookie_and_its_streams() {
    let server = TestServer::start();
    let cookie = log_in(&server, &server.admin);
    let other = log_in(&server, &server.admin);
    let mut stream = server.stream_with(("Cookie", &cookie), "/agents/events").expect("open");
    let reply = server.send(&[("Cookie", &cookie), OWN_PAGE], "POST", "/logout", &Value::Null);
    let set = reply.header("set-cookie").expect("a cookie");
    assert!(set.starts_with(&format!("{}=;", name(&server))) && set.contains("Max-Age=0"), "{set}");
    reply.expect(204);
    me(&server, &cookie).expect(401);
    assert_eq!(stream.next(), None, "the stream has ended");
    me(&server, &other).expect(200);
    let audit = server.get("/audit?action=logout").expect(200);
    assert_eq!(audit["entries"].as_array().expect("entries").len(), 1, "{audit}");
    server.post("/logout", &json!({})).expect(204);
}

#[test]
fn a_cookie_ends_with_its_key() {
    let server = TestServer::start();
    let key = server.key_bound_to(Role::Operator, None);
    let cookie = log_in(&server, &key.reveal());
    let mut stream = server.stream_with(("Cookie", &cookie), "/agents/events").expect("open");
    server.revoke(&key);
    assert_eq!(stream.next(), None, "the stream has ended");
    me(&server, &cookie).expect(401);
}

/// A replica that hears nothing of a logout finds out from the store.
#[test]
fn a_logout_elsewhere_ends_the_streams_here() {
    let server = TestServer::start();
    let cookie = log_in(&server, &server.admin);
    let mut stream = server.stream_with(("Cookie", &cookie), "/agents/events").expect("open");
    let token = cookie.split_once('=').and_then(|(_, token)| token.split_once('_')).expect("a token").0;
    let id = flightdeck_domain::login::LoginId::new(token).expect("an id");
    let by = flightdeck_domain::action::Origin::new(
        flightdeck_domain::operator::Actor::local_cli(),
        flightdeck_domain::text::RequestId::new("elsewhere").expect("valid"),
    );
    let by = by.at(server.ports.clock.now());
    assert!(server.block_on(server.ports.logins.end_login(id, by)).expect("ended"));
    assert_eq!(stream.next(), None, "the stream has ended");
    me(&server, &cookie).expect(401);
}

/// A key and a link that nobody has.
fn guesses() -> (String, String) {
    (PlainKey::from_random([1; 32], [2; 32]).reveal(), format!("/login/0101010101010101_{}", "02".repeat(32)))
}

fn slow() -> TestServer {
    TestServer::with(ApiOptions { throttle_login: Rate::per_minute(2), ..options() })
}

#[test]
fn trying_keys_is_slowed_down() {
    let (server, (key, link)) = (slow(), guesses());
    let guess = || server.send(&[], "POST", "/login", &json!({"key": key}));
    guess().expect(401);
    server.send(&[], "GET", &link, &Value::Null).expect(410);
    let refused = guess();
    assert!(refused.header("retry-after").is_some());
    assert_eq!(refused.expect(429)["type"], "urn:flightdeck:problem:throttled");
    server.send(&[], "GET", &link, &Value::Null).expect(429);
    server.get("/me").expect(200);
}

#[test]
fn whoever_tries_too_often_is_refused_before_the_body() {
    let (server, (key, _)) = (slow(), guesses());
    (0..2).for_each(|_| drop(server.send(&[], "POST", "/login", &json!({"key": key})).expect(401)));
    let mut stranger = Raw::open(&server);
    stranger.send("POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n");
    assert_eq!(stranger.status(), 429, "no body came, and none will");
}

#[test]
fn what_is_no_key_does_not_count() {
    let (server, (key, link)) = (slow(), guesses());
    for nonsense in ["", "fd_", "x", &"x".repeat(1_000)] {
        server.send(&[], "POST", "/login", &json!({"key": nonsense})).expect(401);
    }
    server.send(&[], "POST", "/login", &json!({"kee": "x"})).expect(400);
    (0..5).for_each(|_| drop(server.send(&[], "GET", "/login/guess", &Value::Null).expect(410)));
    server.send(&[], "POST", "/login", &json!({"key": key})).expect(401);
    server.send(&[], "GET", &link, &Value::Null).expect(410);
    server.send(&[], "POST", "/login", &json!({"key": server.admin})).expect(429);
}

/// The page of an attacker in the operator's browser comes from the operator's address.
#[test]
fn another_sites_page_does_not_lock_the_operator_out() {
    let (server, (key, guess)) = (slow(), guesses());
    for site in ["cross-site", "same-site"] {
        for _ in 0..5 {
            let headers = [("Sec-Fetch-Site", site), ("Origin", "https://evil.example")];
            server.send(&headers, "POST", "/login", &json!({"key": key})).expect(403);
        }
    }
    let from_elsewhere = || server.send(&[("Sec-Fetch-Site", "cross-site")], "GET", &guess, &Value::Null).status;
    let statuses: Vec<u16> = (0..4).map(|_| from_elsewhere()).collect();
    assert_eq!(statuses, [410, 410, 429, 429], "they have a count of their own");
    let path = link(&server, &server.admin);
    server.send(&[("Sec-Fetch-Site", "none")], "GET", &path, &Value::Null).expect(303);
    server.send(&[OWN_PAGE], "POST", "/login", &json!({"key": server.admin})).expect(204);
}

#[test]
fn a_link_from_another_site_logs_in() {
    let server = TestServer::start();
    let path = link(&server, &server.admin);
    server.send(&[("Sec-Fetch-Site", "cross-site")], "GET", &path, &Value::Null).expect(303);
}

#[test]
fn the_cookie_of_another_port_is_nobody_here() {
    let server = TestServer::start();
    let cookie = log_in(&server, &server.admin);
    let (_, token) = cookie.split_once('=').expect("a pair");
    for name in ["flightdeck_session", "flightdeck_session_1"] {
        me(&server, &format!("{name}={token}")).expect(401);
    }
    me(&server, &format!("flightdeck_session_1=x; {cookie}; flightdeck_session=x")).expect(200);
    // Behind a balancer every replica sees the host that the browser went to, whatever it listens on itself.
    let headers = [("Host", "localhost:7443"), ("Cookie", &format!("flightdeck_session_7443={token}"))];
    server.send(&headers, "GET", "/me", &Value::Null).expect(200);
}
