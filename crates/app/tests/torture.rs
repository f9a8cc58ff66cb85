//! A server that is killed again and again while others write: nothing acknowledged is lost, nothing is there twice.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::panic,
    reason = "a test fails by panicking and tells its figures"
)]

mod support;

use std::thread;
use std::time::{Duration, Instant};

use support::load::operator::{self, Target};
use support::load::writer::{self, Log, Writing, Written};
use support::load::{Scene, follower, verify};
use support::process::{Server, lasting_address};
use support::random::Random;

const WRITERS: u64 = 8;
/// How many sessions each writer has for itself, beside the one that all share.
const OWN_SESSIONS: usize = 3;

fn torture(kills: u64) {
    let seed = Random::fresh_seed();
    println!("torture: {kills} kills, seed {seed}");
    let mut random = Random::from_seed(seed);
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    let address = lasting_address();
    let mut server = Server::start_on(&data_dir, address);
    let client = server.admin();
    let shared = [client.register(None)];
    let scene = Scene::new(vec![client]);
    let began = Instant::now();

    let (written, controlled, followed) = thread::scope(|scope| {
        let (scene, server, shared) = (&scene, &mut server, &shared);
        let _guard = scene.guard();
        let writers: Vec<_> = (0..WRITERS)
            .map(|number| (number, Random::from_seed(random.next())))
            .map(|(number, random)| {
                let writing = Writing { number, own: OWN_SESSIONS, shared, batches: None, thinks: None };
                scope.spawn(move || writer::write(scene, &writing, random))
            })
            .collect();
        let dice = Random::from_seed(random.next());
        let operator = scope.spawn(move || operator::intervene(scene, 0, |_| Target::One(shared[0].clone()), dice));
        let dice = Random::from_seed(random.next());
        let reader = scope.spawn(move || follower::follow(scene, &shared[0], None, dice));
        for _ in 0..kills {
            thread::sleep(Duration::from_millis(random.within(200..1_500)));
            server.kill_and_restart();
        }
        scene.end();
        let written: Vec<_> = writers.into_iter().map(|thread| thread.join().expect("a writer")).collect();
        let controlled = operator.join().expect("the operator");
        scene.complete(&mut random, &shared[0]);
        (written, controlled, [reader.join().expect("the follower")])
    });
    let seconds = began.elapsed().as_secs_f64();

    // Once more, so that what is checked comes from the disk alone.
    server.kill_and_restart();
    let client = server.admin();
    let logs: Vec<&Log> = written.iter().flat_map(|writer| &writer.logs).collect();
    let conversations = verify::conversations(&client, &logs, &controlled);
    let entries = verify::audit(&client, &controlled);
    let delivered = verify::followed(&conversations, &followed);

    let total = |count: fn(&Written) -> u64| written.iter().map(count).sum::<u64>();
    println!(
        "torture: {} messages in {} batches acknowledged, {kills} kills, {} retried calls, {} repeated on purpose, \
         {} of the calls sent again had been written before the kill; {} injects and {} pauses and resumes \
         acknowledged after {} retries, {entries} audit entries found; {delivered} messages followed over {} \
         connections; {seconds:.1} s",
        total(Written::messages),
        total(|writer| writer.batches),
        total(|writer| writer.retries),
        total(|writer| writer.repeated),
        total(|writer| writer.already_there),
        controlled.injects.len(),
        controlled.reasons.len(),
        controlled.retries,
        followed[0].connections,
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
