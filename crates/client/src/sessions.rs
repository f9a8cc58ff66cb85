//! Sessions as the tree gives them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::error::ClientError;
use crate::http::Client;

/// What one request brings.
const PAGE: usize = 1_000;
/// Nobody reads more in a terminal, and the server has others to serve.
const MOST_PAGES: usize = 100;

/// One session of the tree.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The id.
    pub session_id: Uuid,
    /// The session above it.
    pub parent_session_id: Option<Uuid>,
    /// What was observed of it.
    pub status: String,
    /// What was asked of it.
    pub desired_status: String,
    /// What kind of agent it is.
    pub agent_type: String,
    /// What runs it.
    pub provider: String,
    /// The mission that it belongs to.
    pub mission_id: Option<String>,
    /// Its work item.
    pub task_id: String,
    /// How many messages its conversation has.
    pub last_seq: u64,
    /// When it was asked for.
    pub spawned_at: DateTime<Utc>,
    /// When it ended.
    pub completed_at: Option<DateTime<Utc>>,
}

impl Entry {
    /// Whether it will do nothing more.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        matches!(self.status.as_str(), "completed" | "failed" | "killed")
    }

    /// Its status, with what was asked for where that is something else.
    #[must_use]
    pub fn shown_status(&self) -> String {
        let wished = match self.desired_status.as_str() {
            "paused" if self.status != "paused" => "pausing",
            "killed" => "being killed",
            _ => "",
        };
        if self.has_ended() || wished.is_empty() { self.status.clone() } else { format!("{}, {wished}", self.status) }
    }
}

/// Which sessions are wanted.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// These statuses, with commas between.
    pub statuses: Option<String>,
    /// This mission.
    pub mission: Option<String>,
    /// This kind of agent.
    pub agent_type: Option<String>,
    /// This session and what is below it.
    pub root: Option<String>,
}

impl Filter {
    /// The statuses of sessions that have not ended.
    pub const LIVE: &'static str = "spawning,running,idle,waiting,paused,lost";

    fn query(&self) -> String {
        let pairs = [
            ("status", &self.statuses),
            ("missionId", &self.mission),
            ("agentType", &self.agent_type),
            ("root", &self.root),
        ];
        pairs.iter().filter_map(|(name, value)| Some(format!("&{name}={}", encode(value.as_deref()?)))).collect()
    }
}

/// A value for a query.
#[must_use]
pub fn encode(value: &str) -> String {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    utf8_percent_encode(value, NON_ALPHANUMERIC).to_string()
}

/// Sessions, newest first.
pub struct Fetched {
    /// The sessions.
    pub entries: Vec<Entry>,
    /// The same as the server told them.
    pub raw: Vec<Value>,
    /// Where the feed goes on from what is seen here.
    pub as_of: u64,
    /// There are more than were wanted.
    pub more: bool,
}

/// Reads the tree, page by page, up to so many sessions.
///
/// # Errors
/// There is no answer, or the server refuses.
pub fn fetch(client: &Client, filter: &Filter, most: Option<usize>) -> Result<Fetched, ClientError> {
    let most = most.unwrap_or(PAGE * MOST_PAGES);
    let mut fetched = Fetched { entries: Vec::new(), raw: Vec::new(), as_of: 0, more: false };
    let mut cursor: Option<String> = None;
    loop {
        let limit = PAGE.min(most - fetched.entries.len()).max(1);
        let from = cursor.as_ref().map(|cursor| format!("&cursor={}", encode(cursor))).unwrap_or_default();
        let reply = client.get(&format!("/agents/tree?limit={limit}{}{from}", filter.query()))?;
        if cursor.is_none() {
            fetched.as_of = reply.header("flightdeck-as-of").and_then(|text| text.parse().ok()).unwrap_or(0);
        }
        cursor = reply.header("flightdeck-next-cursor").map(ToOwned::to_owned);
        let Value::Array(page) = reply.body else { break };
        for raw in page {
            let entry = Entry::deserialize(&raw)
                .map_err(|error| ClientError::NotFlightdeck { base: client.base().to_owned(), source: error.into() })?;
            fetched.entries.push(entry);
            fetched.raw.push(raw);
        }
        fetched.more = cursor.is_some();
        if cursor.is_none() || fetched.entries.len() >= most {
            break;
        }
    }
    Ok(fetched)
}
