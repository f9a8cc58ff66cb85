//! What commands print and end with.

use crate::given::Desk;
use crate::support::process::{flightdeck, run, told};

#[test]
fn looking() {
    let desk = Desk::with_fleet();
    insta::assert_snapshot!(desk.transcript(&[
        &["tree"],
        &["tree", "--live"],
        &["ps"],
        &["ps", "--all", "--status", "failed"],
        &["missions"],
        &["show", "0c0e8b11"],
        &["show", "0c0e8b22"],
        &["logs", "0c0e8b11"],
        &["logs", "0c0e8b11", "--tail", "1"],
        &["logs", "0c0e8b11", "--after", "1", "--json"],
        &["approvals"],
        &["approvals", "show", "0e0e8b44"],
    ]));
}

/// These agents report by themselves, and none of them obeys: nothing is said to be done that was not seen.
#[test]
fn stepping_in() {
    let desk = Desk::with_fleet();
    insta::assert_snapshot!(desk.transcript(&[
        &["pause", "0c0e8b11", "--wait", "0s", "--reason", "lunch"],
        &["inject", "0c0e8b11", "How is it going?", "--wait", "0s"],
        &["approvals", "allow", "0e0e8b44", "--reason", "reviewed"],
        &["approvals", "reject", "0e0e8b44"],
        &["approvals"],
        &["approvals", "--all"],
        &["kill", "0c0e8b11", "--scope", "subtree"],
        &["kill", "0c0e8b11", "--scope", "subtree", "--yes", "--wait", "0s"],
        &["pause", "0d0e8b33", "--wait", "0s"],
        &["kill-all"],
        &["kill-all", "--yes", "--wait", "0s"],
        &["spawn", "--type", "robot", "--task", "R-1", "--provider", "scripted"],
        &["kill-all", "--release"],
        &["audit", "list", "--action", "kill"],
        &["audit", "list", "--session", "0c0e8b11"],
    ]));
}

/// What was used, what may be used, what was asked for, and what was said.
#[test]
fn accounts_and_operations() {
    let desk = Desk::with_fleet();
    let said = serde_json::json!([
        {"role": "assistant", "content": "Comparing the ledgers.",
            "usage": {"inputTokens": 12_000, "outputTokens": 800, "cacheReadTokens": 3_200, "costUsd": 0.25}},
        {"role": "assistant", "content": "All ledgers agree.", "usage": {"outputTokens": 50}},
    ]);
    assert_eq!(desk.server.admin().post(&format!("/agents/{}/messages", crate::given::LEAD), &said).0, 201);
    insta::assert_snapshot!(desk.transcript(&[
        &["usage"],
        &["usage", "0c0e8b11"],
        &["usage", "--mission", "ledger"],
        &["usage", "--mission", "nothing"],
        &["budget", "set", "0c0e8b11", "--max-cost", "25", "--reason", "the cap of the task"],
        &["budget", "set", "--mission", "ledger", "--max-tokens", "5000000"],
        &["budget", "set", "--mission", "ledger", "--max-cost-per-day", "5", "--max-tokens-per-month", "900000"],
        &["budget", "show", "0c0e8b11"],
        &["usage", "--mission", "ledger"],
        &["usage", "--by", "model,mission", "--from", "2026-01-01", "--to", "2026-01-02"],
        &["guard", "ledger"],
        &["guard", "ledger", "off", "--reason", "its agents poll"],
        &["budget", "remove", "0c0e8b11", "--reason", "done"],
        &["budget", "set", "0c0e8b11"],
        &["budget", "set", "0c0e8b11", "--max-cost", "much"],
        &["audit", "list", "--action", "budget_set"],
        &["pause", "0c0e8b11", "--scope", "subtree", "--yes", "--wait", "0s", "--reason", "lunch"],
        &["operations"],
        &["operations", "--open"],
        &["operations", "show", "0198c1f0-7d3e-7c2a-9a51-000000000000"],
        &["search", "0c0e8b11", "ledger"],
        &["search", "0c0e8b11", "LEDGERS", "-n", "1"],
        &["search", "0c0e8b11", "nothing of the kind"],
        &["providers"],
    ]));
}

#[test]
fn mistakes() {
    let desk = Desk::with_fleet();
    insta::assert_snapshot!(desk.transcript(&[
        &["show", "0198c1f0"],
        &["show", "fff"],
        &["show", "xy"],
        &["pause", "0c0e8b11", "--wait", "soon"],
        &["logs", "0c0e8b11", "--after", "99", "-f"],
        &["spawn", "--type", "robot", "--task", "R-1", "--provider", "nobody"],
        &["spawn", "--type", "robot", "--task", "R-1"],
        &["spawn", "--type", "robot", "--task", "R-1", "--context", "[]"],
        &["inject", "0c0e8b11", " "],
        &["ps", "--status", "sleeping"],
        &["tree", "--watch"],
    ]));
}

#[test]
fn no_server_and_no_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let data_dir = folder.path().join("data");
    let ends = |arguments: &[&str], variables: &[(&str, &str)]| {
        let output = run(flightdeck(&data_dir, arguments).envs(variables.iter().copied()));
        (output.status.code().expect("it ends by itself"), told(&output).1)
    };
    let (code, text) = ends(&["ps"], &[]);
    assert_eq!(code, 4, "{text}");
    assert!(text.contains("FLIGHTDECK_API_KEY is not set") && text.contains("admin.key"), "{text}");
    let nobody = [("FLIGHTDECK_API_KEY", "fd_x"), ("FLIGHTDECK_URL", "http://127.0.0.1:1")];
    let (code, text) = ends(&["ps"], &nobody);
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("no server answers at http://127.0.0.1:1; start one"), "{text}");

    let desk = Desk::empty();
    let wrong = run(flightdeck(&desk.data_dir, &["ps"]).env("FLIGHTDECK_API_KEY", "fd_x"));
    assert_eq!(wrong.status.code(), Some(4), "{}", told(&wrong).1);
    // The key that opens everything here is not sent elsewhere.
    let elsewhere = run(&mut flightdeck(&desk.data_dir, &["ps", "--url", "http://deck.example:7600"]));
    assert_eq!(elsewhere.status.code(), Some(4), "{}", told(&elsewhere).1);
    assert!(told(&elsewhere).1.contains("is not sent to http://deck.example:7600"), "{}", told(&elsewhere).1);
}

#[test]
fn a_server_is_found_by_its_data_folder_as_long_as_it_runs() {
    let desk = Desk::empty();
    let file = desk.data_dir.join("server.url");
    let published = std::fs::read_to_string(&file).expect("it is there");
    assert_eq!(published.trim(), format!("http://{}", desk.server.address));
    assert_eq!(desk.run(&["ps"]).status.code(), Some(0));
    let Desk { server, data_dir, .. } = desk;
    let (status, _) = server.terminate();
    assert!(status.success());
    assert!(!data_dir.join("server.url").exists());
}

#[test]
fn a_login_link_of_the_start_and_of_the_command_logs_in() {
    let desk = Desk::empty();
    let printed = desk.server.banner.split_whitespace().find(|word| word.contains("/login/")).expect("a link");
    let (made, _) = told(&desk.run(&["login"]));
    let agent = ureq::Agent::config_builder().max_redirects(0).max_redirects_will_error(false).build().new_agent();
    for link in [printed, made.trim()] {
        let opened = agent.get(link).call().expect("an answer");
        assert_eq!(opened.status().as_u16(), 303, "{link}");
        let cookie = opened.headers()["set-cookie"].to_str().expect("a text");
        let cookie = cookie.split(';').next().expect("a pair");
        let url = format!("http://{}/me", desk.server.address);
        let me = agent.get(&url).header("Cookie", cookie).call().expect("an answer").body_mut().read_to_string();
        assert!(me.expect("a text").contains("\"role\":\"admin\""));
    }
}

#[test]
fn completions_know_the_commands() {
    let folder = tempfile::tempdir().expect("a folder");
    for shell in ["bash", "zsh", "fish"] {
        let mut command = flightdeck(&folder.path().join("data"), &[]);
        let program = command.get_program().to_owned();
        command = std::process::Command::new(program);
        let (out, err) = told(&run(command.args(["completions", shell]).env_clear().current_dir(folder.path())));
        assert!(["kill-all", "drop-queued", "approvals"].iter().all(|word| out.contains(word)), "{shell}: {err}");
    }
}
