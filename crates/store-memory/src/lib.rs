//! The repository ports held in memory, for tests, embedding and examples.
//!
//! [`MemoryStore`] keeps every promise of [`flightdeck_domain::ports`] but one: what it holds ends with it. The example
//! `embed` shows a program that has the domain inside it.
//!
//! # How a change is made
//! All state is behind one lock. A transaction runs the domain's script under it ([`flightdeck_domain::transactions`]), whose
//! operations are in `rows`; each change of a row notes how it is undone, so that a change is whole or not at all.
//!
//! # What does not belong here
//! Rules, and the order in which rows are written. Where this crate decides something, the domain lacks a function.

mod audit;
mod epoch;
#[cfg(feature = "faults")]
mod faults;
mod feed;
mod journal;
mod rows;
mod state;

use std::sync::{Mutex, MutexGuard, PoisonError};

use flightdeck_domain::ids::SessionId;
use flightdeck_domain::message::NewMessage;
use flightdeck_domain::ports::{AppendError, AppendOutcome, Rows, StoreUnavailable, Transactional, Work};
use flightdeck_domain::time::Timestamp;
use flightdeck_domain::transactions::{append, at_once};

#[cfg(feature = "faults")]
pub use faults::{Faults, FaultyStore};
pub use state::State;

/// A store whose data lives as long as it does.
///
/// ```
/// use std::sync::Arc;
/// use flightdeck_domain::ids::Seq;
/// use flightdeck_domain::message::MessageRole;
/// use flightdeck_domain::session::SessionStatus;
/// use flightdeck_domain::system::{SystemClock, SystemIds};
/// use flightdeck_domain::use_cases::{
///     HistoryPlace, IngestMessages, MessageInput, NewSession, Ports, ReadHistory, RegisterSession,
/// };
/// use flightdeck_store_memory::MemoryStore;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let ports = Ports::from_store(Arc::new(MemoryStore::new()), Arc::new(()), Arc::new(SystemClock), Arc::new(SystemIds));
///
/// let new = NewSession::new("FD-1".parse()?, "worker".parse()?);
/// let id = RegisterSession::new(&ports).execute(new, SessionStatus::Running).await?.session.id;
/// let said = MessageInput::new(MessageRole::Assistant, "the tests pass".parse()?);
/// IngestMessages::new(&ports).execute(id, vec![said]).await?;
///
/// let slice = ReadHistory::new(&ports).execute(id, HistoryPlace::After(Seq::ZERO), 10).await?.expect("registered");
/// assert_eq!(slice.messages[0].content.as_str(), "the tests pass");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// For tests: while set, every audit entry fails to be written, and with it the action that it tells of.
    pub fn set_audit_broken(&self, broken: bool) {
        self.state().audit_broken = broken;
    }

    /// The state, locked. What a panic has left half done is undone.
    fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.undo();
        state
    }

    /// Runs a script to its end, and keeps what it wrote if it succeeds.
    fn transact<T, E>(&self, work: impl FnOnce(&mut State) -> Work<'_, T, E>) -> Result<T, E>
    where
        E: From<StoreUnavailable>,
    {
        let mut state = self.state();
        let done = at_once(work(&mut state)).unwrap_or_else(|waited| Err(StoreUnavailable::new(waited).into()));
        if done.is_ok() {
            state.keep();
        } else {
            state.undo();
        }
        done
    }
}

impl Transactional for MemoryStore {
    type Tx = State;

    async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'a> Fn(&'a mut State) -> Work<'a, T, E> + Send + Sync + 'static,
        T: Send + 'static,
        E: From<StoreUnavailable> + std::error::Error + Send + 'static,
    {
        self.transact(work)
    }

    async fn read<T, F>(&self, work: F) -> Rows<T>
    where
        F: for<'a> Fn(&'a mut State) -> Work<'a, T, StoreUnavailable> + Send + Sync + 'static,
        T: Send + 'static,
    {
        self.transact(work)
    }

    async fn append(
        &self,
        session: SessionId,
        batch: Vec<NewMessage>,
        at: Timestamp,
    ) -> Result<AppendOutcome, AppendError> {
        self.transact(move |state| Box::pin(append(state, session, batch, at)))
    }
}
