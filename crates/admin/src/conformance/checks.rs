//! The checks, one after the other.

mod busy;
mod sessions;
mod tools;

use std::future::Future;

use flightdeck_domain::action::Intervention;
use flightdeck_domain::command::Delivery;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::session::SessionStatus;
use flightdeck_terminal::BoxError;
use tokio::time::{Instant, timeout};

use super::kit::{Kit, Looked};
use super::row::{Report, Seen};

/// Makes every check, and tells of each as soon as it is known.
pub(super) async fn all(kit: &Kit, report: &mut Report) -> Result<(), BoxError> {
    row(kit, report, "prompt", sessions::prompt(kit)).await?;
    row(kit, report, "pause and resume", sessions::pause(kit)).await?;
    row(kit, report, "resume an earlier session", sessions::resume(kit)).await?;
    tools::used(kit, report).await?;
    row(kit, report, "rejected call is closed", tools::rejected(kit)).await?;
    tools::held(kit, report).await?;
    row(kit, report, "inject queue while busy", busy::inject(kit, Delivery::Queue)).await?;
    row(kit, report, "inject interrupt while busy", busy::inject(kit, Delivery::Interrupt)).await?;
    row(kit, report, "inject steer while busy", busy::inject(kit, Delivery::Steer)).await?;
    row(kit, report, "cancel", busy::cancel(kit)).await?;
    row(kit, report, "kill while busy", busy::kill(kit)).await?;
    row(kit, report, "crash", busy::crash(kit)).await
}

async fn row(
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
async fn in_time<T>(kit: &Kit, seen: impl Future<Output = Looked<T>>) -> Looked<T> {
    let late = |_| Err(format!("nothing was seen within {} s", kit.limit.as_secs()));
    let seen = timeout(kit.limit, seen).await.unwrap_or_else(late);
    kit.end_others().await;
    seen
}

/// Ends an agent, and waits until nothing of it is left.
async fn end(kit: &Kit, id: SessionId) -> Looked<()> {
    kit.act(id, Intervention::Kill).await?;
    kit.until(id, SessionStatus::Killed).await.map(drop)
}
