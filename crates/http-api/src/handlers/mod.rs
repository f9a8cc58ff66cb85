//! One file for each resource: take the request apart, call one use case, map the result.

pub(crate) mod agent_log;
pub(crate) mod agents;
pub(crate) mod approvals;
pub(crate) mod assignments;
pub(crate) mod audit;
mod breakdown;
pub(crate) mod changes;
pub(crate) mod close;
mod command_stream;
pub(crate) mod commands;
pub(crate) mod configure;
pub(crate) mod control;
pub(crate) mod effects;
pub(crate) mod events;
pub(crate) mod fleet;
pub(crate) mod gate;
pub(crate) mod health;
pub(crate) mod hooks;
pub(crate) mod inject;
mod intake;
pub(crate) mod keys;
pub(crate) mod kill_all;
pub(crate) mod login;
pub(crate) mod messages;
pub(crate) mod metrics;
pub(crate) mod missions;
pub(crate) mod operations;
mod operator;
mod place;
mod preview;
pub(crate) mod providers;
pub(crate) mod push;
pub(crate) mod rendered;
pub(crate) mod retention;
pub(crate) mod runners;
mod scope;
pub(crate) mod search;
pub(crate) mod sinks;
pub(crate) mod spawn;
pub(crate) mod status;
pub(crate) mod telemetry;
pub(crate) mod usage;
pub(crate) mod waiting;

use std::future::Future;

use crate::problem::ApiError;

/// Runs a mutation to its end, even when the client hangs up meanwhile.
async fn to_the_end<T: 'static>(mutation: impl Future<Output = Result<T, ApiError>> + 'static) -> Result<T, ApiError> {
    actix_web::rt::spawn(mutation).await.map_err(|error| ApiError::Internal(Box::new(error)))?
}
