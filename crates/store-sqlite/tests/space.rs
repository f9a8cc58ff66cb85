//! Space that is free in the file goes back to the disk while the store is open.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use flightdeck_domain::ports::StoreSpace;
use flightdeck_store_sqlite::{Options, SqliteStore};

#[tokio::test]
async fn the_file_is_shorter_as_soon_as_nothing_is_free_in_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("flightdeck.db");
    let length = || std::fs::metadata(&path).expect("a file").len();
    let store = SqliteStore::open(&path, Options::default()).expect("opened");
    let mut other = SqliteConnection::establish(path.to_str().expect("a path")).expect("a connection");
    let fill = "CREATE TABLE junk (x BLOB); \
                WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000) \
                INSERT INTO junk SELECT randomblob(4000) FROM n; \
                PRAGMA wal_checkpoint(TRUNCATE)";
    other.batch_execute(fill).expect("filled");
    let before = length();
    assert!(before > 16_000_000, "{before}");
    other.batch_execute("DROP TABLE junk").expect("dropped");
    drop(other);
    let mut free = store.give_back(1_000).await.expect("some");
    assert!(free > 2_000, "{free} pages are still free: one step takes no more than it is to");
    while free > 0 {
        free = store.give_back(1_000).await.expect("more");
    }
    assert!(length() < before / 10, "{} of {before} bytes", length());
}
