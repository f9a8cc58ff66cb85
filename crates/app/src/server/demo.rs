//! `flightdeck demo`: a server on a temporary store, with a fleet worth looking at.

use flightdeck_domain::use_cases::SpawnSession;
use flightdeck_provider_scripted::demo;
use flightdeck_settings::local_url;
use flightdeck_terminal::Outcome;

use super::announce::announce;
use super::deployment::Deployment;
use super::login_link;
use super::serve::Server;
use crate::config::Config;
use crate::logging;

pub(crate) async fn run(config: Config) -> Outcome {
    let folder = tempfile::Builder::new().prefix("flightdeck-demo-").tempdir()?;
    let config = config.on_a_folder_of_its_own(folder.path());
    let counters = logging::start(&config);
    let deployment = Deployment::open(&config).await?;
    let server = Server::start(&config, &deployment, counters).await?;
    let spawn = SpawnSession::new(&deployment.ports, &deployment.providers);
    for agent in demo::fleet()? {
        spawn.execute(agent.session, Some(agent.prompt)).await?;
    }
    let link = login_link::make(&deployment.ports, &config.storage.data_dir, server.address).await.unwrap_or_default();
    // The page shows its tour to whoever comes by this link for the first time.
    let link = if link.is_empty() { link } else { format!("{link}#tour") };
    let url = local_url(server.address);
    announce(format!(
        "Flightdeck demo: sixteen scripted agents are at work on {url}\n\n  \
         Look at them:  {link}\n  \
         (the link logs in once, within 10 minutes)\n\n\
         Or in a second terminal:\n\n  \
         export FLIGHTDECK_DATA_DIR={}\n  \
         flightdeck tree --watch            # who works on what; ? tells the keys\n  \
         flightdeck approvals               # who waits for a person's word\n  \
         flightdeck approvals allow ID      # give it\n  \
         flightdeck logs -f ID              # what an agent says and does, live\n  \
         flightdeck inject ID \"How is it going?\" --delivery interrupt\n  \
         flightdeck pause ID                # says paused when it was seen to be\n  \
         flightdeck kill-all                # stop all of them\n  \
         flightdeck audit list              # who did what\n\n  \
         ID is what stands at the end of a line of the tree. Ctrl-C ends the demo; nothing of it is kept.",
        config.storage.data_dir.display(),
    ));
    server.until_stopped(&deployment).await
}
