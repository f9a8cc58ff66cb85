//! What an agent needs before it is launched: a place, a folder.

use std::path::PathBuf;
use std::sync::Arc;

use flightdeck_domain::ids::SessionId;
use flightdeck_domain::message::MessageRole;
use flightdeck_uplink::Stop;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::report::Reporter;
use super::{SIGN_OF_LIFE, failed};
use crate::config::AgentConfig;
use crate::provider::Agents;
use crate::transcript::line;
use crate::worktree;

/// Waits until there is a place for one more agent of this kind.
pub(super) async fn place(
    reporter: &mut Reporter,
    config: &AgentConfig,
    places: Arc<Semaphore>,
) -> Result<OwnedSemaphorePermit, Stop> {
    if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
        return Ok(place);
    }
    let text = format!("waits for a place: {} agents {} may run at a time", config.at_once, config.name);
    if let Some(line) = line(MessageRole::System, text, json!({"type": "waits_for_place"})) {
        reporter.line(line).await?;
    }
    let mailbox = Arc::clone(&reporter.uplink.mailbox);
    let acquired = places.acquire_owned();
    tokio::pin!(acquired);
    loop {
        let sign = tokio::time::sleep(SIGN_OF_LIFE);
        tokio::select! {
            biased;
            interruption = mailbox.interrupted() => return Err(interruption.into()),
            place = &mut acquired => return place.map_err(|_closed| failed("the server is going down")),
            () = sign => reporter.uplink.heartbeat().await?,
        }
    }
}

pub(super) async fn folder(agents: &Agents, session: SessionId, config: &AgentConfig) -> Result<PathBuf, String> {
    let cwd = config.cwd.clone().map_or_else(std::env::current_dir, Ok);
    let cwd = cwd.and_then(std::fs::canonicalize);
    let cwd = cwd.map_err(|error| {
        let named = config.cwd.as_ref().map(|cwd| cwd.display().to_string()).unwrap_or_default();
        format!("the folder {named} of agent {} cannot be used: {error}", config.name)
    })?;
    if !config.worktree {
        return Ok(cwd);
    }
    let own = agents.home.worktree(session);
    let made = tokio::task::spawn_blocking(move || worktree::make(&cwd, &own)).await;
    made.map_err(|error| error.to_string())?
}
