//! Sessions are lost, and come back.

use std::collections::BTreeSet;

use flightdeck_domain::action::Intervention;
use flightdeck_domain::feed::FleetEventKind;
use flightdeck_domain::message::{AppendRefused, Control};
use flightdeck_domain::ports::{AppendError, Heard};
use flightdeck_domain::session::{DesiredStatus, Observation, Registration, Session, SessionStatus, Silence};

use crate::given::{AWKWARD, at, awkward_json, message, messages, observation, reason, registration, session_id, text};
use crate::state::State;
use crate::steps::{
    append, commit, conversation, feed, feed_after, feed_head, observe, of_kind, register, session, together,
};
use crate::{Harness, Store};

pub(crate) fn silence(since: u32) -> Silence {
    Silence { not_seen_since: at(since), without_lease: vec![], reason: Some(reason(AWKWARD)), at: at(since + 120) }
}

/// Loses session 1, and gives it as it is then.
async fn lost(store: &dyn Store, since: u32) -> Session {
    let lost = store.lose(silence(since), 10).await.expect("asked");
    assert_eq!(lost.iter().map(|session| session.id).collect::<Vec<_>>(), [session_id(1)]);
    session(store, 1).await
}

/// Session, `system` message with the next dense seq, and event: all that the rule gives, and nothing else.
pub async fn a_silent_session_is_lost_whole(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, Registration { context: awkward_json(), ..registration(1) }).await;
    append(&*store, 1, messages(1..=3)).await;
    let change = session(&*store, 1).await.lose(&silence(10)).expect("the rule loses it");
    let head = feed_head(&*store).await;

    assert_eq!(store.lose(silence(10), 10).await.expect("asked"), std::slice::from_ref(&change.session));
    assert_eq!(session(&*store, 1).await, change.session);
    assert_eq!(conversation(&*store, 1).await.pop().as_ref(), Some(&change.message));
    let events = feed_after(&*store, head).await;
    assert_eq!(events, [change.event.at_position(events[0].position)]);

    let before = State::of(&*store).await;
    assert_eq!(store.lose(silence(500), 10).await.expect("asked"), [], "lost once is lost");
    assert_eq!(State::of(&*store).await, before);
}

/// Seen within the lease, without a lease, or ended: nobody of these is lost, and one that never reported counts from
/// its spawning.
pub async fn only_the_silent_are_lost(harness: &dyn Harness) {
    let store = harness.store();
    for n in 1..=4 {
        register(&*store, registration(n)).await;
    }
    register(&*store, Registration { provider: text("robot"), ..registration(5) }).await;
    for (n, second) in [(6, 9), (7, 10)] {
        let spawning = Registration { status: SessionStatus::Spawning, at: at(second), ..registration(n) };
        register(&*store, spawning).await;
    }
    store.heartbeat(session_id(1), at(10)).await.expect("answered");
    store.append(session_id(2), vec![message(1)], at(10)).await.expect("appended");
    observe(&*store, observation(3, SessionStatus::Completed, 5)).await;
    let silence = Silence { without_lease: vec![text("robot")], ..silence(10) };
    let lost = store.lose(silence, 10).await.expect("asked");
    let ids: BTreeSet<_> = lost.iter().map(|session| session.id).collect();
    assert_eq!(ids, BTreeSet::from([session_id(4), session_id(6)]));
}

/// However many there are, so many at once; the others stay for the next call.
pub async fn no_more_are_lost_than_asked_for(harness: &dyn Harness) {
    let store = harness.store();
    for n in 1..=7 {
        register(&*store, registration(n)).await;
    }
    let mut counts = Vec::new();
    for _ in 0..4 {
        counts.push(store.lose(silence(10), 3).await.expect("asked").len());
    }
    assert_eq!(counts, [3, 3, 1, 0]);
}

/// A heartbeat that comes first keeps the session, one that comes after brings it back; whatever the order, the session
/// is at work in the end and its story is whole.
pub async fn a_racing_heartbeat_always_wins(harness: &dyn Harness) {
    let store = harness.store();
    for n in 0..20 {
        register(&*store, registration(n)).await;
    }
    together(40, |n| {
        let store = harness.store();
        async move {
            if n % 2 == 0 {
                store.heartbeat(session_id(n / 2), at(30)).await.expect("answered").map(|_| ())
            } else {
                store.lose(silence(20), 2).await.expect("asked").first().map(|_| ())
            }
        }
    })
    .await;
    let events = feed(&*store).await;
    for n in 0..20 {
        let (session, told) = (session(&*store, n).await, conversation(&*store, n).await.len());
        assert_eq!((session.status, session.last_seen_at), (SessionStatus::Running, Some(at(30))), "{n}");
        assert!(told == 0 || told == 2, "lost and back, or neither: {told}");
        let of_it = of_kind(&events, FleetEventKind::Status)
            .iter()
            .filter(|event| event.session_id == Some(session.id))
            .count();
        assert_eq!(of_it, told);
    }
}

/// Whatever it was. A spawning one that speaks is at work.
pub async fn a_heartbeat_brings_a_lost_session_back_to_what_it_was(harness: &dyn Harness) {
    use SessionStatus::{Idle, Paused, Running, Spawning, Waiting};
    let store = harness.store();
    for (n, was) in (1..).zip([Spawning, Running, Idle, Waiting, Paused]) {
        let status = if was == Spawning { Spawning } else { Running };
        register(&*store, Registration { status, ..registration(n) }).await;
        observe(&*store, observation(n, was, 5)).await;
    }
    assert_eq!(store.lose(silence(10), 10).await.expect("asked").len(), 5);
    for (n, is) in (1..).zip([Running, Running, Idle, Waiting, Paused]) {
        let before = session(&*store, n).await;
        let change = before.come_back(at(200)).expect("the rule brings it back");
        let head = feed_head(&*store).await;
        let answer = store.heartbeat(session_id(n), at(200)).await.expect("answered");
        let control = Control { desired_status: DesiredStatus::Running, pending_commands: 0 };
        assert_eq!(answer, Some(Heard { control, came_back: Some(change.session.last_seq) }));
        assert_eq!((change.session.status, session(&*store, n).await), (is, change.session.clone()));
        assert_eq!(conversation(&*store, n).await.pop(), Some(change.message));
        let events = feed_after(&*store, head).await;
        assert_eq!(events, [change.event.at_position(events[0].position)]);
    }
}

/// The message that tells of it stands before what was said, without a gap.
pub async fn a_message_brings_a_lost_session_back(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, Registration { context: awkward_json(), ..registration(1) }).await;
    append(&*store, 1, messages(1..=2)).await;
    observe(&*store, observation(1, SessionStatus::Idle, 5)).await;
    let lost = lost(&*store, 10).await;
    assert_eq!((lost.status, lost.last_seq.get()), (SessionStatus::Lost, 4));

    let outcome = store.append(session_id(1), [3, 1, 4].map(message).into(), at(200)).await.expect("appended");
    let places: Vec<_> = outcome.appended.iter().map(|place| (place.seq.get(), place.created)).collect();
    assert_eq!((places, outcome.last_seq.get(), outcome.came_back), (vec![(6, true), (1, false), (7, true)], 7, true));
    let told = conversation(&*store, 1).await;
    assert_eq!(told[4].content.as_str(), "status: lost → idle (it gave a sign of life)");
    let back = session(&*store, 1).await;
    assert_eq!((back.status, back.lost_from, back.last_seen_at), (SessionStatus::Idle, None, Some(at(200))));
    assert_eq!((back.last_seq.get(), back.context), (7, lost.context));

    let again = store.append(session_id(1), vec![message(3)], at(201)).await.expect("appended");
    assert!(!again.came_back, "back once");
    assert_eq!(conversation(&*store, 1).await.len(), 7);
}

/// A retry says nothing new and is a sign of life all the same.
pub async fn a_retry_brings_a_lost_session_back(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    append(&*store, 1, messages(1..=2)).await;
    lost(&*store, 10).await;
    let outcome = store.append(session_id(1), vec![message(2)], at(200)).await.expect("appended");
    assert_eq!((outcome.came_back, outcome.appended[0].created, outcome.last_seq.get()), (true, false, 4));
    assert_eq!((session(&*store, 1).await.status, conversation(&*store, 1).await.len()), (SessionStatus::Running, 4));
}

/// Nothing of a refused batch is written, not even that somebody spoke.
pub async fn a_refused_batch_brings_nobody_back(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    append(&*store, 1, messages(1..=1)).await;
    lost(&*store, 10).await;
    let before = State::of(&*store).await;
    let other = flightdeck_domain::message::NewMessage { content: text("other"), ..message(1) };
    let refused = store.append(session_id(1), vec![message(2), other], at(200)).await;
    assert!(matches!(refused, Err(AppendError::Refused(AppendRefused::Conflict { .. }))), "{refused:?}");
    assert_eq!(State::of(&*store).await, before);
}

/// What was asked for while it was away is told when it is back; and it can be seen to have ended without coming back.
pub async fn a_lost_session_learns_what_is_wanted(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    lost(&*store, 10).await;
    commit(&*store, 1, Intervention::Kill).await;
    let heard = store.heartbeat(session_id(1), at(200)).await.expect("answered").expect("known");
    assert_eq!(heard.control, Control { desired_status: DesiredStatus::Killed, pending_commands: 1 });
    assert_eq!(session(&*store, 1).await.status, SessionStatus::Running);

    lost(&*store, 300).await;
    let ended = observe(&*store, Observation { at: at(500), ..observation(1, SessionStatus::Killed, 500) }).await;
    assert_eq!((ended.status, ended.lost_from), (SessionStatus::Killed, None));
    assert_eq!(store.heartbeat(session_id(1), at(501)).await.expect("answered").expect("known").came_back, None);
}
