//! Ids that follow from Claude Code's own, so that the same hook means the same session and message wherever it arrives.

use std::collections::BTreeMap;

use flightdeck_domain::ids::{ApprovalId, MessageId, SessionId};
use serde_json::Value;
use uuid::Uuid;

/// UUID 5 of `urn:flightdeck:claude-code` in the namespace of URLs.
fn namespace() -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, b"urn:flightdeck:claude-code")
}

/// A session of Claude Code's. One that had ended and was resumed is a session of its own: the second, the third …
pub(crate) fn session(claude: &str, turn: u32) -> SessionId {
    SessionId::new(numbered(&namespace(), claude, turn))
}

/// A sub-agent of it.
pub(crate) fn sub_agent(parent: SessionId, agent: &str, turn: u32) -> SessionId {
    SessionId::new(numbered(parent.as_uuid(), &format!("agent/{agent}"), turn))
}

fn numbered(space: &Uuid, name: &str, turn: u32) -> Uuid {
    match turn {
        1 => Uuid::new_v5(space, name.as_bytes()),
        turn => Uuid::new_v5(space, format!("{name}#{turn}").as_bytes()),
    }
}

/// A message of a session, by something that happens once in it.
pub(crate) fn message(session: SessionId, once: &str) -> MessageId {
    MessageId::new(Uuid::new_v5(session.as_uuid(), format!("message/{once}").as_bytes()))
}

/// A permission request of a session, by something that happens once in it.
pub(crate) fn approval(session: SessionId, once: &str) -> ApprovalId {
    ApprovalId::new(Uuid::new_v5(session.as_uuid(), format!("approval/{once}").as_bytes()))
}

/// A name for exactly this content, in whatever order its members come.
pub(crate) fn fingerprint(content: &Value) -> String {
    Uuid::new_v5(&namespace(), ordered(content).to_string().as_bytes()).simple().to_string()
}

fn ordered(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<&String, &Value> = map.iter().collect();
            Value::Object(sorted.into_iter().map(|(name, value)| (name.clone(), ordered(value))).collect())
        }
        Value::Array(values) => Value::Array(values.iter().map(ordered).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_members_makes_no_difference() {
        let read = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
        let one = fingerprint(&read(r#"{"a":[{"b":1,"c":2}],"d":null}"#));
        assert_eq!(one, fingerprint(&read(r#"{"d":null,"a":[{"c":2,"b":1}]}"#)));
        assert_ne!(one, fingerprint(&read(r#"{"d":null,"a":[{"c":2,"b":2}]}"#)));
    }

    /// They stand in databases: another id would be another session.
    #[test]
    fn ids_never_change() {
        let first = session("00893aaf-19fa-41d2-8238-13269b9b3ca0", 1);
        assert_eq!(first.to_string(), "f2850e42-15ae-5a8b-8f31-2fb9581acbbf");
        assert_eq!(
            session("00893aaf-19fa-41d2-8238-13269b9b3ca0", 2).to_string(),
            "6564cf96-666c-5d22-8646-cdf8401d6727"
        );
        assert_eq!(sub_agent(first, "agent-abc123", 1).to_string(), "26ae2f79-bf97-5d09-b657-02ff1acb367f");
        assert_eq!(message(first, "call/toolu_01").to_string(), "2ecfa1c9-c080-5a33-88df-758ca7827430");
    }
}
