//! Waiting until something that was asked for is proven.

use std::time::{Duration, Instant};

use flightdeck_client::Client;
use flightdeck_client::replies::{Operation, Told};
use flightdeck_terminal::{Out, Outcome, line, progress};

use crate::error::CommandError;
use crate::ids::tail_of;

/// How often to look.
const LOOK: Duration = Duration::from_millis(250);

/// Shows how an operation goes until nothing of it is open or the time is up, then tells what came of it.
///
/// # Errors
/// Something is still open, or some agent refused.
pub(super) fn prove(client: &Client, out: Out, id: &str, done: &str, deadline: Instant) -> Outcome {
    let began = Instant::now();
    loop {
        let operation: Told<Operation> = client.get(&format!("/operations/{id}?limit=1000"))?.read()?;
        let Operation { total, open, observed, ended, .. } = operation.read;
        let left = deadline.saturating_duration_since(Instant::now());
        if open == 0 || left.is_zero() {
            progress("");
            return told(out, &operation, done);
        }
        let seen = observed + ended;
        progress(&format!("{seen} of {total} {done}, {open} not seen yet … {} s", began.elapsed().as_secs()));
        std::thread::sleep(LOOK.min(left));
    }
}

fn told(out: Out, Told { raw, read: operation }: &Told<Operation>, done: &str) -> Outcome {
    let Operation { total, open, observed, ended, refused, superseded, .. } = *operation;
    if total == 1 && observed == 1 && !out.json {
        let agent = operation.targets.first().map(|target| tail_of(&target.agent_id)).unwrap_or_default();
        out.line(&format!("agent {} {done}", line(&agent)));
        return Ok(());
    }
    let mut parts = vec![format!("{observed} of {total} {done}")];
    let further = [
        (ended, "ended in another way"),
        (refused, "refused"),
        (superseded, "overtaken by a newer wish"),
        (open, "not seen yet"),
    ];
    parts.extend(further.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
    let summary = parts.join(", ");
    if out.json {
        out.json(raw);
    } else {
        out.line(&summary);
        for target in &operation.targets {
            let outcome = target.outcome.as_deref();
            if matches!(outcome, None | Some("refused")) {
                let detail = target.detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
                let state = outcome.unwrap_or("not seen yet");
                out.line(&line(&format!("  {}  {state}{detail}", target.agent_id)));
            }
        }
    }
    if open > 0 {
        let id = &operation.operation_id;
        let told = format!("{open} of {total} not seen yet; it goes on; look with: flightdeck operations show {id}");
        return Err(CommandError::NotSeen(told).into());
    }
    if refused + superseded > 0 {
        return Err(CommandError::NotDone(summary).into());
    }
    Ok(())
}
