//! One group of writes: one transaction, one commit.

use std::sync::Arc;

use diesel::connection::SimpleConnection;
use diesel::sqlite::SqliteConnection;
use tokio::sync::mpsc;

use super::{Counters, Effects, Job, count, guarded};
use crate::error::{GroupFailure, StoreError};

type Jobs = Vec<Box<dyn Job>>;

/// Where a group takes its jobs from, and how many at most.
pub(super) struct Line<'a> {
    pub(super) waiting: &'a mut mpsc::Receiver<Box<dyn Job>>,
    pub(super) limit: usize,
}

impl Line<'_> {
    fn next(&mut self, taken: &Jobs) -> Option<Box<dyn Job>> {
        if taken.len() < self.limit { self.waiting.try_recv().ok() } else { None }
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
pub(super) fn commit(connection: &mut SqliteConnection, first: Box<dyn Job>, mut line: Line<'_>, counters: &Counters) {
    let mut jobs = Jobs::new();
    // IMMEDIATE: a lock that cannot be had is found out here, before any work, and not in the middle of it.
    if let Err(error) = connection.batch_execute("BEGIN IMMEDIATE") {
        roll_back(connection);
        return turn_away(first, line, error);
    }
    match run(connection, first, &mut jobs, &mut line).and_then(|end| finish(connection, end)) {
        Ok(commits) => {
            count(&counters.commits, commits);
            count(&counters.writes, jobs.len());
            for job in jobs {
                job.answer();
            }
        }
        Err(failure) => {
            roll_back(connection);
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
fn turn_away(first: Box<dyn Job>, mut line: Line<'_>, error: diesel::result::Error) {
    let mut jobs = vec![first];
    while let Some(job) = line.next(&jobs) {
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
fn run(
    connection: &mut SqliteConnection,
    first: Box<dyn Job>,
    jobs: &mut Jobs,
    line: &mut Line<'_>,
) -> Result<End, GroupFailure> {
    if attempt(connection, first, jobs)? == Effects::Undo {
        return Ok(End::Rollback);
    }
    while let Some(job) = line.next(jobs) {
        if let Err(error) = connection.batch_execute("SAVEPOINT job") {
            jobs.push(job);
            return Err(GroupFailure::Savepoint(error));
        }
        let end = match attempt(connection, job, jobs)? {
            Effects::Keep => "RELEASE job",
            // Fails when SQLite has ended the whole transaction by itself (a full disk, say): then all have failed.
            Effects::Undo => "ROLLBACK TO job; RELEASE job",
        };
        connection.batch_execute(end).map_err(GroupFailure::Savepoint)?;
    }
    Ok(End::Commit)
}

/// Runs one job. It is among `jobs` afterwards, so that its caller hears of it however the group ends.
fn attempt(connection: &mut SqliteConnection, mut job: Box<dyn Job>, jobs: &mut Jobs) -> Result<Effects, GroupFailure> {
    let effects = guarded(|| job.run(connection));
    jobs.push(job);
    effects.map_err(GroupFailure::Panic)
}

/// Ends the transaction; how many commits that took.
fn finish(connection: &mut SqliteConnection, end: End) -> Result<usize, GroupFailure> {
    match end {
        End::Commit => connection.batch_execute("COMMIT").map(|()| 1).map_err(GroupFailure::Commit),
        End::Rollback => {
            roll_back(connection);
            Ok(0)
        }
    }
}

/// Fails when SQLite has rolled back by itself already, which is as good.
fn roll_back(connection: &mut SqliteConnection) {
    if let Err(error) = connection.batch_execute("ROLLBACK") {
        tracing::debug!(%error, "nothing to roll back");
    }
}
