//! Runners and replicas are killed, and the connections between them cut, while the agents of runners speak and operators
//! kill some of them.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use flightdeck_test_servers::postgres::Place;
use serde_json::{Value, json};

use crate::deployment::{Cluster, Settings};
use crate::support::cable::Cable;
use crate::support::http::Client;
use crate::support::load::Scene;
use crate::support::patience::until;
use crate::support::process::told;
use crate::support::random::Random;
use crate::support::runner::Runner;

/// How much there is of it.
pub(crate) struct Size {
    /// Kills of a runner, kills of a replica, and cuts of a connection.
    faults: u64,
    /// How many agents there are at once.
    agents: usize,
    /// How many messages an agent says that is left alone.
    lines: usize,
    /// How many messages all of them say at least.
    messages: usize,
}

pub(crate) const SMALL: Size = Size { faults: 6, agents: 9, lines: 150, messages: 2_000 };
pub(crate) const FULL: Size = Size { faults: 100, agents: 100, lines: 2_000, messages: 200_000 };

const RUNNERS: usize = 3;
/// So many steps has a script at most; it is played again for more.
const STEPS: usize = 50;

/// A runner and the cable between it and the balancer.
struct Far {
    runner: Runner,
    cable: Cable,
}

pub(crate) fn go_on(place: &Place, valkey: &str, size: &Size) {
    let seed = Random::fresh_seed();
    println!("runners: seed {seed}");
    let mut random = Random::from_seed(seed);
    let folder = tempfile::tempdir().expect("a folder");
    let mut cluster = Cluster::start(&Settings::new(place.url(), valkey));
    let created = ["keys", "create", "--role", "runner", "--name", "runner", "--quiet"];
    let (key, problem) = told(&cluster.replicas[0].command(&created).output().expect("run"));
    assert!(problem.is_empty(), "{problem}");
    let config = json!({"name": "remote", "kind": "runner", "settings": {"offer": "scripted"}});
    let (status, reply) = cluster.at(0).post("/providers", &config);
    assert_eq!(status, 201, "{reply}");
    let capacity = (size.agents.div_ceil(RUNNERS) + 5).to_string();
    let mut far: Vec<Far> = (0..RUNNERS)
        .map(|number| {
            let cable = Cable::to(cluster.balancer());
            let name = format!("runner-{number}");
            let words = ["--capacity", capacity.as_str()];
            let mut runner = Runner::new(&name, cable.address, key.trim(), folder.path(), &words);
            runner.start();
            Far { runner, cable }
        })
        .collect();
    let scene = cluster.scene();
    let began = Instant::now();
    let (spawned, kills) = thread::scope(|scope| {
        let scene = &scene;
        let _guard = scene.guard();
        let (one, two) = (Random::from_seed(random.next()), Random::from_seed(random.next()));
        let agents = scope.spawn(move || keep_busy(scene, size, one));
        let replicas = &mut cluster.replicas;
        let far = &mut far;
        let faults = scope.spawn(move || {
            let mut random = two;
            let _guard = scene.guard();
            for _ in 0..size.faults {
                thread::sleep(Duration::from_millis(random.within(200..1_200)));
                match random.within(0..3) {
                    0 => {
                        let replica = random.pick_mut(replicas);
                        replica.kill();
                        replica.start();
                    }
                    1 => {
                        let far = random.pick_mut(far);
                        far.cable.cut();
                        thread::sleep(Duration::from_millis(random.within(50..1_500)));
                        far.cable.mend();
                    }
                    _ => {
                        let far = random.pick_mut(far);
                        far.runner.kill();
                        far.runner.start();
                    }
                }
            }
            scene.end();
        });
        faults.join().expect("whoever breaks things");
        agents.join().expect("whoever spawns")
    });
    let client = cluster.at(0);
    until_all_have_ended(&client, &spawned, &far);
    let seconds = began.elapsed().as_secs_f64();
    let Ended { completed, failed, killed, messages } = ended(&client, &spawned, size);
    for operation in &kills {
        until("an operation is finished", || {
            let (_, operation) = client.get(&format!("/operations/{operation}"));
            (!operation["completedAt"].is_null()).then_some(())
        });
    }
    until("no runner has anything left", || {
        let (_, listed) = client.get("/runners");
        listed["runners"].as_array()?.iter().all(|runner| runner["load"] == 0).then_some(())
    });
    let (status, proof) = client.get("/audit/verify");
    assert_eq!((status, &proof["valid"]), (200, &Value::Bool(true)), "{proof}");
    cluster.has_not_panicked();
    for Far { runner, .. } in &far {
        assert!(!runner.log().contains("panicked"), "{}", runner.log());
    }
    println!(
        "runners: {} faults over {RUNNERS} runners: {} agents ({completed} completed, {failed} lost their runner, {killed} \
         killed), {messages} messages, each once and in order; {} operations finished; {seconds:.1} s",
        size.faults,
        spawned.len(),
        kills.len(),
    );
}

/// What became of the agents.
struct Ended {
    completed: usize,
    failed: usize,
    killed: usize,
    messages: usize,
}

/// Each agent has said what it said once and in order, all of it if nothing befell it.
fn ended(client: &Client, spawned: &[String], size: &Size) -> Ended {
    let mut messages = 0;
    let (mut completed, mut failed, mut killed) = (0, 0, 0);
    for id in spawned {
        let (_, session) = client.get(&format!("/agents/{id}/status"));
        let said = said_by(client, id);
        messages += said.len();
        let expected: Vec<String> = (0..said.len()).map(|n| format!("line {}", n % STEPS)).collect();
        assert_eq!(said, expected, "{id}: every message once and in order");
        match session["status"].as_str() {
            Some("completed") => {
                completed += 1;
                assert_eq!(said.len(), size.lines, "{id}: nothing is missing");
            }
            Some("killed") => killed += 1,
            Some("failed") => {
                failed += 1;
                let why = session["statusReason"].as_str().expect("a reason");
                assert!(why.contains("the runner stopped"), "{id}: {why}");
            }
            other => panic!("{id} is {other:?}"),
        }
    }
    Ended { completed, failed, killed, messages }
}

/// Spawns agents, so that there are always so many, and kills some. Gives the agents and the operations.
fn keep_busy(scene: &Scene, size: &Size, mut random: Random) -> (Vec<String>, Vec<String>) {
    let script: Vec<Value> = (0..STEPS).map(|n| json!({"say": format!("line {n}")})).collect();
    let context = json!({"script": script, "repeat": size.lines / STEPS, "pace": 3});
    let (mut spawned, mut kills) = (Vec::new(), Vec::new());
    let mut live: Vec<String> = Vec::new();
    let mut completed = 0;
    while scene.goes_on() || completed * size.lines < size.messages {
        if scene.is_given_up() {
            break;
        }
        if live.len() < size.agents {
            // A spawn whose answer is lost is made again: then there is one agent more, which nobody looks at.
            let body = json!({"taskId": "T", "agentType": "worker", "provider": "remote", "context": context});
            let answered = scene.post(&mut random, "/agents/spawn", &body);
            assert_eq!(answered.status, 201, "{}", answered.reply);
            let id = answered.reply["agentId"].as_str().expect("an id").to_owned();
            spawned.push(id.clone());
            live.push(id);
            continue;
        }
        thread::sleep(Duration::from_millis(100));
        // One round takes longer with more agents, so it kills more of them.
        let doomed = live.len() / 20 + usize::from(random.one_in(4));
        for _ in 0..doomed {
            let id = random.pick(&live).clone();
            let key = random.uuid().to_string();
            let body = json!({"reason": "one of many"});
            let answered = scene.post_once(&mut random, &format!("/agents/{id}/kill?wait=0s"), &body, &key);
            if let Some(operation) = answered.reply["operationId"].as_str() {
                kills.push(operation.to_owned());
            }
        }
        let mut still = Vec::new();
        for id in live {
            let answered = scene.get(&mut random, &format!("/agents/{id}/status"));
            let status = answered.reply["status"].as_str().unwrap_or_default().to_owned();
            match status.as_str() {
                "completed" => completed += 1,
                "failed" | "killed" => {}
                _ => still.push(id),
            }
        }
        live = still;
    }
    (spawned, kills)
}

fn until_all_have_ended(client: &Client, spawned: &[String], far: &[Far]) {
    let mut open: BTreeSet<&String> = spawned.iter().collect();
    let mut moved = Instant::now();
    while !open.is_empty() {
        let before = open.len();
        open.retain(|id| {
            let (_, session) = client.get(&format!("/agents/{id}/status"));
            !matches!(session["status"].as_str(), Some("completed" | "failed" | "killed"))
        });
        if open.len() < before {
            moved = Instant::now();
        }
        let stuck = open.iter().next().map(|id| client.get(&format!("/agents/{id}/status")).1);
        let logs = || far.iter().map(|far| far.runner.log()).collect::<Vec<_>>().join("\n---\n");
        assert!(moved.elapsed() < Duration::from_mins(2), "{} do not end: {stuck:?}\n{}", open.len(), logs());
        thread::sleep(Duration::from_millis(200));
    }
}

fn said_by(client: &Client, id: &str) -> Vec<String> {
    let (messages, total) = client.conversation(id);
    assert_eq!(u64::try_from(messages.len()).expect("few"), total, "{id}: dense");
    let said = messages.iter().filter(|message| message["role"] == "assistant");
    said.map(|message| message["content"].as_str().unwrap_or_default().to_owned()).collect()
}
