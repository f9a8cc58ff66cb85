//! One group of writes: one transaction, one commit.

use std::sync::Arc;
use std::time::Instant;

use diesel::connection::SimpleConnection;
use flightdeck_domain::ports::StoreUnavailable;
use flightdeck_metrics::Meters;
use tokio::sync::mpsc;

use super::{Counters, Effects, Job, count, guarded};
use crate::append::AppendJob;
use crate::append::heads::Heads;
use crate::error::{GroupFailure, StoreError};
use crate::tx::SqliteTx;

type Jobs = Vec<Box<dyn Job>>;

/// What the writer works with.
pub(super) struct Desk {
    pub(super) tx: SqliteTx,
    pub(super) heads: Heads,
}

/// Where a group takes its jobs from, and how many at most.
pub(super) struct Line<'a> {
    pub(super) waiting: &'a mut mpsc::Receiver<Box<dyn Job>>,
    /// Taken from the queue, and still the first in line.
    pub(super) looked_at: Option<Box<dyn Job>>,
    pub(super) limit: usize,
}

impl Line<'_> {
    /// Waits for the first of a group; `None` when nobody can come any more.
    pub(super) fn wait(&mut self) -> Option<Box<dyn Job>> {
        self.looked_at.take().or_else(|| self.waiting.blocking_recv())
    }

    /// The next of a group that has taken so many.
    fn next(&mut self, taken: usize) -> Option<Box<dyn Job>> {
        if taken >= self.limit {
            return None;
        }
        self.looked_at.take().or_else(|| self.waiting.try_recv().ok())
    }

    /// A job, and the appends behind it when it is one itself, up to the first that is none.
    fn row(&mut self, mut first: Box<dyn Job>, taken: usize) -> Jobs {
        let mut row = Jobs::new();
        let appends = first.as_append().is_some();
        row.push(first);
        while appends && let Some(mut job) = self.next(taken + row.len()) {
            if job.as_append().is_none() {
                self.looked_at = Some(job);
                break;
            }
            row.push(job);
        }
        row
    }
}

/// How a group is to end.
#[derive(Clone, Copy)]
enum End {
    /// There is something to keep.
    Commit,
    /// There was one job only, and it is to be undone.
    Rollback,
}

/// Runs `first` and whatever has queued by then, commits, and only then answers.
pub(super) fn commit(desk: &mut Desk, first: Box<dyn Job>, line: &mut Line<'_>, counters: &Counters) {
    let begun = Instant::now();
    let mut jobs = Jobs::new();
    // IMMEDIATE: a lock that cannot be had is found out here, before any work, and not in the middle of it.
    if let Err(error) = desk.tx.batch_execute("BEGIN IMMEDIATE") {
        roll_back(desk);
        return turn_away(first, line, error);
    }
    match run(desk, first, &mut jobs, line).and_then(|end| finish(desk, end)) {
        Ok(commits) => {
            count(&counters.commits, commits);
            count(&counters.writes, jobs.len());
            if commits > 0 {
                Meters::process().committed(jobs.len(), begun.elapsed());
            }
            // Many at once would all wait for what is done here, and their callers run on more threads than one.
            if let [alone] = &*jobs {
                alone.tell();
            }
            for job in jobs {
                job.answer();
            }
        }
        Err(failure) => {
            roll_back(desk);
            let cause = Arc::new(failure);
            tracing::error!(error = %cause, writes = jobs.len(), "a group of writes was rolled back");
            for job in jobs {
                job.fail(StoreError::Group(Arc::clone(&cause)));
            }
        }
    }
}

/// Fails everybody who waits: they have all waited as long as SQLite was told to, and would otherwise wait that long one
/// after the other.
fn turn_away(first: Box<dyn Job>, line: &mut Line<'_>, error: diesel::result::Error) {
    let mut jobs = vec![first];
    while let Some(job) = line.next(jobs.len()) {
        jobs.push(job);
    }
    let cause = Arc::new(error);
    tracing::warn!(error = %cause, writes = jobs.len(), "the database could not be locked for writing");
    for job in jobs {
        job.fail(StoreError::Begin(Arc::clone(&cause)));
    }
}

/// Runs jobs until nobody waits. The first has the transaction to itself so far: to undo it is to roll back, and it needs
/// no savepoint. Each of the others has one.
fn run(desk: &mut Desk, first: Box<dyn Job>, jobs: &mut Jobs, line: &mut Line<'_>) -> Result<End, GroupFailure> {
    let mut row = line.row(first, 0);
    if row.len() == 1
        && let Some(first) = row.pop()
        && attempt(desk, first, jobs)? == Effects::Undo
    {
        return Ok(End::Rollback);
    }
    loop {
        append(desk, row, jobs)?;
        let Some(next) = line.next(jobs.len()) else { return Ok(End::Commit) };
        row = line.row(next, jobs.len());
    }
}

/// Runs a row of jobs, appends together as far as that goes.
fn append(desk: &mut Desk, mut row: Jobs, jobs: &mut Jobs) -> Result<(), GroupFailure> {
    if row.len() > 1
        && let Err(failure) = together(desk, &mut row, jobs.is_empty())
    {
        jobs.append(&mut row);
        return Err(failure);
    }
    let mut row = row.into_iter();
    while let Some(mut job) = row.next() {
        if job.as_append().is_some_and(|append| append.result.is_some()) {
            jobs.push(job);
        } else if let Err(failure) = apart(desk, job, jobs) {
            jobs.extend(row);
            return Err(failure);
        }
    }
    Ok(())
}

/// Has appends decided together. Those that are left without a result are still to be done.
///
/// The first of a group have the transaction to themselves: to undo them is to begin it again, and they need no savepoint,
/// for which SQLite would keep a copy of every page that they change.
fn together(desk: &mut Desk, row: &mut Jobs, first: bool) -> Result<(), GroupFailure> {
    let (begin, keep, undo) = if first {
        ("", "", "ROLLBACK; BEGIN IMMEDIATE")
    } else {
        ("SAVEPOINT appends", "RELEASE appends", "ROLLBACK TO appends; RELEASE appends")
    };
    let mut appends: Vec<&mut AppendJob> = row.iter_mut().filter_map(|job| job.as_append()).collect();
    let Desk { tx: connection, heads } = desk;
    connection.batch_execute(begin).map_err(GroupFailure::Savepoint)?;
    let done = heads.look_at_others(connection);
    let done = done.map_err(StoreUnavailable::from);
    let decide = || done.and_then(|()| crate::append::together(connection, heads, &mut appends));
    let kept = guarded(decide).map_err(GroupFailure::Panic)?.unwrap_or_else(|error| {
        tracing::warn!(%error, "appends could not be done together, and are done one by one");
        false
    });
    if !kept {
        heads.forget();
    }
    connection.batch_execute(if kept { keep } else { undo }).map_err(GroupFailure::Savepoint)
}

/// Runs a job in a savepoint of its own.
fn apart(desk: &mut Desk, job: Box<dyn Job>, jobs: &mut Jobs) -> Result<(), GroupFailure> {
    if let Err(error) = desk.tx.batch_execute("SAVEPOINT job") {
        jobs.push(job);
        return Err(GroupFailure::Savepoint(error));
    }
    let end = match attempt(desk, job, jobs)? {
        Effects::Keep => "RELEASE job",
        // Fails when SQLite has ended the whole transaction by itself (a full disk, say): then all have failed.
        Effects::Undo => "ROLLBACK TO job; RELEASE job",
    };
    desk.tx.batch_execute(end).map_err(GroupFailure::Savepoint)
}

/// Runs one job. It is among `jobs` afterwards, so that its caller hears of it however the group ends.
fn attempt(desk: &mut Desk, mut job: Box<dyn Job>, jobs: &mut Jobs) -> Result<Effects, GroupFailure> {
    // Whatever it changes, it does so without telling the heads.
    desk.heads.forget();
    let effects = guarded(|| job.run(&mut desk.tx));
    jobs.push(job);
    effects.map_err(GroupFailure::Panic)
}

/// Ends the transaction; how many commits that took.
fn finish(desk: &mut Desk, end: End) -> Result<usize, GroupFailure> {
    match end {
        End::Commit => desk.tx.batch_execute("COMMIT").map(|()| 1).map_err(GroupFailure::Commit),
        End::Rollback => {
            roll_back(desk);
            Ok(0)
        }
    }
}

/// Fails when SQLite has rolled back by itself already, which is as good.
fn roll_back(desk: &mut Desk) {
    desk.heads.forget();
    if let Err(error) = desk.tx.batch_execute("ROLLBACK") {
        tracing::debug!(%error, "nothing to roll back");
    }
}
