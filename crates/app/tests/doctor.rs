//! `flightdeck migrate` and `flightdeck doctor`, on what is well and on what is not.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;

use flightdeck_test_servers::postgres::{Place, PostgresServer};
use flightdeck_test_servers::{NoServer, trial};
use libtest_mimic::{Arguments, Trial};
use serde_json::Value;
use support::process::{Server, flightdeck, run, told};
use tokio::runtime::Runtime;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let server = PostgresServer::find().map(Arc::new);
    let plain: [(&str, fn()); 5] = [
        ("a_file_is_brought_up_to_date_and_says_so", migrates_a_file),
        ("a_look_at_a_wrong_folder_makes_none", looks_without_a_trace),
        ("a_running_server_is_well", a_running_server_is_well),
        ("what_is_wrong_is_told_with_what_to_do", tells_what_is_wrong),
        ("a_wrong_setting_is_told_and_not_shown", wrong_settings),
    ];
    let plain = plain.into_iter().map(|(name, test)| {
        Trial::test(name, move || {
            test();
            Ok(())
        })
    });
    let tests = plain.chain([on("a_server_is_migrated_and_examined", &server, postgres)]).collect();
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

/// What the doctor says of each thing, by its name, and whether it was content.
struct Told {
    content: bool,
    checks: BTreeMap<String, (String, String)>,
    all: String,
}

impl Told {
    fn by(command: &mut Command) -> Self {
        let output = run(command.arg("--json"));
        let (out, errors) = told(&output);
        let json: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{errors}"));
        assert_eq!(json["ok"], output.status.success(), "{out}");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let checks = json["checks"].as_array().expect("checks").iter().map(|check| {
            assert_eq!(check["state"] == "ok", check["advice"].is_null(), "what is not well has an advice: {check}");
            (text(&check["name"]), (text(&check["state"]), text(&check["found"])))
        });
        Self { content: output.status.success(), checks: checks.collect(), all: format!("{out}{errors}") }
    }

    fn state(&self, name: &str) -> &str {
        &self.checks.get(name).unwrap_or_else(|| panic!("{name}: {}", self.all)).0
    }

    fn found(&self, name: &str) -> &str {
        &self.checks.get(name).unwrap_or_else(|| panic!("{name}: {}", self.all)).1
    }
}

fn names(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let file = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry.expect("a file");
        (entry.file_name().into_string().expect("a name"), fs::read(entry.path()).unwrap_or_default())
    };
    let mut names: Vec<_> = fs::read_dir(folder).expect("a folder").map(file).collect();
    names.sort();
    names
}

fn migrates_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    let migrate = || {
        let output = run(&mut flightdeck(&data_dir, &["migrate"]));
        assert!(output.status.success(), "{output:?}");
        told(&output).0
    };
    let first = migrate();
    assert!(first.contains("flightdeck.db: brought up to date with") && first.contains("_init"), "{first}");
    let second = migrate();
    assert!(second.contains("flightdeck.db: up to date") && !second.contains("_init"), "{second}");
}

fn looks_without_a_trace() {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    let missing = Told::by(&mut flightdeck(&data_dir, &["doctor"]));
    assert!(missing.content, "a new deployment is no fault: {}", missing.all);
    assert_eq!((missing.state("data folder"), missing.state("database")), ("warning", "warning"));
    assert!(!data_dir.exists());
    // An old database stays old, and nothing is left beside it.
    drop(Server::start(&data_dir));
    let output = run(&mut flightdeck(&data_dir, &["migrate"]));
    assert!(output.status.success(), "{output:?}");
    support_old(&data_dir.join("flightdeck.db"));
    let before = names(&data_dir);
    let old = Told::by(&mut flightdeck(&data_dir, &["doctor", "--listen", "0.0.0.0:0"]));
    assert_eq!(old.state("migrations"), "warning", "{}", old.all);
    assert!(old.found("migrations").starts_with("1 are not applied: "), "{}", old.all);
    assert!(before == names(&data_dir), "something changed");
}

/// Makes a database believe that its last migration was never applied.
fn support_old(path: &Path) {
    use diesel::connection::SimpleConnection;
    use diesel::{Connection, SqliteConnection};
    let mut connection = SqliteConnection::establish(path.to_str().expect("a path")).expect("opened");
    let newest =
        "DELETE FROM __diesel_schema_migrations WHERE version = (SELECT MAX(version) FROM __diesel_schema_migrations)";
    connection.batch_execute(newest).expect("removed");
}

fn a_running_server_is_well() {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    let server = Server::start(&data_dir);
    let told_of = Told::by(&mut flightdeck(&data_dir, &["doctor"]));
    assert!(told_of.content, "{}", told_of.all);
    for name in ["configuration", "data folder", "admin key file", "database", "migrations", "listen", "valkey"] {
        assert_eq!(told_of.state(name), "ok", "{}", told_of.all);
    }
    assert_eq!(told_of.found("server"), "one is running on this folder");
    // For people, one aligned line each.
    let (out, errors) = told(&run(&mut flightdeck(&data_dir, &["doctor"])));
    assert_eq!(out.lines().count(), told_of.checks.len(), "{out}{errors}");
    assert!(out.lines().all(|line| line.len() > 28 && &line[27..28] == " "), "{out}");
    let key = server.admin_key();
    assert!(!out.contains(&key) && !told_of.all.contains(&key));
    assert_eq!(server.admin().get("/agents").0, 200, "and goes on");
    server.terminate();
    let after = Told::by(&mut flightdeck(&data_dir, &["doctor"]));
    assert_eq!(after.found("server"), "none is running on this folder");
}

fn tells_what_is_wrong() {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    drop(Server::start(&data_dir));
    let doctor = |more: &[&str]| flightdeck(&data_dir, &[&["doctor"], more].concat());

    let keys = told(&run(&mut flightdeck(&data_dir, &["keys", "list"]))).0;
    let open = Told::by(&mut doctor(&["--listen", "0.0.0.0:7600"]));
    assert_eq!(open.state("listen"), "ok", "{}", open.all);
    let id = keys.split_whitespace().find(|word| word.len() == 12).expect("an id");
    assert!(run(&mut flightdeck(&data_dir, &["keys", "revoke", id])).status.success(), "{keys}");
    let open = Told::by(&mut doctor(&["--listen", "0.0.0.0:7600"]));
    assert!(!open.content && open.state("listen") == "failed", "{}", open.all);

    let unknown = Told::by(doctor(&[]).env("FLIGHTDECK_LISTN", "hush"));
    assert!(unknown.content && unknown.state("configuration") == "warning", "{}", unknown.all);
    assert!(unknown.found("configuration").contains("FLIGHTDECK_LISTN") && !unknown.all.contains("hush"));

    // A port that nobody listens on any more.
    let closed = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address");
    let away = Told::by(&mut doctor(&["--valkey-url", &format!("redis://:hush@{closed}")]));
    assert!(away.content && away.state("valkey") == "warning", "{}", away.all);
    let away = Told::by(&mut doctor(&["--database-url", &format!("postgres://me:hush@{closed}/x")]));
    assert!(!away.content && away.state("database") == "failed" && !away.all.contains("hush"), "{}", away.all);

    fs::write(data_dir.join("flightdeck.db"), "not a database at all").expect("written");
    let broken = Told::by(&mut doctor(&[]));
    assert!(!broken.content && broken.state("database") == "failed", "{}", broken.all);
    let (out, errors) = told(&run(&mut doctor(&[])));
    assert!(out.lines().any(|line| line.starts_with("FAIL     database")), "{out}");
    assert!(errors.contains("checks failed"), "{errors}");
}

fn wrong_settings() {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    let wrong = Told::by(&mut flightdeck(&data_dir, &["doctor", "--database-url", "mysql://me:hush@db"]));
    assert!(!wrong.content && wrong.state("configuration") == "failed", "{}", wrong.all);
    assert!(
        wrong.found("configuration").starts_with("--database-url: ") && !wrong.all.contains("hush"),
        "{}",
        wrong.all
    );
}

fn postgres(runtime: &Runtime, place: &Place) {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    let command = |what: &str, url: &str| {
        let mut command = flightdeck(&data_dir, &[what]);
        command.env("FLIGHTDECK_DATABASE_URL", url);
        command
    };
    let pending = Told::by(&mut command("doctor", place.url()));
    assert!(pending.content && pending.state("migrations") == "warning", "{}", pending.all);
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')";
    let count = || -> i64 {
        runtime.block_on(async {
            place.client().await.expect("a connection").query_one(tables, &[]).await.expect("a row").get(0)
        })
    };
    assert_eq!(count(), 0, "the doctor migrates nothing");
    let first = told(&run(&mut command("migrate", place.url()))).0;
    assert!(first.contains("brought up to date with") && first.contains("_init"), "{first}");
    let second = told(&run(&mut command("migrate", place.url()))).0;
    assert!(second.starts_with("postgres://") && second.trim_end().ends_with(": up to date"), "{second}");
    assert!(!data_dir.exists(), "nothing of it lies in a folder");
    let well = Told::by(&mut command("doctor", place.url()));
    for name in ["database", "migrations", "version", "clock"] {
        assert_eq!(well.state(name), "ok", "{}", well.all);
    }
    let joint = if place.url().contains('?') { '&' } else { '?' };
    let careless = format!("{}{joint}options=-c%20synchronous_commit%3Doff", place.url());
    let told_of = Told::by(&mut command("doctor", &careless));
    assert!(!told_of.content && told_of.state("durability") == "failed", "{}", told_of.all);
    assert!(told_of.found("durability").contains("synchronous_commit off"), "{}", told_of.all);
}
