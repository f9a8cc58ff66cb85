//! What an agent needs before it is launched: a place, a folder.

use std::path::PathBuf;
use std::sync::Arc;

use flightdeck_domain::ids::SessionId;
use flightdeck_domain::message::MessageRole;
use flightdeck_domain::time::Timestamp;
use flightdeck_uplink::Stop;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Duration;

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

/// How long the minute goes on in which an earlier session began, when it is that minute still.
pub(super) fn minute_left(began: Timestamp, now: Timestamp) -> Option<Duration> {
    const MINUTE: i64 = 60_000_000;
    let (began, now) = (began.as_micros(), now.as_micros());
    let left = u64::try_from(MINUTE - now.rem_euclid(MINUTE)).ok()?;
    (began.div_euclid(MINUTE) == now.div_euclid(MINUTE)).then(|| Duration::from_micros(left))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_one_of_the_clock() {
        let at = |second: i64| Timestamp::from_micros(second * 1_000_000).expect("a time");
        let left = |began: i64, now: i64| minute_left(at(began), at(now)).map(|left| left.as_secs());
        assert_eq!(left(6_001, 6_045), Some(15));
        assert_eq!(left(6_059, 6_060), None);
    }
}
