//! `flightdeck serve`

use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use flightdeck_domain::ports::Clock;
use flightdeck_domain::system::SystemClock;
use flightdeck_domain::use_cases::{ListKeys, MakeCheckpoint, Reconcile, Reconciled};
use flightdeck_http_api::{Api, ApiOptions, Counters, Listening};
use flightdeck_provider_claude_code::ClaudeCode;
use flightdeck_settings::local_url;
use flightdeck_storage::{LaggingReads, Witness, lock, publish, withdraw};
use flightdeck_terminal::{BoxError, Outcome};
use flightdeck_vitals::Vitals;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::announce::announce;
use super::deployment::Deployment;
use super::error::ServeError;
use super::jobs::{self, Ended, World};
use super::login_link;
use super::request_traces::RequestTraces;
use super::signals::Signals;
use super::throttle::SharedThrottle;
use crate::config::Config;
use crate::logging;

pub(crate) async fn run(config: Config) -> Outcome {
    let counters = logging::start(&config);
    let _lock = lock(&config.storage.data_dir)?;
    let deployment = Deployment::open(&config).await?;
    let server = Server::start(&config, &deployment, counters).await?;
    let database = deployment.is_shared.then(|| format!("  database         {}\n", config.storage.database));
    let valkey = config.valkey_url.as_ref().map(|url| format!("  valkey           {url}\n"));
    let first_key = deployment.first_key.as_ref().map(|path| format!("  first admin key  {}\n", path.display()));
    let link = login_link::make(&deployment.ports, &config.storage.data_dir, server.address).await;
    let link = link.map(|link| format!("  log in           {link}   (once, within 10 minutes)\n"));
    announce(format!(
        "Flightdeck {} is listening on http://{}\n  data             {}\n{}{}{}{}  stop             Ctrl-C",
        env!("CARGO_PKG_VERSION"),
        server.address,
        config.storage.data_dir.display(),
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
    published: (PathBuf, String),
    /// Caught before anybody is told that it runs.
    signals: Signals,
    running: actix_web::dev::Server,
    /// Ends with the last open stream, after the shutdown has begun.
    streams_ended: Pin<Box<dyn Future<Output = bool> + Send>>,
    shutdown: CancellationToken,
    /// For the last checkpoint; missing when they are made on demand only.
    checkpoints: Option<MakeCheckpoint>,
    /// The jobs that decide how the server ends.
    jobs: Vec<JoinHandle<Option<Ended>>>,
}

impl Server {
    /// Brings the record in line with a restart, and begins to answer.
    pub(crate) async fn start(
        config: &Config,
        deployment: &Deployment,
        counters: Arc<Counters>,
    ) -> Result<Self, BoxError> {
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
            public_url: config.public_url.clone(),
            ..ApiOptions::default()
        };
        let api = Api::new(
            &deployment.ports,
            &deployment.providers,
            Arc::clone(&deployment.hints),
            options,
            &Handle::current(),
            shutdown.clone(),
        );
        let shared = deployment.valkey.as_ref().and_then(|valkey| SharedThrottle::new(valkey, config.throttle_control));
        let api = match shared {
            Some(throttle) => api.with_control_throttle(throttle),
            None => api,
        };
        let hooks = ClaudeCode::new(&deployment.ports).ending_with(shutdown.clone());
        let api = api.with_claude_code(Arc::new(hooks)).with_counters(counters);
        let api = api.with_readiness(Arc::clone(&deployment.readiness));
        let api = match &deployment.lagging {
            Some(lagging) => api.with_history(deployment.history(lagging), lagging.audit(), lagging.copy()),
            None => api,
        };
        let traces =
            config.otlp.as_ref().map(|otlp| RequestTraces::new(otlp, &config.trust)).transpose()?.map(Arc::new);
        let api = match &traces {
            Some(traces) => api.with_request_spans(Arc::clone(&traces.made)),
            None => api,
        };
        let current = api.epoch();
        current.set(deployment.epoch);
        let jobs = jobs::start(&World {
            ports: deployment.ports.clone(),
            providers: deployment.providers.clone(),
            hints: Arc::clone(&deployment.hints),
            keep_epoch: deployment.keep_epoch.clone(),
            current,
            witness: Arc::new(Witness::of(&config.storage)),
            is_shared: deployment.is_shared,
            replica: deployment.name.clone(),
            public_url: config.public_url.clone(),
            copy: deployment.lagging.as_ref().map(LaggingReads::copy),
            retention_interval: config.retention_interval,
            space: deployment.space.clone(),
            checkpoint_interval: config.checkpoint_interval,
            guard_limits: config.guard.clone(),
            signs: deployment.signs.clone(),
            traces,
            shutdown: shutdown.clone(),
        });
        api.keep_house();
        let checkpoints = config.checkpoint_interval.map(|_| MakeCheckpoint::new(&deployment.ports));
        let signals = Signals::caught()?;
        let address = listening.address;
        let url = local_url(address);
        let running = listening.serve(&api, config.workers)?;
        let streams_ended = Box::pin(api.streams_ended());
        tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "listening");
        let published = publish(&config.storage.data_dir, &url);
        Ok(Self { address, published: (published, url), signals, running, streams_ended, shutdown, checkpoints, jobs })
    }

    /// Answers until a signal comes; then streams end at once and requests in flight are finished.
    pub(crate) async fn until_stopped(self, deployment: &Deployment) -> Outcome {
        let Self { mut running, streams_ended, shutdown, checkpoints, jobs, signals, published: (path, url), .. } =
            self;
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
                // The workers do not count streams that have their sockets for themselves.
                let stop = async {
                    if !streams_ended.await {
                        tracing::warn!("streams are cut: they did not end in time");
                    }
                    handle.stop(true).await;
                };
                tokio::join!(&mut running, stop).0
            }
        };
        shutdown.cancel();
        tokio::join!(deployment.scripted.shutdown(), deployment.acp.shutdown());
        let mut decided = Ok(());
        for job in jobs {
            match job.await?.unwrap_or(Ok(())) {
                Ok(()) => {}
                // There is nothing left to be written to.
                Err(gone @ ServeError::Gone(_)) => return Err(gone.into()),
                Err(error) => decided = Err(error),
            }
        }
        if let Some(make) = checkpoints {
            jobs::checkpoint(&make).await;
        }
        withdraw(&path, &url);
        decided?;
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

async fn refuse_open_door(address: SocketAddr, deployment: &Deployment) -> Result<(), BoxError> {
    if address.ip().is_loopback() {
        return Ok(());
    }
    let now = SystemClock.now();
    let keys = ListKeys::new(&deployment.ports).execute().await?;
    if keys.iter().any(|key| key.usable_at(now).is_ok()) { Ok(()) } else { Err(ServeError::OpenToAll(address).into()) }
}
