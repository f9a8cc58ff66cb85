//! Sends what is in the outbox, in its order.

use std::sync::Arc;
use std::time::Duration;

use crate::held::{AllHeld, Held};
use crate::link::{Backoff, Refusal, Told};
use crate::messages::left_out;
use crate::outbox::{Entry, Outbox};

/// So many bytes of messages go into one call.
const MOST_BYTES: usize = 2 << 20;
/// So many messages go into one call.
const MOST_MESSAGES: usize = 500;
/// Something may have come in without a word of it.
const LOOK: Duration = Duration::from_secs(1);

/// Sends for one assignment until its agent has ended and everything has arrived, or the server takes nothing more.
pub(crate) async fn deliver(held: Arc<Held>, outbox: Outbox, all: AllHeld) {
    let mut backoff = Backoff::new();
    // Messages that are sent one by one, because the server did not take them together.
    let mut alone = 0_usize;
    loop {
        let stirred = held.stirred.notified();
        if held.is_over() && held.has_ended() {
            break;
        }
        // Before the look into the outbox: an agent that ends after it has put something in that the look did not see.
        let had_ended = held.has_ended();
        let page = match next(&outbox, &held).await {
            Some(page) if !held.is_over() => page,
            // What an agent says after its assignment is over has no reader.
            Some(_) => Vec::new(),
            None => {
                backoff.pause().await;
                continue;
            }
        };
        if page.is_empty() {
            if had_ended {
                break;
            }
            let _ = tokio::time::timeout(LOOK, stirred).await;
            continue;
        }
        let batch = if alone > 0 { 1 } else { together(&page) };
        let (now, _later) = page.split_at(batch);
        match send(&held, now).await {
            Told::Good(()) => {
                backoff.reset();
                alone = alone.saturating_sub(1);
                arrived(&outbox, &held, now).await;
            }
            Told::Later => backoff.pause().await,
            Told::Over(why) => held.end(&why).await,
            Told::Refused(_) if batch > 1 => alone = batch,
            Told::Refused(refusal) => {
                alone = alone.saturating_sub(1);
                refused(&outbox, &held, now, &refusal).await;
            }
        }
    }
    // Until that is written the next start would send again what the server knows already: it takes it as a repetition.
    if let Err(error) = outbox.release(held.id).await {
        tracing::warn!(session = %held.id, %error, "the outbox still has what has arrived");
    }
    all.remove(&held);
}

async fn next(outbox: &Outbox, held: &Held) -> Option<Vec<Entry>> {
    let (outbox, id) = (outbox.clone(), held.id);
    let read = tokio::task::spawn_blocking(move || outbox.next(id)).await.ok()?;
    read.inspect_err(|error| tracing::error!(%error, "the outbox cannot be read")).ok()
}

/// How many of the first entries go into one call: messages of one session, or one thing of another kind.
fn together(page: &[Entry]) -> usize {
    let Some(first) = page.first() else { return 0 };
    if first.kind != "message" {
        return 1;
    }
    let mut bytes = 0;
    let fits = |entry: &&Entry| {
        bytes += entry.body.len();
        entry.kind == first.kind && entry.path == first.path && bytes <= MOST_BYTES
    };
    page.iter().take(MOST_MESSAGES).take_while(fits).count().max(1)
}

async fn send(held: &Held, batch: &[Entry]) -> Told<()> {
    let Some(first) = batch.first() else { return Told::Good(()) };
    let body = if first.kind == "message" {
        let bodies: Vec<&str> = batch.iter().map(|entry| entry.body.as_str()).collect();
        format!("[{}]", bodies.join(","))
    } else {
        first.body.clone()
    };
    held.link.tell(first.path.clone(), body).await
}

async fn arrived(outbox: &Outbox, held: &Held, batch: &[Entry]) {
    let Some(last) = batch.last() else { return };
    if let Err(error) = outbox.sent(held.id, last.id).await {
        tracing::warn!(session = %held.id, %error, "what has arrived is sent once more");
    }
}

/// Leaves out what the server will never take. In the place of a message another one says so.
async fn refused(outbox: &Outbox, held: &Held, batch: &[Entry], refusal: &Refusal) {
    let Some(entry) = batch.first() else { return };
    tracing::warn!(session = %held.id, path = %entry.path, why = %refusal.why, "the server does not take a report");
    // An ended session takes no word of it either.
    let is_word = entry.kind == "message" && refusal.status != 409 && refusal.status != 404;
    if is_word && let Told::Later = held.link.tell(entry.path.clone(), left_out(&refusal.why).to_string()).await {
        return;
    }
    arrived(outbox, held, batch).await;
}

#[cfg(test)]
mod tests;
