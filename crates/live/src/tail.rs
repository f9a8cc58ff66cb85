//! The newest entries of one followed log.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::watch;

use crate::log::{Frame, Head, Log};
use crate::rows::{Place, Rows};

/// How much a tail keeps and how often it looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TailOptions {
    /// The most entries that a tail keeps.
    pub max_frames: usize,
    /// The most bytes that a tail keeps; one entry larger than that is kept alone.
    pub max_bytes: usize,
    /// The most entries read from the store at once.
    pub page: usize,
    /// How often the ends of all followed logs are read, in case a hint was lost.
    pub poll: Duration,
    /// How many of a session's newest receipts (one at least) are told again to whoever begins to follow its conversation.
    /// A reader that was away learns from them what has changed meanwhile of the messages that it has already.
    pub receipts_told_again: usize,
}

impl Default for TailOptions {
    fn default() -> Self {
        Self {
            max_frames: 4_096,
            max_bytes: 4 * 1_048_576,
            page: 256,
            poll: Duration::from_secs(1),
            receipts_told_again: 256,
        }
    }
}

/// How much a follower takes at once: enough for one write to the socket, little enough to cost others no time.
const BATCH_BYTES: usize = 262_144;

/// So many followers are woken by whoever appended, at once; more of them by the tail's own task.
const FEW: usize = 8;

/// What a follower finds in a tail.
pub(crate) enum Found {
    /// Entries after its cursor.
    Frames(Vec<Frame>, u64),
    /// It has everything there is; more may come.
    UpToDate,
    /// It has everything there is, and nothing will come.
    Ended,
    /// It is behind what the tail keeps, and must read the store.
    Behind,
}

/// The newest entries of one log: all of those in `(floor, head]`.
pub(crate) struct Tail {
    window: Mutex<Window>,
    /// Whoever waits for a change of the window.
    followers: Rows,
    /// Changes when somebody has seen that the log goes on behind the head.
    behind: watch::Sender<()>,
    /// Changes when the window has changed and its followers do not know yet.
    handed: watch::Sender<()>,
}

struct Window {
    frames: VecDeque<Frame>,
    bytes: usize,
    floor: u64,
    head: Head,
}

impl Tail {
    pub(crate) fn starting_at(head: Head) -> Self {
        let window = Window { frames: VecDeque::new(), bytes: 0, floor: head.position, head };
        let (behind, handed) = (watch::Sender::new(()), watch::Sender::new(()));
        Self { window: Mutex::new(window), followers: Rows::default(), behind, handed }
    }

    pub(crate) fn subscribe(&self) -> Place {
        self.followers.join()
    }

    /// Has the tail look, if the log ends elsewhere than the tail.
    pub(crate) fn ends_at(&self, end: Head) {
        let head = self.head();
        if end.position > head.position || (end.ended && !head.ended) {
            self.behind.send_replace(());
        }
    }

    pub(crate) fn head(&self) -> Head {
        self.window().head
    }

    /// The place behind which the tail keeps everything.
    pub(crate) fn floor(&self) -> u64 {
        self.window().floor
    }

    /// Takes at most `limit` entries after a cursor, and not many more than [`BATCH_BYTES`] bytes.
    pub(crate) fn find(&self, cursor: u64, limit: usize) -> Found {
        let window = self.window();
        if cursor < window.floor {
            return Found::Behind;
        }
        let first = window.frames.partition_point(|frame| frame.position <= cursor);
        let (mut last, mut bytes) = (cursor, 0);
        let due = window.frames.range(first..).take(limit).take_while(|frame| {
            let room = bytes < BATCH_BYTES;
            bytes += frame.bytes.len();
            room
        });
        let frames: Vec<Frame> = due
            .map(|frame| {
                last = frame.position;
                frame.clone()
            })
            .collect();
        match (frames.is_empty(), window.head.ended) {
            (false, _) => Found::Frames(frames, last),
            (true, true) => Found::Ended,
            (true, false) => Found::UpToDate,
        }
    }

    fn window(&self) -> std::sync::MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops what it keeps up to a place, which the store holds in a newer form; whoever wants it reads the store.
    pub(crate) fn forget(&self, position: u64) {
        let mut window = self.window();
        while window.frames.front().is_some_and(|oldest| oldest.position <= position) {
            let Some(oldest) = window.frames.pop_front() else { break };
            window.bytes -= oldest.bytes.len();
        }
        window.floor = window.floor.max(position);
        drop(window);
        self.tell();
    }

    /// Takes entries of a log without gaps that were just written, the first of them at this place, unless one before them
    /// is missing here. Whether it has them now: if not, the store has to be read.
    pub(crate) fn offer(
        &self,
        first: u64,
        last: u64,
        frames: impl FnOnce() -> Vec<Frame>,
        options: &TailOptions,
    ) -> bool {
        let reached = self.head().position;
        if last > reached {
            if first > reached + 1 {
                return false;
            }
            // The head only ever rises, so nothing can be missing any more.
            if self.add(frames(), None, options) {
                // Whoever appended waits for its answer, and many who are woken here would all come before it.
                if self.followers.taken() <= FEW {
                    self.tell();
                } else {
                    self.handed.send_replace(());
                }
            }
        }
        true
    }

    /// Adds what follows the head, and whether it is the end when that is known.
    fn extend(&self, frames: Vec<Frame>, ended: Option<bool>, options: &TailOptions) {
        if self.add(frames, ended, options) {
            self.tell();
        }
    }

    /// Wakes everybody who follows.
    fn tell(&self) {
        self.followers.tell();
    }

    /// Whether there is something to tell.
    fn add(&self, frames: Vec<Frame>, ended: Option<bool>, options: &TailOptions) -> bool {
        let mut window = self.window();
        let ended = ended.unwrap_or(window.head.ended);
        if frames.is_empty() && window.head.ended == ended {
            return false;
        }
        for frame in frames {
            // A log gives its entries in order; anything else would be sent twice or out of order.
            if frame.position <= window.head.position {
                continue;
            }
            window.head.position = frame.position;
            // It was forgotten while it was on its way here: those who want it read the store.
            if frame.position <= window.floor {
                continue;
            }
            window.bytes += frame.bytes.len();
            window.frames.push_back(frame);
        }
        window.head.ended = ended;
        while window.frames.len() > options.max_frames || (window.bytes > options.max_bytes && window.frames.len() > 1)
        {
            let Some(oldest) = window.frames.pop_front() else { break };
            window.bytes -= oldest.bytes.len();
            window.floor = oldest.position;
        }
        true
    }
}

/// Keeps a tail at the head of its log until nobody follows it any more.
pub(crate) async fn pump<L: Log>(
    log: Arc<L>,
    key: L::Key,
    tail: Weak<Tail>,
    mut hints: watch::Receiver<u64>,
    options: TailOptions,
) {
    let Some((mut behind, mut handed)) = tail.upgrade().map(|tail| (tail.behind.subscribe(), tail.handed.subscribe()))
    else {
        return;
    };
    loop {
        hints.mark_unchanged();
        behind.mark_unchanged();
        let Some(caught_up) = catch_up(&*log, &key, &tail, &options).await else { return };
        loop {
            tokio::select! {
                _ = hints.changed() => break,
                // An error says that the tail is gone, and with it whoever followed.
                changed = behind.changed() => if changed.is_err() { return } else { break },
                changed = handed.changed() => match tail.upgrade() {
                    Some(tail) if changed.is_ok() => tail.followers.tell_in_turn().await,
                    _ => return,
                },
                () = tokio::time::sleep(options.poll), if !caught_up => break,
            }
        }
    }
}

/// Reads up to the end of the log. `None` when there is nothing more to do, ever; `false` when the store could not be read.
async fn catch_up<L: Log>(log: &L, key: &L::Key, tail: &Weak<Tail>, options: &TailOptions) -> Option<bool> {
    loop {
        let head = tail.upgrade()?.head();
        let read = match log.after(key, head.position, options.page).await {
            Ok(read) => read?,
            Err(error) => {
                let cause: &dyn std::error::Error = &error;
                tracing::warn!(?key, cause, "cannot read a followed log; trying again");
                return Some(false);
            }
        };
        let tail = tail.upgrade()?;
        let reached = read.frames.last().map_or(head.position, |frame| frame.position);
        let complete = reached >= read.head.position || read.frames.is_empty();
        tail.extend(read.frames, Some(read.head.ended && complete), options);
        if complete {
            return (!tail.head().ended).then_some(true);
        }
    }
}
