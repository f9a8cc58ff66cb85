//! Reads back what was acknowledged.

use std::borrow::Borrow;

use serde_json::Value;

use crate::check::{Dense, Ledger, Violation};
use crate::content::Content;
use crate::error::{BenchError, Outcome};
use crate::fleet::{Member, SessionId};
use crate::http::{Connection, Site};
use crate::number::count;

/// About how many pages are read in all, spread over sessions and over each conversation.
const PAGES: u64 = 128;
/// Messages in each.
const PAGE: u64 = 200;

/// Checks that what was acknowledged has no holes, that each conversation has as many messages as were acknowledged, and
/// that a sample of pages holds the texts that were acknowledged there.
///
/// # Errors
/// The first thing that is wrong.
pub(super) async fn read_back<M: Borrow<Member>>(site: &Site, members: &[M], content: &Content) -> Outcome<()> {
    let mut connection = Connection::open(site.address).await?;
    let pages_each = (PAGES / count(members.len()).max(1)).max(1);
    for member in members {
        let member: &Member = member.borrow();
        let ledger = member.ledger.borrow().clone();
        ledger.complete()?;
        let messages = ledger.last() - ledger.base();
        // The beginning, the end, and places between.
        let last_page = messages.saturating_sub(PAGE);
        for n in 0..=pages_each {
            let after = ledger.base() + last_page * n / pages_each;
            let page = page(&mut connection, site, &member.id, &format!("after={after}&limit={PAGE}")).await?;
            check_page(&page, &ledger, content, after, PAGE.min(messages))?;
        }
    }
    Ok(())
}

/// One page of a conversation.
pub(super) async fn page(connection: &mut Connection, site: &Site, session: &SessionId, query: &str) -> Outcome<Value> {
    let request = site.get(&format!("/agents/{session}/messages?{query}"));
    connection.exchange(&request).await?.expect(&[200], "reading a conversation")?.json()
}

/// Checks one page: dense behind `after`, `messages` many, each with the text that was acknowledged there, and the total
/// that must be.
pub(super) fn check_page(page: &Value, ledger: &Ledger, content: &Content, after: u64, messages: u64) -> Outcome<()> {
    let who = || "a page of history".to_owned();
    let number = |value: &Value, name: &str| {
        let number = value.get(name).and_then(Value::as_u64);
        number.ok_or_else(|| BenchError::Protocol(format!("a page of history has no number {name:?}")))
    };
    let counted = |what, expected, got| {
        if expected == got { Ok(()) } else { Err(Violation::Count { who: who(), what, expected, got }) }
    };
    let found = page.get("messages").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    counted("messages on a page", messages, count(found.len()))?;
    counted("messages in all", ledger.last(), number(page, "total")?)?;
    let mut dense = Dense::after(after);
    for message in found {
        let seq = number(message, "seq")?;
        dense.take(seq, who)?;
        let text = message.get("content").and_then(Value::as_str).unwrap_or_default();
        ledger.compare(seq, content.tag_of_plain(text))?;
    }
    Ok(())
}
