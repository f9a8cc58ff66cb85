//! Messages: the entries of a session's conversation.

mod author;
pub(crate) mod outcome;

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use self::author::Author;
use self::outcome::AppendOutcome;
use crate::command::{Command, Receipt};
use crate::ids::{CommandSeq, MessageId, Seq, SessionId};
use crate::session::{DesiredStatus, Session, SessionStatus};
use crate::text::{JsonObject, MessageContent, ProviderName};
use crate::time::Timestamp;
use crate::usage::{Usage, Used};

/// Who wrote a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageRole {
    /// The prompt of the agent.
    User,
    /// The agent. The word `agent` of the orchestrator that Flightdeck replaces is read as this.
    #[serde(alias = "agent")]
    Assistant,
    /// A tool that the agent called.
    Tool,
    /// Flightdeck itself, and the agent's runtime; [`Author`] tells them apart.
    System,
    /// An operator; only an inject writes it.
    Operator,
}

/// A word that is not a role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a role; use one of user, assistant, tool, system, operator")]
pub struct UnknownRole(pub String);

impl MessageRole {
    /// Every role.
    pub const ALL: [Self; 5] = [Self::User, Self::Assistant, Self::Tool, Self::System, Self::Operator];

    /// The word used in the API and in stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
            Self::System => "system",
            Self::Operator => "operator",
        }
    }
}

impl fmt::Display for MessageRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for MessageRole {
    type Err = UnknownRole;

    fn from_str(word: &str) -> Result<Self, UnknownRole> {
        match word {
            "user" => Ok(Self::User),
            "assistant" | "agent" => Ok(Self::Assistant),
            "tool" => Ok(Self::Tool),
            "system" => Ok(Self::System),
            "operator" => Ok(Self::Operator),
            _ => Err(UnknownRole(word.to_owned())),
        }
    }
}

/// A message before it has its place in a conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct NewMessage {
    /// Its id: the idempotency key within the session.
    pub id: MessageId,
    /// Its role.
    pub role: MessageRole,
    /// Its text.
    pub content: MessageContent,
    /// Other data that its author wants to keep.
    pub metadata: JsonObject,
    /// Its time.
    pub created_at: Timestamp,
}

impl NewMessage {
    /// Gives it its place.
    #[must_use]
    pub fn at_seq(self, seq: Seq, session_id: SessionId, provider: ProviderName) -> Message {
        Message {
            id: self.id,
            session_id,
            seq,
            role: self.role,
            content: self.content,
            provider,
            metadata: self.metadata,
            created_at: self.created_at,
        }
    }
}

/// One entry of a conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// The session it belongs to.
    pub session_id: SessionId,
    /// Its place in the session.
    pub seq: Seq,
    /// Its role.
    pub role: MessageRole,
    /// Its text.
    pub content: MessageContent,
    /// What ran the session at that time.
    pub provider: ProviderName,
    /// Other data that its author wanted to keep.
    pub metadata: JsonObject,
    /// Its time.
    pub created_at: Timestamp,
}

impl Message {
    /// Whether appending this is a repeated call. The time does not count, because a retry may have a new one. The mark
    /// of its author does not count either: the caller cannot set it, and older messages have none.
    #[must_use]
    pub fn same_body(&self, new: &NewMessage) -> bool {
        self.role == new.role
            && self.content == new.content
            && Author::is_all_that_differs(&self.metadata, &new.metadata)
    }
}

/// The state of an operator's message: the receipt of the command that brings it to the agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageReceipt {
    /// The command.
    pub command_seq: CommandSeq,
    /// The state of the command.
    pub receipt: Receipt,
}

impl From<Command> for MessageReceipt {
    fn from(command: Command) -> Self {
        Self { command_seq: command.seq, receipt: command.receipt }
    }
}

/// The place of an appended message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The message.
    pub id: MessageId,
    /// Its place.
    pub seq: Seq,
    /// Whether this call appended it; `false` when it was there already.
    pub created: bool,
}

/// What an agent needs to know whenever it reports: enough for the simplest agent to obey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Control {
    /// What an operator asked for.
    pub desired_status: DesiredStatus,
    /// Commands that still wait for the agent: neither consumed nor refused.
    pub pending_commands: u64,
}

/// Why a batch was refused. Nothing of it was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendRefused {
    /// The session has ended.
    #[error("session {session} is {status}; its conversation is closed")]
    Ended {
        /// The session.
        session: SessionId,
        /// How it ended.
        status: SessionStatus,
    },
    /// The session has ended, and its conversation is in the archive: whether the messages are in it already is not looked
    /// up.
    #[error(
        "session {session} is {status} and archived; its conversation is closed. Whether these messages are in it, \
         GET /agents/{session}/messages says"
    )]
    Archived {
        /// The session.
        session: SessionId,
        /// How it ended.
        status: SessionStatus,
    },
    /// Another message has this id.
    #[error("message {id} is in the conversation already, at seq {seq}, with another role, content or metadata")]
    Conflict {
        /// The id.
        id: MessageId,
        /// The place of the first message with the id.
        seq: Seq,
    },
}

/// A batch that the rules allow: which messages to insert, and the place of every message of the batch.
#[derive(Clone, Debug, PartialEq)]
pub struct AppendPlan {
    /// One for each message of the batch, in its order.
    pub appended: Vec<Appended>,
    /// The messages to insert, with dense seqs from the session's next one on.
    pub insert: Vec<Message>,
    /// The session's newest seq after it.
    pub last_seq: Seq,
    /// The usage that the inserted messages report.
    pub used: Used,
}

impl AppendPlan {
    /// The result of the append, once the plan is written. `control` is what the agent has to know then, `came_back`
    /// says whether the session was lost before, and `exhausted` whether the append uses a budget up.
    #[must_use]
    pub fn outcome(self, control: Control, came_back: bool, exhausted: bool) -> AppendOutcome {
        let Self { appended, insert: inserted, last_seq, used: _ } = self;
        AppendOutcome { appended, inserted, last_seq, control, came_back, exhausted }
    }
}

impl Session {
    /// What the session's agent has to know, with this number of commands that wait for it.
    #[must_use]
    pub const fn control(&self, pending_commands: u64) -> Control {
        Control { desired_status: self.desired_status, pending_commands }
    }

    /// Assigns a place to each message of a batch.
    ///
    /// `known` has the messages of this session whose ids are in the batch.
    ///
    /// # Errors
    /// The session ended before the whole batch was in it, or another message has one of the ids.
    pub fn append(
        &self,
        batch: Vec<NewMessage>,
        known: &HashMap<MessageId, Message>,
    ) -> Result<AppendPlan, AppendRefused> {
        let mut last_seq = self.last_seq;
        let mut used = Used::default();
        let mut appended = Vec::with_capacity(batch.len());
        let mut insert: Vec<Message> = Vec::with_capacity(batch.len());
        let mut in_batch: HashMap<MessageId, usize> = HashMap::new();
        for new in batch {
            let earlier = known.get(&new.id).or_else(|| in_batch.get(&new.id).and_then(|index| insert.get(*index)));
            if let Some(earlier) = earlier {
                if !earlier.same_body(&new) {
                    return Err(AppendRefused::Conflict { id: new.id, seq: earlier.seq });
                }
                appended.push(Appended { id: new.id, seq: earlier.seq, created: false });
                continue;
            }
            if self.status.is_terminal() {
                return Err(AppendRefused::Ended { session: self.id, status: self.status });
            }
            if let Some(usage) = Usage::of(&new.metadata) {
                used.add(&usage, new.created_at, Usage::is_by_telemetry(&new.metadata));
            }
            last_seq = last_seq.next();
            in_batch.insert(new.id, insert.len());
            appended.push(Appended { id: new.id, seq: last_seq, created: true });
            insert.push(new.at_seq(last_seq, self.id, self.provider.clone()));
        }
        Ok(AppendPlan { appended, insert, last_seq, used })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{message_id, new_message, session};

    fn known(messages: &[Message]) -> HashMap<MessageId, Message> {
        messages.iter().map(|message| (message.id, message.clone())).collect()
    }

    #[test]
    fn seqs_are_dense_and_in_the_order_of_the_batch() {
        let session = Session { last_seq: Seq::new(4), ..session(1) };
        let plan = session.append(vec![new_message(1), new_message(2)], &HashMap::new()).expect("allowed");
        let places: Vec<u64> = plan.appended.iter().map(|a| a.seq.get()).collect();
        assert_eq!((places, plan.last_seq), (vec![5, 6], Seq::new(6)));
        assert_eq!(plan.insert.iter().map(|m| m.seq.get()).collect::<Vec<_>>(), [5, 6]);
    }

    #[test]
    fn a_message_that_is_there_keeps_its_first_place() {
        let session = Session { last_seq: Seq::new(4), ..session(1) };
        let first = new_message(1).at_seq(Seq::new(2), session.id, session.provider.clone());
        let plan = session.append(vec![new_message(1), new_message(2)], &known(&[first])).expect("allowed");
        assert_eq!(plan.appended[0], Appended { id: message_id(1), seq: Seq::new(2), created: false });
        assert_eq!(plan.appended[1], Appended { id: message_id(2), seq: Seq::new(5), created: true });
        assert_eq!(plan.insert.len(), 1);
    }

    #[test]
    fn the_same_message_twice_in_a_batch_is_one() {
        let plan = session(1).append(vec![new_message(1), new_message(1)], &HashMap::new()).expect("allowed");
        assert_eq!((plan.insert.len(), plan.appended[1].created), (1, false));
        assert_eq!(plan.appended[0].seq, plan.appended[1].seq);
    }

    #[test]
    fn usage_counts_with_the_message_that_is_inserted_and_not_again() {
        let session = Session { last_seq: Seq::new(1), ..session(1) };
        let said = |n| {
            let usage = serde_json::json!({"usage": {"inputTokens": 10}});
            NewMessage { metadata: JsonObject::trusted(usage), ..new_message(n) }
        };
        let first = said(1).at_seq(Seq::new(1), session.id, session.provider.clone());
        let plan = session.append(vec![said(1), said(2), said(2)], &known(&[first])).expect("allowed");
        assert_eq!((plan.used.total().reports, plan.used.total().input_tokens), (1, 10));
    }

    #[test]
    fn another_body_under_the_same_id_is_a_conflict() {
        let session = session(1);
        let first = new_message(1).at_seq(Seq::new(1), session.id, session.provider.clone());
        let other = NewMessage { content: MessageContent::new("other").expect("valid"), ..new_message(1) };
        let refused = session.append(vec![other], &known(&[first]));
        assert_eq!(refused, Err(AppendRefused::Conflict { id: message_id(1), seq: Seq::new(1) }));
    }

    #[test]
    fn a_closed_conversation_takes_retries_only() {
        let session = Session { status: SessionStatus::Completed, last_seq: Seq::new(1), ..session(1) };
        let first = new_message(1).at_seq(Seq::new(1), session.id, session.provider.clone());
        assert!(session.append(vec![new_message(1)], &known(&[first])).is_ok());
        let refused = session.append(vec![new_message(2)], &HashMap::new());
        assert_eq!(refused, Err(AppendRefused::Ended { session: session.id, status: SessionStatus::Completed }));
    }
}
