//! What has ended, as spans.

use super::*;
use crate::fixtures::new_message;
use crate::ids::{Seq, SessionId};
use crate::message::{Author, Message, MessageRole, NewMessage};
use crate::ports::MessageSlice;
use crate::telemetry::trace::Span;
use crate::text::ProviderName;

/// The status message of an earlier turn is number 3; before it, and after it, an agent has said something. Pages have two
/// messages.
#[expect(clippy::unnecessary_wraps, reason = "what the port gives")]
pub(super) fn conversation(
    _session: SessionId,
    before: Seq,
    _limit: usize,
) -> Result<Option<MessageSlice>, StoreUnavailable> {
    let message = |seq: u64| {
        let (role, metadata) = if seq == 3 {
            (MessageRole::System, Author::server(serde_json::json!({"type": "status", "to": "idle"})))
        } else {
            (MessageRole::Assistant, crate::text::JsonObject::default())
        };
        let new = NewMessage { role, metadata, ..new_message(u128::from(seq)) };
        new.at_seq(Seq::new(seq), session_id(1), ProviderName::internal())
    };
    let end = before.get().min(8);
    let messages: Vec<Message> = (end.saturating_sub(2).max(1)..end).map(message).collect();
    let status = SessionStatus::Running;
    Ok(Some(MessageSlice { messages, receipts: [].into(), last_seq: Seq::new(7), status }))
}

fn otlp() -> Sink {
    Sink { form: SinkForm::Otlp, ..sink("ops") }
}

fn status_at(n: u128, to: SessionStatus, seq: u64) -> FleetEventDraft {
    FleetEventDraft::status(
        &Session { status: to, last_seq: Seq::new(seq), ..session(n) },
        SessionStatus::Running,
        at(5_000_000),
    )
}

fn spans_of(play: &Play) -> Vec<Vec<Span>> {
    let spans = |body: &MessageBody| match body {
        MessageBody::Trace(spans) => spans.clone(),
        other => panic!("{other:?}"),
    };
    play.on(|it| it.sent.iter().map(|(_, body)| spans(body)).collect())
}

#[tokio::test]
async fn each_end_sends_what_came_since_the_end_before() {
    let play = Play::new(otlp());
    play.events([
        status_at(1, SessionStatus::Running, 1),
        status_at(1, SessionStatus::Idle, 3),
        status_at(1, SessionStatus::Waiting, 5),
        status_at(1, SessionStatus::Completed, 8),
    ]);
    play.pass("r1").await;
    assert_eq!(play.places(), [2, 4], "only what ends something is sent");
    let sent = spans_of(&play);
    let names = |spans: &[Span]| spans.iter().map(|span| span.name.clone()).collect::<Vec<_>>();
    assert_eq!(
        (names(&sent[0]), names(&sent[1])),
        (vec!["turn".to_owned()], vec!["turn".to_owned(), "invoke_agent worker".to_owned()])
    );
    assert_ne!(sent[0][0].id, sent[1][0].id, "another turn: it begins behind the first one's end");
    assert_eq!(play.progress().cursor, 4);
}

#[tokio::test]
async fn what_was_sent_and_not_settled_is_sent_again_with_the_same_ids() {
    let play = Play::new(otlp());
    play.events([status_at(1, SessionStatus::Completed, 8)]);
    play.on(|it| it.away_after = Some(0));
    play.pass("r1").await;
    play.on(|it| it.away_after = None);
    play.pass("r1").await;
    let sent = spans_of(&play);
    assert_eq!((sent.len(), &sent[0]), (2, &sent[1]));
}
