//! What a hook tells, written down: messages, and the status that was seen by it.

use flightdeck_domain::ids::{Seq, SessionId};
use flightdeck_domain::message::{Message, MessageRole};
use flightdeck_domain::ports::{
    AppendError, HookError, MessageRepository, ObserveError, SessionFilter, SessionQuery, SessionRepository,
    StoreUnavailable,
};
use flightdeck_domain::session::{DesiredStatus, Session, SessionStatus};
use flightdeck_domain::text::{JsonObject, MessageContent, Reason};
use flightdeck_domain::use_cases::{IngestError, IngestMessages, MessageInput, ReportStatus};
use serde_json::{Value, json};

use crate::hook::{Event, Hook, shortened};
use crate::ids;
use crate::open::{Calls, PAGES};
use crate::said::{metadata, said, used};

/// How far back the last thing is looked for that was said.
const LOOK_BACK: usize = 8;
/// The most sessions below one that are looked at.
const MOST_BELOW: usize = 1_000;

/// Writes down what hooks tell.
pub(crate) struct Record<'a> {
    pub(crate) sessions: &'a dyn SessionRepository,
    pub(crate) messages: &'a dyn MessageRepository,
    pub(crate) ingest: &'a IngestMessages,
    pub(crate) report: &'a ReportStatus,
}

impl Record<'_> {
    /// Writes a hook down. What it says stands in the conversation before the status that follows from it, but for the
    /// beginning of work.
    pub(crate) async fn write(&self, session: &Session, hook: &Hook) -> Result<(), HookError> {
        let at_work = hook.event.is_within_a_turn() || hook.event == Event::SubagentStart;
        if at_work && !matches!(session.status, SessionStatus::Running | SessionStatus::Paused) {
            self.see(session.id, SessionStatus::Running, None).await?;
        }
        self.close(session, hook).await?;
        self.say(session, hook).await?;
        match hook.event {
            Event::StopFailure => self.see(session.id, SessionStatus::Idle, reason(hook, "error")).await,
            // It waits for a prompt, but for one that goes on behind a summary of itself.
            Event::SessionStart if hook.text("source") != Some("compact") => {
                self.see(session.id, SessionStatus::Idle, None).await
            }
            Event::SessionEnd => self.end(session, reason(hook, "reason")).await,
            _ => Ok(()),
        }
    }

    /// Notes that a session was seen in a status. One that the machine does not know from where the session stands says
    /// nothing new.
    pub(crate) async fn see(
        &self,
        id: SessionId,
        status: SessionStatus,
        reason: Option<Reason>,
    ) -> Result<(), HookError> {
        match self.report.execute(id, status, reason).await {
            Ok(_) => Ok(()),
            Err(ObserveError::Unavailable(error)) => Err(error.into()),
            Err(error @ (ObserveError::Illegal(_) | ObserveError::UnknownSession(_))) => {
                tracing::debug!(%error, "a hook tells of a status that cannot follow");
                Ok(())
            }
        }
    }

    /// The sub-agents of a session that were not heard to end.
    pub(crate) async fn live_below(&self, session: &Session) -> Result<Vec<Session>, StoreUnavailable> {
        let statuses = SessionStatus::ALL.into_iter().filter(|status| !status.is_terminal()).collect();
        let filter = SessionFilter { subtree: Some(session.id), statuses, ..SessionFilter::default() };
        let query = SessionQuery { filter, after: None, limit: MOST_BELOW, heads_only: true };
        let mut below = self.sessions.list(query).await?.sessions;
        below.retain(|below| below.id != session.id && below.provider == session.provider);
        Ok(below)
    }

    /// Whether anything can still run that was let through in a session or below it. The end of what a sub-agent began may
    /// be told to the session above it.
    pub(crate) async fn can_run(
        &self,
        session: &Session,
        below: &[Session],
        top: Option<&Session>,
    ) -> Result<bool, StoreUnavailable> {
        let mut all = vec![Calls::of(self.messages, session, PAGES).await?];
        for below in below {
            all.push(Calls::of(self.messages, below, PAGES).await?);
        }
        if let Some(top) = top {
            all.push(Calls::of(self.messages, top, PAGES).await?.only_ends());
        }
        Ok(Calls::can_run(&all))
    }

    /// Whether the turn of a session waits for a call that was let through.
    pub(crate) async fn turn_can_run(&self, session: &Session) -> Result<bool, StoreUnavailable> {
        Ok(!Calls::of(self.messages, session, PAGES).await?.open.is_empty())
    }

    /// Ends a session, and its sub-agents that were not heard to end.
    async fn end(&self, session: &Session, reason: Option<Reason>) -> Result<(), HookError> {
        for below in self.live_below(session).await? {
            self.see(below.id, SessionStatus::Completed, Reason::new("the session above it ended").ok()).await?;
        }
        let killed = session.desired_status == DesiredStatus::Killed;
        let end = if killed { SessionStatus::Killed } else { SessionStatus::Completed };
        self.see(session.id, end, reason).await
    }

    pub(crate) async fn say(&self, session: &Session, hook: &Hook) -> Result<(), HookError> {
        let Some(said) = said(hook) else { return Ok(()) };
        let fingerprint = ids::fingerprint(&Value::Object(hook.body.clone()));
        let once = match said.once {
            Some(once) => once,
            None => match self.place_of(session, &fingerprint).await? {
                Some(place) => format!("{fingerprint}/{place}"),
                None => return Ok(()),
            },
        };
        let Some(content) = content(&said.content) else { return Ok(()) };
        let mut usage = used(hook);
        if usage.is_some() && self.is_metered(hook).await {
            usage = None;
        }
        let message = MessageInput {
            id: Some(ids::message(session.id, &once)),
            metadata: metadata(hook, said.kind, &fingerprint),
            usage,
            ..MessageInput::new(said.role, content)
        };
        self.append(session.id, message).await
    }

    /// Appends messages, all or none of them.
    pub(crate) async fn append_all(&self, session: SessionId, messages: Vec<MessageInput>) -> Result<(), HookError> {
        match self.ingest.execute(session, messages).await {
            Ok(_) => Ok(()),
            Err(IngestError::Append(AppendError::Unavailable(error))) => Err(error.into()),
            // Ended meanwhile, or told before in other words: what stands there stays.
            Err(error) => {
                tracing::debug!(%error, "a hook is not written down");
                Ok(())
            }
        }
    }

    /// Puts a message of the conversation's own into it, once.
    pub(crate) async fn note(
        &self,
        session: SessionId,
        once: &str,
        (role, words): (MessageRole, &str),
        metadata: Value,
    ) -> Result<(), HookError> {
        let Some(content) = content(words) else { return Ok(()) };
        let metadata = metadata.as_object().cloned().and_then(|map| JsonObject::new(map).ok()).unwrap_or_default();
        let id = Some(ids::message(session, once));
        self.append(session, MessageInput { id, metadata, ..MessageInput::new(role, content) }).await
    }

    async fn append(&self, session: SessionId, message: MessageInput) -> Result<(), HookError> {
        self.append_all(session, vec![message]).await
    }

    /// Tells that not all of a body could be read.
    pub(crate) async fn unread(&self, session: &Session, hook: &Hook, why: &str) -> Result<(), HookError> {
        let fingerprint = ids::fingerprint(&Value::Object(hook.body.clone()));
        let words = format!("not all of a hook could be read: {why}");
        let told = json!({"type": "unread", "hook": hook.name, "hookId": fingerprint});
        self.note(session.id, &format!("unread/{fingerprint}"), (MessageRole::System, &words), told).await
    }

    /// Of a hook that nothing names: the place behind which it stands, so that the same words later are another message.
    /// `None` when it is what was said last: then it is the same call again.
    async fn place_of(&self, session: &Session, fingerprint: &str) -> Result<Option<Seq>, StoreUnavailable> {
        let newest = self.newest(session, LOOK_BACK).await?;
        // A status that followed from it stands behind it.
        let status = |message: &&Message| message.metadata.as_map().get("type").is_some_and(|kind| kind == "status");
        let last = newest.iter().rev().find(|message| !status(message));
        let told = last.and_then(|message| message.metadata.as_map().get("hookId")).and_then(Value::as_str);
        let place = newest.last().map_or(Seq::ZERO, |message| message.seq);
        Ok((told != Some(fingerprint)).then_some(place))
    }

    /// The last messages of a session, in their order.
    pub(crate) async fn newest(&self, session: &Session, count: usize) -> Result<Vec<Message>, StoreUnavailable> {
        let end = Seq::new(u64::MAX);
        Ok(self.messages.before(session.id, end, count).await?.map(|slice| slice.messages).unwrap_or_default())
    }
}

fn reason(hook: &Hook, field: &str) -> Option<Reason> {
    hook.text(field).and_then(|text| Reason::new(shortened(text, Reason::LIMIT)).ok())
}

fn content(text: &str) -> Option<MessageContent> {
    let text = shortened(text.trim(), MessageContent::LIMIT).replace('\0', "\u{fffd}");
    MessageContent::new(text).or_else(|_| MessageContent::new("(nothing)")).ok()
}
