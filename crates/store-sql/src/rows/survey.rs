//! Counts of rows.

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Nullable, Text};
use flightdeck_domain::runner::AssignmentState;
use flightdeck_domain::session::SessionStatus;
use flightdeck_domain::survey::Waiting;

use super::{BrokenRow, Column, maybe};
use crate::values::moment;

/// A word that means nothing in its column.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not known")]
struct Unknown(String);

/// How many things are described by a word.
#[derive(Debug, QueryableByName)]
struct Counted {
    #[diesel(sql_type = Text)]
    word: String,
    #[diesel(sql_type = BigInt)]
    n: i64,
}

macro_rules! counted {
    ($(#[$doc:meta])* $row:ident: $word:ident in $table:literal, $column:literal) => {
        $(#[$doc])*
        #[derive(Debug, QueryableByName)]
        pub struct $row {
            #[diesel(embed)]
            counted: Counted,
        }

        impl TryFrom<$row> for ($word, u64) {
            type Error = BrokenRow;

            fn try_from(row: $row) -> Result<Self, BrokenRow> {
                let Counted { word, n } = row.counted;
                let known = <$word>::ALL.into_iter().find(|known| known.as_str() == word);
                let known = known.ok_or_else(|| Unknown(word.clone())).column($column);
                let known = known.map_err(|fault| fault.of($table, word))?;
                Ok((known, u64::try_from(n).unwrap_or_default()))
            }
        }
    };
}

counted! {
    /// How many sessions have a status.
    CountedStatus: SessionStatus in "sessions", "status"
}
counted! {
    /// How many assignments are in a state.
    CountedState: AssignmentState in "assignments", "state"
}

/// How many things wait, and since when.
#[derive(Debug, QueryableByName)]
pub struct WaitingRow {
    #[diesel(sql_type = BigInt)]
    n: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    oldest: Option<i64>,
}

impl TryFrom<WaitingRow> for Waiting {
    type Error = BrokenRow;

    fn try_from(row: WaitingRow) -> Result<Self, BrokenRow> {
        let oldest = maybe(row.oldest, moment).column("oldest");
        let oldest = oldest.map_err(|fault| fault.of("what waits", "the oldest".to_owned()))?;
        Ok(Self { count: u64::try_from(row.n).unwrap_or_default(), oldest })
    }
}

/// A number of bytes.
#[derive(Debug, QueryableByName)]
pub struct BytesRow {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

impl TryFrom<BytesRow> for u64 {
    type Error = BrokenRow;

    fn try_from(row: BytesRow) -> Result<Self, BrokenRow> {
        Ok(Self::try_from(row.n).unwrap_or_default())
    }
}
