//! `flightdeck approvals`: what agents ask for, and the answers.

use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{begin, reason_argument, text};
use crate::cli::Outcome;
use crate::client::{Client, ClientError, encode, flags, moment, tail_of, unique, word};
use crate::terminal::{Out, Table, Tone, age, clock, line};

pub(crate) fn grammar() -> Command {
    let id = || {
        Arg::new("id")
            .value_name("ID")
            .required(true)
            .help("a request: its id, or a part that only one begins or ends with")
    };
    let decide = |name: &'static str, about: &'static str| {
        Command::new(name)
            .about(about)
            .arg(id())
            .arg(
                Arg::new("always")
                    .long("always")
                    .help("and whenever the agent asks for the same")
                    .action(ArgAction::SetTrue),
            )
            .arg(reason_argument())
            .args(flags())
    };
    Command::new("approvals")
        .about("List what agents ask for, allow it or reject it")
        .args_conflicts_with_subcommands(true)
        .arg(Arg::new("all").short('a').long("all").help("those that are closed too").action(ArgAction::SetTrue))
        .args(flags())
        .subcommand(
            Command::new("list")
                .about("The same as without a word")
                .arg(
                    Arg::new("all").short('a').long("all").help("those that are closed too").action(ArgAction::SetTrue),
                )
                .args(flags()),
        )
        .subcommand(Command::new("show").about("Show one request in full").arg(id()).args(flags()))
        .subcommand(
            decide("allow", "Allow what is asked for, once").arg(
                Arg::new("answer")
                    .long("answer")
                    .value_name("NAME=VALUE")
                    .action(ArgAction::Append)
                    .value_parser(field)
                    .help("a field of its form, where it has one; may be given again. A value is JSON, or else a text"),
            ),
        )
        .subcommand(decide("reject", "Reject what is asked for, once"))
}

/// A field of a form, as `name=value`.
fn field(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| "is not of the form NAME=VALUE".to_owned())?;
    Ok((name.to_owned(), serde_json::from_str(value).unwrap_or_else(|_no_json| value.into())))
}

pub(crate) fn run(given: &ArgMatches) -> Outcome {
    match given.subcommand() {
        Some(("show", given)) => show(given),
        Some(("allow", given)) => decide(given, "allow"),
        Some(("reject", given)) => decide(given, "reject"),
        Some((_, given)) => list(given),
        None => list(given),
    }
}

/// Reads requests, newest first, page by page up to so many.
fn read(client: &Client, open_only: bool, most: usize) -> Result<Vec<Value>, ClientError> {
    let status = if open_only { "&status=open" } else { "" };
    let mut all = Vec::new();
    let mut before = String::new();
    loop {
        let mut page = client.get(&format!("/approvals?limit=200{status}{before}"))?.body;
        if let Some(Value::Array(approvals)) = page.get_mut("approvals").map(Value::take) {
            all.extend(approvals);
        }
        match page["nextBefore"].as_str() {
            Some(next) if all.len() < most => before = format!("&before={}", encode(next)),
            _ => return Ok(all),
        }
    }
}

fn list(given: &ArgMatches) -> Outcome {
    let (client, out) = begin(given)?;
    let approvals = read(&client, !given.get_flag("all"), 1_000)?;
    if out.json {
        out.json(&Value::Array(approvals));
        return Ok(());
    }
    let now = clock();
    let mut table = Table::new(&["ID", "AGENT", "STATUS", "AGE", "TITLE"]);
    for approval in &approvals {
        let opened = moment(approval, "openedAt").map(|at| age(at, now)).unwrap_or_default();
        let status = outcome(approval);
        let tone = if word(approval, "status") == "open" { Tone::Attention } else { Tone::Faint };
        table.row([
            (Tone::Faint, &tail_of(word(approval, "id"))),
            (Tone::Faint, &tail_of(word(approval, "agentId"))),
            (tone, &status),
            (Tone::Plain, &opened),
            (Tone::Plain, word(approval, "title")),
        ]);
    }
    out.table(&table, "nobody asks for anything");
    Ok(())
}

/// What became of a request, in a word or two.
fn outcome(approval: &Value) -> String {
    match word(approval, "status") {
        "decided" => word(&approval["decision"], "option").to_owned(),
        "expired" => format!("expired: {}", word(&approval["expired"], "why")),
        other => other.to_owned(),
    }
}

/// The request that is meant. An open one is found by a part of its id, and so is a closed one where no open one fits.
fn find(client: &Client, given: &str) -> Result<Value, ClientError> {
    let mut unknown = None;
    for open_only in [true, false] {
        let all = read(client, open_only, 5_000)?;
        let ids = all.iter().filter_map(|approval| {
            let id = Uuid::try_parse(word(approval, "id")).ok()?;
            Some((id, format!("{} ({})", tail_of(word(approval, "id")), word(approval, "title"))))
        });
        match unique("permission request", given, ids) {
            Ok(id) => return Ok(all.into_iter().find(|approval| word(approval, "id") == id).unwrap_or_default()),
            Err(error @ ClientError::Unknown { .. }) => unknown = Some(error),
            Err(error) => return Err(error),
        }
    }
    Err(unknown.unwrap_or_else(|| ClientError::Unknown { what: "permission request", given: given.to_owned() }))
}

fn show(given: &ArgMatches) -> Outcome {
    let (client, out) = begin(given)?;
    let approval = find(&client, text(given, "id").unwrap_or_default())?;
    if out.json {
        out.json(&approval);
    } else {
        tell(out, &approval);
    }
    Ok(())
}

fn tell(out: Out, approval: &Value) {
    let options: Vec<&str> = approval["options"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let decision = &approval["decision"];
    let facts = [
        ("request", word(approval, "id").to_owned()),
        ("agent", word(approval, "agentId").to_owned()),
        ("title", word(approval, "title").to_owned()),
        ("status", outcome(approval)),
        ("options", options.join(", ")),
        ("opened", word(approval, "openedAt").to_owned()),
        ("expires", word(approval, "expiresAt").to_owned()),
        ("decided by", word(decision, "by").to_owned()),
        ("reason", word(decision, "reason").to_owned()),
        ("answer", decision.get("answer").map(ToString::to_string).unwrap_or_default()),
    ];
    for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
        out.line(&format!("{}{}", out.paint.paint(Tone::Faint, &format!("{name:<13}")), line(value)));
    }
    if approval["detail"].as_object().is_some_and(|detail| !detail.is_empty()) {
        out.line(&crate::terminal::json_pretty(&approval["detail"]));
    }
}

fn decide(given: &ArgMatches, verdict: &str) -> Outcome {
    let (client, out) = begin(given)?;
    let approval = find(&client, text(given, "id").unwrap_or_default())?;
    let often = if given.get_flag("always") { "always" } else { "once" };
    let mut body = Map::new();
    body.insert("option".to_owned(), format!("{verdict}_{often}").into());
    if let Some(reason) = text(given, "reason") {
        body.insert("reason".to_owned(), reason.into());
    }
    // Only what allows a request can answer it.
    let answer = given.try_get_many::<(String, Value)>("answer").ok().flatten();
    if let Some(answer) = answer {
        body.insert("answer".to_owned(), Value::Object(answer.cloned().collect()));
    }
    let path = format!("/approvals/{}/decide", word(&approval, "id"));
    let decided = client.post(&path, &Value::Object(body))?.body;
    if out.json {
        out.json(&decided);
    } else {
        out.line(&line(&format!("{}: {}", outcome(&decided), word(&decided, "title"))));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_is_json_or_else_a_text() {
        let read = |text: &str| field(text).expect("a field");
        assert_eq!(read("count=3"), ("count".to_owned(), json!(3)));
        assert_eq!(read("branch=main"), ("branch".to_owned(), json!("main")));
        assert_eq!(read("zip=\"0123\""), ("zip".to_owned(), json!("0123")));
        assert_eq!(read("note=a=b"), ("note".to_owned(), json!("a=b")));
        assert!(field("branch").is_err());
    }
}
