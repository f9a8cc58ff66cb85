//! `flightdeck hook`: a hook of an agent that runs commands, passed on to the server.

use std::io::Read;
use std::time::Duration;

use flightdeck_client::{ClientError, ServerFlags};
use flightdeck_terminal::{BoxError, Exit, Outcome, say, tell};
use serde_json::Value;

use crate::grammar::{HookAgent, HookArgs, HookFlags};

/// The most bytes of a hook that are passed on.
const LARGEST: u64 = 64 << 20;
/// How much longer than the server may hold the answer back is waited for it.
const SLACK: Duration = Duration::from_secs(5);

/// The path of the route, with what is said.
pub(crate) fn path(flags: &HookFlags) -> String {
    let mut path = format!("/hooks/claude-code?hold={}s", flags.hold().as_secs());
    for (name, value) in [("missionId", &flags.mission), ("taskId", &flags.task)] {
        if let Some(value) = value {
            path = format!("{path}&{name}={}", encoded(value));
        }
    }
    if flags.denies() { format!("{path}&unavailable=deny") } else { path }
}

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

pub(crate) async fn run(args: HookArgs) -> Outcome {
    let HookAgent::ClaudeCode { server, hook } = args.agent;
    let denies = hook.denies();
    let answered = tokio::task::spawn_blocking(move || claude_code(&server, &hook)).await?;
    match answered {
        Ok(answer) if answer.as_object().is_some_and(|answer| !answer.is_empty()) => say(answer),
        Ok(_) => {}
        Err(error) => {
            // Never a failure that the agent has to deal with, unless it was wished for; then the reason on standard error is
            // what the agent reads.
            tell(error.as_ref());
            if denies {
                Exit::HookBlocks.end();
            }
        }
    }
    Ok(())
}

/// Why a hook was not answered.
#[derive(Debug, thiserror::Error)]
enum HookError {
    #[error("the server refused the hook: {0}")]
    Refused(String),
    #[error("the server cannot be reached")]
    Unreachable(#[source] ClientError),
}

fn claude_code(server: &ServerFlags, hook: &HookFlags) -> Result<Value, BoxError> {
    let mut body = Vec::new();
    let mut input = std::io::stdin().lock();
    // The server knows from the beginning whose a hook is; the rest is taken so that its writer does not fail.
    input.by_ref().take(LARGEST).read_to_end(&mut body)?;
    std::io::copy(&mut input, &mut std::io::sink())?;
    let client = server.connect()?;
    let answer = client.say_once(&path(hook), &body, hook.hold() + SLACK).map_err(HookError::Unreachable)?;
    if answer.is_good() { Ok(answer.body) } else { Err(HookError::Refused(answer.problem()).into()) }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Asked {
        #[command(flatten)]
        hook: HookFlags,
    }

    #[test]
    fn what_is_said_of_sessions_is_asked_in_the_words_of_the_route() {
        let asked = Asked::parse_from(["hook", "--mission", "m 1", "--task", "FD-1", "--unreachable", "deny"]);
        assert_eq!(path(&asked.hook), "/hooks/claude-code?hold=50s&missionId=m%201&taskId=FD-1&unavailable=deny");
        assert_eq!(path(&Asked::parse_from(["hook"]).hook), "/hooks/claude-code?hold=50s");
    }
}
