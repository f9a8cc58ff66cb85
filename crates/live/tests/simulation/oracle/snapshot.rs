//! Everything that the store holds, at one moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use flightdeck_domain::approval::Approval;
use flightdeck_domain::command::Command;
use flightdeck_domain::ids::{CommandSeq, Seq, SessionId};
use flightdeck_domain::message::Message;
use flightdeck_domain::operation::{Operation, OperationTarget};
use flightdeck_domain::ports::{
    ApprovalFilter, ApprovalQuery, ApprovalRows, ControlRows, MissionQuery, OperationQuery, Rows, SessionFilter,
    SessionQuery, SessionRows, TalkRows, TargetQuery, Transactional, UsageRows,
};
use flightdeck_domain::session::Session;
use flightdeck_domain::text::MissionId;
use flightdeck_domain::transactions::at_once;
use flightdeck_domain::usage::{Account, AccountKey};
use flightdeck_store_memory::{MemoryStore, State};

const ALL: usize = 100_000;

pub(crate) struct Snapshot {
    pub(crate) sessions: BTreeMap<SessionId, Session>,
    pub(crate) messages: BTreeMap<SessionId, Vec<Message>>,
    /// Those from the first up to the newest of each session, and what else is pending there.
    pub(crate) commands: BTreeMap<SessionId, Vec<Command>>,
    pub(crate) pending: BTreeMap<SessionId, Vec<CommandSeq>>,
    pub(crate) approvals: Vec<Approval>,
    /// How many of each session nobody has decided.
    pub(crate) undecided: BTreeMap<SessionId, u64>,
    pub(crate) operations: Vec<(Operation, Vec<OperationTarget>)>,
    pub(crate) own: BTreeMap<SessionId, Account>,
    pub(crate) below: BTreeMap<SessionId, Account>,
    pub(crate) missions: Vec<(MissionId, Account)>,
    pub(crate) kill_switch: bool,
}

/// The sessions alone.
pub(crate) fn sessions(store: &Arc<MemoryStore>) -> Vec<Session> {
    at_once(store.read(|tx| Box::pin(list(tx)))).expect("at once").expect("readable")
}

/// Everything.
pub(crate) fn snapshot(store: &Arc<MemoryStore>) -> Snapshot {
    at_once(store.read(|tx| Box::pin(take(tx)))).expect("at once").expect("readable")
}

async fn list(tx: &mut State) -> Rows<Vec<Session>> {
    let query = SessionQuery { filter: SessionFilter::default(), after: None, limit: ALL, heads_only: false };
    Ok(tx.session_page(&query).await?.0)
}

async fn take(tx: &mut State) -> Rows<Snapshot> {
    let mut taken = Snapshot {
        sessions: list(tx).await?.into_iter().map(|session| (session.id, session)).collect(),
        messages: BTreeMap::new(),
        commands: BTreeMap::new(),
        pending: BTreeMap::new(),
        approvals: Vec::new(),
        undecided: BTreeMap::new(),
        operations: Vec::new(),
        own: BTreeMap::new(),
        below: BTreeMap::new(),
        missions: tx.mission_page(&MissionQuery { after: None, missions: None, limit: ALL }).await?.0,
        kill_switch: tx.kill_switch().await?,
    };
    for session in taken.sessions.values() {
        let id = session.id;
        let slice = tx.messages_after(id, Seq::ZERO, ALL).await?;
        taken.messages.insert(id, slice.map(|slice| slice.messages).unwrap_or_default());
        let mut commands = Vec::new();
        for seq in 1..=session.last_command_seq.get() + 1 {
            commands.extend(tx.command(id, CommandSeq::new(seq)).await?);
        }
        taken.commands.insert(id, commands);
        let pending = tx.pending_commands(id, CommandSeq::ZERO, ALL).await?;
        taken.pending.insert(id, pending.iter().map(|command| command.seq).collect());
        taken.undecided.insert(id, tx.count_open_approvals(id).await?);
        taken.own.extend(tx.account(&AccountKey::Session(id)).await?.map(|account| (id, account)));
        taken.below.extend(tx.account(&AccountKey::Subtree(id)).await?.map(|account| (id, account)));
    }
    let query = ApprovalQuery { filter: ApprovalFilter::default(), before: None, limit: ALL };
    taken.approvals = tx.approval_page(&query).await?.0;
    let page = tx.operation_page(&OperationQuery { open: None, missions: None, after: None, limit: ALL }).await?;
    for operation in page.operations {
        let query =
            TargetQuery { operation: operation.id, unseen_only: false, missions: None, after: None, limit: ALL };
        let targets = tx.target_page(&query).await?.targets;
        taken.operations.push((operation, targets));
    }
    Ok(taken)
}
