//! The domain, wired to this machine: store, hints, providers, clock, ids.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use flightdeck_changes::{Keeper, Limits, Scrubbed};
use flightdeck_domain::epoch::Epoch;
use flightdeck_domain::ports::{Changes, MessageRepository, Readiness, StoreSpace};
use flightdeck_domain::text::{ProviderName, ReplicaName};
use flightdeck_domain::use_cases::{ArchivedMessages, KeepEpoch, Ports, Providers, ResolveProvider, RunnerProvider};
use flightdeck_live::Hints;
use flightdeck_processes::Supervisor;
use flightdeck_provider_acp::{AcpProvider, Home};
use flightdeck_provider_claude_code::ClaudeCodeProvider;
use flightdeck_provider_scripted::ScriptedProvider;
use flightdeck_sealing::{KeySource, Sealer};
use flightdeck_sinks as sinks;
use flightdeck_storage::{
    LaggingReads, MarkFile, Opened, SpoolFile, check_database, ensure_admin_key, open_archive, open_store_with,
};
use flightdeck_wakeup_valkey::Valkey;
use tokio::sync::Mutex;

use super::error::DeploymentError;
use super::guard_post::{self, Signs};
use super::replicas;
use crate::config::Config;

/// What keeps what agents change in their folders.
fn keeper(ports: &Ports, data_dir: &Path) -> Arc<dyn Changes> {
    Arc::new(Keeper::new(&data_dir.join("changes"), Arc::clone(&ports.clock), Limits::default()))
}

/// One deployment.
pub(super) struct Deployment {
    pub(super) ports: Ports,
    /// The name of this replica.
    pub(super) name: ReplicaName,
    /// Where the first admin key was written, if this was the first start.
    pub(super) first_key: Option<PathBuf>,
    /// Watches over the history that the store holds.
    pub(super) keep_epoch: KeepEpoch,
    /// The history that it held at the start.
    pub(super) epoch: Epoch,
    pub(super) providers: Providers,
    pub(super) scripted: Arc<ScriptedProvider>,
    pub(super) acp: Arc<AcpProvider>,
    /// Where the agents that the server runs have their things.
    pub(super) home: Home,
    pub(super) hints: Arc<Hints>,
    /// Where this replica meets the others, if there are any.
    pub(super) valkey: Option<Arc<Valkey>>,
    /// What messages tell the guard; `None` when nobody is watched.
    pub(super) signs: Option<Arc<Mutex<Signs>>>,
    /// Whether the store could write now.
    pub(super) readiness: Arc<dyn Readiness>,
    /// Whether other replicas may work on the same store.
    pub(super) is_shared: bool,
    /// The space of the store, where it can give some back.
    pub(super) space: Option<Arc<dyn StoreSpace>>,
    /// Reads that may lag, where there are standbys for them.
    pub(super) lagging: Option<LaggingReads>,
}

impl Deployment {
    /// Opens the store and its providers for a server, and joins the other replicas. Must run inside the runtime that lives
    /// as long as the server.
    pub(super) async fn open(config: &Config) -> Result<Self, DeploymentError> {
        let data_dir = &config.storage.data_dir;
        check_database(&config.storage)?;
        let hints = Arc::new(Hints::default());
        let Opened { mut ports, readiness, is_shared, space, lagging } =
            open_store_with(&config.storage, hints.clone()).await?;
        if let Some(archive) = open_archive(&config.storage)? {
            ports = ports.with_archive(archive);
        }
        // Before anything is signed: then there is something to sign.
        let first_key = ensure_admin_key(&ports, data_dir).await?;
        let valkey = replicas::join(config, &mut ports, &hints);
        let signs = (!config.guard.is_off()).then(|| guard_post::stand(&mut ports));
        let keys = KeySource::find(config.storage.secrets_key_file.clone(), |name| std::env::var(name).ok())?;
        let ports = ports.with_sealer(Arc::new(Sealer::new(keys)));
        let options = sinks::Options { allow_private: config.sinks_allow_private, trust: config.trust.clone() };
        let ports = ports.with_sink_sender(Arc::new(sinks::Sender::new(options)));
        let spool = SpoolFile::open(data_dir)?;
        let ports = replicas::signed(config, ports).await?.with_spool(Arc::new(spool));
        let name = replicas::name(data_dir)?;
        let keep_epoch = KeepEpoch::new(&ports, Arc::new(MarkFile::new(data_dir)), name.to_string());
        let found = keep_epoch.begin().await?;
        if found.went_back {
            tracing::error!(epoch = %found.epoch, "the database is not as this server left it: it was restored to an \
                earlier moment, or is another one; readers with a cursor from before start over");
        }
        let replica = is_shared.then(|| name.clone());
        let scripted = Arc::new(ScriptedProvider::at_replica(&ports, replica.clone()));
        let home = Home::new(data_dir);
        let supervisor = Supervisor::this_binary().map_err(DeploymentError::Agents)?;
        let changes = keeper(&ports, data_dir);
        let ports = ports.with_changes(Arc::clone(&changes));
        let provider = if is_shared { AcpProvider::at_replica } else { AcpProvider::new };
        let acp = provider(&ports, config.agents.clone(), home.clone(), supervisor);
        let acp = Arc::new(acp.map_err(DeploymentError::Agents)?);
        // The hooks of Claude Code come when it does something, and it may wait for a prompt all night.
        let claude_code = Arc::new(ClaudeCodeProvider);
        let runners = RunnerProvider::new(&ports);
        let mut providers = Providers::default()
            .with(scripted.clone())
            .with(acp.clone())
            .with(claude_code.clone())
            .with_kind(scripted.clone())
            .with_kind(acp.clone())
            .with_kind(claude_code)
            .with(Arc::new(runners.clone()))
            .with_kind(Arc::new(runners))
            .without_lease(ProviderName::runner())
            .with_labels(config.labels.clone())
            .without_lease(ProviderName::claude_code());
        if let Some(replica) = replica {
            providers = providers.at_replica(replica);
        }
        // Agents have their states kept; who reads what they changed sees no credential.
        let resolve = ResolveProvider::new(&ports, &providers);
        let scrubbed = Scrubbed::over(changes, &ports, resolve);
        let ports = ports.with_changes(Arc::new(scrubbed));
        Ok(Self {
            name,
            ports,
            first_key,
            keep_epoch,
            epoch: found.epoch,
            providers,
            scripted,
            acp,
            home,
            hints,
            signs,
            valkey,
            readiness,
            is_shared,
            space,
            lagging,
        })
    }

    /// Conversations as they may lag, with the archive behind them.
    pub(super) fn history(&self, lagging: &LaggingReads) -> Arc<dyn MessageRepository> {
        match &self.ports.archive {
            Some(archive) => {
                let retention = Arc::clone(&self.ports.retention);
                Arc::new(ArchivedMessages::new(lagging.messages(), retention, Arc::clone(archive)))
            }
            None => lagging.messages(),
        }
    }
}
