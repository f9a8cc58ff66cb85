//! Who may call what: the whole table, route by role.

use std::fmt::Write;

use flightdeck_domain::ids::SessionId;
use flightdeck_domain::operator::Role;
use serde_json::json;

use crate::openapi::{AGENT, described};
use crate::server::TestServer;

/// The agent's key is bound to the session in the path. `missions` is an operator whose missions have everything that is in
/// the paths, and `elsewhere` one whose missions have nothing of it. `+` the role may (whatever else is wrong with the empty request), `-` it may not.
#[test]
fn the_table_of_routes_and_roles() {
    let server = TestServer::start();
    let own: Option<SessionId> = AGENT.parse().ok();
    let new = json!({"sessionId": AGENT, "taskId": "FD-1", "agentType": "worker", "missionId": AGENT});
    server.post("/agents", &new).expect(201);
    server.post(&format!("/agents/{AGENT}/approvals"), &json!({"id": AGENT, "title": "x"})).expect(201);
    let keys = Role::ALL.iter().map(|role| server.key_bound_to(*role, own));
    let bound = [&[AGENT, "another"][..], &["elsewhere"]].map(|missions| server.key_for(Role::Operator, missions));
    let keys: Vec<String> = keys.chain(bound).map(|key| key.reveal()).collect();
    let mut table = format!("{:<8}{:<47}{:<10}", "", "", "no key");
    for role in Role::ALL {
        let _ = write!(table, "{:<10}", role.as_str());
    }
    let _ = write!(table, "{:<10}elsewhere", "missions");
    for (method, filled, path) in described(&server) {
        let _ = write!(table, "\n{method:<8}{path:<47}");
        for key in std::iter::once("").chain(keys.iter().map(String::as_str)) {
            // A stream would stay open: a cursor beyond the end is refused, but only after the permission was looked at.
            let stream = path.ends_with("/events") || path.ends_with("/stream");
            let query = match path.rsplit('/').next() {
                _ if stream => "?after=999999",
                Some("search") => "?q=x",
                _ => "",
            };
            let target = format!("{filled}{query}");
            let mark =
                match server.call_as(key, &method, &target, "application/json", valid_body(&method, &path)).status {
                    401 => "401",
                    403 => "-",
                    _ => "+",
                };
            let _ = write!(table, "{mark:<10}");
        }
    }
    let lines: Vec<&str> = table.lines().map(str::trim_end).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

/// Enough of a body to get past the reading of it.
fn valid_body(method: &str, path: &str) -> &'static [u8] {
    match path {
        _ if method == "DELETE" => b"{}",
        "/agents" => br#"{"sessionId":"0198c1f0-7d3e-7c2a-9a51-3f6f0c0e8b11","taskId":"FD-1","agentType":"worker"}"#,
        "/agents/spawn" => {
            br#"{"taskId":"FD-1","agentType":"worker","missionId":"0198c1f0-7d3e-7c2a-9a51-3f6f0c0e8b11"}"#
        }
        "/agents/{agentId}/status" => br#"{"status":"running"}"#,
        "/agents/{agentId}/messages" => br#"{"role":"user","content":"x"}"#,
        "/agents/{agentId}/configure" => br#"{"mode":"x"}"#,
        "/agents/{agentId}/inject" => br#"{"message":"x"}"#,
        "/agents/{agentId}/approvals" => br#"{"title":"x"}"#,
        "/approvals/{approvalId}/decide" => br#"{"option":"allow_once"}"#,
        "/agents/{agentId}/budget" | "/missions/{missionId}/budget" => br#"{"maxTokens":1000}"#,
        "/agents/{agentId}/commands/{seq}/ack" => br#"{"state":"consumed"}"#,
        _ => b"{}",
    }
}
