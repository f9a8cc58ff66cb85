//! What happens when a database is opened and closed.
#![expect(clippy::expect_used, reason = "what fails here fails the test")]

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use flightdeck_domain::ports::{Readiness as _, SessionRepository};
use flightdeck_store_contract::given;
use flightdeck_store_sqlite::{OpenError, Options, SqliteStore};

fn open(path: &Path) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(path, Options::default())
}

fn meddle(path: &Path, sql: &str) {
    let mut connection = SqliteConnection::establish(path.to_str().expect("a text")).expect("opened");
    connection.batch_execute(sql).expect("done");
}

#[cfg(unix)]
#[tokio::test]
async fn the_files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("flightdeck.db");
    let _store = open(&path).expect("opened");
    let mut files = 0;
    for file in std::fs::read_dir(folder.path()).expect("read") {
        let file = file.expect("read");
        let mode = file.metadata().expect("read").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", file.path().display());
        files += 1;
    }
    assert!(files >= 2, "the database and its log, at least");
}

#[tokio::test]
async fn a_closed_store_is_one_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("flightdeck.db");
    let store = open(&path).expect("opened");
    store.ready().await.expect("ready");
    drop(store);
    let files: Vec<_> =
        std::fs::read_dir(folder.path()).expect("read").flatten().map(|file| file.file_name()).collect();
    assert_eq!(files, ["flightdeck.db"], "the log is folded in");
    open(&path).expect("opened again").ready().await.expect("ready");
}

#[test]
fn a_database_of_a_newer_version_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("flightdeck.db");
    drop(open(&path).expect("opened"));
    meddle(&path, "INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000000')");
    let error = open(&path).expect_err("newer");
    assert!(matches!(&error, OpenError::Newer { newest, .. } if newest == "29990101000000"), "{error:?}");
    assert!(error.to_string().contains("newer version of this program"), "{error}");
    meddle(&path, "DELETE FROM __diesel_schema_migrations WHERE version = '29990101000000'");
    open(&path).expect("opened again");
}

#[test]
fn something_else_is_not_taken_for_a_database() {
    let folder = tempfile::tempdir().expect("a folder");
    for content in ["hello", &"not a database, and longer than the signature of one ".repeat(200)] {
        let path = folder.path().join("notes.txt");
        std::fs::write(&path, content).expect("written");
        let error = open(&path).expect_err("something else");
        assert!(matches!(error, OpenError::NotADatabase { .. }), "{error:?}");
        assert_eq!(std::fs::read_to_string(&path).expect("read"), content, "it is untouched");
    }
    // The right beginning and nothing else: SQLite itself finds that out.
    let path = folder.path().join("torn.db");
    std::fs::write(&path, [b"SQLite format 3\0".as_slice(), &[7; 5_000]].concat()).expect("written");
    let error = open(&path).expect_err("damaged");
    assert!(matches!(error, OpenError::Database { .. }), "{error:?}");
    assert_eq!(error.source().expect("a cause").to_string(), "file is not a database");
}

#[test]
fn a_place_where_nothing_can_be_written_is_told_as_such() {
    let folder = tempfile::tempdir().expect("a folder");
    for path in [folder.path().to_owned(), folder.path().join("missing").join("flightdeck.db")] {
        let error = open(&path).expect_err("not a file");
        assert!(matches!(error, OpenError::NotWritable { .. }), "{error:?}");
    }
}

#[test]
fn a_name_with_a_meaning_for_sqlite_is_a_plain_name() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["file:flightdeck.db?mode=memory", ":memory:", "a b#c%41.db"] {
        let path = folder.path().join(name);
        drop(open(&path).expect("opened"));
        assert!(std::fs::metadata(&path).expect("made").len() > 0, "{name}");
    }
}

#[tokio::test]
async fn a_missing_migration_makes_it_not_ready() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("flightdeck.db");
    let store = open(&path).expect("opened");
    meddle(&path, "DELETE FROM __diesel_schema_migrations");
    let error = store.ready().await.expect_err("not ready");
    assert!(error.source().expect("a cause").to_string().starts_with("a migration is not applied"), "{error:?}");
}

#[tokio::test]
async fn two_programs_work_on_one_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("flightdeck.db");
    let (one, two) = std::thread::scope(|scope| {
        let (one, two) = (scope.spawn(|| open(&path)), scope.spawn(|| open(&path)));
        (one.join().expect("no panic"), two.join().expect("no panic"))
    });
    let (one, two) = (one.expect("opened"), two.expect("opened"));
    let registration = given::registration(1);
    assert!(one.register(registration.clone()).await.expect("done").created);
    assert!(!two.register(registration).await.expect("done").created);
}

/// The change to WAL needs the whole file, and SQLite does not wait for it by itself.
#[test]
fn a_file_that_another_program_writes_is_waited_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("flightdeck.db");
    let mut other = SqliteConnection::establish(path.to_str().expect("text")).expect("opened");
    other
        .batch_execute("CREATE TABLE other (n INTEGER); BEGIN IMMEDIATE; INSERT INTO other VALUES (1)")
        .expect("begun");
    std::thread::scope(|scope| {
        let opening = scope.spawn(|| open(&path));
        // Long enough for the opening to meet the lock many times; when it is slow to begin, it meets none.
        std::thread::park_timeout(Duration::from_millis(200));
        other.batch_execute("COMMIT").expect("written");
        drop(opening.join().expect("no panic").expect("opened"));
    });
}

/// As a bad disk or a wrong copy leaves it; looking changes nothing.
#[test]
fn pages_that_are_damaged_are_found_by_looking() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("flightdeck.db");
    drop(open(&path).expect("opened"));
    assert_eq!(SqliteStore::faults(&path).expect("looked at"), Vec::<String>::new());
    let whole = std::fs::read(&path).expect("read");
    let pages = whole.len() / 4_096;
    for first in [2, pages / 2, pages - 8] {
        let mut damaged = whole.clone();
        damaged[first * 4_096..(first + 8) * 4_096].fill(0xa5);
        std::fs::write(&path, &damaged).expect("written");
        let faults = SqliteStore::faults(&path).expect("looked at");
        assert!(!faults.is_empty() && faults.len() <= 10, "from page {first}: {faults:?}");
        assert_eq!(std::fs::read(&path).expect("read"), damaged);
    }
    // While somebody works on it: what is in the log beside it counts.
    std::fs::write(&path, &whole).expect("written");
    let _store = open(&path).expect("opened");
    assert_eq!(SqliteStore::faults(&path).expect("looked at"), Vec::<String>::new());
}
