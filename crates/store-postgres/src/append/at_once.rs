//! Appends of many sessions in one round trip.
//!
//! They are decided on remembered heads, and one statement, which is a transaction by itself, writes them for each session
//! where the head still holds: its seqs follow the newest one, its status is what was taken for granted, and no command
//! came to it. Whatever else there is to an append (usage to be booked, a repeated message, a session that is lost or
//! unknown) is left to be done the long way.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel_async::RunQueryDsl;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::message::{Control, Message};
use flightdeck_domain::ports::AppendOutcome;
use flightdeck_domain::session::{DesiredStatus, Session};
use flightdeck_store_sql::rows::command::PENDING;
use flightdeck_store_sql::rows::read_id;
use flightdeck_store_sql::statement::Prepared;
use flightdeck_store_sql::types;
use flightdeck_store_sql::values::{Id, Key};

use super::statements::repeated;
use super::{Append, Memory};
use crate::database::Database;
use crate::error::StoreError;
use crate::line::Line;
use crate::messages::{MESSAGE_COLUMNS, MESSAGE_ROWS, columns};
use crate::statement::Column;

/// What is decided for a session.
struct Decided {
    /// As it is taken to be.
    before: Session,
    after: Session,
    /// The place of each append in the group, and what comes of it.
    outcomes: Vec<(usize, AppendOutcome)>,
}

/// Writes what can be written at once, and gives for each append what came of it; `None` for those that have to be done
/// the long way.
///
/// # Errors
/// Nothing is known to be written, and all of them have to be done the long way.
pub(super) async fn commit(
    database: &Database,
    appends: &[Append],
    memory: &Memory,
) -> Result<Vec<Option<AppendOutcome>>, StoreError> {
    let mut answers: Vec<Option<AppendOutcome>> = appends.iter().map(|_| None).collect();
    let mut decided = decide(appends, memory);
    if decided.is_empty() || !database.has_bare_statements() {
        return Ok(answers);
    }
    // In the order in which everybody locks sessions.
    decided.sort_unstable_by_key(|one| one.after.id);
    let line = database.appending().await?;
    let written = write(&line, &decided).await.inspect_err(|error| line.note(error))?;
    drop(line);
    for Decided { after, outcomes, .. } in decided {
        match written.get(&after.id) {
            Some(control) => {
                for (place, outcome) in outcomes {
                    if let Some(answer) = answers.get_mut(place) {
                        *answer = Some(AppendOutcome { control: *control, ..outcome });
                    }
                }
                memory.heads.put(after);
            }
            None => memory.heads.forget(after.id),
        }
    }
    Ok(answers)
}

/// All of a session's appends in a group are decided here, or none: they are done in the order of their calls.
fn decide(appends: &[Append], memory: &Memory) -> Vec<Decided> {
    let mut decided: HashMap<SessionId, Option<Decided>> = HashMap::new();
    for (place, append) in appends.iter().enumerate() {
        let one = decided.entry(append.session).or_insert_with(|| {
            let before = memory.heads.get(append.session).filter(|_| !memory.repeats.has(append.session))?;
            Some(Decided { after: before.clone(), before, outcomes: Vec::new() })
        });
        if !one.as_mut().is_some_and(|one| one.take(place, append)) {
            *one = None;
        }
    }
    decided.into_values().flatten().collect()
}

impl Decided {
    /// Whether nothing more is needed for the append.
    fn take(&mut self, place: usize, append: &Append) -> bool {
        let Ok(plan) = self.after.append(append.batch.clone(), &HashMap::new()) else { return false };
        if !plan.used.is_empty() {
            return false;
        }
        self.after.last_seq = plan.last_seq;
        self.after.last_seen_at = self.after.last_seen_at.max(Some(append.at));
        let control = self.after.control(0);
        self.outcomes.push((place, plan.outcome(control, false, false)));
        true
    }

    fn inserted(&self) -> impl Iterator<Item = &Message> {
        self.outcomes.iter().flat_map(|(_, outcome)| &outcome.inserted)
    }
}

#[derive(Debug, QueryableByName)]
struct WrittenRow {
    #[diesel(sql_type = types::Id)]
    id: Id,
    #[diesel(sql_type = Text)]
    desired_status: String,
    #[diesel(sql_type = BigInt)]
    pending: i64,
}

/// The sessions whose appends are written, and what their agents should know.
async fn write(line: &Line, decided: &[Decided]) -> Result<HashMap<SessionId, Control>, StoreError> {
    let new: Vec<&Message> = decided.iter().flat_map(Decided::inserted).collect();
    let numbers = |number: fn(&Decided) -> i64| Column::Integers(decided.iter().map(number).collect());
    let sql = format!(
        "WITH written AS ( \
             UPDATE sessions SET last_seq = decided.last_seq, last_seen_at = greatest(last_seen_at, decided.seen) \
             FROM unnest(?::uuid[], ?::text[], ?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[]) \
                 AS decided (id, status, last_command_seq, was, last_seq, seen) \
             WHERE sessions.id = decided.id AND sessions.last_seq = decided.was \
                 AND sessions.status = decided.status AND sessions.last_command_seq = decided.last_command_seq \
             RETURNING sessions.id, sessions.desired_status, sessions.last_command_seq \
         ), new AS ( \
             INSERT INTO messages ({MESSAGE_COLUMNS}) SELECT * FROM {MESSAGE_ROWS} AS new ({MESSAGE_COLUMNS}) \
             WHERE session_id IN (SELECT id FROM written) \
         ) SELECT id, desired_status, CASE last_command_seq WHEN 0 THEN 0 ELSE ( \
             SELECT COUNT(*) FROM commands WHERE session_id = written.id AND {PENDING} \
         ) END AS pending FROM written"
    );
    let [session, seq, message, role, provider, created_at, metadata, content] = columns(&new);
    let rows: Result<Vec<WrittenRow>, _> = Prepared::with(
        sql,
        [
            Column::Ids(decided.iter().map(|one| one.before.id.key()).collect()),
            Column::Texts(decided.iter().map(|one| one.before.status.as_str().into()).collect()),
            numbers(|one| one.before.last_command_seq.to_i64()),
            numbers(|one| one.before.last_seq.to_i64()),
            numbers(|one| one.after.last_seq.to_i64()),
            Column::MaybeIntegers(decided.iter().map(|one| one.after.last_seen_at.map(|at| at.as_micros())).collect()),
            session,
            seq,
            message,
            role,
            provider,
            created_at,
            metadata,
            content,
        ],
    )
    .load(&mut line.pg())
    .await;
    let read = |row: WrittenRow| {
        let id = read_id(row.id, "sessions", "id")?;
        // A word that makes no sense is told where the whole row is read.
        let desired_status = row.desired_status.parse().unwrap_or(DesiredStatus::Running);
        Ok((id, Control { desired_status, pending_commands: u64::try_from(row.pending).unwrap_or_default() }))
    };
    rows.map_err(repeated)?.into_iter().map(read).collect()
}
