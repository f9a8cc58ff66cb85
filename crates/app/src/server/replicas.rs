//! The other replicas of the deployment: hints to and from them, and the key that all sign with.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use flightdeck_domain::audit::CheckpointKeyId;
use flightdeck_domain::ports::{CheckpointSigner, IdGenerator, StoreUnavailable};
use flightdeck_domain::system::SystemIds;
use flightdeck_domain::text::ReplicaName;
use flightdeck_domain::use_cases::{MakeCheckpoint, MakeCheckpointError, Ports};
use flightdeck_live::Hints;
use flightdeck_settings::DatabaseUrl;
use flightdeck_storage::{CheckpointFile, archive_holds, signing_key};
use flightdeck_wakeup_valkey::{Options, Valkey};
use tokio::runtime::Handle;

use super::error::DeploymentError;
use crate::config::Config;

/// Joins the other replicas, if there is a Valkey to meet them at, and has all hints go through it.
/// Must run inside the runtime that lives as long as the server.
pub(super) fn join(config: &Config, ports: &mut Ports, hints: &Arc<Hints>) -> Option<Arc<Valkey>> {
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
pub(super) fn name(data_dir: &Path) -> Result<ReplicaName, DeploymentError> {
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
pub(super) async fn signed(config: &Config, ports: Ports) -> Result<Ports, DeploymentError> {
    let signer = signing_key(&config.storage.data_dir)?;
    let archive = CheckpointFile::open(&config.storage.data_dir, archive_holds(&config.storage))?;
    let ours = signer.public_key().id();
    let unsigned = ports.clone();
    let ports = ports.with_checkpoints(Arc::new(signer), Arc::new(archive));
    let DatabaseUrl::Postgres(_) = &config.storage.database else { return Ok(ports) };
    if let Some(theirs) = signing_key_in_use(config, &ports).await?.filter(|theirs| *theirs != ours) {
        tracing::error!(
            %ours, %theirs,
            "another replica signs the audit log with another key, so this one signs and checks no checkpoints; \
             copy audit-signing.key and audit-signing.pub of that replica into this data folder and start again"
        );
        return Ok(unsigned);
    }
    if !config.storage.data_dir.join(NAME_FILE).exists() {
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
