//! `flightdeck show`: everything about one session.

use clap::{ArgMatches, Command};
use serde_json::{Value, json};

use super::logs::Printer;
use super::{begin, id_argument, text};
use crate::cli::Outcome;
use crate::client::{self, Client, ClientError, flags, moment, word};
use crate::terminal::{Out, Tone, age, clock, json_line, line, local, of_status};

/// How many of the newest messages are shown.
const MESSAGES: u64 = 5;

pub(crate) fn grammar() -> Command {
    Command::new("show")
        .about("Show one session: what it is, how it is, what it asks for, what it said last")
        .arg(id_argument())
        .args(flags())
}

pub(crate) fn run(given: &ArgMatches) -> Outcome {
    let (client, out) = begin(given)?;
    let id = client::session(&client, text(given, "id").unwrap_or_default())?;
    let session = client.get(&format!("/agents/{id}/status"))?.body;
    let last = session["lastSeq"].as_u64().unwrap_or(0);
    let after = last.saturating_sub(MESSAGES);
    let messages = client.get(&format!("/agents/{id}/messages?after={after}&limit={MESSAGES}"))?.body;
    let approvals = open_approvals(&client, &id)?;
    if out.json {
        out.json(&json!({"session": session, "openApprovals": approvals, "lastMessages": messages["messages"]}));
        return Ok(());
    }
    facts(out, &session);
    for approval in approvals {
        let (title, id) = (word(&approval, "title"), client::tail_of(word(&approval, "id")));
        let asks = format!("asks  {}   (flightdeck approvals allow {id})", line(title));
        out.line(&out.paint.paint(Tone::Attention, &asks));
    }
    if let Some(messages) = messages["messages"].as_array().filter(|messages| !messages.is_empty()) {
        out.line("");
        let printer = Printer::new(out);
        for message in messages {
            printer.message(message);
        }
    }
    Ok(())
}

/// What it waits for.
fn open_approvals(client: &Client, id: &str) -> Result<Vec<Value>, ClientError> {
    let mut page = client.get(&format!("/approvals?status=open&agentId={id}"))?.body;
    Ok(match page.get_mut("approvals").map(Value::take) {
        Some(Value::Array(approvals)) => approvals,
        _ => Vec::new(),
    })
}

fn facts(out: Out, session: &Value) {
    let now = clock();
    let time = |name: &str| {
        let at = moment(session, name)?;
        Some(format!("{}   {} ago", local(at), age(at, now)))
    };
    let some = |name: &str| session[name].as_str().map(ToOwned::to_owned);
    let object = |name: &str| {
        session[name].as_object().filter(|object| !object.is_empty()).map(|object| {
            let text = json_line(object);
            // A script or a context may be long; the whole of it is what --json is for.
            crate::terminal::cut(&text, 400)
        })
    };
    let wished = word(session, "desiredStatus");
    let status = match wished {
        "running" => word(session, "status").to_owned(),
        wished => format!("{}   ({wished} is wanted)", word(session, "status")),
    };
    let facts = [
        ("session", some("sessionId")),
        ("status", Some(status)),
        ("why", some("statusReason")),
        ("type", some("agentType")),
        ("task", Some(format!("{} ({})", word(session, "taskId"), word(session, "taskSource")))),
        ("mission", some("missionId")),
        ("provider", some("provider")),
        ("its id there", some("providerSessionId")),
        ("parent", some("parentSessionId")),
        ("gates", some("gateProfile")),
        ("messages", Some(session["lastSeq"].to_string())),
        ("spawned", time("spawnedAt")),
        ("started", time("startedAt")),
        ("last seen", time("lastSeenAt")),
        ("ended", time("completedAt")),
        ("metadata", object("metadata")),
        ("context", object("context")),
    ];
    for (name, value) in facts {
        let Some(value) = value else { continue };
        let tone = if name == "status" { of_status(word(session, "status")) } else { Tone::Plain };
        let name = out.paint.paint(Tone::Faint, &format!("{name:<13}"));
        out.line(&format!("{name}{}", out.paint.paint(tone, &line(&value))));
    }
}
