//! Conversations are followed together with their receipts: no reader is ever led back to an older receipt.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use flightdeck_domain::command::Receipt;
use flightdeck_domain::feed::{FleetEvent, FleetEventKind};
use flightdeck_domain::ids::{CommandSeq, FeedPosition, MessageId, Seq, SessionId};
use flightdeck_domain::message::{Message, MessageReceipt, MessageRole, NewMessage};
use flightdeck_domain::ports::{
    AppendError, AppendOutcome, ConversationEnd, FleetFeed, IdGenerator, MessageRepository, MessageSlice,
    StoreUnavailable, WakeUps,
};
use flightdeck_domain::session::SessionStatus;
use flightdeck_domain::system::SystemIds;
use flightdeck_domain::text::{JsonObject, MessageContent, ProviderName};
use flightdeck_domain::time::Timestamp;
use flightdeck_live::{ConversationFollower, ConversationTails, Conversations, Hints, Next, TailOptions};
use proptest::prelude::*;

/// A session with an operator's messages, each with the number of times that its receipt has changed.
#[derive(Default)]
struct World {
    messages: Vec<Message>,
    changes: HashMap<MessageId, u64>,
    receipts: Vec<FleetEvent>,
    ended: bool,
}

fn count(length: usize) -> u64 {
    u64::try_from(length).expect("small")
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<World>>);

impl World {
    fn say(&mut self, session: SessionId) {
        let new = NewMessage {
            id: SystemIds.message_id(),
            role: MessageRole::Operator,
            content: MessageContent::new("hello").expect("valid"),
            metadata: JsonObject::default(),
            created_at: Timestamp::from_micros(0).expect("a moment"),
        };
        let seq = Seq::new(count(self.messages.len()) + 1);
        self.messages.push(new.at_seq(seq, session, ProviderName::internal()));
    }

    /// The receipt of a message changes, if there is one.
    fn change(&mut self, session: SessionId, which: usize) {
        let Some(message) = self.messages.get(which % self.messages.len().max(1)) else { return };
        let changes = self.changes.entry(message.id).or_default();
        *changes += 1;
        let data = serde_json::json!({"command": {"messageSeq": message.seq.get()}, "changes": *changes});
        self.receipts.push(FleetEvent {
            position: FeedPosition::new(count(self.receipts.len()) + 1),
            kind: FleetEventKind::Receipt,
            session_id: Some(session),
            at: message.created_at,
            data: serde_json::from_value(data).expect("an object"),
        });
    }
}

impl Shared {
    fn with<T>(&self, work: impl FnOnce(&mut World) -> T) -> T {
        work(&mut self.0.lock().expect("not poisoned"))
    }
}

#[async_trait]
impl MessageRepository for Shared {
    async fn append(&self, _: SessionId, _: Vec<NewMessage>, _: Timestamp) -> Result<AppendOutcome, AppendError> {
        unreachable!("nobody appends")
    }

    async fn after(&self, _: SessionId, after: Seq, limit: usize) -> Result<Option<MessageSlice>, StoreUnavailable> {
        tokio::task::yield_now().await;
        let slice = self.with(|world| {
            let messages: Vec<Message> =
                world.messages.iter().filter(|said| said.seq > after).take(limit).cloned().collect();
            let changes = |id: &MessageId| world.changes.get(id).copied().unwrap_or_default();
            let receipt = |said: &Message| {
                let command_seq = CommandSeq::new(changes(&said.id));
                (said.id, MessageReceipt { command_seq, receipt: Receipt::Delivered })
            };
            MessageSlice {
                receipts: messages.iter().map(receipt).collect(),
                messages,
                last_seq: Seq::new(count(world.messages.len())),
                status: if world.ended { SessionStatus::Completed } else { SessionStatus::Running },
            }
        });
        // What was read travels for a while, and is old when it arrives.
        tokio::time::sleep(Duration::from_millis(3)).await;
        Ok(Some(slice))
    }

    async fn before(&self, _: SessionId, _: Seq, _: usize) -> Result<Option<MessageSlice>, StoreUnavailable> {
        unreachable!("nobody pages backwards")
    }

    async fn ends(&self, sessions: Vec<SessionId>) -> Result<Vec<ConversationEnd>, StoreUnavailable> {
        let (last_seq, status) = self.with(|world| {
            let status = if world.ended { SessionStatus::Completed } else { SessionStatus::Running };
            (Seq::new(count(world.messages.len())), status)
        });
        Ok(sessions.into_iter().map(|session| ConversationEnd { session, last_seq, status }).collect())
    }
}

#[async_trait]
impl FleetFeed for Shared {
    async fn after(&self, _: FeedPosition, _: usize) -> Result<Vec<FleetEvent>, StoreUnavailable> {
        unreachable!("nobody follows the fleet")
    }

    async fn receipts(
        &self,
        _: SessionId,
        after: FeedPosition,
        limit: usize,
    ) -> Result<Vec<FleetEvent>, StoreUnavailable> {
        let read = self
            .with(|world| world.receipts.iter().filter(|event| event.position > after).take(limit).cloned().collect());
        tokio::time::sleep(Duration::from_millis(2)).await;
        Ok(read)
    }

    async fn newest_receipts(&self, _: SessionId, limit: usize) -> Result<Vec<FleetEvent>, StoreUnavailable> {
        Ok(self.with(|world| world.receipts[world.receipts.len().saturating_sub(limit)..].to_vec()))
    }

    async fn receipt_heads(
        &self,
        sessions: Vec<SessionId>,
    ) -> Result<Vec<(SessionId, FeedPosition)>, StoreUnavailable> {
        let newest = self.with(|world| world.receipts.last().map_or(FeedPosition::ZERO, |event| event.position));
        Ok(sessions.into_iter().map(|session| (session, newest)).collect())
    }

    async fn head(&self) -> Result<FeedPosition, StoreUnavailable> {
        unreachable!("nobody follows the fleet")
    }
}

fn tails(world: &Shared, hints: &Arc<Hints>, options: TailOptions) -> ConversationTails {
    let message = |said: &Message, receipt: Option<&MessageReceipt>| {
        let changes = receipt.expect("an operator's message").command_seq;
        Bytes::from(format!("message {} {changes}", said.seq))
    };
    let receipt = |event: &FleetEvent| {
        let seq = event.message_seq().expect("of a message");
        Bytes::from(format!("receipt {seq} {}", event.data.as_map()["changes"]))
    };
    let messages = Conversations::new(Arc::new(world.clone()), Arc::clone(hints), message);
    let runtime = tokio::runtime::Handle::current();
    ConversationTails::new(messages, Arc::new(world.clone()), Arc::clone(hints), receipt, options, &runtime)
}

/// What a reader makes of a stream: of each message how often its receipt has changed, as far as it was told.
#[derive(Default)]
struct Reader {
    seen: Vec<u64>,
}

impl Reader {
    /// A reader that had the first messages before, and was told nothing of their receipts since.
    fn with(known: usize) -> Self {
        Self { seen: vec![0; known] }
    }

    fn take(&mut self, frame: &[u8]) {
        let text = std::str::from_utf8(frame).expect("a text");
        let [kind, seq, changes] = text.split(' ').collect::<Vec<_>>().try_into().expect("three words");
        let (seq, changes): (usize, u64) = (seq.parse().expect("a seq"), changes.parse().expect("a count"));
        match kind {
            "message" => {
                assert_eq!(seq, self.seen.len() + 1, "messages are dense");
                self.seen.push(changes);
            }
            // The newest receipts are told again in their order; what counts is the last one.
            _ => self.seen[seq - 1] = changes,
        }
    }
}

/// Reads until the reader knows this, or for a second.
async fn read_until(follower: &mut ConversationFollower, reader: &mut Reader, known: &[u64]) {
    let told = tokio::time::timeout(Duration::from_secs(1), async {
        while reader.seen != known {
            let Next::Frames(frames) = follower.next().await.expect("readable") else { panic!("it goes on") };
            for frame in frames {
                reader.take(&frame);
            }
        }
    });
    assert!(told.await.is_ok(), "knows {:?} instead of {known:?}", reader.seen);
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_receipts_larger_than_a_page_does_not_wait_for_the_patrol() {
    let (world, hints, session) = (Shared::default(), Arc::new(Hints::default()), SystemIds.session_id());
    world.with(|world| world.say(session));
    let options = TailOptions { page: 2, poll: Duration::from_mins(1), ..TailOptions::default() };
    let tails = tails(&world, &hints, options);
    let mut follower = tails.follow(session, 0).await.expect("readable").expect("there");
    let mut reader = Reader::default();
    read_until(&mut follower, &mut reader, &[0]).await;
    world.with(|world| (0..9).for_each(|_| world.change(session, 0)));
    hints.command_queued(session);
    read_until(&mut follower, &mut reader, &[9]).await;
}

#[tokio::test(start_paused = true)]
async fn who_comes_before_receipts_were_read_is_told_of_all_that_the_messages_lack() {
    let (world, hints, session) = (Shared::default(), Arc::new(Hints::default()), SystemIds.session_id());
    let options = TailOptions { poll: Duration::from_mins(1), receipts_told_again: 1, ..TailOptions::default() };
    let tails = tails(&world, &hints, options);
    let mut first = tails.follow(session, 0).await.expect("readable").expect("there");
    world.with(|world| (0..2).for_each(|_| world.say(session)));
    hints.session_moved(session, Seq::ZERO);
    read_until(&mut first, &mut Reader::default(), &[0, 0]).await;
    // Both messages lie in the tail as they were; of what changes now, only the newest is told again to everybody.
    world.with(|world| [0, 1, 1].into_iter().for_each(|which| world.change(session, which)));
    let mut later = tails.follow(session, 0).await.expect("readable").expect("there");
    let mut reader = Reader::default();
    read_until(&mut later, &mut reader, &[0, 0]).await;
    hints.command_queued(session);
    read_until(&mut later, &mut reader, &[1, 2]).await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// However messages, receipts and the reader's steps interleave: at the end the reader knows of each message what is
    /// so, though it takes every event at its word and the last one wins.
    #[test]
    fn a_reader_ends_with_the_newest_receipt_of_every_message(
        steps in proptest::collection::vec((0_u8..3, 0_usize..50), 1..60),
        before in 0_usize..20,
        known in 0_usize..20,
        page in 1_usize..5,
        max_frames in 1_usize..6,
        receipts_told_again in 1_usize..4,
    ) {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("runs");
        let (expected, seen) = runtime.block_on(async move {
            let (world, hints, session) = (Shared::default(), Arc::new(Hints::default()), SystemIds.session_id());
            (0..before).for_each(|_| world.with(|world| world.say(session)));
            let known = known.min(before);
            let poll = Duration::from_millis(20);
            let few = TailOptions { max_frames, page, poll, receipts_told_again, ..TailOptions::default() };
            let many = TailOptions { receipts_told_again: 1_000, ..few };
            let (few, many) = (tails(&world, &hints, few), tails(&world, &hints, many));
            // Somebody else follows too, so that the tails hold what was read at other times.
            let other = few.follow(session, 0).await.expect("readable").expect("there");
            let writer = async {
                for (kind, which) in steps {
                    match kind {
                        0 => world.with(|world| world.say(session)),
                        1 => world.with(|world| world.change(session, which)),
                        _ => tokio::time::sleep(Duration::from_millis(count(which))).await,
                    }
                    hints.session_moved(session, Seq::ZERO);
                    hints.command_queued(session);
                }
                world.with(|world| world.ended = true);
                hints.session_moved(session, Seq::ZERO);
            };
            let read = async |tails: &ConversationTails, mut reader: Reader, delay: u64| {
                tokio::time::sleep(Duration::from_millis(delay)).await;
                let cursor = count(reader.seen.len());
                let mut follower = tails.follow(session, cursor).await.expect("readable").expect("there");
                while let Next::Frames(frames) = follower.next().await.expect("readable") {
                    for frame in frames {
                        reader.take(&frame);
                    }
                    tokio::task::yield_now().await;
                }
                reader.seen
            };
            let ((), whole, later, returning) = tokio::join!(
                writer,
                read(&few, Reader::default(), 0),
                read(&few, Reader::default(), 30),
                // Only what is told again can tell it what changed of the messages that it has.
                read(&many, Reader::with(known), 40),
            );
            drop(other);
            let expected = world.with(|world| {
                let changes = |said: &Message| world.changes.get(&said.id).copied().unwrap_or_default();
                world.messages.iter().map(changes).collect::<Vec<_>>()
            });
            (expected, [whole, later, returning])
        });
        for seen in seen {
            prop_assert_eq!(&seen, &expected);
        }
    }
}
