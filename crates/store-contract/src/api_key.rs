//! API keys: [`flightdeck_domain::ports::ApiKeyRepository`].

use flightdeck_domain::action::{ActionName, Attribution};
use flightdeck_domain::api_key::{ApiKey, LastAdminKey};
use flightdeck_domain::audit::{AuditOutcome, AuditTarget};
use flightdeck_domain::mission_set::MissionSet;
use flightdeck_domain::operator::{Actor, Role};
use flightdeck_domain::ports::{ApiKeyRepository, RevokeKeyError};
use flightdeck_domain::session::SessionPlace;
use flightdeck_domain::text::MissionId;

use crate::given::{AWKWARD, actor, at, by, key, key_id, session_id, text};
use crate::state::State;
use crate::steps::{audit, together, verify};
use crate::{Harness, Store};

async fn create(store: &dyn Store, key: ApiKey) {
    store.create(key, by(1, 50)).await.expect("made");
}

async fn found(store: &dyn Store, n: u32) -> ApiKey {
    ApiKeyRepository::find(store, key_id(n)).await.expect("read").expect("the key is there")
}

async fn listed(store: &dyn Store) -> Vec<ApiKey> {
    ApiKeyRepository::list(store).await.expect("read")
}

/// Every place that the session of a key can have; neither it nor its parent need be there.
fn places() -> [SessionPlace; 4] {
    let parent_id = Some(session_id(6));
    let mission_id = Some(text::<MissionId>(AWKWARD));
    [
        SessionPlace::default(),
        SessionPlace { parent_id, ..SessionPlace::default() },
        SessionPlace { mission_id: mission_id.clone(), ..SessionPlace::default() },
        SessionPlace { parent_id, mission_id },
    ]
}

/// Where the session of a key may stand is decided when the key is made, and stays with it, also when it ends.
pub async fn the_place_of_a_key_reads_back(harness: &dyn Harness) {
    let store = harness.store();
    for (n, place) in (1..).zip(places()) {
        let key = ApiKey { role: Role::Agent, bound_to: Some(session_id(7)), place: place.clone(), ..key(n) };
        create(&*store, key.clone()).await;
        assert_eq!(found(&*store, n).await, key);
        assert_eq!(store.revoke(key_id(n), by(1, 60)).await.expect("revoked").place, place);
        assert_eq!(found(&*store, n).await.place, place);
    }
    assert_eq!(listed(&*store).await.into_iter().map(|key| key.place).collect::<Vec<_>>(), places());
    let entries = audit(&*store).await;
    let made = entries.iter().map(|sealed| sealed.entry().expect("readable"));
    let made = made.filter(|entry| entry.action == ActionName::KeyCreate);
    for (entry, place) in made.zip(places()) {
        let told = |name: &str| entry.details.get(name).cloned();
        assert_eq!(told("sessionId"), Some(session_id(7).to_string()));
        assert_eq!(told("parentSessionId"), place.parent_id.map(|id| id.to_string()));
        assert_eq!(told("missionId"), place.mission_id.map(|id| id.to_string()));
    }
}

/// Any number of missions with any names, also when the key ends.
pub async fn the_missions_of_a_key_read_back(harness: &dyn Harness) {
    let store = harness.store();
    let many = (0..50).map(|n| text::<MissionId>(&format!("mission {n}"))).collect();
    let sets = [vec![text::<MissionId>(AWKWARD)], vec![text("b"), text("a")], many];
    for (n, missions) in (1..).zip(sets) {
        let missions = Some(MissionSet::new(missions).expect("a set"));
        let key = ApiKey { role: Role::Viewer, missions: missions.clone(), ..key(n) };
        create(&*store, key.clone()).await;
        assert_eq!(found(&*store, n).await, key);
        assert_eq!(found(&*store, n).await.principal().missions, missions);
        store.revoke(key_id(n), by(1, 60)).await.expect("revoked");
        assert_eq!(found(&*store, n).await.missions, missions);
    }
    let entries = audit(&*store).await;
    let made: Vec<_> = entries.iter().map(|sealed| sealed.entry().expect("readable").details).collect();
    assert!(made.iter().any(|details| details.get("missions").map(String::as_str) == Some(r#"["a","b"]"#)), "{made:?}");
}

/// A refusal that is on record: nothing else changes. The command line of the machine may.
pub async fn the_last_admin_key_is_kept_on_record(harness: &dyn Harness) {
    let store = harness.store();
    let admin = |n| ApiKey { role: Role::Admin, ..key(n) };
    create(&*store, admin(1)).await;
    create(&*store, ApiKey { expires_at: Some(at(55)), ..admin(2) }).await;
    create(&*store, key(3)).await;
    let error = store.revoke(key_id(1), by(1, 60)).await.expect_err("the last one");
    assert!(matches!(&error, RevokeKeyError::Refused(LastAdminKey(id)) if *id == key_id(1)), "{error:?}");
    assert_eq!(found(&*store, 1).await, admin(1));
    let entries = audit(&*store).await;
    assert_eq!(entries.len(), 4);
    let refused = entries[3].entry().expect("readable");
    assert_eq!((refused.action, refused.outcome), (ActionName::KeyRevoke, AuditOutcome::Refused));
    assert_eq!(refused.target, AuditTarget::Key(key_id(1).to_string()));
    assert!(refused.details["refusal"].contains("the last usable key"), "{refused:?}");
    let by_cli = Attribution { actor: Actor::local_cli(), ..by(1, 61) };
    assert_eq!(store.revoke(key_id(1), by_cli).await.expect("revoked").revoked_at, Some(at(61)));
    assert!(verify(&*store).await.valid);
}

/// Which keys are left is read and acted on in one transaction. Each admin revokes the next one, all at the same time.
pub async fn of_admins_that_revoke_each_other_one_stays(harness: &dyn Harness) {
    const ADMINS: u32 = 8;
    let store = harness.store();
    for n in 1..=ADMINS {
        create(&*store, ApiKey { role: Role::Admin, ..key(n) }).await;
    }
    let revoked = together(ADMINS, |n| {
        let store = harness.store();
        async move { store.revoke(key_id(n % ADMINS + 1), by(n, 60)).await.is_ok() }
    })
    .await;
    assert_eq!(revoked.iter().filter(|revoked| !**revoked).count(), 1, "{revoked:?}");
    assert_eq!(listed(&*store).await.iter().filter(|key| key.revoked_at.is_none()).count(), 1);
}

/// Every field of every role. A session to which a key is bound need not be there yet.
pub async fn a_key_reads_back_as_it_was_made(harness: &dyn Harness) {
    let store = harness.store();
    for (n, role) in (1..).zip(Role::ALL) {
        let bound_to = (role == Role::Agent).then(|| session_id(7));
        let expires_at = (n % 2 == 0).then(|| at(1_000));
        let key = ApiKey { role, bound_to, expires_at, ..key(n) };
        create(&*store, key.clone()).await;
        assert_eq!(found(&*store, n).await, key);
    }
}

/// Oldest first, with those that were ended.
pub async fn keys_are_listed_oldest_first(harness: &dyn Harness) {
    let store = harness.store();
    assert_eq!(listed(&*store).await, []);
    for (n, second) in [(3, 1), (1, 3), (2, 2)] {
        create(&*store, ApiKey { created_at: at(second), ..key(n) }).await;
    }
    store.revoke(key_id(2), by(1, 60)).await.expect("revoked");
    let listed: Vec<_> = listed(&*store).await.into_iter().map(|key| (key.id, key.revoked_at)).collect();
    assert_eq!(listed, [(key_id(3), None), (key_id(2), Some(at(60))), (key_id(1), None)]);
}

/// Who made a key and who ended it stands on the audit log.
pub async fn making_and_ending_a_key_is_on_record(harness: &dyn Harness) {
    let store = harness.store();
    create(&*store, key(7)).await;
    store.revoke(key_id(7), by(2, 60)).await.expect("revoked");
    let entries = audit(&*store).await;
    let expected = [(ActionName::KeyCreate, by(1, 50)), (ActionName::KeyRevoke, by(2, 60))];
    assert_eq!(entries.len(), expected.len());
    for (sealed, (action, by)) in entries.iter().zip(expected) {
        let entry = sealed.entry().expect("readable");
        assert_eq!((entry.action, entry.outcome), (action, AuditOutcome::Accepted));
        assert_eq!(entry.target, AuditTarget::Key(key_id(7).to_string()));
        assert_eq!(
            (entry.actor, entry.at, entry.reason, entry.request_id),
            (by.actor, by.at, by.reason, by.request_id)
        );
        assert_eq!(sealed.index.session_id, None);
    }
    assert_eq!(entries[1].index.actor, actor(2));
    assert!(verify(&*store).await.valid);
}

/// The time at which a key was ended is not made later.
pub async fn revoking_twice_keeps_the_first_time(harness: &dyn Harness) {
    let store = harness.store();
    create(&*store, key(1)).await;
    for second in [60, 70] {
        let revoked = store.revoke(key_id(1), by(1, second)).await.expect("revoked");
        assert_eq!(revoked, ApiKey { revoked_at: Some(at(60)), ..key(1) });
    }
    assert_eq!(found(&*store, 1).await.revoked_at, Some(at(60)));
    assert!(verify(&*store).await.valid);
}

/// A key that there is not is none, and cannot be ended.
pub async fn an_unknown_key_is_told_as_such(harness: &dyn Harness) {
    let store = harness.store();
    create(&*store, key(1)).await;
    assert_eq!(ApiKeyRepository::find(&*store, key_id(9)).await.expect("read"), None);
    let error = store.revoke(key_id(9), by(1, 60)).await.expect_err("unknown");
    assert!(matches!(&error, RevokeKeyError::UnknownKey(id) if *id == key_id(9)), "{error:?}");
    assert_eq!(listed(&*store).await, [key(1)]);
}

/// No key without a record of who made it.
pub async fn a_key_without_its_entry_is_not_made(harness: &dyn Harness) {
    let store = harness.store();
    create(&*store, key(1)).await;
    let before = State::of(&*store).await;
    harness.break_audit().await;
    store.create(key(2), by(1, 50)).await.expect_err("no entry, no key");
    assert_eq!(ApiKeyRepository::find(&*store, key_id(2)).await.expect("read"), None);
    assert_eq!(State::of(&*store).await, before);
    harness.mend_audit().await;
    create(&*store, key(2)).await;
    assert_eq!(verify(&*store).await.entries, 2);
}

/// No end of a key without a record of who ended it.
pub async fn a_key_is_not_ended_without_its_entry(harness: &dyn Harness) {
    let store = harness.store();
    create(&*store, key(1)).await;
    let before = State::of(&*store).await;
    harness.break_audit().await;
    let error = store.revoke(key_id(1), by(1, 60)).await.expect_err("no entry, no end");
    assert!(matches!(error, RevokeKeyError::Unavailable(_)), "{error:?}");
    assert_eq!(State::of(&*store).await, before);
    harness.mend_audit().await;
    assert_eq!(store.revoke(key_id(1), by(1, 61)).await.expect("revoked").revoked_at, Some(at(61)));
}

/// Only where there is none at all, revoked ones counted, and by one of many that race; with its entry.
pub async fn a_first_key_is_made_once(harness: &dyn Harness) {
    let made = together(8, |n| {
        let store = harness.store();
        async move { store.create_first(key(n + 1), by(1, 50)).await.expect("asked") }
    })
    .await;
    assert_eq!(made.iter().filter(|made| **made).count(), 1, "{made:?}");
    let store = harness.store();
    let keys = listed(&*store).await;
    assert_eq!((keys.len(), audit(&*store).await.len()), (1, 1));
    let first = (1..).zip(&made).find_map(|(n, made)| made.then(|| key_id(n))).expect("one was made");
    assert_eq!(keys[0].id, first);
    store.revoke(first, by(1, 60)).await.expect("revoked");
    assert!(!store.create_first(key(20), by(1, 70)).await.expect("asked"));
    assert_eq!((listed(&*store).await.len(), audit(&*store).await.len()), (1, 2));
}
