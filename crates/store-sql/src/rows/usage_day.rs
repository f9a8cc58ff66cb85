//! Rows of `usage_days`, and sums of them.

use diesel::prelude::*;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::text::MissionId;
use flightdeck_domain::usage::{UsageDay, UsageLine};

use super::account::TotalsRow;
use super::{BrokenRow, Column, Fault, maybe};
use crate::types;
use crate::values::Id;

/// What a session used on a day with a model.
#[derive(Debug, QueryableByName)]
pub struct UsageDayRow {
    #[diesel(sql_type = types::Id)]
    session_id: Id,
    #[diesel(sql_type = diesel::sql_types::Text)]
    day: String,
    #[diesel(sql_type = diesel::sql_types::Text)]
    model: String,
    #[diesel(sql_type = diesel::sql_types::Text)]
    mission: String,
    #[diesel(embed)]
    totals: TotalsRow,
}

impl TryFrom<UsageDayRow> for UsageDay {
    type Error = BrokenRow;

    fn try_from(row: UsageDayRow) -> Result<Self, BrokenRow> {
        let name = format!("{}, {}, {}", row.session_id, row.day, row.model);
        row.read().map_err(|fault| fault.of("usage_days", name))
    }
}

impl UsageDayRow {
    fn read(self) -> Result<UsageDay, Fault> {
        Ok(UsageDay {
            session_id: SessionId::try_from(self.session_id).column("session_id")?,
            mission_id: maybe(named(self.mission), MissionId::new).column("mission")?,
            day: self.day.parse().column("day")?,
            model: named(self.model),
            totals: self.totals.read()?,
        })
    }
}

/// A sum.
#[derive(Debug, QueryableByName)]
pub struct UsageLineRow {
    #[diesel(sql_type = diesel::sql_types::Text)]
    day: String,
    #[diesel(sql_type = diesel::sql_types::Text)]
    model: String,
    #[diesel(sql_type = diesel::sql_types::Text)]
    mission: String,
    #[diesel(sql_type = diesel::sql_types::Nullable<types::Id>)]
    session_id: Option<Id>,
    #[diesel(embed)]
    totals: TotalsRow,
}

impl TryFrom<UsageLineRow> for UsageLine {
    type Error = BrokenRow;

    fn try_from(row: UsageLineRow) -> Result<Self, BrokenRow> {
        row.read().map_err(|fault| fault.of("usage_days", "a sum".to_owned()))
    }
}

impl UsageLineRow {
    fn read(self) -> Result<UsageLine, Fault> {
        Ok(UsageLine {
            day: maybe(named(self.day), |day| day.parse()).column("day")?,
            model: named(self.model),
            mission_id: maybe(named(self.mission), MissionId::new).column("mission")?,
            session_id: maybe(self.session_id, SessionId::try_from).column("session_id")?,
            totals: self.totals.read()?,
        })
    }
}

/// What stands where there may be nothing.
fn named(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}
