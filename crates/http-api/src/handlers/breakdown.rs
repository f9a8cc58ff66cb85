//! Usage by day, model, mission and agent.

use flightdeck_domain::usage::{UsageBy, UsageOf};
use flightdeck_domain::use_cases::{BreakDown, BreakDownError, ReadUsage};

use crate::dto::BreakdownView;
use crate::extract::Params;
use crate::problem::ApiError;

/// What is asked for; nothing without `by`.
pub(super) fn how(params: &mut Params) -> Option<BreakDown> {
    let by: Vec<UsageBy> = params.list("by");
    let how = BreakDown { by: by.into_iter().collect(), from: params.take("from"), to: params.take("to") };
    if !how.by.is_empty() {
        return Some(how);
    }
    for (name, _) in [("from", how.from), ("to", how.to)].into_iter().filter(|(_, day)| day.is_some()) {
        params.refuse(name, "is only for a breakdown: give by, too");
    }
    None
}

/// The breakdown, if one is asked for.
pub(super) async fn broken_down(
    read: &ReadUsage,
    of: UsageOf,
    how: Option<BreakDown>,
) -> Result<Option<BreakdownView>, ApiError> {
    let Some(how) = how else { return Ok(None) };
    let by = how.by.clone();
    match read.broken_down(of, how).await {
        Ok(found) => Ok(Some(BreakdownView::new(&by, &found))),
        Err(BreakDownError::Unavailable(cause)) => Err(cause.into()),
        Err(refused) => Err(ApiError::field("from", refused.to_string())),
    }
}
