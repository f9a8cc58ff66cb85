//! What has been handed to an agent and not taken in yet.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use flightdeck_domain::command::{Command, CommandKind};
use flightdeck_domain::ids::CommandSeq;
use flightdeck_domain::message::Message;
use tokio::sync::Notify;

/// A command with the message that it is about.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// The command.
    pub command: Command,
    /// The message of an inject, where it was at hand.
    pub message: Option<Message>,
}

/// What stops an agent wherever it is.
#[derive(Clone, Debug, PartialEq)]
pub enum Interruption {
    /// An operator wants it dead.
    Killed(Box<Command>),
    /// The server goes down.
    ShutDown,
}

/// One writer or many, one reader: the agent.
#[derive(Debug, Default)]
pub struct Mailbox {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    orders: Vec<Order>,
    /// Every command that was ever put in: the same one acts once, however often it is delivered.
    seen: BTreeSet<CommandSeq>,
    kill: Option<Box<Command>>,
    shut_down: bool,
    closed: bool,
}

impl Mailbox {
    /// Puts a command in; `false` when nobody will take it out any more.
    pub fn put(&self, command: &Command, message: Option<Message>) -> bool {
        let mut state = self.lock();
        if state.closed {
            return false;
        }
        // What comes past the queue has no place in it; such a stop counts every time.
        if command.is_past_the_queue() || state.seen.insert(command.seq) {
            match command.kind {
                // One kill is enough: the death settles the receipts of all.
                CommandKind::Kill if state.kill.is_some() => {}
                CommandKind::Kill => state.kill = Some(Box::new(command.clone())),
                _ => state.orders.push(Order { command: command.clone(), message }),
            }
        }
        drop(state);
        self.changed.notify_one();
        true
    }

    /// Takes out what is in it, kills apart.
    #[must_use]
    pub fn drain(&self) -> Vec<Order> {
        std::mem::take(&mut self.lock().orders)
    }

    /// Whether a pause that came past the queue waits in it: whoever runs the agent has stopped it already.
    #[must_use]
    pub fn was_held(&self) -> bool {
        let held = |order: &Order| order.command.is_past_the_queue() && order.command.kind == CommandKind::Pause;
        self.lock().orders.iter().any(held)
    }

    /// How many commands wait in it.
    #[must_use]
    pub fn len(&self) -> usize {
        let state = self.lock();
        state.orders.len() + usize::from(state.kill.is_some())
    }

    /// Whether no command waits in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether every command up to this one was put in; a session's commands are numbered 1, 2, 3 …
    #[must_use]
    pub fn has_seen_all(&self, through: CommandSeq) -> bool {
        let seen = self.lock().seen.range(..=through).count();
        u64::try_from(seen).is_ok_and(|seen| seen >= through.get())
    }

    /// What is to stop the agent, if anything; a kill is taken out by it.
    #[must_use]
    pub fn interruption(&self) -> Option<Interruption> {
        let mut state = self.lock();
        if state.shut_down {
            return Some(Interruption::ShutDown);
        }
        state.kill.take().map(Interruption::Killed)
    }

    /// Waits for something that is to stop the agent.
    pub async fn interrupted(&self) -> Interruption {
        loop {
            if let Some(interruption) = self.interruption() {
                return interruption;
            }
            // A permit is kept for the one reader, so a change between the look and the wait is not lost.
            self.changed.notified().await;
        }
    }

    /// Waits for mail, or for something that is to stop the agent.
    ///
    /// # Errors
    /// Something is to stop the agent.
    pub async fn mail(&self) -> Result<(), Interruption> {
        loop {
            if let Some(interruption) = self.interruption() {
                return Err(interruption);
            }
            if !self.lock().orders.is_empty() {
                return Ok(());
            }
            self.changed.notified().await;
        }
    }

    /// The server goes down.
    pub fn shut_down(&self) {
        self.lock().shut_down = true;
        self.changed.notify_one();
    }

    /// The agent is gone.
    pub fn close(&self) {
        self.lock().closed = true;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that holds the lock can panic half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
