//! `flightdeck providers`: which agents a server starts, what can be asked of these, and how they are configured.

mod configs;

use flightdeck_client::replies::{Provider, ProviderConfig, Providers};
use flightdeck_client::{Client, ClientError, Reply};
use flightdeck_terminal::{Column, Outcome, Table, Tone};
use serde_json::{Map, Value};

use crate::ask::begin;
use crate::error::CommandError;
use crate::grammar::{Asking, ProvidersArgs, ProvidersCommand};

/// The kind of the problem with a path that the server does not know.
const NO_ROUTE: &str = "urn:flightdeck:problem:no-route";

pub(super) fn run(args: &ProvidersArgs) -> Outcome {
    match &args.command {
        None => list(&args.asking),
        Some(ProvidersCommand::List { asking }) => list(asking),
        Some(ProvidersCommand::Show { named, asking }) => configs::show(&named.name, asking),
        Some(ProvidersCommand::Set(args)) => configs::set(args),
        Some(ProvidersCommand::Remove { named, why, unasked, asking }) => {
            configs::remove(&named.name, why.reason.as_deref(), unasked.yes, asking)
        }
        Some(ProvidersCommand::Test { named, why, asking }) => {
            configs::test(&named.name, why.reason.as_deref(), asking)
        }
    }
}

fn list(asking: &Asking) -> Outcome {
    let (client, out) = begin(asking)?;
    let reply = ask(&client)?;
    if out.json {
        out.json(&reply.body);
        return Ok(());
    }
    let Providers { providers, configurations } = reply.read()?;
    out.table(&table(&providers), "this server has no provider");
    if !configurations.is_empty() {
        out.line("");
        out.table(&configured(&configurations), "");
    }
    Ok(())
}

/// What the server answers to `GET /providers`.
///
/// # Errors
/// [`CommandError::OlderServer`] where it has no such route.
pub(super) fn ask(client: &Client) -> Result<Reply, CommandError> {
    client.get("/providers").map_err(|error| match error {
        ClientError::Refused { kind, .. } if kind == NO_ROUTE => {
            CommandError::OlderServer("cannot list its providers (it has no GET /providers)")
        }
        other => other.into(),
    })
}

fn table(providers: &[Provider]) -> Table {
    let mut table = Table::new(&[Column::wrapped("PROVIDER"), Column::wrapped("STARTS"), Column::wrapped("CAN")]);
    for provider in providers {
        let (tone, starts) = match provider {
            Provider { spawns: false, .. } => (Tone::Faint, "nothing".to_owned()),
            Provider { agent_types, .. } if agent_types.is_empty() => (Tone::Plain, "any type".to_owned()),
            Provider { agent_types, .. } => (Tone::Plain, agent_types.join(", ")),
        };
        let can = abilities(&provider.capabilities);
        table.row([(Tone::Strong, &provider.name), (tone, &starts), (Tone::Plain, &can)]);
    }
    table
}

fn configured(configs: &[ProviderConfig]) -> Table {
    let mut table = Table::new(&[
        Column::wrapped("CONFIGURATION"),
        Column::whole("KIND"),
        Column::whole("SOURCE"),
        Column::whole("REVISION"),
        Column::cut("STATE"),
    ]);
    for config in configs {
        let (tone, state) = match &config.hindrance {
            Some(hindrance) => (Tone::Faint, hindrance.as_str()),
            None => (Tone::Good, "enabled"),
        };
        table.row([
            (Tone::Strong, config.name.as_str()),
            (Tone::Plain, &config.kind),
            (Tone::Plain, &config.source),
            (Tone::Plain, &config.revision.to_string()),
            (tone, state),
        ]);
    }
    table
}

/// What can be asked of it, in words: `pause, steer`.
fn abilities(capabilities: &Map<String, Value>) -> String {
    let able = capabilities.iter().filter(|(_, value)| **value == Value::Bool(true));
    let words: Vec<String> =
        able.map(|(name, _)| name.strip_prefix("can").unwrap_or(name).to_ascii_lowercase()).collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use flightdeck_terminal::Paint;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_each_starts_is_told() {
        let providers = json!({"providers": [
            {"name": "acp", "spawns": true, "agentTypes": ["claude", "opencode"]},
            {"name": "internal", "spawns": false, "agentTypes": [], "capabilities": {"canPause": true}},
            {"name": "scripted", "spawns": true},
        ]});
        let Providers { providers, .. } = serde_json::from_value(providers).expect("providers");
        let lines = table(&providers).lines(Paint::OFF, None);
        insta::assert_snapshot!(lines.join("\n"), @r"
        PROVIDER  STARTS            CAN
        acp       claude, opencode
        internal  nothing           pause
        scripted  any type
        ");
    }

    #[test]
    fn only_what_it_can_is_listed() {
        let capabilities = json!({"canApprove": true, "canPause": true, "canSteer": false, "note": "x"});
        assert_eq!(abilities(capabilities.as_object().expect("an object")), "approve, pause");
    }
}
