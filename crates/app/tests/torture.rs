//! A server that is killed again and again while others write: nothing acknowledged is lost, nothing is there twice.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::panic,
    reason = "a test fails by panicking and tells its figures"
)]

#[path = "torture/control.rs"]
mod control;
#[path = "torture/follower.rs"]
mod follower;
mod support;
#[path = "torture/verify.rs"]
mod verify;
#[path = "torture/writer.rs"]
mod writer;

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use support::http::Client;
use support::process::{Server, lasting_address};
use support::random::Random;

const WRITERS: u64 = 8;

/// What all threads share.
struct Scene {
    client: Client,
    shared: String,
    over: AtomicBool,
}

impl Scene {
    fn goes_on(&self) -> bool {
        !self.over.load(Relaxed)
    }
}

/// How long a client waits before it tries again.
const PATIENCE: Duration = Duration::from_millis(20);

fn torture(kills: u64) {
    let seed = Random::fresh_seed();
    println!("torture: {kills} kills, seed {seed}");
    let mut random = Random::from_seed(seed);
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    let address = lasting_address();
    let mut server = Server::start_on(&data_dir, address);
    let (client, key) = (server.admin(), server.admin_key());
    let shared = client.register(None);
    let scene = Scene { client, shared, over: AtomicBool::new(false) };
    let began = Instant::now();

    let (written, controlled, followed) = thread::scope(|scope| {
        let (scene, server) = (&scene, &mut server);
        let writers: Vec<_> = (0..WRITERS)
            .map(|number| (number, Random::from_seed(random.next())))
            .map(|(number, random)| scope.spawn(move || writer::write(scene, number, random)))
            .collect();
        let control_random = Random::from_seed(random.next());
        let control = scope.spawn(move || control::intervene(scene, control_random));
        let follower = scope.spawn(|| follower::follow(scene, address, &key));
        for _ in 0..kills {
            thread::sleep(Duration::from_millis(random.within(200..1_500)));
            server.kill_and_restart();
        }
        scene.over.store(true, Relaxed);
        let written: Vec<_> = writers.into_iter().map(|thread| thread.join().expect("a writer")).collect();
        (written, control.join().expect("the operator"), follower.join().expect("the follower"))
    });
    let seconds = began.elapsed().as_secs_f64();

    // Once more, so that what is checked comes from the disk alone.
    server.kill_and_restart();
    let client = server.admin();
    let operators = verify::conversations(&client, &scene.shared, &written, &controlled);
    let entries = verify::audit(&client, &controlled);
    verify::followed(&client, &scene.shared, &followed);

    let total = |count: fn(&writer::Written) -> u64| written.iter().map(count).sum::<u64>();
    println!(
        "torture: {} messages in {} batches acknowledged, {kills} kills, {} retried calls, {} repeated on purpose, \
         {} of the calls sent again had been written before the kill; {} injects and {} pauses and resumes \
         acknowledged, {operators} operator messages and {entries} audit entries found; {} messages followed over {} \
         reconnects; {seconds:.1} s",
        total(writer::Written::messages),
        total(|writer| writer.batches),
        total(|writer| writer.retries),
        total(|writer| writer.repeated),
        total(|writer| writer.already_there),
        controlled.injects.len(),
        controlled.reasons.len(),
        followed.seqs.len(),
        followed.reconnects,
    );
}

#[test]
fn a_few_kills_lose_and_repeat_nothing() {
    torture(3);
}

#[test]
#[ignore = "takes minutes; run with: cargo test --release -p flightdeck --test torture -- --ignored --nocapture"]
fn fifty_kills_lose_and_repeat_nothing() {
    let kills = std::env::var("FLIGHTDECK_TORTURE_KILLS").ok();
    torture(kills.map_or(50, |text| text.parse().expect("FLIGHTDECK_TORTURE_KILLS is a number")));
}
