//! The audit log, read: [`flightdeck_domain::ports::AuditLog`].

use flightdeck_domain::action::{ActionName, Attribution, Intervention, OperatorAction};
use flightdeck_domain::audit::{AuditHead, SealedAuditEntry};
use flightdeck_domain::ids::AuditSeq;
use flightdeck_domain::ports::{ApiKeyRepository, AuditFilter, AuditLog, FleetIntervention, OperatorActions};
use flightdeck_domain::session::SessionStatus;

use crate::given::{action, actor, by, fleet, inject, key, key_id, observation, registration, session_id};
use crate::steps::{audit, observe, register, verify};
use crate::{Harness, Store};

async fn page(
    store: &dyn Store,
    filter: &AuditFilter,
    before: Option<AuditSeq>,
    limit: usize,
) -> Vec<SealedAuditEntry> {
    AuditLog::page(store, filter.clone(), before, limit).await.expect("read")
}

/// Two operators, three sessions (one of them unknown), every intervention: 24 entries, some of them refusals.
async fn busy_hour(store: &dyn Store) {
    for n in [1, 2] {
        register(store, registration(n)).await;
    }
    observe(store, observation(2, SessionStatus::Completed, 5)).await;
    for n in 0..24 {
        let intervention = match n % 4 {
            0 => inject(n + 1),
            1 => Intervention::Pause,
            2 => Intervention::Resume,
            _ => Intervention::Kill,
        };
        // A kill of session 1 would have all that follows refused.
        let session = if n % 4 == 3 { 9 } else { 1 + n % 5 % 2 };
        let action = OperatorAction { by: by(1 + n % 3 % 2, n), ..action(session, intervention) };
        let _refused_or_not = OperatorActions::commit(store, action).await;
    }
}

/// Nothing was done yet.
pub async fn an_empty_log_has_an_empty_head(harness: &dyn Harness) {
    let store = harness.store();
    assert_eq!(AuditLog::head(&*store).await.expect("read"), AuditHead::EMPTY);
    assert_eq!(page(&*store, &AuditFilter::default(), None, 5).await, []);
    assert_eq!(audit(&*store).await, []);
    assert!(verify(&*store).await.valid);
}

/// The bytes, the hash and the facts beside them are those that the rule sealed.
pub async fn an_entry_says_what_was_done(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    let mut head = AuditHead::EMPTY;
    for second in 50..53 {
        let mut by = by(1, second);
        by.reason = by.reason.filter(|_| second != 51);
        let action = OperatorAction { by, ..action(1, Intervention::Pause) };
        let session = crate::steps::session(&*store, 1).await;
        let sealed = action.decide(Some(&session), &[]).audit.seal(head);
        OperatorActions::commit(&*store, action).await.expect("accepted");
        head = AuditLog::head(&*store).await.expect("read");
        assert_eq!((audit(&*store).await.pop().as_ref(), head), (Some(&sealed), sealed.head()));
    }
}

/// Newest first, and a page begins before a place, so that what comes later moves nothing.
pub async fn pages_make_up_the_log_newest_first(harness: &dyn Harness) {
    let store = harness.store();
    busy_hour(&*store).await;
    let mut whole = audit(&*store).await;
    whole.reverse();
    assert_eq!(whole.len(), 24);
    for limit in [1, 5, 7, 23, 24, 25] {
        let (mut all, mut before) = (Vec::new(), None);
        loop {
            let next = page(&*store, &AuditFilter::default(), before, limit).await;
            let Some(last) = next.last() else { break };
            let is_before = |entry: &SealedAuditEntry| before.is_none_or(|before| entry.seq < before);
            assert!(next.iter().all(is_before), "all of a page is before its place");
            before = Some(last.seq);
            all.extend(next);
        }
        assert_eq!(all, whole, "pages of {limit}");
    }
    let first = page(&*store, &AuditFilter::default(), Some(AuditSeq::new(11)), 5).await;
    store.commit_fleet(fleet(FleetIntervention::KillAll)).await.expect("engaged");
    assert_eq!(page(&*store, &AuditFilter::default(), Some(AuditSeq::new(11)), 5).await, first);
    assert_eq!(first, whole[14..19]);
}

/// Session, actor and action, each alone, each with each, and with a place.
pub async fn every_filter_holds_alone_and_with_others(harness: &dyn Harness) {
    let store = harness.store();
    busy_hour(&*store).await;
    let mut whole = audit(&*store).await;
    whole.reverse();
    let mut found = 0;
    for bits in 0..8_u32 {
        let on = |bit: u32| bits & (1 << bit) != 0;
        for (session, who, name) in [(1, 1, ActionName::Pause), (2, 2, ActionName::Inject), (9, 1, ActionName::Kill)] {
            let filter = AuditFilter {
                session_id: on(0).then(|| session_id(session)),
                actor: on(1).then(|| actor(who)),
                action: on(2).then_some(name),
            };
            for before in [None, Some(AuditSeq::new(13))] {
                let holds = |entry: &&SealedAuditEntry| {
                    before.is_none_or(|before| entry.seq < before)
                        && filter.session_id.is_none_or(|id| entry.index.session_id == Some(id))
                        && filter.actor.as_ref().is_none_or(|actor| entry.index.actor == *actor)
                        && filter.action.is_none_or(|action| entry.index.action == action)
                };
                let expected: Vec<_> = whole.iter().filter(holds).cloned().collect();
                assert_eq!(page(&*store, &filter, before, 100).await, expected, "{filter:?} before {before:?}");
                let few = expected.iter().take(2).cloned().collect::<Vec<_>>();
                assert_eq!(page(&*store, &filter, before, 2).await, few, "{filter:?} before {before:?}");
                found += expected.len();
            }
        }
    }
    assert!(found > 0);
}

/// The walk is the chain from its first entry on, in pages.
pub async fn a_walk_is_oldest_first(harness: &dyn Harness) {
    let store = harness.store();
    busy_hour(&*store).await;
    let whole = audit(&*store).await;
    let seqs: Vec<u64> = whole.iter().map(|entry| entry.seq.get()).collect();
    assert_eq!(seqs, (1..=24).collect::<Vec<_>>());
    for (after, limit, expected) in [(0, 7, 0..7), (7, 7, 7..14), (21, 7, 21..24), (24, 7, 24..24), (99, 7, 24..24)] {
        assert_eq!(store.walk(AuditSeq::new(after), limit).await.expect("read"), whole[expected]);
    }
}

/// Actions on sessions, on the fleet and on keys are one chain, refusals too.
pub async fn the_chain_holds_after_all_kinds_of_actions(harness: &dyn Harness) {
    let store = harness.store();
    busy_hour(&*store).await;
    let by = || Attribution { reason: None, ..by(3, 80) };
    ApiKeyRepository::create(&*store, key(1), by()).await.expect("made");
    store.commit_fleet(fleet(FleetIntervention::KillAll)).await.expect("engaged");
    store.revoke(key_id(1), by()).await.expect("revoked");
    store.commit_fleet(fleet(FleetIntervention::ReleaseKillSwitch)).await.expect("released");
    let result = verify(&*store).await;
    assert!(result.valid && result.entries == 28, "{result:?}");
    let names: Vec<ActionName> = audit(&*store).await[24..].iter().map(|entry| entry.index.action).collect();
    let expected = [ActionName::KeyCreate, ActionName::KillAll, ActionName::KeyRevoke, ActionName::KillSwitchRelease];
    assert_eq!(names, expected);
}
