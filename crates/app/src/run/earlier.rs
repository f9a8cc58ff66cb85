//! What earlier runs of the same session have told of their totals.

use std::time::Duration;

use flightdeck_domain::usage::Reading;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::link::Link;

/// How long one question may take.
const DEADLINE: Duration = Duration::from_secs(5);
/// So many earlier runs, and so many pages from the end of each, are looked through.
const MOST_RUNS: usize = 10;
const MOST_PAGES: usize = 5;
const PAGE: u64 = 200;

/// The server could not be asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Away;

/// The last totals that an earlier run has told of the session that its runtime knows under this id. Blocks the thread.
pub(super) fn totals(link: &Link, own: &str, id: &str) -> Result<Option<Vec<Reading>>, Away> {
    let id = utf8_percent_encode(id, NON_ALPHANUMERIC);
    let found = ask(link, &format!("/agents?providerSessionId={id}&limit=100"))?;
    // The newest first.
    let runs = found.as_array().into_iter().flatten().filter(|run| text(run, "agentId") != own);
    for run in runs.take(MOST_RUNS) {
        let newest = run.get("lastSeq").and_then(Value::as_u64).unwrap_or_default();
        if let Some(totals) = last(link, text(run, "agentId"), newest)? {
            return Ok(Some(totals));
        }
    }
    Ok(None)
}

/// The last totals of one run.
fn last(link: &Link, run: &str, newest: u64) -> Result<Option<Vec<Reading>>, Away> {
    let mut before = newest.saturating_add(1);
    for _ in 0..MOST_PAGES {
        let page = ask(link, &format!("/agents/{run}/messages?before={before}&limit={PAGE}"))?;
        let messages = page.get("messages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if let Some(totals) = messages.iter().rev().find_map(of) {
            return Ok(Some(totals));
        }
        match messages.first().and_then(|first| first.get("seq")).and_then(Value::as_u64) {
            Some(first) if first > 1 => before = first,
            _ => break,
        }
    }
    Ok(None)
}

/// The totals of a message, if it has any.
fn of(message: &Value) -> Option<Vec<Reading>> {
    let totals: Vec<Reading> = serde_json::from_value(message.pointer("/metadata/totals")?.clone()).ok()?;
    (!totals.is_empty()).then_some(totals)
}

fn ask(link: &Link, path: &str) -> Result<Value, Away> {
    match link.get(path, DEADLINE) {
        Ok(answer) if answer.is_good() => Ok(answer.body),
        // It may not be looked at, or is gone: there is none then.
        Ok(answer) if !answer.is_passing() => Ok(Value::Null),
        _ => Err(Away),
    }
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}
