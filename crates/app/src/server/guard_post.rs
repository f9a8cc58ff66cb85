//! Where messages pass the guard: what they tell is noted on the way of the hints, and looked at by a job.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flightdeck_domain::guard::Sign;
use flightdeck_domain::ids::{Seq, SessionId};
use flightdeck_domain::message::Message;
use flightdeck_domain::ports::WakeUps;
use flightdeck_domain::use_cases::Ports;
use tokio::sync::{Mutex, mpsc};

/// So many batches may wait to be looked at. What comes then is not looked at: nobody waits for the guard.
const AHEAD: usize = 10_000;

/// What messages tell, on its way to the guard.
pub(super) type Signs = mpsc::Receiver<(SessionId, Vec<Sign>)>;

/// Stands where the hints pass.
struct GuardPost {
    hints: Arc<dyn WakeUps>,
    signs: mpsc::Sender<(SessionId, Vec<Sign>)>,
    missed: AtomicU64,
}

/// Has all hints pass a post from here on.
pub(super) fn stand(ports: &mut Ports) -> Arc<Mutex<Signs>> {
    let (signs, seen) = mpsc::channel(AHEAD);
    let hints = Arc::clone(&ports.wake_ups);
    ports.wake_ups = Arc::new(GuardPost { hints, signs, missed: AtomicU64::new(0) });
    Arc::new(Mutex::new(seen))
}

impl WakeUps for GuardPost {
    fn session_moved(&self, session: SessionId, seq: Seq) {
        self.hints.session_moved(session, seq);
    }

    fn messages_committed(&self, messages: &[Message]) {
        self.hints.messages_committed(messages);
    }

    fn messages_appended(&self, messages: &[Message]) {
        self.hints.messages_appended(messages);
        let signs: Vec<Sign> = messages.iter().flat_map(Sign::of).collect();
        if let (Some(first), false) = (messages.first(), signs.is_empty())
            && self.signs.try_send((first.session_id, signs)).is_err()
            && self.missed.fetch_add(1, Ordering::Relaxed).is_multiple_of(1_000)
        {
            tracing::warn!("more is appended than the guard over agents that run wild can look at");
        }
    }

    fn command_queued(&self, session: SessionId) {
        self.hints.command_queued(session);
    }

    fn feed_grew(&self) {
        self.hints.feed_grew();
    }

    fn previewed(&self, session: SessionId, kind: &str, text: &str) {
        self.hints.previewed(session, kind, text);
    }
}
