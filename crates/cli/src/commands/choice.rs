//! Which provider runs an agent when only its type is given. The server would take any type, and register what no provider
//! can run under `internal`, where nothing starts it.

use flightdeck_client::replies::{Provider, Providers};
use flightdeck_client::{Client, ClientError};

use super::INTERNAL;
use super::providers::ask;
use crate::error::CommandError;

/// The provider that runs agents of this type.
///
/// # Errors
/// There is none or more than one, or the server does not say so: `--provider` is needed then.
pub(super) fn provider_for(client: &Client, agent_type: &str) -> Result<String, CommandError> {
    let reply = ask(client).map_err(|error| {
        match error {
        CommandError::OlderServer(_) => CommandError::Usage(
            "--provider: name what is to run the agent; this server is older than this command and does not tell which \
             agents it starts"
                .to_owned(),
        ),
        CommandError::Client(ClientError::Refused { status: 403, kind, detail }) => ClientError::Refused {
            status: 403,
            kind,
            detail: format!("{detail}; without its providers to choose from, name one with --provider"),
        }
        .into(),
        other => other,
    }
    })?;
    let Providers { providers, configurations } = reply.read()?;
    if configurations.iter().any(|config| config.name == agent_type && config.source == "stored") {
        return Ok(agent_type.to_owned());
    }
    choose(&providers, agent_type).map_err(CommandError::Usage)
}

fn choose(providers: &[Provider], agent_type: &str) -> Result<String, String> {
    let starting: Vec<&Provider> = providers.iter().filter(|provider| provider.spawns).collect();
    let has_it = |provider: &&&Provider| provider.agent_types.iter().any(|name| name == agent_type);
    let having: Vec<&str> = starting.iter().filter(has_it).map(|provider| provider.name.as_str()).collect();
    match having.as_slice() {
        [one] => Ok((*one).to_owned()),
        [] => Err(format!(
            "--type: no provider has agents of the type {agent_type:?}; {}; --provider {INTERNAL} registers an agent that \
             reports in by itself",
            offered(&starting)
        )),
        several => Err(format!(
            "--type: {} have agents of the type {agent_type:?}; say with --provider which of them",
            several.join(" and ")
        )),
    }
}

/// What can be started instead.
fn offered(starting: &[&Provider]) -> String {
    if starting.is_empty() {
        return "this server starts none at all".to_owned();
    }
    let offers: Vec<String> = starting
        .iter()
        .map(|Provider { name, agent_types, .. }| {
            if agent_types.is_empty() {
                format!("{name} starts any type, with --provider {name}")
            } else {
                format!("{name} starts {}", agent_types.join(", "))
            }
        })
        .collect();
    offers.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider(name: &str, spawns: bool, agent_types: &[&str]) -> Provider {
        let agent_types = agent_types.iter().map(|name| (*name).to_owned()).collect();
        Provider { name: name.to_owned(), spawns, agent_types, ..Provider::default() }
    }

    #[test]
    fn a_type_that_one_provider_has_chooses_it() {
        let providers = [
            provider("acp", true, &["claude", "opencode"]),
            provider("internal", false, &[]),
            provider("scripted", true, &[]),
        ];
        assert_eq!(choose(&providers, "opencode"), Ok("acp".to_owned()));
        let refused = choose(&providers, "robot").expect_err("nothing would run it");
        assert_eq!(
            refused,
            "--type: no provider has agents of the type \"robot\"; acp starts claude, opencode; scripted starts any \
             type, with --provider scripted; --provider internal registers an agent that reports in by itself"
        );
    }

    #[test]
    fn a_type_that_several_have_does_not_choose() {
        let providers = [provider("acp", true, &["claude"]), provider("remote", true, &["claude"])];
        let refused = choose(&providers, "claude").expect_err("which one?");
        assert_eq!(
            refused,
            "--type: acp and remote have agents of the type \"claude\"; say with --provider which of them"
        );
    }

    #[test]
    fn what_is_not_started_is_not_chosen() {
        let providers = [provider("claude-code", false, &["claude"]), provider("internal", false, &[])];
        let refused = choose(&providers, "claude").expect_err("nothing would run it");
        assert!(refused.contains("; this server starts none at all; --provider internal"), "{refused}");
    }
}
