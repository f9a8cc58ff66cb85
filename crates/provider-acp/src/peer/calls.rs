//! What was asked of an agent and is not answered, and how messages go to it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use flightdeck_agent_io::text;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

/// Ids are multiples of a prime, so that one that was damaged on its way is not taken for that of another call.
const STEP: u64 = 1_009;
/// So much of what an agent says about an error is shown, in bytes.
const ERROR: usize = 1_500;

/// Why a call has no result.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum CallError {
    /// The agent answered with an error.
    Agent(Value),
    /// The agent answered, and that could not be read.
    Unread,
    /// The agent is gone.
    Gone,
}

/// Who waits for an answer.
#[derive(Debug)]
pub(super) enum Waits {
    /// A turn, by the number of its prompt.
    Prompt(u64),
    Call(oneshot::Sender<Result<Value, CallError>>),
}

/// What became of an answer.
#[derive(Debug)]
pub(super) enum Taken {
    /// It is for this one.
    For(Waits),
    /// Nobody was asked under its id, so it is for the one who waits longest.
    Guessed(Waits),
    /// It was answered before.
    Again,
    /// Nobody waits.
    ForNobody,
}

/// The way to an agent.
#[derive(Debug)]
pub(super) struct Calls {
    lines: mpsc::UnboundedSender<String>,
    waiting: Mutex<Waiting>,
    /// The agent's own id of the session.
    session: OnceLock<String>,
    /// What the agent says of the session: its modes, models and configuration options.
    offered: Mutex<Value>,
}

#[derive(Debug, Default)]
struct Waiting {
    calls: BTreeMap<u64, Waits>,
    newest: u64,
    gone: bool,
}

impl Calls {
    pub(super) fn new(lines: mpsc::UnboundedSender<String>) -> Self {
        Self { lines, waiting: Mutex::default(), session: OnceLock::new(), offered: Mutex::default() }
    }

    pub(super) fn opened(&self, session: &str, state: Value) {
        // There is one session a process.
        let _ = self.session.set(session.to_owned());
        *self.offered.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// What the agent says of the session, as it was last told.
    pub(super) fn offered(&self) -> Value {
        self.offered.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The configuration options are these from now on.
    pub(super) fn offers_options(&self, options: Value) {
        if let Value::Object(state) = &mut *self.offered.lock().unwrap_or_else(PoisonError::into_inner) {
            state.insert("configOptions".to_owned(), options);
        }
    }

    pub(super) fn session(&self) -> &str {
        self.session.get().map(String::as_str).unwrap_or_default()
    }

    pub(super) fn note(&self, method: &str, params: &Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    pub(super) fn answer(&self, id: &Value, result: &Value) {
        self.send(&json!({"jsonrpc": "2.0", "id": id, "result": result}));
    }

    pub(super) fn refuse(&self, id: &Value, code: i64, message: &str) {
        self.send(&json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}}));
    }

    /// Asks; the answer goes to who waits.
    pub(super) fn ask(&self, method: &str, params: &Value, waits: Waits) {
        let id = {
            let mut waiting = self.lock();
            if waiting.gone {
                return;
            }
            waiting.newest += STEP;
            let id = waiting.newest;
            waiting.calls.insert(id, waits);
            id
        };
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
    }

    pub(super) async fn call(&self, method: &str, params: Value) -> Result<Value, CallError> {
        let (sender, answer) = oneshot::channel();
        self.ask(method, &params, Waits::Call(sender));
        answer.await.unwrap_or(Err(CallError::Gone))
    }

    /// Finds out whom an answer is for.
    pub(super) fn take(&self, id: Option<&Value>) -> Taken {
        let mut waiting = self.lock();
        let id = id.and_then(number);
        if let Some(waits) = id.and_then(|id| waiting.calls.remove(&id)) {
            return Taken::For(waits);
        }
        if id.is_some_and(|id| id > 0 && id <= waiting.newest && id.is_multiple_of(STEP)) {
            return Taken::Again;
        }
        waiting.calls.pop_first().map_or(Taken::ForNobody, |(_, waits)| Taken::Guessed(waits))
    }

    /// Whether a call under this id waits for its answer.
    pub(super) fn waits_for(&self, id: &Value) -> bool {
        number(id).is_some_and(|id| self.lock().calls.contains_key(&id))
    }

    /// Whether a prompt waits for its answer.
    pub(super) fn has_prompt(&self) -> bool {
        self.lock().calls.values().any(|waits| matches!(waits, Waits::Prompt(_)))
    }

    /// Prompts wait for no answer any more.
    pub(super) fn forget_prompts(&self) {
        self.lock().calls.retain(|_, waits| !matches!(waits, Waits::Prompt(_)));
    }

    /// Nobody will answer any more.
    pub(super) fn gone(&self) {
        let mut waiting = self.lock();
        waiting.gone = true;
        waiting.calls.clear();
    }

    fn send(&self, message: &Value) {
        // One that is gone does not need it any more.
        let _ = self.lines.send(message.to_string());
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // No code that holds the lock can panic half-way through a change.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An id, however it is written.
fn number(id: &Value) -> Option<u64> {
    match id {
        Value::Number(_) => id.as_u64().or_else(|| format!("{:.0}", id.as_f64()?).parse().ok()),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

impl CallError {
    /// In a sentence.
    pub(super) fn told(&self) -> String {
        match self {
            Self::Agent(error) => error_told(error),
            Self::Unread => "its answer could not be read".to_owned(),
            Self::Gone => "it is gone".to_owned(),
        }
    }
}

/// What an agent says about an error: its message, and what it says besides.
pub(super) fn error_told(error: &Value) -> String {
    let word = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let Some(message) = word(error, "message").or_else(|| error.as_str().map(str::to_owned)) else {
        return text::shown(&error.to_string(), ERROR);
    };
    let more = error.get("data").and_then(|data| match data {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        data => {
            let known = ["details", "message", "error", "reason"].into_iter().find_map(|name| word(data, name));
            Some(known.unwrap_or_else(|| data.to_string()))
        }
    });
    let more = more.filter(|more| !more.trim().is_empty() && !message.contains(more.trim()));
    let whole = match more {
        Some(more) if message.trim().is_empty() => more,
        Some(more) => format!("{}: {}", message.trim().trim_end_matches(['.', ':']), more.trim()),
        None => message,
    };
    text::shown(whole.trim(), ERROR)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompts(numbers: std::ops::Range<u64>) -> Calls {
        let calls = Calls::new(mpsc::unbounded_channel().0);
        numbers.for_each(|number| calls.ask("session/prompt", &json!({}), Waits::Prompt(number)));
        calls
    }

    fn taken(calls: &Calls, id: &Value) -> String {
        format!("{:?}", calls.take(Some(id)))
    }

    #[test]
    fn an_answer_finds_who_asked_however_its_id_is_written() {
        let calls = prompts(0..4);
        assert_eq!(taken(&calls, &json!(1_009)), "For(Prompt(0))");
        assert_eq!(taken(&calls, &json!("3027")), "For(Prompt(2))");
        assert_eq!(taken(&calls, &json!(2_018.0)), "For(Prompt(1))");
        assert_eq!(taken(&calls, &json!(1_009)), "Again");
        assert_eq!(taken(&calls, &json!(null)), "Guessed(Prompt(3))");
        assert_eq!(taken(&calls, &json!(null)), "ForNobody");
    }

    #[test]
    fn a_damaged_id_is_not_taken_for_that_of_another() {
        for number in 1..200_u64 {
            let right = (number * STEP).to_string();
            for place in 0..right.len() {
                for digit in '0'..='9' {
                    let mut damaged: Vec<char> = right.chars().collect();
                    damaged[place] = digit;
                    let damaged: u64 = damaged.into_iter().collect::<String>().parse().expect("digits");
                    assert!(damaged.to_string() == right || !damaged.is_multiple_of(STEP) || damaged == 0, "{right}");
                }
            }
        }
    }

    #[test]
    fn an_error_is_told_with_what_the_agent_says_of_it() {
        let cases = [
            (
                json!({"code": -32603, "message": "Internal error", "data": {"details": "no key"}}),
                "Internal error: no key",
            ),
            (json!({"code": 1, "message": "out of credit"}), "out of credit"),
            (json!({"code": 1, "message": "Bad: no key", "data": "no key"}), "Bad: no key"),
            (json!({"message": "Bad.", "data": {"status": 401}}), "Bad: {\"status\":401}"),
            (json!("oops"), "oops"),
            (json!({"code": 7}), "{\"code\":7}"),
        ];
        for (error, expected) in cases {
            assert_eq!(error_told(&error), expected);
        }
    }
}
