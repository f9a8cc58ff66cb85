//! The whole database, to be moved: read from, or filled, page by page in the order of a key.

use async_trait::async_trait;
use flightdeck_domain::api_key::ApiKey;
use flightdeck_domain::approval::Approval;
use flightdeck_domain::audit::{AuditHead, SealedAuditEntry};
use flightdeck_domain::command::Command;
use flightdeck_domain::epoch::ReplicaMark;
use flightdeck_domain::feed::FleetEvent;
use flightdeck_domain::ids::{AuditSeq, FeedPosition};
use flightdeck_domain::message::Message;
use flightdeck_domain::operation::{Operation, OperationTarget};
use flightdeck_domain::ports::{
    AccessRows as _, ApprovalRows as _, ChangeReportRows as _, ControlRows, MovedReport, ProviderConfigRows as _,
    RememberedCall, RetentionRows as _, Rows, RunnerRows as _, SessionRows as _, SinkRows as _, TalkRows,
    TransferHeads, TransferPage, TransferSource, TransferTarget, UsageRows,
};
use flightdeck_domain::provider_config::ProviderConfig;
use flightdeck_domain::retention::{ArchivedSession, Retention, RetentionLease};
use flightdeck_domain::runner::{Assignment, Runner};
use flightdeck_domain::session::Session;
use flightdeck_domain::sink::{DeadLetter, Sink};

use crate::connection::{Connection, Row};
use crate::error::SqlError;
use crate::rows::BrokenRow;
use crate::rows::account::AccountRow;
use crate::rows::api_key::ApiKeyRow;
use crate::rows::approval::ApprovalRow;
use crate::rows::change_report::ChangeReportRow;
use crate::rows::command::CommandRow;
use crate::rows::epoch::MarkRow;
use crate::rows::feed::EventRow;
use crate::rows::idempotency::RememberedRow;
use crate::rows::message::MessageRow;
use crate::rows::operation::{OperationRow, TargetRow};
use crate::rows::provider_config::ProviderConfigRow;
use crate::rows::retention::{ArchivedRow, RetentionRow};
use crate::rows::runner::{AssignmentRow, RunnerRow};
use crate::rows::sink::{LetterRow, SinkRow};
use crate::rows::usage_day::UsageDayRow;
use crate::statement::{Bind, Statement};
use crate::tx::{Dialect, Done, SqlTx};
use crate::values::{Key, counted};
use crate::{audit, epoch};

/// How many records a page holds; what is longest of each kind still fits into memory so many times.
const PAGE: usize = 200;

/// What is moved in a way of each database's own.
pub trait Moving: Dialect {
    /// Runs statements that have no values and give no rows.
    fn batch(&mut self, sql: &str) -> impl Future<Output = Done<()>> + Send;

    /// How a transaction of a source begins.
    const BEGIN: &str;

    /// Inserts events at the places that they have.
    fn insert_events(&mut self, events: &[FleetEvent]) -> impl Future<Output = Done<()>> + Send;

    /// Inserts entries of the audit log as they are.
    fn insert_entries(&mut self, entries: &[SealedAuditEntry]) -> impl Future<Output = Done<()>> + Send;

    /// The newest position that the feed has given, also when the event there has been removed.
    fn last_position(&mut self) -> impl Future<Output = Done<FeedPosition>> + Send;

    /// Writes the newest position of the feed and the head of the audit log.
    fn set_ends(&mut self, feed: FeedPosition, audit: &AuditHead) -> impl Future<Output = Done<()>> + Send;
}

/// A database that is moved as a whole, on one connection and in one transaction.
#[derive(Debug)]
pub struct Transfer<D>(SqlTx<D>);

impl<D> Transfer<D> {
    /// One whose transaction has begun.
    #[must_use]
    pub const fn new(begun: D) -> Self {
        Self(SqlTx(begun))
    }
}

#[async_trait]
impl<D: Moving> TransferSource for Transfer<D> {
    async fn following(&mut self, page: &TransferPage) -> Rows<TransferPage> {
        Ok(following(self.0.connection(), page).await?)
    }

    async fn heads(&mut self) -> Rows<TransferHeads> {
        Ok(TransferHeads {
            audit: audit::head(self.0.connection()).await?,
            feed: self.0.last_position().await?,
            kill_switch: self.0.kill_switch().await?,
            epoch: epoch::get(self.0.connection()).await?,
        })
    }

    async fn look_again(&mut self) -> Rows<()> {
        Ok(self.0.batch(&format!("ROLLBACK; {}", D::BEGIN)).await?)
    }
}

#[async_trait]
impl<D: Moving> TransferTarget for Transfer<D> {
    async fn put(&mut self, page: &TransferPage) -> Rows<()> {
        put(&mut self.0, page).await
    }

    async fn put_heads(&mut self, heads: &TransferHeads) -> Rows<()> {
        self.0.set_ends(heads.feed, &heads.audit).await?;
        if let Some(epoch) = heads.epoch {
            epoch::renew(self.0.connection(), None, epoch).await?;
        }
        self.0.set_kill_switch(heads.kill_switch).await
    }

    async fn commit(mut self: Box<Self>) -> Rows<()> {
        Ok(self.0.batch("COMMIT").await?)
    }
}

async fn put<D: Moving>(tx: &mut SqlTx<D>, page: &TransferPage) -> Rows<()> {
    match page {
        TransferPage::Sessions(new) => {
            for session in new {
                tx.insert_session(session).await?;
            }
        }
        TransferPage::Messages(new) => TalkRows::insert_messages(tx, new).await?,
        TransferPage::Commands(new) => {
            for command in new {
                tx.insert_command(command).await?;
            }
        }
        TransferPage::Approvals(new) => {
            for approval in new {
                tx.insert_approval(approval).await?;
                // What tells how it was closed.
                tx.save_approval(approval).await?;
            }
        }
        TransferPage::Operations(new) => {
            for operation in new {
                tx.insert_operation(operation).await?;
            }
        }
        TransferPage::Targets(new) => ControlRows::insert_targets(tx, new).await?,
        TransferPage::Events(new) => tx.insert_events(new).await?,
        TransferPage::AuditEntries(new) => tx.insert_entries(new).await?,
        TransferPage::Checkpoints(new) => {
            for checkpoint in new {
                audit::insert_checkpoint(tx.connection(), checkpoint).await?;
            }
        }
        TransferPage::Keys(new) => {
            for key in new {
                tx.insert_key(key).await?;
            }
        }
        TransferPage::Calls(new) => {
            for call in new {
                tx.remember(&call.actor, &call.key, &call.remembered).await?;
            }
        }
        TransferPage::Accounts(new) => UsageRows::put_accounts(tx, new).await?,
        TransferPage::UsageDays(new) => UsageRows::add_days(tx, new).await?,
        TransferPage::ProviderConfigs(new) => {
            for config in new {
                tx.insert_provider_config(config).await?;
            }
        }
        TransferPage::Runners(new) => {
            for runner in new {
                tx.insert_runner(runner).await?;
            }
        }
        TransferPage::Assignments(new) => {
            for assignment in new {
                tx.insert_assignment(assignment).await?;
            }
        }
        TransferPage::Sinks(new) => {
            for sink in new {
                tx.insert_sink(sink).await?;
            }
        }
        TransferPage::DeadLetters(new) => {
            for letter in new {
                tx.insert_letter(letter).await?;
            }
        }
        TransferPage::Retention(new) => {
            for retention in new {
                tx.save_retention(retention).await?;
            }
        }
        TransferPage::Archived(new) => {
            for archived in new {
                tx.save_archived(archived).await?;
            }
        }
        TransferPage::ChangeReports(new) => {
            for MovedReport { session, turn, report } in new {
                tx.save_change_report(*session, *turn, report).await?;
            }
        }
        TransferPage::Marks(new) => {
            for mark in new {
                epoch::exchange_mark(tx.connection(), &mark.replica, &[], mark.mark).await?;
            }
        }
    }
    Ok(())
}

/// The page of a table behind the last record of another one, or from the beginning when that one is empty.
async fn following<C: Connection>(connection: &mut C, page: &TransferPage) -> Result<TransferPage, SqlError> {
    let bytes = |column| C::WORDS.in_bytes(column);
    Ok(match page {
        TransferPage::Sessions(last) => {
            TransferPage::Sessions(next::<C::Whole, _, _>(connection, "sessions", "id", end(last)).await?)
        }
        TransferPage::Messages(last) => TransferPage::Messages(
            next::<MessageRow, _, _>(connection, "messages", "session_id, seq", end(last)).await?,
        ),
        TransferPage::Commands(last) => TransferPage::Commands(
            next::<CommandRow, _, _>(connection, "commands", "session_id, seq", end(last)).await?,
        ),
        TransferPage::Approvals(last) => {
            TransferPage::Approvals(next::<ApprovalRow, _, _>(connection, "approvals", "id", end(last)).await?)
        }
        TransferPage::Operations(last) => {
            TransferPage::Operations(next::<OperationRow, _, _>(connection, "operations", "id", end(last)).await?)
        }
        TransferPage::Targets(last) => TransferPage::Targets(
            next::<TargetRow, _, _>(connection, "operation_targets", "operation_id, session_id", end(last)).await?,
        ),
        TransferPage::Events(last) => {
            TransferPage::Events(next::<EventRow, _, _>(connection, "feed_events", "position", end(last)).await?)
        }
        TransferPage::AuditEntries(last) => {
            let last = last.last().map_or(AuditSeq::ZERO, |it| it.seq);
            TransferPage::AuditEntries(audit::walk(connection, last, PAGE).await?)
        }
        TransferPage::Checkpoints(last) => {
            let last = last.last().map_or(AuditSeq::ZERO, |it| it.seq);
            TransferPage::Checkpoints(audit::checkpoints(connection, last, PAGE).await?)
        }
        TransferPage::Keys(last) => {
            TransferPage::Keys(next::<ApiKeyRow, _, _>(connection, "api_keys", "id", end(last)).await?)
        }
        TransferPage::Calls(last) => {
            let key = format!("{}, {}", bytes("actor"), bytes("key"));
            TransferPage::Calls(next::<RememberedRow, _, _>(connection, "idempotency_keys", &key, end(last)).await?)
        }
        TransferPage::Accounts(last) => {
            let key = last.last().map(|it| (it.key.scope(), it.key.key()));
            let last = key.as_ref().map_or(vec![], |(scope, key)| vec![Bind::Text(scope), Bind::Text(key)]);
            TransferPage::Accounts(next::<AccountRow, _, _>(connection, "accounts", "scope, key", last).await?)
        }
        TransferPage::UsageDays(last) => {
            let key =
                last.last().map(|it| (it.session_id, it.day.to_string(), it.model.as_deref().unwrap_or_default()));
            let last = key.as_ref().map_or(vec![], |(session, day, model)| {
                vec![Bind::Id(session.key()), Bind::Text(day), Bind::Text(model)]
            });
            TransferPage::UsageDays(
                next::<UsageDayRow, _, _>(connection, "usage_days", "session_id, day, model", last).await?,
            )
        }
        TransferPage::ProviderConfigs(last) => TransferPage::ProviderConfigs(
            next::<ProviderConfigRow, _, _>(connection, "provider_configs", &bytes("name"), end(last)).await?,
        ),
        TransferPage::Runners(last) => {
            TransferPage::Runners(next::<RunnerRow, _, _>(connection, "runners", &bytes("name"), end(last)).await?)
        }
        TransferPage::Assignments(last) => TransferPage::Assignments(
            next::<AssignmentRow, _, _>(connection, "assignments", "session_id", end(last)).await?,
        ),
        TransferPage::Sinks(last) => {
            TransferPage::Sinks(next::<SinkRow, _, _>(connection, "sinks", &bytes("name"), end(last)).await?)
        }
        TransferPage::DeadLetters(last) => {
            let key = format!("{}, place", bytes("sink"));
            TransferPage::DeadLetters(next::<LetterRow, _, _>(connection, "sink_letters", &key, end(last)).await?)
        }
        TransferPage::Retention(last) => {
            let last = last.first().map_or(vec![], |_| vec![Bind::Integer(1)]);
            let found = next::<RetentionRow, _, _>(connection, "retention", "one", last).await?;
            // The row is there from the beginning, and the lease belongs to a server of this database.
            let changed = found.into_iter().filter(|retention: &Retention| retention.revision > 0);
            TransferPage::Retention(changed.map(|it| Retention { lease: RetentionLease::default(), ..it }).collect())
        }
        TransferPage::Archived(last) => TransferPage::Archived(
            next::<ArchivedRow, _, _>(connection, "archived_sessions", "session_id", end(last)).await?,
        ),
        TransferPage::ChangeReports(last) => TransferPage::ChangeReports(
            next::<ChangeReportRow, _, _>(connection, "change_reports", "session_id, turn", end(last)).await?,
        ),
        TransferPage::Marks(last) => {
            TransferPage::Marks(next::<MarkRow, _, _>(connection, "replica_marks", &bytes("replica"), end(last)).await?)
        }
    })
}

async fn next<R, T, C: Connection>(
    connection: &mut C,
    table: &str,
    key: &str,
    last: Vec<Bind<'_>>,
) -> Result<Vec<T>, SqlError>
where
    R: Row + TryInto<T, Error = BrokenRow>,
    T: Send,
{
    connection.values::<R, T>(statement(table, key, last)).await
}

/// Something with a place in the order of its table.
trait Placed {
    /// The values of its key.
    fn place(&self) -> Vec<Bind<'_>>;
}

macro_rules! placed {
    ($($type:ty: $it:ident => $place:expr;)+) => {$(
        impl Placed for $type {
            fn place(&self) -> Vec<Bind<'_>> {
                let $it = self;
                $place.into()
            }
        }
    )+};
}

placed! {
    Session: it => [Bind::Id(it.id.key())];
    Message: it => [Bind::Id(it.session_id.key()), Bind::Integer(it.seq.to_i64())];
    Command: it => [Bind::Id(it.session_id.key()), Bind::Integer(it.seq.to_i64())];
    Approval: it => [Bind::Id(it.id.key())];
    Operation: it => [Bind::Id(it.id.key())];
    OperationTarget: it => [Bind::Id(it.operation_id.key()), Bind::Id(it.session_id.key())];
    FleetEvent: it => [Bind::Integer(it.position.to_i64())];
    ApiKey: it => [Bind::Text(it.id.as_str())];
    RememberedCall: it => [Bind::Text(it.actor.as_str()), Bind::Text(it.key.as_str())];
    ProviderConfig: it => [Bind::Text(it.name.as_str())];
    Runner: it => [Bind::Text(it.name.as_str())];
    Assignment: it => [Bind::Id(it.session_id.key())];
    Sink: it => [Bind::Text(it.name.as_str())];
    DeadLetter: it => [Bind::Text(it.sink.as_str()), Bind::Integer(counted(it.place))];
    ArchivedSession: it => [Bind::Id(it.session.key())];
    MovedReport: it => [Bind::Id(it.session.key()), Bind::Integer(it.turn.into())];
    ReplicaMark: it => [Bind::Text(&it.replica)];
}

/// The place of the last of a page; none when it has none.
fn end<T: Placed>(page: &[T]) -> Vec<Bind<'_>> {
    page.last().map_or(vec![], Placed::place)
}

/// One page of a table in the order of a key, behind the key that is given, or from the beginning when none is.
fn statement<'a>(table: &str, key: &str, last: Vec<Bind<'a>>) -> Statement<'a> {
    let behind = match last.len() {
        0 => String::new(),
        values => format!(" WHERE ({key}) > ({})", vec!["?"; values].join(", ")),
    };
    let statement = Statement::begin(format!("SELECT * FROM {table}{behind} ORDER BY {key} LIMIT {PAGE}"));
    last.into_iter().fold(statement, Statement::bind)
}
