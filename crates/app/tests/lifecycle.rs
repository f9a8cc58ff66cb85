//! The life of a server: first start, keys, restart, stop. Every test has its own process, folder and port.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

#[path = "lifecycle/agents.rs"]
mod agents;
#[path = "lifecycle/checkpoints.rs"]
mod checkpoints;
#[path = "lifecycle/feed.rs"]
mod feed;
#[path = "lifecycle/guard.rs"]
mod guard;
#[path = "lifecycle/keys.rs"]
mod keys;
#[path = "lifecycle/kills.rs"]
mod kills;
#[path = "lifecycle/refusals.rs"]
mod refusals;
#[path = "lifecycle/restore.rs"]
mod restore;
#[path = "lifecycle/spans.rs"]
mod spans;
#[path = "lifecycle/spool.rs"]
mod spool;
#[path = "lifecycle/streams.rs"]
mod streams;
mod support;
#[path = "lifecycle/waits.rs"]
mod waits;

use std::os::unix::fs::PermissionsExt;

use support::process::Server;

#[test]
fn the_first_start_writes_an_admin_key_for_its_owner_alone_and_says_where() {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    let server = Server::start(&data_dir);
    let file = data_dir.join("admin.key");
    let mode = |path| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(&data_dir)), (0o600, 0o700));
    let line = format!("first admin key  {}", file.display());
    assert!(server.banner.contains(&line), "{}", server.banner);
    assert_eq!(server.admin().get("/agents").0, 200);
}

#[test]
fn the_second_start_keeps_the_data_and_makes_no_new_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    let server = Server::start(&data_dir);
    let (key, admin) = (server.admin_key(), server.admin());
    let session = admin.register(None);
    admin.append(&session, &["one".to_owned(), "two".to_owned()]);
    let (before, audit_before) = (admin.conversation(&session), admin.audit());
    let (status, _) = server.terminate();
    assert!(status.success(), "{status}");

    let server = Server::start(&data_dir);
    assert!(!server.banner.contains("admin key"), "{}", server.banner);
    assert_eq!(server.admin_key(), key);
    assert_eq!(server.admin().conversation(&session), before);
    let looks = |entry: &serde_json::Value| entry["action"] == "audit_read";
    let audit: Vec<_> = server.admin().audit().into_iter().filter(|entry| !looks(entry)).collect();
    assert_eq!(audit, audit_before, "a start alone is no intervention");
}
