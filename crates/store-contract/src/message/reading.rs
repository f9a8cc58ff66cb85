//! Conversations, read.

use std::collections::{BTreeSet, HashMap};

use flightdeck_domain::ids::Seq;
use flightdeck_domain::message::{Message, NewMessage};
use flightdeck_domain::ports::{AppendError, ConversationEnd, MessageRepository, MessageSlice};
use flightdeck_domain::session::SessionStatus;
use flightdeck_domain::text::MessageContent;
use tokio::task::{JoinHandle, yield_now};

use super::{after, before, seqs};
use crate::Harness;
use crate::given::{at, message, messages, observation, registration, session_id, text};
use crate::steps::{append, conversation, observe, register, session};

/// Whoever goes on after the newest seq it has seen, sees every message once and in order, however writers race.
pub async fn a_racing_reader_never_misses_a_message(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    let writers: Vec<JoinHandle<()>> = (1..=8)
        .map(|writer| {
            let store = harness.store();
            tokio::spawn(async move {
                for step in 0..25 {
                    let first = 1_000 * writer + 10 * step;
                    append(&*store, 1, messages(first..=first + step % 3)).await;
                }
            })
        })
        .collect();
    let mut seen: Vec<Message> = Vec::new();
    loop {
        // Looked at before the read: what was written by then, the read has to show.
        let finished = writers.iter().all(JoinHandle::is_finished);
        let place = seen.last().map_or(0, |message| message.seq.get());
        let slice = after(&*store, place, 7).await;
        assert!(slice.messages.iter().all(|message| message.seq.get() > place), "all of a page is after its place");
        let end = seqs(&slice.messages).last().copied().unwrap_or(place);
        assert!(end <= slice.last_seq.get(), "nothing is shown beyond the newest seq");
        assert!(slice.messages.len() == 7 || end == slice.last_seq.get(), "a short page reaches the newest seq");
        if finished && slice.messages.is_empty() {
            break;
        }
        seen.extend(slice.messages);
        yield_now().await;
    }
    for writer in writers {
        writer.await.expect("the writer ran to its end");
    }
    let total = 8 * (9 + 8 * 2 + 8 * 3);
    assert_eq!(seqs(&seen), (1..=total).collect::<Vec<_>>());
    assert_eq!(seen.iter().map(|message| message.id).collect::<BTreeSet<_>>().len(), seen.len());
}

/// Pages of any size from the beginning on are the whole.
pub async fn pages_forwards_make_up_the_whole(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    append(&*store, 1, messages(1..=23)).await;
    let whole = conversation(&*store, 1).await;
    for limit in [1, 2, 5, 7, 22, 23, 24] {
        let mut all: Vec<Message> = Vec::new();
        while all.len() < 23 {
            let page = after(&*store, u64::try_from(all.len()).expect("small"), limit).await;
            assert_eq!(page.messages.len(), limit.min(23 - all.len()), "a page is full as long as there is enough");
            assert_eq!((page.last_seq, page.status), (Seq::new(23), SessionStatus::Running));
            all.extend(page.messages);
        }
        assert_eq!(all, whole, "pages of {limit}");
    }
}

/// A page has no more of the largest messages than memory can bear, and at least one; pages of them are the whole, too.
pub async fn a_page_of_large_messages_is_short(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    let size = MessageContent::LIMIT;
    for n in 1..=6 {
        append(&*store, 1, vec![NewMessage { content: text(&"x".repeat(size)), ..message(n) }]).await;
    }
    let most = u64::try_from(MessageSlice::ENOUGH_BYTES.div_ceil(size)).expect("small");
    assert_eq!(seqs(&after(&*store, 0, 1_000).await.messages), (1..=most).collect::<Vec<_>>());
    assert_eq!(seqs(&after(&*store, most, 1_000).await.messages), (most + 1..=6).collect::<Vec<_>>());
    assert_eq!(seqs(&before(&*store, 7, 1_000).await.messages), (7 - most..=6).collect::<Vec<_>>());
    assert_eq!(seqs(&before(&*store, 7, 1).await.messages), [6]);
}

/// Pages of any size from the end back are the whole, each of them in the order of the conversation.
pub async fn pages_backwards_make_up_the_whole(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    append(&*store, 1, messages(1..=23)).await;
    let whole = conversation(&*store, 1).await;
    for limit in [1, 2, 5, 7, 22, 23, 24] {
        let (mut all, mut place) = (Vec::new(), 24);
        while place > 1 {
            let page = before(&*store, place, limit).await;
            assert_eq!((page.last_seq, page.status), (Seq::new(23), SessionStatus::Running));
            assert!(page.messages.iter().all(|message| message.seq.get() < place), "all of a page is before its place");
            place = page.messages[0].seq.get();
            all.splice(0..0, page.messages);
        }
        assert_eq!(all, whole, "pages of {limit}");
    }
    for place in [0, 1] {
        assert_eq!(before(&*store, place, 5).await.messages, []);
    }
    assert_eq!(before(&*store, i64::MAX.unsigned_abs(), 5).await.messages, whole[18..]);
}

/// Beyond the end there is nothing, but it is told where the end is and whether more can come.
pub async fn a_page_past_the_end_is_empty_and_knows_the_end(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    let empty =
        |last, status| MessageSlice { messages: vec![], receipts: HashMap::new(), last_seq: Seq::new(last), status };
    assert_eq!(after(&*store, 0, 5).await, empty(0, SessionStatus::Running));
    append(&*store, 1, messages(1..=3)).await;
    observe(&*store, observation(1, SessionStatus::Failed, 5)).await;
    for place in [4, 5, 1_000, i64::MAX.unsigned_abs()] {
        assert_eq!(after(&*store, place, 5).await, empty(4, SessionStatus::Failed));
    }
}

/// Where there is no session there is no conversation.
pub async fn the_conversation_of_an_unknown_session_is_none(harness: &dyn Harness) {
    let store = harness.store();
    assert_eq!(MessageRepository::after(&*store, session_id(9), Seq::ZERO, 5).await.expect("read"), None);
    assert_eq!(store.before(session_id(9), Seq::new(5), 5).await.expect("read"), None);
    let error = store.append(session_id(9), vec![message(1)], at(0)).await.expect_err("unknown");
    assert!(matches!(error, AppendError::UnknownSession(id) if id == session_id(9)), "{error:?}");
}

/// Of each session that is there: its newest seq, and its status.
pub async fn many_ends_are_read_at_once(harness: &dyn Harness) {
    let store = harness.store();
    for n in 1..=3 {
        register(&*store, registration(n)).await;
        append(&*store, n, messages(1..=n * 3)).await;
    }
    observe(&*store, observation(2, SessionStatus::Completed, 9)).await;
    let mut expected = Vec::new();
    for n in 1..=3 {
        let now = session(&*store, n).await;
        expected.push(ConversationEnd { session: now.id, last_seq: now.last_seq, status: now.status });
    }
    let mut ends = store.ends([3, 9, 1, 2].map(session_id).to_vec()).await.expect("read");
    ends.sort_by_key(|end| end.session);
    assert_eq!(ends, expected);
    assert_eq!(ends[1].status, SessionStatus::Completed);
    assert_eq!(store.ends(Vec::new()).await.expect("read"), []);
}
