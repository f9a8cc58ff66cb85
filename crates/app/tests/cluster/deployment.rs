//! Three replicas of the real binary, and haproxy in front of them.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use flightdeck_test_servers::NoServer;
use flightdeck_test_servers::haproxy::Balancer;
use flightdeck_test_servers::postgres::{self, Place, PostgresServer};
use flightdeck_test_servers::valkey;
use tempfile::TempDir;

use crate::support::http::Client;
use crate::support::load::Scene;
use crate::support::patience::{PATIENCE, until};
use crate::support::process::{Server, flightdeck, lasting_address};
use crate::support::random::Random;
use crate::support::spool::spool_is_empty;

/// How many replicas there are.
pub(crate) const REPLICAS: usize = 3;
/// Another test, and whoever else uses the server, wants connections too.
const CONNECTIONS: &str = "8";
/// The servers that the tests share.
pub(crate) struct Servers {
    postgres: Result<PostgresServer, NoServer>,
    valkey: valkey::Shared,
}

impl Servers {
    pub(crate) fn find() -> Self {
        Self { postgres: PostgresServer::find(), valkey: valkey::Shared::default() }
    }

    /// A database of the test's own on the PostgreSQL that all use.
    pub(crate) fn database(&self) -> Result<Place, NoServer> {
        let server = self.postgres.as_ref().map_err(Clone::clone)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(|error| NoServer(format!("no runtime: {error}")))?.block_on(server.database())
    }

    /// That, the URL of the Valkey that all use, and haproxy.
    pub(crate) fn shared(&self) -> Result<(Place, String), NoServer> {
        Balancer::installed()?;
        Ok((self.database()?, self.valkey.url()?))
    }

    /// A PostgreSQL to crash.
    pub(crate) fn to_crash(&self) -> Result<(postgres::Private, String), NoServer> {
        Balancer::installed()?;
        Ok((postgres::Private::start()?, self.valkey.url()?))
    }

    /// A Valkey to stop.
    pub(crate) fn to_stop(&self) -> Result<(Place, valkey::Private), NoServer> {
        Balancer::installed()?;
        Ok((self.database()?, valkey::Private::start()?))
    }

    pub(crate) fn stop(&self) {
        if let Ok(server) = &self.postgres {
            server.stop();
        }
    }
}

/// What is not the same in every test.
pub(crate) struct Settings<'a> {
    pub(crate) database: &'a str,
    pub(crate) valkey: &'a str,
    /// What the names of each replica in Valkey begin with: the same for all, if they are to hear each other.
    pub(crate) prefixes: [String; REPLICAS],
    pub(crate) throttle: &'a str,
    pub(crate) lease: &'a str,
}

impl<'a> Settings<'a> {
    pub(crate) fn new(database: &'a str, valkey: &'a str) -> Self {
        let prefix = prefix();
        let prefixes = [prefix.clone(), prefix.clone(), prefix];
        Self { database, valkey, prefixes, throttle: "off", lease: "120s" }
    }
}

/// One that no other deployment has.
pub(crate) fn prefix() -> String {
    format!("flightdeck-test:{}:", Random::from_seed(Random::fresh_seed()).uuid())
}

/// The replicas and what stands before them.
pub(crate) struct Cluster {
    pub(crate) replicas: Vec<Replica>,
    pub(crate) key: String,
    balancer: Balancer,
    folder: TempDir,
}

impl Cluster {
    pub(crate) fn start(settings: &Settings<'_>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut replicas: Vec<Replica> = (0..REPLICAS).map(|number| Replica::new(&folder, number, settings)).collect();
        // It makes the key of the first admin and the one that all sign with.
        replicas[0].start();
        let key = replicas[0].server.as_ref().expect("started").admin_key();
        for other in &mut replicas[1..] {
            fs::create_dir(&other.data_dir).expect("a new folder");
            for file in ["audit-signing.key", "audit-signing.pub"] {
                fs::copy(folder.path().join("replica-0").join(file), other.data_dir.join(file)).expect("copied");
            }
        }
        for other in &mut replicas[1..] {
            other.start();
        }
        let balancer = balance(&replicas);
        Self { replicas, key, balancer, folder }
    }

    /// One replica, not by way of the balancer.
    pub(crate) fn at(&self, replica: usize) -> Client {
        Client::new(self.replicas[replica].address, &self.key)
    }

    /// Where the balancer listens.
    pub(crate) fn balancer(&self) -> SocketAddr {
        self.balancer.address()
    }

    /// The balancer and each replica itself.
    pub(crate) fn scene(&self) -> Scene {
        let direct = (0..REPLICAS).map(|replica| self.at(replica));
        Scene::new(std::iter::once(Client::new(self.balancer.address(), &self.key)).chain(direct).collect())
    }

    /// Some of the replicas, not by way of the balancer.
    pub(crate) fn scene_at(&self, replicas: &[usize]) -> Scene {
        Scene::new(replicas.iter().map(|replica| self.at(*replica)).collect())
    }

    /// Waits until what could not be put on the audit log while the store was away is there.
    pub(crate) fn has_folded_its_spools(&self) {
        for replica in &self.replicas {
            until("no stop waits for its place on the audit log", || spool_is_empty(&replica.data_dir).then_some(()));
        }
    }

    /// Nothing that a replica wrote to its log may come from a panic.
    pub(crate) fn has_not_panicked(&self) {
        for number in 0..REPLICAS {
            let log = fs::read_to_string(log_of(&self.folder, number)).expect("a text");
            assert!(!log.contains("panicked"), "replica {number}: {log}");
        }
    }
}

fn log_of(folder: &TempDir, number: usize) -> PathBuf {
    folder.path().join(format!("replica-{number}.log"))
}

/// The configuration that we ship, with one replica more and without its page for people, whose port is a fixed one.
fn balance(replicas: &[Replica]) -> Balancer {
    let shipped = include_str!("../../../../deploy/haproxy.cfg");
    let (config, _) = shipped.split_once("# For people").expect("the page for people");
    let last = r#"server replica-2 "$FLIGHTDECK_REPLICA_2""#;
    assert!(config.contains(last), "the second replica stands there: {config}");
    let config = config.replace(last, &format!("{last}\n    server replica-3 \"$FLIGHTDECK_REPLICA_3\""));
    let names = ["FLIGHTDECK_REPLICA_1", "FLIGHTDECK_REPLICA_2", "FLIGHTDECK_REPLICA_3"];
    let variables: Vec<_> =
        names.into_iter().zip(replicas).map(|(name, replica)| (name, replica.address.to_string())).collect();
    Balancer::start(&config, "FLIGHTDECK_BIND", &variables).expect("haproxy")
}

/// A replica, which comes back on its address and its data folder.
pub(crate) struct Replica {
    data_dir: PathBuf,
    log: PathBuf,
    pub(crate) address: SocketAddr,
    arguments: Vec<String>,
    variables: Vec<(&'static str, String)>,
    /// Missing while it is down.
    server: Option<Server>,
}

impl Replica {
    fn new(folder: &TempDir, number: usize, settings: &Settings<'_>) -> Self {
        let address = lasting_address();
        let listen = address.to_string();
        let arguments = [
            ["--listen", &listen],
            ["--throttle-control", settings.throttle],
            ["--throttle-tree", "off"],
            ["--lease", settings.lease],
            ["--database-connections", CONNECTIONS],
            ["--sinks-allow-private", "on"],
            ["--log", "warn"],
        ];
        let variables = [
            ("FLIGHTDECK_DATABASE_URL", settings.database.to_owned()),
            ("FLIGHTDECK_SECRETS_KEY", "5e".repeat(32)),
            ("FLIGHTDECK_VALKEY_URL", settings.valkey.to_owned()),
            ("FLIGHTDECK_VALKEY_PREFIX", settings.prefixes[number].clone()),
        ];
        Self {
            data_dir: folder.path().join(format!("replica-{number}")),
            log: log_of(folder, number),
            address,
            arguments: arguments.concat().into_iter().map(str::to_owned).collect(),
            variables: variables.into(),
            server: None,
        }
    }

    /// Starts it, again and again until it is up, as whatever supervises it would: its database may be down.
    pub(crate) fn start(&mut self) {
        let began = Instant::now();
        loop {
            let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
            let log = File::options().create(true).append(true).open(&self.log).expect("a log");
            match Server::try_start_command(&self.data_dir, self.command(&arguments).stderr(log)) {
                Ok(server) => {
                    self.server = Some(server);
                    return;
                }
                Err(told) => {
                    let log = || fs::read_to_string(&self.log).unwrap_or_default();
                    assert!(began.elapsed() < PATIENCE, "{told} {}", log());
                    thread::sleep(Duration::from_millis(100));
                }
            }
        }
    }

    /// A command on its data folder and database, beside the server.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = flightdeck(&self.data_dir, arguments);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Gives it another value of a variable for its next start.
    pub(crate) fn set(&mut self, variable: &str, value: String) {
        let place = self.variables.iter_mut().find(|(name, _)| *name == variable).expect("a variable that it has");
        place.1 = value;
    }

    pub(crate) fn kill(&mut self) {
        self.server.take().expect("it is up").kill();
    }
}
