//! What the server does not start with, and what it complains of as soon as it has started.

use std::fs::File;
use std::path::Path;
use std::process::Output;

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};

use crate::support::patience::until;
use crate::support::process::{Server, flightdeck, run, told};

/// It ended with an error and told it, and nothing went to where results go.
fn refused(output: &Output) -> String {
    let (out, errors) = told(output);
    assert_eq!(output.status.code(), Some(1), "{out}{errors}");
    assert_eq!(out, "");
    errors
}

#[test]
fn without_a_usable_key_it_listens_on_loopback_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    let server = Server::start(&data_dir);
    let key = server.admin_key();
    server.terminate();
    let id = key.split('_').nth(1).expect("a key names its id");
    assert!(run(&mut flightdeck(&data_dir, &["keys", "revoke", id])).status.success());

    let errors = refused(&run(&mut flightdeck(&data_dir, &["--listen", "0.0.0.0:0"])));
    assert!(errors.contains("no usable API key exists, so 0.0.0.0:0 is refused"), "{errors}");
    assert!(errors.contains("flightdeck keys create --role admin"), "it says what to do: {errors}");
    let server = Server::start(&data_dir);
    assert_eq!(server.client(&key).get("/agents").0, 401, "on loopback it starts, and still asks for a key");
}

#[test]
fn a_wrong_variable_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    let errors = refused(&run(flightdeck(&data_dir, &[]).env("FLIGHTDECK_LISTEN", "everywhere")));
    assert!(errors.contains("FLIGHTDECK_LISTEN") && errors.contains("\"everywhere\""), "{errors}");
    assert!(!data_dir.exists(), "it touched nothing");
}

#[test]
fn a_wrong_address_of_valkey_is_named_without_its_password() {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    let errors = refused(&run(flightdeck(&data_dir, &[]).env("FLIGHTDECK_VALKEY_URL", "http://:hush@cache:6379")));
    assert!(errors.contains("FLIGHTDECK_VALKEY_URL: ") && errors.contains("redis://127.0.0.1:6379"), "{errors}");
    assert!(!errors.contains("hush"), "{errors}");
    assert!(!data_dir.exists(), "it touched nothing");
}

/// Pages in the midst of the file, as a bad disk or a wrong copy leaves them.
#[test]
fn a_damaged_database_is_refused_and_the_doctor_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    let server = Server::start(&data_dir);
    let session = server.admin().register(None);
    for _ in 0..20 {
        server.admin().append(&session, &["words ".repeat(2_000)]);
    }
    server.terminate();
    let path = data_dir.join("flightdeck.db");
    let mut file = std::fs::read(&path).expect("read");
    let middle = file.len() / 2 / 4_096 * 4_096;
    file[middle..middle + 8 * 4_096].fill(0xa5);
    std::fs::write(&path, &file).expect("written");

    let errors = refused(&run(&mut flightdeck(&data_dir, &["--listen", "127.0.0.1:0"])));
    assert!(errors.contains("is damaged") && errors.contains("restore a backup"), "{errors}");
    assert!(errors.contains("flightdeck doctor"), "{errors}");
    let output = run(&mut flightdeck(&data_dir, &["doctor"]));
    let (out, errors) = told(&output);
    assert_eq!(output.status.code(), Some(1), "{out}{errors}");
    assert!(out.lines().any(|line| line.starts_with("FAIL     database") && line.contains("restore")), "{out}");
    assert_eq!(std::fs::read(&path).expect("read"), file, "nothing was changed");
}

/// Adds a table that nobody reads, damages its last pages, and makes the file so large that a look at all of it would hold
/// up a start. What is behind the last page takes no place on the disk, and SQLite passes over it.
fn make_large_and_damaged(path: &Path) {
    let mut database = SqliteConnection::establish(path.to_str().expect("a path")).expect("opened");
    let ballast = "CREATE TABLE ballast (bytes BLOB);
        WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT 64)
        INSERT INTO ballast SELECT randomblob(3000) FROM n;
        PRAGMA wal_checkpoint(TRUNCATE)";
    database.batch_execute(ballast).expect("written");
    drop(database);
    let mut file = std::fs::read(path).expect("read");
    let end = file.len();
    file[end - 8 * 4_096..].fill(0xa5);
    std::fs::write(path, &file).expect("written");
    File::options().write(true).open(path).expect("opened").set_len(65 << 20).expect("longer");
}

#[test]
fn a_large_damaged_database_is_served_and_told_of() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data_dir, log) = (folder.path().join("data"), folder.path().join("log"));
    Server::start(&data_dir).terminate();
    make_large_and_damaged(&data_dir.join("flightdeck.db"));

    let mut command = flightdeck(&data_dir, &["--listen", "127.0.0.1:0", "--log", "error"]);
    let server = Server::start_command(&data_dir, command.stderr(File::create(&log).expect("a log")));
    until("the log says that it is damaged", || {
        let text = std::fs::read_to_string(&log).expect("the log");
        let told = |line: &str| line.contains("ERROR") && line.contains("is damaged") && line.contains("flightdeck.db");
        text.lines().any(told).then_some(())
    });
    let session = server.admin().register(None);
    server.admin().append(&session, &["what is whole goes on".to_owned()]);
    let (out, errors) = told(&run(&mut flightdeck(&data_dir, &["doctor"])));
    assert!(out.lines().any(|line| line.starts_with("FAIL     database pages")), "{out}{errors}");
    assert!(server.terminate().0.success());
}

#[test]
fn a_second_server_on_the_same_data_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    let first = Server::start(&data_dir);
    let errors = refused(&run(&mut flightdeck(&data_dir, &["--listen", "127.0.0.1:0"])));
    assert!(errors.contains("another flightdeck is running on") && errors.contains("--data-dir"), "{errors}");
    assert_eq!(first.admin().get("/agents").0, 200, "the first goes on");
    first.kill();
    Server::start(&data_dir);
}

#[test]
fn a_port_that_is_taken_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(&folder.path().join("data"));
    let listen = server.address.to_string();
    let errors = refused(&run(&mut flightdeck(&folder.path().join("other"), &["--listen", &listen, "--log", "error"])));
    assert!(errors.contains(&format!("cannot listen on {listen}")) && errors.contains("because: "), "{errors}");
}
