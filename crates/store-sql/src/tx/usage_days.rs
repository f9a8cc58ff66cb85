//! Usage by day and model.

use flightdeck_domain::text::MissionId;
use flightdeck_domain::usage::{UsageBy, UsageDay, UsageLine, UsageOf, UsageQuery};

use super::Done;
use crate::connection::Connection;
use crate::rows::account::TotalsRow;
use crate::rows::usage_day::UsageLineRow;
use crate::statement::{Bind, Prepared, Statement};
use crate::values::{Key, counted, integer};

/// The columns of a row, in the order in which [`insert`] wants them.
pub const COLUMNS: &str = "session_id, day, model, mission, input_tokens, output_tokens, cache_read_tokens, \
     cache_write_tokens, cost, reports, priced_reports";

/// Adds rows, which a part of a statement gives, to those that are there. A sum stops at the largest number. `least` is the
/// smaller one of two numbers in the words of the database.
#[must_use]
pub fn insert(rows: &str, least: &str) -> String {
    let add = |column: &str| {
        format!("{column} = {least}(usage_days.{column}, {} - excluded.{column}) + excluded.{column}", i64::MAX)
    };
    let sums = TotalsRow::COLUMNS.map(add).join(", ");
    format!("INSERT INTO usage_days ({COLUMNS}) {rows} ON CONFLICT (session_id, day, model) DO UPDATE SET {sums}")
}

/// Adds one to what a session used on a day with a model.
///
/// # Errors
/// Those of the database.
pub async fn add<C: Connection>(connection: &mut C, used: &UsageDay) -> Done<()> {
    let (day, totals) = (used.day.to_string(), &used.totals);
    let row = Prepared::new(
        insert("VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", "min"),
        [
            Bind::Id(used.session_id.key()),
            Bind::Text(&day),
            Bind::Text(used.model.as_deref().unwrap_or_default()),
            Bind::Text(used.mission_id.as_ref().map(MissionId::as_str).unwrap_or_default()),
            Bind::Integer(counted(totals.input_tokens)),
            Bind::Integer(counted(totals.output_tokens)),
            Bind::Integer(counted(totals.cache_read_tokens)),
            Bind::Integer(counted(totals.cache_write_tokens)),
            Bind::Integer(counted(totals.cost.nanos())),
            Bind::Integer(counted(totals.reports)),
            Bind::Integer(counted(totals.priced_reports)),
        ],
    );
    connection.run(row).await?;
    Ok(())
}

/// The sums that a query asks for.
pub(super) async fn lines<C: Connection>(connection: &mut C, query: &UsageQuery) -> Done<Vec<UsageLine>> {
    let by = |what: UsageBy| query.by.contains(&what);
    let text = |what: UsageBy, column: &str| if by(what) { column.to_owned() } else { format!("'' AS {column}") };
    // An empty value of the type that ids have in the database.
    let session = if by(UsageBy::Agent) { "session_id" } else { "(SELECT id FROM sessions WHERE 1 = 0) AS session_id" };
    let sums = TotalsRow::COLUMNS.map(|column| C::WORDS.sum(column)).join(", ");
    let (day, model) = (text(UsageBy::Day, "day"), text(UsageBy::Model, "model"));
    let mission = text(UsageBy::Mission, "mission");
    let (from, to) = (query.from.to_string(), query.to.to_string());
    let read = Statement::begin(format!(
        "SELECT {day}, {model}, {mission}, {session}, {sums} FROM usage_days WHERE usage_days.day >= ? AND usage_days.day <= ?"
    ));
    let read = read.bind(Bind::Text(&from)).bind(Bind::Text(&to));
    let read = match &query.of {
        UsageOf::Fleet => read,
        UsageOf::Mission(mission) => read.sql(" AND usage_days.mission = ?").bind(Bind::Text(mission.as_str())),
        UsageOf::Subtree(id) => {
            read.sql(&format!(" AND usage_days.session_id IN {}", C::WORDS.below())).bind(Bind::Id(id.key()))
        }
    };
    let columns = [
        (UsageBy::Day, "usage_days.day"),
        (UsageBy::Model, "usage_days.model"),
        (UsageBy::Mission, "usage_days.mission"),
        (UsageBy::Agent, "usage_days.session_id"),
    ];
    let grouped: Vec<&str> = columns.into_iter().filter(|(what, _)| by(*what)).map(|(_, column)| column).collect();
    let read = match grouped.join(", ") {
        // Without rows there is no sum either.
        none if none.is_empty() => read.sql(" HAVING COUNT(*) > 0"),
        some => read.sql(&format!(" GROUP BY {some} ORDER BY {some}")),
    };
    let read = read.sql(" LIMIT CAST(? AS BIGINT)").bind(Bind::Integer(integer(query.limit)));
    connection.values::<UsageLineRow, _>(read).await
}
