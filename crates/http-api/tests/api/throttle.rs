//! The seed system's throttles.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use async_trait::async_trait;
use flightdeck_domain::api_key::PlainKey;
use flightdeck_domain::ids::KeyId;
use flightdeck_domain::operator::Role;
use flightdeck_http_api::{Admission, ApiOptions, ControlRoute, ControlThrottle, Rate};
use serde_json::{Value, json};

use crate::server::{Reply, TestServer, options};

/// Every call that is counted by its route, with a body that is taken.
fn control(agent: &str) -> [(&'static str, String, Value); 12] {
    let (reason, budget) = (json!({}), json!({"maxTokens": 1_000_000}));
    [
        ("POST", format!("/agents/{agent}/inject"), json!({"message": "hi"})),
        ("POST", format!("/agents/{agent}/pause"), reason.clone()),
        ("POST", format!("/agents/{agent}/resume"), reason.clone()),
        ("POST", format!("/agents/{agent}/interrupt"), reason.clone()),
        ("POST", format!("/agents/{agent}/configure"), json!({"mode": "plan"})),
        ("POST", format!("/agents/{agent}/commands/99/cancel"), reason.clone()),
        ("PUT", format!("/agents/{agent}/budget"), budget.clone()),
        ("DELETE", format!("/agents/{agent}/budget"), reason.clone()),
        ("PUT", "/missions/m/budget".to_owned(), budget),
        ("DELETE", "/missions/m/budget".to_owned(), reason.clone()),
        ("PUT", "/missions/m/guard".to_owned(), json!({"watched": true})),
        ("POST", format!("/agents/{agent}/close"), reason),
    ]
}

fn call(server: &TestServer, key: &str, (method, path, body): &(&'static str, String, Value)) -> Reply {
    server.call_as(key, method, path, "application/json", body.to_string().as_bytes())
}

#[test]
fn control_and_tree_are_throttled_per_key() {
    let defaults = ApiOptions::default();
    let rates = [defaults.throttle_control, defaults.throttle_stop, defaults.throttle_tree, defaults.throttle_login];
    assert_eq!(rates.map(|rate| rate.to_string()), ["10/min", "120/min", "200/min", "20/min"]);
    let server = TestServer::with(ApiOptions {
        throttle_control: Rate::per_minute(3),
        throttle_tree: Rate::per_minute(2),
        ..options()
    });
    let agent = server.session(None);
    let inject = |key: &str| server.post_as(key, &format!("/agents/{agent}/inject"), &json!({"message": "hi"}));
    (0..3).for_each(|_| drop(inject(&server.admin).expect(200)));
    let refused = inject(&server.admin);
    let wait: u64 = refused.header("retry-after").expect("a time").parse().expect("seconds");
    assert!((1..=21).contains(&wait), "{wait}");
    assert_eq!(refused.expect(429)["type"], "urn:flightdeck:problem:throttled");
    inject(&server.key(Role::Operator)).expect(200);

    (0..2).for_each(|_| drop(server.get("/agents/tree").expect(200)));
    server.get("/agents/tree").expect(429);
    server.get("/agents").expect(200);
}

#[test]
fn each_route_is_counted_on_its_own() {
    let server = TestServer::with(ApiOptions { throttle_control: Rate::per_minute(2), ..options() });
    let agent = server.session(None);
    // Setting a budget and taking it away are one route.
    let passed: Vec<u16> =
        (0..2).flat_map(|_| control(&agent)).map(|asked| call(&server, &server.admin, &asked).status).collect();
    let throttled = passed.iter().enumerate().filter(|(_, status)| **status == 429).map(|(place, _)| place);
    assert_eq!(throttled.collect::<Vec<_>>(), [18, 19, 20, 21], "{passed:?}");
    for asked in control(&agent) {
        assert_eq!(call(&server, &server.admin, &asked).status, 429, "{asked:?}");
    }
}

#[test]
fn whatever_else_was_called_a_stop_is_not_refused() {
    let server = TestServer::with(ApiOptions { throttle_control: Rate::per_minute(1), ..options() });
    let agent = server.session(None);
    for _ in 0..2 {
        for asked in &control(&agent) {
            call(&server, &server.admin, asked);
        }
    }
    for scope in ["", "?scope=subtree", "?scope=self"] {
        let agent = server.session(None);
        let kill = server.post(&format!("/agents/{agent}/kill{scope}"), &json!({}));
        assert_eq!(kill.status, 202, "{scope}: {}", kill.body);
    }
    server.post("/agents/kill-all?wait=0s", &json!({})).expect(200);
    server.post("/killswitch/release", &json!({})).expect(200);
}

#[test]
fn stops_share_one_wide_bucket_of_their_own() {
    let server = TestServer::with(ApiOptions { throttle_stop: Rate::per_minute(3), ..options() });
    let agent = server.session(None);
    server.post(&format!("/agents/{agent}/kill?wait=0s"), &json!({})).expect(202);
    server.post("/agents/kill-all?wait=0s", &json!({})).expect(200);
    server.post("/killswitch/release", &json!({})).expect(200);
    let kill = format!("/agents/{agent}/kill");
    for path in [kill.as_str(), "/agents/kill-all", "/killswitch/release"] {
        let refused = server.post(path, &json!({}));
        assert_eq!((refused.status, refused.header("retry-after").is_some()), (429, true), "{path}");
    }
    let agent = server.session(None);
    server.post(&format!("/agents/{agent}/pause?wait=0s"), &json!({})).expect(202);
    server.post_as(&server.key(Role::Operator), "/killswitch/release", &json!({})).expect(200);
}

/// That somebody may not step in is put on record, and so must not be told without end.
#[test]
fn refusals_do_not_flood_the_record() {
    let server = TestServer::with(ApiOptions { throttle_stop: Rate::per_minute(5), ..options() });
    let (agent, key) = (server.session(None), server.key(Role::Viewer));
    let statuses = ["kill", "pause", "inject", "resume"].into_iter().cycle().take(12).map(|verb| {
        let body = if verb == "inject" { json!({"message": "hi"}) } else { json!({}) };
        server.post_as(&key, &format!("/agents/{agent}/{verb}"), &body).status
    });
    let statuses: Vec<u16> = statuses.collect();
    assert_eq!(statuses.iter().filter(|status| **status == 403).count(), 5, "{statuses:?}");
    assert!(statuses.iter().skip(5).all(|status| *status == 429), "{statuses:?}");
    let audit = server.get("/audit?limit=1000").expect(200);
    let refused = audit["entries"].as_array().expect("entries").iter().filter(|entry| entry["outcome"] == "refused");
    assert_eq!(refused.count(), 5);
}

/// Refuses everybody, and remembers whom and where.
#[derive(Default)]
struct NobodyPasses(Arc<Mutex<Vec<(ControlRoute, KeyId)>>>);

#[async_trait]
impl ControlThrottle for NobodyPasses {
    async fn admit(&self, route: ControlRoute, key: &KeyId) -> Admission {
        self.0.lock().expect("not poisoned").push((route, key.clone()));
        Admission::Refused { retry_after: Duration::from_millis(6_400) }
    }
}

#[test]
fn control_is_counted_by_whoever_is_wired_in_and_a_stop_never_asks_them() {
    let asked = Arc::<Mutex<Vec<(ControlRoute, KeyId)>>>::default();
    let throttle = NobodyPasses(Arc::clone(&asked));
    let server = TestServer::wired(options(), |api| api.with_control_throttle(throttle));
    let agent = server.session(None);
    let key = server.key(Role::Operator);
    for request in control(&agent) {
        let refused = call(&server, &key, &request);
        assert_eq!(refused.header("retry-after"), Some("7"), "{request:?}");
        assert_eq!(refused.expect(429)["type"], "urn:flightdeck:problem:throttled");
    }
    // What only an admin may.
    for path in ["/providers/robot/test", "/sinks/ops/test"] {
        call(&server, &server.admin, &("POST", path.to_owned(), json!({}))).expect(429);
    }
    let id = PlainKey::parse(&key).expect("a key").id;
    let (routes, keys): (BTreeSet<_>, Vec<_>) = asked.lock().expect("not poisoned").iter().cloned().unzip();
    assert_eq!(routes, ControlRoute::ALL.into());
    assert!(keys.len() == 14 && keys.iter().take(12).all(|key| *key == id));
    assert_eq!(server.get(&format!("/agents/{agent}/status")).expect(200)["status"], "running", "nothing was done");
    server.get("/agents/tree").expect(200);
    server.post_as(&key, &format!("/agents/{agent}/kill?wait=0s"), &json!({})).expect(202);
    server.post_as(&key, "/agents/kill-all?wait=0s", &json!({})).expect(200);
    server.post_as(&key, "/killswitch/release", &json!({})).expect(200);
}

/// Lets everybody pass, and tells when it is to forget.
struct Forgetful(mpsc::Sender<()>);

#[async_trait]
impl ControlThrottle for Forgetful {
    async fn admit(&self, _: ControlRoute, _: &KeyId) -> Admission {
        Admission::Granted
    }

    fn sweep(&self) {
        // The test may be over.
        let _ = self.0.send(());
    }
}

#[test]
fn throttles_are_told_again_and_again_to_forget() {
    let (throttle, swept) = mpsc::channel();
    let _server = TestServer::wired(options(), |api| api.with_control_throttle(Forgetful(throttle)));
    for _ in 0..2 {
        swept.recv_timeout(Duration::from_secs(20)).expect("housekeeping sweeps every second");
    }
}
