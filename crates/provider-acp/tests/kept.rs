//! The states of an agent's folder are kept when it is still as it was, and when a turn has made its changes.
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use flightdeck_domain::action::Intervention;
use flightdeck_domain::changes::{
    ChangeList, ChangeReport, ChangedFile, Compared, DiffLine, DiffOp, FileDiff, FileKind, FilePath, FileStatus, Hunk,
    KeptTurn, Moment, ReportedFile, Stretch, Unkept, WorkFolder,
};
use flightdeck_domain::command::Delivery;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::ports::{Changes, ChangesError};
use flightdeck_domain::session::SessionStatus;
use flightdeck_domain::time::Timestamp;
use flightdeck_provider_acp::AgentConfig;
use serde_json::json;
use support::{Deck, config, pause};

/// Notes what it is told, and what lies in the folder then.
#[derive(Default)]
struct Notes {
    told: Mutex<Vec<String>>,
    folder: Mutex<Option<WorkFolder>>,
    /// Whether a state takes for ever.
    hangs: AtomicBool,
}

impl Notes {
    fn told(&self) -> Vec<String> {
        self.told.lock().expect("nobody panicked").clone()
    }

    async fn note(&self, what: &str) {
        let folder = self.folder.lock().expect("nobody panicked").clone();
        let made = folder.is_some_and(|folder| folder.path.join("made").exists());
        self.told.lock().expect("nobody panicked").push(format!("{what}{}", if made { ", made" } else { "" }));
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
    }
}

#[async_trait]
impl Changes for Notes {
    async fn begin(&self, _session: SessionId, folder: WorkFolder) -> Result<(), Unkept> {
        *self.folder.lock().expect("nobody panicked") = Some(folder);
        self.note("begin").await;
        Ok(())
    }

    async fn keep(&self, _session: SessionId, moment: Moment) {
        self.note(&format!("{moment:?}")).await;
    }

    async fn list(&self, session: SessionId, _stretch: Stretch) -> Result<Compared<ChangeList>, ChangesError> {
        Err(ChangesError::UnknownSession(session))
    }

    async fn file(&self, id: SessionId, _: Stretch, _: FilePath) -> Result<Compared<FileDiff>, ChangesError> {
        Err(ChangesError::UnknownSession(id))
    }

    async fn report(&self, _: SessionId, stretch: Stretch) -> Result<ChangeReport, ChangesError> {
        let told = self.told();
        let turns = told.iter().filter(|told| told.starts_with("TurnBegins")).count();
        Ok(report(u32::try_from(turns).expect("few"), stretch))
    }

    async fn kept(&self, _: Option<SessionId>, _: usize) -> Result<Vec<SessionId>, ChangesError> {
        Ok(Vec::new())
    }

    async fn forget(&self, _: SessionId) -> Result<(), ChangesError> {
        Ok(())
    }
}

const SECRET: &str = "hush-hush-hush";

/// After so many turns, with a credential in a line.
fn report(turns: u32, stretch: Stretch) -> ChangeReport {
    let at = Timestamp::FIRST;
    let line = DiffLine { op: DiffOp::Added, old: None, new: Some(1), text: format!("key={SECRET}, {stretch:?}") };
    let file = ChangedFile {
        path: "made".parse().expect("a path"),
        from: None,
        status: FileStatus::Added,
        kind: FileKind::Text,
        added: Some(1),
        removed: Some(0),
        executable: None,
        size: None,
    };
    let hunks = Some(vec![Hunk { heading: String::new(), lines: vec![line] }]);
    ChangeReport {
        folder: "/srv".to_owned(),
        commit: None,
        branch: None,
        turns: (1..=turns).map(|number| KeptTurn { number, began_at: at, ended_at: None }).collect(),
        from_at: at,
        to_at: at,
        files: vec![ReportedFile { file, hunks, truncated: false }],
        total: 1,
        added: 1,
        removed: 0,
    }
}

/// An agent that makes a file with its first turn.
fn deck(notes: &Arc<Notes>, folder: PathBuf) -> Deck {
    let config = AgentConfig { roots: vec![folder.clone()], cwd: Some(folder), ..config("tester", &[]) };
    Deck::over(vec![config], |ports| ports.with_changes(notes.clone()))
}

#[tokio::test(flavor = "multi_thread")]
async fn states_are_kept_before_the_agent_is_there_and_around_its_turns() {
    let outer = tempfile::tempdir().expect("a folder");
    let outer = outer.path().canonicalize().expect("there");
    std::fs::create_dir_all(outer.join("own")).expect("made");
    let notes = Arc::new(Notes::default());
    let deck = deck(&notes, outer.clone());
    let made = outer.join("own/made");
    let id = deck.spawn_as("tester", "make made", json!({"cwd": "own"})).await.expect("spawned");
    deck.until(id, SessionStatus::Idle).await;
    assert!(made.exists(), "the agent has made it: {:?}", deck.told(id).await);
    assert_eq!(notes.told(), ["begin", "TurnBegins", "TurnEnds, made"], "an idle session is kept");
    let work = notes.folder.lock().expect("nobody panicked").clone().expect("a folder");
    assert_eq!(work, WorkFolder { path: outer.join("own"), ceiling: Some(outer) });
    let second = deck.inject(id, Delivery::Queue, "say hello").await;
    deck.until_receipt(id, second, "consumed").await;
    deck.until(id, SessionStatus::Idle).await;
    deck.act(id, Intervention::Kill).await.expect("accepted");
    while deck.session(id).await.status != SessionStatus::Killed {
        pause().await;
    }
    while notes.told().len() < 6 {
        pause().await;
    }
    assert_eq!(notes.told()[3..], ["TurnBegins, made", "TurnEnds, made", "End, made"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_replicas_are_told_at_the_start_and_at_the_end_of_each_turn() {
    let outer = tempfile::tempdir().expect("a folder");
    let folder = outer.path().canonicalize().expect("there");
    let notes = Arc::new(Notes::default());
    let credentials = [("KEY".to_owned(), SECRET.to_owned())].into();
    let config = AgentConfig { credentials, roots: vec![folder.clone()], cwd: Some(folder), ..config("tester", &[]) };
    let deck = Deck::at_replica(vec![config], |ports| ports.with_changes(notes.clone()));
    let told = async |id, stretch| {
        let told = deck.ports.change_reports.change_report(id, stretch).await.expect("read")?;
        Some((told.turns.len(), told.files[0].hunks.as_ref()?[0].lines[0].text.clone()))
    };
    let id = deck.spawn("deaf 60000").await;
    deck.until(id, SessionStatus::Running).await;
    assert_eq!(told(id, Stretch::Whole).await, Some((0, "key=[credential KEY], Whole".to_owned())));
    assert_eq!(told(id, Stretch::Turn(1)).await, None, "it goes on");
    deck.act(id, Intervention::Kill).await.expect("accepted");
    while told(id, Stretch::Turn(1)).await.is_none() {
        pause().await;
    }
    assert_eq!(told(id, Stretch::Whole).await, Some((1, "key=[credential KEY], Whole".to_owned())));
    assert_eq!(told(id, Stretch::Turn(1)).await, Some((1, "key=[credential KEY], Turn(1)".to_owned())));
    let second = deck.spawn("say hello").await;
    deck.until(second, SessionStatus::Idle).await;
    assert!(
        told(second, Stretch::Turn(2)).await.is_some(),
        "an idle session has told of its turn; turns are counted over both"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_does_not_wait_for_a_state() {
    let folder = tempfile::tempdir().expect("a folder");
    let notes = Arc::new(Notes::default());
    notes.hangs.store(true, Ordering::SeqCst);
    let deck = deck(&notes, folder.path().canonicalize().expect("there"));
    let id = deck.spawn("say hello").await;
    while notes.told().is_empty() {
        pause().await;
    }
    deck.act(id, Intervention::Kill).await.expect("accepted");
    while deck.session(id).await.status != SessionStatus::Killed {
        pause().await;
    }
    assert!(notes.told().iter().all(|told| told == "begin" || told == "End"), "{:?}", notes.told());
}
