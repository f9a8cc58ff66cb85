//! Valkey goes away, and hints are lost on their way: everything is delivered all the same, only later.

use std::collections::HashMap;
use std::thread;
use std::time::{Duration, Instant};

use flightdeck_test_servers::postgres::Place;
use flightdeck_test_servers::valkey::Private;

use crate::deployment::{Cluster, Settings, prefix};
use crate::support::load::follower::{self, Followed};
use crate::support::load::operator::Controlled;
use crate::support::load::verify;
use crate::support::load::writer::{self, Log, Writing, Written};
use crate::support::random::Random;

/// How much there is of it.
pub(crate) struct Size {
    sessions: usize,
    writers: u64,
    /// How long each state lasts.
    phase: Duration,
}

pub(crate) const SMALL: Size = Size { sessions: 6, writers: 2, phase: Duration::from_secs(3) };
pub(crate) const FULL: Size = Size { sessions: 40, writers: 4, phase: Duration::from_mins(1) };

/// What a load came to: what was written, and what arrived.
struct Load {
    written: Vec<Written>,
    followed: Vec<Followed>,
}

pub(crate) fn deliver(place: &Place, mut valkey: Private, size: &Size) {
    let seed = Random::fresh_seed();
    println!("away: seed {seed}");
    let mut random = Random::from_seed(seed);
    let url = valkey.url();
    let mut cluster = Cluster::start(&Settings::new(place.url(), &url));
    let mut moments = Vec::new();
    let stopped = load(&cluster, size, &mut random, || {
        thread::sleep(size.phase);
        moments.push(Instant::now());
        valkey.stop();
        thread::sleep(size.phase);
        valkey.start_again().expect("it starts again");
        moments.push(Instant::now());
        thread::sleep(size.phase);
    });
    check(&cluster, &stopped);

    // Each replica speaks with Valkey, and none hears the others.
    for replica in &mut cluster.replicas {
        replica.kill();
        replica.set("FLIGHTDECK_VALKEY_PREFIX", prefix());
        replica.start();
    }
    let dropped = load(&cluster, size, &mut random, || thread::sleep(size.phase));
    check(&cluster, &dropped);
    cluster.has_not_panicked();

    let (before, after) = (moments[0], moments[1]);
    let rows = [
        ("with Valkey", latencies(&stopped, |sent| sent < before)),
        ("Valkey stopped", latencies(&stopped, |sent| sent >= before && sent < after)),
        ("Valkey back", latencies(&stopped, |sent| sent >= after)),
        ("all hints dropped", latencies(&dropped, |_| true)),
    ];
    println!("away: from the post at one replica to the reader at another, {:?} each", size.phase);
    println!("| state | deliveries | p50 ms | p99 ms | longest ms |");
    println!("| --- | --- | --- | --- | --- |");
    for (state, sorted) in rows {
        let at = |share: usize| millis(sorted.get((sorted.len() * share / 100).min(sorted.len().saturating_sub(1))));
        println!("| {state} | {} | {} | {} | {} |", sorted.len(), at(50), at(99), at(100));
    }
}

fn millis(latency: Option<&Duration>) -> String {
    latency.map_or_else(|| "none".to_owned(), |latency| format!("{:.1}", latency.as_secs_f64() * 1_000.0))
}

/// Writers at the first replica, and a follower of each session at each of the others, for as long as it takes.
fn load(cluster: &Cluster, size: &Size, random: &mut Random, while_it_goes_on: impl FnOnce()) -> Load {
    let scene = cluster.scene_at(&[0]);
    let readers = [scene.by(vec![cluster.at(1)]), scene.by(vec![cluster.at(2)])];
    let sessions: Vec<String> = (0..size.sessions).map(|_| scene.door(random).register(None)).collect();
    thread::scope(|scope| {
        let (scene, sessions) = (&scene, &sessions);
        let _guard = scene.guard();
        let mut dice = || Random::from_seed(random.next());
        let followers: Vec<_> = readers
            .iter()
            .flat_map(|reader| sessions.iter().map(move |session| (reader, session)))
            .map(|(reader, session)| (reader, session, dice()))
            .map(|(reader, session, dice)| scope.spawn(move || follower::follow(reader, session, None, dice)))
            .collect();
        let writers: Vec<_> = (0..size.writers)
            .map(|number| (number, dice()))
            .map(|(number, dice)| {
                let thinks = Some(20..100);
                let writing = Writing { number, own: 0, shared: sessions, batches: None, thinks };
                scope.spawn(move || writer::write(scene, &writing, dice))
            })
            .collect();
        while_it_goes_on();
        scene.end();
        let written = writers.into_iter().map(|writer| writer.join().expect("a writer")).collect();
        let mut dice = dice();
        for session in sessions {
            scene.complete(&mut dice, session);
        }
        let followed = followers.into_iter().map(|reader| reader.join().expect("a follower")).collect();
        Load { written, followed }
    })
}

fn check(cluster: &Cluster, load: &Load) {
    let logs: Vec<&Log> = load.written.iter().flat_map(|writer| &writer.logs).collect();
    let conversations = verify::conversations(&cluster.at(0), &logs, &Controlled::default());
    verify::followed(&conversations, &load.followed);
}

/// How long the messages that were sent at certain moments were under way, the shortest first.
fn latencies(load: &Load, of: impl Fn(Instant) -> bool) -> Vec<Duration> {
    let logs = load.written.iter().flat_map(|writer| &writer.logs);
    let sent: HashMap<&str, Instant> = logs
        .flat_map(|log| &log.acknowledged)
        .filter(|message| of(message.sent))
        .map(|message| (message.id.as_str(), message.sent))
        .collect();
    let seen = load.followed.iter().flat_map(|reader| &reader.seen);
    let mut latencies: Vec<Duration> =
        seen.filter_map(|seen| Some(seen.at.duration_since(*sent.get(seen.id.as_str())?))).collect();
    latencies.sort_unstable();
    latencies
}
