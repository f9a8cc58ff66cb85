//! The rows of one page.

use super::BrokenRow;
use crate::error::SqlError;
use crate::statement::Bind;
use crate::values::integer;

/// How many rows a page asks for: one more than it shows tells whether there is a next page.
#[must_use]
pub fn asked(limit: usize) -> Bind<'static> {
    Bind::Integer(integer(limit.saturating_add(1)))
}

/// The values of a page of which as many rows were asked for as [`asked`] says, and where the next begins.
pub fn page_of<R, T, C>(
    rows: Vec<R>,
    limit: usize,
    cursor: impl FnOnce(&T) -> C,
) -> Result<(Vec<T>, Option<C>), SqlError>
where
    R: TryInto<T, Error = BrokenRow>,
{
    let more = rows.len() > limit;
    let values: Vec<T> = rows.into_iter().take(limit).map(R::try_into).collect::<Result<_, _>>()?;
    let next = values.last().filter(|_| more).map(cursor);
    Ok((values, next))
}
