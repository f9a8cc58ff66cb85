//! Listens to an agent.

use std::sync::Arc;

use flightdeck_agent_io::lines::{Line, Lines};
use flightdeck_agent_io::text;
use flightdeck_processes::SharedLog;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::sync::mpsc;

use super::calls::{CallError, Calls, Taken, Waits, error_told};
use super::message::{self, HEAD, Looks, Said, Unread};
use super::{Answer, Heard, Wants};

/// What is read at once, in bytes.
const PIECE: usize = 64 << 10;
/// JSON-RPC: the message is no JSON.
const PARSE_ERROR: i64 = -32_700;
/// JSON-RPC: there is no such method.
const NO_METHOD: i64 = -32_601;

/// Nobody listens any more.
pub(super) struct Deserted;

pub(super) struct Reader {
    pub(super) calls: Arc<Calls>,
    pub(super) says: mpsc::Sender<Heard>,
    pub(super) log: SharedLog,
}

impl Reader {
    /// Listens until the agent closes its output, or nobody wants to know any more.
    pub(super) async fn listen(self, mut output: pipe::Receiver) {
        let mut lines = Lines::default();
        let mut piece = vec![0; PIECE];
        loop {
            // An output that cannot be read has ended.
            let count = output.read(&mut piece).await.unwrap_or(0);
            if count == 0 {
                break;
            }
            lines.push(piece.get(..count).unwrap_or_default());
            while let Some(line) = lines.next() {
                if self.take(line).await.is_err() {
                    return self.calls.gone();
                }
            }
        }
        while let Some(line) = lines.finish() {
            if self.take(line).await.is_err() {
                return self.calls.gone();
            }
        }
        self.calls.gone();
        let _ = self.says.send(Heard::Closed).await;
    }

    pub(super) async fn take(&self, line: Line) -> Result<(), Deserted> {
        let said = match line {
            Line::Whole(line) => message::read(&line),
            Line::TooLong { head, bytes } => vec![Said::Unread(Unread::of(&head, bytes))],
        };
        for said in said {
            match said {
                Said::Request { id, method, params } => self.request(id, &method, params).await?,
                Said::Note { method, params } => self.note(&method, params).await?,
                Said::Answer { id, outcome } => self.answer(&id, outcome).await?,
                Said::Log(line) => {
                    self.log.write(&line);
                    self.log.write(b"\n");
                }
                Said::Unread(unread) => self.unread(unread).await?,
            }
        }
        Ok(())
    }

    async fn say(&self, heard: Heard) -> Result<(), Deserted> {
        self.says.send(heard).await.map_err(|_unheard| Deserted)
    }

    async fn tell(&self, text: String, about: Value) -> Result<(), Deserted> {
        self.say(Heard::Told { text, about }).await
    }

    async fn request(&self, id: Value, method: &str, params: Value) -> Result<(), Deserted> {
        let answer = |wants| Answer::new(Arc::clone(&self.calls), id.clone(), wants);
        match method {
            "session/request_permission" => self.say(Heard::Asks(Box::new(params), answer(Wants::Outcome))).await,
            "elicitation/create" => self.say(Heard::Elicits(Box::new(params), answer(Wants::Action))).await,
            // Whoever asks for an answer where none is due gets one.
            "session/update" => {
                self.calls.answer(&id, &Value::Null);
                self.note(method, params).await
            }
            other => {
                self.calls.refuse(&id, NO_METHOD, "Method not found");
                let method = text::one_line(other, 100);
                let what = text::one_line(&params.to_string(), HEAD);
                let text = format!("the agent asked for something that is not offered, {method}: {what}");
                self.tell(text, json!({"type": "not_offered", "method": method})).await
            }
        }
    }

    async fn note(&self, method: &str, mut params: Value) -> Result<(), Deserted> {
        let update = params.get_mut("update").map(Value::take);
        let session = params.get("sessionId").and_then(Value::as_str).map(str::to_owned);
        match (method, update) {
            ("session/update", Some(update)) if update.is_object() => {
                self.say(Heard::Update { session, update: Box::new(update) }).await
            }
            ("session/update", update) => {
                let what = text::one_line(&update.unwrap_or(params).to_string(), HEAD);
                let text = format!("the agent told something that could not be understood: {what}");
                self.tell(text, json!({"type": "not_understood", "method": method})).await
            }
            ("session/request_permission" | "elicitation/create", _) => {
                let what = text::one_line(&params.to_string(), HEAD);
                let text = format!("the agent asked in a way that cannot be answered, for it has no id: {what}");
                self.tell(text, json!({"type": "not_understood", "method": method})).await
            }
            ("$/cancel_request", _) => match params.get_mut("requestId").map(Value::take) {
                Some(id) => self.say(Heard::TakenBack(id)).await,
                None => Ok(()),
            },
            // Extensions, of which nothing is promised.
            (other, _) if other.starts_with(['_', '$']) => Ok(()),
            ("elicitation/complete", _) => Ok(()),
            (other, _) => {
                let method = text::one_line(other, 100);
                let what = text::one_line(&params.to_string(), HEAD);
                let text = format!("the agent told something of a kind that is not known, {method}: {what}");
                self.tell(text, json!({"type": "not_understood", "method": method})).await
            }
        }
    }

    async fn answer(&self, id: &Value, outcome: Result<Value, Value>) -> Result<(), Deserted> {
        let shown = || match &outcome {
            Ok(value) | Err(value) => text::one_line(&value.to_string(), HEAD),
        };
        let waits = match self.calls.take(Some(id)) {
            Taken::For(waits) => waits,
            Taken::Guessed(waits) => {
                let text = format!(
                    "the agent answered a request that was not made ({}); it is taken for the answer to the oldest one: {}",
                    text::one_line(&id.to_string(), 100),
                    shown()
                );
                self.tell(text, json!({"type": "answer_guessed"})).await?;
                waits
            }
            Taken::Again => {
                let text = format!("the agent answered a request for the second time: {}", shown());
                return self.tell(text, json!({"type": "answered_twice"})).await;
            }
            Taken::ForNobody => {
                let text = format!("the agent answered a request that was not made: {}", shown());
                return self.tell(text, json!({"type": "answer_to_nobody"})).await;
            }
        };
        self.hand_over(waits, outcome.map_err(CallError::Agent)).await
    }

    async fn hand_over(&self, waits: Waits, outcome: Result<Value, CallError>) -> Result<(), Deserted> {
        match waits {
            Waits::Prompt(number) => {
                let stop = outcome.map_err(|error| match error {
                    CallError::Agent(error) => error_told(&error),
                    other => other.told(),
                });
                self.say(Heard::Stopped(number, stop)).await
            }
            Waits::Call(sender) => {
                // Whoever asked may have given up.
                let _ = sender.send(outcome);
                Ok(())
            }
        }
    }

    /// What cannot be read is told, and whoever waits for it does not wait for ever.
    async fn unread(&self, unread: Unread) -> Result<(), Deserted> {
        let Unread { bytes, head, known, looks } = unread;
        let text = format!("the agent wrote a line of {bytes} bytes that could not be read: {head}");
        self.tell(text, json!({"type": "unreadable", "bytes": bytes})).await?;
        let id = known.get("id");
        let has_method = known.get("method").is_some_and(Value::is_string);
        let is_awaited = !has_method && id.is_some_and(|id| self.calls.waits_for(id));
        if looks == Looks::Answer || is_awaited {
            return match self.calls.take(id) {
                Taken::For(waits) | Taken::Guessed(waits) => self.hand_over(waits, Err(CallError::Unread)).await,
                Taken::Again | Taken::ForNobody => Ok(()),
            };
        }
        match (known.get("method").and_then(Value::as_str), id) {
            (Some("session/request_permission"), Some(id)) => {
                Answer::new(Arc::clone(&self.calls), id.clone(), Wants::Outcome).cancel();
            }
            (Some(_), Some(id)) => self.calls.refuse(id, PARSE_ERROR, "the request could not be read"),
            // It may have been the answer.
            (None, _) if looks == Looks::Unclear && self.calls.has_prompt() => return self.say(Heard::Doubt).await,
            _ => {}
        }
        Ok(())
    }
}
