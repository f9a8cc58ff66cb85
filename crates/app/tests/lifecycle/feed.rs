//! The fleet feed on the disk, under racing writers.

use std::sync::Barrier;

use serde_json::{Value, json};

use crate::support::http::Client;
use crate::support::process::Server;
use crate::support::random::Random;
use crate::support::sse::Stream;

/// How many write at the same moment.
const WRITERS: usize = 64;

fn idle(client: &Client, session: &str) {
    let (status, reply) = client.post(&format!("/agents/{session}/status"), &json!({"status": "idle"}));
    assert_eq!(status, 200, "{reply}");
}

/// Follows until it has seen so many events, and breaks off after a few, again and again.
fn read(server: &Server, query: &str, count: usize, mut random: Random) -> Vec<(u64, Value)> {
    let mut seen: Vec<(u64, Value)> = Vec::new();
    let (key, path) = (server.admin_key(), format!("/agents/events?{query}"));
    while seen.len() < count {
        let few = random.within(1..33);
        let last = seen.last().map_or(0, |(id, _)| *id);
        let mut feed = Stream::open(server.address, &key, &path, Some(last)).expect("an answer");
        assert_eq!(feed.status, 200);
        let mut taken = 0;
        while taken < few && seen.len() < count {
            let event = feed.expect();
            // Ticks of activity have no number.
            if let Some(id) = event.id {
                seen.push((id, event.json()));
                taken += 1;
            }
        }
    }
    seen
}

#[test]
fn racing_writers_and_readers_that_reconnect_miss_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(&folder.path().join("data"));
    let client = server.admin();
    let tops: Vec<String> = (0..WRITERS).map(|_| client.register(None)).collect();
    let seed = Random::fresh_seed();
    let mut random = Random::from_seed(seed);
    let mut dice = || Random::from_seed(random.next());
    let barrier = Barrier::new(WRITERS);
    let filtered = format!("subtree={}", tops[7]);
    let (whole, statuses, subtree) = std::thread::scope(|scope| {
        for top in &tops {
            let (client, barrier) = (client.clone(), &barrier);
            scope.spawn(move || {
                barrier.wait();
                let child = client.register(Some(top));
                client.append(top, &["working".to_owned()]);
                idle(&client, &child);
                idle(&client, top);
            });
        }
        // One spawned event each before; each writer adds one spawned and two statuses.
        let (server, filtered) = (&server, &filtered);
        let whole: Vec<_> =
            (0..4).map(|_| dice()).map(|dice| scope.spawn(move || read(server, "", 4 * WRITERS, dice))).collect();
        let (one, two) = (dice(), dice());
        let statuses = scope.spawn(move || read(server, "type=status", 2 * WRITERS, one));
        let subtree = scope.spawn(move || read(server, filtered, 4, two));
        let whole: Vec<_> = whole.into_iter().map(|it| it.join().expect("read")).collect();
        (whole, statuses.join().expect("read"), subtree.join().expect("read"))
    });

    // What stays, from the disk alone: another process reads it.
    let data_dir = folder.path().join("data");
    server.kill();
    let server = Server::start(&data_dir);
    let all = read(&server, "activity=off", 4 * WRITERS, dice());
    assert!(all.is_sorted_by(|one, next| one.0 < next.0), "in order, each once (seed {seed})");
    for seen in whole {
        assert_eq!(seen, all, "seed {seed}");
    }
    let of = |wanted: &dyn Fn(&Value) -> bool| all.iter().filter(|it| wanted(&it.1)).cloned().collect::<Vec<_>>();
    assert_eq!(statuses, of(&|data| data["type"] == "status"), "seed {seed}");
    let child = all.iter().find(|it| it.1["parentSessionId"] == json!(tops[7])).expect("there").1["sessionId"].clone();
    assert_eq!(subtree, of(&|data| data["sessionId"] == json!(tops[7]) || data["sessionId"] == child), "seed {seed}");
}
