//! The fleet feed, filtered, with ticks, and under racing writers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use flightdeck_domain::operator::Role;
use flightdeck_domain::ports::IdGenerator;
use flightdeck_domain::system::SystemIds;
use serde_json::{Value, json};

use crate::server::{Event, TestServer};

fn idle(server: &TestServer, agent: &str) {
    server.post(&format!("/agents/{agent}/status"), &json!({"status": "idle"})).expect(200);
}

fn next(server: &TestServer, query: &str, count: usize) -> Vec<(String, String)> {
    let mut feed = server.stream(&format!("/agents/events?after=0&activity=off&{query}"), None).expect("open");
    let events = (0..count).map(|_| feed.next().expect("an event"));
    events.map(|it| (it.kind, it.data["sessionId"].as_str().unwrap_or("fleet").to_owned())).collect()
}

#[test]
fn filters_hold_alone_and_together() {
    let server = TestServer::start();
    let (top, other) = (server.session(None), server.session(None));
    let below = server.session(Some(&top));
    let mission = SystemIds.session_id().to_string();
    let body = json!({"sessionId": mission, "taskId": "FD-1", "agentType": "worker", "missionId": "m"});
    server.post("/agents", &body).expect(201);
    for agent in [&other, &below, &mission, &top] {
        idle(&server, agent);
    }
    server.post("/killswitch/release", &json!({})).expect(200);
    let is = |kind: &str, agent: &str| (kind.to_owned(), agent.to_owned());
    let statuses = [is("status", &other), is("status", &below), is("status", &mission), is("status", &top)];
    assert_eq!(next(&server, "type=status", 4), statuses);
    let subtree = [
        is("spawned", &top),
        is("spawned", &below),
        is("status", &below),
        is("status", &top),
        is("killswitch", "fleet"),
    ];
    assert_eq!(next(&server, &format!("subtree={top}"), 5), subtree);
    assert_eq!(next(&server, "missionId=m&type=spawned,status", 2), [is("spawned", &mission), is("status", &mission)]);
    assert_eq!(
        next(&server, &format!("subtree={below}&type=status,killswitch"), 2),
        [is("status", &below), is("killswitch", "fleet")]
    );
}

#[test]
fn a_filtered_stream_that_breaks_misses_nothing() {
    let server = TestServer::start();
    let (top, other) = (server.session(None), server.session(None));
    let path = format!("/agents/events?subtree={top}&activity=off");
    let mut feed = server.stream(&path, None).expect("open");
    idle(&server, &other);
    let child = server.session(Some(&top));
    let first = feed.next().expect("an event");
    assert_eq!((first.kind.as_str(), &first.data["sessionId"]), ("spawned", &json!(child)));
    drop(feed);
    server.session(Some(&other));
    idle(&server, &child);
    let cut = first.id.expect("an id").to_string();
    let mut resumed = server.stream(&path, Some(&cut)).expect("open");
    let then = resumed.next().expect("an event");
    assert_eq!((then.kind.as_str(), &then.data["sessionId"]), ("status", &json!(child)));
}

#[test]
fn an_agent_follows_its_own_subtree_only() {
    let server = TestServer::start();
    let (own, other) = (server.session(None), server.session(None));
    let key = server.key_bound_to(Role::Agent, own.parse().ok()).reveal();
    let denied =
        |query: &str| server.stream_as(&key, &format!("/agents/events{query}"), None).err().map(|it| it.status);
    assert_eq!(
        (denied(""), denied(&format!("?subtree={other}")), denied("?missionId=m")),
        (Some(403), Some(403), Some(403))
    );
    let mut feed = server.stream_as(&key, &format!("/agents/events?after=0&subtree={own}"), None).expect("open");
    server.post("/killswitch/release", &json!({})).expect(200);
    idle(&server, &other);
    idle(&server, &own);
    let mut kinds = Vec::new();
    while kinds.len() < 2 {
        let event = feed.next().expect("an event");
        assert_eq!(event.data["sessionId"], json!(own));
        if event.kind != "activity" {
            kinds.push(event.kind);
        }
    }
    assert_eq!(kinds, ["spawned", "status"]);
}

#[test]
fn ticks_tell_the_newest_seq_and_have_no_number() {
    let server = TestServer::start();
    let (top, other) = (server.session(None), server.session(None));
    let below = server.session(Some(&top));
    let mut feed = server.stream(&format!("/agents/events?subtree={top}&type=activity"), None).expect("open");
    let started = Instant::now();
    let mut ticks: Vec<Event> = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..30 {
                server.say(&other, 1);
                server.say(&below, 2);
            }
        });
        while ticks.last().is_none_or(|tick| tick.data["seq"] != 60) {
            ticks.push(feed.next().expect("a tick"));
        }
    });
    let seqs: Vec<u64> = ticks.iter().filter_map(|tick| tick.data["seq"].as_u64()).collect();
    assert!(seqs.is_sorted_by(|one, next| one < next), "{seqs:?}");
    assert!(
        ticks.iter().all(|tick| tick.kind == "activity" && tick.id.is_none() && tick.data["sessionId"] == json!(below))
    );
    let spans = started.elapsed().as_millis() / 250 + 2;
    assert!(ticks.len() <= usize::try_from(spans).expect("few"), "{} ticks in {spans} spans", ticks.len());
}

/// Follows until it has seen so many events, and breaks off after a few, again and again.
fn reader(server: &TestServer, query: &str, count: usize, mut dice: u64) -> Vec<(u64, Value)> {
    let mut seen: Vec<(u64, Value)> = Vec::new();
    while seen.len() < count {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let few = usize::try_from(dice >> 59).expect("small") + 1;
        let last = seen.last().map_or(0, |(id, _)| *id).to_string();
        let mut feed = server.stream(&format!("/agents/events?{query}"), Some(&last)).expect("open");
        let mut taken = 0;
        while taken < few && seen.len() < count {
            let event = feed.next().expect("an event");
            if let Some(id) = event.id {
                seen.push((id, event.data));
                taken += 1;
            }
        }
    }
    seen
}

#[test]
fn racing_writers_and_readers_that_reconnect_miss_nothing() {
    let server = TestServer::start();
    let tops: Vec<String> = (0..64).map(|_| server.session(None)).collect();
    let started = AtomicBool::new(false);
    let filtered = format!("subtree={}", tops[7]);
    let (whole, statuses, subtree) = std::thread::scope(|scope| {
        for top in &tops {
            let (server, started) = (&server, &started);
            scope.spawn(move || {
                while !started.load(Ordering::Acquire) {
                    std::thread::sleep(Duration::from_millis(1));
                }
                let child = server.session(Some(top));
                server.say(top, 1);
                idle(server, &child);
                idle(server, top);
            });
        }
        started.store(true, Ordering::Release);
        // 64 spawned before; each writer adds one spawned and two statuses.
        let whole: Vec<_> =
            (1..=4).map(|n| (n, &server)).map(|(n, it)| scope.spawn(move || reader(it, "", 64 + 192, n))).collect();
        let statuses = scope.spawn(|| reader(&server, "type=status", 128, 5));
        let subtree = scope.spawn(|| reader(&server, &filtered, 4, 6));
        let whole: Vec<_> = whole.into_iter().map(|it| it.join().expect("read")).collect();
        (whole, statuses.join().expect("read"), subtree.join().expect("read"))
    });
    let all = reader(&server, "activity=off", 256, 0);
    assert!(all.is_sorted_by(|one, next| one.0 < next.0), "in order, each once");
    for seen in whole {
        assert_eq!(seen, all);
    }
    let of = |wanted: &dyn Fn(&Value) -> bool| all.iter().filter(|it| wanted(&it.1)).cloned().collect::<Vec<_>>();
    assert_eq!(statuses, of(&|data| data["type"] == "status"));
    let child = all.iter().find(|it| it.1["parentSessionId"] == json!(tops[7])).expect("there").1["sessionId"].clone();
    assert_eq!(subtree, of(&|data| data["sessionId"] == json!(tops[7]) || data["sessionId"] == child));
}
