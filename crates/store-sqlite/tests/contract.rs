//! The suite that every store must pass.
#![expect(clippy::expect_used, reason = "what fails here fails the test")]

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use flightdeck_store_contract::crash::{Act, crash_at_every_step};
use flightdeck_store_contract::{DurableHarness, Harness, Store};
use flightdeck_store_sqlite::{Options, SqliteStore};
use tempfile::TempDir;

struct SqliteHarness {
    store: Option<Arc<SqliteStore>>,
    path: PathBuf,
    // Removed with the harness, after the store is closed.
    _folder: TempDir,
}

impl SqliteHarness {
    fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("flightdeck.db");
        let store = SqliteStore::open(&path, Options::default()).expect("opened");
        Self { store: Some(Arc::new(store)), path, _folder: folder }
    }

    /// Changes the database behind the store's back.
    fn meddle(&self, sql: &str) {
        let mut connection = SqliteConnection::establish(self.path.to_str().expect("a text")).expect("opened");
        connection.batch_execute("PRAGMA busy_timeout = 5000").expect("set");
        connection.batch_execute(sql).expect("done");
    }
}

#[async_trait]
impl Harness for SqliteHarness {
    fn store(&self) -> Arc<dyn Store> {
        let store: &Arc<SqliteStore> = self.store.as_ref().expect("open");
        Arc::<SqliteStore>::clone(store)
    }

    async fn break_audit(&self) {
        self.meddle(
            "CREATE TRIGGER broken BEFORE INSERT ON audit_entries BEGIN SELECT RAISE(ABORT, 'the disk is full'); END",
        );
    }

    async fn mend_audit(&self) {
        self.meddle("DROP TRIGGER broken");
    }
}

#[async_trait]
impl DurableHarness for SqliteHarness {
    async fn reopen(&mut self) {
        let store = self.store.take().expect("open");
        drop(Arc::into_inner(store).expect("the suite holds no handle"));
        self.store = Some(Arc::new(SqliteStore::open(&self.path, Options::default()).expect("opened again")));
    }
}

flightdeck_store_contract::contract_tests!(SqliteHarness::open());
flightdeck_store_contract::durability_tests!(SqliteHarness::open());

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_breaks_off_at_any_operation_leaves_nothing() {
    for act in Act::ALL {
        let harness = SqliteHarness::open();
        let operations = crash_at_every_step(Arc::clone(harness.store.as_ref().expect("open")), act, true).await;
        assert!(operations >= 2, "{act:?} is {operations} operations");
    }
}
