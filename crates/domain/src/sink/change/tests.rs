use super::*;
use crate::fixtures::{at, attribution};
use crate::provider_config::CredentialDigest;
use crate::sink::fixtures::name;
use crate::sink::{Reminder, Trouble};

fn draft() -> SinkDraft {
    SinkDraft {
        form: SinkForm::Webhook,
        enabled: true,
        settings: JsonObject::trusted(serde_json::json!({"url": "https://hush.example"})),
        filter: SinkFilter { needs_person: true, ..SinkFilter::default() },
        transcript: false,
        most_tries: 5,
        credentials: CredentialChanges::new(),
        begins: None,
    }
}

fn change(draft: Option<SinkDraft>, expected: Expected) -> SinkChange {
    SinkChange { name: name("ops"), draft, expected, by: attribution("because") }
}

fn made() -> Sink {
    let begins = Some(40);
    let change = change(Some(SinkDraft { begins, ..draft() }), Expected::Absent);
    change.decide(None).outcome.expect("made").into_sink()
}

#[test]
fn a_new_sink_begins_where_it_is_told_and_its_token_is_newer_than_any_of_its_name() {
    let sink = made();
    assert_eq!((sink.progress.cursor, sink.revision), (40, 1));
    assert_eq!(i64::try_from(sink.progress.lease.fence), Ok(at(0).as_micros()));
    let from_start = change(Some(draft()), Expected::Absent).decide(None).outcome.expect("made").into_sink();
    assert_eq!(from_start.progress.cursor, 0);
}

#[test]
fn a_change_keeps_the_cursor_and_ends_the_pause() {
    let mut before = made();
    before.progress.tries = 3;
    before.progress.failures = 9;
    before.progress.next_try = Some(at(99));
    before.progress.last_error = Some(Trouble::new("x", at(9)));
    before.progress.reminders =
        vec![Reminder { approval: crate::fixtures::approval(1).id, place: 3, due: at(5), tries: 0 }];
    let on = change(Some(SinkDraft { enabled: false, ..draft() }), Expected::Revision(1)).decide(Some(&before));
    assert_eq!(on.audit.details["changed"], "enabled");
    let on = on.outcome.expect("changed").into_sink();
    assert_eq!(on.progress, SinkProgress { next_try: None, failures: 0, ..before.progress.clone() });
    assert_eq!((on.revision, on.enabled), (2, false));
    let begins = Some(77);
    let moved = change(Some(SinkDraft { begins, ..draft() }), Expected::Revision(1)).decide(Some(&before));
    let moved = moved.outcome.expect("changed").into_sink().progress;
    assert_eq!((moved.cursor, moved.tries, moved.reminders.len()), (77, 0, 0));
}

#[test]
fn refusals_say_what_to_do_and_are_on_record() {
    let sink = made();
    let other = SinkDraft { form: SinkForm::Ntfy, ..draft() };
    for (change, existing, expected) in [
        (change(Some(draft()), Expected::Revision(1)), None, "there is no sink \"ops\""),
        (change(None, Expected::Revision(1)), None, "there is no sink \"ops\""),
        (change(Some(draft()), Expected::Absent), Some(&sink), "send If-Match"),
        (change(Some(draft()), Expected::Revision(4)), Some(&sink), "is at revision 1, not 4"),
        (change(None, Expected::Revision(4)), Some(&sink), "is at revision 1, not 4"),
        (change(Some(other), Expected::Revision(1)), Some(&sink), "the form of \"ops\" is webhook"),
    ] {
        let decision = change.decide(existing);
        let refused = decision.outcome.expect_err("refused").to_string();
        assert!(refused.contains(expected), "{refused}");
        assert_eq!((decision.audit.outcome, &decision.audit.details["refusal"]), (AuditOutcome::Refused, &refused));
    }
}

#[test]
fn the_record_has_digests_and_neither_settings_nor_credentials() {
    let sealed = SealedCredential {
        key_id: "k".to_owned(),
        nonce: "00".to_owned(),
        ciphertext: "c0ffee".to_owned(),
        digest: CredentialDigest("d1".to_owned()),
    };
    let secret = CredentialName::new("secret").expect("valid");
    let credentials = CredentialChanges::from([(secret.clone(), Some(sealed))]);
    let decision = change(Some(SinkDraft { credentials, ..draft() }), Expected::Absent).decide(None);
    let told = format!("{:?}", decision.audit.details);
    assert!(!told.contains("hush") && !told.contains("c0ffee"), "{told}");
    assert_eq!(decision.audit.details["credentials"], "secret=d1");
    let sink = decision.outcome.expect("made").into_sink();
    let kept = change(Some(draft()), Expected::Revision(1)).decide(Some(&sink)).outcome.expect("changed").into_sink();
    assert_eq!(kept.credentials, sink.credentials, "those that are not named stay");
    let removed = CredentialChanges::from([(secret, None)]);
    let bare = change(Some(SinkDraft { credentials: removed, ..draft() }), Expected::Revision(1)).decide(Some(&sink));
    assert!(bare.outcome.expect("changed").into_sink().credentials.is_empty());
}

#[test]
fn letters_that_are_to_be_sent_again_end_the_pause() {
    let mut sink = made();
    sink.progress.next_try = Some(at(99));
    let letters = LettersChange { name: name("ops"), places: Vec::new(), by: attribution("x") };
    let (outcome, entry) = letters.decide(Some(&sink), 3);
    assert_eq!(outcome.expect("there").progress.next_try, None);
    assert_eq!((entry.action, entry.details["letters"].as_str()), (ActionName::SinkResend, "3"));
    let (outcome, entry) = letters.decide(None, 0);
    assert_eq!((outcome, entry.outcome), (Err(SinkRefused::Unknown(name("ops"))), AuditOutcome::Refused));
}
