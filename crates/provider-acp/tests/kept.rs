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
    ChangeList, ChangeReport, Compared, FileDiff, FilePath, Moment, Stretch, Unkept, WorkFolder,
};
use flightdeck_domain::command::Delivery;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::ports::{Changes, ChangesError};
use flightdeck_domain::session::SessionStatus;
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

    async fn report(&self, session: SessionId, _: Stretch) -> Result<ChangeReport, ChangesError> {
        Err(ChangesError::UnknownSession(session))
    }

    async fn kept(&self, _: Option<SessionId>, _: usize) -> Result<Vec<SessionId>, ChangesError> {
        Ok(Vec::new())
    }

    async fn forget(&self, _: SessionId) -> Result<(), ChangesError> {
        Ok(())
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
