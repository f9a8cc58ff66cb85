//! The agent's side of control.

use serde_json::json;

use crate::server::TestServer;

#[test]
fn the_simplest_agent_can_obey() {
    let server = TestServer::start();
    let agent = server.session(None);
    server.post(&format!("/agents/{agent}/inject"), &json!({"message": "look again", "delivery": "steer"})).expect(200);
    server.post(&format!("/agents/{agent}/pause?wait=0s"), &json!({"reason": "lunch"})).expect(202);
    let told = server.post(&format!("/agents/{agent}/messages"), &json!({"role": "assistant", "content": "hm"}));
    assert_eq!(told.expect(201)["control"], json!({"desiredStatus": "paused", "pendingCommands": 2}));
    let beat = server.post(&format!("/agents/{agent}/heartbeat"), &json!({})).expect(200);
    assert_eq!(beat["control"]["pendingCommands"], 2);

    let path = format!("/agents/{agent}/commands");
    let commands = server.get(&path).expect(200)["commands"].clone();
    assert_eq!((&commands[0]["kind"], &commands[0]["delivery"]), (&json!("inject"), &json!("steer")));
    assert_eq!((&commands[1]["kind"], &commands[1]["reason"]), (&json!("pause"), &json!("lunch")));

    let ack = |seq: u64, state: &str| server.post(&format!("{path}/{seq}/ack"), &json!({"state": state}));
    assert_eq!(ack(1, "delivered").expect(200)["receipt"], "delivered");
    assert_eq!(
        server.get(&path).expect(200)["commands"].as_array().map(Vec::len),
        Some(2),
        "comes again until consumed"
    );
    ack(1, "consumed").expect(200);
    assert_eq!(ack(1, "consumed").expect(200)["receipt"], "consumed", "twice is harmless");
    assert_eq!(server.get(&path).expect(200)["commands"].as_array().map(Vec::len), Some(1));

    let refused = json!({"state": "refused", "reason": "in a transaction"});
    assert_eq!(server.post(&format!("{path}/2/ack"), &refused).expect(200)["receiptReason"], "in a transaction");
    let late = server.post(&format!("{path}/2/ack"), &json!({"state": "consumed"})).expect(409);
    assert_eq!(late["type"], "urn:flightdeck:problem:receipt-is-final");
    server.post(&format!("{path}/9/ack"), &json!({"state": "consumed"})).expect(404);
}
