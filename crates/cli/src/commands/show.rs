//! `flightdeck show`: everything about one session.

use chrono::{DateTime, Utc};
use flightdeck_client::Client;
use flightdeck_client::replies::{Approval, Approvals, Messages, Session, Told};
use flightdeck_terminal::{Out, Outcome, Tone, age, clock, cut, json_line, line, local, of_status};
use serde_json::{Map, Value, json};

use super::messages::Printer;
use crate::ask::begin;
use crate::error::CommandError;
use crate::grammar::ShowArgs;
use crate::ids::{session, tail_of};

/// How many of the newest messages are shown.
const MESSAGES: u64 = 5;
/// A script or a context may be long; the whole of it is what --json is for.
const WIDEST: usize = 400;

pub(super) fn run(args: &ShowArgs) -> Outcome {
    let (client, out) = begin(&args.asking)?;
    let id = session(&client, &args.session.id)?;
    let session: Told<Session> = client.get(&format!("/agents/{id}/status"))?.read()?;
    let after = session.read.last_seq.saturating_sub(MESSAGES);
    let last: Messages = client.get(&format!("/agents/{id}/messages?after={after}&limit={MESSAGES}"))?.read()?;
    let approvals = open_approvals(&client, &id)?;
    if out.json {
        let approvals: Vec<&Value> = approvals.iter().map(|approval| &approval.raw).collect();
        let messages: Vec<&Value> = last.messages.iter().map(|message| &message.raw).collect();
        out.json(&json!({"session": session.raw, "openApprovals": approvals, "lastMessages": messages}));
        return Ok(());
    }
    facts(out, &session.read);
    for Told { read: approval, .. } in &approvals {
        let asks = format!("asks  {}   (flightdeck approvals allow {})", line(&approval.title), tail_of(&approval.id));
        out.line(&out.paint.paint(Tone::Attention, &asks));
    }
    if !last.messages.is_empty() {
        out.line("");
        let printer = Printer::new(out);
        for message in &last.messages {
            printer.message(message);
        }
    }
    Ok(())
}

/// What it waits for.
fn open_approvals(client: &Client, id: &str) -> Result<Vec<Told<Approval>>, CommandError> {
    let page: Approvals = client.get(&format!("/approvals?status=open&agentId={id}"))?.read()?;
    Ok(page.approvals)
}

fn facts(out: Out, session: &Session) {
    let now = clock();
    let time = |at: Option<DateTime<Utc>>| at.map(|at| format!("{}   {} ago", local(at), age(at, now)));
    let object = |object: &Map<String, Value>| (!object.is_empty()).then(|| cut(&json_line(object), WIDEST));
    let status = match session.desired_status.as_str() {
        "running" => session.status.clone(),
        wished => format!("{}   ({wished} is wanted)", session.status),
    };
    let facts = [
        ("session", Some(session.session_id.clone())),
        ("status", Some(status)),
        ("why", session.status_reason.clone()),
        ("type", Some(session.agent_type.clone())),
        ("task", Some(format!("{} ({})", session.task_id, session.task_source))),
        ("mission", session.mission_id.clone()),
        ("provider", Some(session.provider.clone())),
        ("its id there", session.provider_session_id.clone()),
        ("parent", session.parent_session_id.clone()),
        ("gates", session.gate_profile.clone()),
        ("messages", Some(session.last_seq.to_string())),
        ("spawned", time(session.spawned_at)),
        ("started", time(session.started_at)),
        ("last seen", time(session.last_seen_at)),
        ("ended", time(session.completed_at)),
        ("metadata", object(&session.metadata)),
        ("context", object(&session.context)),
    ];
    for (name, value) in facts {
        let Some(value) = value else { continue };
        let tone = if name == "status" { of_status(&session.status) } else { Tone::Plain };
        let name = out.paint.paint(Tone::Faint, &format!("{name:<13}"));
        out.line(&format!("{name}{}", out.paint.paint(tone, &line(&value))));
    }
}
