//! The other side of the protocol: one agent over its standard input and output.
//!
//! Agents are read leniently: what they say is a [`Value`] here, and only who uses it looks into it. A message that does not
//! fit the protocol never ends the connection, and whoever waits for an answer gets one.

mod calls;
mod choosing;
mod message;
mod opening;
mod reader;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use flightdeck_domain::ids::CommandSeq;
use flightdeck_domain::session::Choice;
use flightdeck_processes::SharedLog;
use flightdeck_vitals::Vitals;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe;
use tokio::sync::mpsc;

use self::calls::{Calls, Waits};
pub(crate) use self::opening::Opening;
use self::opening::{Failed, open};
use self::reader::Reader;

/// So many things that an agent said may wait; then its output is not read on, so it has to wait.
const AHEAD: usize = 64;

/// What an agent said, in its order.
#[derive(Debug)]
pub(crate) enum Heard {
    /// It is ready for prompts.
    Ready(Box<Introduction>),
    /// It tells of a session, by its own id where it gives one.
    Update { session: Option<String>, update: Box<Value> },
    /// It asks for permission.
    Asks(Box<Value>, Answer),
    /// It asks a question.
    Elicits(Box<Value>, Answer),
    /// It takes back what it asked, by the id of the request.
    TakenBack(Value),
    /// A prompt is answered; the number is that of the prompt. The error is a sentence.
    Stopped(u64, Result<Value, String>),
    /// It works as this command chose, or does not. The error is a sentence.
    Chosen(CommandSeq, Result<(), String>),
    /// What it said last may have been the answer to a prompt, and could not be read.
    Doubt,
    /// Something about it that belongs into the conversation.
    Told { text: String, about: Value },
    /// It has closed its output, and all that it said before was heard.
    Closed,
    /// It could not be made ready. The text says why.
    Broken(String),
}

/// How an agent introduces itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Introduction {
    /// Its own id of the session.
    pub(crate) session: String,
    /// Its name and version, where it says so.
    pub(crate) agent: Option<String>,
    /// What it says that it can do.
    pub(crate) offers: Vec<String>,
    pub(crate) resumed: bool,
}

/// What an answer looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wants {
    /// To a request for permission.
    Outcome,
    /// To a question.
    Action,
}

/// The way a decision goes back. One that is dropped says that nobody decides.
#[derive(Debug)]
pub(crate) struct Answer {
    calls: Arc<Calls>,
    id: Value,
    wants: Wants,
    given: bool,
}

impl Answer {
    const fn new(calls: Arc<Calls>, id: Value, wants: Wants) -> Self {
        Self { calls, id, wants, given: false }
    }

    /// The agent's id of what it asked.
    pub(crate) const fn id(&self) -> &Value {
        &self.id
    }

    /// The option that was chosen, by the agent's id of it.
    pub(crate) fn choose(mut self, option: &Value) {
        self.give(&json!({"outcome": {"outcome": "selected", "optionId": option}}));
    }

    /// What the question is answered with.
    pub(crate) fn accept(mut self, content: &Value) {
        self.give(&json!({"action": "accept", "content": content}));
    }

    /// The question is not answered.
    pub(crate) fn decline(mut self) {
        self.give(&json!({"action": "decline"}));
    }

    /// Nobody will decide.
    pub(crate) fn cancel(mut self) {
        self.give_up();
    }

    fn give_up(&mut self) {
        let nobody = match self.wants {
            Wants::Outcome => json!({"outcome": {"outcome": "cancelled"}}),
            Wants::Action => json!({"action": "cancel"}),
        };
        self.give(&nobody);
    }

    fn give(&mut self, result: &Value) {
        if !std::mem::replace(&mut self.given, true) {
            self.calls.answer(&self.id, result);
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.give_up();
    }
}

/// What can be asked of an agent. Nothing here waits; what comes of it is heard.
pub(crate) struct Peer {
    calls: Arc<Calls>,
    says: mpsc::WeakSender<Heard>,
}

impl Peer {
    /// To be called when the agent is ready.
    pub(crate) fn prompt(&self, number: u64, text: &str) {
        let params = json!({"sessionId": self.calls.session(), "prompt": [{"type": "text", "text": text}]});
        self.calls.ask("session/prompt", &params, Waits::Prompt(number));
    }

    /// No prompt waits for its answer any more.
    pub(crate) fn forget_prompts(&self) {
        self.calls.forget_prompts();
    }

    /// To be called when the agent is ready. What comes of it is heard under the command's place, unless the agent is gone.
    pub(crate) fn choose(&self, seq: CommandSeq, choice: Choice) {
        let (calls, says) = (Arc::clone(&self.calls), self.says.clone());
        tokio::spawn(async move {
            let heard = says.clone();
            let chosen = async move {
                let outcome = match choosing::choose(&calls, &choice).await {
                    Ok(()) => Ok(()),
                    Err(Some(problem)) => Err(problem),
                    Err(None) => return,
                };
                if let Some(says) = heard.upgrade() {
                    let _ = says.send(Heard::Chosen(seq, outcome)).await;
                }
            };
            if Vitals::process().once("acp peer", chosen).await.is_err() {
                tell_broken(&says).await;
            }
        });
    }

    pub(crate) fn cancel(&self) {
        self.calls.note("session/cancel", &json!({"sessionId": self.calls.session()}));
    }
}

/// Begins to talk to an agent. What it says ends when it has closed its output, or when nobody listens any more.
pub(crate) fn connect(
    input: pipe::Sender,
    output: pipe::Receiver,
    log: SharedLog,
    opening: Opening,
) -> (Peer, mpsc::Receiver<Heard>) {
    let (lines, queue) = mpsc::unbounded_channel();
    let (says, heard) = mpsc::channel(AHEAD);
    let calls = Arc::new(Calls::new(lines));
    let reader = Reader { calls: Arc::clone(&calls), says: says.clone(), log };
    tokio::spawn(whole(write(input, queue), says.clone()));
    tokio::spawn(whole(reader.listen(output), says.clone()));
    let broken = says.downgrade();
    let peer = Peer { calls: Arc::clone(&calls), says: broken.clone() };
    let opening = async move {
        let heard = match open(&calls, opening).await {
            Ok(introduction) => Heard::Ready(Box::new(introduction)),
            Err(Failed::Because(problem)) => Heard::Broken(problem),
            Err(Failed::Gone) => return,
        };
        let _ = says.send(heard).await;
    };
    tokio::spawn(async move {
        if Vitals::process().once("acp peer", opening).await.is_err() {
            tell_broken(&broken).await;
        }
    });
    (peer, heard)
}

/// A connection of which a part is missing is none: whoever listens is told.
async fn whole(part: impl Future<Output = ()> + Send, says: mpsc::Sender<Heard>) {
    // Who listens must see the end of what is said, so this part does not keep it open.
    let says = {
        let weak = says.downgrade();
        drop(says);
        weak
    };
    if Vitals::process().once("acp peer", part).await.is_err() {
        tell_broken(&says).await;
    }
}

async fn tell_broken(says: &mpsc::WeakSender<Heard>) {
    if let Some(says) = says.upgrade() {
        let _ = says.send(Heard::Broken("the server's connection to the agent panicked".to_owned())).await;
    }
}

async fn write(mut input: pipe::Sender, mut lines: mpsc::UnboundedReceiver<String>) {
    while let Some(mut line) = lines.recv().await {
        line.push('\n');
        // An agent that reads no more is heard to have ended, or is ended by who waits for it.
        if input.write_all(line.as_bytes()).await.is_err() {
            return;
        }
    }
}
