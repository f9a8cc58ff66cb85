//! What must be true at the end.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::control::Controlled;
use crate::follower::Followed;
use crate::support::http::Client;
use crate::writer::{Acknowledged, Written};

/// The seq of a message by its place among them: dense from 1.
fn dense(messages: &[Value], total: u64, session: &str) {
    let mut ids = HashSet::new();
    for (message, expected) in messages.iter().zip(1..) {
        assert_eq!(message["seq"].as_u64(), Some(expected), "{session}: a gap or a repetition");
        assert!(ids.insert(text(&message["id"])), "{session}: id twice: {message}");
    }
    assert_eq!(u64::try_from(messages.len()).expect("a count"), total, "{session}: the total is the number there");
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn place_of(messages: &[Value], seq: u64) -> &Value {
    let place = usize::try_from(seq).expect("a seq").checked_sub(1).expect("seqs begin with 1");
    messages.get(place).unwrap_or_else(|| panic!("seq {seq} was acknowledged and is not there"))
}

/// Every conversation holds what was acknowledged, where it was acknowledged, and nothing that nobody sent. Gives the
/// number of operator messages.
pub(crate) fn conversations(client: &Client, shared: &str, written: &[Written], controlled: &Controlled) -> usize {
    let mut by_session: HashMap<&str, Vec<&Acknowledged>> = HashMap::new();
    for log in written.iter().flat_map(|writer| &writer.logs) {
        by_session.entry(&log.session).or_default().extend(&log.acknowledged);
    }
    let mut operators = 0;
    for (session, acknowledged) in by_session {
        let (messages, total) = client.conversation(session);
        dense(&messages, total, session);
        for message in &acknowledged {
            let found = place_of(&messages, message.seq);
            assert_eq!(
                (text(&found["id"]), text(&found["content"])),
                (message.id.as_str(), message.content.as_str()),
                "{session}: another message is at the acknowledged seq {}",
                message.seq
            );
        }
        let said_by = |role: &str| messages.iter().filter(|message| message["role"] == role).count();
        // Every writer repeated its call until it was answered, so all that is there was acknowledged.
        assert_eq!(said_by("assistant"), acknowledged.len(), "{session}: messages that nobody was told of");
        if session == shared {
            injects(&messages, controlled);
            operators = said_by("operator");
        }
    }
    let (answered, unanswered) = (controlled.injects.len(), usize::try_from(controlled.unanswered_injects));
    assert!((answered..=answered + unanswered.expect("a count")).contains(&operators), "{operators} operator messages");
    operators
}

fn injects(messages: &[Value], controlled: &Controlled) {
    for inject in &controlled.injects {
        let found = place_of(messages, inject.seq);
        assert_eq!(
            (text(&found["id"]), text(&found["content"]), text(&found["role"])),
            (inject.message_id.as_str(), inject.content.as_str(), "operator"),
            "another message is at the acknowledged seq {}",
            inject.seq
        );
    }
}

/// The record is whole, and holds every acknowledged intervention. Gives its length.
pub(crate) fn audit(client: &Client, controlled: &Controlled) -> usize {
    let entries = client.audit();
    let (status, proof) = client.get("/audit/verify");
    assert_eq!((status, &proof["valid"]), (200, &Value::Bool(true)), "{proof}");
    // Looking at the record stands on the record, too.
    assert!(proof["entries"].as_u64() >= u64::try_from(entries.len()).ok(), "the proof covers all entries: {proof}");
    for (entry, expected) in entries.iter().rev().zip(1_u64..) {
        assert_eq!(entry["seq"].as_u64(), Some(expected), "a gap or a repetition on the record");
    }
    let by_reason: HashMap<&str, &Value> =
        entries.iter().filter_map(|entry| Some((entry["reason"].as_str()?, entry))).collect();
    let entry_of = |reason: &str| by_reason.get(reason).unwrap_or_else(|| panic!("{reason:?} is not on the record"));
    for inject in &controlled.injects {
        let entry = entry_of(&inject.content);
        assert_eq!(entry["action"], "inject");
        assert_eq!(entry["details"]["messageId"], inject.message_id.as_str());
        assert_eq!(entry["details"]["seq"], inject.seq.to_string());
    }
    for (reason, action) in &controlled.reasons {
        assert_eq!(entry_of(reason)["action"], *action);
    }
    // An intervention is on the record and in the conversation, or in neither: also when its answer was lost.
    let injected = entries.iter().filter(|entry| entry["action"] == "inject").count();
    let unanswered = usize::try_from(controlled.unanswered_injects).expect("a count");
    assert!((controlled.injects.len()..=controlled.injects.len() + unanswered).contains(&injected));
    entries.len()
}

/// The follower saw the conversation from its beginning, each message once and in order.
pub(crate) fn followed(client: &Client, shared: &str, followed: &Followed) {
    let (messages, _) = client.conversation(shared);
    assert!(!followed.seqs.is_empty(), "the follower saw nothing");
    for ((seq, id), message) in followed.seqs.iter().zip(&followed.ids).zip(&messages) {
        assert_eq!(
            (message["seq"].as_u64(), text(&message["id"])),
            (Some(*seq), id.as_str()),
            "seen once and in order"
        );
    }
    assert!(followed.seqs.len() <= messages.len(), "the follower saw more than there is");
}
