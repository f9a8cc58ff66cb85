//! Which tool calls that were let through can still be running.
//!
//! *Invariant: it follows from the conversation alone.* A call is open from the message of its `PreToolUse` until a message
//! closes it: its result, its refusal, or something that Claude Code says only when the turn has no call left. So every
//! replica comes to the same, also after a restart.

use std::collections::BTreeSet;

use flightdeck_domain::ids::Seq;
use flightdeck_domain::message::Message;
use flightdeck_domain::ports::{MessageRepository, StoreUnavailable};
use flightdeck_domain::session::Session;
use serde_json::{Map, Value, json};

use crate::closing::call_in;
use crate::hook::is_notice_of_a_task;
use crate::ids;

/// How many messages are read at a time.
const PAGE: usize = 50;
/// How far back calls are looked for, in pages. A turn of more messages than this is not looked at to its beginning.
pub(crate) const PAGES: usize = 40;

/// A call without a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// What names it: Claude Code's id, or what it is to do.
    pub(crate) key: String,
    /// The prompt of its turn, where it is told.
    pub(crate) turn: Option<String>,
    /// What names it, in Claude Code's words.
    pub(crate) data: Map<String, Value>,
}

/// What a conversation tells of its calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Calls {
    /// Those whose end the turn waits for, newest first.
    pub(crate) open: Vec<Call>,
    /// Tasks in the background that were started, or said to be running, newest first.
    started: Vec<String>,
    /// Tasks in the background that have ended.
    ended: BTreeSet<String>,
}

impl Calls {
    /// Whether something can still run of what these conversations let through. They are those of one Claude Code: the end
    /// of a task that a sub-agent began is told to the session above it.
    pub(crate) fn can_run(of: &[Self]) -> bool {
        let ended = |task: &String| of.iter().any(|calls| calls.ended.contains(task));
        of.iter().any(|calls| !calls.open.is_empty() || calls.started.iter().any(|task| !ended(task)))
    }

    /// What it tells of the ends of tasks, and nothing else.
    #[must_use]
    pub(crate) fn only_ends(self) -> Self {
        Self { ended: self.ended, ..Self::default() }
    }

    /// Reads the conversation back to where nothing older can be open, or so many pages.
    pub(crate) async fn of(
        messages: &dyn MessageRepository,
        session: &Session,
        pages: usize,
    ) -> Result<Self, StoreUnavailable> {
        let mut scan = Scan::default();
        let mut before = Seq::new(u64::MAX);
        for _ in 0..pages {
            let Some(slice) = messages.before(session.id, before, PAGE).await? else { break };
            for message in slice.messages.iter().rev() {
                if scan.take(message) {
                    return Ok(scan.calls);
                }
            }
            match slice.messages.first() {
                Some(first) if slice.messages.len() == PAGE => before = first.seq,
                _ => break,
            }
        }
        Ok(scan.calls)
    }
}

/// A conversation, read from its end.
#[derive(Debug, Default)]
struct Scan {
    calls: Calls,
    closed: BTreeSet<String>,
    /// The turn that goes on, once its prompt was seen.
    turn: Option<String>,
    /// A turn has ended after this: what the model waits for has its result.
    turn_ended: bool,
}

impl Scan {
    /// Takes the next older message, and says whether nothing older matters.
    fn take(&mut self, message: &Message) -> bool {
        let metadata = message.metadata.as_map();
        let data = metadata.get("data").and_then(Value::as_object);
        let text = |field: &str| data.and_then(|data| data.get(field)).and_then(Value::as_str);
        match metadata.get("type").and_then(Value::as_str).unwrap_or_default() {
            "tool_result" | "tool_error" | "tool_denied" => {
                if let Some(data) = data {
                    self.closed.insert(key(data));
                }
                if let Some(task) = metadata.get("background").and_then(Value::as_str) {
                    self.calls.started.push(task.to_owned());
                }
                self.calls.ended.extend(stopped_task(data));
            }
            "tool_call" => {
                let other_turn =
                    self.turn.as_deref().is_some_and(|turn| text("prompt_id").is_some_and(|id| id != turn));
                if let Some(data) = data.filter(|_| !self.turn_ended && !other_turn) {
                    let key = key(data);
                    if !self.closed.contains(&key) {
                        let turn = text("prompt_id").map(ToOwned::to_owned);
                        self.calls.open.push(Call { key, turn, data: call_in(data) });
                    }
                }
            }
            "prompt" if is_notice_of_a_task(message.content.as_str()) => {
                self.calls.ended.extend(between(message.content.as_str(), "<task-id>", "</task-id>"));
            }
            "prompt" => {
                if let Some(turn) = text("prompt_id").filter(|_| self.turn.is_none()) {
                    self.turn = Some(turn.to_owned());
                }
            }
            "answer" | "failure" => {
                self.turn_ended = true;
                if let Some(tasks) = data.and_then(|data| data.get("background_tasks")).and_then(Value::as_array) {
                    self.calls.started.extend(tasks.iter().filter_map(running_shell));
                    return true;
                }
            }
            // The program was started here: what an earlier one ran is not its.
            "session" => return matches!(text("source"), Some("startup" | "resume")),
            _ => {}
        }
        false
    }
}

/// What names a call: Claude Code's id of it, or where it gives none, what is to be done.
pub(crate) fn key(data: &Map<String, Value>) -> String {
    match data.get("tool_use_id").and_then(Value::as_str) {
        Some(id) => id.to_owned(),
        None => ids::fingerprint(&json!([data.get("tool_name"), data.get("tool_input")])),
    }
}

/// A task that the tool call has stopped.
fn stopped_task(data: Option<&Map<String, Value>>) -> Option<String> {
    let data = data?;
    let tool = data.get("tool_name").and_then(Value::as_str)?;
    let input = data.get("tool_input").filter(|_| matches!(tool, "TaskStop" | "KillShell" | "KillBash"))?;
    let named = ["task_id", "shell_id", "bash_id"].into_iter().find_map(|field| input.get(field));
    named.and_then(Value::as_str).map(ToOwned::to_owned)
}

/// A sub-agent is a session of its own, and its calls are looked at there.
fn running_shell(task: &Value) -> Option<String> {
    let field = |name: &str| task.get(name).and_then(Value::as_str);
    let over = matches!(field("status"), Some("completed" | "failed" | "killed" | "stopped"));
    field("id").filter(|_| field("type") != Some("subagent") && !over).map(ToOwned::to_owned)
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> Option<String> {
    let (_, rest): (&'a str, &'a str) = text.split_once(from)?;
    rest.split_once(to).map(|(inner, _)| inner.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use flightdeck_domain::ids::{MessageId, SessionId};
    use flightdeck_domain::message::MessageRole;
    use flightdeck_domain::ports::Clock;
    use flightdeck_domain::system::SystemClock;
    use flightdeck_domain::text::{JsonObject, MessageContent, ProviderName};
    use uuid::Uuid;

    use super::*;

    fn message(kind: &str, content: &str, data: &Value, background: Option<&str>) -> Message {
        let mut metadata = json!({"type": kind, "data": data});
        if let Some(task) = background {
            metadata["background"] = task.into();
        }
        Message {
            id: MessageId::new(Uuid::from_u128(1)),
            session_id: SessionId::new(Uuid::from_u128(1)),
            seq: Seq::new(1),
            role: MessageRole::System,
            content: MessageContent::new(content).expect("valid"),
            provider: ProviderName::claude_code(),
            metadata: JsonObject::new(metadata.as_object().cloned().expect("an object")).expect("valid"),
            created_at: SystemClock.now(),
        }
    }

    fn scanned(messages: &[Message]) -> Calls {
        let mut scan = Scan::default();
        for message in messages.iter().rev() {
            if scan.take(message) {
                break;
            }
        }
        scan.calls
    }

    fn call(id: &str, turn: &str) -> Message {
        message("tool_call", "Bash", &json!({"tool_name": "Bash", "tool_use_id": id, "prompt_id": turn}), None)
    }

    fn result(id: &str, background: Option<&str>) -> Message {
        message("tool_result", "ok", &json!({"tool_name": "Bash", "tool_use_id": id}), background)
    }

    fn prompt(text: &str, turn: &str) -> Message {
        message("prompt", text, &json!({"prompt_id": turn}), None)
    }

    fn stop(tasks: &Value) -> Message {
        message("answer", "done", &json!({"background_tasks": tasks}), None)
    }

    fn running(messages: &[Message]) -> bool {
        Calls::can_run(&[scanned(messages)])
    }

    #[test]
    fn a_call_is_open_until_its_own_result() {
        assert!(running(&[prompt("go", "p"), call("1", "p")]));
        assert!(running(&[call("1", "p"), call("2", "p"), result("2", None)]));
        assert!(!running(&[call("1", "p"), call("2", "p"), result("2", None), result("1", None)]));
        let denied = message("tool_denied", "no", &json!({"tool_use_id": "1"}), None);
        assert!(!running(&[call("1", "p"), denied]));
        let nameless = json!({"tool_name": "Bash", "tool_input": {"command": "ls"}});
        let before = message("tool_call", "Bash", &nameless, None);
        assert!(running(std::slice::from_ref(&before)));
        assert!(!running(&[before, message("tool_error", "failed", &nameless, None)]));
    }

    #[test]
    fn the_end_of_a_turn_and_a_new_one_close_what_the_turn_waited_for() {
        assert!(!running(&[call("1", "p"), stop(&json!([]))]));
        assert!(!running(&[call("1", "p"), message("failure", "rate limit", &json!({}), None)]));
        assert!(!running(&[call("1", "p"), prompt("next", "q")]));
        assert!(running(&[call("1", "p"), prompt("said meanwhile", "p")]), "the same turn");
        assert!(running(&[call("1", "p"), prompt("next", "q"), call("2", "q")]));
        let start = message("session", "started", &json!({"source": "resume"}), None);
        assert!(!running(&[call("1", "p"), start]), "another process");
        let compact = message("session", "started", &json!({"source": "compact"}), None);
        assert!(running(&[call("1", "p"), compact]));
    }

    #[test]
    fn a_shell_in_the_background_runs_until_its_end_is_told() {
        let begun = [call("1", "p"), result("1", Some("b1"))];
        let with = |more: &[Message]| running(&[&begun[..], more].concat());
        let shell = |status: &str| json!([{"id": "b1", "type": "shell", "status": status}]);
        assert!(with(&[]));
        assert!(with(&[stop(&shell("running"))]));
        assert!(!with(&[stop(&json!([]))]));
        assert!(!with(&[stop(&shell("completed"))]));
        let notice = "<task-notification>\n<task-id>b1</task-id>\n<status>completed</status>\n</task-notification>";
        assert!(!with(&[stop(&shell("running")), prompt(notice, "q")]));
        assert!(with(&[prompt("I saw <task-id>b1</task-id>", "q")]), "only Claude Code says so");
        let stopped = json!({"tool_name": "TaskStop", "tool_use_id": "9", "tool_input": {"task_id": "b1"}});
        assert!(!with(&[message("tool_result", "stopped", &stopped, None)]));
        let agent = json!([{"id": "a1", "type": "subagent", "status": "running"}]);
        assert!(!with(&[stop(&agent)]), "a sub-agent is a session of its own");
    }

    #[test]
    fn the_end_of_a_task_may_be_told_to_another_session() {
        let notice = prompt("<task-notification><task-id>b1</task-id></task-notification>", "q");
        let (child, top) = (scanned(&[call("1", "p"), result("1", Some("b1"))]), scanned(&[notice]));
        assert!(Calls::can_run(std::slice::from_ref(&child)));
        assert!(!Calls::can_run(&[child, top]));
    }
}
