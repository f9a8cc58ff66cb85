//! Where an agent works and which credentials it is given, by the context of its session.
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::path::{Path, PathBuf};

use flightdeck_domain::action::Intervention;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::ports::SpawnError;
use flightdeck_domain::session::SessionStatus;
use flightdeck_domain::use_cases::SpawnSessionError;
use flightdeck_provider_acp::{AgentConfig, Settings};
use serde_json::{Value, json};
use support::{Deck, config, pause};

/// Folders of a test, without links in its path.
fn folders(names: &[&str]) -> (tempfile::TempDir, PathBuf) {
    let kept = tempfile::tempdir().expect("a folder");
    let outer = kept.path().canonicalize().expect("there");
    for name in names {
        std::fs::create_dir_all(outer.join(name)).expect("made");
    }
    (kept, outer)
}

fn link(to: &Path, at: &Path) {
    std::os::unix::fs::symlink(to, at).expect("linked");
}

fn repository(folder: &Path) {
    for args in [&["init", "--quiet"][..], &["commit", "--quiet", "--allow-empty", "-m", "first"]] {
        let identity = ["-c", "user.name=x", "-c", "user.email=x@x"];
        let done = std::process::Command::new("git").arg("-C").arg(folder).args(identity).args(args).output();
        assert!(done.expect("git runs").status.success(), "{args:?}");
    }
}

async fn refused(deck: &Deck, context: Value) -> (String, String) {
    match deck.spawn_as("tester", "cwd", context).await.expect_err("refused") {
        SpawnSessionError::Provider(SpawnError::Invalid { field, problem }) => (field.into_owned(), problem),
        other => panic!("{other:?}"),
    }
}

/// Waits until a start has failed, and says why.
async fn why_failed(deck: &Deck, id: SessionId) -> String {
    loop {
        let session = deck.session(id).await;
        match session.status {
            SessionStatus::Failed => return session.status_reason.expect("a reason").to_string(),
            SessionStatus::Idle => panic!("it started: {:?}", deck.told(id).await),
            _ => pause().await,
        }
    }
}

/// The folder of the worktree of a session.
fn worktree(deck: &Deck, id: SessionId) -> PathBuf {
    deck.folder.path().canonicalize().expect("there").join("worktrees").join(id.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_works_in_the_folder_that_its_context_chooses() {
    let (_kept, outer) = folders(&["root/own", "other"]);
    link(&outer.join("other"), &outer.join("root/out"));
    let cwd = Some(outer.join("root"));
    let deck = Deck::new(vec![AgentConfig { roots: vec![outer.join("root")], cwd, ..config("tester", &[]) }]);
    for chosen in [json!("own"), json!(outer.join("root/own"))] {
        let id = deck.spawn_as("tester", "cwd", json!({"cwd": chosen})).await.expect("spawned");
        deck.until_told(id, &format!("assistant: {}", outer.join("root/own").display())).await;
    }
    for outside in ["out", "..", "../other", "missing"] {
        let (field, problem) = refused(&deck, json!({"cwd": outside})).await;
        assert_eq!(field, "context.cwd");
        assert!(problem.starts_with(&format!("there is no folder {outside:?} within the setting roots")), "{problem}");
    }
    let (field, problem) = refused(&Deck::one(), json!({"cwd": "/tmp"})).await;
    assert!(field == "context.cwd" && problem.contains("has no setting roots"), "{field}: {problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_replaced_by_a_link_before_the_start_is_not_used() {
    let (_kept, outer) = folders(&["root/own", "other"]);
    let agent = AgentConfig { roots: vec![outer.join("root")], at_once: 1, ..config("tester", &[]) };
    let deck = Deck::new(vec![agent]);
    let first = deck.spawn("wait 3600000").await;
    deck.until(first, SessionStatus::Running).await;
    let second =
        deck.spawn_as("tester", "cwd", json!({"cwd": outer.join("root/own")})).await.expect("it waits for a place");
    std::fs::remove_dir(outer.join("root/own")).expect("removed");
    link(&outer.join("other"), &outer.join("root/own"));
    deck.act(first, Intervention::Kill).await.expect("accepted");
    let reason = why_failed(&deck, second).await;
    assert!(reason.contains("context.cwd: there is no folder"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_gets_the_credentials_that_are_named_and_its_servers_of_tools_keep_theirs() {
    let credentials = ["KEY", "TOKEN"].map(|name| (name.to_owned(), format!("mum-{name}"))).into();
    let servers = vec![json!({"name": "db", "command": "db-mcp", "args": [], "env": [{"name": "A", "value": "hush"}]})];
    let settings = Settings { mcp_servers: servers, ..Settings::default() };
    let deck = Deck::new(vec![AgentConfig { credentials, settings, ..config("tester", &[]) }]);
    for (context, expected) in [
        (json!({}), ["mum-KEY", "[credential TOKEN]"]),
        (json!({"env": ["TOKEN"]}), ["none", "[credential TOKEN]"]),
        (json!({"env": []}), ["none", "none"]),
    ] {
        let id =
            deck.spawn_as("tester", "env KEY\ntool a b\nenv TOKEN\ntool c d\nset\ntool e f\nenv GIVEN", context).await;
        let id = id.expect("spawned");
        deck.until(id, SessionStatus::Idle).await;
        let told = deck.told(id).await;
        let said: Vec<&str> = told.iter().filter_map(|line| line.strip_prefix("assistant: ")).collect();
        assert_eq!(said, [expected[0], expected[1], "mcp=1", "yes"]);
    }
    let (field, problem) = refused(&deck, json!({"env": ["KEY", "PATH"]})).await;
    assert_eq!(field, "context.env");
    assert_eq!(problem, "names \"PATH\", which is no credential of agent tester; it has KEY, TOKEN");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_context_chooses_whether_its_session_gets_a_worktree() {
    let (_kept, outer) = folders(&["repository"]);
    let repository_folder = outer.join("repository");
    repository(&repository_folder);
    let cwd = Some(repository_folder.clone());
    let without = AgentConfig { cwd: cwd.clone(), ..config("without", &[]) };
    let with = AgentConfig { cwd, worktree: true, ..config("tester", &[]) };
    let optional =
        AgentConfig { worktree_optional: true, ..AgentConfig { name: "optional".to_owned(), ..with.clone() } };
    let deck = Deck::new(vec![without, with, optional]);
    for (agent, context, is_own) in [
        ("without", json!({"worktree": true}), true),
        ("without", json!({"worktree": false}), false),
        ("tester", json!({"worktree": true}), true),
        ("optional", json!({}), true),
        ("optional", json!({"worktree": false}), false),
    ] {
        let id = deck.spawn_as(agent, "cwd", context).await.expect("spawned");
        let expected = if is_own { worktree(&deck, id) } else { repository_folder.clone() };
        deck.until_told(id, &format!("assistant: {}", expected.display())).await;
    }
    let (field, problem) = refused(&deck, json!({"worktree": false})).await;
    assert!(field == "context.worktree" && problem.contains("worktree_optional"), "{field}: {problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worktree_is_not_made_of_a_repository_above_the_root() {
    let (_kept, outer) = folders(&["root/own"]);
    repository(&outer);
    let root = outer.join("root");
    let agent = AgentConfig { roots: vec![root.clone()], cwd: Some(root.clone()), ..config("tester", &[]) };
    let deck = Deck::new(vec![agent]);
    for chosen in ["own", "."] {
        let context = json!({"cwd": chosen, "worktree": true});
        let id = deck.spawn_as("tester", "cwd", context).await.expect("spawned");
        let reason = why_failed(&deck, id).await;
        assert!(reason.contains("git worktree add failed") && reason.contains("not a git repository"), "{reason}");
    }
    repository(&root);
    let id = deck.spawn_as("tester", "cwd", json!({"cwd": "own", "worktree": true})).await.expect("spawned");
    deck.until_told(id, &format!("assistant: {}", worktree(&deck, id).display())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_repository_makes_git_run_sees_the_variables_of_the_agent_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (_kept, outer) = folders(&["repository"]);
    let folder = outer.join("repository");
    repository(&folder);
    let (hook, seen) = (folder.join(".git/hooks/post-checkout"), outer.join("seen"));
    std::fs::create_dir_all(folder.join(".git/hooks")).expect("made");
    std::fs::write(&hook, format!("#!/bin/sh\nenv > {}\n", seen.display())).expect("written");
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).expect("set");
    let deck = Deck::new(vec![AgentConfig { cwd: Some(folder), worktree: true, ..config("tester", &[]) }]);
    let id = deck.spawn("cwd").await;
    deck.until_told(id, &format!("assistant: {}", worktree(&deck, id).display())).await;
    let seen = std::fs::read_to_string(seen).expect("the hook ran");
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some() && !seen.contains("CARGO_MANIFEST_DIR"), "{seen}");
    assert!(seen.lines().any(|line| line == "GIVEN=yes"), "{seen}");
}
