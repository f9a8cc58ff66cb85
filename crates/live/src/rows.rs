//! Those who wait for a tail to move, in rows.
//!
//! A follower that is woken runs on the thread of its connection, and so do requests. A thousand followers that are woken at
//! once stand before the next request, which may bring the next message. So followers stand in rows, and a row is woken when
//! the row before the last one has looked: requests are served in between, and a follower that is woken later finds more
//! at once.
//!
//! *Invariant.* Each move wakes everybody who waits, whatever others do: a row that does not look in time holds up the
//! next ones for [`PATIENCE`] and no longer.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};

/// So many stand in a row: some sixty microseconds of work. Sixteen writers reach a thousand followers as fast with 64, and one
/// that pipelines half as fast.
const ROW: usize = 16;

/// So many rows are woken and have not looked yet: one for each of a few threads.
const AHEAD: usize = 2;

/// How long a row is waited for: a thread may be busy with something else.
const PATIENCE: Duration = Duration::from_millis(5);

/// All rows of a tail.
#[derive(Debug, Default)]
pub(crate) struct Rows(Mutex<Vec<Arc<Row>>>);

#[derive(Debug)]
struct Row {
    /// Changes with each move.
    moved: watch::Sender<u64>,
    waiting: AtomicUsize,
    /// How many of those who were woken last have not looked yet.
    due: AtomicUsize,
    /// Somebody looked, and nobody is due any more.
    looked: Notify,
}

/// A place in a row.
pub(crate) struct Place {
    row: Arc<Row>,
    moved: watch::Receiver<u64>,
}

impl Rows {
    /// A place for a follower.
    pub(crate) fn join(&self) -> Place {
        let mut rows = self.rows();
        let free = rows.iter().find(|row| row.moved.receiver_count() < ROW).map(Arc::clone);
        let row = free.unwrap_or_else(|| {
            let (moved, waiting, due) = (watch::Sender::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
            let row = Arc::new(Row { moved, waiting, due, looked: Notify::new() });
            rows.push(Arc::clone(&row));
            row
        });
        let moved = row.moved.subscribe();
        Place { row, moved }
    }

    /// How many places are taken.
    pub(crate) fn taken(&self) -> usize {
        self.rows().iter().map(|row| row.moved.receiver_count()).sum()
    }

    /// Wakes everybody at once.
    pub(crate) fn tell(&self) {
        for row in self.rows().iter() {
            row.tell();
        }
    }

    /// Wakes everybody, row after row.
    pub(crate) async fn tell_in_turn(&self) {
        let rows: Vec<Arc<Row>> = self.rows().clone();
        let mut ahead = VecDeque::with_capacity(AHEAD);
        for row in rows {
            row.tell();
            ahead.push_back(row);
            if ahead.len() >= AHEAD
                && let Some(first) = ahead.pop_front()
            {
                // Whoever is late sees the move all the same.
                let _ = tokio::time::timeout(PATIENCE, first.has_looked()).await;
            }
        }
    }

    fn rows(&self) -> MutexGuard<'_, Vec<Arc<Row>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Row {
    fn tell(&self) {
        self.due.store(self.waiting.load(Ordering::SeqCst), Ordering::SeqCst);
        self.moved.send_modify(|count| *count = count.wrapping_add(1));
    }

    async fn has_looked(&self) {
        while self.due.load(Ordering::SeqCst) > 0 {
            self.looked.notified().await;
        }
    }
}

impl Place {
    /// What has moved so far is known: only what moves from here on counts.
    pub(crate) fn look(&mut self) {
        self.moved.mark_unchanged();
    }

    /// Waits for a move since the last look. Whoever does not wait any more is not waited for either.
    pub(crate) async fn moved(&mut self) {
        let _waiting = Waiting::in_row(&self.row);
        // The follower holds the tail, and with it the sender.
        let _ = self.moved.changed().await;
    }
}

/// Somebody waits, until this is dropped.
struct Waiting<'r>(&'r Row);

impl<'r> Waiting<'r> {
    fn in_row(row: &'r Row) -> Self {
        row.waiting.fetch_add(1, Ordering::SeqCst);
        Self(row)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
        // One that began to wait after the others were woken may count as one of them: the next row is then woken early.
        let due = self.0.due.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |due| due.checked_sub(1));
        if due == Ok(1) {
            self.0.looked.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Followers that note their number when they are woken. All of them wait when they are given.
    async fn followers(rows: &Rows, count: usize) -> (Arc<Mutex<Vec<usize>>>, Vec<tokio::task::JoinHandle<()>>) {
        let before = waiting(rows);
        let woken = Arc::new(Mutex::new(Vec::new()));
        let wait = |number| {
            let (mut place, woken) = (rows.join(), Arc::clone(&woken));
            tokio::spawn(async move {
                place.look();
                place.moved().await;
                woken.lock().expect("not poisoned").push(number);
            })
        };
        let all = (0..count).map(wait).collect();
        while waiting(rows) < before + count {
            tokio::task::yield_now().await;
        }
        (woken, all)
    }

    fn waiting(rows: &Rows) -> usize {
        rows.rows().iter().map(|row| row.waiting.load(Ordering::SeqCst)).sum()
    }

    #[tokio::test]
    async fn others_have_their_turn_between_rows() {
        let rows = Rows::default();
        let all = 3 * ROW + 1;
        let (woken, waiting) = followers(&rows, all).await;
        assert_eq!((rows.taken(), rows.rows().len()), (all, 4));
        // Whoever else is on the thread, and how many were woken at each of its turns.
        let seen = Arc::clone(&woken);
        let other = tokio::spawn(async move {
            let mut turns = Vec::new();
            while turns.last() != Some(&all) {
                turns.push(seen.lock().expect("not poisoned").len());
                tokio::task::yield_now().await;
            }
            turns
        });
        rows.tell_in_turn().await;
        for follower in waiting {
            follower.await.expect("no panic");
        }
        let turns = other.await.expect("no panic");
        for pair in turns.windows(2) {
            assert!(pair[1] - pair[0] <= AHEAD * ROW, "{turns:?}");
        }
        assert_eq!(rows.taken(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn who_never_looks_holds_nobody_up_for_long() {
        let rows = Rows::default();
        let mut stuck: Vec<Place> = (0..ROW).map(|_| rows.join()).collect();
        let waits: Vec<_> = stuck.iter_mut().map(|place| Box::pin(place.moved())).collect();
        // Polled once, so that they wait, and never again.
        let mut waits = waits;
        for wait in &mut waits {
            assert!(futures_poll(wait.as_mut()).is_pending());
        }
        let (woken, all) = followers(&rows, 2 * ROW).await;
        let begun = tokio::time::Instant::now();
        rows.tell_in_turn().await;
        for follower in all {
            follower.await.expect("no panic");
        }
        assert_eq!(woken.lock().expect("not poisoned").len(), 2 * ROW);
        assert!(begun.elapsed() <= PATIENCE * 2, "{:?}", begun.elapsed());
        drop(waits);
    }

    /// Whoever goes away while it waits is not waited for.
    #[tokio::test(start_paused = true)]
    async fn who_goes_away_is_not_due() {
        let rows = Rows::default();
        let mut places: Vec<Place> = (0..2).map(|_| rows.join()).collect();
        let mut waits: Vec<_> = places.iter_mut().map(|place| Box::pin(place.moved())).collect();
        for wait in &mut waits {
            assert!(futures_poll(wait.as_mut()).is_pending());
        }
        rows.tell();
        let row = Arc::clone(&rows.rows()[0]);
        assert_eq!(row.due.load(Ordering::SeqCst), 2);
        drop(waits);
        assert_eq!((row.due.load(Ordering::SeqCst), row.waiting.load(Ordering::SeqCst)), (0, 0));
        row.has_looked().await;
    }

    fn futures_poll<F: Future>(future: std::pin::Pin<&mut F>) -> std::task::Poll<F::Output> {
        future.poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
    }
}
