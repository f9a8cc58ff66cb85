//! Followers whose connections are cut at random, and who come back to any replica.

use std::thread;
use std::time::Instant;

use flightdeck_test_servers::postgres::Place;
use serde_json::json;

use crate::deployment::{Cluster, Settings};
use crate::support::load::follower::{self, Cuts};
use crate::support::load::operator::Controlled;
use crate::support::load::verify;
use crate::support::load::writer::{self, Log, Writing, Written};
use crate::support::random::Random;

/// How much there is of it.
pub(crate) struct Size {
    sessions: usize,
    writers: u64,
    batches: u64,
    followers: usize,
}

pub(crate) const SMALL: Size = Size { sessions: 24, writers: 4, batches: 150, followers: 36 };
pub(crate) const FULL: Size = Size { sessions: 200, writers: 16, batches: 1_600, followers: 300 };

/// Who reads the fleet feed.
const FEED_READERS: usize = 3;

pub(crate) fn come_and_go(place: &Place, valkey: &str, size: &Size) {
    let seed = Random::fresh_seed();
    println!("followers: seed {seed}");
    let mut random = Random::from_seed(seed);
    let cluster = Cluster::start(&Settings::new(place.url(), valkey));
    let scene = cluster.scene();
    let sessions: Vec<String> = (0..size.sessions).map(|_| scene.door(&mut random).register(None)).collect();
    let last = random.uuid().to_string();
    let cuts = Cuts { events: 1..60, quiet: 50..1_500 };
    let began = Instant::now();

    let (written, followed, events) = thread::scope(|scope| {
        let (scene, sessions, cuts, last) = (&scene, &sessions, &cuts, &last);
        let _guard = scene.guard();
        let mut dice = || Random::from_seed(random.next());
        let writers: Vec<_> = (0..size.writers)
            .map(|number| {
                let batches = Some(size.batches);
                let writing = Writing { number, own: 0, shared: sessions, batches, thinks: None };
                let dice = dice();
                scope.spawn(move || writer::write(scene, &writing, dice))
            })
            .collect();
        let followers: Vec<_> = (0..size.followers)
            .map(|number| {
                let (session, dice) = (&sessions[number % sessions.len()], dice());
                scope.spawn(move || follower::follow(scene, session, Some(cuts), dice))
            })
            .collect();
        let feeds: Vec<_> = (0..FEED_READERS)
            .map(|_| dice())
            .map(|dice| scope.spawn(move || follower::follow_feed(scene, last, Some(cuts), dice)))
            .collect();
        let written: Vec<_> = writers.into_iter().map(|writer| writer.join().expect("a writer")).collect();
        let mut dice = dice();
        for session in sessions {
            scene.complete(&mut dice, session);
        }
        let body = json!({"sessionId": last, "taskId": "the last", "agentType": "tester"});
        assert_eq!(scene.post(&mut dice, "/agents", &body).status, 201);
        let followed: Vec<_> = followers.into_iter().map(|reader| reader.join().expect("a follower")).collect();
        let events: Vec<_> = feeds.into_iter().map(|reader| reader.join().expect("a reader")).collect();
        (written, followed, events)
    });
    let seconds = began.elapsed().as_secs_f64();

    let client = cluster.at(0);
    let logs: Vec<&Log> = written.iter().flat_map(|writer| &writer.logs).collect();
    let conversations = verify::conversations(&client, &logs, &Controlled::default());
    let deliveries = verify::followed(&conversations, &followed);
    assert!(events.iter().all(|seen| *seen == events[0]), "{events:?}");
    verify::audit(&client, &Controlled::default());
    cluster.has_not_panicked();
    let connections: u64 = followed.iter().map(|reader| reader.connections).sum();
    println!(
        "followers: {} sessions, {} writers, {} followers: {} messages acknowledged, {deliveries} delivered over \
         {connections} connections, {} events of the feed to each of {FEED_READERS} readers; {seconds:.1} s",
        size.sessions,
        size.writers,
        size.followers,
        written.iter().map(Written::messages).sum::<u64>(),
        events[0],
    );
}
