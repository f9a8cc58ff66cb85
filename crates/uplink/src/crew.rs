//! The agents that are at work in this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use flightdeck_domain::command::Command;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::message::Message;
use flightdeck_domain::ports::DeliverError;
use tokio::sync::Notify;

use crate::mailbox::Mailbox;

/// The agents of one provider that are at work, each with its mailbox, and with what the provider holds of it (`T`) once it
/// runs.
#[derive(Debug)]
pub struct Crew<T> {
    register: Mutex<Register<T>>,
    /// Told when somebody has left.
    left: Notify,
}

#[derive(Debug)]
struct Register<T> {
    closed: bool,
    members: HashMap<SessionId, Member<T>>,
}

#[derive(Debug)]
struct Member<T> {
    mailbox: Arc<Mailbox>,
    /// `None` until it runs.
    held: Option<T>,
}

/// What became of an agent that wanted to begin.
#[derive(Debug)]
pub enum Entered<T> {
    /// It is at work for as long as it keeps this.
    Now(Presence<T>),
    /// The session's agent is at work already.
    Before,
    /// Nobody begins any more.
    Closed,
}

/// An agent is at work for as long as it has its presence, however it ends.
#[derive(Debug)]
pub struct Presence<T> {
    crew: Arc<Crew<T>>,
    session: SessionId,
    mailbox: Arc<Mailbox>,
}

impl<T> Default for Crew<T> {
    fn default() -> Self {
        Self { register: Mutex::new(Register { closed: false, members: HashMap::new() }), left: Notify::new() }
    }
}

impl<T> Crew<T> {
    /// The agent of a session begins its work.
    #[must_use]
    pub fn enter(self: &Arc<Self>, session: SessionId) -> Entered<T> {
        let mut register = self.lock();
        if register.closed {
            return Entered::Closed;
        }
        if register.members.contains_key(&session) {
            return Entered::Before;
        }
        let mailbox = Arc::new(Mailbox::default());
        register.members.insert(session, Member { mailbox: Arc::clone(&mailbox), held: None });
        Entered::Now(Presence { crew: Arc::clone(self), session, mailbox })
    }

    /// It runs, and this is held of it. Nothing happens when it has left.
    pub fn hold(&self, session: SessionId, held: T) {
        if let Some(member) = self.lock().members.get_mut(&session) {
            member.held = Some(held);
        }
    }

    /// Looks at what is held of an agent; `None` when it does not run. The look must be short, for all others wait.
    pub fn look<R>(&self, session: SessionId, look: impl FnOnce(&T) -> R) -> Option<R> {
        self.lock().members.get(&session)?.held.as_ref().map(look)
    }

    /// How many are at work.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().members.len()
    }

    /// Whether nobody is at work.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts a command into the mailbox of its session's agent.
    ///
    /// # Errors
    /// No agent of the session is at work here.
    pub fn deliver(&self, command: &Command, message: Option<Message>) -> Result<(), DeliverError> {
        let mailbox = self.lock().members.get(&command.session_id).map(|member| Arc::clone(&member.mailbox));
        match mailbox {
            Some(mailbox) if mailbox.put(command, message) => Ok(()),
            _ => Err(DeliverError::NotRunning(command.session_id)),
        }
    }

    /// Tells everybody that the server goes down, lets nobody begin any more, and waits until all have left, or for so long.
    ///
    /// # Errors
    /// What is held of those who are still there.
    pub async fn shut_down(&self, grace: Duration) -> Result<(), Vec<T>>
    where
        T: Clone,
    {
        {
            let mut register = self.lock();
            register.closed = true;
            register.members.values().for_each(|member| member.mailbox.shut_down());
        }
        let all_left = async {
            loop {
                let left = self.left.notified();
                if self.is_empty() {
                    return;
                }
                left.await;
            }
        };
        match tokio::time::timeout(grace, all_left).await {
            Ok(()) => Ok(()),
            Err(_late) => Err(self.lock().members.values().filter_map(|member| member.held.clone()).collect()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Register<T>> {
        // No code that holds the lock can panic half-way through a change.
        self.register.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Presence<T> {
    /// What the agent is handed.
    #[must_use]
    pub fn mailbox(&self) -> Arc<Mailbox> {
        Arc::clone(&self.mailbox)
    }
}

impl<T> Drop for Presence<T> {
    fn drop(&mut self) {
        self.mailbox.close();
        self.crew.lock().members.remove(&self.session);
        self.crew.left.notify_waiters();
    }
}
