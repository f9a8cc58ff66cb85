//! Followers against a log that grows under them.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use flightdeck_domain::ports::StoreUnavailable;
use flightdeck_live::{Frame, Head, Log, LogRead, Next, TailOptions, Tails};
use proptest::prelude::*;
use tokio::sync::watch;

/// A log in memory. Positions may have gaps, as those of the fleet feed.
#[derive(Clone, Default)]
struct Paper(Arc<Inner>);

#[derive(Default)]
struct Inner {
    entries: Mutex<(Vec<u64>, bool)>,
    hint: watch::Sender<u64>,
    reads: AtomicUsize,
    patrols: AtomicUsize,
    broken: AtomicBool,
}

impl Paper {
    fn write(&self, position: u64, hint: bool) {
        self.0.entries.lock().expect("not poisoned").0.push(position);
        if hint {
            self.0.hint.send_modify(|count| *count += 1);
        }
    }

    fn end(&self) {
        self.0.entries.lock().expect("not poisoned").1 = true;
        self.0.hint.send_modify(|count| *count += 1);
    }
}

#[async_trait]
impl Log for Paper {
    type Key = &'static str;

    async fn after(&self, key: &&'static str, after: u64, limit: usize) -> Result<Option<LogRead>, StoreUnavailable> {
        if *key != "paper" {
            return Ok(None);
        }
        if self.0.broken.load(Ordering::SeqCst) {
            return Err(StoreUnavailable::new("torn"));
        }
        self.0.reads.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        let entries = self.0.entries.lock().expect("not poisoned");
        let wanted = entries.0.iter().copied().filter(|position| *position > after).take(limit);
        let frames = wanted.map(|position| Frame::new(position, Bytes::from(position.to_string()))).collect();
        let head = Head { position: entries.0.last().copied().unwrap_or(0), ended: entries.1 };
        Ok(Some(LogRead { frames, head }))
    }

    async fn heads(&self, keys: Vec<&'static str>) -> Result<Vec<(&'static str, Head)>, StoreUnavailable> {
        if self.0.broken.load(Ordering::SeqCst) {
            return Err(StoreUnavailable::new("torn"));
        }
        self.0.patrols.fetch_add(1, Ordering::SeqCst);
        let entries = self.0.entries.lock().expect("not poisoned");
        let head = Head { position: entries.0.last().copied().unwrap_or(0), ended: entries.1 };
        Ok(keys.into_iter().map(|key| (key, head)).collect())
    }

    fn hints(&self, _key: &&'static str) -> watch::Receiver<u64> {
        self.0.hint.subscribe()
    }
}

fn tails(paper: &Paper, max_frames: usize, page: usize) -> Tails<Paper> {
    let options = TailOptions { max_frames, page, poll: Duration::from_secs(1), ..TailOptions::default() };
    Tails::new(paper.clone(), options, tokio::runtime::Handle::current())
}

fn numbers(frames: &[Bytes]) -> Vec<u64> {
    frames.iter().map(|frame| std::str::from_utf8(frame).expect("digits").parse().expect("a number")).collect()
}

/// Follows until the end.
async fn all(tails: &Tails<Paper>, cursor: u64) -> Vec<u64> {
    let mut follower = tails.follow("paper", cursor).await.expect("readable").expect("there");
    let mut seen = Vec::new();
    while let Next::Frames(frames) = follower.next().await.expect("readable") {
        seen.extend(numbers(&frames));
    }
    seen
}

#[tokio::test(start_paused = true)]
async fn history_then_live_without_gap_or_repeat() {
    let paper = Paper::default();
    (1..=10).for_each(|position| paper.write(position, false));
    let tails = tails(&paper, 4, 3);
    let writer = async {
        for position in 11..=200 {
            paper.write(position, position % 3 == 0);
            tokio::task::yield_now().await;
        }
        paper.end();
    };
    let (whole, part, ()) = tokio::join!(all(&tails, 0), all(&tails, 7), writer);
    assert_eq!(whole, (1..=200).collect::<Vec<_>>());
    assert_eq!(part, (8..=200).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn lost_hints_cost_time_only() {
    let paper = Paper::default();
    let tails = tails(&paper, 100, 10);
    let mut follower = tails.follow("paper", 0).await.expect("readable").expect("there");
    let started = tokio::time::Instant::now();
    paper.write(1, false);
    assert_eq!(follower.next().await.expect("readable"), Next::Frames(vec![Bytes::from("1")]));
    assert!(started.elapsed() <= Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn one_read_serves_all_followers_of_a_log() {
    let paper = Paper::default();
    let tails = Arc::new(tails(&paper, 100, 10));
    let mut joining = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let tails = Arc::clone(&tails);
        joining.spawn(async move { tails.follow("paper", 0).await.expect("readable").expect("there") });
    }
    let mut followers = joining.join_all().await;
    tokio::task::yield_now().await;
    let before = paper.0.reads.load(Ordering::SeqCst);
    paper.write(1, true);
    for follower in &mut followers {
        assert_eq!(follower.next().await.expect("readable"), Next::Frames(vec![Bytes::from("1")]));
    }
    assert!(paper.0.reads.load(Ordering::SeqCst) - before <= 2, "followers read the store one by one");
}

#[tokio::test(start_paused = true)]
async fn a_slow_follower_misses_nothing_and_holds_nobody_up() {
    let paper = Paper::default();
    let tails = tails(&paper, 4, 2);
    let mut slow = tails.follow("paper", 0).await.expect("readable").expect("there");
    let mut fast = tails.follow("paper", 0).await.expect("readable").expect("there");
    let mut seen = Vec::new();
    for position in 1..=100 {
        paper.write(position, true);
        while seen.last() != Some(&position) {
            let Next::Frames(frames) = fast.next().await.expect("readable") else { panic!("ended") };
            seen.extend(numbers(&frames));
        }
    }
    assert_eq!(seen, (1..=100).collect::<Vec<_>>());
    let mut late = Vec::new();
    while late.last() != Some(&100) {
        let Next::Frames(frames) = slow.next().await.expect("readable") else { panic!("ended") };
        late.extend(numbers(&frames));
    }
    assert_eq!(late, seen);
}

#[tokio::test(start_paused = true)]
async fn an_ended_log_ends_its_followers_and_an_unknown_one_has_none() {
    let paper = Paper::default();
    paper.write(1, false);
    paper.end();
    let tails = tails(&paper, 4, 2);
    assert_eq!(all(&tails, 0).await, [1]);
    assert_eq!(all(&tails, 1).await, [0; 0]);
    assert!(tails.follow("other", 0).await.expect("readable").is_none());
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_the_store_is_survived() {
    let paper = Paper::default();
    let tails = tails(&paper, 100, 10);
    let mut follower = tails.follow("paper", 0).await.expect("readable").expect("there");
    paper.0.broken.store(true, Ordering::SeqCst);
    paper.write(1, true);
    assert!(tokio::time::timeout(Duration::from_secs(5), follower.next()).await.is_err());
    paper.0.broken.store(false, Ordering::SeqCst);
    assert_eq!(follower.next().await.expect("readable"), Next::Frames(vec![Bytes::from("1")]));
}

/// Lets the paused clock run on for so many seconds.
async fn seconds(n: u64) {
    tokio::time::sleep(Duration::from_secs(n)).await;
}

#[tokio::test(start_paused = true)]
async fn a_quiet_log_is_not_read() {
    let paper = Paper::default();
    paper.write(1, false);
    let tails = tails(&paper, 100, 10);
    let mut follower = tails.follow("paper", 0).await.expect("readable").expect("there");
    assert_eq!(follower.next().await.expect("readable"), Next::Frames(vec![Bytes::from("1")]));
    let (reads, patrols) = (paper.0.reads.load(Ordering::SeqCst), paper.0.patrols.load(Ordering::SeqCst));
    seconds(60).await;
    assert_eq!(paper.0.reads.load(Ordering::SeqCst), reads, "its end is read with those of all others");
    assert!(paper.0.patrols.load(Ordering::SeqCst) > patrols + 50);
}

#[tokio::test(start_paused = true)]
async fn a_lost_hint_of_the_end_costs_time_only() {
    let paper = Paper::default();
    let tails = tails(&paper, 100, 10);
    let mut follower = tails.follow("paper", 0).await.expect("readable").expect("there");
    seconds(3).await;
    paper.0.entries.lock().expect("not poisoned").1 = true;
    assert_eq!(follower.next().await.expect("readable"), Next::Ended);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_follows_any_more_is_not_looked_at() {
    let paper = Paper::default();
    let tails = tails(&paper, 100, 10);
    let follower = tails.follow("paper", 0).await.expect("readable").expect("there");
    seconds(3).await;
    drop(follower);
    seconds(2).await;
    let before = (paper.0.reads.load(Ordering::SeqCst), paper.0.patrols.load(Ordering::SeqCst));
    paper.write(1, true);
    seconds(60).await;
    assert_eq!((paper.0.reads.load(Ordering::SeqCst), paper.0.patrols.load(Ordering::SeqCst)), before);
    // Somebody comes again, and hints are lost again.
    let mut follower = tails.follow("paper", 1).await.expect("readable").expect("there");
    seconds(3).await;
    paper.write(2, false);
    assert_eq!(follower.next().await.expect("readable"), Next::Frames(vec![Bytes::from("2")]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever the gaps, the sizes, the lost hints and the moment of the handover: complete, in order, once.
    #[test]
    fn a_follower_sees_everything_after_its_cursor_once(
        steps in prop::collection::vec((1_u64..4, any::<bool>(), any::<bool>()), 1..120),
        history in 0_usize..60,
        start in 0_u64..80,
        window in 1_usize..10,
        page in 1_usize..10,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("runs");
        runtime.block_on(async {
            let paper = Paper::default();
            let mut positions = Vec::new();
            let mut position = 0;
            for (gap, _, _) in &steps {
                position += gap;
                positions.push(position);
            }
            let history = history.min(steps.len());
            positions[..history].iter().for_each(|position| paper.write(*position, false));
            let head = positions[..history].last().copied().unwrap_or(0);
            let cursor = start.min(head);
            let tails = tails(&paper, window, page);
            let writer = async {
                for (position, (_, hint, pause)) in positions[history..].iter().zip(&steps[history..]) {
                    paper.write(*position, *hint);
                    if *pause {
                        tokio::task::yield_now().await;
                    }
                }
                paper.end();
            };
            let (seen, ()) = tokio::join!(all(&tails, cursor), writer);
            let expected: Vec<u64> = positions.into_iter().filter(|position| *position > cursor).collect();
            prop_assert_eq!(seen, expected);
            Ok(())
        })?;
    }
}
