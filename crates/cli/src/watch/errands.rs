//! What is asked of the server aside, so that the view goes on.

use std::sync::mpsc::Sender;

use flightdeck_client::Client;
use flightdeck_client::replies::{Approvals, Controlled};
use serde_json::Value;
use uuid::Uuid;

use super::conversation::PAGE;
use super::news::News;

/// What is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fetch {
    /// The messages of a conversation after this place.
    Messages(Uuid, u64),
    /// The open permission requests.
    Requests,
}

/// Reads, and tells what came of it.
pub(super) fn fetch(client: &Client, what: Fetch, tell: Sender<News>) {
    let client = client.clone();
    std::thread::spawn(move || {
        let news = match what {
            Fetch::Messages(id, after) => {
                let page = client.get(&format!("/agents/{id}/messages?after={after}&limit={PAGE}"));
                News::Messages(id, page.and_then(|reply| reply.read()))
            }
            Fetch::Requests => {
                let page = client.get("/approvals?status=open&limit=200").and_then(|reply| reply.read::<Approvals>());
                News::Requests(page.map(|page| page.approvals.into_iter().map(|request| request.read).collect()))
            }
        };
        let _ = tell.send(news);
    });
}

/// Asks for a change, and tells what the server says of it.
pub(super) fn ask(client: &Client, path: String, body: Value, told: String, tell: Sender<News>) {
    let client = client.clone();
    std::thread::spawn(move || {
        let text = match client.post(&path, &body) {
            Ok(reply) => {
                let said = reply.read::<Controlled>().map(|said| said.message).unwrap_or_default();
                if said.is_empty() { told } else { said }
            }
            Err(error) => error.to_string(),
        };
        let _ = tell.send(News::Told(text));
    });
}
