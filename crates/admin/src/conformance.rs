//! `flightdeck conformance`: what an agent of the configuration really does, seen on a temporary store.

mod checks;
mod kit;
mod row;
mod timing;
mod transcript;

use std::time::Duration;

use flightdeck_provider_acp::AgentConfig;
use flightdeck_terminal::{BoxError, Outcome};

use self::kit::{Kit, Prompts};
use self::row::Report;
use crate::grammar::ConformanceArgs;

pub use self::kit::Fleet;

#[derive(Debug, thiserror::Error)]
enum ConformanceError {
    #[error("there is no agent {name:?}; the configuration has {known}")]
    UnknownAgent { name: String, known: String },
    #[error("{failed} of {all} checks failed")]
    Failed { failed: usize, all: usize },
}

/// The agent that is meant.
///
/// # Errors
/// The configuration has no agent of this name.
pub fn find<'a>(args: &ConformanceArgs, agents: &'a [AgentConfig]) -> Result<&'a AgentConfig, BoxError> {
    if let Some(agent) = agents.iter().find(|agent| agent.name == args.agent) {
        return Ok(agent);
    }
    let known: Vec<&str> = agents.iter().map(|agent| agent.name.as_str()).collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    Err(ConformanceError::UnknownAgent { name: args.agent.clone(), known }.into())
}

/// Runs the agent through all checks, and tells of each as soon as it is known. What it does is kept in the store of `fleet`.
///
/// # Errors
/// A check failed.
pub async fn conform(args: &ConformanceArgs, agent: &AgentConfig, fleet: Fleet) -> Outcome {
    let prompts = Prompts {
        say: args.say.clone(),
        tool: args.tool.clone(),
        output: args.output.clone(),
        busy: args.busy.clone(),
        write: args.write.clone(),
    };
    let acp = std::sync::Arc::clone(&fleet.acp);
    let kit = Kit::new(fleet, agent, prompts, Duration::from_secs(args.limit))?;
    let mut report = Report::new(args.json);
    let checked = checks::all(&kit, &mut report).await;
    acp.shutdown().await;
    checked?;
    let Report { failed, all, .. } = report;
    if failed == 0 { Ok(()) } else { Err(ConformanceError::Failed { failed, all }.into()) }
}
