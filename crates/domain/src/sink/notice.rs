//! What is said of an event to a receiver outside.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::filter::word;
use crate::feed::{FleetEvent, FleetEventKind};
use crate::operator::Actor;
use crate::session::Session;
use crate::text::JsonObject;
use crate::time::Timestamp;

/// Where people open the page of the deployment: `https://deck.example/flightdeck`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(String);

/// A text that is not the address of a page.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an address such as https://deck.example, without a query or a fragment")]
pub struct InvalidPublicUrl(pub String);

impl PublicUrl {
    /// Checks and wraps an address.
    ///
    /// # Errors
    /// It has another scheme than http or https, no host, spaces, a query or a fragment.
    pub fn new(text: &str) -> Result<Self, InvalidPublicUrl> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
        let good =
            |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'"' | b'<' | b'>' | b'\\' | b'@');
        let has_host = !rest.is_empty() && !rest.starts_with('/');
        if has_host && rest.bytes().all(good) && text.len() <= 1_000 {
            Ok(Self(text.trim_end_matches('/').to_owned()))
        } else {
            Err(InvalidPublicUrl(text.to_owned()))
        }
    }

    /// The address, without a slash at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn page(&self, view: &str, session: Option<&str>) -> String {
        let open = session.map(|session| format!("?open={session}")).unwrap_or_default();
        format!("{}/#{view}{open}", self.0)
    }
}

/// How much a message matters to its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    /// To be known.
    Normal,
    /// Somebody has to do something.
    High,
}

/// A button that opens a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// What it says.
    pub label: &'static str,
    /// Where it leads.
    pub url: String,
}

/// What is said of an event, for every form.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// The kind, with a dot between its parts: `approval.opened`.
    pub kind: String,
    /// When it happened.
    pub at: Timestamp,
    /// What happened, in one line.
    pub title: String,
    /// More, one line each; often none.
    pub lines: Vec<String>,
    /// How much it matters.
    pub urgency: Urgency,
    /// The page about it, if the server knows its own address.
    pub link: Option<String>,
    /// Buttons, the most important first.
    pub links: Vec<Link>,
    /// The facts, for machines.
    pub data: JsonObject,
}

/// What is known besides the event.
#[derive(Clone, Copy, Debug)]
pub struct NoticeFacts<'a> {
    /// The session of the event.
    pub session: Option<&'a Session>,
    /// Where the page is.
    pub public_url: Option<&'a PublicUrl>,
    /// Whether what agents write may be said.
    pub transcript: bool,
    /// Whether the deadline of the request comes closer.
    pub reminder: bool,
}

/// The details of events that no agent has written. What is not listed is left out.
const FACTS: [&str; 40] = [
    "parentSessionId",
    "rootSessionId",
    "missionId",
    "taskId",
    "taskSource",
    "agentType",
    "provider",
    "status",
    "from",
    "desiredStatus",
    "seq",
    "approvalId",
    "options",
    "option",
    "expiresAt",
    "change",
    "by",
    "why",
    "action",
    "actor",
    "messageId",
    "commandSeq",
    "command",
    "operationId",
    "event",
    "scope",
    "state",
    "total",
    "open",
    "observed",
    "ended",
    "engaged",
    "superseded",
    "span",
    "percent",
    "costUsd",
    "tokens",
    "maxCostUsd",
    "maxTokens",
    "lastSessionId",
];

impl Notice {
    /// The longest line, in characters; the rest is cut.
    pub const LINE: usize = 300;

    /// What is said of an event.
    #[must_use]
    pub fn of(event: &FleetEvent, facts: NoticeFacts<'_>) -> Self {
        let about = About { event, facts };
        let links = about.links();
        Self {
            kind: about.kind(),
            at: event.at,
            title: line(&about.title()),
            lines: about.lines(),
            urgency: about.urgency(),
            link: links.first().map(|link| link.url.clone()),
            data: about.data(links.first()),
            links,
        }
    }

    /// What is said when a sink is tried out.
    #[must_use]
    pub fn trial(sink: &str, public_url: Option<&PublicUrl>, at: Timestamp) -> Self {
        let links = public_url.map(|url| Link { label: "Open Flightdeck", url: url.page("fleet", None) });
        let links: Vec<Link> = links.into_iter().collect();
        Self {
            kind: "sink.test".to_owned(),
            at,
            title: format!("This is a test of the sink {sink}"),
            lines: Vec::new(),
            urgency: Urgency::Normal,
            link: links.first().map(|link| link.url.clone()),
            data: JsonObject::trusted(json!({"sink": sink})),
            links,
        }
    }
}

/// A text on one line, of a length that every form takes.
fn line(text: &str) -> String {
    let plain = |letter: char| if letter.is_control() { ' ' } else { letter };
    let mut line: String = text.chars().take(Notice::LINE).map(plain).collect();
    if text.chars().nth(Notice::LINE).is_some() {
        line.push('\u{2026}');
    }
    line
}

/// An event and what is known of it.
#[derive(Clone, Copy)]
struct About<'a> {
    event: &'a FleetEvent,
    facts: NoticeFacts<'a>,
}

impl About<'_> {
    fn word(&self, name: &str) -> &str {
        word(self.event, name)
    }

    fn by_guard(&self) -> bool {
        self.word("action") == "pause" && self.word("actor") == Actor::guard().as_str()
    }

    fn by_budget(&self) -> bool {
        self.word("actor") == Actor::budget().as_str()
    }

    fn kind(&self) -> String {
        match self.event.kind {
            FleetEventKind::Spawned => "session.spawned".to_owned(),
            FleetEventKind::Status => format!("session.{}", self.word("status")),
            FleetEventKind::Action => format!("action.{}", self.word("action")),
            FleetEventKind::Receipt => "command.receipt".to_owned(),
            FleetEventKind::Approval if self.facts.reminder => "approval.expiring".to_owned(),
            FleetEventKind::Approval => format!("approval.{}", self.word("change")),
            FleetEventKind::KillSwitch => "fleet.kill_switch".to_owned(),
            FleetEventKind::Budget => format!("budget.{}", self.word("change")),
            FleetEventKind::Operation => format!("operation.{}", self.word("event")),
        }
    }

    /// Who it is about: the type of the agent and its task, which its spawner has given.
    fn whom(&self) -> String {
        match (self.facts.session, self.event.session_id) {
            (Some(session), _) => format!("{} ({})", session.agent_type, session.task_id),
            (None, Some(id)) => format!("Session {id}"),
            (None, None) => match self.word("missionId") {
                "" => "The fleet".to_owned(),
                mission => format!("Mission {mission}"),
            },
        }
    }

    fn title(&self) -> String {
        let whom = self.whom();
        match self.event.kind {
            FleetEventKind::Spawned => format!("{whom} was started"),
            FleetEventKind::Status => match self.word("status") {
                "failed" => format!("{whom} failed"),
                "lost" => format!("{whom} is lost: it does not report any more"),
                "completed" => format!("{whom} is done"),
                "killed" => format!("{whom} was killed"),
                status => format!("{whom} is {status}"),
            },
            FleetEventKind::Action if self.by_guard() => format!("{whom} is paused: it runs wild"),
            FleetEventKind::Action => format!("{whom}: {} by {}", self.word("action"), self.word("actor")),
            FleetEventKind::Receipt => format!("{whom}: the receipt of a command changed"),
            FleetEventKind::Approval => match self.word("change") {
                "opened" if self.facts.reminder => {
                    format!("{whom} still waits for permission, and the time is running out")
                }
                "opened" => format!("{whom} asks for permission"),
                "decided" => format!("{whom}: permission was decided, {}", self.word("option")),
                _ => format!("{whom}: the request for permission expired"),
            },
            FleetEventKind::KillSwitch => {
                let engaged = self.event.data.as_map().get("engaged") == Some(&Value::Bool(true));
                let what = if engaged { "engaged" } else { "released" };
                format!("The kill switch was {what} by {}", self.word("actor"))
            }
            FleetEventKind::Operation if self.word("event") == "created" && self.by_budget() => {
                format!("{whom} is paused: the budget is used up")
            }
            FleetEventKind::Budget => format!("{whom}: the budget is almost used up"),
            FleetEventKind::Operation => format!("{whom}: {} {}", self.word("action"), self.word("event")),
        }
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.facts.transcript {
            let said = [self.word("title"), self.word("reason")];
            lines.extend(said.into_iter().filter(|text| !text.is_empty()).map(line));
        }
        if self.event.kind == FleetEventKind::Budget {
            // The server says it, of numbers.
            lines.push(line(self.word("why")));
        }
        let deadline = self.word("expiresAt");
        if self.event.kind == FleetEventKind::Approval && self.word("change") == "opened" && !deadline.is_empty() {
            lines.push(format!("Expires at {deadline}"));
        }
        if let Some(mission) = self.facts.session.and_then(|session| session.mission_id.as_ref()) {
            lines.push(line(&format!("Mission {mission}")));
        }
        lines
    }

    fn urgency(&self) -> Urgency {
        let high = match self.event.kind {
            FleetEventKind::Approval => self.word("change") == "opened",
            FleetEventKind::Status => matches!(self.word("status"), "failed" | "lost"),
            FleetEventKind::Operation => self.by_budget(),
            FleetEventKind::Action => self.by_guard(),
            FleetEventKind::KillSwitch | FleetEventKind::Budget => true,
            FleetEventKind::Spawned | FleetEventKind::Receipt => false,
        };
        if high { Urgency::High } else { Urgency::Normal }
    }

    fn links(&self) -> Vec<Link> {
        let Some(page) = self.facts.public_url else { return Vec::new() };
        let session = self.event.session_id.map(|id| id.to_string());
        let session = session.as_deref();
        let watch = Link { label: "Watch", url: page.page("fleet", session) };
        match (self.event.kind, self.word("change")) {
            (FleetEventKind::Approval, "opened") => {
                vec![Link { label: "Decide", url: self.decision(page, session) }, watch]
            }
            (FleetEventKind::Operation, _) => {
                vec![Link { label: "Operations", url: page.page("operations", session) }, watch]
            }
            _ => vec![watch],
        }
    }

    /// The address of a request for permission: the decision, and its session beside it.
    fn decision(&self, page: &PublicUrl, session: Option<&str>) -> String {
        let place = page.page("approvals", session);
        match (session, self.word("approvalId")) {
            (Some(_), id) if !id.is_empty() => format!("{place}&approval={id}"),
            _ => place,
        }
    }

    fn data(&self, link: Option<&Link>) -> JsonObject {
        let all = self.event.data.as_map();
        let mut data = Map::new();
        data.insert("position".to_owned(), json!(self.event.position));
        data.insert("kind".to_owned(), json!(self.event.kind));
        data.insert("sessionId".to_owned(), json!(self.event.session_id));
        if let Some(session) = self.facts.session {
            data.insert("agentType".to_owned(), json!(session.agent_type));
            data.insert("taskId".to_owned(), json!(session.task_id));
            data.insert("missionId".to_owned(), json!(session.mission_id));
        }
        for (name, value) in all {
            if self.facts.transcript || FACTS.contains(&name.as_str()) {
                data.insert(name.clone(), value.clone());
            }
        }
        // The receipt is a fact; its reason is what the agent says.
        if let Some(state) =
            all.get("receipt").and_then(|receipt| receipt.get("state")).filter(|_| !self.facts.transcript)
        {
            data.insert("receipt".to_owned(), json!({"state": state}));
        }
        data.insert("link".to_owned(), json!(link.map(|link| &link.url)));
        JsonObject::trusted(Value::Object(data))
    }
}

#[cfg(test)]
mod tests;
