//! What is seen of sessions.

use flightdeck_domain::action::Intervention;
use flightdeck_domain::command::Receipt;
use flightdeck_domain::feed::FleetEventKind;
use flightdeck_domain::ids::CommandSeq;
use flightdeck_domain::message::Control;
use flightdeck_domain::ports::{ObserveError, SessionFilter};
use flightdeck_domain::session::{
    DesiredStatus, IllegalTransition, Observation, Observed, Registration, Session, SessionStatus,
};

use crate::given::{AWKWARD, at, inject, message, messages, observation, reason, registration, session_id, text};
use crate::state::State;
use crate::steps::{
    append, commit, conversation, feed, feed_after, feed_head, observe, of_kind, pending, register, session, sessions,
    together,
};
use crate::{Harness, Store};

/// Session and `system` message with the next dense seq, as the rule gives them back, and nothing else.
pub async fn a_change_of_status_is_written_whole(harness: &dyn Harness) {
    let store = harness.store();
    let before = register(&*store, registration(1)).await;
    append(&*store, 1, messages(1..=3)).await;
    let before = Session { last_seq: session(&*store, 1).await.last_seq, ..before };
    let seen = Observation { reason: Some(reason(AWKWARD)), ..observation(1, SessionStatus::Completed, 5) };
    let Ok(Observed::Changed(change)) = before.observe(&seen) else { panic!("the rule allows it") };
    let done = store.observe(seen).await.expect("taken in");
    assert!(done.changed);
    assert_eq!((&done.session, done.session.revision), (&change.session, before.revision + 1));
    assert_eq!(session(&*store, 1).await, change.session);
    let last = conversation(&*store, 1).await.pop();
    assert_eq!((last.as_ref(), change.message.seq.get()), (Some(&change.message), 4));
    assert_eq!(conversation(&*store, 1).await.len(), 4);
}

/// A change of status is one event, as the rule gives it back.
pub async fn a_change_of_status_is_told_once(harness: &dyn Harness) {
    let store = harness.store();
    let before = register(&*store, registration(1)).await;
    let seen = Observation { reason: Some(reason(AWKWARD)), ..observation(1, SessionStatus::Completed, 5) };
    let Ok(Observed::Changed(change)) = before.observe(&seen) else { panic!("the rule allows it") };
    let head = feed_head(&*store).await;
    store.observe(seen).await.expect("taken in");
    let events = feed_after(&*store, head).await;
    assert_eq!(events, [change.event.at_position(events[0].position)]);
}

/// An agent's runtime may know its session under an id that is told later, with a change of status or without one.
pub async fn the_id_that_the_provider_has_is_kept_once_it_is_told(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, Registration { status: SessionStatus::Spawning, ..registration(1) }).await;
    let told = |status, second, id: &str| Observation {
        provider_session_id: Some(text(id)),
        ..observation(1, status, second)
    };
    let known = |session: &Session| session.provider_session_id.as_ref().map(ToString::to_string);
    observe(&*store, told(SessionStatus::Running, 5, AWKWARD)).await;
    assert_eq!(known(&session(&*store, 1).await).as_deref(), Some(AWKWARD));
    let same = observe(&*store, told(SessionStatus::Running, 6, "own-2")).await;
    assert_eq!((known(&same).as_deref(), same.last_seq.get()), (Some("own-2"), 1), "no change of status is told");
    observe(&*store, observation(1, SessionStatus::Idle, 7)).await;
    let kept = session(&*store, 1).await;
    assert_eq!((known(&kept).as_deref(), kept.revision), (Some("own-2"), 4));
    let named = SessionFilter { provider_session_id: Some(text("own-2")), ..SessionFilter::default() };
    assert_eq!(sessions(&*store, named).await, [kept]);
}

/// Losing a session is no end: its queue stays, it may report again, and a first start is noted once.
pub async fn a_lost_session_comes_back_by_reporting(harness: &dyn Harness) {
    let store = harness.store();
    let given = Registration { status: SessionStatus::Spawning, ..registration(1) };
    register(&*store, given).await;
    let statuses = [SessionStatus::Running, SessionStatus::Lost, SessionStatus::Running, SessionStatus::Waiting];
    for (second, status) in (5..).zip(statuses) {
        if status == SessionStatus::Lost {
            commit(&*store, 1, Intervention::Pause).await;
        }
        observe(&*store, observation(1, status, second)).await;
    }
    let session = session(&*store, 1).await;
    assert_eq!((session.status, session.started_at), (SessionStatus::Waiting, Some(at(5))));
    assert_eq!((session.last_seen_at, session.completed_at), (Some(at(8)), None));
    assert_eq!((session.last_seq.get(), session.revision), (4, 6));
    assert_eq!(pending(&*store, 1).await.len(), 1);
}

/// A move that the status machine does not have leaves no trace.
pub async fn an_illegal_move_writes_nothing(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    observe(&*store, observation(1, SessionStatus::Completed, 5)).await;
    let before = State::of(&*store).await;
    let refused = store.observe(observation(1, SessionStatus::Running, 6)).await.expect_err("final");
    let illegal = IllegalTransition { from: SessionStatus::Completed, to: SessionStatus::Running };
    assert!(matches!(refused, ObserveError::Illegal(error) if error == illegal), "{refused:?}");
    assert_eq!(State::of(&*store).await, before);
}

/// No message, no event, no revision: only the time of the sign of life.
pub async fn the_same_status_again_is_only_a_sign_of_life(harness: &dyn Harness) {
    let store = harness.store();
    let before = register(&*store, registration(1)).await;
    let done = store.observe(observation(1, SessionStatus::Running, 5)).await.expect("taken in");
    assert!(!done.changed);
    assert_eq!(done.session, Session { last_seen_at: Some(at(5)), ..before });
    assert_eq!(session(&*store, 1).await, done.session);
    assert_eq!((conversation(&*store, 1).await.len(), feed(&*store).await.len()), (0, 1));
}

/// The final receipt of a command: one that comes late gets told what stands.
async fn settled(store: &dyn Store, seq: u64) -> Receipt {
    let told = store.acknowledge(session_id(1), CommandSeq::new(seq), Receipt::Delivered, at(99)).await;
    told.expect("late, and harmless").receipt
}

fn too_late(end: SessionStatus) -> Receipt {
    Receipt::Undeliverable { reason: reason(&format!("the session ended first: {end}")) }
}

/// Pending commands are settled with the end that they meet, each with an event; finished ones stay as they are.
pub async fn a_followed_kill_is_consumed_and_the_rest_undeliverable(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    for intervention in [inject(1), Intervention::Pause, inject(2), Intervention::Kill] {
        commit(&*store, 1, intervention).await;
    }
    for (seq, receipt) in [(1, Receipt::Consumed), (2, Receipt::Delivered)] {
        store.acknowledge(session_id(1), CommandSeq::new(seq), receipt, at(55)).await.expect("acknowledged");
    }
    let head = feed_head(&*store).await;
    observe(&*store, observation(1, SessionStatus::Killed, 60)).await;

    assert_eq!(pending(&*store, 1).await, []);
    let receipts = [settled(&*store, 1).await, settled(&*store, 2).await, settled(&*store, 3).await];
    assert_eq!(receipts, [Receipt::Consumed, too_late(SessionStatus::Killed), too_late(SessionStatus::Killed)]);
    assert_eq!(settled(&*store, 4).await, Receipt::Consumed);
    let events = feed_after(&*store, head).await;
    let told: Vec<_> = of_kind(&events, FleetEventKind::Receipt);
    let seqs: Vec<_> = told.iter().map(|event| event.data.as_map()["commandSeq"].as_u64()).collect();
    assert_eq!((events.len(), seqs), (4, vec![Some(2), Some(3), Some(4)]));
    assert!(events.iter().all(|event| event.at == at(60) && event.session_id == Some(session_id(1))));
}

/// A kill that the session did not die of was not followed.
pub async fn an_end_by_itself_leaves_a_kill_undeliverable(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    commit(&*store, 1, Intervention::Kill).await;
    observe(&*store, observation(1, SessionStatus::Completed, 60)).await;
    assert_eq!(settled(&*store, 1).await, too_late(SessionStatus::Completed));
    let control = store.heartbeat(session_id(1), at(61)).await.expect("answered");
    assert_eq!(
        control.map(|heard| heard.control),
        Some(Control { desired_status: DesiredStatus::Killed, pending_commands: 0 })
    );
}

/// A session ends once, whoever reports it.
pub async fn one_of_many_racing_ends_counts(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    commit(&*store, 1, Intervention::Pause).await;
    let ends = [SessionStatus::Completed, SessionStatus::Failed, SessionStatus::Killed];
    let changed = together(24, |n| {
        let store = harness.store();
        let end = ends[usize::try_from(n % 3).expect("small")];
        async move {
            match store.observe(observation(1, end, n)).await {
                Ok(done) => done.changed,
                Err(ObserveError::Illegal(_)) => false,
                Err(error) => panic!("{error:?}"),
            }
        }
    })
    .await;
    assert_eq!(changed.iter().filter(|changed| **changed).count(), 1);
    let events = feed(&*store).await;
    let counts = [FleetEventKind::Status, FleetEventKind::Receipt].map(|kind| of_kind(&events, kind).len());
    assert_eq!((counts, conversation(&*store, 1).await.len()), ([1, 1], 1));
}

/// A late heartbeat does not make a session look older than it is.
pub async fn a_heartbeat_never_moves_the_time_back(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, Registration { status: SessionStatus::Spawning, ..registration(1) }).await;
    for (second, expected) in [(20, 20), (10, 20), (21, 21)] {
        store.heartbeat(session_id(1), at(second)).await.expect("answered").expect("known");
        assert_eq!(session(&*store, 1).await.last_seen_at, Some(at(expected)));
    }
    assert_eq!((session(&*store, 1).await.revision, feed(&*store).await.len()), (1, 1));
}

/// Whatever a sign of life comes by: one that comes late, or after the clock was set back, does not make a session look older
/// than it is, and what is remembered of a session between two writes does not, either.
pub async fn no_sign_of_life_moves_the_time_back(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    let mut next = 0;
    for (second, expected) in [(100, 100), (50, 100), (60, 100), (110, 110), (40, 110)] {
        for way in 0..5 {
            next += 1;
            match way {
                0 => drop(store.append(session_id(1), vec![message(next)], at(second)).await.expect("appended")),
                // The same batch, and one of many that share a commit.
                1 => {
                    let batches = together(4, |n| {
                        let store = harness.store();
                        async move { store.append(session_id(1), vec![message(1_000 + next * 10 + n)], at(second)).await }
                    });
                    assert!(batches.await.iter().all(Result::is_ok));
                }
                2 => drop(store.append(session_id(1), vec![message(next - 2)], at(second)).await.expect("there")),
                3 => drop(store.heartbeat(session_id(1), at(second)).await.expect("answered")),
                _ => {
                    let seen = store.observe(observation(1, SessionStatus::Running, second)).await.expect("seen");
                    assert_eq!(seen.session.last_seen_at, Some(at(expected)), "{second} by {way}");
                }
            }
            assert_eq!(session(&*store, 1).await.last_seen_at, Some(at(expected)), "{second} by {way}");
        }
    }
    let idle = store.observe(observation(1, SessionStatus::Idle, 30)).await.expect("seen");
    assert_eq!(idle.session.last_seen_at, Some(at(110)), "a change is no exception");
    assert_eq!(session(&*store, 1).await.last_seen_at, Some(at(110)));
}

/// The answer to a heartbeat is enough to obey by.
pub async fn a_heartbeat_tells_what_is_wanted(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    let steps = [(inject(1), DesiredStatus::Running), (Intervention::Pause, DesiredStatus::Paused)];
    for (pending_commands, (intervention, desired_status)) in (1..).zip(steps) {
        commit(&*store, 1, intervention).await;
        let control = store.heartbeat(session_id(1), at(70)).await.expect("answered");
        assert_eq!(control.map(|heard| heard.control), Some(Control { desired_status, pending_commands }));
    }
    store.acknowledge(session_id(1), CommandSeq::new(1), Receipt::Consumed, at(71)).await.expect("acknowledged");
    store.acknowledge(session_id(1), CommandSeq::new(2), Receipt::Delivered, at(71)).await.expect("acknowledged");
    let control = store.heartbeat(session_id(1), at(72)).await.expect("answered");
    assert_eq!(
        control.map(|heard| heard.control),
        Some(Control { desired_status: DesiredStatus::Paused, pending_commands: 1 })
    );
}

/// Whoever reports a status need not ask again: the answer is what the same transaction left, whether or not the status
/// moved by it.
pub async fn a_report_tells_what_is_wanted(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    commit(&*store, 1, inject(1)).await;
    commit(&*store, 1, Intervention::Pause).await;
    let steps = [
        (SessionStatus::Running, false, 2),
        (SessionStatus::Idle, true, 2),
        (SessionStatus::Lost, true, 2),
        (SessionStatus::Paused, true, 1),
        (SessionStatus::Killed, true, 0),
        (SessionStatus::Killed, false, 0),
    ];
    for (second, (status, changed, pending_commands)) in (60..).zip(steps) {
        if status == SessionStatus::Paused {
            store
                .acknowledge(session_id(1), CommandSeq::new(1), Receipt::Consumed, at(59))
                .await
                .expect("acknowledged");
        }
        let done = store.observe(observation(1, status, second)).await.expect("taken in");
        let control = Control { desired_status: DesiredStatus::Paused, pending_commands };
        assert_eq!((done.changed, done.control), (changed, control), "{status}");
    }
}
