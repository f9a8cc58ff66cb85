//! Replicas are killed, and the database crashes, under load.

use std::thread;
use std::time::{Duration, Instant};

use flightdeck_test_servers::postgres::Private;
use serde_json::{Value, json};

use crate::agents::{self, Trees};
use crate::deployment::{Cluster, REPLICAS, Replica, Settings};
use crate::support::load::Scene;
use crate::support::load::follower::{self, Cuts};
use crate::support::load::operator::{self, Controlled, Target};
use crate::support::load::verify;
use crate::support::load::writer::{self, Log, Writing, Written};
use crate::support::random::Random;

/// How much there is of it.
pub(crate) struct Size {
    kills: u64,
    database_crashes: u64,
    sessions: usize,
    writers: u64,
    agents: usize,
    operators: u64,
    followers: usize,
}

pub(crate) const SMALL: Size =
    Size { kills: 3, database_crashes: 2, sessions: 6, writers: 3, agents: 2, operators: 1, followers: 9 };
pub(crate) const FULL: Size =
    Size { kills: 50, database_crashes: 20, sessions: 40, writers: 8, agents: 4, operators: 2, followers: 60 };

pub(crate) fn crash(mut database: Private, valkey: &str, size: &Size) {
    let seed = Random::fresh_seed();
    println!("crashes: seed {seed}");
    let mut random = Random::from_seed(seed);
    let url = database.url();
    let mut cluster = Cluster::start(&Settings::new(&url, valkey));
    let scene = cluster.scene().with_store_that_goes_away();
    let sessions: Vec<String> = (0..size.sessions).map(|_| scene.door(&mut random).register(None)).collect();
    let (trees, last) = (Trees::new(size.agents), random.uuid().to_string());
    let cuts = Cuts { events: 1..200, quiet: 200..3_000 };
    let began = Instant::now();

    let (written, obeyed, controlled, followed, events) = thread::scope(|scope| {
        let (scene, sessions, trees, cuts, last) = (&scene, &sessions, &trees, &cuts, &last);
        let _guard = scene.guard();
        let mut dice = || Random::from_seed(random.next());
        let writers: Vec<_> = (0..size.writers)
            .map(|number| {
                let writing = Writing { number, own: 2, shared: sessions, batches: None, thinks: None };
                let dice = dice();
                scope.spawn(move || writer::write(scene, &writing, dice))
            })
            .collect();
        let agents: Vec<_> = (0..size.agents)
            .map(|place| (place, dice()))
            .map(|(place, dice)| scope.spawn(move || agents::obey(scene, trees, place, dice)))
            .collect();
        let target = |random: &mut Random| {
            let tree = if random.one_in(2) { None } else { trees.pick(random) };
            tree.unwrap_or_else(|| Target::One(random.pick(sessions).clone()))
        };
        let operators: Vec<_> = (0..size.operators)
            .map(|number| (number, dice()))
            .map(|(number, dice)| scope.spawn(move || operator::intervene(scene, number, target, dice)))
            .collect();
        let followers: Vec<_> = (0..size.followers)
            .map(|number| {
                let (session, dice) = (&sessions[number % sessions.len()], dice());
                scope.spawn(move || follower::follow(scene, session, Some(cuts), dice))
            })
            .collect();
        let feed = dice();
        let feed = scope.spawn(move || follower::follow_feed(scene, last, Some(cuts), feed));

        let (one, other) = (dice(), dice());
        let replicas = &mut cluster.replicas;
        let killer = scope.spawn(move || kill_replicas(scene, replicas, size.kills, one));
        crash_database(scene, &mut database, size.database_crashes, other);
        killer.join().expect("the killer");

        scene.end();
        let written: Vec<_> = writers.into_iter().map(|thread| thread.join().expect("a writer")).collect();
        let controlled = operators.into_iter().map(|thread| thread.join().expect("an operator")).collect();
        trees.close();
        let obeyed: Vec<_> = agents.into_iter().map(|thread| thread.join().expect("an agent")).collect();
        let mut dice = dice();
        for session in sessions {
            scene.complete(&mut dice, session);
        }
        let body = json!({"sessionId": last, "taskId": "the last", "agentType": "tester"});
        let answered = scene.post(&mut dice, "/agents", &body);
        assert!(matches!(answered.status, 200 | 201), "{}", answered.reply);
        let followed: Vec<_> = followers.into_iter().map(|reader| reader.join().expect("a follower")).collect();
        (written, obeyed, Controlled::all(controlled), followed, feed.join().expect("a reader"))
    });
    let seconds = began.elapsed().as_secs_f64();

    // Once more, so that what is checked comes from the disk alone.
    database.restart_immediately().expect("PostgreSQL comes back");
    for replica in &mut cluster.replicas {
        replica.kill();
        replica.start();
    }
    cluster.has_folded_its_spools();
    let client = cluster.at(0);
    let logs: Vec<&Log> = written.iter().chain(&obeyed).flat_map(|writer| &writer.logs).collect();
    let conversations = verify::conversations(&client, &logs, &controlled);
    let deliveries = verify::followed(&conversations, &followed);
    for replica in 0..REPLICAS {
        let (status, proof) = cluster.at(replica).get("/audit/verify");
        assert_eq!((status, &proof["valid"]), (200, &Value::Bool(true)), "replica {replica}: {proof}");
    }
    let entries = verify::audit(&client, &controlled);
    verify::operations(&client, &controlled);
    cluster.has_not_panicked();

    let total = |count: fn(&Written) -> u64| written.iter().chain(&obeyed).map(count).sum::<u64>();
    println!(
        "crashes: {} kills of a replica, {} crashes of the database: {} messages acknowledged, {} calls made again, {} \
         batches had been written before; {} injects, {} pauses, resumes and kills of subtrees acknowledged, {} refused, {} \
         calls made again; {} operations finished, {entries} audit entries found; {deliveries} deliveries over {} \
         connections, {} events of the feed; {seconds:.1} s",
        size.kills,
        size.database_crashes,
        total(Written::messages),
        total(|writer| writer.retries),
        total(|writer| writer.already_there),
        controlled.injects.len(),
        controlled.reasons.len(),
        controlled.refused.len(),
        controlled.retries,
        controlled.operations.len(),
        followed.iter().map(|reader| reader.connections).sum::<u64>(),
        events,
    );
}

fn kill_replicas(scene: &Scene, replicas: &mut [Replica], kills: u64, mut random: Random) {
    let _guard = scene.guard();
    for _ in 0..kills {
        thread::sleep(Duration::from_millis(random.within(200..1_500)));
        let replica = random.pick_mut(replicas);
        replica.kill();
        replica.start();
    }
}

fn crash_database(scene: &Scene, database: &mut Private, crashes: u64, mut random: Random) {
    let _guard = scene.guard();
    for _ in 0..crashes {
        thread::sleep(Duration::from_millis(random.within(1_000..4_000)));
        database.restart_immediately().expect("PostgreSQL comes back");
    }
}
