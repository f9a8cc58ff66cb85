//! What is being said in sessions that somebody looks at.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use flightdeck_domain::ids::SessionId;
use flightdeck_domain::ports::Preview;
use tokio::sync::watch;

/// The newest preview of each session that somebody looks at, and nothing of any other. Entries whose receivers are gone
/// are swept out when there are twice as many.
#[derive(Default)]
pub(crate) struct Previews {
    watched: Mutex<Watched>,
}

#[derive(Default)]
struct Watched {
    senders: HashMap<SessionId, watch::Sender<Option<Preview>>>,
    sweep_at: usize,
}

impl Previews {
    pub(crate) fn receiver(&self, session: SessionId) -> watch::Receiver<Option<Preview>> {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if watched.senders.len() >= watched.sweep_at {
            watched.senders.retain(|_, sender| sender.receiver_count() > 0);
            watched.sweep_at = (watched.senders.len() * 2).max(64);
        }
        watched.senders.entry(session).or_insert_with(|| watch::Sender::new(None)).subscribe()
    }

    /// Costs a look-up where nobody looks.
    pub(crate) fn show(&self, session: SessionId, kind: &str, text: &str) {
        let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = watched.senders.get(&session).filter(|sender| sender.receiver_count() > 0);
        if let Some(sender) = sender {
            sender.send_replace(Some(Preview::of(kind, text)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flightdeck_domain::ports::IdGenerator;
    use flightdeck_domain::system::SystemIds;

    #[tokio::test]
    async fn the_newest_preview_is_shown_to_those_who_look_at_that_session_and_kept_for_nobody() {
        let previews = Previews::default();
        let (one, other) = (SystemIds.session_id(), SystemIds.session_id());
        previews.show(one, "message", "before anybody looked");
        let (mut looks, elsewhere) = (previews.receiver(one), previews.receiver(other));
        assert_eq!(*looks.borrow(), None);
        previews.show(one, "message", "so");
        previews.show(one, "message", "so far");
        assert!(looks.changed().await.is_ok());
        assert_eq!(*looks.borrow_and_update(), Some(Preview::of("message", "so far")));
        assert!(!elsewhere.has_changed().expect("open"));
        drop(looks);
        previews.show(one, "message", "nobody looks any more");
        assert_eq!(*previews.receiver(one).borrow(), Some(Preview::of("message", "so far")));
    }
}
