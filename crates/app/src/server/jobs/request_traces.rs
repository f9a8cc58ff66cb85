//! Spans of requests go to the receiver that the configuration names.

use std::sync::Arc;
use std::time::Duration;

use flightdeck_domain::telemetry::trace::Span;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::world::{Ended, World};
use crate::server::request_traces::RequestTraces;

/// The most spans of one request.
const AT_ONCE: usize = 1_000;
/// How often a request is tried.
const TRIES: u32 = 3;
/// The time before the second try; it doubles.
const REST: Duration = Duration::from_secs(1);
/// How long the end of the server waits for the last spans.
const LAST: Duration = Duration::from_secs(1);

/// Sends what has come together in each period, until the shutdown, and then what is left. Spans are no record: what a
/// receiver does not take after some tries is lost, and the log says how much.
pub(super) async fn run(every: Duration, world: World) -> Ended {
    let Some(traces) = world.traces.clone() else { return Ok(()) };
    let mut queue = traces.queue.lock().await;
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let is_over = tokio::select! {
            () = world.shutdown.cancelled() => true,
            _ = ticks.tick() => false,
        };
        let mut lost = 0;
        tokio::select! {
            () = send_all(&traces, &mut queue, &mut lost) => {}
            () = too_late(&world.shutdown) => {}
        }
        lost += traces.made.take_lost();
        if is_over {
            lost += count(queue.len());
        }
        if lost > 0 {
            tracing::warn!(spans = lost, "spans of requests were lost: their receiver did not take them in time");
        }
        if is_over {
            return Ok(());
        }
    }
}

/// Comes when the last spans have had their time.
async fn too_late(shutdown: &CancellationToken) {
    shutdown.cancelled().await;
    tokio::time::sleep(LAST).await;
}

/// Sends all that waits. Those that are on their way count as lost until they are taken, also when nobody waits for that any
/// more.
async fn send_all(traces: &Arc<RequestTraces>, queue: &mut mpsc::Receiver<Span>, lost: &mut u64) {
    while !queue.is_empty() {
        let mut spans = Vec::new();
        queue.recv_many(&mut spans, AT_ONCE).await;
        let number = count(spans.len());
        *lost += number;
        if send(traces, spans).await {
            *lost -= number;
        }
    }
}

fn count(spans: usize) -> u64 {
    u64::try_from(spans).unwrap_or(u64::MAX)
}

/// Whether the receiver has taken them.
async fn send(traces: &Arc<RequestTraces>, spans: Vec<Span>) -> bool {
    let spans = Arc::new(spans);
    for again in 0..TRIES {
        if again > 0 {
            tokio::time::sleep(REST * again).await;
        }
        let (traces, spans) = (Arc::clone(traces), Arc::clone(&spans));
        match tokio::task::spawn_blocking(move || traces.receiver.send(&spans)).await {
            Ok(Ok(())) => return true,
            Ok(Err(error)) if error.rejected => {
                tracing::warn!(%error, "the receiver of spans rejects them");
                return false;
            }
            Ok(Err(error)) => tracing::debug!(%error, "spans of requests were not taken"),
            Err(_panicked) => return false,
        }
    }
    false
}
