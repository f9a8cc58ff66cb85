//! One transaction for many appends.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use flightdeck_domain::ids::{CommandSeq, MessageId, Seq, SessionId};
use flightdeck_domain::message::{Control, Message};
use flightdeck_domain::ports::{AppendError, AppendOutcome, SessionRows as _};
use flightdeck_domain::session::{Session, SessionStatus};
use flightdeck_domain::transactions::{self, Booking, book};
use flightdeck_domain::usage::Used;
use flightdeck_metrics::Meters;
use flightdeck_store_sql::tx::Dialect as _;

use super::at_once;
use super::statements::insert_new;
use super::{Answer, Append, Counters, Memory};
use crate::database::Database;
use crate::error::StoreError;
use crate::group::sets::{Touch, count_pending};
use crate::messages;
use crate::transaction::Transaction;

/// What the group says to one of its members.
enum Said {
    Answer(Answer),
    /// It needs more than the group looks at: its session is lost and would come back by it, or a rule refuses it on what
    /// is known so far. What comes after it in its session is left with it, for order's sake.
    Alone,
}

/// What a group looks at before it decides.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Facts {
    /// The sessions, and the messages of those that sent some again lately. That another's message is in its conversation
    /// already is rare, and told by the insert.
    Heads,
    /// The sessions, and those of the messages that are in them already.
    All,
}

/// Appends that share a transaction, and what is known of their sessions.
struct Group<'a> {
    appends: Vec<Append>,
    memory: &'a Memory,
}

/// Appends all of them, each whole or not at all, and gives an answer for each in their order.
pub(crate) async fn commit(
    database: &Database,
    appends: Vec<Append>,
    counters: &Counters,
    memory: &Memory,
) -> Vec<Answer> {
    let begun = Instant::now();
    let (done, facts) = match at_once::commit(database, &appends, memory).await {
        Ok(done) => {
            Meters::process().committed(done.iter().flatten().count(), begun.elapsed());
            (done, Facts::Heads)
        }
        Err(cause) => {
            tracing::debug!(%cause, "appends are not written at once, and are done the long way");
            // Whatever was written after all is found by its ids.
            let facts =
                if matches!(cause, StoreError::NoConnection(_) | StoreError::Busy) { Facts::Heads } else { Facts::All };
            if matches!(cause, StoreError::Repeated) {
                counters.repeated_groups.fetch_add(1, Ordering::Relaxed);
            }
            (appends.iter().map(|_| None).collect(), facts)
        }
    };
    let rest: Vec<Append> =
        appends.into_iter().zip(&done).filter(|(_, done)| done.is_none()).map(|(it, _)| it).collect();
    counters.long.fetch_add(u64::try_from(rest.len()).unwrap_or_default(), Ordering::Relaxed);
    let mut rest =
        if rest.is_empty() { Vec::new() } else { the_long_way(database, rest, facts, counters, memory).await }
            .into_iter();
    done.into_iter().filter_map(|done| done.map(Ok).or_else(|| rest.next())).collect()
}

/// In one transaction of some statements.
async fn the_long_way(
    database: &Database,
    appends: Vec<Append>,
    facts: Facts,
    counters: &Counters,
    memory: &Memory,
) -> Vec<Answer> {
    let begun = Instant::now();
    let group = Group { appends, memory };
    let mut said = match facts {
        Facts::Heads => database.append(&group, |group, tx| Box::pin(together(tx, group, Facts::Heads))).await,
        Facts::All => database.append(&group, |group, tx| Box::pin(together(tx, group, Facts::All))).await,
    };
    if matches!(said, Err(StoreError::Repeated)) {
        counters.repeated_groups.fetch_add(1, Ordering::Relaxed);
        said = database.append(&group, |group, tx| Box::pin(together(tx, group, Facts::All))).await;
    }
    let appends = group.appends;
    match said {
        Ok((said, heads)) => {
            Meters::process().committed(appends.len(), begun.elapsed());
            for head in heads {
                memory.heads.put(head);
            }
            let mut answers = Vec::with_capacity(said.len());
            for (append, said) in appends.into_iter().zip(said) {
                answers.push(match said {
                    Said::Answer(answer) => answer,
                    Said::Alone => alone(database, append).await,
                });
            }
            answers
        }
        // Without a connection nobody fares better alone. With a lost one it is not known what was committed.
        Err(cause) if StoreError::nobody_fares_better_alone(&cause) => {
            let cause = Arc::new(cause);
            appends.iter().map(|_| Err(StoreError::Group(Arc::clone(&cause)).into())).collect()
        }
        Err(cause) if appends.len() > 1 => {
            tracing::warn!(%cause, "a group of appends failed, and its members are tried one by one");
            counters.broken_groups.fetch_add(1, Ordering::Relaxed);
            one_by_one(database, appends).await
        }
        Err(_) => one_by_one(database, appends).await,
    }
}

async fn one_by_one(database: &Database, appends: Vec<Append>) -> Vec<Answer> {
    let mut answers = Vec::with_capacity(appends.len());
    for append in appends {
        answers.push(alone(database, append).await);
    }
    answers
}

async fn alone(database: &Database, append: Append) -> Answer {
    database
        .append(&append, |append, tx| {
            Box::pin(transactions::append(tx, append.session, append.batch.clone(), append.at))
        })
        .await
}

/// A session of the group, as it is after what was decided so far.
struct State {
    session: Session,
    known: HashMap<MessageId, Message>,
    touched: bool,
    left: bool,
    /// Whether `known` has what is known.
    looked_up: bool,
    used: Used,
    pending_commands: u64,
}

/// However many there are: one statement for the sessions, one for all messages and the sessions again; and one for the ids
/// that are known, when they have to be.
async fn together(
    tx: &mut Transaction,
    group: &Group<'_>,
    facts: Facts,
) -> Result<(Vec<Said>, Vec<Session>), StoreError> {
    let Group { appends, memory } = group;
    let mut states = locked(tx, appends, memory, facts).await?;
    let mut said = Vec::with_capacity(appends.len());
    let mut new = Vec::new();
    for append in appends {
        let Some(state) = states.get_mut(&append.session) else {
            said.push(Said::Answer(Err(AppendError::UnknownSession(append.session))));
            continue;
        };
        if state.left {
            said.push(Said::Alone);
            continue;
        }
        said.push(match state.take(append, &mut new) {
            Err(_) if !state.looked_up => {
                state.left = true;
                Said::Alone
            }
            answer => {
                if answer.as_ref().is_ok_and(|outcome| outcome.appended.iter().any(|it| !it.created)) {
                    memory.repeats.note(append.session);
                }
                Said::Answer(answer)
            }
        });
    }
    let touched: Vec<Touch> = states.values().filter(|state| state.touched).filter_map(State::touch).collect();
    insert_new(tx.connection(), &new, &touched).await?;
    let bookings: Vec<Booking<'_>> = states.values().filter_map(State::booking).collect();
    let exhausted = book(tx, &bookings).await?;
    let mut new = new.into_iter();
    for (append, said) in appends.iter().zip(&mut said) {
        let Said::Answer(Ok(outcome)) = said else { continue };
        let created = outcome.appended.iter().filter(|appended| appended.created).count();
        outcome.inserted = new.by_ref().take(created).collect();
        outcome.exhausted = exhausted.contains(&append.session);
    }
    let heads = states.into_values().filter(|state| state.touched && !state.left).map(|state| state.session).collect();
    Ok((said, heads))
}

async fn locked(
    tx: &mut Transaction,
    appends: &[Append],
    memory: &Memory,
    facts: Facts,
) -> Result<HashMap<SessionId, State>, StoreError> {
    let mut ids: Vec<SessionId> = appends.iter().map(|append| append.session).collect();
    ids.sort_unstable();
    ids.dedup();
    let heads = tx.lock_heads(&ids).await?;
    // Most sessions never get a command.
    let commanded: Vec<SessionId> =
        heads.iter().filter(|head| head.last_command_seq > CommandSeq::ZERO).map(|head| head.id).collect();
    let pending =
        if commanded.is_empty() { HashMap::new() } else { count_pending(tx.connection(), &commanded).await? };
    let mut states: HashMap<SessionId, State> = heads
        .into_iter()
        .map(|session| {
            let pending_commands = pending.get(&session.id).copied().unwrap_or_default();
            let left = session.status == SessionStatus::Lost;
            let looked_up = facts == Facts::All || memory.repeats.has(session.id);
            let (known, used) = (HashMap::new(), Used::default());
            (session.id, State { session, known, touched: false, left, looked_up, used, pending_commands })
        })
        .collect();
    let has_messages =
        |id: &SessionId| states.get(id).is_some_and(|state| state.looked_up && state.session.last_seq > Seq::ZERO);
    let wanted: Vec<_> = appends
        .iter()
        .filter(|append| has_messages(&append.session))
        .flat_map(|append| append.batch.iter().map(|message| (append.session, message.id)))
        .collect();
    for message in messages::known(tx.connection(), &wanted).await? {
        if let Some(state) = states.get_mut(&message.session_id) {
            state.known.insert(message.id, message);
        }
    }
    Ok(states)
}

impl State {
    /// Decides one batch, and remembers what follows from it for the next of the same session.
    fn take(&mut self, append: &Append, new: &mut Vec<Message>) -> Answer {
        let plan = self.session.append(append.batch.clone(), &self.known)?;
        self.session.last_seq = plan.last_seq;
        self.session.last_seen_at = self.session.last_seen_at.max(Some(append.at));
        self.touched = true;
        self.used.extend(plan.used);
        if self.looked_up {
            self.known.extend(plan.insert.iter().map(|message| (message.id, message.clone())));
        }
        new.extend(plan.insert);
        let control = Control { desired_status: self.session.desired_status, pending_commands: self.pending_commands };
        // What was inserted is among all that is new until that is written.
        Ok(AppendOutcome {
            appended: plan.appended,
            inserted: Vec::new(),
            last_seq: plan.last_seq,
            control,
            came_back: false,
            exhausted: false,
        })
    }

    fn booking(&self) -> Option<Booking<'_>> {
        let at = self.session.last_seen_at.filter(|_| !self.used.is_empty())?;
        Some(Booking { session: &self.session, used: &self.used, at })
    }

    fn touch(&self) -> Option<Touch> {
        let seen = self.session.last_seen_at?;
        Some(Touch { session: self.session.id, last_seq: self.session.last_seq, seen })
    }
}
