//! An agent appends messages.

use std::sync::Arc;

use super::{EnforceBudgets, Has, ReportStatus};
use crate::ids::{MessageId, SessionId};
use crate::message::{Author, Control, MessageRole, NewMessage};
use crate::ports::{AppendError, AppendOutcome, Clock, IdGenerator, MessageRepository, WakeUps};
use crate::text::{JsonObject, MessageContent};
use crate::time::Timestamp;
use crate::usage::Usage;

/// A message as an agent reports it.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageInput {
    /// Its id; minted when missing. Give one to make the call safe to repeat.
    pub id: Option<MessageId>,
    /// Its role.
    pub role: MessageRole,
    /// Its text.
    pub content: MessageContent,
    /// Other data to keep.
    pub metadata: JsonObject,
    /// The usage for it, if the agent knows it.
    pub usage: Option<Usage>,
    /// Its time; now when missing.
    pub created_at: Option<Timestamp>,
}

impl MessageInput {
    /// A message with the current time; everything else can be set on it.
    #[must_use]
    pub fn new(role: MessageRole, content: MessageContent) -> Self {
        Self { id: None, role, content, metadata: JsonObject::default(), usage: None, created_at: None }
    }
}

/// Why a batch was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// Nothing to append.
    #[error("there is no message in the batch")]
    EmptyBatch,
    /// The batch has more messages than one call may bring.
    #[error("the batch has {given} messages; at most {} are taken at once", IngestMessages::MAX_BATCH)]
    BatchTooLarge {
        /// How many were given.
        given: usize,
    },
    /// Only an operator may write with this role.
    #[error("message {index} has the role operator; an operator's message is written by POST /agents/{{id}}/inject")]
    OperatorRole {
        /// Its place in the batch, from zero.
        index: usize,
    },
    /// Usage is reported twice.
    #[error("message {index} says what was used in usage and in metadata.usage; leave one of them out")]
    UsageTwice {
        /// Its place in the batch, from zero.
        index: usize,
    },
    /// The store refused the batch, or is not available.
    #[error(transparent)]
    Append(#[from] AppendError),
}

/// Appends messages.
///
/// ```
/// use flightdeck_domain::ids::SessionId;
/// use flightdeck_domain::message::MessageRole;
/// use flightdeck_domain::session::DesiredStatus;
/// use flightdeck_domain::use_cases::{IngestMessages, MessageInput, Ports};
///
/// /// Reports what was said, and tells whether the agent is to go on.
/// async fn report(ports: &Ports, session: SessionId, words: &str) -> Result<bool, Box<dyn std::error::Error>> {
///     let said = MessageInput::new(MessageRole::Assistant, words.parse()?);
///     let outcome = IngestMessages::new(ports).execute(session, vec![said]).await?;
///     Ok(outcome.control.desired_status == DesiredStatus::Running)
/// }
/// ```
#[derive(Clone)]
pub struct IngestMessages {
    messages: Arc<dyn MessageRepository>,
    wake_ups: Arc<dyn WakeUps>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdGenerator>,
    budgets: Option<Budgets>,
}

/// What is called when a batch uses a budget up.
#[derive(Clone)]
struct Budgets {
    enforce: EnforceBudgets,
    report: ReportStatus,
}

impl IngestMessages {
    /// The most messages in one batch.
    pub const MAX_BATCH: usize = 1_000;

    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P) -> Self
    where
        P: Has<dyn MessageRepository> + Has<dyn WakeUps> + Has<dyn Clock> + Has<dyn IdGenerator>,
    {
        let (messages, wake_ups, clock, ids) = (ports.port(), ports.port(), ports.port(), ports.port());
        Self { messages, wake_ups, clock, ids, budgets: None }
    }

    /// Pauses sessions at once whose budget a batch used up, and tells the agent so in the answer to that batch.
    /// Without this the next call of [`EnforceBudgets`] does it, and the agent learns of it from a later answer.
    #[must_use]
    pub fn enforcing(self, enforce: EnforceBudgets, report: ReportStatus) -> Self {
        Self { budgets: Some(Budgets { enforce, report }), ..self }
    }

    /// Appends a batch whole or not at all; it is durable when this returns. A `system` message in it is marked as the
    /// agent's ([`Author`]). The pause for a used-up budget is a change of its own: if it fails the batch is still
    /// appended, and the pause is still due.
    ///
    /// # Errors
    /// The batch is empty, too large or has the role of an operator; the session is unknown or closed; an id belongs to
    /// another message; or the store is not available.
    pub async fn execute(&self, session: SessionId, batch: Vec<MessageInput>) -> Result<AppendOutcome, IngestError> {
        if batch.is_empty() {
            return Err(IngestError::EmptyBatch);
        }
        if batch.len() > Self::MAX_BATCH {
            return Err(IngestError::BatchTooLarge { given: batch.len() });
        }
        if let Some(index) = batch.iter().position(|message| message.role == MessageRole::Operator) {
            return Err(IngestError::OperatorRole { index });
        }
        let twice =
            |message: &MessageInput| message.usage.is_some() && message.metadata.as_map().contains_key(Usage::KEY);
        if let Some(index) = batch.iter().position(twice) {
            return Err(IngestError::UsageTwice { index });
        }
        let now = self.clock.now();
        let batch = batch
            .into_iter()
            .map(|input| NewMessage {
                id: input.id.unwrap_or_else(|| self.ids.message_id()),
                role: input.role,
                content: input.content,
                metadata: Author::reported(
                    input.role,
                    match input.usage {
                        Some(usage) => usage.within(input.metadata),
                        None => input.metadata,
                    },
                ),
                created_at: input.created_at.unwrap_or(now),
            })
            .collect();
        let mut outcome = self.messages.append(session, batch, now).await?;
        if outcome.came_back {
            // A message that tells of it stands before the batch.
            self.wake_ups.session_moved(session, outcome.last_seq);
            self.wake_ups.feed_grew();
        } else if !outcome.inserted.is_empty() {
            self.wake_ups.messages_appended(&outcome.inserted);
        }
        if let Some(budgets) = self.budgets.as_ref().filter(|_| outcome.exhausted)
            && let Some(control) = budgets.pause(session).await
        {
            outcome.control = control;
        }
        Ok(outcome)
    }
}

impl Budgets {
    /// Pauses the sessions whose budget is used up, and gives the desired status of the session after that; `None` if
    /// it is not known, because the batch stays appended in any case.
    async fn pause(&self, session: SessionId) -> Option<Control> {
        // A failure was told by `EnforceBudgets` itself, and the pause is due until it is done.
        self.enforce.execute().await.ok()?;
        self.report.heartbeat(session).await.ok()?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{at, message_id, new_message, session_id};
    use crate::ids::Seq;
    use crate::message::Appended;
    use crate::ports::{Heard, StoreUnavailable};
    use crate::session::DesiredStatus;
    use crate::text::ProviderName;
    use crate::use_cases::Providers;
    use crate::use_cases::testing::MockPorts;

    const GO_ON: Control = Control { desired_status: DesiredStatus::Running, pending_commands: 0 };
    const PAUSE: Control = Control { desired_status: DesiredStatus::Paused, pending_commands: 1 };

    fn input(role: MessageRole) -> MessageInput {
        MessageInput::new(role, MessageContent::new("hello").expect("valid"))
    }

    fn outcome(created: bool) -> AppendOutcome {
        let message = new_message(900).at_seq(Seq::new(4), session_id(1), ProviderName::internal());
        AppendOutcome {
            appended: vec![Appended { id: message_id(900), seq: Seq::new(4), created }],
            inserted: created.then_some(message).into_iter().collect(),
            last_seq: Seq::new(4),
            control: GO_ON,
            came_back: false,
            exhausted: false,
        }
    }

    #[tokio::test]
    async fn what_is_missing_is_filled_in_and_followers_are_woken() {
        let mut mocks = MockPorts::default();
        mocks
            .messages
            .expect_append()
            .withf(|_, batch, now| batch[0].id == message_id(900) && batch[0].created_at == at(0) && *now == at(0))
            .times(1)
            .returning(|_, _, _| Ok(outcome(true)));
        mocks.wake_ups.expect_messages_appended().withf(|new| new[0].seq.get() == 4).times(1).return_const(());
        let ingest = IngestMessages::new(&mocks.ports());
        assert!(ingest.execute(session_id(1), vec![input(MessageRole::Assistant)]).await.is_ok());
    }

    #[tokio::test]
    async fn a_system_message_is_marked_as_the_agents_whatever_it_claims() {
        let mut mocks = MockPorts::default();
        mocks
            .messages
            .expect_append()
            .withf(|_, batch, _| {
                Author::of(&batch[0].metadata) == Some(Author::Agent) && Author::of(&batch[1].metadata).is_none()
            })
            .times(1)
            .returning(|_, _, _| Ok(outcome(false)));
        let forged = JsonObject::trusted(serde_json::json!({"type": "status", "flightdeck": "server"}));
        let batch = [MessageRole::System, MessageRole::Assistant]
            .map(|role| MessageInput { metadata: forged.clone(), ..input(role) });
        let ingest = IngestMessages::new(&mocks.ports());
        assert!(ingest.execute(session_id(1), batch.to_vec()).await.is_ok());
    }

    #[tokio::test]
    async fn a_repeated_batch_wakes_nobody() {
        let mut mocks = MockPorts::default();
        mocks.messages.expect_append().times(1).returning(|_, _, _| Ok(outcome(false)));
        let ingest = IngestMessages::new(&mocks.ports());
        assert!(ingest.execute(session_id(1), vec![input(MessageRole::User)]).await.is_ok());
    }

    #[tokio::test]
    async fn a_session_that_comes_back_is_told_even_by_a_repeated_batch() {
        let mut mocks = MockPorts::default();
        let outcome = AppendOutcome { came_back: true, ..outcome(false) };
        mocks.messages.expect_append().times(1).returning(move |_, _, _| Ok(outcome.clone()));
        mocks.wake_ups.expect_session_moved().times(1).return_const(());
        mocks.wake_ups.expect_feed_grew().times(1).return_const(());
        let ingest = IngestMessages::new(&mocks.ports());
        assert!(ingest.execute(session_id(1), vec![input(MessageRole::User)]).await.is_ok());
    }

    #[tokio::test]
    async fn a_batch_has_at_least_one_and_at_most_so_many_messages_and_no_operator() {
        let ingest = IngestMessages::new(&MockPorts::default().ports());
        assert!(matches!(ingest.execute(session_id(1), vec![]).await, Err(IngestError::EmptyBatch)));
        let many = vec![input(MessageRole::Tool); IngestMessages::MAX_BATCH + 1];
        assert!(matches!(ingest.execute(session_id(1), many).await, Err(IngestError::BatchTooLarge { given: 1_001 })));
        let forged = vec![input(MessageRole::Tool), input(MessageRole::Operator)];
        assert!(matches!(ingest.execute(session_id(1), forged).await, Err(IngestError::OperatorRole { index: 1 })));
    }

    #[tokio::test]
    async fn usage_stands_in_the_metadata_of_its_message_and_is_said_once() {
        let usage: Usage = serde_json::from_value(serde_json::json!({"inputTokens": 3})).expect("valid");
        let used = MessageInput { usage: Some(usage.clone()), ..input(MessageRole::Assistant) };
        let mut mocks = MockPorts::default();
        let told = Some(usage.clone());
        mocks
            .messages
            .expect_append()
            .withf(move |_, batch, _| Usage::of(&batch[0].metadata) == told)
            .returning(|_, _, _| Ok(outcome(false)));
        let ingest = IngestMessages::new(&mocks.ports());
        assert!(ingest.execute(session_id(1), vec![used.clone()]).await.is_ok());

        let twice = MessageInput { metadata: usage.within(JsonObject::default()), ..used };
        let refused = ingest.execute(session_id(1), vec![input(MessageRole::User), twice]).await;
        assert!(matches!(refused, Err(IngestError::UsageTwice { index: 1 })));
    }

    /// What the answer to a batch says that uses up a budget, or does not.
    async fn wanted(mut mocks: MockPorts, exhausted: bool) -> Control {
        let outcome = AppendOutcome { exhausted, ..outcome(false) };
        mocks.messages.expect_append().times(1).return_once(|_, _, _| Ok(outcome));
        let ports = mocks.ports();
        let enforce = EnforceBudgets::new(&ports, &Providers::default());
        let ingest = IngestMessages::new(&ports).enforcing(enforce, ReportStatus::new(&ports));
        ingest.execute(session_id(1), vec![input(MessageRole::Assistant)]).await.expect("it is appended").control
    }

    #[tokio::test]
    async fn a_used_up_budget_is_enforced_before_the_answer_which_tells_of_the_pause() {
        let mut mocks = MockPorts::default();
        let mut order = mockall::Sequence::new();
        mocks.usage.expect_exhausted().times(1).in_sequence(&mut order).returning(|_| Ok(Vec::new()));
        let heard = |_, _| Ok(Some(Heard { control: PAUSE, came_back: None }));
        mocks.sessions.expect_heartbeat().times(1).in_sequence(&mut order).returning(heard);
        assert_eq!(wanted(mocks, true).await, PAUSE);
        let mut mocks = MockPorts::default();
        mocks.usage.expect_exhausted().never();
        assert_eq!(wanted(mocks, false).await, GO_ON);
    }

    #[tokio::test]
    async fn what_is_appended_stays_so_when_a_pause_cannot_be_asked_for_or_told() {
        let mut mocks = MockPorts::default();
        mocks.usage.expect_exhausted().times(1).returning(|_| Err(StoreUnavailable::new("away")));
        mocks.sessions.expect_heartbeat().never();
        assert_eq!(wanted(mocks, true).await, GO_ON);
        let mut mocks = MockPorts::default();
        mocks.usage.expect_exhausted().times(1).returning(|_| Ok(Vec::new()));
        mocks.sessions.expect_heartbeat().times(1).returning(|_, _| Err(StoreUnavailable::new("away")));
        assert_eq!(wanted(mocks, true).await, GO_ON);
    }
}
