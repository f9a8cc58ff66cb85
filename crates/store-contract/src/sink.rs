//! Sinks: [`flightdeck_domain::ports::SinkRepository`].

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use flightdeck_domain::action::ActionName;
use flightdeck_domain::audit::{AuditOutcome, AuditTarget};
use flightdeck_domain::epoch::Epoch;
use flightdeck_domain::feed::FleetEventKind;
use flightdeck_domain::ids::ApprovalId;
use flightdeck_domain::ports::{LetterQuery, SinkChangeError};
use flightdeck_domain::provider_config::{Changed, CredentialDigest, CredentialName, Expected, SealedCredential};
use flightdeck_domain::session::SessionStatus;
use flightdeck_domain::sink::{
    DeadLetter, Failure, Gap, GapCause, LEASE, Letter, LettersChange, Reminder, Settling, Sink, SinkChange, SinkDraft,
    SinkFilter, SinkForm, SinkName, SinkRefused, SinkResealing, Step, Taking, Trouble,
};
use flightdeck_domain::text::{MissionId, ReplicaName};
use serde_json::json;
use uuid::Uuid;

use crate::given::{actor, at, by, object, session_id};
use crate::state::State;
use crate::steps::{audit, newest_entry, together, verify};
use crate::{Harness, Store};

/// The second at which the sinks of the cases are made.
pub(crate) const MADE: u32 = 245;

fn name(text: &str) -> SinkName {
    SinkName::new(text).expect("valid")
}

fn credential() -> CredentialName {
    CredentialName::new("secret").expect("valid")
}

fn sealed(key: &str) -> SealedCredential {
    let digits = |text: &str| text.to_owned();
    let digest = CredentialDigest(digits("d1"));
    SealedCredential { key_id: digits(key), nonce: digits("00ff"), ciphertext: digits("c0ffee"), digest }
}

/// Something in every field.
fn draft() -> SinkDraft {
    SinkDraft {
        form: SinkForm::Webhook,
        enabled: true,
        settings: object(json!({"url": "https://x.example/\u{1F680}?a=\"b\"", "n": 1.5e300, "no": null})),
        filter: SinkFilter {
            needs_person: true,
            kinds: BTreeSet::from([FleetEventKind::Spawned, FleetEventKind::KillSwitch]),
            statuses: BTreeSet::from([SessionStatus::Completed]),
            missions: BTreeSet::from([MissionId::new("apollo \u{e9}").expect("valid")]),
        },
        transcript: true,
        most_tries: 1,
        credentials: BTreeMap::from([(credential(), Some(sealed("k1")))]),
        begins: Some(5),
    }
}

/// The sink of this name, made or changed at a second. A message that fails once is a dead letter.
pub(crate) fn set_sink(sink: &str, expected: Expected, second: u32) -> SinkChange {
    SinkChange { name: name(sink), draft: Some(draft()), expected, by: by(1, second) }
}

pub(crate) fn remove_sink(sink: &str, revision: u64, second: u32) -> SinkChange {
    SinkChange { name: name(sink), draft: None, expected: Expected::Revision(revision), by: by(1, second) }
}

pub(crate) fn resealing_sink(sink: &str, revision: u64, second: u32) -> SinkResealing {
    let credentials = BTreeMap::from([(credential(), sealed("k2"))]);
    SinkResealing { name: name(sink), revision, credentials, by: by(1, second) }
}

pub(crate) fn taking(sink: &str, replica: &str, second: u32) -> Taking {
    Taking { name: name(sink), by: ReplicaName::new(replica).expect("valid"), at: at(second) }
}

/// The n-th taking of a sink that was made at [`MADE`] settles a step.
pub(crate) fn settling(sink: &str, n: u64, step: Step, second: u32) -> Settling {
    let fence = u64::try_from(at(MADE).as_micros()).expect("after 1970") + n;
    Settling { name: name(sink), fence, epoch: Epoch::new(7), step, at: at(second) }
}

fn letter(place: u64) -> Letter {
    let approval = ApprovalId::new(Uuid::from_u128(u128::from(place)));
    let reminder = Reminder { approval, place, due: at(900), tries: 0 };
    Letter { place, kind: Some(FleetEventKind::Approval), session_id: Some(session_id(3)), reminder: Some(reminder) }
}

pub(crate) fn gives_up(place: u64) -> Step {
    let failure = Failure { what: "no answer \u{1F680}".to_owned(), rejected: false, pause: Duration::from_secs(9) };
    Step::Failed(letter(place), failure)
}

pub(crate) fn letters(sink: &str, places: &[u64], second: u32) -> LettersChange {
    LettersChange { name: name(sink), places: places.into(), by: by(1, second) }
}

async fn make(store: &dyn Store, sink: &str) -> Sink {
    store.change_sink(set_sink(sink, Expected::Absent, MADE)).await.expect("made")
}

async fn dead(store: &dyn Store, sink: &str, again: bool) -> Vec<DeadLetter> {
    store.dead_letters(LetterQuery { sink: name(sink), again, after: None, limit: 100 }).await.expect("read")
}

fn refused<T: std::fmt::Debug>(result: Result<T, SinkChangeError>) -> SinkRefused {
    match result {
        Err(SinkChangeError::Refused(refused)) => refused,
        other => panic!("not refused: {other:?}"),
    }
}

/// Every field, also after a change, and with every trace of its delivery.
pub async fn a_sink_reads_back_as_it_was_made(harness: &dyn Harness) {
    let store = harness.store();
    assert_eq!(store.sink(name("ops")).await.expect("read"), None);
    let made = make(&*store, "ops").await;
    assert_eq!((made.filter.clone(), made.settings.clone()), (draft().filter, draft().settings));
    assert_eq!((made.enabled, made.transcript, made.most_tries, made.revision), (true, true, 1, 1));
    assert_eq!((made.changed.clone(), made.progress.cursor), (Changed { by: actor(1), at: at(MADE) }, 5));
    assert_eq!(made.credentials, BTreeMap::from([(credential(), sealed("k1"))]));
    assert_eq!(store.sink(name("ops")).await.expect("read"), Some(made));
    let bare = SinkDraft {
        form: SinkForm::Webhook,
        enabled: false,
        settings: object(json!({})),
        filter: SinkFilter::default(),
        transcript: false,
        most_tries: 100,
        credentials: BTreeMap::from([(credential(), None)]),
        begins: None,
    };
    let change = SinkChange { draft: Some(bare.clone()), ..set_sink("ops", Expected::Revision(1), 260) };
    let changed = store.change_sink(change).await.expect("changed");
    let found = store.sink(name("ops")).await.expect("read").expect("there");
    assert_eq!(found, changed);
    assert_eq!((found.enabled, found.transcript, found.most_tries, found.revision), (false, false, 100, 2));
    assert_eq!((found.filter, found.credentials.len(), found.settings), (bare.filter, 0, bare.settings));
    store.change_sink(set_sink("ops", Expected::Revision(2), 261)).await.expect("changed");
    store.take_sink(taking("ops", "r1", 262)).await.expect("asked").expect("free");
    let gap = Gap { cause: GapCause::Removed, after: 1, until: 6, at: at(263) };
    for step in [Step::Moved { to: 6, gap: Some(gap) }, Step::Sent(letter(7)), gives_up(8)] {
        let settled = store.settle_sink(settling("ops", 1, step, 263)).await.expect("asked").expect("taken");
        assert_eq!(store.sink(name("ops")).await.expect("read"), Some(settled));
    }
    let progress = store.sink(name("ops")).await.expect("read").expect("there").progress;
    assert_eq!((progress.cursor, progress.gap, progress.epoch), (8, Some(gap), Some(Epoch::new(7))));
    assert_eq!((progress.last_success, progress.next_try, progress.failures), (Some(at(263)), Some(at(272)), 1));
    assert_eq!(progress.last_error, Some(Trouble::new("no answer \u{1F680}", at(263))));
    assert_eq!(progress.reminders.len(), 2);
}

/// In the order of the bytes, whatever the language of the database is.
pub async fn sinks_are_listed_by_name_and_go_with_their_letters(harness: &dyn Harness) {
    let store = harness.store();
    for text in ["b", "a", "B", "a.1"] {
        make(&*store, text).await;
        store.take_sink(taking(text, "r1", 250)).await.expect("asked").expect("free");
        store.settle_sink(settling(text, 1, gives_up(6), 250)).await.expect("asked").expect("taken");
    }
    let counts = |counts: Vec<(SinkName, u64)>| {
        counts.into_iter().map(|(name, count)| (name.to_string(), count)).collect::<Vec<_>>()
    };
    let some = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), 1)).collect::<Vec<_>>();
    assert_eq!(counts(store.count_dead_letters().await.expect("read")), some(&["B", "a", "a.1", "b"]));
    let removed = store.change_sink(remove_sink("a", 1, 260)).await.expect("removed");
    assert_eq!(removed.name, name("a"));
    let names: Vec<String> = store.sinks().await.expect("read").into_iter().map(|sink| sink.name.to_string()).collect();
    assert_eq!(names, ["B", "a.1", "b"]);
    assert_eq!(counts(store.count_dead_letters().await.expect("read")), some(&["B", "a.1", "b"]));
    assert_eq!(dead(&*store, "a", false).await, []);
}

/// One made anew after its removal begins at 1 again, and tokens of the old one do not hold for it.
pub async fn a_change_of_a_sink_needs_the_revision_that_is_there(harness: &dyn Harness) {
    let store = harness.store();
    let change = |change| store.change_sink(change);
    assert!(matches!(refused(change(set_sink("x", Expected::Revision(1), 250)).await), SinkRefused::Unknown(_)));
    assert!(matches!(refused(change(remove_sink("x", 1, 250)).await), SinkRefused::Unknown(_)));
    make(&*store, "x").await;
    let again = refused(change(set_sink("x", Expected::Absent, 251)).await);
    assert!(matches!(again, SinkRefused::Exists { revision: 1, .. }));
    assert_eq!(change(set_sink("x", Expected::Revision(1), 252)).await.expect("changed").revision, 2);
    let before = store.sinks().await.expect("read");
    for wanted in [set_sink("x", Expected::Revision(1), 253), remove_sink("x", 1, 253)] {
        assert!(matches!(refused(change(wanted).await), SinkRefused::Stale { current: 2, .. }));
    }
    assert_eq!(store.sinks().await.expect("read"), before);
    store.take_sink(taking("x", "r1", 254)).await.expect("asked").expect("free");
    change(remove_sink("x", 2, 255)).await.expect("removed");
    assert_eq!(change(set_sink("x", Expected::Absent, 256)).await.expect("made").revision, 1);
    let old = settling("x", 1, Step::Sent(letter(9)), 257);
    assert_eq!(store.settle_sink(old).await.expect("asked"), None);
}

/// Where nothing is there to be locked, too.
pub async fn one_of_many_racing_first_sinks_is_made(harness: &dyn Harness) {
    let done = together(8, |n| {
        let store = harness.store();
        async move { store.change_sink(set_sink("x", Expected::Absent, 260 + n)).await }
    })
    .await;
    let (good, bad): (Vec<_>, Vec<_>) = done.into_iter().partition(Result::is_ok);
    assert_eq!(good.len(), 1);
    for one in bad {
        assert!(matches!(refused(one), SinkRefused::Exists { revision: 1, .. }));
    }
    assert_eq!(verify(&*harness.store()).await.entries, 8);
}

/// Who did what, refusals too; of credentials only digests.
pub async fn changes_of_a_sink_are_on_record(harness: &dyn Harness) {
    let store = harness.store();
    make(&*store, "x").await;
    refused(store.change_sink(set_sink("x", Expected::Revision(7), 251)).await);
    refused(store.resend_letters(letters("y", &[], 252)).await);
    store.change_sink(remove_sink("x", 1, 253)).await.expect("removed");
    let expected = [
        (ActionName::SinkSet, AuditOutcome::Accepted, MADE, "x"),
        (ActionName::SinkSet, AuditOutcome::Refused, 251, "x"),
        (ActionName::SinkResend, AuditOutcome::Refused, 252, "y"),
        (ActionName::SinkRemove, AuditOutcome::Accepted, 253, "x"),
    ];
    let entries = audit(&*store).await;
    assert_eq!(entries.len(), expected.len());
    for (sealed, (action, outcome, second, of)) in entries.iter().zip(expected) {
        let entry = sealed.entry().expect("readable");
        assert_eq!((entry.action, entry.outcome, entry.at), (action, outcome, at(second)));
        assert_eq!((entry.target, entry.actor), (AuditTarget::Sink(name(of)), actor(1)));
        assert!(!String::from_utf8_lossy(&sealed.bytes).contains("c0ffee"));
    }
    assert!(verify(&*store).await.valid);
}

/// No change without a record of who made it.
pub async fn a_sink_is_not_changed_without_its_entry(harness: &dyn Harness) {
    let store = harness.store();
    make(&*store, "x").await;
    store.take_sink(taking("x", "r1", 250)).await.expect("asked").expect("free");
    store.settle_sink(settling("x", 1, gives_up(6), 250)).await.expect("asked").expect("taken");
    let before = State::of(&*store).await;
    harness.break_audit().await;
    for change in
        [set_sink("y", Expected::Absent, 251), set_sink("x", Expected::Revision(1), 251), remove_sink("x", 1, 251)]
    {
        let error = store.change_sink(change).await.expect_err("no entry, no change");
        assert!(matches!(error, SinkChangeError::Unavailable(_)), "{error:?}");
    }
    store.resend_letters(letters("x", &[], 251)).await.expect_err("no entry, no change");
    store.reseal_sink(resealing_sink("x", 1, 251)).await.expect_err("no entry, no change");
    assert_eq!(State::of(&*store).await, before);
    harness.mend_audit().await;
}

/// Also when all come at once; and it has a larger token with each taking.
pub async fn of_racing_replicas_one_takes_a_sink(harness: &dyn Harness) {
    make(&*harness.store(), "x").await;
    let taken = together(8, |n| {
        let store = harness.store();
        async move { store.take_sink(taking("x", &format!("r{n}"), 250)).await.expect("asked") }
    })
    .await;
    let taken: Vec<Sink> = taken.into_iter().flatten().collect();
    assert_eq!(taken.len(), 1);
    let (store, lease) = (harness.store(), &taken[0].progress.lease);
    assert_eq!(lease.until, Some(at(250).saturating_add(LEASE)));
    assert_eq!(store.take_sink(taking("x", "late", 280)).await.expect("asked"), None);
    let next = store.take_sink(taking("x", "late", 281)).await.expect("asked").expect("lapsed");
    assert_eq!(next.progress.lease.fence, lease.fence + 1);
    assert_eq!(store.take_sink(taking("none", "r1", 281)).await.expect("asked"), None);
}

/// Both or neither: a message that is given up is seen, and is not sent again by itself.
pub async fn the_cursor_and_the_dead_letter_are_written_together(harness: &dyn Harness) {
    let store = harness.store();
    make(&*store, "x").await;
    store.take_sink(taking("x", "r1", 250)).await.expect("asked").expect("free");
    let settled = store.settle_sink(settling("x", 1, gives_up(6), 251)).await.expect("asked").expect("taken");
    assert_eq!(settled.progress.cursor, 6);
    let expected = DeadLetter {
        sink: name("x"),
        place: 6,
        kind: Some(FleetEventKind::Approval),
        session_id: Some(session_id(3)),
        tries: 1,
        error: Trouble::new("no answer \u{1F680}", at(251)),
        again: false,
    };
    assert_eq!(dead(&*store, "x", false).await, [expected]);
    let bare = Letter { kind: None, session_id: None, reminder: None, ..letter(7) };
    let Step::Failed(_, failure) = gives_up(7) else { unreachable!("it is one") };
    store.settle_sink(settling("x", 1, Step::Failed(bare, failure), 252)).await.expect("asked").expect("taken");
    let second = dead(&*store, "x", false).await.pop().expect("there");
    assert_eq!((second.place, second.kind, second.session_id), (7, None, None));
    let page = LetterQuery { sink: name("x"), again: false, after: Some(6), limit: 1 };
    assert_eq!(store.dead_letters(page).await.expect("read"), [second]);
}

/// Neither its cursor nor its dead letters.
pub async fn what_comes_with_an_older_token_is_not_written(harness: &dyn Harness) {
    let store = harness.store();
    make(&*store, "x").await;
    store.take_sink(taking("x", "r1", 250)).await.expect("asked").expect("free");
    store.take_sink(taking("x", "r2", 281)).await.expect("asked").expect("lapsed");
    let before = State::of(&*store).await;
    for step in [Step::Sent(letter(6)), gives_up(6), Step::Resent { place: 6, sent: true }] {
        assert_eq!(store.settle_sink(settling("x", 1, step, 282)).await.expect("asked"), None);
    }
    assert_eq!(State::of(&*store).await, before);
    assert!(store.settle_sink(settling("x", 2, Step::Sent(letter(6)), 282)).await.expect("asked").is_some());
}

/// Some or all; one that fails again waits for another word, and what is left is known.
pub async fn dead_letters_are_marked_on_record_and_go_when_they_are_sent(harness: &dyn Harness) {
    let store = harness.store();
    make(&*store, "x").await;
    store.take_sink(taking("x", "r1", 250)).await.expect("asked").expect("free");
    for place in [6, 7, 8, 9] {
        store.settle_sink(settling("x", 1, gives_up(place), 251)).await.expect("asked").expect("taken");
    }
    assert_eq!(store.resend_letters(letters("x", &[7, 9, 1_000], 252)).await.expect("marked"), 2);
    let entry = newest_entry(&*store).await;
    assert_eq!((entry.action, entry.details["letters"].as_str()), (ActionName::SinkResend, "2"));
    let again = |letters: Vec<DeadLetter>| letters.into_iter().map(|letter| letter.place).collect::<Vec<_>>();
    assert_eq!(again(dead(&*store, "x", true).await), [7, 9]);
    let sink = store.sink(name("x")).await.expect("read").expect("there");
    assert_eq!((sink.progress.again, sink.progress.next_try), (true, None));
    let sent = settling("x", 1, Step::Resent { place: 7, sent: true }, 253);
    assert!(store.settle_sink(sent).await.expect("asked").expect("taken").progress.again);
    let Step::Failed(_, failure) = gives_up(9) else { unreachable!("it is one") };
    let failed = settling("x", 1, Step::NotResent { place: 9, failure }, 254);
    assert!(!store.settle_sink(failed).await.expect("asked").expect("taken").progress.again);
    let left = dead(&*store, "x", false).await;
    assert_eq!(again(left.clone()), [6, 8, 9]);
    assert_eq!((left[2].tries, left[2].error.at, left[2].again), (2, at(254), false));
    assert_eq!(store.resend_letters(letters("x", &[], 255)).await.expect("marked"), 3);
    assert_eq!(again(dead(&*store, "x", true).await), [6, 8, 9]);
}

/// The revision stays; a sink that was changed meanwhile is left alone.
pub async fn the_credentials_of_a_sink_are_sealed_anew(harness: &dyn Harness) {
    let store = harness.store();
    let before = make(&*store, "x").await;
    assert!(store.reseal_sink(resealing_sink("x", 1, 260)).await.expect("asked"));
    let after = store.sink(name("x")).await.expect("read").expect("there");
    let credentials = BTreeMap::from([(credential(), sealed("k2"))]);
    assert_eq!(after, Sink { credentials, ..before });
    let entry = newest_entry(&*store).await;
    assert_eq!((entry.action, entry.details["keyId"].as_str()), (ActionName::SecretsRotate, "k2"));
    assert!(!store.reseal_sink(resealing_sink("x", 2, 261)).await.expect("asked"));
    assert!(!store.reseal_sink(resealing_sink("y", 1, 261)).await.expect("asked"));
}
