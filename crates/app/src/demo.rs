//! `flightdeck demo`: a server on a temporary store, with a fleet worth looking at.

use flightdeck_domain::use_cases::SpawnSession;
use flightdeck_provider_scripted::demo;

use crate::cli::{Outcome, say};
use crate::config::{Config, DatabaseUrl};
use crate::deployment::Deployment;
use crate::serve::Server;
use crate::{logging, login_link};

pub(crate) async fn run(config: Config) -> Outcome {
    let folder = tempfile::Builder::new().prefix("flightdeck-demo-").tempdir()?;
    let data_dir = folder.path().to_owned();
    // What happens to a store of its own concerns no other replica.
    let database = DatabaseUrl::Sqlite(data_dir.join("flightdeck.db"));
    let config = Config { database, data_dir, valkey_url: None, ..config };
    logging::start(&config);
    let deployment = Deployment::open(&config).await?;
    let server = Server::start(&config, &deployment).await?;
    let spawn = SpawnSession::new(&deployment.ports, &deployment.providers);
    let mut first = None;
    for agent in demo::fleet()? {
        let spawned = spawn.execute(agent.session, Some(agent.prompt)).await?;
        first.get_or_insert(spawned.session.id);
    }
    let key = deployment.first_key.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    let link = login_link::make(&deployment.ports, &config.data_dir, server.address).await?.unwrap_or_default();
    let url = format!("http://{}", server.address);
    let agent = first.map(|id| id.to_string()).unwrap_or_default();
    say(format!(
        "Flightdeck demo: a fleet of scripted agents is at work on {url}\n\n\
         Log in: {link}\n\n\
         Or paste these, one after the other:\n\n\
         export KEY=$(cat {key})\n\
         # the session tree\n\
         curl -s -H \"X-API-Key: $KEY\" {url}/agents/tree; echo\n\
         # one agent's conversation, live\n\
         curl -N -H \"X-API-Key: $KEY\" {url}/agents/{agent}/messages/stream\n\
         # everything that happens to the fleet, live\n\
         curl -N -H \"X-API-Key: $KEY\" {url}/agents/events\n\
         # say something to the agent, hold it, let it go on\n\
         curl -s -H \"X-API-Key: $KEY\" --json '{{\"message\":\"How is it going?\",\"delivery\":\"interrupt\"}}' {url}/agents/{agent}/inject; echo\n\
         curl -s -X POST -H \"X-API-Key: $KEY\" {url}/agents/{agent}/pause; echo\n\
         curl -s -X POST -H \"X-API-Key: $KEY\" {url}/agents/{agent}/resume; echo\n\
         # stop them all; then see who did what, and prove it\n\
         curl -s -X POST -H \"X-API-Key: $KEY\" {url}/agents/kill-all; echo\n\
         curl -s -H \"X-API-Key: $KEY\" {url}/audit; echo\n\
         curl -s -H \"X-API-Key: $KEY\" {url}/audit/verify; echo\n\n\
         Ctrl-C ends the demo; nothing of it is kept."
    ));
    server.until_stopped(&deployment).await
}
