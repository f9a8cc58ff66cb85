//! Logins: [`flightdeck_domain::ports::LoginRepository`].

use std::collections::BTreeMap;

use flightdeck_domain::action::ActionName;
use flightdeck_domain::api_key::SecretHash;
use flightdeck_domain::audit::{AuditOutcome, AuditTarget};
use flightdeck_domain::login::{Login, LoginId, LoginKind, LoginRejected};
use flightdeck_domain::ports::{ApiKeyRepository, RedeemLinkError};

use crate::given::{at, by, key, key_id};
use crate::state::State;
use crate::steps::{audit, newest_entry, together, verify};
use crate::{Harness, Store};

const DAY: u32 = 24 * 60 * 60;

pub(crate) fn id(n: u32) -> LoginId {
    LoginId::new(&format!("{n:016x}")).expect("sixteen digits")
}

pub(crate) fn login(n: u32) -> Login {
    of_kind(n, LoginKind::Session)
}

pub(crate) fn link(n: u32) -> Login {
    of_kind(n, LoginKind::Link)
}

fn of_kind(n: u32, kind: LoginKind) -> Login {
    Login {
        id: id(n),
        kind,
        key_id: key_id(1),
        secret_hash: SecretHash::of(&format!("login {n}")),
        created_at: at(0),
        expires_at: at(1_000),
        ended_at: None,
    }
}

/// A store with key 1, which every login acts as.
async fn with_key(store: &dyn Store) {
    ApiKeyRepository::create(store, key(1), by(1, 1)).await.expect("made");
}

async fn begin(store: &dyn Store, login: Login) {
    store.begin_login(login, by(1, 10)).await.expect("begun");
}

async fn found(store: &dyn Store, n: u32) -> Option<Login> {
    store.login(id(n)).await.expect("read")
}

/// Every field of both kinds.
pub async fn a_login_reads_back_as_it_was_made(harness: &dyn Harness) {
    let store = harness.store();
    with_key(&*store).await;
    for (n, kind) in [(1, LoginKind::Session), (2, LoginKind::Link)] {
        begin(&*store, of_kind(n, kind)).await;
        assert_eq!(found(&*store, n).await, Some(of_kind(n, kind)));
    }
    assert_eq!(found(&*store, 9).await, None);
}

/// However many open it at once, and whoever comes later.
pub async fn a_link_gives_one_session(harness: &dyn Harness) {
    let store = harness.store();
    with_key(&*store).await;
    begin(&*store, link(1)).await;
    let results = together(8, |n| {
        let store = harness.store();
        async move { store.redeem_link(id(1), login(10 + n), by(1, 20)).await }
    })
    .await;
    let mut sessions = Vec::new();
    for (n, result) in (10..).zip(results) {
        match result {
            Ok(()) => sessions.push(n),
            Err(RedeemLinkError::Rejected(LoginRejected::Ended)) => assert_eq!(found(&*store, n).await, None),
            Err(error) => panic!("{error:?}"),
        }
    }
    let [winner] = sessions[..] else { panic!("one session, not {sessions:?}") };
    assert_eq!(found(&*store, winner).await, Some(login(winner)));
    assert_eq!(found(&*store, 1).await.and_then(|link| link.ended_at), Some(at(20)));
    let late = store.redeem_link(id(1), login(30), by(1, 21)).await.expect_err("used");
    assert!(matches!(late, RedeemLinkError::Rejected(LoginRejected::Ended)), "{late:?}");
    let entry = newest_entry(&*store).await;
    assert_eq!((entry.action, entry.details["link"].as_str()), (ActionName::Login, id(1).as_str()));
    assert_eq!(verify(&*store).await.entries, 2, "the key and one login");
}

/// A link whose time is over and one that there is not.
pub async fn a_link_that_is_not_good_gives_nothing(harness: &dyn Harness) {
    let store = harness.store();
    with_key(&*store).await;
    begin(&*store, Login { expires_at: at(20), ..link(1) }).await;
    let before = State::of(&*store).await;
    for (link, rejected) in [(1, LoginRejected::Expired), (2, LoginRejected::Unknown)] {
        let error = store.redeem_link(id(link), login(10), by(1, 20)).await.expect_err("not good");
        assert!(matches!(error, RedeemLinkError::Rejected(found) if found == rejected), "{error:?}");
    }
    assert_eq!(found(&*store, 10).await, None);
    assert_eq!(State::of(&*store).await, before);
}

/// An end has one entry, and the time of the first.
pub async fn a_login_ends_once(harness: &dyn Harness) {
    let store = harness.store();
    with_key(&*store).await;
    begin(&*store, login(1)).await;
    assert!(store.end_login(id(1), by(1, 30)).await.expect("ended"));
    assert!(!store.end_login(id(1), by(1, 40)).await.expect("asked"), "it was over");
    assert!(!store.end_login(id(2), by(1, 40)).await.expect("asked"), "there is none");
    let ended = Login { ended_at: Some(at(30)), ..login(1) };
    assert_eq!(found(&*store, 1).await, Some(ended));
    assert_eq!(verify(&*store).await.entries, 3);
}

/// Who logged in and out stands on the audit log; a link that nobody has used is nothing to tell of.
pub async fn logging_in_and_out_is_on_record(harness: &dyn Harness) {
    let store = harness.store();
    with_key(&*store).await;
    begin(&*store, login(1)).await;
    begin(&*store, link(2)).await;
    store.end_login(id(1), by(1, 30)).await.expect("ended");
    let begun =
        BTreeMap::from([("expiresAt".to_owned(), at(1_000).to_string()), ("login".to_owned(), id(1).to_string())]);
    let ended = BTreeMap::from([("login".to_owned(), id(1).to_string())]);
    let expected = [(ActionName::Login, by(1, 10), begun), (ActionName::Logout, by(1, 30), ended)];
    let entries = audit(&*store).await;
    assert_eq!(entries.len(), 1 + expected.len());
    for (sealed, (action, by, details)) in entries.iter().skip(1).zip(expected) {
        let entry = sealed.entry().expect("readable");
        assert_eq!((entry.action, entry.outcome, entry.details), (action, AuditOutcome::Accepted, details));
        assert_eq!(entry.target, AuditTarget::Key(key_id(1).to_string()));
        assert_eq!((entry.actor, entry.at, entry.request_id), (by.actor, by.at, by.request_id));
    }
    assert!(verify(&*store).await.valid);
}

/// No login, no use of a link and no logout without a record of it.
pub async fn a_login_without_its_entry_is_not_made(harness: &dyn Harness) {
    let store = harness.store();
    with_key(&*store).await;
    begin(&*store, link(1)).await;
    begin(&*store, login(2)).await;
    let before = State::of(&*store).await;
    harness.break_audit().await;
    store.begin_login(login(3), by(1, 20)).await.expect_err("no entry, no login");
    let error = store.redeem_link(id(1), login(4), by(1, 20)).await.expect_err("no entry");
    assert!(matches!(error, RedeemLinkError::Unavailable(_)), "{error:?}");
    store.end_login(id(2), by(1, 20)).await.expect_err("no entry, no logout");
    assert_eq!((found(&*store, 3).await, found(&*store, 4).await), (None, None));
    assert_eq!(found(&*store, 1).await, Some(link(1)), "the link is good as before");
    assert_eq!(found(&*store, 2).await, Some(login(2)));
    assert_eq!(State::of(&*store).await, before);
    harness.mend_audit().await;
    store.redeem_link(id(1), login(4), by(1, 20)).await.expect("logged in");
}

/// A day after their time, whenever somebody logs in; not a moment before.
pub async fn logins_that_are_long_over_are_forgotten(harness: &dyn Harness) {
    let store = harness.store();
    with_key(&*store).await;
    begin(&*store, login(1)).await;
    begin(&*store, Login { expires_at: at(999), ..link(2) }).await;
    let later = Login { expires_at: at(3 * DAY), ..login(3) };
    store.begin_login(later.clone(), by(1, 1_000 + DAY)).await.expect("begun");
    assert!(found(&*store, 1).await.is_some(), "a day has not passed");
    assert_eq!(found(&*store, 2).await, None);
    assert_eq!(found(&*store, 3).await, Some(later));
}
