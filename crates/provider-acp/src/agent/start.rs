//! What an agent needs before it is launched: a place, a folder.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use flightdeck_domain::ids::SessionId;
use flightdeck_domain::message::MessageRole;
use flightdeck_domain::time::Timestamp;
use flightdeck_processes::{Launch, Launched, LogFile};
use flightdeck_uplink::{Place, Places, Stop};
use serde_json::json;
use tokio::time::Duration;

use super::SIGN_OF_LIFE;
use super::report::Reporter;
use crate::config::AgentConfig;
use crate::provider::Agents;
use crate::transcript::line;
use crate::workplace::{Folder, Workplace};
use crate::worktree;

/// Launches an agent in a folder; the error says what stood in the way, with its cause.
pub(crate) async fn launch(
    agents: &Agents,
    config: &AgentConfig,
    cwd: PathBuf,
    variables: BTreeMap<String, String>,
    name: String,
    log: Option<LogFile>,
) -> Result<Launched, String> {
    let launch = Launch {
        program: config.command.clone(),
        args: config.args.clone(),
        cwd,
        env: variables,
        limits: config.limits,
        cgroup: config.cgroup,
        owner: agents.home.owner.clone(),
        name,
        log,
        scrubber: config.scrubber(),
    };
    agents.launcher.launch(launch).await.map_err(|error| {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        format!("{error}{cause}")
    })
}

/// Waits until there is a place for one more agent of this kind.
pub(super) async fn place(reporter: &mut Reporter, config: &AgentConfig, places: Arc<Places>) -> Result<Place, Stop> {
    if let Some(place) = places.try_take() {
        return Ok(place);
    }
    let text = format!("waits for a place: {} agents {} may run at a time", config.at_once, config.name);
    if let Some(line) = line(MessageRole::System, text, json!({"type": "waits_for_place"})) {
        reporter.line(line).await?;
    }
    let mailbox = Arc::clone(&reporter.uplink.mailbox);
    let taken = places.take();
    tokio::pin!(taken);
    loop {
        let sign = tokio::time::sleep(SIGN_OF_LIFE);
        tokio::select! {
            biased;
            interruption = mailbox.interrupted() => return Err(interruption.into()),
            place = &mut taken => return Ok(place),
            () = sign => reporter.uplink.heartbeat().await?,
        }
    }
}

/// The folder of a session, with its worktree where it gets one. A folder that its context chooses is looked at again here:
/// links may have changed since the session was spawned.
pub(super) async fn folder(
    agents: &Agents,
    session: SessionId,
    config: &Arc<AgentConfig>,
    workplace: &Workplace,
) -> Result<Folder, String> {
    let own = workplace.worktree.then(|| agents.home.worktree(session));
    let (config, workplace) = (Arc::clone(config), workplace.clone());
    let made = tokio::task::spawn_blocking(move || {
        let Folder { path, root } = workplace.folder(&config)?;
        match own {
            None => Ok(Folder { path, root }),
            Some(own) => {
                let path = worktree::make(&path, root.as_deref(), &own, workplace.variables(&config))?;
                // It is the top of its repository.
                Ok(Folder { root: Some(path.clone()), path })
            }
        }
    });
    made.await.map_err(|error| error.to_string())?
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
