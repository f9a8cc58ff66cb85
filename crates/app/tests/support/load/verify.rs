//! What must be true at the end.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::follower::Followed;
use super::operator::Controlled;
use super::writer::{Acknowledged, Log};
use crate::support::http::Client;

/// The conversations as the store has them, by session.
pub(crate) type Conversations = HashMap<String, Vec<Value>>;

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

/// Every conversation holds what was acknowledged, where it was acknowledged, and nothing that nobody sent: whoever writes
/// repeats each call until it is answered, so all that is there was acknowledged.
pub(crate) fn conversations(client: &Client, logs: &[&Log], controlled: &Controlled) -> Conversations {
    let mut by_session: HashMap<&str, Vec<&Acknowledged>> = HashMap::new();
    for log in logs {
        by_session.entry(&log.session).or_default().extend(&log.acknowledged);
    }
    let mut conversations = Conversations::new();
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
        assert_eq!(said_by("assistant"), acknowledged.len(), "{session}: messages that nobody was told of");
        let injects = controlled.injects.iter().filter(|inject| inject.session == session);
        assert_eq!(said_by("operator"), injects.count(), "{session}: an operator's message twice, or not at all");
        conversations.insert(session.to_owned(), messages);
    }
    for inject in &controlled.injects {
        let messages = conversations.get(&inject.session).expect("a session of the load");
        let found = place_of(messages, inject.seq);
        assert_eq!(
            (text(&found["id"]), text(&found["content"]), text(&found["role"])),
            (inject.message_id.as_str(), inject.content.as_str(), "operator"),
            "another message is at the acknowledged seq {}",
            inject.seq
        );
    }
    conversations
}

/// The record is whole, and holds every intervention that was answered, done once. Gives its length.
pub(crate) fn audit(client: &Client, controlled: &Controlled) -> usize {
    let entries = client.audit();
    let (status, proof) = client.get("/audit/verify");
    assert_eq!((status, &proof["valid"]), (200, &Value::Bool(true)), "{proof}");
    // Looking at the record stands on the record, too.
    assert!(proof["entries"].as_u64() >= u64::try_from(entries.len()).ok(), "the proof covers all entries: {proof}");
    for (entry, expected) in entries.iter().rev().zip(1_u64..) {
        assert_eq!(entry["seq"].as_u64(), Some(expected), "a gap or a repetition on the record");
    }
    let mut by_reason: HashMap<&str, Vec<&Value>> = HashMap::new();
    for entry in &entries {
        if let Some(reason) = entry["reason"].as_str() {
            by_reason.entry(reason).or_default().push(entry);
        }
    }
    let told =
        |reason: &str| by_reason.get(reason).unwrap_or_else(|| panic!("{reason:?} is not on the record")).as_slice();
    for inject in &controlled.injects {
        let [entry] = told(&inject.content) else { panic!("{:?}: more than once", inject.content) };
        assert_eq!((&entry["action"], &entry["outcome"]), (&"inject".into(), &"accepted".into()), "{entry}");
        assert_eq!(entry["details"]["messageId"], inject.message_id.as_str());
        assert_eq!(entry["details"]["seq"], inject.seq.to_string());
    }
    for (reason, action) in &controlled.reasons {
        let found = told(reason);
        assert!(found.iter().all(|entry| entry["action"] == *action), "{found:?}");
        // What stops agents is kept while the log cannot be written, and then done by itself beside the call made again.
        assert!(found.len() == 1 || *action == "kill", "{reason:?}: more than once: {found:?}");
    }
    for reason in &controlled.refused {
        assert!(told(reason).iter().any(|entry| entry["outcome"] == "refused"), "{reason:?}");
    }
    entries.len()
}

/// Each reader saw its conversation from the beginning to the end, each message once, in order, and as it stands in the store.
/// Gives the number of deliveries.
pub(crate) fn followed(conversations: &Conversations, followed: &[Followed]) -> usize {
    for reader in followed {
        let session = &reader.session;
        let messages = conversations.get(session).expect("a session of the load");
        for (seen, message) in reader.seen.iter().zip(messages) {
            assert_eq!(
                (Some(seen.seq), seen.id.as_str(), seen.content.as_str()),
                (message["seq"].as_u64(), text(&message["id"]), text(&message["content"])),
                "{session}: not seen once and in order"
            );
        }
        assert_eq!(reader.seen.len(), messages.len(), "{session}: the reader saw less or more than there is");
    }
    followed.iter().map(|reader| reader.seen.len()).sum()
}

/// Every operation came to its end.
pub(crate) fn operations(client: &Client, controlled: &Controlled) {
    let (status, open) = client.get("/operations?open=true");
    assert_eq!((status, &open["operations"]), (200, &Value::Array(Vec::new())), "{open}");
    for id in &controlled.operations {
        let (status, operation) = client.get(&format!("/operations/{id}"));
        assert_eq!((status, &operation["open"]), (200, &0.into()), "{operation}");
        assert_ne!(operation["state"], "open", "{operation}");
    }
}
