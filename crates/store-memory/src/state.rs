//! What the store holds.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use flightdeck_domain::api_key::{ApiKey, KeyId};
use flightdeck_domain::audit::{AuditDraft, AuditHead, Checkpoint, SealedAuditEntry};
use flightdeck_domain::command::Command;
use flightdeck_domain::epoch::{Epoch, StoreMark};
use flightdeck_domain::feed::{FleetEvent, FleetEventDraft};
use flightdeck_domain::ids::{AuditSeq, CommandSeq, FeedPosition, MessageId, OperationId, SessionId};
use flightdeck_domain::login::{Login, LoginId};
use flightdeck_domain::message::{Control, Message};
use flightdeck_domain::operation::{Operation, OperationTarget};
use flightdeck_domain::ports::StoreUnavailable;
use flightdeck_domain::session::Session;
use flightdeck_domain::time::Timestamp;
use flightdeck_domain::usage::{Account, AccountKey};

use crate::approval::Approvals;
use crate::idempotency::IdempotencyKeys;

/// Everything, as it stands at one moment.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) sessions: BTreeMap<SessionId, Entry>,
    /// The order of lists, oldest first.
    pub(crate) by_spawn: BTreeSet<(Timestamp, SessionId)>,
    pub(crate) operations: BTreeMap<OperationId, Operation>,
    pub(crate) targets: BTreeMap<OperationId, BTreeMap<SessionId, OperationTarget>>,
    /// The operations that are open at a session.
    pub(crate) open_at: BTreeMap<SessionId, BTreeSet<OperationId>>,
    pub(crate) kill_switch_engaged: bool,
    /// Dense: the event at position `n` is element `n - 1`.
    pub(crate) feed: Vec<FleetEvent>,
    /// Dense: the entry at seq `n` is element `n - 1`.
    pub(crate) audit: Vec<SealedAuditEntry>,
    pub(crate) audit_broken: bool,
    pub(crate) approvals: Approvals,
    pub(crate) idempotency_keys: IdempotencyKeys,
    pub(crate) checkpoints: BTreeMap<AuditSeq, Checkpoint>,
    pub(crate) keys: BTreeMap<KeyId, ApiKey>,
    pub(crate) accounts: BTreeMap<AccountKey, Account>,
    pub(crate) epoch: Option<Epoch>,
    pub(crate) marks: BTreeMap<String, StoreMark>,
    pub(crate) logins: BTreeMap<LoginId, Login>,
}

/// A session with all that belongs to it.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) session: Session,
    /// Dense: the message at seq `n` is element `n - 1`.
    pub(crate) messages: Vec<Message>,
    /// Where in `messages` an id stands.
    pub(crate) places: HashMap<MessageId, usize>,
    /// The pending ones apart, so that finding them costs the same however many there were.
    pub(crate) pending: BTreeMap<CommandSeq, Command>,
    pub(crate) settled: BTreeMap<CommandSeq, Command>,
}

/// The element from which on a dense list lies after a place.
pub(crate) fn index(place: u64) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}

/// How many, as the ports count.
pub(crate) fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

impl Entry {
    pub(crate) fn new(session: Session) -> Self {
        Self {
            session,
            messages: Vec::new(),
            places: HashMap::new(),
            pending: BTreeMap::new(),
            settled: BTreeMap::new(),
        }
    }

    pub(crate) fn message(&self, id: MessageId) -> Option<&Message> {
        self.places.get(&id).and_then(|place| self.messages.get(*place))
    }

    pub(crate) fn push(&mut self, message: Message) {
        self.places.insert(message.id, self.messages.len());
        self.messages.push(message);
    }

    pub(crate) fn put(&mut self, command: Command) {
        self.pending.remove(&command.seq);
        let queue = if command.receipt.is_pending() { &mut self.pending } else { &mut self.settled };
        queue.insert(command.seq, command);
    }

    /// Notes a sign of life; one that comes late does not move the time back.
    pub(crate) fn seen(&mut self, at: Timestamp) {
        self.session.last_seen_at = self.session.last_seen_at.max(Some(at));
    }

    pub(crate) fn control(&self) -> Control {
        Control { desired_status: self.session.desired_status, pending_commands: count(self.pending.len()) }
    }
}

impl State {
    /// The session, its parent, and so on to the top; empty when there is no such session.
    pub(crate) fn line(&self, from: SessionId) -> impl Iterator<Item = &Session> {
        std::iter::successors(self.sessions.get(&from), |entry| {
            entry.session.parent_id.and_then(|parent| self.sessions.get(&parent))
        })
        .map(|entry| &entry.session)
    }

    pub(crate) fn feed_head(&self) -> FeedPosition {
        FeedPosition::new(count(self.feed.len()))
    }

    pub(crate) fn tell(&mut self, event: FleetEventDraft) {
        let position = self.feed_head().next();
        self.feed.push(event.at_position(position));
    }

    pub(crate) fn audit_head(&self) -> AuditHead {
        self.audit.last().map_or(AuditHead::EMPTY, SealedAuditEntry::head)
    }

    /// Seals an entry for the end of the chain. This is the last thing that can fail in a change: the caller then
    /// writes what it has, the entry among it.
    ///
    /// # Errors
    /// A test wants it so.
    pub(crate) fn seal(&self, draft: AuditDraft) -> Result<SealedAuditEntry, StoreUnavailable> {
        if self.audit_broken {
            return Err(StoreUnavailable::new("audit entries are set to fail"));
        }
        Ok(draft.seal(self.audit_head()))
    }

    /// The same for an intervention; one whose entry lies in the spool has none to write.
    pub(crate) fn seal_any(&self, draft: Option<AuditDraft>) -> Result<Option<SealedAuditEntry>, StoreUnavailable> {
        draft.map(|draft| self.seal(draft)).transpose()
    }

    /// Writes a sealed entry, where there is one to write.
    pub(crate) fn record(&mut self, sealed: Option<SealedAuditEntry>) -> Option<AuditSeq> {
        let seq = sealed.as_ref().map(|sealed| sealed.seq);
        self.audit.extend(sealed);
        seq
    }

    /// Writes the entry of a call that was refused before it was looked at.
    pub(crate) fn refuse(&mut self, draft: Option<AuditDraft>) -> Result<(), StoreUnavailable> {
        let sealed = self.seal_any(draft)?;
        self.record(sealed);
        Ok(())
    }
}
