//! Statements that do for many sessions what one does for one.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel_async::RunQueryDsl;
use flightdeck_domain::action::Remembered;
use flightdeck_domain::audit::AuditDraft;
use flightdeck_domain::command::Command;
use flightdeck_domain::ids::{AuditSeq, CommandSeq, Seq, SessionId};
use flightdeck_domain::operation::{Operation, OperationTarget};
use flightdeck_domain::operator::Actor;
use flightdeck_domain::session::{Session, SessionStatus};
use flightdeck_domain::text::{GateProfile, IdempotencyKey, MissionId, ProviderSessionId, Reason, ReplicaName};
use flightdeck_domain::time::Timestamp;
use flightdeck_store_sql::audit;
use flightdeck_store_sql::rows::audit::NewAuditRow;
use flightdeck_store_sql::rows::command::{CommandRow, NewCommandRow, PENDING};
use flightdeck_store_sql::rows::idempotency::NewRememberedRow;
use flightdeck_store_sql::rows::operation::{NewOperationRow, NewTargetRow, TargetRow};
use flightdeck_store_sql::rows::read_id;
use flightdeck_store_sql::rows::session::SessionIdRow;
use flightdeck_store_sql::schema::{audit_entries, commands, idempotency_keys, operation_targets, operations};
use flightdeck_store_sql::statement::Prepared;
use flightdeck_store_sql::tx::Done;
use flightdeck_store_sql::types;
use flightdeck_store_sql::values::{Id, Key, json};

use super::writes::Saved;
use crate::line::Line;
use crate::statement::Column;

/// The most rows of one `INSERT` with a value for each column: a statement takes 65,535 values.
const CHUNK: usize = 1_000;

/// Writes what can change of sessions, each once.
pub(super) async fn save_sessions(line: &Line, saved: &[Saved]) -> Done<()> {
    if saved.is_empty() {
        return Ok(());
    }
    let words = |word: fn(&Saved) -> &'static str| Column::Texts(saved.iter().map(|it| word(it).into()).collect());
    let numbers = |number: fn(&Saved) -> i64| Column::Integers(saved.iter().map(number).collect());
    let moments = |at: fn(&Saved) -> Option<i64>| Column::MaybeIntegers(saved.iter().map(at).collect());
    Prepared::with(
        "UPDATE sessions SET status = saved.status, desired_status = saved.desired_status, \
             status_reason = saved.status_reason, last_seq = saved.last_seq, last_command_seq = saved.last_command_seq, \
             revision = saved.revision, started_at = saved.started_at, completed_at = saved.completed_at, \
             last_seen_at = saved.last_seen_at, lost_from = saved.lost_from, \
             provider_session_id = saved.provider_session_id \
         FROM unnest(?::uuid[], ?::text[], ?::text[], ?::text[], ?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[], \
             ?::bigint[], ?::bigint[], ?::text[], ?::text[]) \
             AS saved (id, status, desired_status, status_reason, last_seq, last_command_seq, revision, started_at, \
                 completed_at, last_seen_at, lost_from, provider_session_id) \
         WHERE sessions.id = saved.id",
        [
            Column::Ids(saved.iter().map(|it| it.id.key()).collect()),
            words(|it| it.status),
            words(|it| it.desired_status),
            Column::MaybeTexts(
                saved.iter().map(|it| it.status_reason.as_ref().map(|reason| Reason::as_str(reason).into())).collect(),
            ),
            numbers(|it| it.last_seq.to_i64()),
            numbers(|it| it.last_command_seq.to_i64()),
            numbers(|it| it.revision),
            moments(|it| it.started_at.map(|at| at.as_micros())),
            moments(|it| it.completed_at.map(|at| at.as_micros())),
            moments(|it| it.last_seen_at.map(|at| at.as_micros())),
            Column::MaybeTexts(saved.iter().map(|it| it.lost_from.map(Into::into)).collect()),
            Column::MaybeTexts(
                saved
                    .iter()
                    .map(|it| it.provider_session_id.as_ref().map(|id| ProviderSessionId::as_str(id).into()))
                    .collect(),
            ),
        ],
    )
    .execute(&mut line.pg())
    .await?;
    Ok(())
}

/// A session that gave a sign of life, and where its conversation ends now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Touch {
    pub(crate) session: SessionId,
    pub(crate) last_seq: Seq,
    pub(crate) seen: Timestamp,
}

/// Writes what [`touches`] gives.
pub(crate) const TOUCH: &str = "UPDATE sessions SET last_seq = touched.last_seq, last_seen_at = touched.seen \
     FROM unnest(?::uuid[], ?::bigint[], ?::bigint[]) AS touched (id, last_seq, seen) WHERE sessions.id = touched.id";

/// The values of signs of life, column by column.
pub(crate) fn touches(touched: &[Touch]) -> [Column<'static>; 3] {
    [
        Column::Ids(touched.iter().map(|it| it.session.key()).collect()),
        Column::Integers(touched.iter().map(|it| it.last_seq.to_i64()).collect()),
        Column::Integers(touched.iter().map(|it| it.seen.as_micros()).collect()),
    ]
}

/// Writes signs of life, of each session one.
pub(super) async fn touch_sessions(line: &Line, touched: &[Touch]) -> Done<()> {
    if touched.is_empty() {
        return Ok(());
    }
    Prepared::with(TOUCH, touches(touched)).execute(&mut line.pg()).await?;
    Ok(())
}

/// Inserts sessions, and gives the ids of those that were not there.
pub(super) async fn insert_sessions(line: &Line, new: &[&Session]) -> Done<Vec<SessionId>> {
    let texts = |text: fn(&Session) -> String| Column::Texts(new.iter().map(|it| text(it).into()).collect());
    let maybe_texts = |text: fn(&Session) -> Option<&str>| {
        Column::MaybeTexts(new.iter().map(|it| text(it).map(|text| text.to_owned().into())).collect())
    };
    let numbers = |number: fn(&Session) -> i64| Column::Integers(new.iter().map(|it| number(it)).collect());
    let moments = |at: fn(&Session) -> Option<i64>| Column::MaybeIntegers(new.iter().map(|it| at(it)).collect());
    let rows: Vec<SessionIdRow> = Prepared::with(
        "INSERT INTO sessions (id, parent_id, root_id, status, desired_status, last_seq, last_command_seq, revision, \
             spawned_at, started_at, completed_at, last_seen_at, provider, provider_session_id, mission_id, task_id, \
             task_source, agent_type, status_reason, gate_profile, context, metadata, lost_from, replica, \
             provider_config, provider_revision) \
         SELECT * FROM unnest(?::uuid[], ?::uuid[], ?::uuid[], ?::text[], ?::text[], ?::bigint[], ?::bigint[], ?::bigint[], \
             ?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[], ?::text[], ?::text[], ?::text[], ?::text[], \
             ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::bigint[]) \
         ON CONFLICT DO NOTHING RETURNING id",
        [
            Column::Ids(new.iter().map(|it| it.id.key()).collect()),
            Column::MaybeIds(new.iter().map(|it| it.parent_id.as_ref().map(Key::key)).collect()),
            Column::Ids(new.iter().map(|it| it.root_id.key()).collect()),
            texts(|it| it.status.as_str().to_owned()),
            texts(|it| it.desired_status.as_str().to_owned()),
            numbers(|it| it.last_seq.to_i64()),
            numbers(|it| it.last_command_seq.to_i64()),
            numbers(|it| i64::try_from(it.revision).unwrap_or(i64::MAX)),
            numbers(|it| it.spawned_at.as_micros()),
            moments(|it| it.started_at.map(|at| at.as_micros())),
            moments(|it| it.completed_at.map(|at| at.as_micros())),
            moments(|it| it.last_seen_at.map(|at| at.as_micros())),
            texts(|it| it.provider.as_str().to_owned()),
            maybe_texts(|it| it.provider_session_id.as_ref().map(ProviderSessionId::as_str)),
            maybe_texts(|it| it.mission_id.as_ref().map(MissionId::as_str)),
            texts(|it| it.task_id.as_str().to_owned()),
            texts(|it| it.task_source.as_str().to_owned()),
            texts(|it| it.agent_type.as_str().to_owned()),
            maybe_texts(|it| it.status_reason.as_ref().map(Reason::as_str)),
            maybe_texts(|it| it.gate_profile.as_ref().map(GateProfile::as_str)),
            texts(|it| json(&it.context)),
            texts(|it| json(&it.metadata)),
            maybe_texts(|it| it.lost_from.map(SessionStatus::as_str)),
            maybe_texts(|it| it.replica.as_ref().map(ReplicaName::as_str)),
            maybe_texts(|it| it.started_by.as_ref().map(|by| by.name.as_str())),
            moments(|it| it.started_by.as_ref().map(|by| i64::try_from(by.revision).unwrap_or(i64::MAX))),
        ],
    )
    .load(&mut line.pg())
    .await?;
    Ok(rows.into_iter().map(SessionId::try_from).collect::<Result<_, _>>()?)
}

#[derive(Debug, QueryableByName)]
struct Pending {
    #[diesel(sql_type = types::Id)]
    session_id: Id,
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// How many commands are pending of each of these sessions; those without any are left out.
pub(crate) async fn count_pending(line: &Line, sessions: &[SessionId]) -> Done<HashMap<SessionId, u64>> {
    if sessions.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = format!(
        "SELECT session_id, COUNT(*) AS n FROM commands WHERE session_id = ANY(?) AND {PENDING} GROUP BY session_id"
    );
    let ids = sessions.iter().map(Key::key).collect();
    let rows: Vec<Pending> = Prepared::with(sql, [Column::Ids(ids)]).load(&mut line.pg()).await?;
    let count = |row: &Pending| {
        Ok((read_id(row.session_id, "commands", "session_id")?, u64::try_from(row.n).unwrap_or_default()))
    };
    rows.iter().map(count).collect()
}

/// The open targets of these sessions, in the order of their operations' ids.
pub(super) async fn open_targets(line: &Line, sessions: &[SessionId]) -> Done<Vec<OperationTarget>> {
    if sessions.is_empty() {
        return Ok(Vec::new());
    }
    let sql =
        format!("SELECT {} FROM operation_targets WHERE session_id = ANY(?) AND outcome IS NULL", TargetRow::COLUMNS);
    let ids = sessions.iter().map(Key::key).collect();
    let rows: Vec<TargetRow> = Prepared::with(sql, [Column::Ids(ids)]).load(&mut line.pg()).await?;
    let mut targets = rows.into_iter().map(OperationTarget::try_from).collect::<Result<Vec<_>, _>>()?;
    // Not by the database: to have them in this order it would read the table by its key.
    targets.sort_by_key(|target| target.operation_id);
    Ok(targets)
}

/// Those of the wanted commands that are there.
pub(super) async fn commands(line: &Line, wanted: &[(SessionId, CommandSeq)]) -> Done<Vec<Command>> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT {} FROM commands WHERE (session_id, seq) IN (SELECT * FROM unnest(?::uuid[], ?::bigint[]))",
        CommandRow::COLUMNS
    );
    let ids = Column::Ids(wanted.iter().map(|(session, _)| session.key()).collect());
    let seqs = Column::Integers(wanted.iter().map(|(_, seq)| seq.to_i64()).collect());
    let rows: Vec<CommandRow> = Prepared::with(sql, [ids, seqs]).load(&mut line.pg()).await?;
    Ok(rows.into_iter().map(Command::try_from).collect::<Result<_, _>>()?)
}

pub(super) async fn insert_commands(line: &Line, new: &[Command]) -> Done<()> {
    for new in new.chunks(CHUNK) {
        let rows: Vec<NewCommandRow<'_>> = new.iter().map(NewCommandRow::from).collect();
        diesel::insert_into(commands::table).values(&rows).execute(&mut line.pg()).await?;
    }
    Ok(())
}

/// Writes the receipts of commands, each once.
pub(super) async fn save_receipts(line: &Line, saved: &[Command]) -> Done<()> {
    if saved.is_empty() {
        return Ok(());
    }
    Prepared::with(
        "UPDATE commands SET receipt = saved.receipt, receipt_reason = saved.receipt_reason, updated_at = saved.updated_at \
         FROM unnest(?::uuid[], ?::bigint[], ?::text[], ?::text[], ?::bigint[]) \
             AS saved (session_id, seq, receipt, receipt_reason, updated_at) \
         WHERE commands.session_id = saved.session_id AND commands.seq = saved.seq",
        [
            Column::Ids(saved.iter().map(|it| it.session_id.key()).collect()),
            Column::Integers(saved.iter().map(|it| it.seq.to_i64()).collect()),
            Column::Texts(saved.iter().map(|it| it.receipt.as_str().into()).collect()),
            Column::MaybeTexts(saved.iter().map(|it| it.receipt.reason().map(|why| why.as_str().into())).collect()),
            Column::Integers(saved.iter().map(|it| it.updated_at.as_micros()).collect()),
        ],
    )
    .execute(&mut line.pg())
    .await?;
    Ok(())
}

pub(super) async fn insert_operations(line: &Line, new: &[Operation]) -> Done<()> {
    for new in new.chunks(CHUNK) {
        let rows: Vec<NewOperationRow<'_>> = new.iter().map(NewOperationRow::from).collect();
        diesel::insert_into(operations::table).values(&rows).execute(&mut line.pg()).await?;
    }
    Ok(())
}

pub(crate) async fn insert_targets(line: &Line, new: &[OperationTarget]) -> Done<()> {
    for new in new.chunks(CHUNK) {
        let rows: Vec<NewTargetRow<'_>> = new.iter().map(NewTargetRow::from).collect();
        diesel::insert_into(operation_targets::table).values(&rows).execute(&mut line.pg()).await?;
    }
    Ok(())
}

pub(super) async fn remember(line: &Line, calls: &[(Actor, IdempotencyKey, Remembered)]) -> Done<()> {
    for calls in calls.chunks(CHUNK) {
        let rows: Vec<NewRememberedRow<'_>> =
            calls.iter().map(|(actor, key, call)| NewRememberedRow::new(actor, key, call)).collect();
        diesel::insert_into(idempotency_keys::table).values(&rows).execute(&mut line.pg()).await?;
    }
    Ok(())
}

/// Puts entries at the end of the audit log, in their order, and gives their places.
pub(super) async fn record(line: &mut Line, drafts: Vec<AuditDraft>) -> Done<Vec<AuditSeq>> {
    let mut head = audit::lock_head(line).await?;
    let mut sealed = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let entry = draft.seal(head);
        head = flightdeck_domain::audit::AuditHead { seq: entry.seq, hash: entry.hash };
        sealed.push(entry);
    }
    for sealed in sealed.chunks(CHUNK) {
        let rows: Vec<NewAuditRow<'_>> = sealed.iter().map(NewAuditRow::from).collect();
        diesel::insert_into(audit_entries::table).values(&rows).execute(&mut line.pg()).await?;
    }
    audit::set_head(line, head.seq, &head.hash).await?;
    Ok(sealed.into_iter().map(|entry| entry.seq).collect())
}
