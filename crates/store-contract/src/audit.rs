//! The audit log, read: [`flightdeck_domain::ports::AuditLog`].

use flightdeck_domain::action::{ActionName, Attribution, FleetIntervention, Intervention, OperatorAction};
use flightdeck_domain::audit::{AuditHead, Checkpoint, CheckpointSigningKey, SealedAuditEntry};
use flightdeck_domain::ids::AuditSeq;
use flightdeck_domain::ports::{ApiKeyRepository, AuditFilter, AuditLog, CheckpointSigner, OperatorActions};
use flightdeck_domain::session::SessionStatus;

use crate::given::{action, actor, at, by, child, fleet, inject, key, key_id, observation, registration, session_id};
use crate::steps::{audit, observe, register, run_by, verify};
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
        let sealed = run_by(&session, action.decide(Some(&session), &[]).audit).seal(head);
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

/// Session, subtree, actor, action and time, each alone, each with each, and with a place.
pub async fn every_filter_holds_alone_and_with_others(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(3)).await;
    busy_hour(&*store).await;
    let mut whole = audit(&*store).await;
    whole.reverse();
    let mut found = 0;
    for bits in 0..64_u32 {
        let on = |bit: u32| bits & (1 << bit) != 0;
        for (session, who, name) in [(1, 1, ActionName::Pause), (2, 2, ActionName::Inject), (9, 1, ActionName::Kill)] {
            let filter = AuditFilter {
                session_id: on(0).then(|| session_id(session)),
                actor: on(1).then(|| actor(who)),
                action: on(2).then_some(name),
                subtree: on(3).then(|| session_id(session)),
                from: on(4).then(|| at(4)),
                to: on(5).then(|| at(19)),
            };
            for before in [None, Some(AuditSeq::new(13))] {
                let holds = |entry: &&SealedAuditEntry| {
                    before.is_none_or(|before| entry.seq < before)
                        && filter.session_id.is_none_or(|id| entry.index.session_id == Some(id))
                        && filter.actor.as_ref().is_none_or(|actor| entry.index.actor == *actor)
                        && filter.action.is_none_or(|action| entry.index.action == action)
                        && filter.subtree.is_none_or(|id| entry.index.session_id == Some(id))
                        && filter.from.is_none_or(|from| entry.index.at >= from)
                        && filter.to.is_none_or(|to| entry.index.at < to)
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

/// The top's own entries and those of all below it, of no sibling, and of nothing that is aimed at no session.
pub async fn the_entries_of_a_subtree_are_those_of_every_session_in_it(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    for (n, parent) in [(2, 1), (3, 1), (4, 2), (5, 4)] {
        register(&*store, child(n, parent)).await;
    }
    for n in [5, 1, 3, 2, 9, 4, 5] {
        let _refused_or_not = OperatorActions::commit(&*store, action(n, Intervention::Pause)).await;
    }
    store.commit_fleet(fleet(FleetIntervention::ReleaseKillSwitch)).await.expect("released");
    for (top, expected) in
        [(1, vec![7, 6, 4, 3, 2, 1]), (2, vec![7, 6, 4, 1]), (3, vec![3]), (5, vec![7, 1]), (9, vec![5]), (8, vec![])]
    {
        let filter = AuditFilter { subtree: Some(session_id(top)), ..AuditFilter::default() };
        let seqs = |page: Vec<SealedAuditEntry>| page.iter().map(|entry| entry.seq.get()).collect::<Vec<_>>();
        assert_eq!(seqs(page(&*store, &filter, None, 100).await), expected, "below {top}");
        let older: Vec<u64> = expected.iter().copied().filter(|seq| *seq < 6).take(2).collect();
        assert_eq!(seqs(page(&*store, &filter, Some(AuditSeq::new(6)), 2).await), older, "below {top}, before 6");
    }
}

/// From a moment on, and before a moment: what joins at a moment is in one of two spans and not in both.
pub async fn a_span_of_time_has_its_beginning_and_not_its_end(harness: &dyn Harness) {
    let store = harness.store();
    busy_hour(&*store).await;
    for (from, to, expected) in [(5, 5, 0), (5, 6, 1), (0, 24, 24), (23, 99, 1), (24, 99, 0)] {
        let filter = AuditFilter { from: Some(at(from)), to: Some(at(to)), ..AuditFilter::default() };
        assert_eq!(page(&*store, &filter, None, 100).await.len(), expected, "{from} to {to}");
    }
}

/// A checkpoint reads back to the last field; at one place the first stays; pages make up all.
pub async fn checkpoints_are_kept_in_order_and_never_replaced(harness: &dyn Harness) {
    let store = harness.store();
    assert_eq!(store.newest_checkpoint().await.expect("read"), None);
    assert_eq!(store.checkpoints(AuditSeq::ZERO, 5).await.expect("read"), []);
    busy_hour(&*store).await;
    let whole = audit(&*store).await;
    let key = CheckpointSigningKey::from_seed(&[7; 32]);
    let signed = |n: usize, second: u32| Checkpoint::sign(whole[n].head(), at(second), &key);
    let kept = [signed(2, 60), signed(9, 61), signed(23, 62)];
    for checkpoint in [kept[0], kept[2], kept[1]] {
        assert_eq!(store.keep_checkpoint(checkpoint).await.expect("kept"), checkpoint);
    }
    assert_eq!(store.keep_checkpoint(signed(9, 99)).await.expect("passed over"), kept[1], "the one that stands there");
    assert_eq!(store.newest_checkpoint().await.expect("read"), Some(kept[2]));
    for (after, limit, expected) in [(0, 9, 0..3), (0, 2, 0..2), (3, 9, 1..3), (9, 1, 1..2), (24, 9, 3..3)] {
        let page = store.checkpoints(AuditSeq::new(after), limit).await.expect("read");
        assert_eq!(page, kept[expected], "after {after}");
        assert!(page.iter().all(|checkpoint| checkpoint.check(&key.public_key()).is_ok()));
    }
    assert!(verify(&*store).await.valid, "a checkpoint is no entry");
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
