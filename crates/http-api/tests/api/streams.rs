//! Conversations are followed.

use std::time::{Duration, Instant};

use flightdeck_domain::operator::Role;
use flightdeck_http_api::ApiOptions;
use serde_json::json;

use crate::server::{TestServer, options};

#[test]
fn history_then_live_in_order_each_once() {
    let server = TestServer::start();
    let agent = server.session(None);
    server.say(&agent, 20);
    let mut stream = server.stream(&format!("/agents/{agent}/messages/stream"), None).expect("open");
    assert_eq!(stream.ids(20), (1..=20).collect::<Vec<_>>());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..10).for_each(|_| server.say(&agent, 2)));
        }
        assert_eq!(stream.ids(80), (21..=100).collect::<Vec<_>>());
    });
}

#[test]
fn a_follower_goes_on_where_it_stood() {
    let server = TestServer::start();
    let agent = server.session(None);
    server.say(&agent, 10);
    let path = format!("/agents/{agent}/messages/stream");
    let first =
        |query: &str, header: Option<&str>| server.stream(&format!("{path}{query}"), header).expect("open").ids(1)[0];
    assert_eq!(first("?after=4", None), 5);
    assert_eq!(first("?tail=3", None), 8);
    assert_eq!(first("?tail=300", None), 1);
    assert_eq!(first("", Some("7")), 8);
    assert_eq!(first("?after=2&tail=1", Some("7")), 8, "the header goes first");
    assert_eq!(first("?after=2&tail=1", None), 3, "after goes before tail");
}

#[test]
fn an_ended_session_ends_its_streams_and_says_204_to_those_who_come_back() {
    let server = TestServer::start();
    let agent = server.session(None);
    server.say(&agent, 2);
    let path = format!("/agents/{agent}/messages/stream");
    let mut stream = server.stream(&path, None).expect("open");
    assert_eq!(stream.ids(2), [1, 2]);
    server.post(&format!("/agents/{agent}/status"), &json!({"status": "completed"})).expect(200);
    assert_eq!(stream.next().expect("the end is told").data["content"], "status: running → completed");
    let end = stream.next().expect("an end");
    assert_eq!((end.kind.as_str(), end.id, end.data), ("end", None, json!({"lastSeq": 3})));
    assert_eq!(stream.next(), None);

    assert_eq!(server.stream(&path, Some("3")).err().map(|reply| reply.status), Some(204));
    let mut behind = server.stream(&path, Some("2")).expect("something is left");
    assert_eq!(behind.ids(1), [3]);
    assert_eq!(behind.next().map(|event| event.kind).as_deref(), Some("end"));
}

#[test]
fn a_cursor_from_the_future_and_garbage_are_refused() {
    let server = TestServer::start();
    let agent = server.session(None);
    server.say(&agent, 2);
    let path = format!("/agents/{agent}/messages/stream");
    for (query, header) in
        [("", Some("3")), ("?after=3", None), ("", Some("-1")), ("", Some("x")), ("?after=-1", None), ("?tail=x", None)]
    {
        let refused = server.stream(&format!("{path}{query}"), header).err().expect("refused");
        assert_eq!(refused.status, 400, "{query} {header:?}");
        let field = refused.body["errors"][0]["field"].as_str().expect("a field").to_owned();
        assert!(query.contains(&field) || field == "Last-Event-ID", "{field}");
    }
}

#[test]
fn a_quiet_stream_gets_comments_and_one_retry() {
    let server = TestServer::with(ApiOptions { keep_alive: Duration::from_millis(50), ..options() });
    let agent = server.session(None);
    let response = ureq::get(server.url(&format!("/agents/{agent}/messages/stream")))
        .header("X-API-Key", &server.admin)
        .call()
        .expect("open");
    let headers = response.headers().clone();
    assert_eq!(headers["cache-control"], "no-cache, no-transform");
    assert_eq!(headers["x-accel-buffering"], "no");
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(response.into_body().into_reader()));
    let mut next = || lines.next().expect("a line").expect("readable");
    let retry: u64 = next().strip_prefix("retry: ").expect("first").parse().expect("a number");
    assert!((1_000..=3_000).contains(&retry));
    assert_eq!((next().as_str(), next().as_str(), next().as_str()), ("", ": keep-alive", ""));
}

#[test]
fn streams_end_at_once_on_shutdown_and_when_their_key_is_revoked() {
    let server = TestServer::start();
    let agent = server.session(None);
    let path = format!("/agents/{agent}/messages/stream");
    let viewer = server.key_bound_to(Role::Viewer, None);
    let mut mine = server.stream_as(&viewer.reveal(), &path, None).expect("open");
    let mut other = server.stream(&path, None).expect("open");
    server.say(&agent, 1);
    assert_eq!((mine.ids(1), other.ids(1)), (vec![1], vec![1]));
    server.revoke(&viewer);
    assert_eq!(mine.next(), None);
    let refused = server.stream_as(&viewer.reveal(), &path, None).err().expect("refused");
    assert_eq!(
        (refused.status, refused.body["detail"].as_str().map(|text| text.contains("revoked"))),
        (401, Some(true))
    );

    server.say(&agent, 1);
    assert_eq!(other.ids(1), [2]);
    let started = Instant::now();
    server.shutdown.cancel();
    assert_eq!(other.next(), None);
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_key_has_only_so_many_streams() {
    let server = TestServer::with(ApiOptions { max_streams_per_key: 2, ..options() });
    let agent = server.session(None);
    let path = format!("/agents/{agent}/messages/stream");
    let open = (server.stream(&path, None).expect("open"), server.stream(&path, None).expect("open"));
    let refused = server.stream(&path, None).err().expect("refused");
    assert_eq!((refused.status, &refused.body["type"]), (429, &json!("urn:flightdeck:problem:too-many-streams")));
    drop(open);
}
