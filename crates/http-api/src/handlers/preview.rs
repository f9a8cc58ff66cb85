//! Previews of unfinished text, between the messages of a conversation's stream.

use flightdeck_domain::ports::{Preview, StoreUnavailable};
use flightdeck_live::{ConversationFollower, Next};
use serde_json::json;
use tokio::sync::watch;

use crate::frames::frame;
use crate::sse::Source;

/// A conversation with its previews. They are never queued: whoever is slow gets the newest one.
pub(super) struct Previewed {
    pub(super) follower: ConversationFollower,
    pub(super) previews: watch::Receiver<Option<Preview>>,
}

impl Source for Previewed {
    async fn next(&mut self) -> Result<Next, StoreUnavailable> {
        tokio::select! {
            // A message goes before what was said on the way to it.
            biased;
            next = self.follower.next() => next,
            preview = newest(&mut self.previews) => {
                let data = json!({"kind": preview.kind, "text": preview.text, "leftOut": preview.left_out});
                Ok(Next::Frames(vec![frame("preview", None, &data)]))
            }
        }
    }

    fn last(&self) -> u64 {
        self.follower.cursor()
    }
}

async fn newest(previews: &mut watch::Receiver<Option<Preview>>) -> Preview {
    loop {
        if previews.changed().await.is_err() {
            return std::future::pending().await;
        }
        if let Some(preview) = previews.borrow_and_update().clone() {
            return preview;
        }
    }
}
