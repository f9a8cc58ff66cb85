//! Behind a pooler that gives a connection to somebody else after each transaction.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use flightdeck_domain::action::{FleetAction, FleetIntervention, Intervention, OperatorAction};
use flightdeck_domain::command::Receipt;
use flightdeck_domain::ids::{AuditSeq, CommandSeq, FeedPosition, Seq};
use flightdeck_domain::ports::{
    ApiKeyRepository, AuditLog, CommandQueue, FleetFeed, MessageRepository, OperationQuery, OperationRepository,
    OperatorActions, Readiness as _, SessionFilter, SessionQuery, SessionRepository,
};
use flightdeck_store_contract::given;
use flightdeck_store_postgres::{Options, PostgresStore};
use flightdeck_test_servers::NoServer;
use flightdeck_test_servers::postgres::{Place, program};
use libtest_mimic::Trial;
use tempfile::TempDir;
use tokio::runtime::Handle;

use crate::bench::{self, options, server};

/// A pgbouncer in front of one database, with as few connections as make them change hands all the time.
struct Pooler {
    process: Child,
    url: String,
    // Removed after the process has ended.
    _folder: TempDir,
}

impl Pooler {
    async fn start(place: &Place) -> Self {
        let (host, user, database) = parts(place.url());
        let folder = tempfile::tempdir().expect("a folder");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let (address, server_port) = host.split_once(':').unwrap_or((&host, "5432"));
        let settings = format!(
            "[databases]\n{database} = host={address} port={server_port} dbname={database}\n[pgbouncer]\n\
             listen_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = any\npool_mode = transaction\n\
             default_pool_size = 3\nmax_client_conn = 200\nunix_socket_dir =\n"
        );
        // With `any` everybody is the user that the database names.
        let settings = settings.replace(&format!("dbname={database}"), &format!("dbname={database} user={user}"));
        let file = folder.path().join("pgbouncer.ini");
        std::fs::write(&file, settings).expect("written");
        let pgbouncer = program("pgbouncer").expect("found before");
        // It refuses to run as root.
        let mut command = if bench::is_root() {
            let chown = Command::new("chown").args(["-R", "postgres"]).arg(folder.path()).status();
            assert!(chown.expect("run").success());
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(pgbouncer);
            command
        } else {
            Command::new(pgbouncer)
        };
        let process = command.arg("-q").arg(&file).stdin(Stdio::null()).stderr(Stdio::null()).spawn().expect("started");
        let url = format!("postgres://{user}@127.0.0.1:{port}/{database}");
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Self { process, url, _folder: folder }
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Host with port, user and database of `postgres://user@host:port/database?…`.
fn parts(url: &str) -> (String, String, String) {
    let rest = url.split_once("://").expect("a URL").1;
    let (user, rest) = rest.split_once('@').expect("a user");
    let (host, database) = rest.split_once('/').expect("a database");
    let database = database.split_once('?').map_or(database, |(name, _)| name);
    (host.to_owned(), user.to_owned(), database.to_owned())
}

/// Ignored, with the reason, where there is no server or no pooler.
pub(crate) fn trials() -> Vec<Trial> {
    let server = bench::found().as_ref().map_err(Clone::clone);
    let missing = || NoServer("pgbouncer is not installed".to_owned());
    let available = server.and_then(|_| program("pgbouncer").ok_or_else(missing));
    vec![bench::case_on("pooler::every_port_works_behind_a_pooler", &available, every_port_works_behind_a_pooler)]
}

async fn every_port_works_behind_a_pooler() {
    let place = server().database().await.expect("a database");
    let pooler = Pooler::start(&place).await;
    let options = Options { prepared_statements: false, ..options() };
    // Two replicas, so that each finds what the other left on a connection.
    let open = || PostgresStore::open(&pooler.url, options, Handle::current());
    let (one, two) = tokio::join!(open(), open());
    let stores = [one.expect("opened"), two.expect("opened")].map(std::sync::Arc::new);
    let mut running = Vec::new();
    for n in 0..12_u32 {
        let store = stores[usize::try_from(n % 2).expect("small")].clone();
        running.push(tokio::spawn(async move { a_life(&store, 1 + n).await }));
    }
    for life in running {
        life.await.expect("no panic");
    }
    let [store, _] = &stores;
    store.ready().await.expect("ready");
    let action = FleetAction { intervention: FleetIntervention::KillAll, operation: None, by: given::by(1, 2) };
    assert_eq!(store.commit_fleet(action).await.expect("done").total, 12);
    let query = SessionQuery { filter: SessionFilter::default(), after: None, limit: 100, heads_only: false };
    let page = SessionRepository::list(&**store, query).await.expect("read");
    let feed = FleetFeed::after(&**store, FeedPosition::ZERO, 1_000).await.expect("read");
    let positions: Vec<u64> = feed.iter().map(|event| event.position.get()).collect();
    assert_eq!(positions, (1..=page.as_of.get()).collect::<Vec<_>>(), "dense");
    let entries = store.walk(AuditSeq::ZERO, 100).await.expect("read");
    assert_eq!((page.sessions.len(), entries.len()), (12, 13));
    assert!(
        store
            .operations(OperationQuery { open: None, missions: None, after: None, limit: 9 })
            .await
            .expect("read")
            .operations
            .is_empty()
    );
    assert!(ApiKeyRepository::list(&**store).await.expect("read").is_empty());
}

/// Something of everything that one agent does.
async fn a_life(store: &PostgresStore, n: u32) {
    let id = given::session_id(n);
    assert!(store.register(given::registration(n)).await.expect("registered").created);
    for seq in 1..=20_u32 {
        let batch = vec![given::said(seq, "hello")];
        let done = store.append(id, batch, given::at(1)).await.expect("appended");
        assert_eq!(done.last_seq, Seq::new(u64::from(seq)));
        store.heartbeat(id, given::at(2)).await.expect("heard").expect("there");
    }
    let action = OperatorAction {
        session_id: id,
        intervention: Intervention::Pause,
        operation: None,
        able: None,
        by: given::by(1, 2),
    };
    OperatorActions::commit(store, action).await.expect("accepted");
    let pending = store.pending(id, CommandSeq::ZERO, 9).await.expect("read").expect("there");
    assert_eq!(pending.len(), 1);
    store.acknowledge(id, CommandSeq::new(1), Receipt::Consumed, given::at(3)).await.expect("acknowledged");
    let slice = MessageRepository::after(store, id, Seq::ZERO, 100).await.expect("read").expect("there");
    assert_eq!(slice.messages.len(), 20);
}
