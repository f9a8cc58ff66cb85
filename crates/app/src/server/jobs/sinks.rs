//! The messages of sinks.

use std::collections::HashMap;
use std::time::Duration;

use flightdeck_domain::ports::StoreUnavailable;
use flightdeck_domain::sink::SinkName;
use flightdeck_domain::use_cases::{DeliverSinks, Passed, Scan};
use tokio::task::{JoinError, JoinSet};

use super::world::{Ended, World};

/// Hints come with each event of a busy fleet; the sinks are looked at no more often than this.
const LEAST: Duration = Duration::from_millis(100);

/// A server without sinks looks so many times less often whether there are any: each look is a read of the store.
const UNUSED: u32 = 5;

/// A pass that has ended.
type Done = (SinkName, Scan, Result<Passed, StoreUnavailable>);

/// Looks at the sinks when the feed has grown, and at least so often, until the shutdown. Each sink has a pass of its own,
/// so that a slow receiver holds up nobody else.
pub(super) async fn run(every: Duration, world: World) -> Ended {
    let World { ports, hints, replica, public_url, shutdown, .. } = world;
    let Some(deliver) = DeliverSinks::new(&ports, replica, public_url) else { return Ok(()) };
    let mut desk = Desk { deliver, scans: HashMap::new(), passes: JoinSet::new(), is_away: false, held: None };
    let mut feed = hints.feed();
    loop {
        let any = desk.look().await;
        let every = if any { every } else { every * UNUSED };
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            () = tokio::time::sleep(LEAST) => {}
        }
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            () = tokio::time::sleep(desk.held.take().unwrap_or(every).min(every)) => {}
            Some(done) = desk.passes.join_next() => desk.put_back(done),
            // Who has no sinks is not woken for them.
            _ = feed.changed(), if any => {}
        }
        while let Some(done) = desk.passes.try_join_next() {
            desk.put_back(done);
        }
    }
}

struct Desk {
    deliver: DeliverSinks,
    /// Of the sinks that no pass is at.
    scans: HashMap<SinkName, Option<Scan>>,
    passes: JoinSet<Done>,
    is_away: bool,
    /// When something is to be sent that is held back until then.
    held: Option<Duration>,
}

impl Desk {
    /// Begins a pass for each sink that is due and that none is at. Says whether there are sinks.
    async fn look(&mut self) -> bool {
        let round = match self.deliver.round().await {
            Ok(round) => round,
            Err(error) => {
                self.tell(&error);
                return false;
            }
        };
        self.is_away = false;
        let any = !round.sinks.is_empty();
        // What is gone or disabled begins anew when it comes back; a pass that is at it ends by itself.
        self.scans.retain(|name, scan| scan.is_none() || round.sinks.iter().any(|sink| sink.name == *name));
        for sink in &round.sinks {
            let scan = match self.scans.remove(&sink.name) {
                // A pass is at it.
                Some(None) => {
                    self.scans.insert(sink.name.clone(), None);
                    continue;
                }
                Some(Some(scan)) => scan,
                None => self.deliver.scan(sink),
            };
            if !self.deliver.is_due(&round, sink, &scan) {
                self.scans.insert(sink.name.clone(), Some(scan));
                continue;
            }
            self.scans.insert(sink.name.clone(), None);
            let (deliver, round, sink, mut scan) = (self.deliver.clone(), round.clone(), sink.clone(), scan);
            self.passes.spawn(async move {
                let name = sink.name.clone();
                let passed = deliver.pass(&round, sink, &mut scan).await;
                (name, scan, passed)
            });
        }
        any
    }

    fn put_back(&mut self, done: Result<Done, JoinError>) {
        let (name, scan, passed) = match done {
            Ok(done) => done,
            Err(error) => match error.try_into_panic() {
                // The job is begun anew, and with it all passes.
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => return,
            },
        };
        if let Ok(Passed { wait: Some(wait), .. }) = &passed {
            self.held = Some(self.held.map_or(*wait, |held| held.min(*wait)));
        }
        match passed {
            Ok(Passed { sent, failed, .. }) if failed > 0 => {
                tracing::warn!(sink = %name, sent, "a message of a sink was not accepted; GET /sinks says why");
            }
            Ok(_) => {}
            Err(error) => self.tell(&error),
        }
        self.scans.insert(name, Some(scan));
    }

    fn tell(&mut self, error: &StoreUnavailable) {
        if !std::mem::replace(&mut self.is_away, true) {
            tracing::error!(error = std::error::Error::source(error), "the store is away: nothing is sent to sinks");
        }
    }
}
