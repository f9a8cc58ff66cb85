//! Who is busy: ticks that say "this session has reached seq n", for whoever follows the fleet.
//!
//! A tick is a hint and no entry of a log: unnumbered, never replayed. All followers share one board, which holds the
//! newest seq of each session that moved lately, and only while somebody follows.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use flightdeck_domain::ids::{Seq, SessionId};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// How many sessions the board holds; beyond it, those that moved longest ago are forgotten.
const BOARD: usize = 4_096;

/// The board that all followers read.
#[derive(Default)]
pub(crate) struct Activity {
    followers: AtomicUsize,
    board: Mutex<Board>,
    moved: watch::Sender<u64>,
}

#[derive(Default)]
struct Board {
    /// Rises with each move; a follower remembers the last that it has seen.
    stamp: u64,
    by_stamp: BTreeMap<u64, (SessionId, Seq)>,
    stamps: HashMap<SessionId, u64>,
}

impl Board {
    fn put(&mut self, session: SessionId, seq: Seq) {
        let before = self.stamps.get(&session).and_then(|stamp| self.by_stamp.remove(stamp));
        // Hints may overtake each other.
        let newest = before.map_or(seq, |(_, known)| known.max(seq));
        self.stamp += 1;
        self.by_stamp.insert(self.stamp, (session, newest));
        self.stamps.insert(session, self.stamp);
        if self.by_stamp.len() > BOARD
            && let Some((_, (oldest, _))) = self.by_stamp.pop_first()
        {
            self.stamps.remove(&oldest);
        }
    }
}

impl Activity {
    /// A session has reached a seq. Costs one look at a number while nobody follows.
    pub(crate) fn moved(&self, session: SessionId, seq: Seq) {
        if self.followers.load(Ordering::Acquire) == 0 {
            return;
        }
        let stamp = {
            let mut board = self.board();
            board.put(session, seq);
            board.stamp
        };
        self.moved.send_replace(stamp);
    }

    pub(crate) fn follow(self: &Arc<Self>, every: Duration) -> ActivityTicks {
        self.followers.fetch_add(1, Ordering::AcqRel);
        let seen = self.board().stamp;
        ActivityTicks { activity: Arc::clone(self), moved: self.moved.subscribe(), seen, due: Instant::now(), every }
    }

    fn board(&self) -> std::sync::MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One follower's view of the board.
pub struct ActivityTicks {
    activity: Arc<Activity>,
    moved: watch::Receiver<u64>,
    seen: u64,
    due: Instant,
    every: Duration,
}

impl ActivityTicks {
    /// Waits until sessions have moved, and gives each once, with its newest seq. A session comes again after the span at
    /// the earliest, however often it moves.
    ///
    /// What is given comes again with the next call unless [`ActivityTicks::taken`] is called: a reader that is
    /// interrupted while it looks at it loses nothing.
    pub async fn next(&mut self) -> (u64, Vec<(SessionId, Seq)>) {
        loop {
            sleep_until(self.due).await;
            self.moved.mark_unchanged();
            let (stamp, ticks) = {
                let board = self.activity.board();
                let news = board.by_stamp.range(self.seen.saturating_add(1)..);
                (board.stamp, news.map(|(_, tick)| *tick).collect::<Vec<_>>())
            };
            if !ticks.is_empty() {
                return (stamp, ticks);
            }
            // The board holds the sender.
            let _ = self.moved.changed().await;
        }
    }

    /// Goes on behind what was given with this stamp.
    pub fn taken(&mut self, stamp: u64) {
        self.seen = stamp;
        self.due = Instant::now() + self.every;
    }
}

impl Drop for ActivityTicks {
    fn drop(&mut self) {
        let mut board = self.activity.board();
        if self.activity.followers.fetch_sub(1, Ordering::AcqRel) == 1 {
            board.by_stamp.clear();
            board.stamps.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flightdeck_domain::ports::IdGenerator;
    use flightdeck_domain::system::SystemIds;

    const EVERY: Duration = Duration::from_millis(250);

    async fn take(ticks: &mut ActivityTicks) -> Vec<(SessionId, u64)> {
        let (stamp, news) = ticks.next().await;
        ticks.taken(stamp);
        news.into_iter().map(|(session, seq)| (session, seq.get())).collect()
    }

    fn held(activity: &Activity) -> (usize, usize) {
        let board = activity.board();
        (board.by_stamp.len(), board.stamps.len())
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_session_ticks_once_a_span_with_its_newest_seq() {
        let activity = Arc::new(Activity::default());
        let session = SystemIds.session_id();
        let mut ticks = activity.follow(EVERY);
        let started = Instant::now();
        activity.moved(session, Seq::new(1));
        assert_eq!(take(&mut ticks).await, [(session, 1)]);
        for seq in [2, 4, 3] {
            activity.moved(session, Seq::new(seq));
        }
        assert_eq!(take(&mut ticks).await, [(session, 4)], "the newest, though a hint came late");
        assert!(started.elapsed() >= EVERY && started.elapsed() < 2 * EVERY);
        assert!(tokio::time::timeout(10 * EVERY, ticks.next()).await.is_err(), "told once");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_not_taken_comes_again() {
        let activity = Arc::new(Activity::default());
        let session = SystemIds.session_id();
        let mut ticks = activity.follow(EVERY);
        activity.moved(session, Seq::new(1));
        let first = ticks.next().await;
        assert_eq!(ticks.next().await, first);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_kept_while_nobody_follows_and_never_without_bounds() {
        let activity = Arc::new(Activity::default());
        let one = activity.follow(EVERY);
        let mut other = activity.follow(EVERY);
        drop(one);
        for _ in 0..BOARD + 100 {
            activity.moved(SystemIds.session_id(), Seq::new(1));
        }
        assert_eq!(held(&activity), (BOARD, BOARD));
        assert_eq!(take(&mut other).await.len(), BOARD);
        drop(other);
        activity.moved(SystemIds.session_id(), Seq::new(1));
        assert_eq!(held(&activity), (0, 0));
    }
}
