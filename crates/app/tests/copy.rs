//! A whole deployment, moved from SQLite to PostgreSQL and back.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

#[path = "copy/given.rs"]
mod given;
#[path = "copy/seen.rs"]
mod seen;
mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};
use std::sync::Arc;
use std::time::Instant;

use flightdeck_test_servers::postgres::{Place, PostgresServer};
use flightdeck_test_servers::{NoServer, trial};
use given::Deployment;
use libtest_mimic::{Arguments, Trial};
use seen::{Seen, entries, export, keys};
use serde_json::json;
use support::process::{Server, flightdeck, run, told};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// How many messages are moved; 2,000 when missing.
const MESSAGES_VARIABLE: &str = "FLIGHTDECK_TEST_COPY_MESSAGES";

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let server = PostgresServer::find().map(Arc::new);
    let tests = vec![
        on("a_deployment_is_moved_there_and_back", &server, there_and_back),
        on("a_copy_that_breaks_off_leaves_nothing", &server, breaks_off),
        on("only_an_empty_database_is_filled", &server, only_empty),
        Trial::test("a_database_in_use_is_not_moved", || {
            not_in_use();
            Ok(())
        }),
        Trial::test("a_wrong_place_is_not_made", || {
            wrong_places();
            Ok(())
        }),
    ];
    let conclusion = libtest_mimic::run(&arguments, tests);
    if let Ok(server) = server {
        server.stop();
    }
    conclusion.exit_code()
}

/// A test with a database of its own.
fn on(name: &str, server: &Result<Arc<PostgresServer>, NoServer>, test: fn(&Runtime, &Place)) -> Trial {
    let found = server.clone();
    trial(name, server, move || {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let place = runtime.block_on(found.expect("a server").database()).expect("a database");
        test(&runtime, &place);
    })
}

/// A copy of one place to another.
pub(crate) fn copy(folder: &Path, from: &str, to: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flightdeck"));
    command.arg("copy").env_clear().current_dir(folder);
    // A password does not have to stand on the command line.
    run(command.args(["--from", from]).env("FLIGHTDECK_COPY_TO", to))
}

fn sqlite(data_dir: &Path) -> String {
    format!("sqlite://{}", data_dir.join("flightdeck.db").display())
}

/// A data folder with what does not lie in the database.
fn taken_along(folder: &TempDir, from: &Path, name: &str) -> PathBuf {
    let to = folder.path().join(name);
    std::fs::create_dir(&to).expect("a new folder");
    for file in ["admin.key", "audit-signing.key", "audit-signing.pub", "audit-checkpoints.jsonl"] {
        std::fs::copy(from.join(file), to.join(file)).expect("copied");
    }
    to
}

fn start(data_dir: &Path, database: &str) -> Server {
    let settings = ["--listen", "127.0.0.1:0", "--lease", "off", "--throttle-control", "off", "--log", "warn"];
    let mut command = flightdeck(data_dir, &settings);
    Server::start_command(data_dir, command.env("FLIGHTDECK_DATABASE_URL", database))
}

#[expect(clippy::print_stdout, reason = "whoever moves many messages wants to know how long it took")]
fn measured(text: &str) {
    println!("{text}");
}

/// A sink to an address that is refused, with what did not arrive there; disabled, so that it stays as it is.
fn sink_with_a_dead_letter(server: &Server, data_dir: &Path) -> String {
    let sink = json!({"name": "ops", "form": "slack", "maxTries": 1, "from": "start",
        "credentials": {"url": "https://127.0.0.1/hush"}});
    let (status, made) = server.admin().post("/sinks", &sink);
    assert_eq!(status, 201, "{made}");
    let is_there = || {
        let letters = server.admin().get("/sinks/ops/dead-letters").1;
        letters["deadLetters"].as_array().is_some_and(|letters| !letters.is_empty())
    };
    while !is_there() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let mut command = flightdeck(data_dir, &["sinks", "set", "ops", "--disable"]);
    let url = format!("http://{}", server.address);
    command.env("FLIGHTDECK_URL", url).env("FLIGHTDECK_API_KEY", server.admin_key());
    told(&run(&mut command)).0
}

fn there_and_back(runtime: &Runtime, place: &Place) {
    let messages = std::env::var(MESSAGES_VARIABLE).map_or(2_000, |text| text.parse().expect("a number"));
    let folder = tempfile::tempdir().expect("a folder");
    let old = folder.path().join("old");
    let server = start(&old, &sqlite(&old));
    let deployment = Deployment::make(&server, messages);
    let sink = sink_with_a_dead_letter(&server, &old);
    assert!(sink.contains("disabled"), "{sink}");
    let ended = told(&run(&mut flightdeck(
        &old,
        &["keys", "create", "--role", "viewer", "--name", "ended", "--missions", "apollo,gemini"],
    )))
    .0;
    let id = ended.split('_').nth(1).expect("its id");
    assert!(run(&mut flightdeck(&old, &["keys", "revoke", id])).status.success());
    let before = Seen::of(&server, &deployment);
    let server_ended = server.terminate().0;
    assert!(server_ended.success(), "{server_ended}");

    let began = Instant::now();
    let (out, errors) = told(&copy(folder.path(), &sqlite(&old), place.url()));
    assert!(out.starts_with("done: "), "{out}{errors}");
    measured(&format!("{messages} messages to PostgreSQL in {:?}\n{out}", began.elapsed()));
    for what in ["sessions", "messages", "commands", "approvals", "operations", "operation targets", "feed events"] {
        assert!(!count_of(&out, what).is_empty() && count_of(&out, what) != "0", "{what}: {out}");
    }
    for what in ["audit entries", "checkpoints", "API keys", "idempotency keys", "sinks", "dead letters"] {
        assert!(!count_of(&out, what).is_empty() && count_of(&out, what) != "0", "{what}: {out}");
    }
    assert_eq!(triggers_off(runtime, place), 0, "what guards the audit log is on again");

    let new = taken_along(&folder, &old, "new");
    let back = taken_along(&folder, &old, "back");
    let began = Instant::now();
    let (out, errors) = told(&copy(folder.path(), place.url(), &sqlite(&back)));
    assert!(out.contains("done: "), "{out}{errors}");
    measured(&format!("{messages} messages back to SQLite in {:?}", began.elapsed()));
    assert!(out.contains("is not locked against servers"), "{out}");

    // Each export stands on the log that it is an export of: so they part at their last entries.
    let exports = [&old, &back].map(|data_dir| export(data_dir, &sqlite(data_dir)));
    let theirs = export(&new, place.url());
    assert!(entries(&exports[0]).len() > 10);
    for other in [&exports[1], &theirs] {
        assert_eq!(entries(&exports[0]), entries(other));
    }
    let lists = [&old, &back].map(|data_dir| keys(data_dir, &sqlite(data_dir)));
    assert_eq!(lists[0], lists[1]);
    assert_eq!(lists[0], keys(&new, place.url()));
    assert!(lists[0].contains("revoked"), "{}", lists[0]);
    assert!(lists[0].contains("apollo, gemini"), "{}", lists[0]);

    for (data_dir, database) in [(&new, place.url().to_owned()), (&back, sqlite(&back))] {
        let server = start(data_dir, &database);
        before.assert_same(&Seen::of(&server, &deployment));
        deployment.goes_on(&server, before.newest());
    }
}

fn count_of<'a>(out: &'a str, what: &str) -> &'a str {
    let line = out.lines().find_map(|line| line.trim_start().strip_prefix(what));
    line.unwrap_or_default().trim()
}

fn triggers_off(runtime: &Runtime, place: &Place) -> i64 {
    let sql = "SELECT count(*) FROM pg_trigger WHERE tgenabled <> 'O'";
    number(runtime, place, sql)
}

fn number(runtime: &Runtime, place: &Place, sql: &str) -> i64 {
    runtime.block_on(async {
        let client = place.client().await.expect("a connection");
        client.query_one(sql, &[]).await.expect("a row").get(0)
    })
}

/// A deployment, and its data folder inside of the temporary one.
fn small() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let old = folder.path().join("old");
    let server = start(&old, &sqlite(&old));
    Deployment::make(&server, 20);
    server.terminate();
    (folder, old)
}

fn breaks_off(runtime: &Runtime, place: &Place) {
    let (folder, old) = small();
    // The tables have to be there to be made unusable: a server that cannot listen has made them by then.
    let tables =
        run(flightdeck(&folder.path().join("new"), &["keys", "list"]).env("FLIGHTDECK_DATABASE_URL", place.url()));
    assert!(tables.status.success(), "{:?}", told(&tables));
    let hinder = "CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no more'; END $$; \
                  CREATE TRIGGER stop BEFORE UPDATE ON fleet_state FOR EACH ROW EXECUTE FUNCTION stop()";
    let execute = |sql: &str| {
        runtime.block_on(async {
            place.client().await.expect("a connection").batch_execute(sql).await.expect("done");
        });
    };
    execute(hinder);
    let output = copy(folder.path(), &sqlite(&old), place.url());
    let (out, errors) = told(&output);
    assert!(!output.status.success() && !out.contains("done"), "{out}");
    assert!(errors.contains("the target cannot be written") && errors.contains("no more"), "{errors}");
    let rows = "SELECT (SELECT count(*) FROM sessions) + (SELECT count(*) FROM messages) + (SELECT count(*) FROM api_keys) \
                + (SELECT count(*) FROM audit_entries) + (SELECT seq FROM audit_head) + (SELECT position FROM feed_head)";
    assert_eq!(number(runtime, place, rows), 0);
    assert_eq!(triggers_off(runtime, place), 0);
    execute("DROP TRIGGER stop ON fleet_state");
    let (out, errors) = told(&copy(folder.path(), &sqlite(&old), place.url()));
    assert!(out.starts_with("done: "), "{out}{errors}");
}

fn only_empty(_: &Runtime, place: &Place) {
    let (folder, old) = small();
    let other = folder.path().join("other");
    drop(start(&other, place.url()));
    let output = copy(folder.path(), &sqlite(&old), place.url());
    let (out, errors) = told(&output);
    assert!(!output.status.success() && out.is_empty(), "{out}");
    assert!(errors.contains("the target is not empty: it holds audit entries"), "{errors}");
    let output = copy(folder.path(), &sqlite(&old), &sqlite(&old));
    assert!(!output.status.success(), "onto itself");
}

fn not_in_use() {
    let folder = tempfile::tempdir().expect("a folder");
    let old = folder.path().join("old");
    let server = start(&old, &sqlite(&old));
    let empty = format!("sqlite://{}", folder.path().join("empty.db").display());
    for (from, to) in [(sqlite(&old), empty.clone()), (empty, sqlite(&old))] {
        let output = copy(folder.path(), &from, &to);
        assert!(!output.status.success());
        assert!(told(&output).1.contains("another flightdeck is running on"), "{output:?}");
    }
    assert!(!folder.path().join("empty.db").exists());
    drop(server);
}

fn wrong_places() {
    let folder = tempfile::tempdir().expect("a folder");
    let nowhere = folder.path().join("nowhere.db");
    let there = folder.path().join("there.db");
    let url = |path: &Path| format!("sqlite://{}", path.display());
    let output = copy(folder.path(), &url(&nowhere), &url(&there));
    assert!(!output.status.success());
    assert!(told(&output).1.contains("nowhere.db"), "{output:?}");
    assert!(!nowhere.exists() && !there.exists());
    let output = copy(folder.path(), "postgresq://me:hush@there", &url(&there));
    assert!(!output.status.success());
    let (out, errors) = told(&output);
    assert!(errors.contains("from: the value, which is not shown here, is no database"), "{errors}");
    assert!(!format!("{out}{errors}").contains("hush"), "{out}{errors}");
}
