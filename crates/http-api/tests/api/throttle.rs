//! The seed system's throttles.

use flightdeck_domain::operator::Role;
use flightdeck_http_api::{ApiOptions, Rate};
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
