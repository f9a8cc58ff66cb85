//! The suite that every store must pass, against a real server.
//!
//! Each test has a schema of its own. Where there is no server, the tests are ignored and say why; see
//! `flightdeck_test_servers::postgres` for where one is looked for.
#![expect(clippy::expect_used, reason = "what fails here fails the test")]

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use flightdeck_store_contract::crash::{Act, crash_at_every_step};
use flightdeck_store_contract::{Case, DurableHarness, Harness, Store, contract_cases, durability_cases};
use flightdeck_store_postgres::{MessageParts, MoveStep, Options, PostgresStore};
use flightdeck_test_servers::postgres::{Place, PostgresServer};
use flightdeck_test_servers::{NoServer, trial};
use libtest_mimic::Arguments;
use tokio::runtime::Handle;

static SERVER: OnceLock<Result<PostgresServer, NoServer>> = OnceLock::new();

/// Few connections: tests run side by side, and a server does not have many.
fn options() -> Options {
    Options { writers: 4, readers: 3, append_shards: 2, ..Options::default() }
}

struct PostgresHarness {
    store: Option<Arc<PostgresStore>>,
    // Removed after the store is closed.
    place: Place,
}

impl PostgresHarness {
    async fn open() -> Self {
        let server = SERVER.get().and_then(|found| found.as_ref().ok()).expect("a server");
        let place = server.schema().await.expect("a schema");
        let store = PostgresStore::open(place.url(), options(), Handle::current()).await.expect("opened");
        Self { store: Some(Arc::new(store)), place }
    }

    /// The same with its messages in parts.
    async fn open_in_parts() -> Self {
        let harness = Self::open().await;
        let parts = MessageParts::open(harness.place.url(), &options(), Handle::current()).await.expect("opened");
        while parts.step().await.expect("a step") != MoveStep::Done {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        parts.drop_old().await.expect("removed");
        harness
    }

    /// Changes the database behind the store's back.
    async fn meddle(&self, sql: &str) {
        let client = self.place.client().await.expect("connected");
        client.batch_execute(sql).await.expect("done");
    }
}

#[async_trait]
impl Harness for PostgresHarness {
    fn store(&self) -> Arc<dyn Store> {
        let store: &Arc<PostgresStore> = self.store.as_ref().expect("open");
        Arc::<PostgresStore>::clone(store)
    }

    async fn break_audit(&self) {
        self.meddle(
            "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN RAISE EXCEPTION 'the disk is full'; END $$; \
             CREATE TRIGGER broken BEFORE INSERT ON audit_entries FOR EACH ROW EXECUTE FUNCTION broken()",
        )
        .await;
    }

    async fn mend_audit(&self) {
        self.meddle("DROP TRIGGER broken ON audit_entries; DROP FUNCTION broken()").await;
    }
}

#[async_trait]
impl DurableHarness for PostgresHarness {
    async fn reopen(&mut self) {
        let store = self.store.take().expect("open");
        drop(Arc::into_inner(store).expect("the suite holds no handle"));
        let store = PostgresStore::open(self.place.url(), options(), Handle::current()).await.expect("opened again");
        self.store = Some(Arc::new(store));
    }
}

fn block_on(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(test);
}

fn run(case: Case) {
    block_on((case.run)());
}

/// An operation that hangs is not among them: it would hold its connection until the server ends the transaction
/// (`idle_in_transaction_session_timeout`).
async fn a_script_that_breaks_off_at_any_operation_leaves_nothing() {
    for act in Act::ALL {
        let harness = PostgresHarness::open().await;
        let operations = crash_at_every_step(Arc::clone(harness.store.as_ref().expect("open")), act, false).await;
        assert!(operations >= 2, "{act:?} is {operations} operations");
    }
}

fn main() {
    let arguments = Arguments::from_args();
    let server = SERVER.get_or_init(PostgresServer::find);
    let cases = contract_cases!(PostgresHarness::open().await);
    let durable = durability_cases!(PostgresHarness::open().await);
    let cases = cases.into_iter().chain(durable).map(|case| trial(case.name, server, move || run(case)));
    // What has nothing to do with messages is the same on both layouts.
    let in_parts = contract_cases!(PostgresHarness::open_in_parts().await).into_iter();
    let in_parts = in_parts.chain(durability_cases!(PostgresHarness::open_in_parts().await));
    let in_parts = in_parts.filter(|case| case.nouns.iter().any(|noun| noun.contains("message")));
    let in_parts = in_parts.map(|case| trial(&format!("in_parts::{}", case.name), server, move || run(case)));
    let crashes = trial("a_script_that_breaks_off_at_any_operation_leaves_nothing", server, || {
        block_on(a_script_that_breaks_off_at_any_operation_leaves_nothing());
    });
    let trials = cases.chain(in_parts).chain([crashes]).collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    if let Ok(server) = server {
        server.stop();
    }
    conclusion.exit();
}
