//! `flightdeck serve`

use std::net::SocketAddr;
use std::sync::Arc;

use flightdeck_domain::ports::Clock;
use flightdeck_domain::system::SystemClock;
use flightdeck_domain::use_cases::{KeepEpochError, ListKeys, MakeCheckpoint, Reconcile, Reconciled};
use flightdeck_http_api::{Api, ApiOptions, Counters, Listening};
use flightdeck_provider_claude_code::ClaudeCode;
use flightdeck_vitals::Vitals;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::cli::{Outcome, announce};
use crate::config::Config;
use crate::data_folder::{self, Gone, Witness};
use crate::deployment::{Deployment, lock};
use crate::epochs::keep_marking;
use crate::replicas::{SharedThrottle, keep_offering};
use crate::{checkpoints, client, logging, login_link};

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    #[error("cannot listen on {address}")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error(
        "no usable API key exists, so {0} is refused: without keys it listens on loopback only; \
         make one with `flightdeck keys create --role admin`"
    )]
    OpenToAll(SocketAddr),
    #[error(
        "this server cannot go on: what it has in memory is not in the database; start it again (when another server has a \
         copy of this data folder, give each a folder of its own)"
    )]
    WentBack(#[source] KeepEpochError),
    #[error(transparent)]
    Gone(Gone),
    #[error("a worker of the server panicked too often, so the server ends: {0}; the log has the panics")]
    Lost(&'static str),
}

impl ServeError {
    /// What the process ends with: 70 ("internal software error") tells whoever starts it again that it is no setting.
    pub(crate) const fn exit_code(&self) -> u8 {
        match self {
            Self::Lost(_) => 70,
            _ => 1,
        }
    }
}

pub(crate) async fn run(config: Config) -> Outcome {
    let counters = logging::start(&config);
    let _lock = lock(&config.data_dir)?;
    let deployment = Deployment::open(&config).await?;
    let server = Server::start(&config, &deployment, counters).await?;
    let database = deployment.postgres.as_ref().map(|_| format!("  database         {}\n", config.database));
    let valkey = config.valkey_url.as_ref().map(|url| format!("  valkey           {url}\n"));
    let first_key = deployment.first_key.as_ref().map(|path| format!("  first admin key  {}\n", path.display()));
    let link = login_link::make(&deployment.ports, &config.data_dir, server.address).await;
    let link = link.map(|link| format!("  log in           {link}   (once, within 10 minutes)\n"));
    announce(format!(
        "Flightdeck {} is listening on http://{}\n  data             {}\n{}{}{}{}  stop             Ctrl-C",
        env!("CARGO_PKG_VERSION"),
        server.address,
        config.data_dir.display(),
        database.unwrap_or_default(),
        valkey.unwrap_or_default(),
        first_key.unwrap_or_default(),
        link.unwrap_or_default(),
    ));
    server.until_stopped(&deployment).await
}

/// A server that answers.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// Where the address stands for commands on this machine, and what stands there.
    published: (std::path::PathBuf, String),
    /// Caught before anybody is told that it runs.
    signals: Signals,
    running: actix_web::dev::Server,
    shutdown: CancellationToken,
    /// Missing when they are made on demand only.
    checkpoints: Option<MakeCheckpoint>,
    marking: JoinHandle<Option<Result<(), KeepEpochError>>>,
    watching: JoinHandle<Option<Result<(), Gone>>>,
}

impl Server {
    /// Brings the record in line with a restart, and begins to answer.
    pub(crate) async fn start(
        config: &Config,
        deployment: &Deployment,
        counters: Arc<Counters>,
    ) -> Result<Self, crate::cli::BoxError> {
        // Each open stream is a file descriptor; the soft limit of many systems is only 1024.
        if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
            tracing::warn!(%error, "cannot raise the limit of open files");
        }
        refuse_open_door(config.listen, deployment).await?;
        let listening =
            Listening::on(config.listen).map_err(|source| ServeError::Listen { address: config.listen, source })?;
        sweep(deployment).await?;
        let Reconciled { ended, offered } = Reconcile::new(&deployment.ports, &deployment.providers).execute().await?;
        if ended > 0 {
            tracing::warn!(
                sessions = ended,
                "agents of the last run did not survive the restart; their sessions are failed"
            );
        }
        if offered > 0 {
            tracing::info!(commands = offered, "what was still asked of agents was handed over again");
        }
        let shutdown = CancellationToken::new();
        let options = ApiOptions {
            throttle_control: config.throttle_control,
            throttle_stop: config.throttle_stop,
            throttle_tree: config.throttle_tree,
            throttle_login: config.throttle_login,
            secure_cookies: config.secure_cookies,
            allowed_hosts: config.allowed_hosts.clone(),
            max_streams_per_key: config.max_streams_per_key,
            lease: config.lease,
            hook_lease: config.hook_lease,
            ..ApiOptions::default()
        };
        let api = Api::new(
            &deployment.ports,
            &deployment.providers,
            Arc::clone(&deployment.hints),
            options,
            &tokio::runtime::Handle::current(),
            shutdown.clone(),
        );
        let shared = deployment.valkey.as_ref().and_then(|valkey| SharedThrottle::new(valkey, config.throttle_control));
        let api = match shared {
            Some(throttle) => api.with_control_throttle(throttle),
            None => api,
        };
        let hooks = ClaudeCode::new(&deployment.ports).ending_with(shutdown.clone());
        let api = api.with_claude_code(Arc::new(hooks)).with_counters(counters);
        let api = Arc::new(api.with_readiness(Arc::clone(&deployment.readiness)));
        let current = api.epoch();
        current.set(deployment.epoch);
        let (keep, hints) = (deployment.keep_epoch.clone(), Arc::clone(&deployment.hints));
        let (vitals, runtime, stopping) = (Vitals::process(), Handle::current(), shutdown.clone());
        let marking = vitals.task(&runtime, "epoch marks", move || {
            keep_marking(keep.clone(), current.clone(), Arc::clone(&hints), stopping.clone())
        });
        let (witness, stopping) = (Arc::new(Witness::of(config)), shutdown.clone());
        let watching = vitals
            .task(&runtime, "data folder watch", move || data_folder::watch(Arc::clone(&witness), stopping.clone()));
        api.keep_house();
        if deployment.postgres.is_some() {
            let (ports, providers) = (deployment.ports.clone(), deployment.providers.clone());
            let (hints, stopping) = (Arc::clone(&deployment.hints), shutdown.clone());
            vitals.task(&runtime, "command offers", move || {
                keep_offering(ports.clone(), providers.clone(), Arc::clone(&hints), stopping.clone())
            });
        }
        let checkpoints = config.checkpoint_interval.map(|_| MakeCheckpoint::new(&deployment.ports));
        if let (Some(make), Some(every)) = (checkpoints.clone(), config.checkpoint_interval) {
            let stopping = shutdown.clone();
            vitals.task(&runtime, "audit checkpoints", move || {
                checkpoints::keep_making(make.clone(), every, stopping.clone())
            });
        }
        let signals = Signals::caught()?;
        let address = listening.address;
        let url = login_link::url(address);
        let running = listening.serve(api, config.workers)?;
        tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "listening");
        let published = client::publish(&config.data_dir, &url);
        Ok(Self { address, published: (published, url), signals, running, shutdown, checkpoints, marking, watching })
    }

    /// Answers until a signal comes; then streams end at once and requests in flight are finished.
    pub(crate) async fn until_stopped(self, deployment: &Deployment) -> Outcome {
        let Self { mut running, shutdown, checkpoints, marking, watching, signals, published: (path, url), .. } = self;
        let handle = running.handle();
        let mut lost = None;
        // No task of its own: whatever ends the server is seen as long as there is one.
        let ended = tokio::select! {
            ended = &mut running => ended,
            () = async {
                tokio::select! {
                    () = signals.first() => {}
                    () = shutdown.cancelled() => {}
                    name = Vitals::process().lost() => lost = Some(name),
                }
            } => {
                tracing::info!("stopping");
                shutdown.cancel();
                tokio::join!(&mut running, handle.stop(true)).0
            }
        };
        shutdown.cancel();
        tokio::join!(deployment.scripted.shutdown(), deployment.acp.shutdown());
        if let Some(Err(gone)) = watching.await? {
            return Err(ServeError::Gone(gone).into());
        }
        if let Some(make) = checkpoints {
            checkpoints::once(&make).await;
        }
        client::withdraw(&path, &url);
        marking.await?.unwrap_or(Ok(())).map_err(ServeError::WentBack)?;
        if let Some(name) = lost {
            return Err(ServeError::Lost(name).into());
        }
        tracing::info!("stopped");
        Ok(ended?)
    }
}

/// Ends what agents of the last run have left, before anybody could take it for alive.
async fn sweep(deployment: &Deployment) -> Outcome {
    let home = deployment.home.clone();
    let swept = tokio::task::spawn_blocking(move || home.sweep()).await?;
    for session in &swept.names {
        tracing::warn!(session, "processes of an agent of the last run were found and ended");
    }
    if !swept.clean {
        tracing::error!("processes of agents of the last run cannot be ended: they hang in the kernel");
    }
    Ok(())
}

async fn refuse_open_door(address: SocketAddr, deployment: &Deployment) -> Result<(), crate::cli::BoxError> {
    if address.ip().is_loopback() {
        return Ok(());
    }
    let now = SystemClock.now();
    let keys = ListKeys::new(&deployment.ports).execute().await?;
    if keys.iter().any(|key| key.usable_at(now).is_ok()) { Ok(()) } else { Err(ServeError::OpenToAll(address).into()) }
}

/// Ctrl-C and, on unix, SIGTERM. They are caught from when this is made, and not only when somebody waits.
struct Signals {
    #[cfg(unix)]
    caught: [tokio::signal::unix::Signal; 2],
}

impl Signals {
    #[cfg(unix)]
    fn caught() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { caught: [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?] })
    }

    #[cfg(unix)]
    async fn first(self) {
        let [mut interrupt, mut terminate] = self.caught;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }

    #[cfg(not(unix))]
    fn caught() -> std::io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    async fn first(self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
