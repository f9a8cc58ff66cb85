//! What earlier runs of the same session have told of their totals.

use std::time::Duration;

use flightdeck_client::replies::{Message, Messages, Session};
use flightdeck_client::{Client, encode};
use flightdeck_domain::usage::Reading;
use serde::Deserialize;
use serde::de::DeserializeOwned;

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
pub(super) fn totals(client: &Client, own: &str, id: &str) -> Result<Option<Vec<Reading>>, Away> {
    let found: Vec<Session> = ask(client, &format!("/agents?providerSessionId={}&limit=100", encode(id)))?;
    // The newest first.
    for run in found.iter().filter(|run| run.session_id != own).take(MOST_RUNS) {
        if let Some(totals) = last(client, &run.session_id, run.last_seq)? {
            return Ok(Some(totals));
        }
    }
    Ok(None)
}

/// The last totals of one run.
fn last(client: &Client, run: &str, newest: u64) -> Result<Option<Vec<Reading>>, Away> {
    let mut before = newest.saturating_add(1);
    for _ in 0..MOST_PAGES {
        let page: Messages = ask(client, &format!("/agents/{run}/messages?before={before}&limit={PAGE}"))?;
        if let Some(totals) = page.messages.iter().rev().find_map(|message| of(&message.read)) {
            return Ok(Some(totals));
        }
        match page.messages.first().map(|first| first.read.seq) {
            Some(first) if first > 1 => before = first,
            _ => break,
        }
    }
    Ok(None)
}

/// The totals of a message, if it has any.
fn of(message: &Message) -> Option<Vec<Reading>> {
    let totals = Vec::<Reading>::deserialize(message.metadata.get("totals")?).ok()?;
    (!totals.is_empty()).then_some(totals)
}

fn ask<T: DeserializeOwned + Default>(client: &Client, path: &str) -> Result<T, Away> {
    match client.get_once(path, DEADLINE) {
        Ok(answer) if answer.is_good() => Ok(answer.read().unwrap_or_default()),
        // It may not be looked at, or is gone: there is none then.
        Ok(answer) if !answer.is_passing() => Ok(T::default()),
        _ => Err(Away),
    }
}
