//! Waiting until something that was asked for is proven.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cli::Outcome;
use crate::client::{Client, ClientError, tail_of, word};
use crate::terminal::{Out, line, progress};

/// How often to look.
const LOOK: Duration = Duration::from_millis(250);

/// Shows how an operation goes until nothing of it is open or the time is up, then tells what came of it.
///
/// # Errors
/// Something is still open, or some agent refused.
pub(super) fn prove(client: &Client, out: Out, id: &str, done: &str, deadline: Instant) -> Outcome {
    let began = Instant::now();
    loop {
        let operation = client.get(&format!("/operations/{id}?limit=1000"))?.body;
        let open = count(&operation, "open");
        let left = deadline.saturating_duration_since(Instant::now());
        if open == 0 || left.is_zero() {
            progress("");
            return told(out, &operation, done);
        }
        let (seen, total) = (count(&operation, "observed") + count(&operation, "ended"), count(&operation, "total"));
        progress(&format!("{seen} of {total} {done}, {open} not seen yet … {} s", began.elapsed().as_secs()));
        std::thread::sleep(LOOK.min(left));
    }
}

fn count(operation: &Value, name: &str) -> u64 {
    operation[name].as_u64().unwrap_or(0)
}

fn told(out: Out, operation: &Value, done: &str) -> Outcome {
    let [total, open, observed, ended, refused, superseded] =
        ["total", "open", "observed", "ended", "refused", "superseded"].map(|name| count(operation, name));
    if total == 1 && observed == 1 && !out.json {
        out.line(&format!("agent {} {done}", line(&tail_of(word(&operation["targets"][0], "agentId")))));
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
        out.json(operation);
    } else {
        out.line(&summary);
        for target in operation["targets"].as_array().into_iter().flatten() {
            let outcome = target["outcome"].as_str();
            if matches!(outcome, None | Some("refused")) {
                let detail = target["detail"].as_str().map(|detail| format!(": {detail}")).unwrap_or_default();
                let state = outcome.unwrap_or("not seen yet");
                out.line(&line(&format!("  {}  {state}{detail}", word(target, "agentId"))));
            }
        }
    }
    let id = word(operation, "operationId");
    if open > 0 {
        return Err(
            ClientError::NotSeen(format!("{open} of {total} not seen yet; it goes on as operation {id}")).into()
        );
    }
    if refused + superseded > 0 {
        return Err(ClientError::NotDone(summary).into());
    }
    Ok(())
}
