//! Wrapped agents: what they write is told, counted once, and taken by the server.

use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use super::mutate::{RECORDED, mutated};
use super::run::{begun, id, only, ran, said, until, wrapped};
use crate::support::http::Client;
use crate::support::process::Server;

fn given() -> (tempfile::TempDir, Server, Client) {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(&folder.path().join("data"));
    let admin = server.admin();
    (folder, server, admin)
}

/// Runs something that writes these lines.
fn wrote(folder: &Path, server: &Server, flags: &[&str], lines: &[u8]) -> Output {
    std::fs::write(folder.join("lines"), lines).expect("written");
    let output = ran(folder, server, flags, "cat lines");
    assert!(output.status.success(), "{output:?}");
    output
}

fn lines(events: &[Value]) -> Vec<u8> {
    events.iter().flat_map(|event| format!("{event}\n").into_bytes()).collect()
}

fn tokens(usage: &Value) -> [u64; 4] {
    ["inputTokens", "outputTokens", "cacheReadTokens", "cacheWriteTokens"]
        .map(|name| usage[name].as_u64().expect("a number"))
}

#[test]
fn a_budget_acts_within_a_turn() {
    let (folder, server, admin) = given();
    let answer = |n: u64| {
        let usage = json!({"input_tokens": 51_000, "output_tokens": 1_000});
        json!({"type": "assistant", "message": {"id": format!("m{n}"), "model": "opus", "content": "on it", "usage": usage}})
    };
    std::fs::write(folder.path().join("lines"), lines(&[answer(1), answer(2), answer(3), answer(4)])).expect("written");
    let script =
        "echo ready; while [ ! -e go ]; do sleep 0.02; done; cat lines; while :; do echo >> beats; sleep 0.02; done";
    let (child, _output, _) = begun(wrapped(folder.path(), &server, &["--preset", "claude"], script));
    let agent = id(&only(&admin));
    let (status, set) = admin.put(&format!("/agents/{agent}/budget"), &json!({"maxTokens": 100_000}));
    assert_eq!(status, 200, "{set}");
    std::fs::write(folder.path().join("go"), "").expect("written");
    until(&admin, &agent, |now| now["status"] == "paused");
    let usage = admin.get(&format!("/agents/{agent}/usage")).1;
    assert_eq!(tokens(&usage["own"]), [204_000, 4_000, 0, 0], "{usage}");
    // Paused is frozen: it goes on only after it is resumed.
    let beats = || std::fs::metadata(folder.path().join("beats")).map(|file| file.len()).unwrap_or_default();
    let stood = beats();
    admin.post(&format!("/agents/{agent}/resume?wait=20s"), &json!({}));
    while beats() <= stood {
        std::thread::yield_now();
    }
    admin.post(&format!("/agents/{agent}/kill?wait=20s"), &json!({}));
    child.wait_with_output().expect("it ends");
    let usage = admin.get(&format!("/agents/{agent}/usage")).1;
    assert_eq!(tokens(&usage["own"]), [204_000, 4_000, 0, 0], "a killed run has its tokens");
}

#[test]
fn a_long_result_is_one_message_and_its_cost_is_counted() {
    let (folder, server, admin) = given();
    let models = json!({"opus": {"inputTokens": 700, "outputTokens": 40, "costUSD": 0.005_67}});
    let result = json!({"type": "result", "subtype": "success", "is_error": false, "result": "QUJD".repeat(330_000),
        "total_cost_usd": 0.005_670_000_000_000_000_6, "modelUsage": models});
    wrote(folder.path(), &server, &["--preset", "claude", "-q"], &lines(&[result]));
    let agent = only(&admin);
    assert_eq!(said(&admin, &id(&agent)), ["system: turn ended (success)"]);
    let usage = admin.get(&format!("/agents/{}/usage", id(&agent))).1;
    assert_eq!(usage["own"]["costUsd"], json!(0.00567), "{usage}");
}

#[test]
fn totals_go_on_over_a_resume_and_are_counted_once() {
    let (folder, server, admin) = given();
    let run = |input: u64, cached: u64, output: u64| {
        let usage = json!({"input_tokens": input, "cached_input_tokens": cached, "output_tokens": output});
        let events = [
            json!({"type": "thread.started", "thread_id": "01a2235a-b433-7943-8116-e1966cee2a1f"}),
            json!({"type": "turn.completed", "usage": usage}),
        ];
        wrote(folder.path(), &server, &["--preset", "codex", "--mission", "apollo"], &lines(&events));
    };
    run(1_000, 0, 100);
    run(3_000, 800, 250);
    run(4_000, 1_600, 300);
    let usage = admin.get("/missions/apollo").1;
    assert_eq!(tokens(&usage["usage"]), [2_400, 300, 1_600, 0], "{usage}");
    let runs = admin.get("/agents?providerSessionId=01a2235a-b433-7943-8116-e1966cee2a1f").1;
    assert_eq!(runs.as_array().map(Vec::len), Some(3), "{runs}");
    assert!(runs.as_array().expect("runs").iter().all(|run| run["status"] == "completed"), "{runs}");
}

#[test]
fn the_first_line_behind_a_byte_order_mark_is_read_and_nothing_odd_is_lost() {
    let (folder, server, admin) = given();
    let mut odd = b"\xef\xbb\xbf{\"role\":\"tool\",\"content\":\"first\"}\r\ncaf\xe9\n{\"role\":\"tool\",\"content\":\"cut \\ud83d\"}\n".to_vec();
    odd.extend([b"nul\0".as_slice(), b"\nno end"].concat());
    let output = wrote(folder.path(), &server, &[], &odd);
    assert_eq!(output.stdout, odd, "what is shown is as it was written");
    let told =
        ["tool: first", "assistant: caf\u{fffd}", "tool: cut \u{fffd}", "assistant: nul\u{fffd}", "assistant: no end"];
    assert_eq!(said(&admin, &id(&only(&admin))), told);
}

#[test]
fn the_server_takes_all_that_becomes_of_broken_lines() {
    let (folder, server, admin) = given();
    for (preset, recorded) in RECORDED {
        let mut all = mutated(recorded, 1, 400).join(&b'\n');
        all.push(b'\n');
        let output = wrote(folder.path(), &server, &["--preset", preset, "-q"], &all);
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{preset}");
    }
    let runs = admin.get("/agents?status=completed").1;
    assert_eq!(runs.as_array().map(Vec::len), Some(RECORDED.len()), "{runs}");
}
