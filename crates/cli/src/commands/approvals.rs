//! `flightdeck approvals`: what agents ask for, and the answers.

use chrono::{DateTime, SecondsFormat, Utc};
use flightdeck_client::replies::{Approval, Approvals, Decision, Told};
use flightdeck_client::{Client, encode};
use flightdeck_terminal::{Column, Out, Outcome, Table, Tone, age, clock, json_pretty, line};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::ask::begin;
use crate::error::CommandError;
use crate::grammar::{ApprovalsArgs, ApprovalsCommand, ApprovalsListArgs, DecideArgs};
use crate::ids::{tail_of, unique};
use crate::operator::operator;

pub(super) fn run(args: &ApprovalsArgs) -> Outcome {
    match &args.command {
        None => list(&args.list),
        Some(ApprovalsCommand::List(args)) => list(args),
        Some(ApprovalsCommand::Show { request, asking }) => {
            let (client, out) = begin(asking)?;
            let approval = find(&client, &request.id)?;
            if out.json {
                out.json(&approval.raw);
            } else {
                tell(out, &approval.read);
            }
            Ok(())
        }
        Some(ApprovalsCommand::Allow { decide: args, answer }) => decide(args, "allow", answer),
        Some(ApprovalsCommand::Reject(args)) => decide(args, "reject", &[]),
    }
}

/// Reads requests, newest first, page by page up to so many.
fn read(client: &Client, open_only: bool, most: usize) -> Result<Vec<Told<Approval>>, CommandError> {
    let status = if open_only { "&status=open" } else { "" };
    let mut all = Vec::new();
    let mut before = String::new();
    loop {
        let page: Approvals = client.get(&format!("/approvals?limit=200{status}{before}"))?.read()?;
        all.extend(page.approvals);
        match page.next_before {
            Some(next) if all.len() < most => before = format!("&before={}", encode(&next)),
            _ => return Ok(all),
        }
    }
}

fn list(args: &ApprovalsListArgs) -> Outcome {
    let (client, out) = begin(&args.asking)?;
    let approvals = read(&client, !args.all, 1_000)?;
    if out.json {
        out.json(&approvals.into_iter().map(|approval| approval.raw).collect());
        return Ok(());
    }
    let now = clock();
    let mut table = Table::new(&[
        Column::whole("ID"),
        Column::whole("AGENT"),
        Column::wrapped("STATUS"),
        Column::whole("AGE"),
        Column::wrapped("TITLE"),
    ]);
    for Told { read: approval, .. } in &approvals {
        let opened = approval.opened_at.map(|at| age(at, now)).unwrap_or_default();
        let tone = if approval.status == "open" { Tone::Attention } else { Tone::Faint };
        table.row([
            (Tone::Faint, &tail_of(&approval.id)),
            (Tone::Faint, &tail_of(&approval.agent_id)),
            (tone, &outcome(approval)),
            (Tone::Plain, &opened),
            (Tone::Plain, &approval.title),
        ]);
    }
    out.table(&table, "nobody asks for anything");
    Ok(())
}

/// What became of a request, in a word or two.
fn outcome(approval: &Approval) -> String {
    match (approval.status.as_str(), &approval.decision, &approval.expired) {
        ("decided", Some(decision), _) => decision.option.clone(),
        ("expired", _, Some(expired)) => format!("expired: {}", expired.why),
        (other, ..) => other.to_owned(),
    }
}

/// The request that is meant. An open one is found by a part of its id, and so is a closed one where no open one fits.
fn find(client: &Client, given: &str) -> Result<Told<Approval>, CommandError> {
    let unknown = || CommandError::Unknown { what: "permission request", given: given.to_owned() };
    for open_only in [true, false] {
        let all = read(client, open_only, 5_000)?;
        let ids = all.iter().filter_map(|Told { read: approval, .. }| {
            let id = Uuid::try_parse(&approval.id).ok()?;
            Some((id, format!("{} ({})", tail_of(&approval.id), approval.title)))
        });
        match unique("permission request", given, ids) {
            Ok(id) => return all.into_iter().find(|approval| approval.read.id == id).ok_or_else(unknown),
            Err(CommandError::Unknown { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Err(unknown())
}

fn tell(out: Out, approval: &Approval) {
    let time = |at: Option<DateTime<Utc>>| at.map(|at| at.to_rfc3339_opts(SecondsFormat::Micros, true));
    let decision = approval.decision.as_ref();
    let of_decision = |read: fn(&Decision) -> Option<String>| decision.and_then(read).unwrap_or_default();
    let facts = [
        ("request", approval.id.clone()),
        ("agent", approval.agent_id.clone()),
        ("title", approval.title.clone()),
        ("status", outcome(approval)),
        ("options", approval.options.join(", ")),
        ("opened", time(approval.opened_at).unwrap_or_default()),
        ("expires", time(approval.expires_at).unwrap_or_default()),
        ("decided by", of_decision(|decision| Some(operator(&decision.by, decision.by_name.as_deref())))),
        ("reason", of_decision(|decision| decision.reason.clone())),
        ("answer", of_decision(|decision| decision.answer.as_ref().map(ToString::to_string))),
    ];
    for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
        out.line(&format!("{}{}", out.paint.paint(Tone::Faint, &format!("{name:<13}")), line(value)));
    }
    if !approval.detail.is_empty() {
        out.line(&json_pretty(&Value::Object(approval.detail.clone())));
    }
}

/// Only what allows a request can answer its form.
fn decide(args: &DecideArgs, verdict: &str, answer: &[(String, Value)]) -> Outcome {
    let (client, out) = begin(&args.asking)?;
    let approval = find(&client, &args.request.id)?;
    let often = if args.always { "always" } else { "once" };
    let mut body = Map::new();
    body.insert("option".to_owned(), format!("{verdict}_{often}").into());
    if let Some(reason) = &args.why.reason {
        body.insert("reason".to_owned(), reason.as_str().into());
    }
    if !answer.is_empty() {
        body.insert("answer".to_owned(), Value::Object(answer.iter().cloned().collect()));
    }
    let path = format!("/approvals/{}/decide", approval.read.id);
    let decided = client.post(&path, &Value::Object(body))?;
    if out.json {
        out.json(&decided.body);
    } else {
        let decided: Approval = decided.read()?;
        out.line(&line(&format!("{}: {}", outcome(&decided), decided.title)));
    }
    Ok(())
}
