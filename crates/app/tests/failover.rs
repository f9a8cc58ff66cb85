//! A PostgreSQL primary dies under load, its synchronous standby is promoted, and the server goes on with that one.
//!
//! `FLIGHTDECK_TEST_PROMOTIONS=20` makes it a longer trial, which says its figures with `--nocapture`.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking and tells its figures"
)]

#[path = "failover/probe.rs"]
mod probe;
#[path = "failover/server.rs"]
mod server;
mod support;

use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use flightdeck_test_servers::postgres::Pair;
use flightdeck_test_servers::trial_with;
use libtest_mimic::Arguments;
use serde_json::{Value, json};
use support::load::follower::{self, Cuts};
use support::load::operator::{self, Target};
use support::load::writer::{self, Log, Writing, Written};
use support::load::{Scene, verify};
use support::patience::until;
use support::random::Random;

use crate::probe::Acknowledgements;
use crate::server::Deployment;

const SESSIONS: usize = 4;
const WRITERS: u64 = 4;
const FOLLOWERS: usize = 8;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let tests = vec![trial_with("failovers_lose_nothing_that_was_acknowledged", Pair::start, fail_over)];
    libtest_mimic::run(&arguments, tests).exit_code()
}

/// When one failover came to what.
struct Failover {
    killed: Instant,
    promoted: Instant,
    rebuilt: Instant,
}

fn fail_over(mut pair: Pair) {
    let promotions = std::env::var("FLIGHTDECK_TEST_PROMOTIONS").map_or(2, |text| text.parse().expect("a number"));
    let seed = Random::fresh_seed();
    println!("failover: seed {seed}");
    let mut random = Random::from_seed(seed);
    let mut deployment = Deployment::start(pair.url());
    let epoch = deployment.epoch();
    let client = deployment.client();
    let scene = Scene::new(vec![client.clone()]).with_store_that_goes_away();
    let sessions: Vec<String> = (0..SESSIONS).map(|_| client.register(None)).collect();
    let (changing, last) = (client.register(None), random.uuid().to_string());
    let (cuts, acknowledged) = (Cuts { events: 1..2_000, quiet: 2_000..5_000 }, Acknowledgements::default());
    let began = Instant::now();

    let (written, controlled, followed, failovers, agents, changes) = thread::scope(|scope| {
        let (scene, sessions, cuts, last, acknowledged) = (&scene, &sessions, &cuts, &last, &acknowledged);
        let _guard = scene.guard();
        let mut dice = || Random::from_seed(random.next());
        let mut writers: Vec<_> = (0..WRITERS)
            .map(|number| (number, dice()))
            .map(|(number, dice)| {
                let writing = Writing { number, own: 2, shared: sessions, batches: None, thinks: Some(0..10) };
                scope.spawn(move || writer::write(scene, &writing, dice))
            })
            .collect();
        let prober = dice();
        writers.push(scope.spawn(move || probe::write(scene, acknowledged, prober)));
        let (reporting, changing) = (dice(), changing.as_str());
        let reporter = scope.spawn(move || probe::report(scene, changing, reporting));
        let target = |random: &mut Random| Target::One(random.pick(sessions).clone());
        let intervening = dice();
        let operator = scope.spawn(move || operator::intervene(scene, 1, target, intervening));
        let followers: Vec<_> = (0..FOLLOWERS)
            .map(|number| (&sessions[number % sessions.len()], number, dice()))
            .map(|(session, number, dice)| {
                // Every other one stays on its stream for as long as the server lets it.
                let cuts = (number % 2 == 0).then_some(cuts);
                scope.spawn(move || follower::follow(scene, session, cuts, dice))
            })
            .collect();
        let feed = dice();
        let feed = scope.spawn(move || follower::follow_feed(scene, last, Some(cuts), feed));

        let (mut failovers, mut agents) = (Vec::new(), Vec::new());
        for number in 0..promotions {
            thread::sleep(Duration::from_millis(dice().within(300..1_500)));
            agents.push(busy(&scene.doors[0]));
            let killed = Instant::now();
            pair.kill_primary();
            // Once is enough: it holds up the failover.
            if number == 0 {
                says_that_it_is_not_ready(&scene.doors[0]);
            }
            failovers.push(replace(&mut pair, killed, scene, acknowledged));
        }
        scene.end();
        let written: Vec<_> = writers.into_iter().map(|thread| thread.join().expect("a writer")).collect();
        let controlled = operator.join().expect("an operator");
        let changes = reporter.join().expect("a reporter");
        let mut dice = dice();
        let own = written.iter().flat_map(|writer| &writer.logs).map(|log| &log.session);
        for session in sessions.iter().chain(own) {
            scene.complete(&mut dice, session);
        }
        scene.complete(&mut dice, changing);
        let body = json!({"sessionId": last, "taskId": "the last", "agentType": "tester"});
        assert!(matches!(scene.post(&mut dice, "/agents", &body).status, 200 | 201));
        let followed: Vec<_> = followers.into_iter().map(|reader| reader.join().expect("a follower")).collect();
        let events = feed.join().expect("a reader");
        (written, controlled, (followed, events), failovers, agents, changes)
    });
    let (seconds, (followed, events)) = (began.elapsed().as_secs_f64(), followed);

    for agent in &agents {
        ends(&client, agent);
    }
    assert_eq!(deployment.epoch(), epoch, "nothing that was read is gone, so the history has its name");
    // What is checked comes from the disk alone, and from a server that compares the marks.
    deployment.restart();
    assert_eq!(deployment.epoch(), epoch, "the store has the mark that the server left");
    let client = deployment.client();
    let logs: Vec<&Log> = written.iter().flat_map(|writer| &writer.logs).collect();
    let conversations = verify::conversations(&client, &logs, &controlled);
    let deliveries = verify::followed(&conversations, &followed);
    let entries = verify::audit(&client, &controlled);
    verify::operations(&client, &controlled);
    for log in &logs {
        let (_, session) = client.get(&format!("/agents/{}/status", log.session));
        assert_eq!(session["status"], "completed", "{session}");
    }
    deployment.has_not_panicked();
    until("the server is ready", || (client.get("/health/ready").0 == 200).then_some(()));

    let messages: u64 = written.iter().map(Written::messages).sum();
    println!(
        "failover: {promotions} promotions: {messages} messages acknowledged, none lost; {} calls made again, {} batches \
         had been written before; {changes} changes of status, {} injects, {} pauses and resumes, {entries} audit entries; \
         {deliveries} deliveries over {} connections, {events} events of the feed; {seconds:.1} s",
        written.iter().map(|writer| writer.retries).sum::<u64>(),
        written.iter().map(|writer| writer.already_there).sum::<u64>(),
        controlled.injects.len(),
        controlled.reasons.len(),
        followed.iter().map(|reader| reader.connections).sum::<u64>(),
    );
    tell(&failovers, &acknowledged);
}

fn tell(failovers: &[Failover], acknowledged: &Acknowledgements) {
    let refused = acknowledged.gaps(failovers.iter().map(|it| (it.killed, it.rebuilt)));
    println!("failover: no write was acknowledged for {}", figures(refused));
    println!("failover: to a new primary {}", figures(failovers.iter().map(|it| it.promoted - it.killed).collect()));
    println!("failover: its new standby {}", figures(failovers.iter().map(|it| it.rebuilt - it.promoted).collect()));
}

/// No session runs for ever because the news of its end fell into a failover.
fn ends(client: &support::http::Client, agent: &str) {
    until("an agent of the server has ended", || {
        let status = client.get(&format!("/agents/{agent}/status")).1["status"].clone();
        ["completed", "failed"].into_iter().any(|end| status == end).then_some(())
    });
}

/// The standby is there and allows no writes.
fn says_that_it_is_not_ready(client: &support::http::Client) {
    until("the server is not ready", || {
        let (status, told) = client.get("/health/ready");
        let why = "the database cannot be written: it is read-only";
        (status == 503 && told.to_string().contains(why)).then_some(())
    });
}

/// Has the standby follow the primary that was killed, and gives that a standby; ends when writes are acknowledged again.
fn replace(pair: &mut Pair, killed: Instant, scene: &Scene, acknowledged: &Acknowledgements) -> Failover {
    pair.promote().expect("promoted");
    let promoted = Instant::now();
    pair.rebuild().expect("it has a standby");
    let rebuilt = Instant::now();
    until("writes are acknowledged", || (acknowledged.any_after(rebuilt) || scene.is_given_up()).then_some(()));
    Failover { killed, promoted, rebuilt }
}

/// An agent inside of the server that has something to say while the database is away.
fn busy(client: &support::http::Client) -> String {
    let steps: Vec<Value> = (0..10).flat_map(|_| [json!({"say": "working"}), json!({"wait": {"ms": 100}})]).collect();
    let body = json!({"taskId": "FD-1", "agentType": "worker", "provider": "scripted", "context": {"script": steps}});
    let (status, spawned) = client.post("/agents/spawn", &body);
    assert_eq!(status, 201, "{spawned}");
    spawned["agentId"].as_str().expect("an id").to_owned()
}

/// The middle and the longest of some times.
fn figures(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let median = times.get(times.len().saturating_sub(1) / 2).copied().unwrap_or_default();
    let longest = times.last().copied().unwrap_or_default();
    format!("{} ms in the middle, {} ms at most", median.as_millis(), longest.as_millis())
}
