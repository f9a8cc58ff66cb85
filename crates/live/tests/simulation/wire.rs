//! Hints on their way: lost, doubled or late, to the replica that gives them and to the others.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flightdeck_domain::ids::{Seq, SessionId};
use flightdeck_domain::message::Message;
use flightdeck_domain::ports::WakeUps;
use flightdeck_live::Hints;

use crate::chance::Chance;

#[derive(Clone)]
enum Hint {
    Moved(SessionId, Seq),
    Appended(Vec<Message>),
    Commands(SessionId),
    Feed,
}

impl Hint {
    fn give(&self, hints: &Hints) {
        match self {
            Self::Moved(session, seq) => hints.session_moved(*session, *seq),
            Self::Appended(messages) => hints.messages_appended(messages),
            Self::Commands(session) => hints.command_queued(*session),
            Self::Feed => hints.feed_grew(),
        }
    }

    /// What another process hears of it: no contents.
    fn abroad(self) -> Self {
        match self {
            Self::Appended(messages) => {
                let last = messages.last().expect("a message");
                Self::Moved(last.session_id, last.seq)
            }
            other => other,
        }
    }
}

/// Between the replicas.
pub(crate) struct Wire {
    chance: Chance,
    /// Those of the replicas that are up.
    hints: Vec<Option<Arc<Hints>>>,
    late: Vec<(usize, Hint)>,
}

/// A handle to it.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<Wire>>);

impl Shared {
    pub(crate) fn new(chance: Chance, replicas: usize) -> Self {
        Self(Arc::new(Mutex::new(Wire { chance, hints: vec![None; replicas], late: Vec::new() })))
    }

    fn wire(&self) -> MutexGuard<'_, Wire> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A replica comes, or goes with all that is on its way to it.
    pub(crate) fn connect(&self, replica: usize, hints: Option<Arc<Hints>>) {
        let mut wire = self.wire();
        wire.hints[replica] = hints;
        wire.late.retain(|(to, _)| *to != replica);
    }

    /// One late hint arrives, any of them.
    pub(crate) fn arrive(&self) {
        let mut wire = self.wire();
        if wire.late.is_empty() {
            return;
        }
        let late = wire.late.len();
        let which = wire.chance.index(late);
        let (to, hint) = wire.late.swap_remove(which);
        if let Some(hints) = &wire.hints[to] {
            hint.give(hints);
        }
    }

    /// What is on its way is lost.
    pub(crate) fn lose(&self) {
        self.wire().late.clear();
    }

    fn send(&self, from: usize, hint: &Hint) {
        let mut wire = self.wire();
        for to in 0..wire.hints.len() {
            let Some(hints) = wire.hints[to].clone() else { continue };
            let hint = if to == from { hint.clone() } else { hint.clone().abroad() };
            match wire.chance.below(10) {
                0..=1 => {}
                2..=4 => wire.late.push((to, hint)),
                5 => {
                    hint.give(&hints);
                    wire.late.push((to, hint));
                }
                6 => {
                    hint.give(&hints);
                    hint.give(&hints);
                }
                _ => hint.give(&hints),
            }
        }
    }
}

/// What the use cases of one replica call.
pub(crate) struct SimWakeUps {
    pub(crate) me: usize,
    pub(crate) wire: Shared,
}

impl WakeUps for SimWakeUps {
    fn session_moved(&self, session: SessionId, seq: Seq) {
        self.wire.send(self.me, &Hint::Moved(session, seq));
    }

    fn messages_appended(&self, messages: &[Message]) {
        if !messages.is_empty() {
            self.wire.send(self.me, &Hint::Appended(messages.to_vec()));
        }
    }

    fn command_queued(&self, session: SessionId) {
        self.wire.send(self.me, &Hint::Commands(session));
    }

    fn feed_grew(&self) {
        self.wire.send(self.me, &Hint::Feed);
    }
}
