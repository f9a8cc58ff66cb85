//! While the audit log cannot be written, agents can still be stopped, and the log says so later.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use flightdeck_domain::audit::{Fate, SpooledAction};
use flightdeck_domain::ports::{AuditSpool, StoreUnavailable, Waiting};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::server::TestServer;

/// A spool that lives as long as the server.
#[derive(Default)]
pub(crate) struct MemorySpool(Mutex<Vec<Waiting>>);

impl MemorySpool {
    fn with<T>(&self, work: impl FnOnce(&mut Vec<Waiting>) -> T) -> T {
        work(&mut self.0.lock().expect("not poisoned"))
    }
}

#[async_trait]
impl AuditSpool for MemorySpool {
    async fn keep(&self, action: SpooledAction) -> Result<(), StoreUnavailable> {
        self.with(|waiting| waiting.push(Waiting { action, fate: None }));
        Ok(())
    }

    async fn settle(&self, id: Uuid, fate: Fate) -> Result<(), StoreUnavailable> {
        let settled = |one: &mut Waiting| one.fate = Some(fate);
        self.with(|waiting| waiting.iter_mut().find(|one| one.action.id == id).map(settled));
        Ok(())
    }

    async fn waiting(&self) -> Result<Vec<Waiting>, StoreUnavailable> {
        Ok(self.with(|waiting| waiting.clone()))
    }

    async fn remove(&self, id: Uuid) -> Result<(), StoreUnavailable> {
        self.with(|waiting| waiting.retain(|one| one.action.id != id));
        Ok(())
    }
}

fn entries(server: &TestServer, action: &str) -> Vec<Value> {
    let page = server.get(&format!("/audit?action={action}")).expect(200);
    page["entries"].as_array().expect("entries").clone()
}

#[test]
fn stops_go_on_without_the_log_and_are_folded_in_later() {
    let server = TestServer::start();
    let (one, other, third) = (server.session(None), server.session(None), server.session(None));
    server.store.set_audit_broken(true);
    let act = |agent: &str, what: &str, body: Value| server.post(&format!("/agents/{agent}/{what}"), &body);
    for (what, body) in
        [("inject", json!({"message": "hello"})), ("resume?wait=0s", json!({})), ("interrupt?wait=0s", json!({}))]
    {
        assert_eq!(act(&one, what, body).status, 503, "{what} must not be done unrecorded");
    }
    let killed = act(&one, "kill?wait=0s", json!({"reason": "it deletes files"})).expect(202);
    assert_eq!((&killed["desiredStatus"], &killed["auditSpooled"]), (&json!("killed"), &json!(true)));
    let paused = act(&other, "pause?wait=0s", json!({})).expect(202);
    assert_eq!((&paused["desiredStatus"], &paused["auditSpooled"]), (&json!("paused"), &json!(true)));
    let below = act(&third, "kill?scope=subtree&wait=0s", json!({})).expect(202);
    assert_eq!((&below["total"], &below["auditSpooled"]), (&json!(1), &json!(true)));
    let all = server.post("/agents/kill-all?wait=0s", &json!({})).expect(200);
    assert_eq!((&all["total"], &all["auditSpooled"]), (&json!(3), &json!(true)));
    // The agent has its command although nothing is on the log.
    let commands = server.get(&format!("/agents/{one}/commands")).expect(200);
    assert_eq!(commands["commands"][0]["kind"], "kill");
    server.store.set_audit_broken(false);
    while entries(&server, "kill_all").is_empty() {
        std::thread::sleep(Duration::from_millis(50));
    }
    let kills = entries(&server, "kill");
    assert_eq!(kills.len(), 2, "{kills:?}");
    // Newest first; each says that it comes from the spool, and which operation it was.
    let (subtree, single) = (&kills[0], &kills[1]);
    assert_eq!((&subtree["details"]["scope"], &single["reason"]), (&json!("subtree"), &json!("it deletes files")));
    for (entry, reply) in [(subtree, &below), (single, &killed), (&entries(&server, "pause")[0], &paused)] {
        assert!(entry["details"]["spooled"].is_string() && entry["details"]["foldedAt"].is_string(), "{entry}");
        assert_eq!((&entry["details"]["operationId"], &entry["outcome"]), (&reply["operationId"], &json!("accepted")));
    }
    assert_eq!(server.get("/audit/verify").expect(200)["valid"], true);
}
