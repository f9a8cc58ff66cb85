//! Agents are paused, frozen, asked, killed; and only so many run at a time.
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use flightdeck_domain::action::Intervention;
use flightdeck_domain::approval::ApprovalOption;
use flightdeck_domain::command::{Command, CommandKind, Delivery, Receipt};
use flightdeck_domain::ids::{CommandSeq, SessionId};
use flightdeck_domain::ports::{AgentProvider, Clock};
use flightdeck_domain::session::SessionStatus;
use flightdeck_domain::system::SystemClock;
use flightdeck_domain::use_cases::Ports;
use flightdeck_processes::Limits;
use flightdeck_provider_acp::{AgentConfig, PauseBy};
use serde_json::json;
use support::{Deck, Full, config, pause, test_agent};

const NOBODY: [u32; 0] = [];

#[tokio::test(flavor = "multi_thread")]
async fn a_permission_request_is_decided_and_the_decision_goes_back() {
    let deck = Deck::one();
    let id = deck.spawn("ask rm -rf build\nsay done").await;
    let asked = deck.until_asked(id).await;
    assert_eq!(asked.title.as_str(), "rm -rf build");
    let offered: Vec<_> = asked.options.iter().collect();
    assert_eq!(offered, [ApprovalOption::AllowOnce, ApprovalOption::RejectOnce]);
    assert_eq!(serde_json::to_value(&asked.detail).expect("JSON")["input"], json!({"command": "rm -rf build"}));
    deck.until(id, SessionStatus::Waiting).await;
    deck.decide(&asked, ApprovalOption::RejectOnce).await;
    deck.until_told(id, "assistant: decided: nodone").await;
    deck.until(id, SessionStatus::Idle).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_answered_with_a_form_or_declined() {
    let deck = Deck::one();
    let id = deck.spawn("question What is its name?").await;
    let asked = deck.until_asked(id).await;
    assert_eq!(asked.title.as_str(), "What is its name?");
    assert!(asked.form().is_some());
    assert_eq!(deck.told(id).await[1..], ["assistant: What is its name?"], "it is on the record before it is answered");
    let refused = deck.answer(&asked, ApprovalOption::AllowOnce, None).await.expect_err("a name is missing");
    assert!(refused.to_string().contains("name: is missing"), "{refused}");
    let answer = json!({"name": "Ada"});
    deck.answer(&asked, ApprovalOption::AllowOnce, Some(answer)).await.expect("answered");
    deck.until_told(id, "assistant: {\"action\":\"accept\",\"content\":{\"name\":\"Ada\"}}").await;
    deck.until(id, SessionStatus::Idle).await;
    let id = deck.spawn("question What is its name?").await;
    let asked = deck.until_asked(id).await;
    deck.answer(&asked, ApprovalOption::RejectOnce, None).await.expect("declined");
    deck.until_told(id, "assistant: {\"action\":\"decline\"}").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_a_cancel_overtakes_is_taken_back() {
    let deck = Deck::one();
    let id = deck.spawn("ask push").await;
    let asked = deck.until_asked(id).await;
    let next = deck.inject(id, Delivery::Interrupt, "leave it").await;
    deck.until_receipt(id, next, "consumed").await;
    let closed = deck.ports.approvals.get(asked.id).await.expect("read").expect("there");
    assert!(!closed.is_open());
    deck.until_told(id, "assistant: You said: leave it").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_takes_effect_when_the_turn_ends_and_holds_what_waits() {
    let deck = Deck::one();
    let id = deck.spawn("say one\nwait 200").await;
    deck.until(id, SessionStatus::Running).await;
    deck.act(id, Intervention::Pause).await.expect("accepted");
    deck.until(id, SessionStatus::Paused).await;
    assert_eq!(deck.told(id).await.last().map(String::as_str), Some("assistant: one"), "the turn was finished");
    let held = deck.inject(id, Delivery::Queue, "two").await;
    deck.act(id, Intervention::Resume).await.expect("accepted");
    deck.until_receipt(id, held, "consumed").await;
    let statuses = statuses(&deck, id).await;
    assert!(statuses.contains(&"paused".to_owned()), "{statuses:?}");
}

/// The statuses that the conversation tells of.
async fn statuses(deck: &Deck, id: SessionId) -> Vec<String> {
    let messages = deck.messages(id).await;
    let status =
        |metadata: serde_json::Value| Some(metadata.get("to").or(metadata.get("status"))?.as_str()?.to_owned());
    messages.iter().filter_map(|m| status(serde_json::to_value(&m.metadata).ok()?)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_agent_uses_no_time_and_its_turn_goes_on_afterwards() {
    let freezes = AgentConfig { pause: PauseBy::Freeze, ..config("tester", &[]) };
    let deck = Deck::new(vec![freezes]);
    let id = deck.spawn("say round and round\nspin").await;
    deck.until(id, SessionStatus::Running).await;
    deck.act(id, Intervention::Pause).await.expect("accepted");
    deck.until(id, SessionStatus::Paused).await;
    let used = || deck.processes().iter().map(|pid| ticks(*pid)).max();
    let before = used();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(used(), before);
    deck.act(id, Intervention::Resume).await.expect("accepted");
    deck.until(id, SessionStatus::Running).await;
    let next = deck.inject(id, Delivery::Interrupt, "enough").await;
    deck.until_receipt(id, next, "consumed").await;
    deck.until_told(id, "assistant: You said: enough").await;
}

/// A pause as it comes while the store is away.
fn pause_past_the_queue(session_id: SessionId) -> Command {
    Command {
        session_id,
        seq: CommandSeq::ZERO,
        kind: CommandKind::Pause,
        reason: None,
        receipt: Receipt::Accepted,
        created_at: SystemClock.now(),
        updated_at: SystemClock.now(),
    }
}

/// While the store is away a pause comes past the queue; the one in the queue follows.
#[tokio::test(flavor = "multi_thread")]
async fn a_pause_past_the_queue_stops_a_turn_where_it_is_until_it_is_resumed() {
    // The configuration would have it paused at the end of a turn that never ends.
    let deck = Deck::one();
    let id = deck.spawn("say round and round\nspin").await;
    deck.until(id, SessionStatus::Running).await;
    let past = pause_past_the_queue(id);
    deck.provider.deliver(&past, None).await.expect("it runs here");
    let used = || deck.processes().iter().map(|pid| ticks(*pid)).max();
    let before = used();
    deck.until(id, SessionStatus::Paused).await;
    let queued = deck.act(id, Intervention::Pause).await.expect("accepted").committed.command.expect("a command");
    // Nothing is pending any more.
    while !deck.ports.commands.pending(id, CommandSeq::ZERO, 10).await.expect("read").expect("there").is_empty() {
        pause().await;
    }
    assert_eq!(queued.kind, CommandKind::Pause);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(used(), before);
    deck.act(id, Intervention::Resume).await.expect("accepted");
    deck.until(id, SessionStatus::Running).await;
    let next = deck.inject(id, Delivery::Interrupt, "enough").await;
    deck.until_receipt(id, next, "consumed").await;
    // Held again, a kill does not wait for it to end its turn in order.
    deck.provider.deliver(&past, None).await.expect("it runs here");
    deck.act(id, Intervention::Kill).await.expect("accepted");
    deck.until(id, SessionStatus::Killed).await;
    assert_eq!(deck.processes(), Vec::<u32>::new());
}

/// Who has said something that cannot be written waits for the store with it, and looks at no order.
#[tokio::test(flavor = "multi_thread")]
async fn a_pause_past_the_queue_stops_an_agent_that_cannot_be_heard() {
    let mut full = None;
    let deck = Deck::over(vec![config("tester", &[])], |ports| {
        let messages = Arc::new(Full::new(Arc::clone(&ports.messages)));
        full = Some(Arc::clone(&messages));
        Ports { messages, ..ports }
    });
    let full = full.expect("made");
    let id = deck.spawn("say here").await;
    deck.until_told(id, "assistant: here").await;
    deck.until(id, SessionStatus::Idle).await;
    full.shut.store(true, Ordering::SeqCst);
    deck.inject(id, Delivery::Queue, "say round and round\ntool list\nspin").await;
    while full.refused.load(Ordering::SeqCst) == 0 {
        pause().await;
    }
    deck.provider.deliver(&pause_past_the_queue(id), None).await.expect("it runs here");
    let used = || deck.processes().iter().map(|pid| ticks(*pid)).max();
    let before = used();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(used(), before, "it goes on");
    full.shut.store(false, Ordering::SeqCst);
    deck.until(id, SessionStatus::Paused).await;
    deck.until_told(id, "assistant: round and round").await;
    deck.act(id, Intervention::Resume).await.expect("accepted");
    deck.until(id, SessionStatus::Running).await;
}

/// Clock ticks of processor time that a process has used.
fn ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("alive");
    let fields: Vec<&str> = stat.rsplit_once(')').expect("a name").1.split_ascii_whitespace().collect();
    fields[11].parse::<u64>().expect("a number") + fields[12].parse::<u64>().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_frozen_for_too_long_goes_on_and_is_paused_when_the_turn_ends() {
    let freezes =
        AgentConfig { pause: PauseBy::Freeze, freeze_cap: Duration::from_millis(50), ..config("tester", &[]) };
    let deck = Deck::new(vec![freezes]);
    let id = deck.spawn("say begun\nwait 200\nsay ended").await;
    deck.until(id, SessionStatus::Running).await;
    deck.act(id, Intervention::Pause).await.expect("accepted");
    deck.until_told(id, "assistant: begunended").await;
    deck.until(id, SessionStatus::Paused).await;
    let capped = |text: &str| text.contains("the most allowed");
    assert!(deck.messages(id).await.iter().any(|message| capped(message.content.as_str())));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_an_agent_that_is_killed() {
    let stubborn = AgentConfig {
        command: "sh".to_owned(),
        args: vec!["-c".to_owned(), "trap '' TERM; exec \"$0\"".to_owned(), test_agent()],
        ..config("stubborn", &[])
    };
    let deck = Deck::new(vec![config("tester", &[]), stubborn]);
    for (agent, script) in [
        ("tester", "say here\nwait 3600000"),
        ("tester", "children 5\nsay here\nwait 3600000"),
        ("stubborn", "children 200\nsay here\ndeaf 3600000"),
    ] {
        let id = deck.spawn_as(agent, script, json!({})).await.expect("spawned");
        deck.until(id, SessionStatus::Running).await;
        while deck.processes().len() < if script.starts_with("children 200") { 202 } else { 2 } {
            pause().await;
        }
        deck.act(id, Intervention::Kill).await.expect("accepted");
        deck.until(id, SessionStatus::Killed).await;
        assert_eq!(deck.processes(), NOBODY, "killed is said when nothing is left");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_uses_more_than_it_may_is_ended_for_it() {
    let limits = Limits { cpu_seconds: Some(1), ..Limits::default() };
    let deck = Deck::new(vec![AgentConfig { limits, ..config("tester", &[]) }]);
    let id = deck.spawn("spin").await;
    let reason = deck.until(id, SessionStatus::Failed).await.status_reason.expect("a reason");
    assert_eq!(reason.as_str(), "the agent was ended: it used more processor time than it may");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_so_many_run_at_a_time_first_come_first_served() {
    let deck = Deck::new(vec![AgentConfig { at_once: 1, ..config("tester", &[]) }]);
    let first = deck.spawn("say first").await;
    deck.until(first, SessionStatus::Idle).await;
    let second = deck.spawn("say second").await;
    let waits = |text: &str| text.starts_with("waits for a place: 1 agents tester");
    while !deck.messages(second).await.iter().any(|message| waits(message.content.as_str())) {
        pause().await;
    }
    let third = deck.spawn("say third").await;
    let fourth = deck.spawn("say fourth").await;
    while deck.messages(fourth).await.len() < 2 {
        pause().await;
    }
    // Who waits can be killed, and keeps no place.
    deck.act(third, Intervention::Kill).await.expect("accepted");
    deck.until(third, SessionStatus::Killed).await;
    assert_eq!(deck.session(second).await.status, SessionStatus::Spawning);
    deck.act(first, Intervention::Kill).await.expect("accepted");
    deck.until(second, SessionStatus::Idle).await;
    assert_eq!(deck.session(fourth).await.status, SessionStatus::Spawning);
    deck.act(second, Intervention::Kill).await.expect("accepted");
    deck.until(fourth, SessionStatus::Idle).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_leaves_no_process_and_says_nothing_of_the_sessions() {
    let deck = Deck::one();
    let id = deck.spawn("children 3\nsay here\nwait 3600000").await;
    deck.until(id, SessionStatus::Running).await;
    deck.provider.shutdown().await;
    assert_eq!((deck.provider.running(), deck.processes()), (0, vec![]));
    assert_eq!(deck.session(id).await.status, SessionStatus::Running);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_session_can_have_a_worktree_of_its_own() {
    let repository = tempfile::tempdir().expect("a folder");
    let git = |args: &[&str]| {
        let identity = ["-c", "user.name=x", "-c", "user.email=x@x"];
        let done =
            std::process::Command::new("git").arg("-C").arg(repository.path()).args(identity).args(args).output();
        assert!(done.expect("git runs").status.success(), "{args:?}");
    };
    git(&["init", "--quiet"]);
    git(&["commit", "--quiet", "--allow-empty", "-m", "first"]);
    let agent = AgentConfig { cwd: Some(repository.path().to_owned()), worktree: true, ..config("tester", &[]) };
    let deck = Deck::new(vec![agent]);
    let id = deck.spawn("cwd").await;
    let own = deck.folder.path().canonicalize().expect("there").join("worktrees").join(id.to_string());
    deck.until_told(id, &format!("assistant: {}", own.display())).await;
    assert!(own.join(".git").is_file());
}
