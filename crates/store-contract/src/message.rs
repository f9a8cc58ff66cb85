//! Conversations: [`flightdeck_domain::ports::MessageRepository`].

mod reading;

pub use reading::*;

use flightdeck_domain::action::Intervention;
use flightdeck_domain::ids::Seq;
use flightdeck_domain::message::{AppendRefused, Appended, Control, Message, MessageRole, NewMessage};
use flightdeck_domain::ports::{AppendError, MessageRepository, MessageSlice};
use flightdeck_domain::session::{DesiredStatus, Registration, SessionStatus};
use flightdeck_domain::text::MessageContent;

use crate::given::{
    AWKWARD, at, awkward_json, hostile_json, inject, message, message_id, messages, observation, registration,
    session_id, text,
};
use crate::state::State;
use crate::steps::{append, commit, conversation, feed, observe, register, session, together};
use crate::{Harness, Store};

fn seqs(messages: &[Message]) -> Vec<u64> {
    messages.iter().map(|message| message.seq.get()).collect()
}

async fn after(store: &dyn Store, after: u64, limit: usize) -> MessageSlice {
    let slice = MessageRepository::after(store, session_id(1), Seq::new(after), limit).await.expect("read");
    slice.expect("the session is there")
}

async fn before(store: &dyn Store, before: u64, limit: usize) -> MessageSlice {
    let slice = store.before(session_id(1), Seq::new(before), limit).await.expect("read");
    slice.expect("the session is there")
}

/// Appends, expects a refusal, and sees that nothing was written.
async fn refused(store: &dyn Store, batch: Vec<NewMessage>) -> AppendRefused {
    let before = State::of(store).await;
    let error = store.append(session_id(1), batch, at(77)).await.expect_err("a rule forbids it");
    assert_eq!(State::of(store).await, before, "a refused batch writes nothing");
    match error {
        AppendError::Refused(refused) => refused,
        error => panic!("{error:?}"),
    }
}

/// Every field is kept, for every role that speaks.
pub async fn a_message_reads_back_as_it_was_written(harness: &dyn Harness) {
    let store = harness.store();
    let registered = register(&*store, registration(1)).await;
    let roles = [MessageRole::User, MessageRole::Assistant, MessageRole::Tool, MessageRole::System];
    let batch: Vec<NewMessage> = (1..)
        .zip(roles)
        .map(|(n, role)| NewMessage {
            role,
            content: text(&format!(" \t{AWKWARD}\r\n\u{2028}\u{feff}{n}\n ")),
            metadata: if n % 2 == 0 { awkward_json() } else { message(n).metadata },
            ..message(n)
        })
        .collect();
    append(&*store, 1, batch.clone()).await;
    let expected: Vec<Message> = (1..)
        .zip(batch)
        .map(|(seq, new)| new.at_seq(Seq::new(seq), registered.id, registered.provider.clone()))
        .collect();
    assert_eq!(conversation(&*store, 1).await, expected);
    assert_eq!(before(&*store, 99, 99).await.messages, expected);
}

/// JSON is kept to the last bit: the escape of a zero byte, which some databases refuse, and numbers that careless parsers
/// round. A retry is compared with what was kept, and must be the same message.
pub async fn json_of_any_kind_reads_back_the_same(harness: &dyn Harness) {
    let store = harness.store();
    let object = hostile_json();
    let facts = Registration { context: object.clone(), metadata: object.clone(), ..registration(1) };
    register(&*store, facts.clone()).await;
    let kept = session(&*store, 1).await;
    assert_eq!((kept.context, kept.metadata), (object.clone(), object.clone()));
    assert!(!store.register(facts).await.expect("harmless").created);
    let message = NewMessage { metadata: object.clone(), ..message(1) };
    for created in [true, false] {
        let outcome = append(&*store, 1, vec![message.clone()]).await;
        assert_eq!(outcome.appended[0].created, created, "the same message again");
    }
    assert_eq!(after(&*store, 0, 1).await.messages[0].metadata, object);
}

/// The largest content, and as many messages as a call may bring.
pub async fn a_large_message_and_a_large_batch_are_kept(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    let content: MessageContent = text(&"é".repeat(MessageContent::LIMIT / 2));
    append(&*store, 1, vec![NewMessage { content: content.clone(), ..message(5_000) }]).await;
    append(&*store, 1, messages(1..=1_000)).await;
    let kept = conversation(&*store, 1).await;
    assert_eq!((kept.len(), &kept[0].content), (1_001, &content));
    let ids: Vec<_> = kept[1..].iter().map(|message| message.id).collect();
    assert_eq!(ids, (1..=1_000).map(message_id).collect::<Vec<_>>());
}

/// The places of a batch are dense and in its order, and the answer tells them so.
pub async fn a_batch_keeps_its_order(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    append(&*store, 1, messages(1..=2)).await;
    let outcome = append(&*store, 1, [9, 7, 8].map(message).into()).await;
    let place = |n, seq| Appended { id: message_id(n), seq: Seq::new(seq), created: true };
    assert_eq!(outcome.appended, [place(9, 3), place(7, 4), place(8, 5)]);
    assert_eq!((outcome.last_seq, session(&*store, 1).await.last_seq), (Seq::new(5), Seq::new(5)));
    let ids: Vec<_> = conversation(&*store, 1).await.iter().map(|message| message.id).collect();
    assert_eq!(ids, [1, 2, 9, 7, 8].map(message_id));
}

/// Single messages and batches from many writers: 1, 2, 3 … without a gap, each batch in one piece.
pub async fn seqs_are_dense_under_racing_writers(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    register(&*store, registration(2)).await;
    let outcomes = together(32, |n| {
        let store = harness.store();
        async move {
            let mut outcomes = Vec::new();
            for step in 0..5 {
                let first = 1_000 * (n + 1) + 10 * step;
                let length = if n % 2 == 0 { 0 } else { step };
                outcomes.push(append(&*store, 1, messages(first..=first + length)).await);
                append(&*store, 2, vec![message(first)]).await;
            }
            outcomes
        }
    })
    .await;
    let kept = conversation(&*store, 1).await;
    let total = 16 * 5 + 16 * (1 + 2 + 3 + 4 + 5);
    assert_eq!(seqs(&kept), (1..=total).collect::<Vec<_>>());
    assert_eq!(seqs(&conversation(&*store, 2).await), (1..=160).collect::<Vec<_>>());
    for outcome in outcomes.into_iter().flatten() {
        for (offset, place) in (0..).zip(&outcome.appended) {
            assert!(place.created);
            assert_eq!(place.seq.get(), outcome.appended[0].seq.get() + offset, "a batch stands in one piece");
            assert_eq!(kept[usize::try_from(place.seq.get() - 1).expect("small")].id, place.id);
        }
    }
}

/// What is said, what is seen and what is injected stand in one order without a gap.
pub async fn statuses_and_messages_share_one_dense_order(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    let written = together(24, |n| {
        let store = harness.store();
        async move {
            match n % 3 {
                0 => append(&*store, 1, messages(10 * n + 1..=10 * n + 2)).await.appended.len(),
                1 => usize::from(commit(&*store, 1, inject(10 * n + 1)).await.message.is_some()),
                _ => {
                    let status = if n % 2 == 0 { SessionStatus::Paused } else { SessionStatus::Running };
                    let done = store.observe(observation(1, status, n)).await.expect("legal either way");
                    usize::from(done.changed)
                }
            }
        }
    })
    .await;
    let total = u64::try_from(written.into_iter().sum::<usize>()).expect("small");
    assert_eq!(seqs(&conversation(&*store, 1).await), (1..=total).collect::<Vec<_>>());
}

/// A retry gives the first place, alone, among others and within one batch, and the first body stays.
pub async fn appending_again_gives_the_first_place(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    append(&*store, 1, messages(1..=3)).await;
    let before = conversation(&*store, 1).await;
    // A retry may stamp a new time; the first one stays.
    let again = append(&*store, 1, vec![NewMessage { created_at: at(500), ..message(2) }]).await;
    assert_eq!(again.appended, [Appended { id: message_id(2), seq: Seq::new(2), created: false }]);
    assert_eq!((again.last_seq, conversation(&*store, 1).await), (Seq::new(3), before.clone()));

    let mixed = append(&*store, 1, [4, 1, 5, 4].map(message).into()).await;
    let places: Vec<_> = mixed.appended.iter().map(|place| (place.seq.get(), place.created)).collect();
    assert_eq!(places, [(4, true), (1, false), (5, true), (4, false)]);
    let kept = conversation(&*store, 1).await;
    assert_eq!((seqs(&kept), &kept[..3]), (vec![1, 2, 3, 4, 5], before.as_slice()));
}

/// Racing retries of one batch write it once, and all are told the same places.
pub async fn one_of_many_racing_retries_creates(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    let outcomes = together(16, |_| {
        let store = harness.store();
        async move { append(&*store, 1, messages(1..=3)).await.appended }
    })
    .await;
    let created = outcomes.iter().filter(|appended| appended.iter().all(|place| place.created)).count();
    assert_eq!(created, 1);
    for appended in &outcomes {
        assert_eq!(appended.iter().map(|place| place.seq.get()).collect::<Vec<_>>(), [1, 2, 3]);
    }
    assert_eq!(conversation(&*store, 1).await.len(), 3);
}

/// Another role, content or metadata under a known id is refused with all that came along.
pub async fn another_body_is_a_conflict_and_nothing_is_written(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    append(&*store, 1, messages(1..=2)).await;
    let others = [
        NewMessage { role: MessageRole::User, ..message(2) },
        NewMessage { content: text("other"), ..message(2) },
        NewMessage { metadata: awkward_json(), ..message(2) },
    ];
    for other in others {
        let conflict = AppendRefused::Conflict { id: message_id(2), seq: Seq::new(2) };
        assert_eq!(refused(&*store, vec![message(3), other, message(4)]).await, conflict);
    }
    let twice = NewMessage { content: text("other"), ..message(3) };
    let conflict = AppendRefused::Conflict { id: message_id(3), seq: Seq::new(3) };
    assert_eq!(refused(&*store, vec![message(3), twice]).await, conflict);
    assert_eq!(append(&*store, 1, vec![message(3)]).await.last_seq, Seq::new(3));
}

/// An id is the client's choice within a session, and says nothing about others.
pub async fn one_id_in_two_sessions_is_two_messages(harness: &dyn Harness) {
    let store = harness.store();
    for n in [1, 2] {
        register(&*store, registration(n)).await;
    }
    append(&*store, 1, vec![message(7), message(1)]).await;
    let other = NewMessage { content: text("another body"), ..message(1) };
    let outcome = append(&*store, 2, vec![other.clone()]).await;
    assert_eq!(outcome.appended, [Appended { id: message_id(1), seq: Seq::new(1), created: true }]);
    assert_eq!(conversation(&*store, 1).await[1].content, message(1).content);
    assert_eq!(conversation(&*store, 2).await[0].content, other.content);
}

/// A closed conversation takes what it has already, and nothing more.
pub async fn an_ended_session_takes_exact_retries_only(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    append(&*store, 1, messages(1..=2)).await;
    observe(&*store, observation(1, SessionStatus::Completed, 5)).await;
    let ended = AppendRefused::Ended { session: session_id(1), status: SessionStatus::Completed };
    assert_eq!(refused(&*store, vec![message(3)]).await, ended);
    assert_eq!(refused(&*store, messages(1..=3)).await, ended);
    let outcome = append(&*store, 1, messages(1..=2)).await;
    assert!(outcome.appended.iter().all(|place| !place.created));
    assert_eq!((outcome.last_seq, conversation(&*store, 1).await.len()), (Seq::new(3), 3));
}

/// Who speaks is alive, and learns by the way what an operator wants.
pub async fn an_append_is_a_sign_of_life_and_tells_what_is_wanted(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    let outcome = store.append(session_id(1), vec![message(1)], at(30)).await.expect("appended");
    assert_eq!(outcome.control, Control { desired_status: DesiredStatus::Running, pending_commands: 0 });
    assert_eq!(session(&*store, 1).await.last_seen_at, Some(at(30)));
    commit(&*store, 1, inject(2)).await;
    commit(&*store, 1, Intervention::Pause).await;
    // A retry is a sign of life too.
    let outcome = store.append(session_id(1), vec![message(1)], at(40)).await.expect("appended");
    assert_eq!(outcome.control, Control { desired_status: DesiredStatus::Paused, pending_commands: 2 });
    assert_eq!(session(&*store, 1).await.last_seen_at, Some(at(40)));
}

/// What agents say would drown the fleet feed.
pub async fn an_append_is_no_event_of_the_fleet(harness: &dyn Harness) {
    let store = harness.store();
    let before = register(&*store, registration(1)).await;
    append(&*store, 1, messages(1..=5)).await;
    assert_eq!(feed(&*store).await.len(), 1);
    assert_eq!(session(&*store, 1).await.revision, before.revision);
}
