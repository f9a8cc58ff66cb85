//! One replica's side.

use std::sync::Arc;

use flightdeck_domain::ids::{Seq, SessionId};
use flightdeck_domain::message::Message;
use flightdeck_domain::ports::WakeUps;
use flightdeck_vitals::Vitals;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use uuid::Uuid;

use crate::inbox::Inbox;
use crate::link::{Link, Slot};
use crate::message::Hint;
use crate::options::Options;
use crate::outbox::Outbox;
use crate::stats::{Counters, Stats};
use crate::throttle::{Quota, Throttle};
use crate::url::ValkeyUrl;

/// This replica among the others.
///
/// As [`WakeUps`] it wakes this process at once, and tells the others in the background. Dropping it ends the connection.
pub struct Valkey {
    local: Arc<dyn WakeUps>,
    outbox: Arc<Outbox>,
    slot: Arc<Slot>,
    counters: Arc<Counters>,
    options: Options,
    url: ValkeyUrl,
    link: AbortHandle,
}

/// How the connection is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The server's host and port, without anything secret.
    pub server: String,
    /// Whether hints go out and come in. Without, replicas look for news by themselves.
    pub connected: bool,
    /// Why not, while it is not and at least one attempt has failed.
    pub problem: Option<String>,
}

impl Valkey {
    /// Begins to connect, and goes on trying until this is dropped; waits for nothing.
    ///
    /// `replica` is an id that no other replica has, now or later. `local` is woken by this replica's hints and by those of
    /// others; `everything` must wake all whom `local` could, because some hints were missed or were too many. Neither
    /// may wait. The connection belongs to `runtime`.
    #[must_use]
    pub fn join(
        url: &ValkeyUrl,
        options: Options,
        replica: Uuid,
        local: Arc<dyn WakeUps>,
        everything: impl Fn() + Send + Sync + 'static,
        runtime: &Handle,
    ) -> Self {
        let (counters, slot) = (Arc::<Counters>::default(), Arc::<Slot>::default());
        let outbox = Arc::new(Outbox::new(options.max_waiting));
        let inbox = Inbox::new(replica, Arc::clone(&local), Box::new(everything), Arc::clone(&counters));
        let link = Link {
            client: url.client().clone(),
            options: options.clone(),
            inbox: Arc::new(inbox),
            outbox: Arc::clone(&outbox),
            slot: Arc::clone(&slot),
            counters: Arc::clone(&counters),
        };
        let link = Arc::new(link);
        let link = Vitals::process().task(runtime, "valkey link", move || Arc::clone(&link).keep()).abort_handle();
        Self { local, outbox, slot, counters, options, url: url.clone(), link }
    }

    /// Whether hints go out and come in.
    #[must_use]
    pub fn connected(&self) -> bool {
        self.slot.seen().connection.is_some()
    }

    /// How the connection is.
    #[must_use]
    pub fn status(&self) -> Status {
        let seen = self.slot.seen();
        let connected = seen.connection.is_some();
        let problem = seen.last_error.map(|error| error.to_string()).filter(|_| !connected);
        Status { server: self.url.to_string(), connected, problem }
    }

    /// What went over the channel.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.counters.read()
    }

    /// A throttle that all replicas share. Those of one name count together, and must have one quota.
    #[must_use]
    pub fn throttle(&self, name: &str, quota: Quota) -> Throttle {
        let prefix = format!("{}throttle:{name}:", self.options.prefix);
        Throttle::new(Arc::clone(&self.slot), prefix, quota, self.options.throttle_deadline)
    }

    fn tell(&self, hint: Hint) {
        self.counters.given.add(1);
        self.outbox.put(hint);
    }
}

impl WakeUps for Valkey {
    fn session_moved(&self, session: SessionId, seq: Seq) {
        self.local.session_moved(session, seq);
        self.tell(Hint::Conversation(session, seq));
    }

    fn messages_appended(&self, messages: &[Message]) {
        self.local.messages_appended(messages);
        if let Some(last) = messages.last() {
            self.tell(Hint::Conversation(last.session_id, last.seq));
        }
    }

    fn command_queued(&self, session: SessionId) {
        self.local.command_queued(session);
        self.tell(Hint::Commands(session));
    }

    fn feed_grew(&self) {
        self.local.feed_grew();
        self.tell(Hint::Feed);
    }

    /// Contents never travel.
    fn previewed(&self, session: SessionId, kind: &str, text: &str) {
        self.local.previewed(session, kind, text);
    }
}

impl Drop for Valkey {
    fn drop(&mut self) {
        self.link.abort();
        // A throttle may live longer.
        self.slot.close();
    }
}
