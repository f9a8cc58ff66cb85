//! `flightdeck configure`: another model or mode for an agent at work, and what became of it.

use std::time::{Duration, Instant};

use flightdeck_client::Client;
use flightdeck_client::replies::{CommandReceipt, Configured};
use flightdeck_terminal::{Outcome, line, progress};
use serde_json::{Map, Value};

use crate::ask::begin;
use crate::error::CommandError;
use crate::grammar::{ConfigureArgs, wait};
use crate::ids::session;

/// How often to look.
const LOOK: Duration = Duration::from_millis(250);

pub(super) fn run(args: &ConfigureArgs) -> Outcome {
    let (client, out) = begin(&args.asking)?;
    let deadline = Instant::now() + wait(&args.wait)?;
    let id = session(&client, &args.session.id)?;
    let given = [("model", &args.model), ("mode", &args.mode), ("reason", &args.why.reason)];
    let given = given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.as_deref()?.into())));
    let body = Value::Object(given.collect::<Map<_, _>>());
    let mut reply = client.post(&format!("/agents/{id}/configure?wait=0s"), &body)?;
    let Configured { command_seq } = reply.read()?;
    let CommandReceipt { receipt, receipt_reason } = watched(&client, &id, command_seq, deadline)?;
    let chosen = [("model", &args.model), ("mode", &args.mode)];
    let chosen: Vec<String> =
        chosen.iter().filter_map(|(what, name)| Some(format!("{what} {}", name.as_ref()?))).collect();
    let chosen = chosen.join(" and ");
    if out.json {
        if let Value::Object(reply) = &mut reply.body {
            reply.insert("receipt".to_owned(), receipt.as_str().into());
            reply.insert("receiptReason".to_owned(), receipt_reason.clone().into());
            reply.remove("message");
        }
        out.json(&reply.body);
    } else {
        match receipt.as_str() {
            "consumed" => out.line(&line(&format!("the agent works with {chosen}"))),
            "delivered" => out.line(&line(&format!("{chosen}: the agent has it, and has not answered yet"))),
            "accepted" => out.line(&line(&format!("{chosen}: it waits for the agent"))),
            _ => {}
        }
    }
    if matches!(receipt.as_str(), "refused" | "undeliverable") {
        let why = receipt_reason.map(|why| format!(": {why}")).unwrap_or_default();
        return Err(CommandError::NotDone(format!("{chosen} was {receipt}{why}")).into());
    }
    Ok(())
}

/// Looks until the receipt is final or the time is up.
fn watched(client: &Client, id: &str, seq: u64, deadline: Instant) -> Result<CommandReceipt, CommandError> {
    loop {
        let now: CommandReceipt = client.get(&format!("/agents/{id}/commands/{seq}"))?.read()?;
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || !matches!(now.receipt.as_str(), "accepted" | "delivered") {
            progress("");
            return Ok(now);
        }
        progress(&format!("it is {} … {} s", line(&now.receipt), left.as_secs()));
        std::thread::sleep(LOOK.min(left));
    }
}
