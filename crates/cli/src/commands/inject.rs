//! `flightdeck inject`: says something to an agent, and what became of it.

use std::time::{Duration, Instant};

use flightdeck_client::Client;
use flightdeck_client::replies::{Injected, Messages, Receipt};
use flightdeck_terminal::{Outcome, line, progress};
use serde_json::{Map, Value};

use crate::ask::{begin, said};
use crate::error::CommandError;
use crate::grammar::{InjectArgs, wait};
use crate::ids::session;

/// How often to look.
const LOOK: Duration = Duration::from_millis(250);

pub(super) fn run(args: &InjectArgs) -> Outcome {
    let (client, out) = begin(&args.asking)?;
    let deadline = Instant::now() + wait(&args.wait)?;
    let id = session(&client, &args.session.id)?;
    let mut body = Map::new();
    body.insert("message".to_owned(), said(&args.message)?.into());
    body.insert("delivery".to_owned(), args.delivery.as_str().into());
    if let Some(reason) = &args.why.reason {
        body.insert("reason".to_owned(), reason.as_str().into());
    }
    let mut reply = client.post(&format!("/agents/{id}/inject"), &Value::Object(body))?;
    let Injected { seq } = reply.read()?;
    let Receipt { state, reason } = watched(&client, &id, seq, deadline)?;
    if out.json {
        if let Value::Object(reply) = &mut reply.body {
            reply.insert("receipt".to_owned(), line(&state).into());
        }
        out.json(&reply.body);
    } else {
        let told = match state.as_str() {
            "consumed" => "the agent has read it",
            "delivered" => "the agent has it, and has not read it yet",
            "accepted" => "it waits for the agent",
            other => other,
        };
        out.line(&format!("message #{seq}: {}", line(told)));
    }
    if matches!(state.as_str(), "refused" | "undeliverable" | "cancelled") {
        let why = reason.map(|why| format!(": {why}")).unwrap_or_default();
        return Err(CommandError::NotDone(format!("message #{seq} was {state}{why}")).into());
    }
    Ok(())
}

/// Looks until the receipt is final or the time is up.
fn watched(client: &Client, id: &str, seq: u64, deadline: Instant) -> Result<Receipt, CommandError> {
    let mut last = Receipt { state: "accepted".to_owned(), reason: None };
    loop {
        if Instant::now() >= deadline {
            progress("");
            return Ok(Receipt { reason: None, ..last });
        }
        let after = seq.saturating_sub(1);
        let page: Messages = client.get(&format!("/agents/{id}/messages?after={after}&limit=1"))?.read()?;
        // A message whose receipt cannot be told is not watched for ever.
        let Some(now) = page.messages.into_iter().next().and_then(|message| message.read.receipt) else {
            return Ok(Receipt { reason: None, ..last });
        };
        last = now;
        if !matches!(last.state.as_str(), "accepted" | "delivered") {
            progress("");
            return Ok(last);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        progress(&format!("message #{seq} is {} … {} s", line(&last.state), left.as_secs()));
        std::thread::sleep(LOOK.min(left));
    }
}
