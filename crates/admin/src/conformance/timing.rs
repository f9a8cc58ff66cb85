//! How one check is run: within its time, and leaving nothing behind.

use std::future::Future;

use flightdeck_domain::action::Intervention;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::session::SessionStatus;
use flightdeck_terminal::BoxError;
use tokio::time::{Instant, timeout};

use super::kit::{Kit, Looked};
use super::row::{Report, Seen};

/// Runs a check, and tells what it saw.
pub(super) async fn row(
    kit: &Kit,
    report: &mut Report,
    check: &'static str,
    seen: impl Future<Output = Seen>,
) -> Result<(), BoxError> {
    let begun = Instant::now();
    let seen = in_time(kit, seen).await;
    report.tell(kit, check, seen, begun.elapsed()).await
}

/// What is seen within the limit. An agent that a check neither ended nor left idle is not in the way of the next.
pub(super) async fn in_time<T>(kit: &Kit, seen: impl Future<Output = Looked<T>>) -> Looked<T> {
    let late = |_| Err(format!("nothing was seen within {} s", kit.limit.as_secs()));
    let seen = timeout(kit.limit, seen).await.unwrap_or_else(late);
    kit.end_others().await;
    seen
}

/// Ends an agent, and waits until nothing of it is left.
pub(super) async fn end(kit: &Kit, id: SessionId) -> Looked<()> {
    kit.act(id, Intervention::Kill).await?;
    kit.until(id, SessionStatus::Killed).await.map(drop)
}
