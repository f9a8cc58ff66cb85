//! Appends, many to a look.
//!
//! Appends that stand in line together are decided together: each session is read and written once however many of them it
//! has, and their messages are inserted by few statements. Nothing is looked up that hardly ever is there: whether a
//! message was in its conversation already is told by the insert, and then each of them is done by itself, with all facts.
//!
//! *Invariant.* What is decided here is what would be decided one by one: where more than the session's head has to be
//! known (a refusal, a lost session, a repeated message), nothing is decided.

pub(crate) mod heads;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use flightdeck_domain::ids::SessionId;
use flightdeck_domain::message::{Control, Message, NewMessage};
use flightdeck_domain::ports::{AppendError, AppendOutcome, Rows, SessionRows as _, WakeUps};
use flightdeck_domain::session::{Session, SessionStatus};
use flightdeck_domain::time::Timestamp;
use flightdeck_domain::transactions::{Booking, append, book, control};
use flightdeck_domain::usage::Used;
use tokio::sync::oneshot;

use self::heads::{Head, Heads};
use crate::error::StoreError;
use crate::messages;
use crate::tx::{SqliteTx, run};
use crate::writer::{Effects, Job};

/// One batch that is to be appended.
#[derive(Debug)]
pub(crate) struct Append {
    pub(crate) session: SessionId,
    pub(crate) batch: Vec<NewMessage>,
    pub(crate) at: Timestamp,
}

type Answer = Result<AppendOutcome, AppendError>;

/// An append in line, and the way back to its caller.
pub(crate) struct AppendJob {
    pub(crate) append: Append,
    pub(crate) result: Option<Answer>,
    pub(crate) reply: oneshot::Sender<Answer>,
    pub(crate) listener: Option<Arc<dyn WakeUps>>,
}

impl Job for AppendJob {
    fn run(&mut self, tx: &mut SqliteTx) -> Effects {
        let Append { session, batch, at } = &mut self.append;
        let result = run(append(tx, *session, std::mem::take(batch), *at));
        let effects = if result.is_ok() { Effects::Keep } else { Effects::Undo };
        self.result = Some(result);
        effects
    }

    fn tell(&self) {
        if let (Some(Ok(outcome)), Some(listener)) = (&self.result, &self.listener)
            && !outcome.inserted.is_empty()
        {
            listener.messages_committed(&outcome.inserted);
        }
    }

    fn answer(self: Box<Self>) {
        if let Some(result) = self.result {
            // A caller that has gone away has no use for it; the work is done all the same.
            let _ = self.reply.send(result);
        }
    }

    fn fail(self: Box<Self>, cause: StoreError) {
        let _ = self.reply.send(Err(cause.into()));
    }

    fn as_append(&mut self) -> Option<&mut AppendJob> {
        Some(self)
    }
}

/// A session as it is after what was decided so far.
struct State {
    session: Session,
    control: Control,
    seen: Timestamp,
    touched: bool,
    used: Used,
    /// Whether something of it was left to be done by itself: then so is what comes after, for order's sake.
    left: bool,
}

impl State {
    fn read(tx: &mut SqliteTx, heads: &mut Heads, append: &Append) -> Rows<Option<Self>> {
        let (session, control) = if let Some(Head { session, control }) = heads.take(append.session) {
            (session, control)
        } else {
            let Some(session) = run(tx.head(append.session))? else { return Ok(None) };
            let control = run(control(tx, &session))?;
            (session, control)
        };
        let left = session.status == SessionStatus::Lost;
        Ok(Some(Self { session, control, seen: append.at, touched: false, used: Used::default(), left }))
    }

    const fn booking(&self) -> Booking<'_> {
        Booking { session: &self.session, used: &self.used, at: self.seen }
    }

    /// The outcome, its messages still among all new ones, and how many they are.
    fn take(&mut self, append: &Append, new: &mut Vec<Message>) -> Option<(AppendOutcome, usize)> {
        if self.left {
            return None;
        }
        let Ok(plan) = self.session.append(append.batch.clone(), &HashMap::new()) else {
            self.left = true;
            return None;
        };
        self.session.last_seq = plan.last_seq;
        self.seen = self.seen.max(append.at);
        self.touched = true;
        self.used.extend(plan.used);
        let inserted = plan.insert.len();
        new.extend(plan.insert);
        let outcome = AppendOutcome {
            appended: plan.appended,
            inserted: Vec::new(),
            last_seq: plan.last_seq,
            control: self.control,
            came_back: false,
            exhausted: false,
        };
        Some((outcome, inserted))
    }
}

/// Decides and writes those of the jobs that it can, and leaves the others without a result. `false` when it can none,
/// after which what it wrote has to be undone.
pub(crate) fn together(tx: &mut SqliteTx, heads: &mut Heads, jobs: &mut [&mut AppendJob]) -> Rows<bool> {
    let mut states: HashMap<SessionId, Option<State>> = HashMap::with_capacity(jobs.len());
    let mut new = Vec::with_capacity(jobs.iter().map(|job| job.append.batch.len()).sum());
    let mut decided = Vec::with_capacity(jobs.len());
    for job in jobs {
        let state = match states.entry(job.append.session) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(State::read(tx, heads, &job.append)?),
        };
        if let Some(outcome) = state.as_mut().and_then(|state| state.take(&job.append, &mut new)) {
            decided.push((job, outcome));
        }
    }
    if !messages::insert_new(tx, &new)? {
        return Ok(false);
    }
    let touched: Vec<State> = states.into_values().flatten().filter(|state| state.touched).collect();
    let bookings: Vec<Booking<'_>> = touched.iter().map(State::booking).collect();
    let exhausted = run(book(tx, &bookings))?;
    for state in touched {
        run(tx.touch_session(&state.session, state.session.last_seq, state.seen))?;
        let last_seen_at = state.session.last_seen_at.max(Some(state.seen));
        heads.put(Head { session: Session { last_seen_at, ..state.session }, control: state.control });
    }
    let mut new = new.into_iter();
    for (job, (outcome, inserted)) in decided {
        let (inserted, exhausted) = (new.by_ref().take(inserted).collect(), exhausted.contains(&job.append.session));
        job.result = Some(Ok(AppendOutcome { inserted, exhausted, ..outcome }));
    }
    Ok(true)
}

#[cfg(test)]
mod statements;
#[cfg(test)]
mod tests;
