//! Hooks over HTTP and through the command.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use flightdeck_agent_io::mutants::{Numbers, mutant};
use serde_json::{Value, json};

use crate::support::process::Server;

fn body(event: &str, fields: &Value) -> Value {
    let mut body = json!({"session_id": "claude-1", "cwd": "/home/ana/shop", "hook_event_name": event});
    body.as_object_mut().expect("an object").extend(fields.as_object().cloned().expect("an object"));
    body
}

fn tool() -> Value {
    body("PreToolUse", &json!({"tool_name": "Bash", "tool_input": {"command": "ls"}, "tool_use_id": "toolu_1"}))
}

/// Runs `flightdeck hook claude-code` as Claude Code would.
fn hook(folder: &Path, url: &str, key: &str, arguments: &[&str], body: &Value) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flightdeck"));
    command.args(["hook", "claude-code", "--url", url]).args(arguments).env_clear().env("FLIGHTDECK_API_KEY", key);
    let mut child = command
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    // Whoever does not read it has answered without.
    let _ = child.stdin.take().expect("its input").write_all(body.to_string().as_bytes());
    child.wait_with_output().expect("it ends")
}

fn json_of(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

#[test]
fn hooks_over_http_and_by_command_are_one_session() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(&folder.path().join("data"));
    let (admin, url, key) = (server.admin(), format!("http://{}", server.address), server.admin_key());
    let start = body("SessionStart", &json!({"source": "startup"}));
    let quiet = hook(folder.path(), &url, &key, &["--mission", "apollo 11/b"], &start);
    assert!(quiet.stdout.is_empty(), "{quiet:?}");
    assert_eq!(admin.post("/hooks/claude-code", &body("UserPromptSubmit", &json!({"prompt": "go"}))), (200, json!({})));
    let agents = admin.get("/agents").1;
    assert_eq!((agents.as_array().map(Vec::len), &agents[0]["missionId"]), (Some(1), &json!("apollo 11/b")));
    let agent = agents[0]["agentId"].as_str().expect("an id");
    let told = admin.post(&format!("/agents/{agent}/inject"), &json!({"message": "look here"}));
    assert_eq!(told.0, 200, "{told:?}");
    let answer = json_of(&hook(folder.path(), &url, &key, &[], &tool()));
    assert_eq!(answer["hookSpecificOutput"]["additionalContext"], "Message from the operator: look here");

    admin.post(&format!("/agents/{agent}/pause?wait=0s"), &json!({"reason": "lunch"}));
    let (status, held) = admin.post("/hooks/claude-code?hold=1s", &tool());
    assert_eq!((status, &held["hookSpecificOutput"]["permissionDecision"]), (200, &json!("deny")), "{held}");
    admin.post(&format!("/agents/{agent}/kill?wait=0s"), &json!({}));
    let stopped = json_of(&hook(folder.path(), &url, &key, &[], &tool()));
    assert_eq!((&stopped["continue"], &stopped["stopReason"]), (&json!(false), &json!("Stopped by an operator")));
    assert_eq!(stopped["hookSpecificOutput"]["permissionDecision"], "deny");
    assert_eq!(admin.get(&format!("/agents/{agent}/status")).1["status"], "killed");
}

#[test]
fn without_a_server_the_agent_works_on_unless_told_otherwise() {
    let folder = tempfile::tempdir().expect("a folder");
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", nobody.local_addr().expect("an address"));
    drop(nobody);
    let allowed = hook(folder.path(), &url, "fd_x_y", &[], &tool());
    assert_eq!((allowed.status.code(), allowed.stdout.len()), (Some(0), 0), "{allowed:?}");
    let said = String::from_utf8_lossy(&allowed.stderr).into_owned();
    assert!(said.contains("cannot be reached"), "{said}");
    let denied = hook(folder.path(), &url, "fd_x_y", &["--unreachable", "deny"], &tool());
    assert_eq!(denied.status.code(), Some(2), "{denied:?}");
}

#[test]
fn what_the_server_refuses_leaves_the_agent_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(&folder.path().join("data"));
    let url = format!("http://{}", server.address);
    for (key, body) in [("fd_000000000000_wrong", tool()), (server.admin_key().as_str(), json!({"no": "hook"}))] {
        let output = hook(folder.path(), &url, key, &[], &body);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0), "{output:?}");
        assert!(!output.stderr.is_empty());
    }
}

#[test]
fn a_body_that_cannot_be_read_stops_nobody_who_works_and_lets_nobody_go_on_who_is_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(&folder.path().join("data"));
    let (admin, url, key) = (server.admin(), format!("http://{}", server.address), server.admin_key());
    let whole = tool().to_string();
    let long = body("PreToolUse", &json!({"tool_name": "Write", "tool_input": {"content": "x".repeat(4_300_000)}}));
    let bodies = [
        whole.replace("\"ls\"", "\"deploy # \\udc1d\"").into_bytes(),
        long.to_string().into_bytes(),
        [&whole.as_bytes()[..whole.len() - 30], &b"caf\xe9\""[..]].concat(),
        whole.replace("\"ls\"", &format!("{}{}", "[".repeat(9_000), "]".repeat(9_000))).into_bytes(),
        whole.as_bytes()[..whole.len() - 40].to_vec(),
    ];
    for body in &bodies {
        assert_eq!(admin.post_bytes("/hooks/claude-code", body), (200, json!({})));
    }
    let agents = admin.get("/agents").1;
    assert_eq!(agents.as_array().map(Vec::len), Some(1), "{agents}");
    let agent = agents[0]["agentId"].as_str().expect("an id");
    admin.post(&format!("/agents/{agent}/kill?wait=0s"), &json!({"reason": "wrong branch"}));
    for body in &bodies {
        let (status, answer) = admin.post_bytes("/hooks/claude-code", body);
        let output = &answer["hookSpecificOutput"];
        assert_eq!((status, &output["permissionDecision"], &answer["continue"]), (200, &json!("deny"), &json!(false)));
        assert_eq!(output["permissionDecisionReason"], "Stopped by an operator: wrong branch");
    }
    let huge = body("PreToolUse", &json!({"tool_name": "Write", "tool_input": {"content": "x".repeat(17 << 20)}}));
    let stopped = json_of(&hook(folder.path(), &url, &key, &[], &huge));
    assert_eq!(stopped["hookSpecificOutput"]["permissionDecision"], "deny");
}

#[test]
fn an_agents_key_sees_its_hooks_below_its_own_session() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let server = Server::start(&data);
    let admin = server.admin();
    let own = admin.register(None);
    let mut create =
        crate::support::process::flightdeck(&data, &["keys", "create", "--role", "agent", "--session", &own, "-q"]);
    let key = String::from_utf8(create.output().expect("it runs").stdout).expect("a key");
    let agent = server.client(key.trim());
    assert_eq!(agent.post("/hooks/claude-code", &tool()).0, 200);
    let tree = admin.get(&format!("/agents/tree?root={own}")).1;
    assert_eq!(tree.as_array().map(Vec::len), Some(2), "{tree}");
    let mut other = tool();
    other["session_id"] = "claude-2".into();
    assert_eq!(admin.post("/hooks/claude-code", &other).0, 200);
    assert_eq!(agent.post("/hooks/claude-code", &other).0, 403);
}

/// Bodies as they come from Claude Code, and what can happen to them on their way.
struct Mutations(Numbers);

impl Mutations {
    fn next(&mut self) -> Vec<u8> {
        let common = json!({"session_id": "claude-1", "transcript_path": "/home/ana/.claude/projects/-x/claude-1.jsonl",
            "cwd": "/home/ana/shop", "prompt_id": "p1", "permission_mode": "default", "effort": {"level": "medium"}});
        let input = json!({"command": "echo 'é 😀' && ls", "description": "d", "deep": [[[{"a": [1, null, -2.5e3]}]]]});
        let more = [
            json!({"hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_input": input, "tool_use_id": "toolu_1"}),
            json!({"agent_id": "a1", "agent_type": "Explore", "hook_event_name": "PreToolUse", "tool_name": "Bash",
                "tool_input": input, "tool_use_id": "toolu_2"}),
            json!({"hook_event_name": "PostToolUse", "tool_name": "Bash", "tool_input": input, "tool_use_id": "toolu_1",
                "tool_response": {"stdout": "a\nb", "stderr": "", "interrupted": false}}),
            json!({"hook_event_name": "UserPromptSubmit", "prompt": "Rename \u{1f600} it"}),
        ];
        let mut body = common;
        let fields = more[self.0.below(more.len())].as_object().cloned().expect("an object");
        body.as_object_mut().expect("an object").extend(fields);
        let bytes = mutant(body.to_string().as_bytes(), &mut self.0);
        // Without a body there is no hook.
        if bytes.is_empty() { b"{".to_vec() } else { bytes }
    }
}

/// `FLIGHTDECK_MUTATIONS` says how many.
#[test]
fn no_mutated_body_ends_anything_or_gets_past_the_kill_switch() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(&folder.path().join("data"));
    let admin = server.admin();
    let count = std::env::var("FLIGHTDECK_MUTATIONS").ok().and_then(|count| count.parse().ok()).unwrap_or(200);
    let mut mutations = Mutations(Numbers::new(17));
    for _ in 0..count {
        let body = mutations.next();
        let (status, answer) = admin.post_bytes("/hooks/claude-code", &body);
        // Of one that is read whole and is no hook its sender is told; nobody is stopped or held here.
        let is_well = status == 200 || (status == 400 && answer["detail"].as_str().is_some_and(|why| !why.is_empty()));
        assert!(is_well, "{status} {answer}: {}", String::from_utf8_lossy(&body));
    }
    admin.post("/agents/kill-all?wait=0s", &json!({"reason": "drill"}));
    for _ in 0..count {
        let body = mutations.next();
        let (status, answer) = admin.post_bytes("/hooks/claude-code", &body);
        assert_eq!((status, &answer["continue"]), (200, &json!(false)), "{answer}: {}", String::from_utf8_lossy(&body));
        let is_before = String::from_utf8_lossy(&body).contains("\"hook_event_name\":\"PreToolUse\"");
        if is_before && answer.get("hookSpecificOutput").is_some() {
            assert_eq!(answer["hookSpecificOutput"]["permissionDecision"], "deny", "{answer}");
        }
    }
    assert_eq!(admin.get("/health/ready").0, 200);
}
