//! What a store with a disk promises besides: its data outlives it.

use std::time::Duration;

use flightdeck_domain::action::{FleetIntervention, Intervention};
use flightdeck_domain::approval::{ApprovalOption, Ask, Expiry};
use flightdeck_domain::command::Receipt;
use flightdeck_domain::feed::FleetEventDraft;
use flightdeck_domain::ids::{AuditSeq, CommandSeq};
use flightdeck_domain::operation::{OperationState, Reach, Wish};
use flightdeck_domain::ports::RegisterError;
use flightdeck_domain::session::{Registration, RegistrationRefused, SessionStatus};
use flightdeck_domain::usage::AccountKey;
use serde_json::json;

use crate::approval::{approval_id, ask, decision, open};
use crate::given::{
    at, awkward_json, by, child, fleet, inject, key, key_id, message, messages, observation, operation_id,
    registration, scoped, session_id, text,
};
use crate::state::State;
use crate::steps::{append, commit, feed, feed_head, observe, register, verify};
use crate::usage::{budget, used};
use crate::{DurableHarness, Store, given};

/// Something of everything.
async fn busy_hour(store: &dyn Store) {
    register(store, Registration { context: awkward_json(), metadata: awkward_json(), ..registration(1) }).await;
    register(store, child(2, 1)).await;
    append(store, 1, messages(1..=5)).await;
    observe(store, observation(2, SessionStatus::Waiting, 5)).await;
    commit(store, 1, inject(6)).await;
    commit(store, 2, Intervention::Pause).await;
    store.acknowledge(session_id(1), CommandSeq::new(1), Receipt::Delivered, at(55)).await.expect("acknowledged");
    for n in [1, 2] {
        store.create(key(n), by(1, 57)).await.expect("made");
    }
    store.revoke(key_id(1), by(1, 58)).await.expect("revoked");
    register(store, registration(3)).await;
    for (n, expires_in) in [(1, None), (2, Some(Duration::from_secs(5))), (3, None)] {
        open(store, Ask { detail: awkward_json(), expires_in, ..ask(n, 3) }).await;
    }
    store.decide(decision(1, ApprovalOption::RejectAlways, 1)).await.expect("decided");
    let expiry = Expiry { approval_id: approval_id(2), message_id: given::message_id(2_000_000), at: at(600) };
    store.expire(expiry).await.expect("closed").expect("it was due");
    observe(store, observation(3, SessionStatus::Lost, 59)).await;
    register(store, Registration { mission_id: Some(text("apollo")), ..registration(4) }).await;
    store.set_budget(budget(AccountKey::Subtree(session_id(4)), 3, 61)).await.expect("set");
    append(store, 4, vec![used(400, json!({"inputTokens": 4, "costUsd": 0.1}))]).await;
}

/// What was acknowledged is there, to the last field.
pub async fn everything_is_there_after_reopening(harness: &mut dyn DurableHarness) {
    let store = harness.store();
    busy_hour(&*store).await;
    let before = State::of(&*store).await;
    drop(store);
    harness.reopen().await;
    let store = harness.store();
    assert_eq!(State::of(&*store).await, before);
    assert!(verify(&*store).await.valid);
}

/// Seqs, positions and the chain go on where they were.
pub async fn every_count_goes_on_after_reopening(harness: &mut dyn DurableHarness) {
    let store = harness.store();
    busy_hour(&*store).await;
    let head = feed_head(&*store).await;
    let entries = verify(&*store).await.entries;
    drop(store);
    harness.reopen().await;
    let store = harness.store();
    let outcome = append(&*store, 1, [4, 5, 7, 8].map(message).into()).await;
    let places: Vec<_> = outcome.appended.iter().map(|place| (place.seq.get(), place.created)).collect();
    assert_eq!(places, [(4, false), (5, false), (7, true), (8, true)]);
    let done = commit(&*store, 1, inject(9)).await;
    assert_eq!(
        (done.command.map(|command| command.seq.get()), done.audit_seq.map(AuditSeq::get)),
        (Some(2), Some(entries + 1))
    );
    let newest = feed(&*store).await.pop().expect("an event");
    assert!(newest.position > head);
    assert!(verify(&*store).await.valid);
}

/// What was asked for before a restart is still followed after it, until it is seen.
pub async fn an_operation_that_a_restart_cut_goes_on_to_its_end(harness: &mut dyn DurableHarness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    register(&*store, child(2, 1)).await;
    store.commit_scoped(scoped(1, 1, Wish::Kill, Reach::Subtree)).await.expect("accepted");
    observe(&*store, observation(2, SessionStatus::Killed, 60)).await;
    let before = State::of(&*store).await;
    drop(store);
    harness.reopen().await;
    let store = harness.store();
    assert_eq!(State::of(&*store).await, before);
    // What the server does after a start with the agents that lived in it.
    observe(&*store, observation(1, SessionStatus::Failed, 61)).await;
    let operation = store.operation(operation_id(1)).await.expect("read").expect("it is there");
    assert_eq!((operation.tally.observed, operation.tally.ended, operation.tally.open), (1, 1, 0));
    assert_eq!((operation.completed_at, operation.state()), (Some(at(61)), OperationState::Done));
    let newest = feed(&*store).await.pop().expect("an event");
    assert_eq!(newest, FleetEventDraft::operation(&operation, "completed", at(61)).at_position(newest.position));
}

/// A restart is no way around the kill switch.
pub async fn the_kill_switch_stays_engaged_after_reopening(harness: &mut dyn DurableHarness) {
    let store = harness.store();
    store.commit_fleet(fleet(FleetIntervention::KillAll)).await.expect("engaged");
    drop(store);
    harness.reopen().await;
    let store = harness.store();
    let refused = store.register(registration(1)).await.expect_err("still engaged");
    assert!(matches!(refused, RegisterError::Refused(RegistrationRefused::KillSwitchEngaged)), "{refused:?}");
    store.commit_fleet(fleet(FleetIntervention::ReleaseKillSwitch)).await.expect("released");
    register(&*store, registration(1)).await;
}
