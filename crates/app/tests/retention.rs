//! Retention: conversations move into the archive and are read there, with a server that is killed again and again in the
//! middle; they are put back by hand; and a cursor that retention has passed is told so.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking and tells its figures"
)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use serde_json::{Value, json};
use support::http::Client;
use support::process::{Server, flightdeck, lasting_address, run, told};
use support::random::Random;

/// A server that looks for what is due each period.
fn start(data_dir: &Path, listen: SocketAddr, every: &str) -> Server {
    let listen = listen.to_string();
    let words = [
        "--listen",
        &listen,
        "--throttle-control",
        "off",
        "--throttle-tree",
        "off",
        "--log",
        "error",
        "--retention-interval",
        every,
    ];
    Server::start_command(data_dir, flightdeck(data_dir, &words).stderr(Stdio::inherit()))
}

fn command(data_dir: &Path, words: &[&str]) -> (bool, String) {
    let output = run(&mut flightdeck(data_dir, words));
    let (out, err) = told(&output);
    (output.status.success(), out + &err)
}

fn good(data_dir: &Path, words: &[&str]) -> String {
    let (is_good, told) = command(data_dir, words);
    assert!(is_good, "{words:?}: {told}");
    told
}

fn database(data_dir: &Path) -> SqliteConnection {
    let path = data_dir.join("flightdeck.db");
    SqliteConnection::establish(path.to_str().expect("a path")).expect("opened")
}

/// Ten days pass in a moment.
fn ten_days_pass(data_dir: &Path) {
    let ten_days: i64 = 10 * 86_400 * 1_000_000;
    let mut connection = database(data_dir);
    let sql = format!(
        "UPDATE sessions SET completed_at = completed_at - {ten_days} WHERE completed_at IS NOT NULL;
         UPDATE feed_events SET at = at - {ten_days};
         PRAGMA wal_checkpoint(TRUNCATE)"
    );
    connection.batch_execute(&sql).expect("written");
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    n: i64,
}

fn count(data_dir: &Path, table: &str) -> i64 {
    let sql = format!("SELECT COUNT(*) AS n FROM {table}");
    diesel::sql_query(sql).get_result::<Number>(&mut database(data_dir)).expect("read").n
}

/// What is read of a session over HTTP: its conversation with the receipts, and its commands.
fn read(client: &Client, session: &str) -> (Vec<Value>, Vec<Value>) {
    let (messages, total) = client.conversation(session);
    assert_eq!(u64::try_from(messages.len()).expect("few"), total, "{session}");
    let commands = (1..).map_while(|seq| {
        let (status, command) = client.get(&format!("/agents/{session}/commands/{seq}"));
        (status == 200).then_some(command)
    });
    (messages, commands.collect())
}

/// A session that said something, was told something, and has ended.
fn ended(client: &Client, messages: usize, words: usize) -> String {
    let session = client.register(None);
    let said: Vec<String> = (0..messages).map(|n| format!("{n} \u{1F680} {}", "x".repeat(n % words))).collect();
    for batch in said.chunks(1_000) {
        client.append(&session, batch);
    }
    let (status, reply) = client.post(&format!("/agents/{session}/inject"), &json!({"message": "hold \"on\"\n"}));
    assert!(status < 300, "{reply}");
    let (status, reply) = client.post(&format!("/agents/{session}/status"), &json!({"status": "completed"}));
    assert!(status < 300, "{reply}");
    session
}

/// How many of these sessions are archived.
fn archived(client: &Client, sessions: &[String]) -> usize {
    let at = |session: &String| client.get(&format!("/agents/{session}/status")).1["archivedAt"].is_string();
    sessions.iter().filter(|session| at(session)).count()
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_mins(10), "in vain: {what}");
        thread::sleep(Duration::from_millis(100));
    }
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(found) = fs::read_dir(folder) else { return Vec::new() };
    found
        .flat_map(|entry| {
            let path = entry.expect("an entry").path();
            if path.is_dir() { files(&path) } else { vec![path] }
        })
        .collect()
}

/// A header of an answer, and its body.
fn page(server: &Server, path: &str) -> (u16, Option<String>, Value) {
    let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
    let request = agent.get(format!("http://{}{path}", server.address)).header("X-API-Key", server.admin_key());
    let mut response = request.call().expect("an answer");
    let header = response.headers().get("flightdeck-archived").and_then(|it| it.to_str().ok()).map(str::to_owned);
    let text = response.body_mut().read_to_string().expect("a text");
    (response.status().as_u16(), header, serde_json::from_str(&text).unwrap_or_default())
}

#[test]
fn a_conversation_goes_is_read_as_before_and_comes_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data_dir, address) = (folder.path().join("data"), lasting_address());
    let server = start(&data_dir, address, "off");
    let client = server.admin();
    let session = ended(&client, 2_500, 50);
    let before = read(&client, &session);
    assert_eq!(page(&server, &format!("/agents/{session}/messages")).1, None);
    let _ = server.terminate();
    ten_days_pass(&data_dir);
    let plan = good(&data_dir, &["retention", "plan", "--sessions", "9"]);
    assert!(plan.contains("2502") || plan.contains("2503"), "{plan}");
    assert!(good(&data_dir, &["retention", "plan"]).contains("nothing would go"));
    assert!(good(&data_dir, &["retention", "set", "--sessions", "9", "--feed", "9"]).contains("9 days"));

    let server = start(&data_dir, address, "1s");
    let client = server.admin();
    until("the archive", || archived(&client, std::slice::from_ref(&session)) == 1);
    until("the removal", || count(&data_dir, "messages") == 0 && count(&data_dir, "commands") == 0);
    assert_eq!(read(&client, &session), before);
    let (status, header, last) = page(&server, &format!("/agents/{session}/messages?before=2000&limit=3"));
    assert_eq!((status, header.as_deref()), (200, Some("true")));
    assert_eq!(last["messages"].as_array().expect("messages")[..], before.0[1_996..1_999]);
    let (_, header, found) = page(&server, &format!("/agents/{session}/messages/search?q=hold"));
    assert_eq!(header.as_deref(), Some("true"));
    assert_eq!(found["messages"].as_array().or(found["matches"].as_array()).map(Vec::len), Some(1), "{found}");
    let (status, refused) =
        client.post(&format!("/agents/{session}/messages"), &json!({"content": "x", "role": "user"}));
    assert_eq!((status, refused["type"].as_str()), (409, Some("urn:flightdeck:problem:archived")), "{refused}");

    // The stream gives it whole, and ends.
    let mut stream = client.stream(&format!("/agents/{session}/messages/stream"), None).expect("a stream");
    let mut seqs = Vec::new();
    loop {
        let event = stream.expect();
        match event.name.as_str() {
            "message" => seqs.push(event.json()["seq"].as_u64().expect("a seq")),
            "end" => break,
            _ => {}
        }
    }
    assert_eq!(seqs, (1..=u64::try_from(before.0.len()).expect("few")).collect::<Vec<_>>());

    // The feed was cut, and a reader from before is told where it goes on.
    until("the cut", || count(&data_dir, "feed_events") == 1);
    let mut stream = client.stream("/agents/events?after=0&activity=off", None).expect("a stream");
    let (gap, next) = (stream.expect(), stream.expect());
    let told = gap.json();
    assert_eq!(
        (gap.name.as_str(), told["reason"].as_str(), told["from"].as_u64()),
        ("gap", Some("retention"), Some(0))
    );
    assert_eq!(told["continueAfter"].as_str(), Some(gap.cursor.as_str()));
    assert!(next.cursor.ends_with(&format!("-{}", told["after"].as_u64().expect("a place") + 1)), "{gap:?} {next:?}");

    // Without the archive nothing looks empty.
    let shelf = data_dir.join("archive");
    fs::rename(&shelf, data_dir.join("away")).expect("moved");
    let (status, _, problem) = page(&server, &format!("/agents/{session}/messages?after=100"));
    assert_eq!(
        (status, problem["type"].as_str()),
        (503, Some("urn:flightdeck:problem:archive-unavailable")),
        "{problem}"
    );
    fs::rename(data_dir.join("away"), &shelf).expect("moved");

    assert!(good(&data_dir, &["archive", "verify"]).starts_with("good: 1 manifests"));
    let out = folder.path().join("taken.jsonl.zst");
    let out = out.to_str().expect("a path");
    assert!(good(&data_dir, &["archive", "export", &session, "--out", out]).contains("messages"));
    good(&data_dir, &["retention", "set", "--sessions", "forever"]);
    let (_, refused) = command(&data_dir, &["archive", "import", "nothing.zst"]);
    assert!(refused.contains("neither"), "{refused}");
    assert!(good(&data_dir, &["archive", "import", out]).contains("in the store again"));
    assert_eq!(read(&client, &session), before);
    assert_eq!(page(&server, &format!("/agents/{session}/messages")).1, None);
    let (is_good, again) = command(&data_dir, &["archive", "import", out]);
    assert!(!is_good && again.contains("is not archived"), "{again}");

    // A segment of the audit log is proven without the server, and the next one begins behind it.
    let segments = folder.path().join("segments");
    let segments = segments.to_str().expect("a path");
    for feed in ["8", "7"] {
        good(&data_dir, &["retention", "set", "--feed", feed]);
        let told = good(&data_dir, &["audit", "segment", segments, "--json"]);
        let closed: Value = serde_json::from_str(&told).expect("JSON");
        assert_eq!(closed["last"], closed["signedUpTo"], "{closed}");
        good(&data_dir, &["audit", "verify", closed["file"].as_str().expect("a file")]);
    }
    let mut names: Vec<String> = files(Path::new(segments)).iter().map(|path| path.display().to_string()).collect();
    names.sort();
    let last = names[0].rsplit('-').next().and_then(|end| end.strip_suffix(".jsonl")).expect("a number").to_owned();
    let next = last.parse::<u64>().expect("a number") + 1;
    assert!(names.len() == 2 && names[1].contains(&format!("audit-{next:012}-")), "{names:?}");
}

/// Nothing is lost and nothing doubled, however often the server is killed in the middle.
fn killed(kills: u64, sessions: usize, messages: usize) {
    let seed = Random::fresh_seed();
    let mut random = Random::from_seed(seed);
    let folder = tempfile::tempdir().expect("a folder");
    let (data_dir, address) = (folder.path().join("data"), lasting_address());
    let server = start(&data_dir, address, "off");
    let client = server.admin();
    let sessions: Vec<String> = (0..sessions).map(|n| ended(&client, messages + n, 300)).collect();
    let before: BTreeMap<&String, _> = sessions.iter().map(|session| (session, read(&client, session))).collect();
    let _ = server.terminate();
    ten_days_pass(&data_dir);
    good(&data_dir, &["retention", "set", "--sessions", "1"]);

    let began = Instant::now();
    let (mut in_the_middle, mut done) = (0, 0);
    for _ in 0..kills {
        let server = start(&data_dir, address, "1s");
        thread::sleep(Duration::from_millis(random.within(20..500)));
        let client = server.admin();
        let some =
            &sessions[usize::try_from(random.within(0..u64::try_from(sessions.len()).expect("few"))).expect("few")];
        assert!(read(&client, some) == before[some], "seed {seed}: {some} is not as it was");
        let now = archived(&client, &sessions);
        server.kill();
        let left = count(&data_dir, "messages") > 0;
        in_the_middle += usize::from(left && (now > done || now < sessions.len()));
        done = now;
    }
    let server = start(&data_dir, address, "1s");
    let client = server.admin();
    until("the archive", || archived(&client, &sessions) == sessions.len());
    until("the removal", || count(&data_dir, "messages") == 0 && count(&data_dir, "commands") == 0);
    for session in &sessions {
        assert!(read(&client, session) == before[session], "seed {seed}: {session} is not as it was");
    }
    let objects = files(&data_dir.join("archive/sessions"));
    assert_eq!(objects.len(), sessions.len(), "seed {seed}: each session has one object: {objects:?}");
    good(&data_dir, &["archive", "verify"]);
    assert_eq!(server.admin().get("/audit/verify").1["valid"], true);
    println!(
        "retention: {kills} kills, {in_the_middle} of them with work left, seed {seed}: {} sessions are in the archive once and \
         read back as they were, in {:.1} s",
        sessions.len(),
        began.elapsed().as_secs_f64()
    );
}

#[test]
fn killed_a_few_times() {
    killed(5, 8, 600);
}

#[test]
#[ignore = "takes minutes; run with: cargo test --workspace --test retention -- --ignored --nocapture"]
fn killed_fifty_times() {
    killed(50, 100, 1_500);
}

/// A million messages move and are read back, and the file shrinks.
#[test]
#[ignore = "takes minutes; run with: cargo test --workspace --test retention -- --ignored --nocapture"]
fn a_million_messages_move() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data_dir, address) = (folder.path().join("data"), lasting_address());
    let server = start(&data_dir, address, "off");
    let client = server.admin();
    let sessions: Vec<String> = (0..10).map(|_| ended(&client, 100_000, 400)).collect();
    let size = || fs::metadata(data_dir.join("flightdeck.db")).expect("a file").len();
    let began = Instant::now();
    let before: Vec<_> = sessions.iter().map(|session| digest(&client, session)).collect();
    let from_store = began.elapsed();
    let _ = server.terminate();
    ten_days_pass(&data_dir);
    good(&data_dir, &["retention", "set", "--sessions", "1"]);
    let (full, messages) = (size(), count(&data_dir, "messages"));
    let began = Instant::now();
    let server = start(&data_dir, address, "1s");
    let client = server.admin();
    until("the archive", || archived(&client, &sessions) == sessions.len());
    let archived = began.elapsed();
    until("the removal", || count(&data_dir, "messages") == 0);
    let removed = began.elapsed();
    until("the file", || size() < full / 10);
    let shrunk = began.elapsed();
    let began = Instant::now();
    let after: Vec<_> = sessions.iter().map(|session| digest(&client, session)).collect();
    let from_archive = began.elapsed();
    assert!(after == before, "what is read back is not what was there");
    let packed: u64 =
        files(&data_dir.join("archive")).iter().map(|path| fs::metadata(path).expect("a file").len()).sum();
    println!(
        "retention: {messages} messages: archived after {archived:.1?}, removed after {removed:.1?}, the file shrunk after \
         {shrunk:.1?}; the database had {full} bytes and has {}, the archive has {packed}; read over HTTP in {from_store:.1?} \
         from the store and in {from_archive:.1?} from the archive",
        size()
    );
}

/// A number for a whole conversation, read page by page.
fn digest(client: &Client, session: &str) -> (u64, u64) {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let (mut hasher, mut after) = (DefaultHasher::new(), 0);
    loop {
        let (status, page) = client.get(&format!("/agents/{session}/messages?after={after}&limit=1000"));
        assert_eq!(status, 200, "{page}");
        let messages = page["messages"].as_array().expect("messages");
        let Some(last) = messages.last() else { return (after, hasher.finish()) };
        for message in messages {
            message.to_string().hash(&mut hasher);
        }
        after = last["seq"].as_u64().expect("a seq");
    }
}
