//! A database that is set back to an earlier moment.

use std::fs;
use std::path::Path;

use diesel::prelude::*;
use serde_json::json;

use crate::support::process::{Server, flightdeck, run, told};
use crate::support::sse::Stream;

fn epoch(data_dir: &Path, more: &[&str]) -> String {
    let (out, errors) = told(&run(&mut flightdeck(data_dir, &[&["epoch"], more].concat())));
    assert!(!out.is_empty(), "{errors}");
    out.trim().to_owned()
}

fn stop(server: Server) {
    let (status, _) = server.terminate();
    assert!(status.success(), "{status}");
}

#[test]
fn readers_from_before_a_restore_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    let server = Server::start(&data_dir);
    let session = server.admin().register(None);
    server.admin().append(&session, &["one".to_owned(), "two".to_owned()]);
    let key = server.admin_key();
    stop(server);
    let first = epoch(&data_dir, &[]);
    let (database, backup) = (data_dir.join("flightdeck.db"), folder.path().join("backup"));
    fs::copy(&database, &backup).expect("copied");

    let server = Server::start(&data_dir);
    server.admin().append(&session, &["three".to_owned()]);
    stop(server);
    assert_eq!(epoch(&data_dir, &[]), first, "a restart is no restore");
    fs::copy(&backup, &database).expect("restored");

    let server = Server::start(&data_dir);
    let second = epoch(&data_dir, &[]);
    assert_ne!(second, first);
    // The third place is given again, to another message.
    server.admin().append(&session, &["another three".to_owned(), "four".to_owned()]);
    let path = format!("/agents/{session}/messages/stream?epoch={first}");
    let mut stream = Stream::open(server.address, &key, &path, Some(3)).expect("an answer");
    let gap = stream.expect();
    assert_eq!((gap.name.as_str(), &gap.json()["epoch"]), ("gap", &json!(second)));
    let contents: Vec<_> = (0..4).map(|_| stream.expect().json()["content"].clone()).collect();
    assert_eq!(contents, ["one", "two", "another three", "four"]);
    let mut feed =
        Stream::open(server.address, &key, &format!("/agents/events?after={first}-1"), None).expect("an answer");
    assert_eq!(feed.expect().name, "gap");
    stop(server);
    let server = Server::start(&data_dir);
    assert_eq!(epoch(&data_dir, &[]), second, "it is told once");
    assert_ne!(epoch(&data_dir, &["renew"]), second, "unless somebody says so");
    stop(server);
}

#[test]
fn a_crash_is_no_restore() {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    let mut server = Server::start(&data_dir);
    let first = epoch(&data_dir, &[]);
    for _ in 0..3 {
        server.admin().register(None);
        server.kill_and_restart();
    }
    assert_eq!(epoch(&data_dir, &[]), first);
}

#[test]
fn a_server_whose_database_went_back_under_it_does_not_end_well() {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    let server = Server::start(&data_dir);
    let first = epoch(&data_dir, &[]);
    let path = data_dir.join("flightdeck.db");
    let mut database = SqliteConnection::establish(path.to_str().expect("a path")).expect("opened");
    diesel::sql_query("PRAGMA busy_timeout = 5000").execute(&mut database).expect("set");
    let changed = diesel::sql_query("UPDATE replica_marks SET mark = zeroblob(16)").execute(&mut database);
    assert_eq!(changed.expect("changed"), 1);
    let (status, _) = server.terminate();
    assert_eq!(status.code(), Some(1));
    stop(Server::start(&data_dir));
    assert_ne!(epoch(&data_dir, &[]), first);
}
