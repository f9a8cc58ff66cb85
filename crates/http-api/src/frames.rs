//! The frames of server-sent events (WHATWG HTML, section 9.2).

use std::fmt::Display;

use bytes::Bytes;
use flightdeck_domain::epoch::{Epoch, FeedCursor};
use flightdeck_domain::feed::FleetEvent;
use flightdeck_domain::ids::{Seq, SessionId};
use flightdeck_domain::message::{Message, MessageReceipt};
use flightdeck_live::Cut;
use serde::Serialize;
use serde_json::json;

use crate::dto::{FleetEventView, MessageView};

/// The frame of a message: encoded once, sent to every follower.
pub(crate) fn message_frame(message: &Message, receipt: Option<&MessageReceipt>) -> Bytes {
    frame("message", Some(&message.seq), &MessageView::new(message, receipt))
}

/// The frame of a receipt in a conversation's stream. It has no id, because it is no message and must not move the
/// cursor.
pub(crate) fn receipt_frame(event: &FleetEvent) -> Bytes {
    frame(event.kind.as_str(), None, &FleetEventView::from(event))
}

/// The frame of an event on the fleet feed.
pub(crate) fn event_frame(event: &FleetEvent, epoch: Epoch) -> Bytes {
    let id = FeedCursor { epoch: Some(epoch), position: event.position };
    frame(event.kind.as_str(), Some(&id), &FleetEventView::from(event))
}

/// Says that earlier places are no longer valid, because the deployment was restored to an earlier moment. The cursor,
/// if one is given, is where the stream continues.
pub(crate) fn gap_frame(epoch: Epoch, from: u64, cursor: Option<&FeedCursor>) -> Bytes {
    let cursor = cursor.map(|cursor| -> &dyn Display { cursor });
    frame("gap", cursor, &json!({"reason": "restored", "epoch": epoch.to_string(), "after": from}))
}

/// Says that the feed between the reader's place and the one where the stream goes on was removed, by the retention rules.
pub(crate) fn cut_frame(cut: &Cut, epoch: Epoch) -> Bytes {
    let goes_on = FeedCursor { epoch: Some(epoch), position: cut.goes_on };
    let data = json!({
        "reason": "retention",
        "epoch": epoch.to_string(),
        "from": cut.from,
        "after": cut.goes_on,
        "continueAfter": goes_on.to_string(),
    });
    frame("gap", Some(&goes_on), &data)
}

/// JSON has no raw line breaks, so the data is one line. Without an id it does not move the reader's cursor.
pub(crate) fn frame(event: &str, id: Option<&dyn Display>, data: &impl Serialize) -> Bytes {
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    let mut text = format!("event: {event}\n{id}data: ").into_bytes();
    if let Err(error) = serde_json::to_writer(&mut text, data) {
        tracing::error!(%error, event, "an entry could not be encoded");
    }
    text.extend_from_slice(b"\n\n");
    text.into()
}

/// A tick. It has no id, so that a reconnect continues after the last event.
pub(crate) fn activity_frame(session: SessionId, seq: Seq) -> Bytes {
    frame("activity", None, &json!({"sessionId": session, "seq": seq}))
}
