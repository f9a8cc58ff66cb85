//! `flightdeck search`: words are looked for in a conversation.

use flightdeck_client::replies::{Found, Message, Told};
use flightdeck_client::{Client, encode};
use flightdeck_terminal::{Outcome, progress};

use super::messages::Printer;
use crate::ask::begin;
use crate::error::CommandError;
use crate::grammar::SearchArgs;
use crate::ids::session;

/// What one request brings at the most.
const PAGE: usize = 200;

pub(super) fn run(args: &SearchArgs) -> Outcome {
    let (client, out) = begin(&args.asking)?;
    let id = session(&client, &args.session.id)?;
    let most = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let Newest { found, more } = newest(&client, &id, &args.text, most)?;
    let printer = Printer::new(out);
    // As a conversation is read: the oldest first.
    for message in found.iter().rev() {
        printer.message(message);
    }
    if !out.json {
        match found.len() {
            0 => out.line("no message has these words"),
            _ if more => out.line("… there may be older ones; --limit shows more"),
            _ => {}
        }
    }
    Ok(())
}

/// The newest messages that have the words, and whether older ones were not looked at.
struct Newest {
    found: Vec<Told<Message>>,
    more: bool,
}

/// Looks from the end to the beginning, a stretch a request, until there are so many.
fn newest(client: &Client, id: &str, text: &str, most: usize) -> Result<Newest, CommandError> {
    let mut found: Vec<Told<Message>> = Vec::new();
    let mut before = None;
    loop {
        let limit = PAGE.min(most - found.len());
        let from = before.map(|before| format!("&before={before}")).unwrap_or_default();
        let path = format!("/agents/{id}/messages/search?q={}&limit={limit}{from}", encode(text));
        let page: Found = client.get(&path)?.read()?;
        found.extend(page.matches);
        found.truncate(most);
        // A server that does not move on is not asked for ever.
        let next = page.next_before.filter(|next| before.is_none_or(|before| *next < before));
        if next.is_none() || found.len() >= most {
            progress("");
            return Ok(Newest { found, more: next.is_some() });
        }
        before = next;
        progress(&format!("looking for it before message #{} …", next.unwrap_or_default()));
    }
}
