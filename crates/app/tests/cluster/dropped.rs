//! Clients that hang up in the middle of their calls.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use flightdeck_test_servers::postgres::Place;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::http::Client;
use crate::support::load::Scene;
use crate::support::process::{Server, flightdeck};
use crate::support::random::Random;

/// How many calls are dropped.
pub(crate) const SMALL: usize = 1_000;
pub(crate) const FULL: usize = 10_000;

/// How many clients there are at once.
const CLIENTS: usize = 32;
/// How long each waits before it hangs up, in milliseconds.
const WAITS: std::ops::Range<u64> = 0..51;
const SESSIONS: usize = 16;
const CONNECTIONS: usize = 8;
/// How long what goes on after the last client has gone may take; far longer than it does.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) fn on_postgres(place: &Place, calls: usize) {
    let connections = CONNECTIONS.to_string();
    let (server, folder) = drop_calls("PostgreSQL", calls, |data_dir| {
        let mut command = flightdeck(data_dir, &[&ARGUMENTS, &["--database-connections", &connections][..]].concat());
        command.env("FLIGHTDECK_DATABASE_URL", place.url());
        command
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let client = place.client().await.expect("a connection");
        let sql = "SELECT count(*), count(*) FILTER (WHERE state <> 'idle'), count(*) FILTER (WHERE xact_start IS NOT NULL) \
                   FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
                   AND backend_type = 'client backend'";
        let began = Instant::now();
        loop {
            let row = client.query_one(sql, &[]).await.expect("an answer");
            let (all, busy, open): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
            if (busy, open) == (0, 0) {
                let most = i64::try_from(CONNECTIONS).expect("a count");
                assert!((1..=most).contains(&all), "{all} connections");
                println!("dropped: {all} connections to PostgreSQL, all idle, no transaction open");
                break;
            }
            assert!(began.elapsed() < PATIENCE, "{busy} of {all} connections are busy, {open} transactions open");
        }
    });
    drop((server, folder));
}

pub(crate) fn on_sqlite(calls: usize) {
    drop(drop_calls("SQLite", calls, |data_dir| flightdeck(data_dir, &ARGUMENTS)));
}

const ARGUMENTS: [&str; 8] =
    ["--listen", "127.0.0.1:0", "--throttle-control", "off", "--throttle-tree", "off", "--log", "warn"];

/// What one call was to do.
struct Call {
    path: String,
    /// A batch of messages, or what an operator says.
    body: Value,
    /// What the operator says is said once under this key.
    key: String,
}

impl Call {
    fn batch(&self) -> Option<&[Value]> {
        self.body.as_array().map(Vec::as_slice)
    }

    /// How many messages it brings.
    fn messages(&self) -> usize {
        self.batch().map_or(1, <[Value]>::len)
    }
}

fn drop_calls(store: &str, calls: usize, command: impl Fn(&Path) -> Command) -> (Server, TempDir) {
    let seed = Random::fresh_seed();
    println!("dropped: seed {seed}");
    let mut random = Random::from_seed(seed);
    let folder = tempfile::tempdir().expect("a folder");
    let (data_dir, log) = (folder.path().join("data"), folder.path().join("log"));
    let mut command = command(&data_dir);
    let server = Server::start_command(&data_dir, command.stderr(File::create(&log).expect("a log")));
    let (client, key) = (server.admin(), server.admin_key());
    let sessions: Vec<String> = (0..SESSIONS).map(|_| client.register(None)).collect();
    let calls: Vec<Call> = (0..calls).map(|number| call(&sessions, number, &mut random)).collect();

    let began = Instant::now();
    thread::scope(|scope| {
        for share in calls.chunks(calls.len().div_ceil(CLIENTS)) {
            let (address, key, mut dice) = (server.address, &key, Random::from_seed(random.next()));
            scope.spawn(move || share.iter().for_each(|call| hang_up(address, key, call, &mut dice)));
        }
    });
    let took = began.elapsed();

    let load = Scene::new(vec![client.clone()]);
    let work_left = Instant::now();
    // Nobody waits for what was taken in, and it is done all the same. What comes after it, to the same sessions, is answered
    // when that is done.
    for session in &sessions {
        assert_eq!(load.post(&mut random, &format!("/agents/{session}/heartbeat"), &json!({})).status, 200);
        assert_eq!(load.get(&mut random, &format!("/agents/{session}/messages?limit=1")).status, 200);
    }
    println!("dropped on {store}: the rest was worked off in {:?}", work_left.elapsed());
    at_once(store, &client, &sessions);
    let before: usize = sessions.iter().map(|session| whole(&client, session, &calls)).sum();
    thread::scope(|scope| {
        for share in calls.chunks(calls.len().div_ceil(CONNECTIONS)) {
            let (scene, mut dice) = (&load, Random::from_seed(random.next()));
            scope.spawn(move || share.iter().for_each(|call| insist(scene, call, &mut dice)));
        }
    });
    let after: usize = sessions.iter().map(|session| whole(&client, session, &calls)).sum();
    assert_eq!(after, calls.iter().map(Call::messages).sum::<usize>(), "each message once, however often it was sent");
    let proof = client.get("/audit/verify").1;
    assert_eq!(proof["valid"], true, "{proof}");
    let told = fs::read_to_string(&log).expect("a text");
    assert!(!told.contains("panicked"), "{told}");
    println!(
        "dropped on {store}: {} calls in {:.1} s, {before} of {after} messages had been written; the others when they were \
         sent again",
        calls.len(),
        took.as_secs_f64()
    );
    (server, folder)
}

fn call(sessions: &[String], number: usize, random: &mut Random) -> Call {
    let (session, key) = (random.pick(sessions).clone(), random.uuid().to_string());
    if random.one_in(4) {
        let body = json!({"message": format!("said by call {number}")});
        return Call { path: format!("/agents/{session}/inject"), body, key };
    }
    let length = random.within(1..6);
    let message = |place: u64, random: &mut Random| {
        let padding = usize::try_from(random.within(0..300)).expect("a length");
        json!({"id": random.uuid(), "role": "assistant", "content": format!("call {number}, {place} {}", "x".repeat(padding))})
    };
    let body = (0..length).map(|place| message(place, random)).collect();
    Call { path: format!("/agents/{session}/messages"), body, key }
}

/// Makes a call and goes away, now and then before it is sent whole.
fn hang_up(address: SocketAddr, key: &str, call: &Call, random: &mut Random) {
    let mut socket = TcpStream::connect(address).expect("the server listens");
    let body = call.body.to_string();
    let lines = [
        format!("POST {} HTTP/1.1", call.path),
        format!("Host: {address}"),
        format!("X-API-Key: {key}"),
        format!("Idempotency-Key: {}", call.key),
        "Content-Type: application/json".to_owned(),
        format!("Content-Length: {}", body.len()),
    ];
    let head = lines.join("\r\n") + "\r\n\r\n";
    let sent = if random.one_in(10) { body.len() / 2 } else { body.len() };
    socket.write_all(head.as_bytes()).and_then(|()| socket.write_all(&body.as_bytes()[..sent])).expect("it is taken");
    thread::sleep(Duration::from_millis(random.within(WAITS)));
}

/// Makes a call again until it is answered.
fn insist(load: &Scene, call: &Call, random: &mut Random) {
    let answered = load.post_once(random, &call.path, &call.body, &call.key);
    assert!(matches!(answered.status, 200 | 201), "{}", answered.reply);
}

/// More calls than there are connections, together, are answered: none is held by what was dropped.
fn at_once(store: &str, client: &Client, sessions: &[String]) {
    let began = Instant::now();
    thread::scope(|scope| {
        for number in 0..4 * CONNECTIONS {
            let session = &sessions[number % sessions.len()];
            scope.spawn(move || {
                if number % 2 == 0 {
                    let (status, reply) = client.get(&format!("/agents/{session}/messages?limit=1"));
                    assert_eq!(status, 200, "{reply}");
                } else {
                    let (status, reply) = client.post(&format!("/agents/{session}/heartbeat"), &json!({}));
                    assert_eq!(status, 200, "{reply}");
                }
            });
        }
    });
    println!("dropped on {store}: {} calls together answered in {:?} afterwards", 4 * CONNECTIONS, began.elapsed());
}

/// Whatever is there of a session is whole: seqs are dense, each message is as it was sent, and a batch is there with all of
/// its messages, side by side, or not at all. Gives the number of messages.
fn whole(client: &Client, session: &str, calls: &[Call]) -> usize {
    let (messages, total) = client.conversation(session);
    assert_eq!(u64::try_from(messages.len()).ok(), Some(total), "the total is the number there");
    let places: HashMap<&str, usize> =
        messages.iter().enumerate().map(|(place, message)| (message["id"].as_str().expect("an id"), place)).collect();
    assert_eq!(places.len(), messages.len(), "{session}: an id twice");
    for (message, seq) in messages.iter().zip(1_u64..) {
        assert_eq!(message["seq"], seq, "{session}: a gap or a repetition");
    }
    let said: HashSet<&Value> =
        messages.iter().filter(|message| message["role"] == "operator").map(|message| &message["content"]).collect();
    let mut found = 0;
    for call in calls.iter().filter(|call| call.path.contains(session)) {
        let Some(batch) = call.batch() else {
            found += usize::from(said.contains(&call.body["message"]));
            continue;
        };
        let place = |message: &Value| places.get(message["id"].as_str().expect("an id")).copied();
        let Some(first) = place(&batch[0]) else {
            assert!(batch.iter().all(|message| place(message).is_none()), "{session}: a half");
            continue;
        };
        let there = messages.get(first..first + batch.len()).expect("the whole batch");
        for (sent, stored) in batch.iter().zip(there) {
            assert_eq!((&sent["id"], &sent["content"]), (&stored["id"], &stored["content"]), "{session}");
        }
        found += batch.len();
    }
    assert_eq!(found, messages.len(), "{session}: messages that nobody sent, or twice");
    found
}
