//! A trial of a configuration: an agent is started, introduces itself, and is ended. It has no session.

use std::time::Duration;

use flightdeck_domain::ports::{ProviderTrial, TrialFailed};
use flightdeck_domain::text::JsonObject;
use serde_json::Value;

use crate::agent::start;
use crate::config::AgentConfig;
use crate::peer::{self, Heard, Opening};
use crate::provider::Agents;
use crate::settings::opening;
use crate::workplace::Workplace;

/// How long an agent may take to end after its trial.
const GRACE: Duration = Duration::from_secs(1);

/// Tries an agent out, in its folder itself, also where its sessions get worktrees.
pub(crate) async fn run(agents: &Agents, config: &AgentConfig) -> Result<ProviderTrial, TrialFailed> {
    let scrubber = config.scrubber();
    let failed = |text: String| TrialFailed(format!("{}: {}", config.name, scrubber.text(&text)));
    let cwd = config.cwd.clone().map_or_else(std::env::current_dir, Ok).and_then(std::fs::canonicalize);
    let cwd = cwd.map_err(|error| failed(format!("its folder cannot be used: {error}")))?;
    let ready = opening(config, &JsonObject::default()).map_err(|error| failed(error.to_string()))?;
    let name = format!("trial of {}", config.name);
    let variables = Workplace::default().variables(config);
    let launched = start::launch(agents, config, cwd.clone(), variables, name, None).await.map_err(failed)?;
    let process = launched.process;
    let (peer, mut heard) = peer::connect(launched.input, launched.output, launched.log, Opening { cwd, ..ready });
    let introduced = tokio::time::timeout(config.start_time, async {
        loop {
            match heard.recv().await {
                Some(Heard::Ready(introduction)) => return Ok(*introduction),
                Some(Heard::Broken(problem)) => return Err(problem),
                Some(Heard::Closed) | None => return Err("it ended before it was ready".to_owned()),
                Some(_) => {}
            }
        }
    });
    let introduced = introduced.await;
    drop(peer);
    process.terminate(GRACE).await;
    match introduced {
        Ok(Ok(introduction)) => {
            let clean = |text: String| scrubber.text(&text).into_owned();
            let offers = introduction.offers.into_iter().map(clean).collect();
            Ok(ProviderTrial { started: true, agent: introduction.agent.map(clean), offers })
        }
        Ok(Err(problem)) => Err(failed(problem)),
        Err(_elapsed) => Err(failed(format!("it was not ready within {} s", config.start_time.as_secs()))),
    }
}

/// What an agent says that it can do: the names of everything in its capabilities that is not false or empty.
pub(crate) fn offers(hello: &Value) -> Vec<String> {
    let mut names = Vec::new();
    if let Some(can) = hello.get("agentCapabilities") {
        gather("", can, &mut names);
    }
    names.sort();
    names
}

fn gather(above: &str, value: &Value, names: &mut Vec<String>) {
    let Value::Object(members) = value else { return };
    for (name, value) in members.iter().filter(|(name, _)| !name.starts_with('_')).take(50) {
        let name: String = format!("{above}{name}").chars().take(100).collect();
        match value {
            Value::Object(_) => {
                gather(&format!("{name}."), value, names);
                if above.ends_with("sessionCapabilities.") {
                    names.push(name);
                }
            }
            Value::Bool(true) => names.push(name),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_an_agent_can_do_is_told_by_name() {
        let hello = json!({"agentCapabilities": {"loadSession": true, "_meta": {"x": true},
            "promptCapabilities": {"image": true, "audio": false}, "sessionCapabilities": {"resume": {}}}});
        assert_eq!(offers(&hello), ["loadSession", "promptCapabilities.image", "sessionCapabilities.resume"]);
        assert_eq!(offers(&json!({})), Vec::<String>::new());
    }
}
