//! What the members of a group ask for, and where they wait for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flightdeck_domain::audit::AuditDraft;
use flightdeck_domain::command::Command;
use flightdeck_domain::ids::{AuditSeq, CommandSeq, OperationId, SessionId};
use flightdeck_domain::operation::{Operation, OperationTarget};
use flightdeck_domain::session::{Ancestor, Session};
use flightdeck_store_sql::error::SqlError;
use flightdeck_store_sql::tx::Done;
use tokio::sync::oneshot;

use super::writes::Writes;

/// Where an answer goes.
pub(super) type Reply<T> = oneshot::Sender<T>;

/// What a member asks for, to be done for all members at once.
#[derive(Debug)]
pub(crate) enum Ask {
    /// That what it wrote is in the database.
    Flush(Reply<()>),
    Session(SessionId, Reply<Option<Session>>),
    Head(SessionId, Reply<Option<Session>>),
    /// A session, its parent, and so on to the top.
    Ancestors(SessionId, Reply<Vec<Ancestor>>),
    KillSwitch(Reply<bool>),
    OpenTargets(SessionId, Reply<Vec<OperationTarget>>),
    Pending(SessionId, Reply<u64>),
    Command(SessionId, CommandSeq, Reply<Option<Command>>),
    /// The lock of a key of one actor's calls.
    LockCall(String, String, Reply<()>),
    LockTree(Reply<()>),
    LockSession(SessionId, Reply<Option<Session>>),
    LockHead(SessionId, Reply<Option<Session>>),
    LockOperation(OperationId, Reply<Option<Operation>>),
    Insert(Box<Session>, Reply<bool>),
    Record(Box<AuditDraft>, Reply<AuditSeq>),
}

/// What is done together, in the order of the locks: see [`crate::locks`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Read,
    Calls,
    Tree,
    Sessions,
    Operations,
    Insert,
    Record,
}

/// What only one member may have, until its end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Held {
    Call(String, String),
    Session(SessionId),
    Operation(OperationId),
}

impl Ask {
    pub(super) const fn step(&self) -> Step {
        match self {
            Self::Flush(_)
            | Self::Session(..)
            | Self::Head(..)
            | Self::Ancestors(..)
            | Self::KillSwitch(_)
            | Self::OpenTargets(..)
            | Self::Pending(..)
            | Self::Command(..) => Step::Read,
            Self::LockCall(..) => Step::Calls,
            Self::LockTree(_) => Step::Tree,
            Self::LockSession(..) | Self::LockHead(..) => Step::Sessions,
            Self::LockOperation(..) => Step::Operations,
            Self::Insert(..) => Step::Insert,
            Self::Record(..) => Step::Record,
        }
    }

    /// What the member has for itself from here on.
    pub(super) fn held(&self) -> Option<Held> {
        match self {
            Self::LockCall(actor, key, _) => Some(Held::Call(actor.clone(), key.clone())),
            Self::LockSession(id, _) | Self::LockHead(id, _) => Some(Held::Session(*id)),
            Self::LockOperation(id, _) => Some(Held::Operation(*id)),
            _ => None,
        }
    }
}

/// Something that a member waits for.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) member: usize,
    pub(super) ask: Ask,
}

/// What is known of a member.
#[derive(Debug, Default)]
pub(super) struct Member {
    /// What it wrote, and is not in the database yet.
    pub(super) writes: Writes,
    /// Whether something that it wrote is in the database.
    pub(super) wrote: bool,
    /// Whether it has to have a transaction of its own.
    pub(super) left: bool,
}

/// The members, and what they wait for.
#[derive(Debug)]
pub(super) struct Board {
    pub(super) asked: Vec<Asked>,
    pub(super) members: Vec<Member>,
}

impl Board {
    pub(super) fn of(members: usize) -> Arc<Mutex<Self>> {
        let members = std::iter::repeat_with(Member::default).take(members).collect();
        Arc::new(Mutex::new(Self { asked: Vec::new(), members }))
    }
}

/// The place of a member.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    board: Arc<Mutex<Board>>,
    number: usize,
}

impl Seat {
    pub(super) const fn new(board: Arc<Mutex<Board>>, number: usize) -> Self {
        Self { board, number }
    }

    /// Waits until the group has done for everyone what this member asks for.
    pub(crate) async fn ask<T>(&self, ask: impl FnOnce(Reply<T>) -> Ask) -> Done<T> {
        let (reply, answer) = oneshot::channel();
        lock(&self.board).asked.push(Asked { member: self.number, ask: ask(reply) });
        // A group that fails drops its members before their answers.
        answer.await.map_err(|_dropped| SqlError::Alone)
    }

    /// Writes something with the next that the group writes.
    pub(crate) fn write(&self, write: impl FnOnce(&mut Writes)) {
        if let Some(member) = lock(&self.board).members.get_mut(self.number) {
            write(&mut member.writes);
        }
    }

    /// Sees to it that what was written is in the database.
    pub(crate) async fn flush(&self) -> Done<()> {
        let waits = lock(&self.board).members.get(self.number).is_some_and(|member| member.writes.are_rows());
        if waits { self.ask(Ask::Flush).await } else { Ok(()) }
    }

    /// A statement of the member's own may have changed something.
    pub(crate) fn wrote(&self) {
        if let Some(member) = lock(&self.board).members.get_mut(self.number) {
            member.wrote = true;
        }
    }

    /// Leaves the group: what is to be done next needs a transaction of its own, and the script begins anew there.
    ///
    /// # Errors
    /// Always: the script ends here.
    pub(crate) fn leave<T>(&self) -> Done<T> {
        if let Some(member) = lock(&self.board).members.get_mut(self.number) {
            member.left = true;
        }
        Err(SqlError::Alone)
    }
}

pub(super) fn lock(board: &Mutex<Board>) -> MutexGuard<'_, Board> {
    board.lock().unwrap_or_else(PoisonError::into_inner)
}
