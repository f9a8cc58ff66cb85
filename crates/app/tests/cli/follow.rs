//! `logs -f` across a crash of the server.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::process::{Server, flightdeck, lasting_address};

#[test]
fn following_goes_on_over_a_crash_and_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    let mut server = Server::start_on(&data_dir, lasting_address());
    let session = server.admin().register(None);
    let texts = |range: std::ops::Range<u32>| range.map(|n| format!("line {n}")).collect::<Vec<_>>();
    server.admin().append(&session, &texts(0..20));
    let mut follow = flightdeck(&data_dir, &["logs", "-f", "--all", "--json", &session]);
    let mut follow = follow.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut printed = BufReader::new(follow.stdout.take().expect("its output"));
    // The history is there: from now on it follows.
    let mut text = String::new();
    for _ in 0..20 {
        printed.read_line(&mut text).expect("a text");
    }

    for round in 1..4 {
        server.admin().append(&session, &texts(round * 20..round * 20 + 10));
        server.kill_and_restart();
        server.admin().append(&session, &texts(round * 20 + 10..round * 20 + 20));
    }
    let ended = server.admin().post(&format!("/agents/{session}/status"), &json!({"status": "completed"}));
    assert_eq!(ended.0, 200, "{}", ended.1);

    printed.read_to_string(&mut text).expect("it ends with the session");
    assert!(follow.wait().expect("it ends").success());
    let messages: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let seqs: Vec<u64> = messages.iter().map(|message| message["seq"].as_u64().expect("a seq")).collect();
    let (whole, total) = server.admin().conversation(&session);
    assert_eq!(seqs, (1..=total).collect::<Vec<_>>(), "each once, in order");
    assert_eq!(messages.last(), whole.last());
}
