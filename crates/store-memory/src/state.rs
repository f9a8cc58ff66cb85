//! What the store holds, and how single rows of it are set.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use flightdeck_domain::action::Remembered;
use flightdeck_domain::api_key::ApiKey;
use flightdeck_domain::approval::Approval;
use flightdeck_domain::audit::Ledger;
use flightdeck_domain::changes::ChangeReport;
use flightdeck_domain::command::Command;
use flightdeck_domain::day::Day;
use flightdeck_domain::epoch::{Epoch, StoreMark};
use flightdeck_domain::feed::FleetEvent;
use flightdeck_domain::ids::{ApprovalId, CommandSeq, FeedPosition, KeyId, MessageId, OperationId, SessionId};
use flightdeck_domain::login::{Login, LoginId};
use flightdeck_domain::message::Message;
use flightdeck_domain::operation::{Operation, OperationTarget};
use flightdeck_domain::provider_config::{ConfigName, ProviderConfig};
use flightdeck_domain::retention::{ArchivedSession, Retention};
use flightdeck_domain::runner::{Assignment, Runner, RunnerName};
use flightdeck_domain::session::Session;
use flightdeck_domain::sink::{DeadLetter, Sink, SinkName};
use flightdeck_domain::text::IdempotencyKey;
use flightdeck_domain::time::Timestamp;
use flightdeck_domain::usage::{Account, AccountKey, UsageDay};

use crate::journal::Journal;

/// Everything, as it stands at one moment: what a transaction of the store works on.
#[derive(Debug, Default)]
pub struct State {
    pub(crate) sessions: BTreeMap<SessionId, Session>,
    /// The order of lists, oldest first.
    pub(crate) by_spawn: BTreeSet<(Timestamp, SessionId)>,
    pub(crate) talks: HashMap<SessionId, Talk>,
    pub(crate) commands: BTreeMap<(SessionId, CommandSeq), Command>,
    /// Those of the commands that are pending, so that finding them costs the same however many there were.
    pub(crate) pending: BTreeSet<(SessionId, CommandSeq)>,
    pub(crate) operations: BTreeMap<OperationId, Operation>,
    pub(crate) targets: BTreeMap<(OperationId, SessionId), OperationTarget>,
    /// The operations that are open at a session.
    pub(crate) open_at: BTreeSet<(SessionId, OperationId)>,
    pub(crate) kill_switch_engaged: bool,
    /// Dense: the event at position `n` is element `n - 1 - feed_gone`.
    pub(crate) feed: Vec<FleetEvent>,
    /// How many events were removed.
    pub(crate) feed_gone: u64,
    pub(crate) audit: Ledger,
    pub(crate) audit_broken: bool,
    pub(crate) approvals: BTreeMap<ApprovalId, Approval>,
    /// The order of lists, oldest first.
    pub(crate) by_opening: BTreeSet<(Timestamp, ApprovalId)>,
    /// Those that nobody has decided.
    pub(crate) undecided: BTreeSet<(SessionId, ApprovalId)>,
    /// What accepted calls came to, by actor and key.
    pub(crate) calls: BTreeMap<(String, IdempotencyKey), Remembered>,
    pub(crate) keys: BTreeMap<KeyId, ApiKey>,
    pub(crate) accounts: BTreeMap<AccountKey, Account>,
    pub(crate) usage_days: BTreeMap<UsageDayKey, UsageDay>,
    pub(crate) epoch: Option<Epoch>,
    pub(crate) marks: BTreeMap<String, StoreMark>,
    pub(crate) logins: BTreeMap<LoginId, Login>,
    pub(crate) provider_configs: BTreeMap<ConfigName, ProviderConfig>,
    pub(crate) runners: BTreeMap<RunnerName, Runner>,
    pub(crate) assignments: BTreeMap<SessionId, Assignment>,
    pub(crate) sinks: BTreeMap<SinkName, Sink>,
    pub(crate) letters: BTreeMap<(SinkName, u64), DeadLetter>,
    pub(crate) retention: Retention,
    pub(crate) archived: BTreeMap<SessionId, ArchivedSession>,
    /// By session and turn; 0 is the whole session.
    pub(crate) change_reports: BTreeMap<(SessionId, u32), ChangeReport>,
    pub(crate) journal: Journal,
}

/// Of what a session used: the day and the model.
pub(crate) type UsageDayKey = (SessionId, Day, Option<String>);

/// A conversation.
#[derive(Debug, Default)]
pub(crate) struct Talk {
    /// Dense: the message at seq `n` is element `n - 1 - gone`.
    pub(crate) messages: Vec<Message>,
    /// Up to which seq messages were removed.
    pub(crate) gone: u64,
    /// Where in `messages` an id stands, counted as if none were removed.
    pub(crate) places: HashMap<MessageId, usize>,
}

/// The element from which on a dense list lies after a place.
pub(crate) fn index(place: u64) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}

/// How many, as the ports count.
pub(crate) fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// Sets or removes a value, and gives the one before.
pub(crate) fn put<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: Option<V>) -> Option<V> {
    match value {
        Some(value) => map.insert(key, value),
        None => map.remove(&key),
    }
}

/// Has a key in an index, or not.
fn list<K: Ord>(index: &mut BTreeSet<K>, key: K, there: bool) {
    if there {
        index.insert(key);
    } else {
        index.remove(&key);
    }
}

/// The session, its parent, and so on to the top; empty when there is no such session.
pub(crate) fn upwards(sessions: &BTreeMap<SessionId, Session>, from: SessionId) -> impl Iterator<Item = &Session> {
    std::iter::successors(sessions.get(&from), |below| sessions.get(&below.parent_id?))
}

impl State {
    pub(crate) fn set_session(&mut self, id: SessionId, session: Option<Session>) -> Option<Session> {
        let spawned = session.as_ref().map(|session| session.spawned_at);
        let before = put(&mut self.sessions, id, session);
        if let Some(at) = spawned.or_else(|| before.as_ref().map(|before| before.spawned_at)) {
            list(&mut self.by_spawn, (at, id), spawned.is_some());
        }
        before
    }

    pub(crate) fn set_command(&mut self, key: (SessionId, CommandSeq), command: Option<Command>) -> Option<Command> {
        let pending = command.as_ref().is_some_and(|command| command.receipt.is_pending());
        list(&mut self.pending, key, pending);
        put(&mut self.commands, key, command)
    }

    pub(crate) fn set_target(
        &mut self,
        key: (OperationId, SessionId),
        target: Option<OperationTarget>,
    ) -> Option<OperationTarget> {
        let open = target.as_ref().is_some_and(OperationTarget::is_open);
        list(&mut self.open_at, (key.1, key.0), open);
        put(&mut self.targets, key, target)
    }

    pub(crate) fn set_approval(&mut self, id: ApprovalId, approval: Option<Approval>) -> Option<Approval> {
        let facts = |approval: &Approval| (approval.opened_at, approval.session_id, approval.is_open());
        let after = approval.as_ref().map(facts);
        let before = put(&mut self.approvals, id, approval);
        if let Some((opened_at, session, _)) = after.or_else(|| before.as_ref().map(facts)) {
            list(&mut self.by_opening, (opened_at, id), after.is_some());
            list(&mut self.undecided, (session, id), after.is_some_and(|(_, _, open)| open));
        }
        before
    }

    /// The session, its parent, and so on to the top; empty when there is no such session.
    pub(crate) fn upwards(&self, from: SessionId) -> impl Iterator<Item = &Session> {
        upwards(&self.sessions, from)
    }

    pub(crate) fn feed_end(&self) -> FeedPosition {
        FeedPosition::new(self.feed_gone + count(self.feed.len()))
    }
}
