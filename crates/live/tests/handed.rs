//! Messages that were just appended reach those who follow their session without a look into the store.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use flightdeck_domain::ids::{Seq, SessionId};
use flightdeck_domain::message::{Message, MessageRole, NewMessage};
use flightdeck_domain::ports::{IdGenerator, MessageSlice, MockFleetFeed, MockMessageRepository, WakeUps};
use flightdeck_domain::session::SessionStatus;
use flightdeck_domain::system::SystemIds;
use flightdeck_domain::text::{JsonObject, MessageContent, ProviderName};
use flightdeck_domain::time::Timestamp;
use flightdeck_live::{ConversationFollower, ConversationTails, Conversations, Hints, Next, TailOptions};
use tokio::task::JoinSet;

/// A conversation in a store that counts how often messages are read from it.
#[derive(Clone)]
struct Paper {
    session: SessionId,
    messages: Arc<Mutex<Vec<Message>>>,
    reads: Arc<AtomicUsize>,
    hints: Arc<Hints>,
}

impl Paper {
    fn new() -> Self {
        Self { session: SystemIds.session_id(), messages: Arc::default(), reads: Arc::default(), hints: Arc::default() }
    }

    /// Writes so many, and tells nobody.
    fn write(&self, count: u64) -> Vec<Message> {
        let mut messages = self.messages.lock().expect("not poisoned");
        let new: Vec<Message> = (0..count)
            .map(|n| {
                let seq = Seq::new(u64::try_from(messages.len()).expect("small") + n + 1);
                let new = NewMessage {
                    id: SystemIds.message_id(),
                    role: MessageRole::Assistant,
                    content: MessageContent::new(seq.to_string()).expect("valid"),
                    metadata: JsonObject::default(),
                    created_at: Timestamp::from_micros(0).expect("a moment"),
                };
                new.at_seq(seq, self.session, ProviderName::internal())
            })
            .collect();
        messages.extend(new.clone());
        new
    }

    fn slice(&self, after: Seq, limit: usize) -> MessageSlice {
        if limit > 0 {
            self.reads.fetch_add(1, Ordering::SeqCst);
        }
        let messages = self.messages.lock().expect("not poisoned");
        MessageSlice {
            messages: messages.iter().filter(|message| message.seq > after).take(limit).cloned().collect(),
            receipts: HashMap::new(),
            last_seq: messages.last().map_or(Seq::ZERO, |last| last.seq),
            status: SessionStatus::Running,
        }
    }

    async fn follow(&self) -> ConversationFollower {
        self.followers(1).await.pop().expect("one")
    }

    async fn followers(&self, count: usize) -> Vec<ConversationFollower> {
        let (mut messages, mut feed, paper) = (MockMessageRepository::new(), MockFleetFeed::new(), self.clone());
        messages.expect_after().returning(move |_, after, limit| Ok(Some(paper.slice(after, limit))));
        feed.expect_newest_receipts().returning(|_, _| Ok(Vec::new()));
        feed.expect_receipts().returning(|_, _, _| Ok(Vec::new()));
        let encode = |message: &Message, _: Option<&_>| Bytes::from(message.seq.to_string());
        let tails = ConversationTails::new(
            Conversations::new(Arc::new(messages), Arc::clone(&self.hints), encode),
            Arc::new(feed),
            Arc::clone(&self.hints),
            |_| Bytes::new(),
            TailOptions::default(),
            &tokio::runtime::Handle::current(),
        );
        let mut followers = Vec::new();
        for _ in 0..count {
            followers.push(tails.follow(self.session, 0).await.expect("readable").expect("there"));
        }
        // The tails live as long as what is followed by them.
        Box::leak(Box::new(tails));
        followers
    }
}

async fn next(follower: &mut ConversationFollower) -> Vec<u64> {
    let Next::Frames(frames) = follower.next().await.expect("readable") else { panic!("ended") };
    frames.iter().map(|frame| std::str::from_utf8(frame).expect("digits").parse().expect("a number")).collect()
}

/// Waits until the tail has made its first look.
async fn settled(paper: &Paper) {
    while paper.reads.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_just_appended_is_not_read() {
    let paper = Paper::new();
    let mut follower = paper.follow().await;
    settled(&paper).await;
    let before = paper.reads.load(Ordering::SeqCst);
    for expected in [vec![1, 2], vec![3], vec![4, 5, 6]] {
        let count = u64::try_from(expected.len()).expect("small");
        paper.hints.messages_appended(&paper.write(count));
        assert_eq!(next(&mut follower).await, expected);
    }
    assert_eq!(paper.reads.load(Ordering::SeqCst), before);
}

#[tokio::test(start_paused = true)]
async fn where_one_is_missing_before_them_all_are_read() {
    let paper = Paper::new();
    let mut follower = paper.follow().await;
    settled(&paper).await;
    let before = paper.reads.load(Ordering::SeqCst);
    let (first, second) = (paper.write(1), paper.write(1));
    // Two calls that were answered in the other order.
    paper.hints.messages_appended(&second);
    assert_eq!(next(&mut follower).await, [1, 2]);
    assert!(paper.reads.load(Ordering::SeqCst) > before);
    paper.hints.messages_appended(&first);
    paper.hints.messages_appended(&paper.write(1));
    assert_eq!(next(&mut follower).await, [3], "what was there already does not come again");
}

#[tokio::test(start_paused = true)]
async fn many_who_wait_are_woken_without_a_look_too() {
    let paper = Paper::new();
    let mut waiting = JoinSet::new();
    for mut follower in paper.followers(20).await {
        waiting.spawn(async move { (next(&mut follower).await, next(&mut follower).await) });
    }
    settled(&paper).await;
    let before = paper.reads.load(Ordering::SeqCst);
    paper.hints.messages_appended(&paper.write(2));
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    paper.hints.messages_appended(&paper.write(1));
    // Sooner than the next look at where the log ends.
    let all = tokio::time::timeout(TailOptions::default().poll / 2, waiting.join_all()).await.expect("woken");
    assert_eq!(all, vec![(vec![1, 2], vec![3]); 20]);
    assert_eq!(paper.reads.load(Ordering::SeqCst), before);
}
