//! A server reads history from a standby, and whoever reads notices nothing of it: not while the standby is behind, and not
//! when it is gone.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking and tells its figures"
)]

mod support;

use std::process::ExitCode;

use flightdeck_test_servers::postgres::Pair;
use flightdeck_test_servers::trial_with;
use libtest_mimic::Arguments;
use serde_json::Value;
use support::http::Client;
use support::patience::until;
use support::process::{Server, flightdeck};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let tests = vec![trial_with("a_standby_that_is_behind_or_gone_is_not_noticed", Pair::start, not_noticed)];
    libtest_mimic::run(&arguments, tests).exit_code()
}

/// The seqs of a page, and how many messages there are in all.
fn page(client: &Client, session: &str, query: &str) -> (Vec<u64>, u64) {
    let (status, page) = client.get(&format!("/agents/{session}/messages?{query}"));
    assert_eq!(status, 200, "{page}");
    let seq = |message: &Value| message["seq"].as_u64().expect("a seq");
    let seqs = page["messages"].as_array().expect("messages").iter().map(seq).collect();
    (seqs, page["total"].as_u64().expect("a total"))
}

fn copy(client: &Client) -> String {
    let (status, ready) = client.get("/health/ready");
    assert_eq!(status, 200, "{ready}");
    ready["readCopy"].as_str().expect("told").to_owned()
}

fn texts(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("message {number}")).collect()
}

fn not_noticed(mut pair: Pair) {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    let arguments = ["--listen", "127.0.0.1:0", "--database-read-staleness", "1h", "--throttle-tree", "off"];
    let mut command = flightdeck(&data_dir, &arguments);
    command.env("FLIGHTDECK_DATABASE_URL", pair.primary());
    command.env("FLIGHTDECK_DATABASE_READ_URL", pair.standby());
    let server = Server::start_command(&data_dir, &mut command);
    let client = server.admin();
    let old = client.register(None);
    client.append(&old, &texts(5));
    until("the standby is read", || (copy(&client) == "read").then_some(()));
    until("the standby has the messages", || (page(&client, &old, "limit=3") == (vec![1, 2, 3], 5)).then_some(()));

    // The bound is wide, so that the standby goes on to be read; and it gets nothing new.
    pair.on_standby("SELECT pg_wal_replay_pause()").expect("paused");
    let new = client.register(None);
    assert_eq!(page(&client, &new, "limit=3"), (vec![], 0), "a session that the standby does not know");
    client.append(&old, &texts(2));
    client.append(&new, &texts(1));
    assert_eq!(copy(&client), "read");
    assert_eq!(page(&client, &old, "limit=3"), (vec![1, 2, 3], 7), "from the standby, with the end of the primary");
    assert_eq!(page(&client, &old, "after=3"), (vec![4, 5, 6, 7], 7));
    assert_eq!(page(&client, &old, "after=6"), (vec![7], 7), "what was acknowledged just now");
    assert_eq!(page(&client, &old, "after=7"), (vec![], 7));
    assert_eq!(page(&client, &old, "before=7&limit=2"), (vec![5, 6], 7));
    assert_eq!(page(&client, &old, "before=4&limit=2"), (vec![2, 3], 7));
    assert_eq!(page(&client, &new, "after=0"), (vec![1], 1));
    let (status, found) = client.get(&format!("/agents/{old}/messages/search?q=message%201"));
    let found: Vec<_> = found["matches"].as_array().expect("messages").iter().map(|it| it["seq"].clone()).collect();
    assert_eq!((status, found), (200, vec![7.into(), 2.into()]));
    // The places in the log of the standby and of the primary are no matter here: the export is whole.
    let (status, log) = client.get("/audit?limit=1");
    assert_eq!(status, 200, "{log}");

    pair.on_standby("SELECT pg_wal_replay_resume()").expect("resumed");
    pair.on_primary("ALTER SYSTEM SET synchronous_standby_names = ''; SELECT pg_reload_conf()")
        .expect("it does without");
    pair.kill_standby();
    assert_eq!(page(&client, &old, "limit=3"), (vec![1, 2, 3], 7));
    client.append(&old, &texts(1));
    assert_eq!(page(&client, &old, "after=6"), (vec![7, 8], 8));
    until("the standby is missed", || (copy(&client) == "away").then_some(()));
    let (status, _) = server.terminate();
    assert!(status.success(), "{status}");
}
