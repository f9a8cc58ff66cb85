//! What the transcript says of the tool calls of a turn.

use flightdeck_domain::message::{Message, MessageRole};
use serde_json::{Map, Value};

use super::row::{Seen, no, yes};

/// A tool call that has ended.
#[derive(Debug, PartialEq, Eq)]
struct Ended {
    id: String,
    failed: bool,
    output: String,
}

/// The tool calls of a turn and what was said beside them.
#[derive(Debug, Default)]
pub(super) struct Turn {
    /// The ids of the calls, in order.
    begun: Vec<String>,
    ended: Vec<Ended>,
    /// What the agent said last.
    said: Option<String>,
    /// How often it asked.
    pub(super) asked: usize,
    /// Why the turn ended.
    pub(super) stop: String,
}

impl Turn {
    pub(super) fn read(messages: &[Message], asked: usize, stop: impl Into<String>) -> Self {
        let mut turn = Self { asked, stop: stop.into(), ..Self::default() };
        for message in messages {
            let about = Map::from(message.metadata.clone());
            let word = |key: &str| about.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            match (message.role, word("type").as_str()) {
                (MessageRole::Tool, "tool_call") => turn.begun.push(word("toolCallId")),
                (MessageRole::Tool, "tool_result") => turn.ended.push(Ended {
                    id: word("toolCallId"),
                    failed: about.get("failed").and_then(Value::as_bool).unwrap_or(false),
                    output: message.content.to_string(),
                }),
                (MessageRole::Assistant, "message") => turn.said = Some(message.content.to_string()),
                _ => (),
            }
        }
        turn
    }

    /// Whether it used its tool. What was refused, by whomever, was not run, and some agents say of a call that they blocked
    /// that it is completed: so the output has to be somewhere, be it in what the agent says.
    pub(super) fn tool_use(&self, wanted: &str) -> Seen {
        let output = |call: &&Ended| !call.failed && call.output.contains(wanted);
        let told = self.said.as_ref().is_some_and(|said| said.contains(wanted));
        let ran = self.ended.iter().any(|call| output(&call) || (!call.failed && told));
        match (ran, self.ended.first(), self.asked) {
            (true, _, 0) => yes("it ran its tool without asking"),
            (true, _, 1) => yes("asked once, and went on when it was allowed"),
            (true, _, asked) => yes(format!("asked {asked} times, and went on when it was allowed")),
            (false, Some(call), _) => Err(format!("its tool did not run: {}", call.output)),
            (false, None, _) if !self.begun.is_empty() => Err("it began a tool call that has no end".to_owned()),
            (false, None, _) => Err(format!("it used no tool ({}){}", self.stop, self.words())),
        }
    }

    /// Whether the output of a command is there, and not only in what the agent says of it.
    pub(super) fn output(&self, wanted: &str) -> Seen {
        match self.ended.iter().find(|call| call.output.contains(wanted)) {
            Some(call) => yes(call.output.clone()),
            None if self.ended.is_empty() => Err(format!("it used no tool ({}){}", self.stop, self.words())),
            None => {
                let told: Vec<&str> = self.ended.iter().map(|call| call.output.as_str()).collect();
                Err(format!("{wanted:?} is not in it, but: {}", told.join("; ")))
            }
        }
    }

    /// Whether each call that was rejected has an end that says so.
    pub(super) fn rejection(&self) -> Seen {
        if self.asked == 0 {
            return no(format!("it asked nobody ({}){}", self.stop, self.words()));
        }
        if self.begun.is_empty() {
            return Err("the call that it asked for is not in the transcript".to_owned());
        }
        let end = |id: &String| self.ended.iter().find(|call| call.id == *id);
        match self.begun.iter().map(end).collect::<Option<Vec<_>>>() {
            None => Err("the call that was rejected has no end".to_owned()),
            Some(ended) => match ended.iter().find(|call| !call.failed) {
                Some(ran) => Err(format!("the call that was rejected has succeeded: {}", ran.output)),
                None => yes(ended.last().map(|call| call.output.clone()).unwrap_or_default()),
            },
        }
    }

    /// What it said last, as the end of a sentence.
    pub(super) fn words(&self) -> String {
        self.said.as_ref().map(|said| format!(", and said: {said}")).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use flightdeck_domain::ids::{MessageId, Seq, SessionId};
    use flightdeck_domain::text::ProviderName;
    use flightdeck_domain::time::Timestamp;
    use serde_json::json;
    use uuid::Uuid;

    use super::super::row::Outcome;
    use super::*;

    fn message(role: MessageRole, content: &str, about: Value) -> Message {
        Message {
            id: MessageId::new(Uuid::nil()),
            session_id: SessionId::new(Uuid::nil()),
            seq: Seq::ZERO,
            role,
            content: content.parse().unwrap(),
            provider: ProviderName::acp(),
            metadata: serde_json::from_value(about).unwrap(),
            created_at: Timestamp::from_micros(0).unwrap(),
        }
    }

    fn call(id: &str) -> Message {
        message(MessageRole::Tool, "bash", json!({"type": "tool_call", "toolCallId": id}))
    }

    fn end(id: &str, output: &str, failed: bool) -> Message {
        message(MessageRole::Tool, output, json!({"type": "tool_result", "toolCallId": id, "failed": failed}))
    }

    fn words(text: &str) -> Message {
        message(MessageRole::Assistant, text, json!({"type": "message"}))
    }

    #[test]
    fn a_tool_that_ran_was_asked_for_or_not() {
        let messages = [call("a"), end("a", "pong", false)];
        assert_eq!(Turn::read(&messages, 0, "end_turn").tool_use("pong"), yes("it ran its tool without asking"));
        let asked = Turn::read(&messages, 1, "end_turn").tool_use("pong");
        assert_eq!(asked, yes("asked once, and went on when it was allowed"));
        let silent = [call("a"), end("a", "completed", false), words("It said pong.")];
        assert!(matches!(Turn::read(&silent, 1, "end_turn").tool_use("pong"), Ok((Outcome::Yes, _))));
    }

    #[test]
    fn a_refusal_is_never_a_tool_that_ran() {
        let refused = Turn::read(&[call("a"), end("a", "Denied by a rule", true)], 0, "end_turn");
        assert_eq!(refused.tool_use("pong"), Err("its tool did not run: Denied by a rule".to_owned()));
        let blocked = Turn::read(&[call("a"), end("a", "Blocked", false), words("It was blocked.")], 0, "end_turn");
        assert_eq!(blocked.tool_use("pong"), Err("its tool did not run: Blocked".to_owned()));
        let declined = Turn::read(&[words("I will not do that.")], 0, "refusal");
        assert_eq!(
            declined.tool_use("pong"),
            Err("it used no tool (refusal), and said: I will not do that.".to_owned())
        );
        let unfinished = Turn::read(&[call("a")], 0, "cancelled");
        assert_eq!(unfinished.tool_use("pong"), Err("it began a tool call that has no end".to_owned()));
    }

    #[test]
    fn the_output_is_looked_for_in_the_results_only() {
        let words_alone = Turn::read(&[call("a"), end("a", "completed", false), words("It said 42.")], 0, "end_turn");
        assert_eq!(words_alone.output("42"), Err("\"42\" is not in it, but: completed".to_owned()));
        let there = Turn::read(&[call("a"), end("a", "42\n", false)], 0, "end_turn");
        assert_eq!(there.output("42"), yes("42\n"));
    }

    #[test]
    fn a_rejected_call_ends_and_does_not_succeed() {
        let closed = Turn::read(&[call("a"), end("a", "rejected", true)], 1, "end_turn");
        assert_eq!(closed.rejection(), yes("rejected"));
        let open = Turn::read(&[call("a"), end("a", "rejected", true), call("b")], 1, "end_turn");
        assert_eq!(open.rejection(), Err("the call that was rejected has no end".to_owned()));
        let hidden = Turn::read(&[words("I could not.")], 1, "end_turn");
        assert_eq!(hidden.rejection(), Err("the call that it asked for is not in the transcript".to_owned()));
        let ran = Turn::read(&[call("a"), end("a", "done", false)], 1, "end_turn");
        assert_eq!(ran.rejection(), Err("the call that was rejected has succeeded: done".to_owned()));
        let unasked = Turn::read(&[call("a"), end("a", "done", false)], 0, "end_turn");
        assert!(matches!(unasked.rejection(), Ok((Outcome::No, _))));
    }
}
