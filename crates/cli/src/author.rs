//! How the author of a message is shown.

use flightdeck_client::replies::Message;
use flightdeck_terminal::Tone;

/// The name of whoever said a message, and its tone.
pub(crate) fn author(message: &Message) -> (&str, Tone) {
    match (message.role.as_str(), message.note("type")) {
        ("operator", _) => ("operator", Tone::Attention),
        ("user", _) => ("user", Tone::Strong),
        ("assistant", "thought") => ("thought", Tone::Faint),
        ("assistant", _) => ("assistant", Tone::Busy),
        ("tool", _) => ("tool", Tone::Good),
        // What an agent calls a message of the system is not the server's word.
        ("system", _) if message.note("flightdeck") == "agent" => ("agent's", Tone::Faint),
        (other, _) => (other, Tone::Faint),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_agent_does_not_speak_for_the_system() {
        let said = |by: &str| -> Message {
            let message = json!({"id": "0197f2a4-0000-7000-8000-000000000001", "seq": 1, "role": "system", "content": "x",
                "metadata": {"flightdeck": by}, "createdAt": "2026-01-01T00:00:00Z"});
            serde_json::from_value(message).expect("a message")
        };
        assert_eq!(author(&said("agent")).0, "agent's");
        assert_eq!(author(&said("server")).0, "system");
    }
}
