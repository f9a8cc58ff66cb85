//! All that can be read of a store, to see that something changed nothing.

use std::collections::BTreeMap;

use flightdeck_domain::api_key::ApiKey;
use flightdeck_domain::approval::Approval;
use flightdeck_domain::audit::{AuditHead, Checkpoint, SealedAuditEntry};
use flightdeck_domain::changes::ChangeReport;
use flightdeck_domain::command::Command;
use flightdeck_domain::feed::FleetEvent;
use flightdeck_domain::ids::{AuditSeq, CommandSeq, FeedPosition, Seq, SessionId};
use flightdeck_domain::message::Message;
use flightdeck_domain::operation::{Operation, OperationTarget};
use flightdeck_domain::ports::{
    ApiKeyRepository, ApprovalFilter, AuditLog, FleetFeed, LetterQuery, MessageRepository, MissionSummary,
    SessionFilter, SessionUsage,
};
use flightdeck_domain::provider_config::ProviderConfig;
use flightdeck_domain::retention::{ArchivedSession, Retention};
use flightdeck_domain::runner::{Assignment, AssignmentFilter, Runner};
use flightdeck_domain::session::Session;
use flightdeck_domain::sink::{DeadLetter, Sink};
use flightdeck_domain::usage::UsageLine;

use crate::Store;
use crate::approval::approvals;
use crate::change_reports::reports;
use crate::steps::{audit, feed, operations, sessions, targets};
use crate::usage::{missions, usage_of};
use crate::usage_days::usage_days;

/// All that can be read of a store.
#[derive(Debug, PartialEq)]
pub(crate) struct State {
    sessions: Vec<Session>,
    conversations: BTreeMap<SessionId, Vec<Message>>,
    commands: BTreeMap<SessionId, Vec<Command>>,
    approvals: Vec<Approval>,
    operations: Vec<(Operation, Vec<OperationTarget>)>,
    feed: Vec<FleetEvent>,
    feed_head: FeedPosition,
    audit: Vec<SealedAuditEntry>,
    audit_head: AuditHead,
    checkpoints: Vec<Checkpoint>,
    keys: Vec<ApiKey>,
    provider_configs: Vec<ProviderConfig>,
    runners: Vec<Runner>,
    assignments: Vec<Assignment>,
    sinks: Vec<(Sink, Vec<DeadLetter>)>,
    retention: Retention,
    archived: Vec<ArchivedSession>,
    change_reports: Vec<Vec<ChangeReport>>,
    all_commands: Vec<Command>,
    usage: Vec<SessionUsage>,
    usage_days: Vec<UsageLine>,
    missions: Vec<MissionSummary>,
}

impl State {
    pub(crate) async fn of(store: &dyn Store) -> Self {
        let sessions = sessions(store, SessionFilter::default()).await;
        let (mut conversations, mut commands) = (BTreeMap::new(), BTreeMap::new());
        for session in &sessions {
            let slice = MessageRepository::after(store, session.id, Seq::ZERO, 10_000).await.expect("read");
            conversations.insert(session.id, slice.expect("the session is there").messages);
            let pending = store.pending(session.id, CommandSeq::ZERO, 10_000).await.expect("read");
            commands.insert(session.id, pending.expect("the session is there"));
        }
        let (mut archived, mut all_commands) = (Vec::new(), Vec::new());
        for session in &sessions {
            archived.extend(store.archived(session.id).await.expect("read"));
            all_commands.extend(store.commands_after(session.id, CommandSeq::ZERO, 10_000).await.expect("read"));
        }
        let mut change_reports = Vec::new();
        for n in 1..=9 {
            change_reports.push(reports(store, n).await);
        }
        let mut usage = Vec::new();
        for session in &sessions {
            usage.push(usage_of(store, session.id).await);
        }
        let mut operations_with_targets = Vec::new();
        for operation in operations(store).await {
            let targets = targets(store, operation.id).await;
            operations_with_targets.push((operation, targets));
        }
        let mut sinks_with_letters = Vec::new();
        for sink in store.sinks().await.expect("read") {
            let query = LetterQuery { sink: sink.name.clone(), again: false, after: None, limit: 10_000 };
            let letters = store.dead_letters(query).await.expect("read");
            sinks_with_letters.push((sink, letters));
        }
        Self {
            sessions,
            conversations,
            commands,
            approvals: approvals(store, ApprovalFilter::default()).await,
            operations: operations_with_targets,
            feed: feed(store).await,
            feed_head: FleetFeed::head(store).await.expect("read"),
            audit: audit(store).await,
            audit_head: AuditLog::head(store).await.expect("read"),
            checkpoints: store.checkpoints(AuditSeq::ZERO, 10_000).await.expect("read"),
            keys: ApiKeyRepository::list(store).await.expect("read"),
            provider_configs: store.provider_configs().await.expect("read"),
            runners: store.runners().await.expect("read"),
            assignments: store.assignments(AssignmentFilter::default(), None, 10_000).await.expect("read"),
            sinks: sinks_with_letters,
            retention: store.retention().await.expect("read"),
            archived,
            change_reports,
            all_commands,
            usage,
            usage_days: usage_days(store).await,
            missions: missions(store).await,
        }
    }

    /// The same without the audit log, for what may leave an entry there and nothing else.
    pub(crate) fn besides_audit(self) -> Self {
        Self { audit: Vec::new(), audit_head: AuditHead::EMPTY, ..self }
    }
}
