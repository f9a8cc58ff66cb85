//! `flightdeck inject`: says something to an agent, and what became of it.

use std::time::{Duration, Instant};

use clap::{Arg, ArgMatches, Command};
use serde_json::{Map, Value};

use super::logs::receipt_of;
use super::spawn::said;
use super::{begin, id_argument, reason_argument, text, wait, wait_argument};
use crate::cli::Outcome;
use crate::client::{self, Client, ClientError, flags};
use crate::terminal::{line, progress};

/// How often to look.
const LOOK: Duration = Duration::from_millis(250);

pub(crate) fn grammar() -> Command {
    Command::new("inject")
        .about("Say something to an agent, and tell whether it took it")
        .arg(id_argument())
        .arg(Arg::new("message").value_name("MESSAGE").required(true).help("what to say; - reads standard input"))
        .arg(
            Arg::new("delivery")
                .long("delivery")
                .value_parser(["steer", "queue", "interrupt"])
                .default_value("queue")
                .help("into the current turn, with the next one, or by stopping the current one"),
        )
        .arg(reason_argument())
        .arg(wait_argument("10s"))
        .args(flags())
}

pub(crate) fn run(given: &ArgMatches) -> Outcome {
    let (client, out) = begin(given)?;
    let deadline = Instant::now() + wait(given)?;
    let id = client::session(&client, text(given, "id").unwrap_or_default())?;
    let mut body = Map::new();
    body.insert("message".to_owned(), said(text(given, "message").unwrap_or_default())?.into());
    body.insert("delivery".to_owned(), text(given, "delivery").unwrap_or("queue").into());
    if let Some(reason) = text(given, "reason") {
        body.insert("reason".to_owned(), reason.into());
    }
    let mut reply = client.post(&format!("/agents/{id}/inject"), &Value::Object(body))?.body;
    let seq = reply["seq"].as_u64().unwrap_or(0);
    let (state, why) = watched(&client, &id, seq, deadline)?;
    if out.json {
        if let Value::Object(reply) = &mut reply {
            reply.insert("receipt".to_owned(), state.as_str().into());
        }
        out.json(&reply);
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
        return Err(ClientError::NotDone(format!("message #{seq} was {state}{why}")).into());
    }
    Ok(())
}

/// Looks until the receipt is final or the time is up.
fn watched(client: &Client, id: &str, seq: u64, deadline: Instant) -> Result<(String, String), ClientError> {
    let mut state = "accepted".to_owned();
    loop {
        if Instant::now() >= deadline {
            progress("");
            return Ok((state, String::new()));
        }
        let after = seq.saturating_sub(1);
        let page = client.get(&format!("/agents/{id}/messages?after={after}&limit=1"))?.body;
        let message = &page["messages"][0];
        // A message whose receipt cannot be told is not watched for ever.
        let Some(now) = receipt_of(message) else { return Ok((state, String::new())) };
        state = now;
        if !matches!(state.as_str(), "accepted" | "delivered") {
            progress("");
            let why = message["receipt"]["reason"].as_str().map(|why| format!(": {why}")).unwrap_or_default();
            return Ok((state, why));
        }
        let left = deadline.saturating_duration_since(Instant::now());
        progress(&format!("message #{seq} is {state} … {} s", left.as_secs()));
        std::thread::sleep(LOOK.min(left));
    }
}
