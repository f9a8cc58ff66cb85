//! Streams over the server's life.

use std::time::Duration;

use serde_json::json;

use crate::support::process::{Server, lasting_address};
use crate::support::sse::Stream;

fn contents(seqs: std::ops::RangeInclusive<u64>) -> Vec<String> {
    seqs.map(|seq| format!("message {seq}")).collect()
}

/// The next events are messages with exactly these seqs.
fn expect(stream: &mut Stream, seqs: std::ops::RangeInclusive<u64>) {
    for seq in seqs {
        let event = stream.expect();
        assert_eq!((event.name.as_str(), event.id), ("message", Some(seq)));
        let message = event.json();
        assert_eq!((message["seq"].as_u64(), &message["content"]), (Some(seq), &json!(format!("message {seq}"))));
    }
}

#[test]
fn a_stream_brings_the_history_then_what_happens_then_the_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(&folder.path().join("data"));
    let admin = server.admin();
    let session = admin.register(None);
    admin.append(&session, &contents(1..=300));
    let path = format!("/agents/{session}/messages/stream");
    let mut stream = Stream::open(server.address, &server.admin_key(), &path, None).expect("an answer");
    assert_eq!(stream.status, 200);
    expect(&mut stream, 1..=300);
    for seq in 301..=310 {
        admin.append(&session, &contents(seq..=seq));
        expect(&mut stream, seq..=seq);
    }
    let mut late =
        Stream::open(server.address, &server.admin_key(), &format!("{path}?tail=5"), None).expect("an answer");
    expect(&mut late, 306..=310);

    assert_eq!(admin.post(&format!("/agents/{session}/status"), &json!({"status": "completed"})).0, 200);
    for stream in [&mut stream, &mut late] {
        let told = stream.expect();
        assert_eq!((told.id, &told.json()["role"]), (Some(311), &json!("system")), "the status change is in the story");
        let end = stream.expect();
        assert_eq!((end.name.as_str(), end.id, &end.json()["lastSeq"]), ("end", None, &json!(311)));
        assert!(stream.next().expect("closed as HTTP wants it").is_none());
    }
    let again = Stream::open(server.address, &server.admin_key(), &path, Some(311)).expect("an answer");
    assert_eq!(again.status, 204, "there is nothing to come back for");
}

#[test]
fn a_stream_resumed_after_restarts_loses_and_repeats_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    let address = lasting_address();
    let mut server = Server::start_on(&data_dir, address);
    let (key, session) = (server.admin_key(), server.admin().register(None));
    let path = format!("/agents/{session}/messages/stream");
    let mut seen = 0;
    for round in 0..4 {
        let mut stream = Stream::open(address, &key, &path, Some(seen).filter(|seq| *seq > 0)).expect("an answer");
        let written = seen + 50;
        // Half of them are history to this stream, half are live; the last five are for the next one.
        server.admin().append(&session, &contents(seen + 1..=seen + 25));
        expect(&mut stream, seen + 1..=seen + 25);
        server.admin().append(&session, &contents(seen + 26..=written));
        expect(&mut stream, seen + 26..=written - 5);
        if round % 2 == 0 {
            server.kill();
        } else {
            assert!(server.terminate().0.success());
        }
        server = Server::start_on(&data_dir, address);
        seen = written - 5;
        let mut stream = Stream::open(address, &key, &path, Some(seen)).expect("an answer");
        expect(&mut stream, seen + 1..=written);
        seen = written;
    }
}

#[test]
fn it_stops_within_five_seconds_with_a_thousand_streams_open() {
    const STREAMS: usize = 1_000;
    let limit = rlimit::increase_nofile_limit(20_000).expect("a limit of open files");
    assert!(limit > 2_000, "this test needs more open files than {limit}");
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(&folder.path().join("data"));
    let (admin, key) = (server.admin(), server.admin_key());
    let sessions: Vec<_> = (0..10).map(|_| admin.register(None)).collect();
    for session in &sessions {
        admin.append(session, &contents(1..=1));
    }
    let open = |number: usize| {
        let path = match number % 11 {
            10 => "/agents/events?after=0".to_owned(),
            place => format!("/agents/{}/messages/stream", sessions[place]),
        };
        let mut stream = Stream::open(server.address, &key, &path, None).expect("an answer");
        assert_eq!(stream.status, 200);
        // The first event shows that the stream is served, not only accepted.
        stream.expect();
        stream
    };
    let streams: Vec<_> = (0..STREAMS).map(open).collect();
    let (status, took) = server.terminate();
    assert!(status.success(), "{status}");
    assert!(took < Duration::from_secs(5), "it stopped after {took:?}");
    for mut stream in streams {
        while let Some(event) = stream.next().expect("closed as HTTP wants it, not cut off") {
            assert_ne!(event.name, "end", "the sessions have not ended");
        }
    }
}

#[test]
fn a_client_that_does_not_read_does_not_hold_up_the_stop() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(&folder.path().join("data"));
    let (admin, key) = (server.admin(), server.admin_key());
    let session = admin.register(None);
    let long = "x".repeat(100_000);
    // More than the sockets' buffers hold.
    for _ in 0..5 {
        admin.append(&session, &vec![long.clone(); 30]);
    }
    let path = format!("/agents/{session}/messages/stream");
    let stream = Stream::open(server.address, &key, &path, None).expect("an answer");
    let (_, took) = server.terminate();
    assert!(took < Duration::from_secs(5), "it stopped after {took:?}");
    drop(stream);
}
