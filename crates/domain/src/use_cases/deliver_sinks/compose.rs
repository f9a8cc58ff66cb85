//! What a message says.

use super::DeliverSinks;
use crate::epoch::Epoch;
use crate::feed::FleetEvent;
use crate::ports::{MessageBody, StoreUnavailable};
use crate::sink::{Notice, NoticeFacts, Sink, SinkSource};

/// The id of a message: the same however often it is sent, and another one for another event, also after a restore. It has
/// no dot, which separates the parts that a webhook signs.
pub(super) fn id(sink: &Sink, epoch: Epoch, place: u64, reminder: bool) -> String {
    let what = match (sink.form.source(), reminder) {
        (SinkSource::Audit, _) => "audit",
        (SinkSource::Feed, true) => "reminder",
        (SinkSource::Feed, false) => "event",
    };
    format!("{what}-{epoch}-{place}-{}", sink.name.as_str().replace('.', "~"))
}

impl DeliverSinks {
    /// What is said of an event.
    pub(super) async fn notice(
        &self,
        sink: &Sink,
        event: &FleetEvent,
        reminder: bool,
    ) -> Result<MessageBody, StoreUnavailable> {
        let session = match event.session_id {
            Some(id) => self.sessions.get(id).await?,
            None => None,
        };
        let facts = NoticeFacts {
            session: session.as_ref(),
            public_url: self.public_url.as_ref(),
            transcript: sink.transcript,
            reminder,
        };
        Ok(MessageBody::Notice(Notice::of(event, facts)))
    }
}
