//! The members of a group, until all of them are done.
//!
//! A member runs its script until it asks for something that is done for all of them at once. When nobody can go on, the
//! group takes the first step, in the order of the locks, that somebody waits for, and does it for all who do: so a group
//! takes its locks in the order of a single transaction, and however many members it has, a step is one statement.
//!
//! What one member has locked, another one that asks for it waits for, until the first is done; it then finds what the
//! first wrote. The heads of the feed and of the audit log come last, once for the group.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use flightdeck_domain::feed::FleetEventDraft;
use flightdeck_domain::ids::{CommandSeq, SessionId};
use flightdeck_domain::session::Session;
use flightdeck_store_sql::tx::{SqlTx, single};
use flightdeck_store_sql::words::Words;
use futures_util::StreamExt as _;
use futures_util::future::{poll_fn, try_join};
use futures_util::stream::FuturesUnordered;

use super::facts::{Facts, ancestors, sessions, sort, switch};
use super::seat::{Ask, Asked, Board, Held, Reply, Step, lock};
use super::sets;
use super::writes::Writes;
use super::{Ended, Job, Seat};
use crate::error::StoreError;
use crate::line::Line;
use crate::locks;
use crate::transaction::{Remote, Transaction, tell};

type Done<T> = Result<T, StoreError>;

/// What happens next.
enum Next {
    Ended(usize, Ended),
    /// Nobody goes on before the group has done something.
    Quiet,
    Over,
}

/// A group at work.
struct Hall<'l> {
    line: &'l mut Line,
    board: Arc<Mutex<Board>>,
    held: HashMap<Held, usize>,
    /// What members wrote that are done.
    ready: Writes,
    events: Vec<FleetEventDraft>,
    kill_switch: Option<bool>,
    tree: bool,
}

/// Runs the scripts of all members in the transaction that is open on the connection, and says how each ended.
///
/// # Errors
/// Nothing of the transaction may be kept, and each member has to be done by itself.
pub(super) async fn together(line: &mut Line, jobs: &mut [Box<dyn Job>]) -> Done<Vec<Ended>> {
    let board = Board::of(jobs.len());
    let mut ended = vec![Ended::Alone; jobs.len()];
    let mut members: FuturesUnordered<_> = jobs
        .iter_mut()
        .enumerate()
        .map(|(number, job)| sit(job.as_mut(), line.seated(Seat::new(Arc::clone(&board), number)), number))
        .collect();
    let mut hall = Hall {
        line,
        board,
        held: HashMap::new(),
        ready: Writes::default(),
        events: Vec::new(),
        kill_switch: None,
        tree: false,
    };
    loop {
        let next = poll_fn(|cx| match members.poll_next_unpin(cx) {
            Poll::Ready(Some((number, how))) => Poll::Ready(Next::Ended(number, how)),
            Poll::Ready(None) => Poll::Ready(Next::Over),
            Poll::Pending if lock(&hall.board).asked.len() == members.len() => Poll::Ready(Next::Quiet),
            Poll::Pending => Poll::Pending,
        });
        match next.await {
            Next::Ended(number, how) => {
                let how = hall.ended(number, how)?;
                if let Some(ended) = ended.get_mut(number) {
                    *ended = how;
                }
            }
            Next::Quiet => hall.step().await?,
            Next::Over => break,
        }
    }
    hall.ready.put(hall.line).await?;
    hall.tell().await?;
    Ok(ended)
}

async fn sit(job: &mut dyn Job, line: Line, number: usize) -> (usize, Ended) {
    let mut tx: Transaction = SqlTx(Remote::on(line));
    (number, job.join(&mut tx).await)
}

impl Hall<'_> {
    /// Takes over what a member wrote, or forgets it.
    fn ended(&mut self, number: usize, how: Ended) -> Done<Ended> {
        self.held.retain(|_, holder| *holder != number);
        let mut board = lock(&self.board);
        let Some(member) = board.members.get_mut(number) else { return Ok(how) };
        match how {
            Ended::Kept => {
                self.events.extend(member.writes.take_events());
                self.ready.take_rows(&mut member.writes);
                Ok(Ended::Kept)
            }
            // A statement failed, or something is in the database that must not stay there.
            Ended::Broken => Err(StoreError::Spoilt),
            _ if member.wrote => Err(StoreError::Spoilt),
            Ended::Refused | Ended::Alone => {
                member.writes = Writes::default();
                Ok(if member.left { Ended::Alone } else { Ended::Refused })
            }
        }
    }

    /// Those who wait for the first step that can be taken.
    fn next(&mut self) -> Vec<Asked> {
        let mut board = lock(&self.board);
        let mut free: Vec<(usize, Step)> = Vec::new();
        let mut taken: HashMap<Held, usize> = HashMap::new();
        for (place, asked) in board.asked.iter().enumerate() {
            let Some(held) = asked.ask.held() else {
                free.push((place, asked.ask.step()));
                continue;
            };
            let holder = *self.held.get(&held).unwrap_or_else(|| taken.entry(held).or_insert(asked.member));
            if holder == asked.member {
                free.push((place, asked.ask.step()));
            }
        }
        let Some(first) = free.iter().map(|(_, step)| *step).min() else { return Vec::new() };
        let now: HashSet<usize> = free.into_iter().filter(|(_, step)| *step == first).map(|(place, _)| place).collect();
        let mut taking = Vec::with_capacity(now.len());
        let mut staying = Vec::new();
        for (place, asked) in board.asked.drain(..).enumerate() {
            if now.contains(&place) {
                taking.push(asked);
            } else {
                staying.push(asked);
            }
        }
        board.asked = staying;
        for asked in &taking {
            if let Some(held) = asked.ask.held() {
                self.held.insert(held, asked.member);
            }
        }
        // What they wrote is in the database before they read.
        for asked in &taking {
            if let Some(member) = board.members.get_mut(asked.member) {
                member.wrote |= member.writes.are_rows();
                self.ready.take_rows(&mut member.writes);
            }
        }
        taking
    }

    /// Does for everyone what stands first in the order of the locks.
    async fn step(&mut self) -> Done<()> {
        let asked = self.next();
        let Some(step) = asked.first().map(|asked| asked.ask.step()) else { return Err(StoreError::Spoilt) };
        self.ready.put(self.line).await?;
        match step {
            Step::Read => self.read(asked).await,
            Step::Calls => self.lock_calls(asked).await,
            Step::Tree => self.lock_tree(asked).await,
            Step::Sessions => self.lock_sessions(asked).await,
            Step::Operations => self.lock_operations(asked).await,
            Step::Insert => self.insert(asked).await,
            Step::Record => self.record(asked).await,
        }
    }

    async fn read(&mut self, asked: Vec<Asked>) -> Done<()> {
        let (mut whole, mut head, mut lines, mut targets, mut pending, mut commands) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut kill_switch = false;
        for asked in &asked {
            match &asked.ask {
                Ask::Session(id, _) => whole.push(*id),
                Ask::Head(id, _) => head.push(*id),
                Ask::Ancestors(id, _) => lines.push(*id),
                Ask::KillSwitch(_) => kill_switch = true,
                Ask::OpenTargets(id, _) => targets.push(*id),
                Ask::Pending(id, _) => pending.push(*id),
                Ask::Command(id, seq, _) => commands.push((*id, *seq)),
                _ => {}
            }
        }
        sort(&mut lines);
        // Statements of one connection that do not depend on one another are under way together.
        let line = &*self.line;
        let ((whole, head), (lines, kill_switch)) = try_join(
            try_join(sessions(line, whole, Facts::All, ""), sessions(line, head, Facts::Head, "")),
            try_join(ancestors(line, lines), switch(line, self.kill_switch.or((!kill_switch).then_some(false)))),
        )
        .await?;
        let (mut targets, (pending, commands)) = try_join(
            async { Ok::<_, StoreError>(sets::open_targets(line, &targets).await?) },
            try_join(async { Ok(sets::count_pending(line, &pending).await?) }, async {
                Ok(sets::commands(line, &commands).await?)
            }),
        )
        .await?;
        let commands: HashMap<(SessionId, CommandSeq), _> =
            commands.into_iter().map(|command| ((command.session_id, command.seq), command)).collect();
        for Asked { ask, .. } in asked {
            match ask {
                Ask::Flush(reply) => answer(reply, ()),
                Ask::Session(id, reply) => answer(reply, whole.get(&id).cloned()),
                Ask::Head(id, reply) => answer(reply, head.get(&id).cloned()),
                Ask::Ancestors(id, reply) => answer(reply, lines.get(&id).cloned().unwrap_or_default()),
                Ask::KillSwitch(reply) => answer(reply, kill_switch),
                Ask::OpenTargets(id, reply) => {
                    answer(reply, targets.extract_if(.., |target| target.session_id == id).collect());
                }
                Ask::Pending(id, reply) => answer(reply, pending.get(&id).copied().unwrap_or_default()),
                Ask::Command(id, seq, reply) => answer(reply, commands.get(&(id, seq)).cloned()),
                _ => {}
            }
        }
        Ok(())
    }

    async fn lock_calls(&mut self, asked: Vec<Asked>) -> Done<()> {
        let mut calls = Vec::new();
        for Asked { ask, .. } in asked {
            if let Ask::LockCall(actor, key, reply) = ask {
                calls.push((actor, key, reply));
            }
        }
        // Sorted, for another group may lock some of them, too.
        calls.sort_by(|(actor, key, _), (other, another, _)| (actor, key).cmp(&(other, another)));
        for (actor, key, reply) in calls {
            locks::idempotency_key(self.line, &actor, &key).await?;
            answer(reply, ());
        }
        Ok(())
    }

    async fn lock_tree(&mut self, asked: Vec<Asked>) -> Done<()> {
        if !self.tree {
            locks::tree_shared(self.line).await?;
            self.tree = true;
            // Nobody engages it while the tree is locked.
            self.kill_switch = Some(single::kill_switch(self.line).await?);
        }
        for Asked { ask, .. } in asked {
            if let Ask::LockTree(reply) = ask {
                answer(reply, ());
            }
        }
        Ok(())
    }

    async fn lock_sessions(&mut self, asked: Vec<Asked>) -> Done<()> {
        let (mut ids, mut facts) = (Vec::with_capacity(asked.len()), Facts::Head);
        for asked in &asked {
            match &asked.ask {
                Ask::LockSession(id, _) => {
                    ids.push(*id);
                    facts = Facts::All;
                }
                Ask::LockHead(id, _) => ids.push(*id),
                _ => {}
            }
        }
        let mut found = sessions(self.line, ids, facts, Words::Postgres.lock()).await?;
        for Asked { ask, .. } in asked {
            if let Ask::LockSession(id, reply) | Ask::LockHead(id, reply) = ask {
                answer(reply, found.remove(&id));
            }
        }
        Ok(())
    }

    async fn lock_operations(&mut self, asked: Vec<Asked>) -> Done<()> {
        let mut operations = Vec::new();
        for Asked { ask, .. } in asked {
            if let Ask::LockOperation(id, reply) = ask {
                operations.push((id, reply));
            }
        }
        operations.sort_by_key(|(id, _)| *id);
        for (id, reply) in operations {
            answer(reply, single::lock_operation(self.line, id).await?);
        }
        Ok(())
    }

    async fn insert(&mut self, asked: Vec<Asked>) -> Done<()> {
        let mut new: Vec<&Session> = Vec::with_capacity(asked.len());
        for Asked { ask, member } in &asked {
            if let Ask::Insert(session, _) = ask {
                new.push(session);
                if let Some(member) = lock(&self.board).members.get_mut(*member) {
                    member.wrote = true;
                }
            }
        }
        // Sorted, for another group may insert some of them, too.
        new.sort_by_key(|session| session.id);
        let mut inserted: HashSet<SessionId> = sets::insert_sessions(self.line, &new).await?.into_iter().collect();
        for Asked { ask, .. } in asked {
            if let Ask::Insert(session, reply) = ask {
                // Of two that insert the same one, it is the first.
                answer(reply, inserted.remove(&session.id));
            }
        }
        Ok(())
    }

    /// The audit log is written last: so first all that there is to tell is told.
    async fn record(&mut self, asked: Vec<Asked>) -> Done<()> {
        for asked in &asked {
            if let Some(member) = lock(&self.board).members.get_mut(asked.member) {
                self.events.extend(member.writes.take_events());
                member.wrote = true;
            }
        }
        let others_wait = !lock(&self.board).asked.is_empty();
        if others_wait && self.events.is_empty() {
            // They may tell something later, and the head of the feed is locked before that of the audit log.
            locks::feed(self.line).await?;
        }
        self.tell().await?;
        let (drafts, replies): (Vec<_>, Vec<_>) = asked
            .into_iter()
            .filter_map(|asked| match asked.ask {
                Ask::Record(draft, reply) => Some((*draft, reply)),
                _ => None,
            })
            .unzip();
        for (seq, reply) in sets::record(self.line, drafts).await?.into_iter().zip(replies) {
            answer(reply, seq);
        }
        Ok(())
    }

    async fn tell(&mut self) -> Done<()> {
        let events = std::mem::take(&mut self.events);
        if events.is_empty() { Ok(()) } else { Ok(tell(self.line, &events).await?) }
    }
}

/// Whoever does not wait any more has no use for it.
fn answer<T>(reply: Reply<T>, value: T) {
    let _ = reply.send(value);
}
