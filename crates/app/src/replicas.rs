//! The other replicas of the deployment: hints to and from them, and the throttle that counts for all.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use flightdeck_domain::audit::CheckpointKeyId;
use flightdeck_domain::ids::KeyId;
use flightdeck_domain::ports::{CheckpointSigner, IdGenerator, StoreUnavailable};
use flightdeck_domain::system::SystemIds;
use flightdeck_domain::text::ReplicaName;
use flightdeck_domain::use_cases::{MakeCheckpoint, MakeCheckpointError, OfferCommands, Ports, Providers};
use flightdeck_http_api::{Admission, ControlRoute, ControlThrottle, Rate, Throttle};
use flightdeck_live::Hints;
use flightdeck_wakeup_valkey::{self as wakeup, Options, Quota, Unavailable, Valkey};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::audit_files::{CheckpointFile, signing_key};
use crate::config::{Config, DatabaseUrl};
use crate::deployment::{DeploymentError, archive_holds};

/// Joins the other replicas, if there is a Valkey to meet them at, and has all hints go through it.
/// Must run inside the runtime that lives as long as the server.
pub(crate) fn join(config: &Config, ports: &mut Ports, hints: &Arc<Hints>) -> Option<Arc<Valkey>> {
    let url = config.valkey_url.as_ref()?;
    let options = Options { prefix: config.valkey_prefix.clone(), ..Options::default() };
    let (local, all) = (Arc::clone(&ports.wake_ups), Arc::clone(hints));
    let valkey = Valkey::join(url, options, ports.ids.uuid(), local, move || all.everything(), &Handle::current());
    let valkey = Arc::new(valkey);
    ports.wake_ups = valkey.clone();
    Some(valkey)
}

/// Where a replica keeps its name.
const NAME_FILE: &str = "replica.id";

/// The name of this replica: made at its first start, and the same after each restart.
pub(crate) fn name(data_dir: &Path) -> Result<ReplicaName, DeploymentError> {
    let path = data_dir.join(NAME_FILE);
    let failed = |source| DeploymentError::Replica { path: path.clone(), source };
    let broken = |error| failed(io::Error::new(io::ErrorKind::InvalidData, error));
    match fs::read_to_string(&path) {
        Ok(text) => ReplicaName::new(text.trim()).map_err(|error| broken(error.to_string())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let name = SystemIds.uuid().to_string();
            let mut file = fs::OpenOptions::new().write(true).create_new(true).open(&path).map_err(failed)?;
            writeln!(file, "{name}").and_then(|()| file.sync_all()).map_err(failed)?;
            ReplicaName::new(name).map_err(|error| broken(error.to_string()))
        }
        Err(error) => Err(failed(error)),
    }
}

/// Has the audit log signed by the key in the data folder. All replicas need the same key: one with another key would take
/// the others' checkpoints for forgeries, so it signs nothing and says so.
pub(crate) async fn signed(config: &Config, ports: Ports) -> Result<Ports, DeploymentError> {
    let signer = signing_key(&config.data_dir)?;
    let archive = CheckpointFile::open(&config.data_dir, archive_holds(config))?;
    let ours = signer.public_key().id();
    let unsigned = ports.clone();
    let ports = ports.with_checkpoints(Arc::new(signer), Arc::new(archive));
    let DatabaseUrl::Postgres(_) = &config.database else { return Ok(ports) };
    if let Some(theirs) = signing_key_in_use(config, &ports).await?.filter(|theirs| *theirs != ours) {
        tracing::error!(
            %ours, %theirs,
            "another replica signs the audit log with another key, so this one signs and checks no checkpoints; \
             copy audit-signing.key and audit-signing.pub of that replica into this data folder and start again"
        );
        return Ok(unsigned);
    }
    if !config.data_dir.join(NAME_FILE).exists() {
        // A replica that joins takes the word of those that are there.
        match MakeCheckpoint::new(&ports).refill().await {
            Ok(_) => {}
            Err(MakeCheckpointError::Unavailable(error)) => return Err(error.into()),
            Err(error) => {
                tracing::error!(%error, "the checkpoints of the database are not all good; see GET /audit/verify");
            }
        }
    }
    Ok(ports)
}

/// Whose checkpoints the database holds. Where it holds none yet, the first to sign decides it: so one is made at once.
async fn signing_key_in_use(config: &Config, ports: &Ports) -> Result<Option<CheckpointKeyId>, StoreUnavailable> {
    let newest = ports.audit.newest_checkpoint().await?;
    if newest.is_some() || config.checkpoint_interval.is_none() {
        return Ok(newest.map(|checkpoint| checkpoint.key_id));
    }
    match MakeCheckpoint::new(ports).execute().await {
        Ok(made) => Ok(Some(made.checkpoint.key_id)),
        Err(MakeCheckpointError::OtherKey { theirs, .. }) => Ok(Some(theirs)),
        Err(MakeCheckpointError::Unavailable(error)) => Err(error),
        // Told when the next one is due.
        Err(_) => Ok(None),
    }
}

/// Hands over what other replicas ask of agents that live in this one, until the shutdown.
pub(crate) async fn keep_offering(ports: Ports, providers: Providers, hints: Arc<Hints>, shutdown: CancellationToken) {
    let mut moved = hints.feed();
    let mut offering: Option<OfferCommands> = None;
    loop {
        moved.mark_unchanged();
        let looked = match &mut offering {
            Some(offering) => offering.execute().await.map(drop),
            None => OfferCommands::begin(&ports, &providers).await.map(|begun| offering = Some(begun)),
        };
        if let Err(error) = looked {
            let cause: &dyn std::error::Error = &error;
            tracing::warn!(cause, "cannot look for what other replicas ask of agents here; trying again");
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            // Hints may be lost.
            _ = tokio::time::timeout(Duration::from_secs(1), moved.changed()) => {}
        }
    }
}

/// Holds keys to the rate of control calls on all replicas together, route by route. While Valkey gives no answer, this
/// replica counts for itself, from what it has granted so far.
pub(crate) struct SharedThrottle {
    shared: BTreeMap<ControlRoute, wakeup::Throttle>,
    alone: Throttle<(ControlRoute, KeyId)>,
    /// Whether it was told that there is no answer.
    told: AtomicBool,
}

impl SharedThrottle {
    /// `None` when there is no limit.
    pub(crate) fn new(valkey: &Valkey, rate: Rate) -> Option<Self> {
        let (count, period) = rate.quota()?;
        let shared = |route: ControlRoute| (route, valkey.throttle(route.name(), Quota { count, period }));
        let shared = ControlRoute::ALL.into_iter().map(shared).collect();
        Some(Self { shared, alone: Throttle::new(rate), told: AtomicBool::new(false) })
    }

    async fn of_all(&self, route: ControlRoute, key: &KeyId) -> Result<wakeup::Admission, Unavailable> {
        match self.shared.get(&route) {
            Some(shared) => shared.admit(key.as_str()).await,
            None => Err(Unavailable::Away),
        }
    }

    fn tell(&self, cause: &Unavailable) {
        // That it is away is told by the connection itself.
        if !matches!(cause, Unavailable::Away) && !self.told.swap(true, Ordering::Relaxed) {
            let cause: &dyn std::error::Error = cause;
            tracing::warn!(cause, "control calls are counted by each replica for itself until Valkey answers again");
        }
    }
}

#[async_trait]
impl ControlThrottle for SharedThrottle {
    async fn admit(&self, route: ControlRoute, key: &KeyId) -> Admission {
        let alone = (route, key.clone());
        match self.of_all(route, key).await {
            Ok(wakeup::Admission::Granted) => {
                self.told.store(false, Ordering::Relaxed);
                // Only counted, for the time when Valkey is away.
                let _ = self.alone.admit(&alone);
                Admission::Granted
            }
            Ok(wakeup::Admission::Refused { retry_after }) => {
                self.told.store(false, Ordering::Relaxed);
                Admission::Refused { retry_after }
            }
            Err(unavailable) => {
                self.tell(&unavailable);
                self.alone.admit(&alone)
            }
        }
    }

    fn sweep(&self) {
        self.alone.sweep();
    }
}
