//! The fleet feed.

use flightdeck_domain::feed::FleetEvent;
use flightdeck_domain::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::words;

/// One event of a stream (`text/event-stream`), field by field. A stream is many of them.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `sse` writes")]
pub(crate) struct StreamEvent {
    /// The type of the event; each route lists its own.
    #[schema(value_type = String, required = false)]
    event: Option<String>,
    /// Where to go on after it: the next request's `Last-Event-ID`. Events that cannot be resumed after have none.
    #[schema(value_type = String, required = false)]
    id: Option<String>,
    /// One line of JSON: a message, a command or an event of the fleet.
    #[schema(value_type = String, required = false)]
    data: Option<String>,
    /// How many milliseconds to wait before a reconnect.
    #[schema(value_type = u64, required = false)]
    retry: Option<u64>,
}

/// One event of the fleet feed. Besides these fields it has those of its type.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FleetEventView<'a> {
    /// Its place on the feed; also the SSE `id`.
    position: u64,
    /// Its type; also the SSE `event`.
    #[serde(rename = "type")]
    #[schema(value_type = words::FleetEventType)]
    kind: &'static str,
    /// The session, unless it concerns the whole fleet.
    #[schema(required = true)]
    session_id: Option<Uuid>,
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    at: Timestamp,
    #[serde(flatten)]
    #[schema(additional_properties)]
    data: &'a serde_json::Map<String, serde_json::Value>,
}

impl<'a> From<&'a FleetEvent> for FleetEventView<'a> {
    fn from(event: &'a FleetEvent) -> Self {
        Self {
            position: event.position.get(),
            kind: event.kind.as_str(),
            session_id: event.session_id.map(|id| *id.as_uuid()),
            at: event.at,
            data: event.data.as_map(),
        }
    }
}
