//! Whatever is asked at one replica of an agent that is connected to another.

use std::thread;
use std::time::{Duration, Instant};

use flightdeck_test_servers::postgres::Place;
use serde_json::{Value, json};

use crate::deployment::{Cluster, REPLICAS, Settings};
use crate::support::http::Client;
use crate::support::process::{run, told};

/// A test with a database and a Valkey.
type Test = fn(&Place, &str);

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("an_agent_at_one_replica_obeys_another", an_agent_obeys),
    ("what_is_said_at_one_replica_is_consumed_at_another", an_inject_has_its_receipts),
    ("a_kill_of_a_subtree_reaches_every_replica", a_subtree_is_killed),
    ("a_permission_asked_at_one_replica_is_decided_at_another", a_permission_is_decided),
    ("a_silent_agent_is_lost_once", a_silent_agent_is_lost_once),
    ("the_kill_switch_fences_every_replica", the_kill_switch_fences),
    ("control_is_throttled_on_all_replicas_together", control_is_throttled),
    ("a_revoked_key_is_refused_by_every_replica", a_revoked_key_is_refused),
];

/// How long something that happens by itself may take; far longer than it does.
const PATIENCE: Duration = Duration::from_mins(1);

fn start(place: &Place, valkey: &str) -> (Cluster, [Client; REPLICAS]) {
    with(&Settings::new(place.url(), valkey))
}

fn with(settings: &Settings<'_>) -> (Cluster, [Client; REPLICAS]) {
    let cluster = Cluster::start(settings);
    let clients = [cluster.at(0), cluster.at(1), cluster.at(2)];
    (cluster, clients)
}

fn read(client: &Client, agent: &str) -> Value {
    client.get(&format!("/agents/{agent}/status")).1
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "still not: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// The next commands of an agent; waits for one.
fn fetch(client: &Client, agent: &str) -> Vec<Value> {
    let (status, reply) = client.get(&format!("/agents/{agent}/commands?wait=25s"));
    assert_eq!(status, 200, "{reply}");
    reply["commands"].as_array().expect("commands").clone()
}

fn acknowledge(client: &Client, agent: &str, command: &Value, state: &str) {
    let (status, reply) =
        client.post(&format!("/agents/{agent}/commands/{}/ack", command["seq"]), &json!({"state": state}));
    assert_eq!((status, &reply["receipt"]), (200, &json!(state)), "{reply}");
}

fn report(client: &Client, agent: &str, status: &str) {
    let (answered, reply) = client.post(&format!("/agents/{agent}/status"), &json!({"status": status}));
    assert_eq!(answered, 200, "{reply}");
}

/// An agent over HTTP that does as it is told until it is killed.
fn obey(client: &Client, agent: &str) -> Vec<String> {
    let (mut obeyed, began) = (Vec::new(), Instant::now());
    loop {
        assert!(began.elapsed() < PATIENCE, "no kill comes, only {obeyed:?}");
        for command in fetch(client, agent) {
            acknowledge(client, agent, &command, "consumed");
            let kind = command["kind"].as_str().expect("a kind").to_owned();
            let status = match kind.as_str() {
                "pause" => "paused",
                "resume" => "running",
                "kill" => "killed",
                other => panic!("{other}"),
            };
            report(client, agent, status);
            obeyed.push(kind);
            if status == "killed" {
                return obeyed;
            }
        }
    }
}

/// An agent inside a replica that works until it is stopped.
fn busy(client: &Client, parent: Option<&str>) -> String {
    let script = json!([{"say": "working"}, {"wait": {"ms": 600_000}}]);
    let mut body =
        json!({"taskId": "FD-1", "agentType": "robot", "provider": "scripted", "context": {"script": script}});
    if let Some(parent) = parent {
        body["parentAgentId"] = parent.into();
    }
    let (status, spawned) = client.post("/agents/spawn", &body);
    assert_eq!(status, 201, "{spawned}");
    let agent = spawned["agentId"].as_str().expect("an id").to_owned();
    until("the agent is at work", || read(client, &agent)["status"] == "running");
    agent
}

fn an_agent_obeys(place: &Place, valkey: &str) {
    let (_cluster, [a, b, c]) = start(place, valkey);
    let (remote, inside) = (b.register(None), busy(&b, None));
    thread::scope(|scope| {
        let agent = scope.spawn(|| obey(&b, &remote));
        for (what, told, status) in
            [("pause", "paused", "paused"), ("resume", "resumed", "running"), ("kill", "killed", "killed")]
        {
            for id in [&remote, &inside] {
                let (answered, reply) = a.post(&format!("/agents/{id}/{what}?wait=25s"), &json!({}));
                assert_eq!((answered, &reply["message"]), (200, &json!(format!("Agent {id} {told}"))), "{reply}");
                assert_eq!(read(&c, id)["status"], status);
                let operation = reply["operationId"].as_str().expect("an id");
                assert_eq!(c.get(&format!("/operations/{operation}")).1["state"], "done");
            }
        }
        assert_eq!(agent.join().expect("the agent"), ["pause", "resume", "kill"]);
    });
}

fn an_inject_has_its_receipts(place: &Place, valkey: &str) {
    let (_cluster, [a, b, c]) = start(place, valkey);
    let agent = b.register(None);
    let path = format!("/agents/{agent}");
    let mut stream = c.stream(&format!("{path}/messages/stream"), None).expect("an answer");
    let (status, said) = a.post(&format!("{path}/inject"), &json!({"message": "Skip the flaky one."}));
    assert_eq!((status, &said["receipt"]), (200, &json!("accepted")), "{said}");
    let commands = fetch(&b, &agent);
    assert_eq!((commands.len(), &commands[0]["messageId"]), (1, &said["messageId"]), "{commands:?}");
    let message = stream.expect();
    assert_eq!((message.id, &message.json()["id"]), (said["seq"].as_u64(), &said["messageId"]));
    for state in ["delivered", "consumed"] {
        acknowledge(&b, &agent, &commands[0], state);
        // What the message had when it was read may be told again.
        let seen = std::iter::repeat_with(|| stream.expect()).find(|event| event.json()["receipt"]["state"] == state);
        assert_eq!(seen.expect("an event").name, "receipt");
    }
    let (messages, _) = a.conversation(&agent);
    assert_eq!((messages.len(), &messages[0]["receipt"]["state"]), (1, &json!("consumed")), "{messages:?}");
    assert!(fetch_now(&b, &agent).is_empty(), "it is offered no more");
}

fn fetch_now(client: &Client, agent: &str) -> Vec<Value> {
    client.get(&format!("/agents/{agent}/commands")).1["commands"].as_array().expect("commands").clone()
}

fn a_subtree_is_killed(place: &Place, valkey: &str) {
    let (_cluster, [a, b, c]) = start(place, valkey);
    let (top, bystander) = (a.register(None), b.register(None));
    let remote = [b.register(Some(&top)), c.register(Some(&top)), top.clone()];
    let inside = [busy(&a, Some(&top)), busy(&b, Some(&remote[0])), busy(&c, Some(&remote[1]))];
    let (status, reply) = a.post(&format!("/agents/{top}/kill?scope=subtree&wait=0s"), &json!({"reason": "enough"}));
    assert_eq!((status, &reply["total"]), (202, &json!(6)), "{reply}");
    let below = json!({"taskId": "late", "agentType": "tester", "parentSessionId": remote[1]});
    for client in [&a, &b, &c] {
        let (status, refused) = client.post("/agents", &below);
        assert_eq!((status, &refused["type"]), (409, &json!("urn:flightdeck:problem:spawn-fenced")), "{refused}");
    }
    for (client, agent) in [&b, &c, &a].into_iter().zip(&remote) {
        assert_eq!(obey(client, agent), ["kill"]);
    }
    let operation = format!("/operations/{}", reply["operationId"].as_str().expect("an id"));
    until("all are seen dead", || b.get(&operation).1["state"] == "done");
    for agent in remote.iter().chain(&inside) {
        assert_eq!(read(&b, agent)["status"], "killed");
    }
    assert_eq!(read(&a, &bystander)["status"], "running");
}

fn a_permission_is_decided(place: &Place, valkey: &str) {
    let (_cluster, [a, b, c]) = start(place, valkey);
    let agent = b.register(None);
    let (status, asked) = b.post(&format!("/agents/{agent}/approvals"), &json!({"title": "Push to main"}));
    assert_eq!(status, 201, "{asked}");
    let id = asked["id"].as_str().expect("an id");
    assert_eq!(read(&a, &agent)["status"], "waiting");
    let decide =
        |client: &Client, option: &str| client.post(&format!("/approvals/{id}/decide"), &json!({"option": option}));
    thread::scope(|scope| {
        let waits = scope.spawn(|| b.get(&format!("/agents/{agent}/approvals/{id}?wait=25s")).1);
        // Of two who decide at once at two replicas one comes first, and the other is told.
        let (one, other) = (scope.spawn(|| decide(&a, "allow_once")), scope.spawn(|| decide(&c, "reject_once")));
        let (one, other) = (one.join().expect("an answer"), other.join().expect("an answer"));
        let mut answers = [one.0, other.0];
        answers.sort_unstable();
        assert_eq!(answers, [200, 409], "{one:?} {other:?}");
        let option = if one.0 == 200 { "allow_once" } else { "reject_once" };
        let heard = waits.join().expect("an answer");
        assert_eq!((&heard["status"], &heard["decision"]["option"]), (&json!("decided"), &json!(option)), "{heard}");
    });
    assert_eq!(read(&c, &agent)["status"], "running");
}

fn a_silent_agent_is_lost_once(place: &Place, valkey: &str) {
    let settings = Settings { lease: "2s", ..Settings::new(place.url(), valkey) };
    let (_cluster, [a, b, c]) = with(&settings);
    let mut feed = c.stream("/agents/events?type=status&activity=off", None).expect("an answer");
    let agents: Vec<String> = [&a, &b, &c, &a, &b, &c].into_iter().map(|client| client.register(None)).collect();
    for _ in &agents {
        assert_eq!(feed.expect().json()["status"], "lost");
    }
    // Each replica has looked again by the time that another one is lost.
    let late = b.register(None);
    let next = feed.expect().json();
    assert_eq!((&next["sessionId"], &next["status"]), (&json!(late), &json!("lost")), "{next}");
    for (agent, client) in agents.iter().zip([&b, &c, &a, &b, &c, &a]) {
        let (status, reply) = client.post(&format!("/agents/{agent}/heartbeat"), &json!({}));
        assert_eq!(status, 200, "{reply}");
        let (messages, _) = client.conversation(agent);
        let told: Vec<_> = messages.iter().map(|message| message["metadata"]["to"].clone()).collect();
        assert_eq!(told, ["lost", "running"], "{messages:?}");
    }
}

fn the_kill_switch_fences(place: &Place, valkey: &str) {
    let (_cluster, [a, b, c]) = start(place, valkey);
    let agents = [busy(&a, None), busy(&b, None), busy(&c, None)];
    let (status, reply) = a.post("/agents/kill-all?wait=25s", &json!({}));
    assert_eq!((status, &reply["total"], &reply["failed"]), (200, &json!(3), &json!(0)), "{reply}");
    assert!(agents.iter().all(|agent| read(&b, agent)["status"] == "killed"));
    let new = json!({"taskId": "new", "agentType": "tester"});
    for client in [&a, &b, &c] {
        let (status, refused) = client.post("/agents", &new);
        assert_eq!(
            (status, &refused["type"]),
            (409, &json!("urn:flightdeck:problem:kill-switch-engaged")),
            "{refused}"
        );
    }
    assert_eq!(c.post("/killswitch/release", &json!({})).0, 200);
    for client in [&a, &b, &c] {
        assert_eq!(client.post("/agents", &new).0, 201);
    }
}

fn control_is_throttled(place: &Place, valkey: &str) {
    let settings = Settings { throttle: "6/h", ..Settings::new(place.url(), valkey) };
    let (_cluster, clients) = with(&settings);
    let agent = clients[0].register(None);
    let path = format!("/agents/{agent}/inject");
    let mut granted = 0;
    for _ in 0..6 {
        for client in &clients {
            match client.post(&path, &json!({"message": "hi"})).0 {
                200 => granted += 1,
                429 => {}
                status => panic!("{status}"),
            }
        }
    }
    // On its own each would grant six. Six together where Valkey is quick; when an answer of it comes too late, a replica counts
    // for itself.
    assert!((6..18).contains(&granted), "{granted}");
}

fn a_revoked_key_is_refused(place: &Place, valkey: &str) {
    let (cluster, [a, _, _]) = start(place, valkey);
    let keys = |arguments: &[&str]| {
        let output = run(&mut cluster.replicas[0].command(&[&["keys"], arguments].concat()));
        let (out, errors) = told(&output);
        assert!(output.status.success(), "{errors}");
        out.trim().to_owned()
    };
    let key = keys(&["create", "--quiet", "--role", "viewer", "--name", "the wall screen"]);
    let agent = a.register(None);
    a.append(&agent, &["before".to_owned()]);
    let path = format!("/agents/{agent}/messages/stream");
    let viewers: Vec<Client> = cluster.replicas.iter().map(|replica| Client::new(replica.address, &key)).collect();
    let mut streams: Vec<_> = viewers.iter().map(|viewer| viewer.stream(&path, None).expect("an answer")).collect();
    for stream in &mut streams {
        assert_eq!(stream.expect().json()["content"], "before");
    }
    keys(&["revoke", key.split('_').nth(1).expect("its id")]);
    for (stream, viewer) in streams.iter_mut().zip(&viewers) {
        assert!(stream.next().expect("it is closed as HTTP wants it").is_none(), "nothing more is sent");
        until("the key is refused", || viewer.get("/agents").0 == 401);
        assert_eq!(viewer.stream(&path, Some(1)).expect("an answer").status, 401);
    }
    assert_eq!(a.get("/agents").0, 200, "other keys are as good as before");
}
