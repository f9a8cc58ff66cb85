//! `flightdeck logs`: a conversation, and how it goes on.

use flightdeck_client::replies::Messages;
use flightdeck_client::{Client, Follower, Heard};
use flightdeck_terminal::{Outcome, progress};

use super::messages::Printer;
use crate::ask::begin;
use crate::error::CommandError;
use crate::grammar::LogsArgs;
use crate::ids::session;

/// What one request brings.
const PAGE: u64 = 1_000;
/// So many of the newest messages are printed when nothing is said.
const TAIL: u64 = 50;

pub(super) fn run(args: &LogsArgs) -> Outcome {
    let (client, out) = begin(&args.asking)?;
    let id = session(&client, &args.session.id)?;
    let printer = Printer::new(out);
    let Messages { total, .. } = client.get(&format!("/agents/{id}/messages?limit=1"))?.read()?;
    let after = match args.after {
        Some(after) => after,
        None if args.all => 0,
        None => total.saturating_sub(args.tail.unwrap_or(TAIL)),
    };
    if args.follow { follow(&client, &id, after, printer) } else { history(&client, &id, after, printer) }
}

fn history(client: &Client, id: &str, mut after: u64, printer: Printer) -> Outcome {
    loop {
        let page: Messages = client.get(&format!("/agents/{id}/messages?after={after}&limit={PAGE}"))?.read()?;
        for message in &page.messages {
            printer.message(message);
        }
        match page.messages.last().map(|last| last.read.seq) {
            Some(last) if last < page.total => after = last,
            _ => return Ok(()),
        }
    }
}

fn follow(client: &Client, id: &str, after: u64, printer: Printer) -> Outcome {
    let mut follower = Follower::open(client, &format!("/agents/{id}/messages/stream"), after)?;
    loop {
        match follower.hear()? {
            Heard::Event(event) if event.kind == "message" => printer.message(&follower.read(event)?),
            Heard::Event(event) if event.kind == "receipt" => printer.receipt(&follower.read(event)?),
            Heard::Event(event) if event.kind == "gap" => {
                return Err(CommandError::NotDone("messages in between are no longer kept".to_owned()).into());
            }
            Heard::Event(_) => {}
            Heard::Lost => progress("not live: the server does not answer; trying again …"),
            Heard::Back => progress(""),
            Heard::Ended => return Ok(()),
        }
    }
}
