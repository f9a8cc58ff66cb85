//! Permission requests are opened, decided and listed: [`flightdeck_domain::ports::ApprovalRepository`].

pub(crate) mod closing;

pub use closing::*;

use std::time::Duration;

use flightdeck_domain::action::{ActionName, Attribution, Intervention};
use flightdeck_domain::approval::{
    Approval, ApprovalAction, ApprovalFacts, ApprovalOption, ApprovalOptions, ApprovalRefused, ApprovalState,
    ApprovalStatus, Ask, AskRefused, Asked, Verdict,
};
use flightdeck_domain::audit::{AuditOutcome, AuditTarget};
use flightdeck_domain::feed::FleetEventKind;
use flightdeck_domain::ids::{ApprovalId, MessageId};
use flightdeck_domain::mission_set::MissionSet;
use flightdeck_domain::ports::{
    ApprovalCursor, ApprovalFilter, ApprovalPage, ApprovalQuery, ApprovalRepository, DecideApprovalError,
    DecidedApproval, OpenApprovalError,
};
use flightdeck_domain::session::{Observed, Registration, SessionStatus};
use serde_json::json;

use crate::given::{
    AWKWARD, actor, at, awkward_json, by, child, message, message_id, object, observation, registration, session_id,
    text,
};
use crate::state::State;
use crate::steps::{
    append, audit, commit, conversation, feed_after, feed_head, newest_entry, observe, of_kind, register, session,
    together, verify,
};
use crate::{Harness, Store};

pub(crate) fn approval_id(n: u32) -> ApprovalId {
    ApprovalId::new(*message_id(n).as_uuid())
}

/// The id of a status message that is unlike all others.
fn told_id(n: u32) -> MessageId {
    message_id(3_000_000 + n)
}

/// Session `session` asks for number `n`, `n` seconds into the year's first hundred.
pub(crate) fn ask(n: u32, session: u32) -> Ask {
    Ask {
        id: approval_id(n),
        session_id: session_id(session),
        title: text(AWKWARD),
        detail: awkward_json(),
        options: ApprovalOptions::default(),
        expires_in: None,
        message_id: told_id(n),
        at: at(100 + n),
    }
}

pub(crate) fn decision(n: u32, option: ApprovalOption, operator: u32) -> ApprovalAction {
    let message = told_id(1_000 + 100 * n + operator);
    ApprovalAction { approval_id: approval_id(n), option, answer: None, message_id: message, by: by(operator, 150) }
}

pub(crate) async fn open(store: &dyn Store, ask: Ask) -> Approval {
    let done = store.open(ask).await.expect("opened");
    assert!(done.created, "a new request: {:?}", done.approval);
    done.approval
}

/// Every request, newest first.
pub(crate) async fn approvals(store: &dyn Store, filter: ApprovalFilter) -> Vec<Approval> {
    page(store, &filter, None, 10_000).await.approvals
}

async fn page(
    store: &dyn Store,
    filter: &ApprovalFilter,
    before: Option<ApprovalCursor>,
    limit: usize,
) -> ApprovalPage {
    let query = ApprovalQuery { filter: filter.clone(), before, limit };
    ApprovalRepository::list(store, query).await.expect("read")
}

async fn approval(store: &dyn Store, n: u32) -> Approval {
    ApprovalRepository::get(store, approval_id(n)).await.expect("read").expect("the request is there")
}

async fn decide(store: &dyn Store, n: u32, option: ApprovalOption) -> DecidedApproval {
    store.decide(decision(n, option, 1)).await.expect("accepted")
}

async fn refused(store: &dyn Store, action: ApprovalAction) -> ApprovalRefused {
    match store.decide(action).await.expect_err("a rule forbids it") {
        DecideApprovalError::Refused(refused) => refused,
        DecideApprovalError::Unavailable(error) => panic!("{error:?}"),
    }
}

/// The request, its event, and the session's move with message and event: all that the rule gives back, in its order.
pub async fn opening_a_request_makes_the_session_wait(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    append(&*store, 1, vec![message(1)]).await;
    let asked = Ask { expires_in: Some(Duration::from_secs(30)), ..ask(1, 1) };
    let Ok(Asked::Open(expected)) = asked.open(&session(&*store, 1).await, None) else { panic!("the rule allows it") };
    let Observed::Changed(change) = expected.session.observed else { panic!("it ran") };
    let head = feed_head(&*store).await;
    assert_eq!(ApprovalRepository::get(&*store, approval_id(1)).await.expect("read"), None);

    let done = store.open(asked).await.expect("opened");
    assert_eq!((&done.approval, done.created, done.moved), (&expected.approval, true, Some(change.message.seq)));
    assert_eq!(approval(&*store, 1).await, expected.approval);
    assert_eq!((session(&*store, 1).await, change.session.status), (change.session, SessionStatus::Waiting));
    assert_eq!(conversation(&*store, 1).await.pop(), Some(change.message));
    let events = feed_after(&*store, head).await;
    let [opened, moved] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(*opened, expected.event.at_position(opened.position));
    assert_eq!(*moved, change.event.at_position(moved.position));

    // One that waits may ask for more; its conversation has nothing new to tell.
    let more = store.open(ask(2, 1)).await.expect("opened");
    assert_eq!((more.moved, conversation(&*store, 1).await.len()), (None, 2));
    assert_eq!(session(&*store, 1).await.last_seen_at, Some(at(102)), "asking is a sign of life");
}

/// A retry that comes later, with another id for its message, is the same request; anything else is not.
pub async fn opening_again_is_harmless_and_another_body_is_a_conflict(harness: &dyn Harness) {
    let store = harness.store();
    for n in [1, 2] {
        register(&*store, registration(n)).await;
    }
    let asked = Ask { expires_in: Some(Duration::from_secs(30)), ..ask(1, 1) };
    let first = open(&*store, asked.clone()).await;
    let before = State::of(&*store).await;
    let again = Ask { at: at(120), message_id: told_id(99), ..asked.clone() };
    let done = store.open(again.clone()).await.expect("harmless");
    assert_eq!((done.approval, done.created, done.moved), (first, false, None));
    for other in [
        Ask { session_id: session_id(2), ..again.clone() },
        Ask { title: text("something else"), ..again.clone() },
        Ask { detail: flightdeck_domain::text::JsonObject::default(), ..again.clone() },
        Ask { expires_in: None, ..again.clone() },
    ] {
        let refused = store.open(other).await.expect_err("another body");
        let conflict = AskRefused::Conflict(approval_id(1));
        assert!(matches!(&refused, OpenApprovalError::Refused(error) if *error == conflict), "{refused:?}");
    }
    assert_eq!(State::of(&*store).await, before);

    let results = together(16, |n| {
        let store = harness.store();
        async move { store.open(Ask { message_id: told_id(500 + n), ..ask(2, 2) }).await.expect("opened").created }
    })
    .await;
    assert_eq!(results.into_iter().filter(|created| *created).count(), 1);
}

/// Nobody is left to act on a decision.
pub async fn a_request_of_a_dead_or_unknown_session_writes_nothing(harness: &dyn Harness) {
    let store = harness.store();
    for n in [1, 2] {
        register(&*store, registration(n)).await;
    }
    observe(&*store, observation(1, SessionStatus::Completed, 5)).await;
    commit(&*store, 2, Intervention::Kill).await;
    let before = State::of(&*store).await;
    let refused = store.open(ask(1, 1)).await.expect_err("ended");
    assert!(matches!(refused, OpenApprovalError::Refused(AskRefused::Ended { .. })), "{refused:?}");
    let refused = store.open(ask(1, 2)).await.expect_err("being killed");
    assert!(matches!(refused, OpenApprovalError::Refused(AskRefused::BeingKilled(_))), "{refused:?}");
    let refused = store.open(ask(1, 9)).await.expect_err("unknown");
    assert!(matches!(refused, OpenApprovalError::UnknownSession(id) if id == session_id(9)), "{refused:?}");
    assert_eq!(State::of(&*store).await, before);
}

/// The first counts; each of the others is told who was first, and stands on the record.
pub async fn of_many_racing_deciders_exactly_one_is_accepted(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    open(&*store, ask(1, 1)).await;
    let results = together(16, |n| {
        let store = harness.store();
        let option = ApprovalOption::ALL[usize::try_from(n % 4).expect("small")];
        async move { store.decide(decision(1, option, n + 1)).await }
    })
    .await;
    let accepted: Vec<_> = results.iter().flatten().collect();
    assert_eq!(accepted.len(), 1);
    let after = approval(&*store, 1).await;
    assert_eq!(accepted[0].approval, after);
    let ApprovalState::Decided(winner) = &after.state else { panic!("{after:?}") };
    for refused in results.iter().filter_map(|result| result.as_ref().err()) {
        let DecideApprovalError::Refused(ApprovalRefused::Decided { verdict, .. }) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(**verdict, *winner);
    }
    let entries: Vec<_> = audit(&*store).await.iter().map(|entry| entry.entry().expect("readable")).collect();
    let of = |outcome| entries.iter().filter(|entry| entry.outcome == outcome).collect::<Vec<_>>();
    assert_eq!((of(AuditOutcome::Accepted).len(), of(AuditOutcome::Refused).len()), (1, 15));
    assert!(entries.iter().all(|entry| entry.action == ActionName::ApprovalDecide));
    assert_eq!((of(AuditOutcome::Accepted)[0].actor.clone(), accepted[0].audit_seq), {
        (winner.by.clone(), of(AuditOutcome::Accepted)[0].seq)
    });
    assert!(verify(&*store).await.valid);
    let told = conversation(&*store, 1).await;
    assert_eq!((told.len(), session(&*store, 1).await.status), (2, SessionStatus::Running));
}

/// A refusal writes its entry and nothing besides.
pub async fn what_was_not_offered_and_what_is_unknown_is_refused_on_record(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    let options = ApprovalOptions::new([ApprovalOption::AllowOnce, ApprovalOption::RejectOnce]).expect("two");
    open(&*store, Ask { options, ..ask(1, 1) }).await;
    let before = State::of(&*store).await;
    let not_offered = refused(&*store, decision(1, ApprovalOption::AllowAlways, 1)).await;
    assert!(matches!(not_offered, ApprovalRefused::NotOffered { .. }), "{not_offered:?}");
    let entry = newest_entry(&*store).await;
    assert_eq!((entry.outcome, entry.target), (AuditOutcome::Refused, AuditTarget::Session(session_id(1))));
    assert_eq!(entry.details["refusal"], not_offered.to_string());
    let unknown = refused(&*store, decision(9, ApprovalOption::AllowOnce, 1)).await;
    assert_eq!(unknown, ApprovalRefused::Unknown(approval_id(9)));
    let entry = newest_entry(&*store).await;
    assert_eq!((entry.outcome, entry.target), (AuditOutcome::Refused, AuditTarget::Approval(approval_id(9))));
    assert_eq!(State::of(&*store).await.besides_audit(), before.besides_audit());
    assert!(verify(&*store).await.valid);
}

/// What is filled into a form is kept with the decision and on the record; what does not fit it decides nothing.
pub async fn an_answer_is_kept_with_the_decision(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    let detail = object(json!({"form": {"properties": {"branch": {"type": "string"}}, "required": ["branch"]}}));
    open(&*store, Ask { detail, ..ask(1, 1) }).await;
    let answered = |answer| ApprovalAction { answer, ..decision(1, ApprovalOption::AllowOnce, 1) };
    for wrong in [None, Some(object(json!({"branch": 7})))] {
        let refused = store.decide(answered(wrong)).await.expect_err("does not fit");
        assert!(matches!(refused, DecideApprovalError::Refused(ApprovalRefused::Answer(_))), "{refused:?}");
    }
    assert!(approval(&*store, 1).await.is_open());
    let answer = object(json!({"branch": AWKWARD}));
    let done = store.decide(answered(Some(answer.clone()))).await.expect("decided");
    let after = approval(&*store, 1).await;
    assert_eq!(done.approval, after);
    let ApprovalState::Decided(verdict) = after.state else { panic!("{after:?}") };
    assert_eq!(verdict.answer.as_ref(), Some(&answer));
    let entry = audit(&*store).await.pop().and_then(|entry| entry.entry().ok()).expect("an entry");
    let told = entry.details.get("answer").and_then(|text| serde_json::from_str(text).ok());
    assert_eq!(told, Some(serde_json::Value::from(serde_json::Map::from(answer))));
}

/// While another one is open the session waits on; the last one written whole, with its entry.
pub async fn the_last_decision_lets_the_session_go_on(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    for n in [1, 2] {
        open(&*store, ask(n, 1)).await;
    }
    assert_eq!(decide(&*store, 1, ApprovalOption::AllowAlways).await.moved, None);
    assert_eq!(session(&*store, 1).await.status, SessionStatus::Waiting);

    let action = decision(2, ApprovalOption::RejectOnce, 2);
    let (before, waiting) = (approval(&*store, 2).await, session(&*store, 1).await);
    let facts = ApprovalFacts { approval: &before, session: &waiting, open: 1 };
    let expected = action.decide(Some(facts)).outcome.expect("the rule allows it");
    let Some(Observed::Changed(change)) = expected.session.map(|follow| follow.observed) else { panic!("it goes on") };
    let head = feed_head(&*store).await;
    let done = store.decide(action).await.expect("accepted");
    assert_eq!((&done.approval, done.moved), (&expected.approval, Some(change.message.seq)));
    let Attribution { reason, at, .. } = by(2, 150);
    let verdict = Verdict { option: ApprovalOption::RejectOnce, by: actor(2), at, reason, answer: None };
    assert_eq!(approval(&*store, 2).await.state, ApprovalState::Decided(verdict));
    assert_eq!((session(&*store, 1).await, change.session.status), (change.session, SessionStatus::Running));
    assert_eq!(conversation(&*store, 1).await.pop(), Some(change.message));
    let events = feed_after(&*store, head).await;
    assert_eq!(*of_kind(&events, FleetEventKind::Approval)[0], expected.event.at_position(events[0].position));
    assert_eq!(events.len(), 2);
    let entry = newest_entry(&*store).await;
    assert_eq!((entry.seq, entry.outcome, entry.actor), (done.audit_seq, AuditOutcome::Accepted, actor(2)));

    // A session that does not wait is not moved: its agent was paused in the middle of asking.
    open(&*store, ask(3, 1)).await;
    observe(&*store, observation(1, SessionStatus::Paused, 400)).await;
    assert_eq!(decide(&*store, 3, ApprovalOption::AllowOnce).await.moved, None);
    assert_eq!(session(&*store, 1).await.status, SessionStatus::Paused);
}

/// Every filter alone and with the others, and pages of any size laid end to end.
pub async fn requests_are_listed_newest_first_in_pages_by_every_filter(harness: &dyn Harness) {
    let store = harness.store();
    let apollo = |given| Registration { mission_id: Some(text("apollo")), ..given };
    for given in [registration(1), apollo(child(2, 1)), apollo(registration(3))] {
        register(&*store, given).await;
    }
    let missions = MissionSet::new([text("apollo"), text("gemini")]).ok();
    for n in 1..=9 {
        // Some at equal times.
        open(&*store, Ask { at: at(100 + n / 2), ..ask(n, 1 + n % 3) }).await;
    }
    for n in [1, 2, 7] {
        decide(&*store, n, ApprovalOption::AllowOnce).await;
    }
    observe(&*store, observation(3, SessionStatus::Killed, 300)).await;
    let all = approvals(&*store, ApprovalFilter::default()).await;
    assert_eq!(all.iter().map(|it| it.id).collect::<Vec<_>>(), (1..=9).rev().map(approval_id).collect::<Vec<_>>());
    assert_eq!(page(&*store, &ApprovalFilter::default(), None, 2).await.as_of, feed_head(&*store).await);

    let statuses = [
        vec![],
        vec![ApprovalStatus::Open],
        vec![ApprovalStatus::Decided],
        vec![ApprovalStatus::Expired],
        vec![ApprovalStatus::Open, ApprovalStatus::Expired],
    ];
    for statuses in statuses {
        for (top, of, on) in [
            (None, None, None),
            (Some(1), None, None),
            (None, Some(2), None),
            (Some(1), Some(2), None),
            (Some(3), Some(1), None),
            (None, None, missions.as_ref()),
            (Some(1), None, missions.as_ref()),
            (None, Some(1), missions.as_ref()),
        ] {
            let filter = ApprovalFilter {
                session_id: of.map(session_id),
                subtree: top.map(session_id),
                missions: on.cloned(),
                statuses: statuses.clone(),
            };
            let below: Vec<_> = if top == Some(1) { vec![1, 2] } else { vec![3] }.into_iter().map(session_id).collect();
            let expected: Vec<_> = all
                .iter()
                .filter(|it| statuses.is_empty() || statuses.contains(&it.status()))
                .filter(|it| filter.session_id.is_none_or(|id| it.session_id == id))
                .filter(|it| top.is_none() || below.contains(&it.session_id))
                .filter(|it| on.is_none() || it.session_id != session_id(1))
                .cloned()
                .collect();
            for limit in [1, 2, 3, 100] {
                let (mut paged, mut before) = (Vec::new(), None);
                loop {
                    let page = page(&*store, &filter, before, limit).await;
                    assert!(page.approvals.len() <= limit);
                    paged.extend(page.approvals);
                    before = page.next;
                    if before.is_none() {
                        break;
                    }
                }
                assert_eq!(paged, expected, "{filter:?} in pages of {limit}");
            }
        }
    }
}

/// What cannot be put on record is not decided; later it can be. Opening and expiring need no entry.
pub async fn a_decision_without_its_entry_changes_nothing(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    open(&*store, ask(1, 1)).await;
    let before = State::of(&*store).await;
    harness.break_audit().await;
    for action in [decision(1, ApprovalOption::AllowOnce, 1), decision(9, ApprovalOption::AllowOnce, 1)] {
        let error = store.decide(action).await.expect_err("no entry, no decision");
        assert!(matches!(error, DecideApprovalError::Unavailable(_)), "{error:?}");
    }
    assert_eq!(State::of(&*store).await, before);
    open(&*store, Ask { expires_in: Some(Duration::from_secs(1)), ..ask(2, 1) }).await;
    store.expire(closing::expiry(2, 150)).await.expect("answered").expect("due");
    harness.mend_audit().await;
    decide(&*store, 1, ApprovalOption::AllowOnce).await;
    assert!(verify(&*store).await.valid);
}
