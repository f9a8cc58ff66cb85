//! How changes are undone.

use std::fmt;

use crate::state::State;

type Undo = Box<dyn FnOnce(&mut State) + Send>;

/// What the transaction has changed so far, as the way back.
#[derive(Default)]
pub(crate) struct Journal(Vec<Undo>);

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} changes", self.0.len())
    }
}

impl State {
    /// Gives a row another value, or none, by a setter that gives the value before.
    pub(crate) fn change<K, V>(&mut self, set: fn(&mut Self, K, Option<V>) -> Option<V>, key: K, value: Option<V>)
    where
        K: Clone + Send + 'static,
        V: Send + 'static,
    {
        let before = set(self, key.clone(), value);
        self.noted(move |state| {
            set(state, key, before);
        });
    }

    /// Notes how what was just changed is undone.
    pub(crate) fn noted(&mut self, undo: impl FnOnce(&mut Self) + Send + 'static) {
        self.journal.0.push(Box::new(undo));
    }

    /// What was changed stays.
    pub(crate) fn keep(&mut self) {
        self.journal.0.clear();
    }

    /// Undoes what was not kept, the last change first.
    pub(crate) fn undo(&mut self) {
        while let Some(undo) = self.journal.0.pop() {
            undo(self);
        }
    }
}
