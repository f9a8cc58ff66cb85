//! The description and the routes are the same.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::server::TestServer;

/// The id that stands in every path.
pub(crate) const AGENT: &str = "0198c1f0-7d3e-7c2a-9a51-3f6f0c0e8b11";

/// Every route of the description: method, path with an id filled in, path as written.
pub(crate) fn described(server: &TestServer) -> Vec<(String, String, String)> {
    let document = server.get("/openapi.json").expect(200);
    let mut routes = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for method in methods.as_object().expect("methods").keys() {
            let filled = ["{agentId}", "{approvalId}", "{operationId}", "{missionId}"]
                .iter()
                .fold(path.clone(), |path, id| path.replace(id, AGENT));
            let filled = filled
                .replace("{keyId}", "0123456789ab")
                .replace("{seq}", "1")
                .replace("{token}", "1")
                .replace("{name}", "robot")
                .replace("{runner}", "one")
                .replace("{sink}", "ops");
            routes.push((method.to_uppercase(), filled, path.clone()));
        }
    }
    routes
}

#[test]
fn every_described_route_is_there_and_no_other_method_is() {
    let server = TestServer::start();
    let routes = described(&server);
    assert_eq!(routes.len(), 97, "a route more or less: describe it, and say so here");
    let paths: BTreeSet<&String> = routes.iter().map(|(_, filled, _)| filled).collect();
    for path in paths {
        let mut allowed: BTreeSet<&str> =
            routes.iter().filter(|(_, p, _)| p == path).map(|(m, ..)| m.as_str()).collect();
        if allowed.contains("GET") {
            allowed.insert("HEAD");
        }
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            if allowed.contains(method) {
                continue;
            }
            let reply = server.call(method, path, "application/json", b"{}");
            let header: BTreeSet<String> =
                reply.header("allow").unwrap_or("").split(", ").map(ToOwned::to_owned).collect();
            assert_eq!(
                (reply.status, header.iter().map(String::as_str).collect()),
                (405, allowed.clone()),
                "{method} {path}"
            );
        }
    }
}

#[test]
fn every_operation_says_what_it_does_and_what_it_answers() {
    let server = TestServer::start();
    let document = server.get("/openapi.json").expect(200);
    assert_eq!(document["openapi"], "3.1.0");
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{method} {path}");
            let public = path.starts_with("/health")
                || path == "/login"
                || path.starts_with("/login/")
                || path == "/openapi.json";
            assert_eq!(operation["security"].is_array(), !public, "{method} {path}");
            assert!(operation["responses"].as_object().is_some_and(|answers| !answers.is_empty()));
        }
    }
    let schemas: Vec<&Value> = document["components"]["schemas"].as_object().expect("schemas").values().collect();
    assert!(schemas.len() > 15);
}

#[test]
fn no_route_ignores_a_parameter_that_it_does_not_know() {
    let server = TestServer::start();
    for (method, filled, path) in described(&server) {
        let reply = server.call(&method, &format!("{filled}?limt=3"), "application/json", b"");
        assert_eq!(reply.status, 400, "{method} {path}: {}", reply.body);
        let field = reply.body["errors"][0]["field"].as_str();
        assert_eq!(field, Some("limt"), "{method} {path}: {}", reply.body);
    }
}

#[test]
fn a_list_is_one_parameter_with_commas_or_one_for_each_value() {
    let server = TestServer::start();
    let (busy, ended) = (server.session(None), server.session(None));
    server.post(&format!("/agents/{ended}/status"), &serde_json::json!({"status": "completed"})).expect(200);
    for query in ["status=running,completed", "status=running&status=completed"] {
        let page = server.get(&format!("/agents?{query}")).expect(200);
        assert_eq!(page.as_array().map(Vec::len), Some(2), "{query}");
    }
    let page = server.get("/agents?status=running").expect(200);
    assert_eq!(page[0]["agentId"], busy.as_str());
    for query in ["status=", "status=running,", "status=running&status=busy"] {
        let refused = server.get(&format!("/agents?{query}")).expect(400);
        assert_eq!(refused["errors"][0]["field"], "status", "{query}");
    }
}

#[test]
fn whatever_the_description_refers_to_is_in_it() {
    let server = TestServer::start();
    let document = server.get("/openapi.json").expect(200);
    let (mut open, mut seen) = (vec![&document], 0);
    while let Some(value) = open.pop() {
        match value {
            serde_json::Value::Object(map) => {
                if let Some(reference) = map.get("$ref").and_then(serde_json::Value::as_str) {
                    let pointer = reference.strip_prefix('#').expect("within the document");
                    assert!(document.pointer(pointer).is_some(), "{reference}");
                    seen += 1;
                }
                open.extend(map.values());
            }
            serde_json::Value::Array(list) => open.extend(list),
            _ => {}
        }
    }
    assert!(seen > 100, "{seen} references");
}
