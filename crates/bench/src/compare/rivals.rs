//! Who is compared: whether it is installed, and how a throw-away server of it is started.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::dialect::Dialect;
use super::nats;
use crate::error::{BenchError, Outcome};
use crate::fleet::{Names, register};
use crate::server::{Launcher, Server, data_folder, installed};

/// A server that carries messages from writers to followers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rival {
    Flightdeck,
    Nchan,
    Redis,
    Nats,
}

/// Whether it can be run here.
pub(super) enum Standing {
    /// What it is called in the table.
    Installed(String),
    /// Why it is left out.
    Missing(String),
}

/// A server that was started, and goes when it is dropped.
pub(super) struct Running {
    pub(super) dialect: Dialect,
    ours: Option<Server>,
    child: Option<Child>,
    _data: Option<TempDir>,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It has ended already, or nobody needs what it holds.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Running {
    /// Ends it; its data goes too.
    pub(super) fn stop(mut self) -> Outcome<()> {
        self.ours.take().map_or(Ok(()), Server::stop)
    }
}

/// What `nats-server` is told to be durable with.
const SYNC_ALWAYS: &str = "sync_interval: always";

impl Rival {
    pub(super) const ALL: [Self; 4] = [Self::Flightdeck, Self::Nchan, Self::Redis, Self::Nats];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Flightdeck => "Flightdeck",
            Self::Nchan => "nginx + nchan",
            Self::Redis => "Redis Streams",
            Self::Nats => "NATS JetStream",
        }
    }

    /// Whether it is installed, and with what promise it would run.
    pub(super) fn standing(self) -> Standing {
        let missing = |what: &str| Standing::Missing(format!("{what} is not installed"));
        match self {
            Self::Flightdeck => Standing::Installed(self.name().to_owned()),
            Self::Nchan => match installed("nginx") {
                None => missing("nginx"),
                Some(nginx) if nchan_module(&nginx).is_none() => missing("the module nchan of nginx"),
                Some(_) => Standing::Installed(format!("{}, in memory", self.name())),
            },
            Self::Redis => match redis_server() {
                None => missing("redis-server"),
                Some(_) => Standing::Installed(format!("{}, appendfsync always", self.name())),
            },
            Self::Nats => match installed("nats-server") {
                None => missing("nats-server"),
                Some(nats) if knows_sync(&nats) => Standing::Installed(format!("{}, {SYNC_ALWAYS}", self.name())),
                // Older than 2.10.
                Some(_) => Standing::Installed(format!("{}, not synced: too old for {SYNC_ALWAYS:?}", self.name())),
            },
        }
    }

    /// Starts a server with nothing in it.
    ///
    /// # Errors
    /// It does not come up.
    pub(super) async fn start(self, launcher: &Launcher, folder: &Path) -> Outcome<Running> {
        if self == Self::Flightdeck {
            let server = launcher.start()?;
            let members = register(&server.site, Names::fresh(), 0..1, |_| None).await?;
            let member = members.into_iter().next();
            let member = member.ok_or_else(|| BenchError::Protocol("no session was registered".to_owned()))?;
            let dialect = Dialect::Flightdeck { site: server.site.clone(), session: member.id };
            return Ok(Running { dialect, ours: Some(server), child: None, _data: None });
        }
        let data = data_folder(folder)?;
        let address = free_address()?;
        let (mut command, dialect) = self.command(data.path(), address)?;
        let named = || format!("cannot start {}", self.name());
        let child = command
            .current_dir(data.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(BenchError::system(named()))?;
        let mut running = Running { dialect, ours: None, child: Some(child), _data: Some(data) };
        listening(address, &mut running, self).await?;
        if self == Self::Nats {
            make_stream(address).await?;
        }
        Ok(running)
    }

    fn command(self, data: &Path, address: SocketAddr) -> Outcome<(Command, Dialect)> {
        let gone = || BenchError::Usage(format!("{} is not installed any more", self.name()));
        let port = address.port();
        let save = |name: &str, text: String| {
            let file = data.join(name);
            std::fs::write(&file, text).map_err(BenchError::system("cannot write a configuration"))?;
            Ok::<_, BenchError>(file)
        };
        match self {
            Self::Flightdeck | Self::Nchan => {
                let nginx = installed("nginx").ok_or_else(gone)?;
                let module = nchan_module(&nginx).ok_or_else(gone)?;
                let file = save("nginx.conf", nginx_conf(&module, data, address))?;
                let mut command = Command::new(nginx);
                command.arg("-p").arg(data).arg("-c").arg(file).arg("-e").arg(data.join("error.log"));
                Ok((command, Dialect::Nchan(address)))
            }
            Self::Redis => {
                let mut command = Command::new(redis_server().ok_or_else(gone)?);
                command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--dir"]).arg(data);
                command.args(["--appendonly", "yes", "--appendfsync", "always", "--maxclients", "20000"]);
                Ok((command, Dialect::Redis(address)))
            }
            Self::Nats => {
                let nats = installed("nats-server").ok_or_else(gone)?;
                let sync = if knows_sync(&nats) { SYNC_ALWAYS } else { "" };
                let store = data.join("store");
                let text = format!(
                    "listen: {address}\njetstream {{\n store_dir: {:?}\n {sync}\n}}\n",
                    store.display().to_string()
                );
                let mut command = Command::new(nats);
                command.arg("-c").arg(save("nats.conf", text)?);
                Ok((command, Dialect::Nats(address)))
            }
        }
    }
}

fn redis_server() -> Option<PathBuf> {
    installed("redis-server").or_else(|| installed("valkey-server"))
}

/// The module in the folder that belongs to where nginx is installed.
fn nchan_module(nginx: &Path) -> Option<PathBuf> {
    let root = nginx.parent()?.parent()?;
    ["lib/nginx/modules", "lib64/nginx/modules", "libexec/nginx"]
        .iter()
        .map(|folder| root.join(folder).join("ngx_nchan_module.so"))
        .find(|file| file.is_file())
}

fn nginx_conf(module: &Path, data: &Path, address: SocketAddr) -> String {
    let (module, data) = (module.display(), data.display());
    format!(
        "load_module {module};\ndaemon off;\nuser root;\nworker_processes 2;\nworker_rlimit_nofile 20000;\n\
         pid {data}/nginx.pid;\nerror_log {data}/error.log;\nevents {{ worker_connections 10000; }}\n\
         http {{\n access_log off;\n keepalive_requests 1000000000;\n tcp_nodelay on;\n\
         client_body_temp_path {data}/body;\n proxy_temp_path {data}/proxy;\n fastcgi_temp_path {data}/fastcgi;\n\
         uwsgi_temp_path {data}/uwsgi;\n scgi_temp_path {data}/scgi;\n nchan_shared_memory_size 512M;\n\
         server {{\n listen {address} backlog=4096;\n\
         location = /publish {{ nchan_publisher; nchan_channel_id load; nchan_message_buffer_length 1000000;\n\
         nchan_message_timeout 10m; }}\n\
         location = /follow {{ nchan_subscriber eventsource; nchan_channel_id load;\n\
         nchan_subscriber_first_message oldest; }}\n }}\n}}\n"
    )
}

/// Whether this nats-server can be told to sync every message.
fn knows_sync(nats: &Path) -> bool {
    let Ok(folder) = tempfile::tempdir() else { return false };
    let file = folder.path().join("nats.conf");
    let text = format!("jetstream {{\n store_dir: {:?}\n {SYNC_ALWAYS}\n}}\n", folder.path().display().to_string());
    let written = std::fs::write(&file, text).is_ok();
    let quiet = || Stdio::null();
    let tried = Command::new(nats).arg("-c").arg(&file).arg("-t").stdout(quiet()).stderr(quiet()).status();
    written && tried.is_ok_and(|status| status.success())
}

/// A port that is free now.
fn free_address() -> Outcome<SocketAddr> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(BenchError::system("cannot find a free port"))?;
    listener.local_addr().map_err(BenchError::system("cannot find a free port"))
}

/// Waits until somebody listens at an address.
async fn listening(address: SocketAddr, running: &mut Running, rival: Rival) -> Outcome<()> {
    for _ in 0..1_000 {
        if TcpStream::connect(address).await.is_ok() {
            return Ok(());
        }
        if let Some(child) = &mut running.child
            && let Ok(Some(status)) = child.try_wait()
        {
            return Err(BenchError::Protocol(format!("{} ended with {status}", rival.name())));
        }
        sleep(Duration::from_millis(10)).await;
    }
    Err(BenchError::Protocol(format!("{} does not listen", rival.name())))
}

async fn make_stream(address: SocketAddr) -> Outcome<()> {
    let mut stream = TcpStream::connect(address).await.map_err(BenchError::system("cannot connect to NATS"))?;
    stream.write_all(&nats::make_stream()).await.map_err(BenchError::system("cannot send"))?;
    let mut received = Vec::new();
    while memchr::memmem::find(&received, b"stream_create_response").is_none() {
        let read = stream.read_buf(&mut received).await.map_err(BenchError::system("cannot receive"))?;
        if read == 0 {
            let said = String::from_utf8_lossy(&received).into_owned();
            return Err(BenchError::Protocol(format!("NATS makes no stream: {said}")));
        }
    }
    Ok(())
}
