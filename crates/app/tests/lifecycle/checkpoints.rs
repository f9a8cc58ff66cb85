//! The audit log signed by itself, at the end and on demand; taken out and proven on the command line; and cut off behind
//! the server's back.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use serde_json::{Value, json};

use crate::support::http::Client;
use crate::support::process::{Server, flightdeck, run, told};

/// How long something that happens by itself may take; far longer than it does.
const PATIENCE: Duration = Duration::from_mins(1);

struct Scene {
    _folder: tempfile::TempDir,
    data_dir: PathBuf,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { data_dir: folder.path().join("data"), _folder: folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.data_dir.join(name)
    }

    /// The places of all checkpoints in the file beside the database.
    fn signed(&self) -> Vec<u64> {
        let text = std::fs::read_to_string(self.file("audit-checkpoints.jsonl")).expect("the file");
        let seq = |line: &str| serde_json::from_str::<Value>(line).ok()?["seq"].as_u64();
        // The newest line may be on its way.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(|line| seq(line).unwrap_or_else(|| panic!("no checkpoint: {line}"))).collect()
    }

    fn audit(&self, arguments: &[&str]) -> Output {
        run(&mut flightdeck(&self.data_dir, &[&["audit"], arguments].concat()))
    }

    /// What a command says that must succeed.
    fn say(&self, arguments: &[&str]) -> String {
        let output = self.audit(arguments);
        let (out, errors) = told(&output);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        out
    }

    /// What a command says that must fail.
    fn refuse(&self, arguments: &[&str]) -> String {
        let output = self.audit(arguments);
        let (out, errors) = told(&output);
        assert_eq!((output.status.code(), out.as_str()), (Some(1), ""), "{arguments:?}: {errors}");
        errors
    }
}

/// Steps in once, and gives the place of the newest entry: that of this very look at the log.
fn intervene(client: &Client, session: &str) -> u64 {
    let (status, reply) = client.post(&format!("/agents/{session}/inject"), &json!({"message": "look here"}));
    assert_eq!(status, 200, "{reply}");
    newest(client)
}

fn newest(client: &Client) -> u64 {
    client.get("/audit?limit=1").1["entries"][0]["seq"].as_u64().expect("an entry") + 1
}

fn key(scene: &Scene) -> String {
    scene.file("audit-signing.pub").to_str().expect("a text").to_owned()
}

#[test]
fn what_was_done_is_signed_by_itself_and_once_more_at_the_end() {
    let scene = Scene::new();
    let server = Server::start_with(&scene.data_dir, &["--checkpoint-interval", "1s"]);
    let client = server.admin();
    let session = client.register(None);
    for _ in 0..2 {
        let done = intervene(&client, &session);
        let began = Instant::now();
        // Only the file is looked at: a look at the log would be one more entry.
        while scene.signed().last() < Some(&done) {
            assert!(began.elapsed() < PATIENCE, "entry {done} is not signed: {:?}", scene.signed());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    assert!(server.terminate().0.success());

    // Once an hour: what is signed now is signed at the start or at the end.
    let server = Server::start_with(&scene.data_dir, &["--checkpoint-interval", "1h"]);
    let done = intervene(&server.admin(), &session);
    assert!(server.terminate().0.success());
    assert_eq!(scene.signed().last(), Some(&done), "the last entry of all is signed");
    let said = scene.say(&["verify", "--public-key", &key(&scene)]);
    assert!(said.starts_with("good: ") && said.contains("the key that you gave"), "{said}");
}

#[test]
fn the_log_is_taken_out_and_proven_on_the_command_line() {
    let scene = Scene::new();
    let server = Server::start_with(&scene.data_dir, &["--checkpoint-interval", "off"]);
    let (client, session) = (server.admin(), server.admin().register(None));
    let before = intervene(&client, &session);

    // While the server runs, and signed with its key.
    let whole = scene.say(&["export"]);
    assert_eq!(
        whole.lines().count(),
        usize::try_from(before).expect("few") + 3,
        "header, own entry, checkpoint: {whole}"
    );
    let part = scene.file("part.jsonl");
    let (part, after) = (part.to_str().expect("a text"), before.to_string());
    let said = scene.say(&["export", "--out", part, "--after", &after]);
    assert!(said.contains("is written"), "{said}");
    let proof = scene.say(&["verify", part, "--public-key", &key(&scene)]);
    assert!(proof.contains(&format!("what stood before entry {} is not in this file", before + 1)), "{proof}");
    let again = scene.refuse(&["export", "--out", part]);
    assert!(again.contains("it is never written over another file"), "{again}");
    let (status, entries) = client.get("/audit?operator=cli&limit=10");
    assert_eq!(status, 200, "{entries}");
    let details: Vec<_> = entries["entries"].as_array().expect("entries").iter().map(|it| &it["details"]).collect();
    let expected = [json!({"read": "export", "after": after}), json!({"read": "export", "after": "0"})];
    assert_eq!(details, expected.iter().collect::<Vec<_>>(), "readings are on the record, refused ones did not read");

    // On demand, beside a server that has the file open and signs on.
    let signed = scene.say(&["checkpoint"]);
    let seq = newest(&client) - 1;
    assert!(signed.starts_with(&format!("entry {seq} signed\n")), "{signed}");
    let done = intervene(&client, &session);
    assert_eq!(client.post("/audit/checkpoint", &json!({})).1["checkpoint"]["seq"], done);
    assert!(scene.say(&["checkpoint"]).starts_with(&format!("entry {done} was signed already\n")));
    assert!(server.terminate().0.success());
    let places = scene.signed();
    assert!(places.is_sorted() && places.ends_with(&[seq, done]), "{places:?}");

    // Without the server; and the look stands on the log.
    for round in 1..=2 {
        let said = scene.say(&["verify"]);
        assert!(said.starts_with(&format!("good: {} entries", done + round)), "{said}");
    }
    let other = Scene::new();
    assert!(Server::start(&other.data_dir).terminate().0.success());
    let refused = scene.refuse(&["verify", "--public-key", &key(&other)]);
    assert!(refused.contains("is the one that you trust"), "{refused}");
}

#[test]
fn a_wrong_folder_is_told_and_not_made() {
    let scene = Scene::new();
    for command in ["export", "verify", "checkpoint"] {
        let errors = scene.refuse(&[command]);
        assert!(errors.contains("there is no database at"), "{errors}");
        assert!(!scene.data_dir.exists(), "{command} made something");
    }
    // A value that cannot be read is a mistake of the command line.
    let output = scene.audit(&["export", "--after", "x"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(told(&output).1.contains("--after"), "{output:?}");
}

/// Cuts the log off after an entry, with all that the database itself remembers of the rest, and leaves every trigger as it
/// was.
fn cut_off(database: &Path, last: u64) {
    let mut connection = SqliteConnection::establish(database.to_str().expect("a text")).expect("opened");
    let triggers = ["audit_entries_are_not_removed", "audit_head_goes_forward", "audit_checkpoints_are_not_removed"];
    let dropped = triggers.map(|name| format!("DROP TRIGGER {name};")).join(" ");
    connection
        .batch_execute(&format!(
            "{dropped}
             DELETE FROM audit_entries WHERE seq > {last};
             DELETE FROM audit_checkpoints WHERE seq > {last};
             UPDATE audit_head SET seq = {last}, hash = (SELECT hash FROM audit_entries WHERE seq = {last});
             CREATE TRIGGER audit_entries_are_not_removed BEFORE DELETE ON audit_entries
                 BEGIN SELECT RAISE(ABORT, 'no'); END;
             CREATE TRIGGER audit_head_goes_forward BEFORE UPDATE ON audit_head WHEN NEW.seq <> OLD.seq + 1
                 BEGIN SELECT RAISE(ABORT, 'no'); END;
             CREATE TRIGGER audit_checkpoints_are_not_removed BEFORE DELETE ON audit_checkpoints
                 BEGIN SELECT RAISE(ABORT, 'no'); END;"
        ))
        .expect("cut off");
}

#[test]
fn a_log_cut_off_while_the_server_was_stopped_is_found_by_the_file_beside_it() {
    let scene = Scene::new();
    let server = Server::start(&scene.data_dir);
    let client = server.admin();
    let session = client.register(None);
    let kept = intervene(&client, &session);
    for _ in 0..10 {
        intervene(&client, &session);
    }
    assert!(server.terminate().0.success());
    let end = *scene.signed().last().expect("a checkpoint at the end");
    cut_off(&scene.file("flightdeck.db"), kept);

    let server = Server::start(&scene.data_dir);
    let (status, found) = server.admin().get("/audit/verify");
    assert_eq!((status, &found["valid"]), (200, &json!(false)), "{found}");
    let expected = format!("and a checkpoint was signed at entry {end}: the end was cut off");
    assert!(found["problem"].as_str().is_some_and(|problem| problem.ends_with(&expected)), "{found}");
    let refused = server.admin().post("/audit/checkpoint", &json!({}));
    assert_eq!((refused.0, &refused.1["type"]), (409, &json!("urn:flightdeck:problem:audit-log-tampered")));
    assert!(server.terminate().0.success());
    assert_eq!(scene.signed().last(), Some(&end), "nothing was signed over it, at the end neither");
    let told = scene.refuse(&["verify"]);
    assert!(told.contains("is NOT what it was") && told.contains("the end was cut off"), "{told}");

    // It was the file: without it the database tells a story that holds together.
    std::fs::rename(scene.file("audit-checkpoints.jsonl"), scene.file("evidence.jsonl")).expect("moved");
    let told = scene.refuse(&["verify"]);
    assert!(told.contains("not in audit-checkpoints.jsonl") && told.contains("--refill"), "{told}");
    scene.say(&["checkpoint", "--refill"]);
    assert!(scene.say(&["verify"]).starts_with("good: "));
}

/// The places that the file has lost, and whether the server or the command finds it, running or not.
#[test]
fn a_file_that_has_lost_a_checkpoint_is_a_finding_until_somebody_takes_it_on_record() {
    let scene = Scene::new();
    let server = Server::start_with(&scene.data_dir, &["--checkpoint-interval", "off"]);
    let (client, session) = (server.admin(), server.admin().register(None));
    for _ in 0..3 {
        intervene(&client, &session);
        assert_eq!(client.post("/audit/checkpoint", &json!({})).0, 200);
    }
    assert_eq!(client.get("/audit/verify").1["verdict"], "good");
    let file = scene.file("audit-checkpoints.jsonl");
    let whole = std::fs::read_to_string(&file).expect("the file");
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    let without = |left_out: usize| {
        lines.iter().enumerate().filter(|(at, _)| *at != left_out).map(|(_, line)| *line).collect::<String>()
    };
    for left in [String::new(), without(0), without(1), without(lines.len() - 1)] {
        std::fs::write(&file, &left).expect("written");
        let (status, found) = client.get("/audit/verify");
        assert_eq!((status, &found["verdict"]), (200, &json!("broken")), "{left}: {found}");
        let told = scene.refuse(&["verify"]);
        assert!(told.contains("not in audit-checkpoints.jsonl"), "{told}");
        std::fs::write(&file, &whole).expect("put back");
        assert_eq!(client.get("/audit/verify").1["verdict"], "good");
    }
    assert!(server.terminate().0.success());

    std::fs::remove_file(&file).expect("removed");
    let server = Server::start_with(&scene.data_dir, &["--checkpoint-interval", "off"]);
    let client = server.admin();
    intervene(&client, &session);
    assert_eq!(client.post("/audit/checkpoint", &json!({})).0, 200);
    assert_eq!(client.get("/audit/verify").1["verdict"], "broken", "what comes later does not cover it up");
    scene.say(&["checkpoint", "--refill"]);
    assert_eq!(client.get("/audit/verify").1["verdict"], "good");
    let (_, entries) = client.get("/audit?operator=cli&limit=10");
    let on_record = |entry: &Value| entry["details"]["read"] == "refill_checkpoints";
    assert!(entries["entries"].as_array().expect("entries").iter().any(on_record), "{entries}");
    assert_eq!(client.post("/audit/checkpoint", &json!({})).0, 200);
    assert!(scene.signed().is_sorted());
    assert!(server.terminate().0.success());
}

#[test]
fn a_log_that_nothing_vouches_for_is_not_good() {
    let scene = Scene::new();
    let server = Server::start_with(&scene.data_dir, &["--checkpoint-interval", "off"]);
    let (status, found) = server.admin().get("/audit/verify");
    assert_eq!((status, &found["valid"], &found["verdict"]), (200, &json!(true), &json!("unvouched")), "{found}");
    server.kill();
    let told = scene.refuse(&["verify"]);
    assert!(told.contains("nothing vouches for") && told.contains("flightdeck audit checkpoint"), "{told}");
    scene.say(&["checkpoint"]);
    assert!(scene.say(&["verify"]).starts_with("good: "));
}
