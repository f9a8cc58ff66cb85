//! The checks, one after the other.

mod busy;
mod choices;
mod sessions;
mod tools;

use flightdeck_domain::command::Delivery;
use flightdeck_terminal::BoxError;

use super::kit::Kit;
use super::row::Report;
use super::timing::row;

/// Makes every check, and tells of each as soon as it is known.
pub(super) async fn all(kit: &Kit, report: &mut Report) -> Result<(), BoxError> {
    row(kit, report, "prompt", sessions::prompt(kit)).await?;
    row(kit, report, "pause and resume", sessions::pause(kit)).await?;
    row(kit, report, "resume an earlier session", sessions::resume(kit)).await?;
    row(kit, report, "another model while idle", choices::taken(kit, choices::model)).await?;
    row(kit, report, "another mode while idle", choices::taken(kit, choices::mode)).await?;
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
