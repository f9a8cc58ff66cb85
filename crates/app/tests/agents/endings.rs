//! Wrapped commands end with a reason, on every way out.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::run::{begun, id, only, said, until, wrapped};
use crate::support::http::Client;
use crate::support::process::Server;

fn given() -> (tempfile::TempDir, Server, Client) {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(&folder.path().join("data"));
    let admin = server.admin();
    (folder, server, admin)
}

/// The same command, started by a shell behind this.
fn behind(shell: &str, command: &Command) -> Command {
    let mut outer = Command::new("/bin/sh");
    outer.args(["-c", shell, "sh"]).arg(command.get_program()).args(command.get_args()).env_clear();
    outer.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    outer.current_dir(command.get_current_dir().expect("a folder"));
    outer.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    outer
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", child.id())]).status();
    assert!(sent.expect("a shell").success());
}

/// The session after its end.
fn ended(admin: &Client) -> Value {
    until(admin, &id(&only(admin)), |now| ["completed", "failed", "killed"].iter().any(|end| now["status"] == *end))
}

fn reason(session: &Value) -> String {
    session["statusReason"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_signal_ends_the_command_and_the_session_says_which() {
    for (name, told, code) in
        [("HUP", "SIGHUP", 143), ("INT", "SIGINT", 143), ("TERM", "SIGTERM", 143), ("QUIT", "SIGQUIT", 143)]
    {
        let (folder, server, admin) = given();
        let script = "echo ready; sleep 600 & echo $! > child; wait";
        let (child, _output, _) = begun(wrapped(folder.path(), &server, &[], script));
        signal(&child, name);
        assert_eq!(child.wait_with_output().expect("it ends").status.code(), Some(code), "{name}");
        let session = ended(&admin);
        assert_eq!(session["status"], "failed");
        assert!(reason(&session).contains(told), "{session}");
        let pid = std::fs::read_to_string(folder.path().join("child")).unwrap_or_default();
        assert!(pid.is_empty() || !Path::new(&format!("/proc/{}", pid.trim())).exists(), "its child is gone too");
    }
}

#[test]
fn what_is_started_to_outlive_its_terminal_does() {
    let (folder, server, admin) = given();
    let command = wrapped(folder.path(), &server, &[], "echo ready; while [ ! -e go ]; do sleep 0.02; done; echo done");
    let (child, output, _) = begun(behind("trap '' HUP; exec \"$@\"", &command));
    signal(&child, "HUP");
    std::fs::write(folder.path().join("go"), "").expect("written");
    assert_eq!(output.lines().next().expect("a line").expect("text"), "done");
    assert!(child.wait_with_output().expect("it ends").status.success());
    assert_eq!(ended(&admin)["status"], "completed");
}

#[test]
fn what_cannot_be_started_ends_the_session_with_the_reason() {
    let cases: [(&str, &str, &str); 3] = [
        (
            "mkdir gone && cd gone && rmdir ../gone && exec \"$@\"",
            "echo ran",
            "the folder that it was to run in is gone",
        ),
        ("TMPDIR=/nowhere exec \"$@\"", "echo ran", "cannot prepare to run the command"),
        ("exec \"$@\"", "exec /no/such/program", "exit code 127"),
    ];
    for (shell, script, why) in cases {
        let (folder, server, admin) = given();
        let output = behind(shell, &wrapped(folder.path(), &server, &[], script)).output().expect("it runs");
        assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
        // All is said when it has ended.
        let session = only(&admin);
        assert_eq!(session["status"], "failed");
        assert!(reason(&session).contains(why), "{session}");
    }
}

#[test]
fn nobody_who_looks_is_no_reason_to_end() {
    let (folder, server, admin) = given();
    let script = "echo ready; while [ ! -e go ]; do sleep 0.02; done; i=0; while [ $i -lt 300 ]; do echo $i; echo e$i >&2; i=$((i+1)); done";
    let (mut child, output, _) = begun(wrapped(folder.path(), &server, &[], script));
    drop((output, child.stderr.take()));
    std::fs::write(folder.path().join("go"), "").expect("written");
    assert!(child.wait().expect("it ends").success());
    let session = ended(&admin);
    assert_eq!(session["status"], "completed");
    let said = said(&admin, &id(&session));
    assert!(said.contains(&"assistant: 299".to_owned()) && said.contains(&"system: e299".to_owned()));
}

#[test]
fn a_parent_that_dies_is_no_reason_to_end() {
    let (folder, server, admin) = given();
    let command = wrapped(folder.path(), &server, &[], "echo ready; while [ ! -e go ]; do sleep 0.02; done");
    let (mut shell, output, _) = begun(behind("\"$@\" & wait", &command));
    shell.kill().expect("it is there");
    shell.wait().expect("it ends");
    drop(output);
    assert_eq!(only(&admin)["status"], "running");
    std::fs::write(folder.path().join("go"), "").expect("written");
    assert_eq!(ended(&admin)["status"], "completed");
}

#[test]
fn an_environment_that_is_no_text_is_passed_on_as_far_as_it_is() {
    let (folder, server, admin) = given();
    let mut command = wrapped(folder.path(), &server, &[], "echo \"$GOOD\"");
    command.env("GOOD", "yes").env("ODD", OsStr::from_bytes(b"\xff"));
    let output = command.output().expect("it runs");
    assert_eq!(output.stdout, b"yes\n", "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("ODD is not passed on"));
    assert_eq!(ended(&admin)["status"], "completed");
}

#[test]
fn a_kill_waits_for_nobody_who_does_not_read_or_look() {
    let (folder, server, admin) = given();
    // It does not end when it is asked to, and writes more meanwhile than is held for a terminal.
    let script = "trap '' TERM; echo ready; while [ ! -e go ]; do sleep 0.02; done; \
                  yes $(printf '%01000d' 0) | head -c 16000000";
    // Nobody reads the output of this command, so its echo comes to a stand.
    let (child, mut output, _) = begun(wrapped(folder.path(), &server, &[], script));
    let agent = id(&only(&admin));
    let large = "x".repeat(200_000);
    admin.post(&format!("/agents/{agent}/inject"), &json!({"message": large}));
    std::fs::write(folder.path().join("go"), "").expect("written");
    let (status, killed) = admin.post(&format!("/agents/{agent}/kill?wait=30s"), &json!({}));
    assert_eq!((status, &killed["status"]), (200, &json!("killed")), "{killed}");
    let rest = std::thread::spawn(move || output.read_to_end(&mut Vec::new()));
    child.wait_with_output().expect("it ends");
    rest.join().expect("no panic").expect("read");
    let lost = last(&admin, &agent).iter().any(|it| it.to_string().contains("could not be read in time"));
    assert!(!lost, "a terminal that takes nothing keeps nothing from being reported");
    let receipt = receipt(&admin, &agent);
    assert_eq!(receipt["state"], "undeliverable", "{receipt}");
}

/// The last messages of a conversation.
fn last(admin: &Client, agent: &str) -> Vec<Value> {
    let seq = admin.get(&format!("/agents/{agent}/status")).1["lastSeq"].as_u64().expect("a seq");
    let page = admin.get(&format!("/agents/{agent}/messages?before={}&limit=20", seq + 1)).1;
    page["messages"].as_array().expect("messages").clone()
}

/// What became of the operator's message.
fn receipt(admin: &Client, agent: &str) -> Value {
    let messages = admin.get(&format!("/agents/{agent}/messages?limit=1000")).1;
    let messages = messages["messages"].as_array().expect("messages").clone();
    messages.iter().find(|it| it["role"] == "operator").expect("the message")["receipt"].clone()
}

#[test]
fn what_was_read_last_is_consumed_and_what_was_not_says_why() {
    for (script, state) in [
        ("echo ready; read x; echo got $x", "consumed"),
        ("echo ready; while [ ! -e go ]; do sleep 0.02; done", "undeliverable"),
    ] {
        let (folder, server, admin) = given();
        let (child, _output, _) = begun(wrapped(folder.path(), &server, &[], script));
        let agent = id(&only(&admin));
        admin.post(&format!("/agents/{agent}/inject"), &json!({"message": "hello there"}));
        while !["delivered", "consumed"]
            .iter()
            .any(|word| receipt(&admin, &agent)["state"] == *word || ended_is(&admin, &agent))
        {
            std::thread::yield_now();
        }
        std::fs::write(folder.path().join("go"), "").expect("written");
        assert!(child.wait_with_output().expect("it ends").status.success());
        let receipt = receipt(&admin, &agent);
        assert_eq!(receipt["state"], state, "{receipt}");
        if state == "undeliverable" {
            assert!(receipt["reason"].as_str().is_some_and(|why| why.contains("ended")), "{receipt}");
        }
    }
}

fn ended_is(admin: &Client, agent: &str) -> bool {
    admin.get(&format!("/agents/{agent}/status")).1["status"] == "completed"
}

#[test]
fn a_prompt_without_a_line_end_is_shown_at_once() {
    let (folder, server, admin) = given();
    let mut command = wrapped(folder.path(), &server, &[], "printf 'Password: '; read x; echo; echo \"got $x\"");
    let mut child = command.spawn().expect("it starts");
    let mut output = BufReader::new(child.stdout.take().expect("its output"));
    let mut prompt = [0; 10];
    output.read_exact(&mut prompt).expect("the prompt");
    assert_eq!(&prompt, b"Password: ");
    let agent = id(&only(&admin));
    admin.post(&format!("/agents/{agent}/inject"), &json!({"message": "open sesame"}));
    assert_eq!(output.lines().nth(1).expect("a line").expect("text"), "got open sesame");
    assert!(child.wait_with_output().expect("it ends").status.success());
    let said = said(&admin, &agent);
    assert!(said.contains(&"assistant: Password: ".to_owned()), "{said:?}");
}
