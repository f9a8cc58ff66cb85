//! `flightdeck conformance`: the temporary deployment that the agent runs in.

use std::sync::Arc;

use flightdeck_admin::{ConformanceArgs, Fleet, conform, find_agent};
use flightdeck_terminal::Outcome;

use super::deployment::Deployment;
use crate::config::Config;
use crate::logging;

pub(crate) async fn run(args: &ConformanceArgs, config: Config) -> Outcome {
    let agent = find_agent(args, &config.agents)?.clone();
    let folder = tempfile::Builder::new().prefix("flightdeck-conformance-").tempdir()?;
    let config = config.on_a_folder_of_its_own(folder.path());
    let _no_server_counts = logging::start(&config);
    let deployment = Deployment::open(&config).await?;
    let fleet = Fleet { ports: deployment.ports, providers: deployment.providers, acp: Arc::clone(&deployment.acp) };
    Box::pin(conform(args, &agent, fleet)).await
}
