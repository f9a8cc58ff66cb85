//! What sinks send while replicas are killed: whichever replica sends, every event arrives, and for the first time in order.

use std::thread;
use std::time::{Duration, Instant};

use flightdeck_test_servers::postgres::Place;
use serde_json::json;

use crate::deployment::{Cluster, Settings};
use crate::receiver::{Receiver, SECRET};
use crate::support::load::Scene;
use crate::support::patience::until;
use crate::support::random::Random;

/// How often a replica is killed.
pub(crate) const SMALL: u64 = 6;
pub(crate) const FULL: u64 = 100;

const SESSIONS: usize = 4;
/// Of so many messages one is answered with 500, one late, and one not at all.
const MOODY: u64 = 150;

pub(crate) fn send(place: &Place, valkey: &str, kills: u64) {
    let seed = Random::fresh_seed();
    println!("sinks: seed {seed}");
    let mut random = Random::from_seed(seed);
    let (receiver, began) = (Receiver::start(MOODY), Instant::now());
    let mut cluster = Cluster::start(&Settings::new(place.url(), valkey));
    let scene = cluster.scene();
    let sink = json!({"name": "ops", "form": "webhook", "settings": {"url": receiver.url}, "from": "start",
        "credentials": {"secret": SECRET}, "maxTries": 100});
    assert_eq!(cluster.at(0).post("/sinks", &sink).0, 201);
    let sessions: Vec<String> = (0..SESSIONS).map(|_| scene.door(&mut random).register(None)).collect();
    thread::scope(|scope| {
        let _guard = scene.guard();
        let (busy, sessions, dice) = (&scene, &sessions, Random::from_seed(random.next()));
        scope.spawn(move || keep_busy(busy, sessions, dice));
        for _ in 0..kills {
            thread::sleep(Duration::from_millis(random.within(50..1_500)));
            let replica = random.pick(&[0, 1, 2]);
            let replica = &mut cluster.replicas[*replica];
            replica.kill();
            thread::sleep(Duration::from_millis(random.within(0..300)));
            replica.start();
        }
        scene.end();
    });
    let state = until("the end of the feed", || {
        let (status, sink) = cluster.at(0).get("/sinks/ops");
        (status == 200 && sink["state"]["lag"] == 0).then(|| sink["state"].clone())
    });
    let last = state["cursor"].as_u64().expect("a cursor");
    let (newest, repeated) = receiver.in_order(&format!("seed {seed}"));
    assert_eq!(newest, last, "seed {seed}: something is missing");
    assert_eq!(state["deadLetters"], 0, "{state}");
    cluster.has_not_panicked();
    println!(
        "sinks: {kills} kills of 3 replicas: {last} events arrived in order with good signatures, {repeated} of them more \
         than once, in {:.1} s",
        began.elapsed().as_secs_f64()
    );
}

/// Statuses of sessions that go back and forth.
fn keep_busy(scene: &Scene, sessions: &[String], mut random: Random) {
    while scene.goes_on() {
        for session in sessions {
            for status in ["idle", "running"] {
                scene.post(&mut random, &format!("/agents/{session}/status"), &json!({"status": status}));
            }
            thread::sleep(Duration::from_millis(random.within(10..60)));
        }
    }
}
