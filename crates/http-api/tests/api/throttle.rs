//! The seed system's throttles.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use flightdeck_domain::api_key::{KeyId, PlainKey};
use flightdeck_domain::operator::Role;
use flightdeck_http_api::{Admission, ApiOptions, ControlThrottle, Rate};
use serde_json::json;

use crate::server::{TestServer, options};

#[test]
fn control_and_tree_are_throttled_per_key() {
    let defaults = ApiOptions::default();
    assert_eq!(
        (defaults.throttle_control.to_string(), defaults.throttle_tree.to_string()),
        ("10/min".into(), "200/min".into())
    );
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

/// Refuses everybody, and remembers whom.
#[derive(Default)]
struct NobodyPasses(Arc<Mutex<Vec<KeyId>>>);

#[async_trait]
impl ControlThrottle for NobodyPasses {
    async fn admit(&self, key: &KeyId) -> Admission {
        self.0.lock().expect("not poisoned").push(key.clone());
        Admission::Refused { retry_after: Duration::from_millis(6_400) }
    }
}

#[test]
fn control_is_counted_by_whoever_is_wired_in() {
    let asked = Arc::<Mutex<Vec<KeyId>>>::default();
    let throttle = NobodyPasses(Arc::clone(&asked));
    let server = TestServer::wired(options(), |api| api.with_control_throttle(throttle));
    let agent = server.session(None);
    let key = server.key(Role::Operator);
    let control = [
        (format!("/agents/{agent}/inject"), json!({"message": "hi"})),
        (format!("/agents/{agent}/pause"), json!({})),
        (format!("/agents/{agent}/kill"), json!({})),
        ("/agents/kill-all".to_owned(), json!({})),
    ];
    for (path, body) in &control {
        let refused = server.post_as(&key, path, body);
        assert_eq!(refused.header("retry-after"), Some("7"), "{path}");
        assert_eq!(refused.expect(429)["type"], "urn:flightdeck:problem:throttled");
    }
    let id = PlainKey::parse(&key).expect("a key").id;
    assert_eq!(*asked.lock().expect("not poisoned"), vec![id; control.len()]);
    assert_eq!(server.get(&format!("/agents/{agent}/status")).expect(200)["status"], "running", "nothing was done");
    server.get("/agents/tree").expect(200);
}
