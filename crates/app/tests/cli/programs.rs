//! What programs read: answers as JSON on the standard output, errors as JSON on the standard error.

use serde_json::{Value, json};

use crate::given::{APPROVAL, Desk, EDITOR, LEAD, TESTER};
use crate::support::process::{flightdeck, run, told};

/// The one object on the standard error of a command that fails.
fn fault(desk: &Desk, arguments: &[&str]) -> Value {
    let output = desk.run(arguments);
    let (out, err) = told(&output);
    assert_eq!(out, "", "{arguments:?}");
    let fault: Value = serde_json::from_str(&err).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {err}"));
    assert_eq!(fault["exitCode"].as_i64(), output.status.code().map(i64::from), "{arguments:?}: {fault}");
    fault
}

#[test]
fn errors_are_json_with_what_the_server_said() {
    let desk = Desk::with_fleet();
    let refused = fault(&desk, &["pause", EDITOR, "--wait", "0s", "--json"]);
    assert_eq!(
        (&refused["error"], &refused["exitCode"], &refused["status"]),
        (&json!("refused"), &json!(6), &json!(409))
    );
    assert!(refused["type"].as_str().expect("a text").starts_with("urn:flightdeck:problem:"), "{refused}");
    assert!(refused["message"].as_str().expect("a text").contains("is failed"), "{refused}");

    let words = |arguments: &[&str]| {
        let fault = fault(&desk, arguments);
        (fault["error"].as_str().expect("a text").to_owned(), fault["exitCode"].as_u64().expect("a number"))
    };
    let known = |word: &str, code: u64| (word.to_owned(), code);
    assert_eq!(words(&["show", "fff", "--json"]), known("no_match", 5));
    assert_eq!(words(&["--json", "show", "xy"]), known("usage", 2));
    assert_eq!(words(&["ps", "--json", "--nonsense"]), known("usage", 2), "what is not read at all");
    assert_eq!(words(&["spawn", "--json"]), known("usage", 2));
    assert_eq!(words(&["keys", "create", "--role", "viewer", "--days", "x", "--json"]), known("usage", 2));
    assert_eq!(words(&["ps", "--url", "http://127.0.0.1:1", "--json"]), known("no_server", 3));
    assert_eq!(words(&["copy", "--json", "--nonsense"]), known("usage", 2));
    let wrong = run(flightdeck(&desk.data_dir, &["ps", "--json"]).env("FLIGHTDECK_API_KEY", "fd_x"));
    let wrong: Value = serde_json::from_str(&told(&wrong).1).expect("JSON");
    assert_eq!((&wrong["error"], &wrong["status"]), (&json!("no_access"), &json!(401)));
}

#[test]
fn several_that_are_refused_are_told_each_on_a_line() {
    let desk = Desk::with_fleet();
    let output = desk.run(&["pause", EDITOR, EDITOR, "--wait", "0s", "--json"]);
    let (_, err) = told(&output);
    let faults: Vec<Value> = err.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(faults.len(), 3, "{err}");
    assert!(faults[0]["message"].as_str().expect("a text").starts_with(EDITOR), "{err}");
}

#[test]
fn every_answer_is_json() {
    let desk = Desk::with_fleet();
    let read = |arguments: &[&str]| -> Value {
        let output = desk.run(&[arguments, &["--json"]].concat());
        let (out, err) = told(&output);
        assert!(output.status.success() && err.is_empty(), "{arguments:?}: {err}");
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {out}"))
    };
    let made = read(&["keys", "create", "--role", "viewer", "--name", "wall"]);
    assert!(made["key"].as_str().expect("a text").starts_with("fd_"), "{made}");
    let id = made["id"].as_str().expect("an id").to_owned();
    let listed = read(&["keys", "list"]);
    let wall = listed.as_array().expect("a list").iter().find(|key| key["id"] == id.as_str()).expect("it is listed");
    assert_eq!((&wall["name"], &wall["state"], wall.get("key")), (&json!("wall"), &json!("good"), None), "{listed}");
    assert_eq!(read(&["keys", "revoke", &id])["state"], "revoked");
    assert_eq!(read(&["migrate"])["applied"], json!([]));
    assert!(read(&["epoch"])["epoch"].is_string());
    let signed = read(&["audit", "checkpoint"]);
    assert!(signed["checkpoint"]["seq"].is_u64(), "{signed}");
    assert_eq!(read(&["audit", "verify"])["valid"], true);
    let url = format!("http://{}", desk.server.address);
    assert_eq!(read(&["audit", "verify", "--url", &url])["valid"], true);
    let export = desk.data_dir.with_file_name("export.jsonl").display().to_string();
    assert_eq!(read(&["audit", "export", "--out", &export])["file"], export.as_str());
    assert_eq!(read(&["audit", "verify", &export])["valid"], true);
    assert!(read(&["doctor"])["checks"].is_array());
    assert_eq!(read(&["usage"])["reports"], 0);
    assert_eq!(read(&["providers"])["providers"][0]["name"], "acp");
    assert_eq!(read(&["operations"]), json!([]));
    assert_eq!(read(&["approvals", "allow", APPROVAL])["status"], "decided");
    assert!(read(&["login"])["url"].is_string());
}

#[test]
fn a_copy_is_told_as_json() {
    let desk = Desk::with_fleet();
    let Desk { server, data_dir, .. } = desk;
    server.terminate();
    let place = |name: &str| format!("sqlite://{}", data_dir.join(name).display());
    let mut copy = flightdeck(&data_dir, &[]);
    let program = copy.get_program().to_owned();
    copy = std::process::Command::new(program);
    let folder = data_dir.parent().expect("a folder");
    copy.env_clear().current_dir(folder).env("FLIGHTDECK_COPY_FROM", place("flightdeck.db"));
    let output = run(copy.args(["--json", "copy", "--to"]).arg(format!("sqlite://{}/new.db", folder.display())));
    let (out, err) = told(&output);
    assert!(output.status.success() && err.is_empty(), "{err}");
    let copied: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(copied["counts"]["sessions"], 3, "{copied}");
    assert!(copied["auditHead"]["seq"].is_u64(), "{copied}");
}

#[test]
fn ids_stay_whole_and_what_is_asked_for_is_wrapped_in_a_narrow_terminal() {
    let desk = Desk::with_fleet();
    let title = "Run the migration of the ledger on the production database and restart every worker";
    let asks = json!({"title": title});
    assert_eq!(desk.server.admin().post(&format!("/agents/{LEAD}/approvals"), &asks).0, 201);
    for columns in ["30", "60"] {
        let narrow = |arguments: &[&str]| told(&run(flightdeck(&desk.data_dir, arguments).env("COLUMNS", columns))).0;
        for command in ["ps", "tree"] {
            let out = narrow(&[command]);
            for id in [LEAD, TESTER] {
                assert!(out.contains(&id[28..]), "{command} {columns}: {out}");
            }
        }
        let out = narrow(&["approvals"]);
        assert!(out.contains(&APPROVAL[28..]) && !out.contains('…'), "{columns}: {out}");
        let words: Vec<&str> = out.split_whitespace().collect();
        assert!(title.split(' ').all(|word| words.concat().contains(word)), "{columns}: {out}");
    }
}
