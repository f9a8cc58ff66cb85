//! Every command finds the server in one way: `run`, `hook` and `connect` do it as `tree` does.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::support::http::Client;
use crate::support::process::Server;

/// A command in a folder, with nothing in its environment but what is said.
fn command(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flightdeck"));
    command.args(arguments).current_dir(folder).env_clear().env("PATH", "/usr/bin:/bin");
    command.envs(variables.iter().copied()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn ran(mut command: Command, input: &str) -> Output {
    let mut child = command.spawn().expect("it starts");
    // Whoever does not read it has ended without.
    let _ = child.stdin.take().expect("its input").write_all(input.as_bytes());
    child.wait_with_output().expect("it ends")
}

fn good(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn hook_body(session: &str) -> String {
    json!({"session_id": session, "cwd": "/home/ana/shop", "hook_event_name": "SessionStart", "source": "startup"})
        .to_string()
}

fn count(admin: &Client) -> usize {
    admin.get("/agents").1.as_array().map(Vec::len).expect("a list")
}

/// Has each of the four find the server, and looks at what came of it there.
fn all_find(server: &Server, folder: &Path, flags: &[&str], variables: &[(&str, &str)]) {
    let admin = server.admin();
    let with = |words: &[&'static str]| command(folder, &[words, flags].concat(), variables);
    let before = count(&admin);

    let tree: Value = serde_json::from_str(&good(&ran(with(&["tree", "--json"]), ""))).expect("JSON");
    assert_eq!(tree.as_array().map(Vec::len), Some(before));

    let words = [&["run", "--name", "robot"], flags, &["--", "sh", "-c", "echo $FLIGHTDECK_URL"]].concat();
    let said = good(&ran(command(folder, &words, variables), ""));
    assert_eq!(said.trim(), format!("http://{}", server.address), "what it runs is told the same");
    assert_eq!(count(&admin), before + 1, "the command was seen");

    let hook = ran(with(&["hook", "claude-code"]), &hook_body(&format!("claude-{before}")));
    assert!(good(&hook).is_empty() && hook.stderr.is_empty(), "{hook:?}");
    assert_eq!(count(&admin), before + 2, "the hook was heard");

    let settings: Value = serde_json::from_str(&good(&ran(with(&["connect", "claude-code"]), ""))).expect("JSON");
    let hook = &settings["hooks"]["PreToolUse"][0]["hooks"][0];
    assert_eq!(hook["url"], format!("http://{}/hooks/claude-code?hold=50s", server.address));
}

#[test]
fn what_the_settings_say_of_the_server_holds_for_every_command() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("server/data");
    std::fs::create_dir_all(data.parent().expect("a folder")).expect("made");
    let server = Server::start(&data);
    let (key, url) = (server.admin_key(), format!("http://{}", server.address));
    let (data, listen) = (data.to_str().expect("a text"), server.address.to_string());
    let place = |name: &str, toml: &str| {
        let place = folder.path().join(name);
        std::fs::create_dir(&place).expect("made");
        std::fs::write(place.join("flightdeck.toml"), toml).expect("written");
        place
    };
    // The server is another user's, or in a container: its data folder is not seen here.
    let listening = place("listen", &format!("listen = \"{listen}\"\n"));
    all_find(&server, &listening, &[], &[("FLIGHTDECK_API_KEY", &key)]);
    // Its data folder is seen, and has its address and key.
    let seeing = place("data_dir", &format!("data_dir = \"{data}\"\nlisten = \"127.0.0.1:1\"\n"));
    all_find(&server, &seeing, &[], &[]);
    let elsewhere = seeing.join("flightdeck.toml");
    let elsewhere = elsewhere.to_str().expect("a text");
    all_find(&server, folder.path(), &[], &[("FLIGHTDECK_CONFIG", elsewhere)]);
    all_find(&server, folder.path(), &["--config", elsewhere], &[]);
    // What is said nearer goes before it.
    let wrong = place("wrong", "listen = \"127.0.0.1:1\"\n");
    all_find(&server, &wrong, &[], &[("FLIGHTDECK_LISTEN", &listen), ("FLIGHTDECK_API_KEY", &key)]);
    all_find(&server, &wrong, &[], &[("FLIGHTDECK_DATA_DIR", data)]);
    all_find(&server, &wrong, &["--data-dir", data], &[]);
    all_find(&server, &wrong, &["--url", &url], &[("FLIGHTDECK_API_KEY", &key)]);
    all_find(&server, &wrong, &[], &[("FLIGHTDECK_URL", &format!("{url}/")), ("FLIGHTDECK_API_KEY", &key)]);
}

#[test]
fn settings_that_cannot_be_read_are_named_where_they_are_needed() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(&folder.path().join("data"));
    let (admin, key, url) = (server.admin(), server.admin_key(), format!("http://{}", server.address));
    let broken = folder.path().join("broken");
    std::fs::create_dir(&broken).expect("made");
    std::fs::write(broken.join("flightdeck.toml"), "lissen = \"127.0.0.1:1\"\n").expect("written");
    all_find(&server, &broken, &[], &[("FLIGHTDECK_URL", &url), ("FLIGHTDECK_API_KEY", &key)]);
    let seen = count(&admin);
    let lost = [("FLIGHTDECK_API_KEY", key.as_str())];
    let names_it = |output: &Output| {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("flightdeck.toml: there is no setting \"lissen\""), "{said}");
    };
    for words in [&["tree"][..], &["run", "--name", "robot", "--", "touch", "ran"], &["connect", "claude-code"]] {
        let output = ran(command(&broken, words, &lost), "");
        assert_eq!(output.status.code(), Some(1), "{words:?} {output:?}");
        names_it(&output);
    }
    assert!(!broken.join("ran").exists(), "nothing runs that nobody sees");
    let hook = ran(command(&broken, &["hook", "claude-code"], &lost), &hook_body("claude-1"));
    assert_eq!(hook.status.code(), Some(0), "the agent works on");
    names_it(&hook);
    let words = ["hook", "claude-code", "--unreachable", "deny"];
    let hook = ran(command(&broken, &words, &lost), &hook_body("claude-1"));
    assert_eq!(hook.status.code(), Some(2), "unless it was to be blocked then");
    names_it(&hook);
    assert_eq!(count(&admin), seen);
}

#[test]
fn the_key_of_the_data_folder_stays_on_this_machine() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let server = Server::start(&data);
    let data = data.to_str().expect("a text");
    for words in [&["tree"][..], &["run", "--name", "robot", "--", "touch", "ran"]] {
        let flags = ["--url", "https://deck.example", "--data-dir", data];
        let words = [&words[..1], &flags, &words[1..]].concat();
        let output = ran(command(folder.path(), &words, &[]), "");
        assert_eq!(output.status.code(), Some(4), "{words:?} {output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("is not sent to https://deck.example"), "{output:?}");
    }
    assert!(!folder.path().join("ran").exists());
    drop(server);
}
