//! A replica whose hints can be looked at.

use std::sync::Arc;
use std::time::Duration;

use flightdeck_domain::ids::{Seq, SessionId};
use flightdeck_domain::ports::{IdGenerator, WakeUps};
use flightdeck_domain::system::SystemIds;
use flightdeck_wakeup_valkey::{Options, Valkey};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

/// After so long something that must happen has not: a failure, never a measurement.
const PATIENCE: Duration = Duration::from_mins(1);

/// What those who wait in the process of a replica are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    Moved(SessionId, u64),
    Commands(SessionId),
    Feed,
    Everything,
}

struct Local(UnboundedSender<Woken>);

impl Local {
    fn tell(&self, woken: Woken) {
        // Nobody listens when the test is over.
        let _ = self.0.send(woken);
    }
}

impl WakeUps for Local {
    fn session_moved(&self, session: SessionId, seq: Seq) {
        self.tell(Woken::Moved(session, seq.get()));
    }

    fn command_queued(&self, session: SessionId) {
        self.tell(Woken::Commands(session));
    }

    fn feed_grew(&self) {
        self.tell(Woken::Feed);
    }
}

/// A replica, and what it heard.
pub(crate) struct Replica {
    pub(crate) valkey: Valkey,
    woken: UnboundedReceiver<Woken>,
}

impl Replica {
    /// Begins to connect.
    pub(crate) fn new(url: &str, options: Options) -> Self {
        let (sender, woken) = unbounded_channel();
        let local = Arc::new(Local(sender));
        let all = Arc::clone(&local);
        let everything = move || all.tell(Woken::Everything);
        let url = url.parse().expect("an address");
        let runtime = tokio::runtime::Handle::current();
        Self { valkey: Valkey::join(&url, options, SystemIds.uuid(), local, everything, &runtime), woken }
    }

    /// One that hears.
    pub(crate) async fn connected(url: &str, options: Options) -> Self {
        let mut replica = Self::new(url, options);
        assert_eq!(replica.hear_until(Woken::Everything).await, [Woken::Everything]);
        assert!(replica.valkey.connected());
        replica
    }

    /// Everything that is heard up to something that must come.
    pub(crate) async fn hear_until(&mut self, last: Woken) -> Vec<Woken> {
        let mut heard = Vec::new();
        let hear = async {
            while heard.last() != Some(&last) {
                heard.push(self.woken.recv().await.expect("the replica is there"));
            }
        };
        let came = timeout(PATIENCE, hear).await.is_ok();
        assert!(came, "{last:?} never came; heard {heard:?}");
        heard
    }

    /// What was heard already.
    pub(crate) fn heard(&mut self) -> Vec<Woken> {
        std::iter::from_fn(|| self.woken.try_recv().ok()).collect()
    }

    pub(crate) fn moved(&self, session: SessionId, seq: u64) {
        self.valkey.session_moved(session, Seq::new(seq));
    }
}

/// Options with names that no other test uses, and with so much patience that a slow machine changes nothing.
pub(crate) fn options() -> Options {
    Options {
        prefix: format!("flightdeck-test:{}:", SystemIds.uuid()),
        connect_timeout: PATIENCE,
        response_timeout: PATIENCE,
        ping_every: PATIENCE,
        throttle_deadline: PATIENCE,
        ..Options::default()
    }
}

pub(crate) fn session() -> SessionId {
    SystemIds.session_id()
}

/// Waits until something is so that must become so.
pub(crate) async fn until(what: &str, so: impl Fn() -> bool) {
    let wait = async {
        while !so() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    assert!(timeout(PATIENCE, wait).await.is_ok(), "never: {what}");
}

/// A plain connection.
pub(crate) async fn plain(url: &str) -> redis::aio::MultiplexedConnection {
    let client = redis::Client::open(url).expect("an address");
    client.get_multiplexed_async_connection().await.expect("a connection")
}

pub(crate) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("runs");
    runtime.block_on(test);
}
