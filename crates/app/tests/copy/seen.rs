//! What can be seen of a deployment from outside.

use std::path::Path;

use serde_json::Value;

use crate::given::Deployment;
use crate::support::process::{Server, flightdeck, run, told};
use crate::support::sse::Stream;

/// Everything that an operator sees, reading's own traces aside.
#[derive(Debug, PartialEq)]
pub(crate) struct Seen {
    pages: Vec<(String, Value)>,
    conversations: Vec<(Vec<Value>, u64)>,
    events: Vec<(u64, Value)>,
}

impl Seen {
    pub(crate) fn of(server: &Server, deployment: &Deployment) -> Self {
        let admin = server.admin();
        let mut paths: Vec<String> = [
            "/agents?limit=200",
            "/agents/tree",
            "/fleet/usage?by=day,model,agent&from=2026-01-01&to=2026-12-31",
            "/approvals?limit=100",
            "/operations",
            "/sinks",
            "/sinks/ops/dead-letters",
        ]
        .map(str::to_owned)
        .into();
        paths.push(format!("/agents/{}/usage", deployment.sessions[0]));
        paths.extend(deployment.operations.iter().map(|id| format!("/operations/{id}")));
        paths.extend(deployment.sessions.iter().map(|id| format!("/agents/{id}/status")));
        let page = |path: String| {
            let (status, page) = admin.get(&path);
            assert_eq!(status, 200, "{path}: {page}");
            (path, page)
        };
        let pages = paths.into_iter().map(page).collect();
        let conversations = deployment.sessions.iter().map(|session| admin.conversation(session)).collect();
        // Whoever is followed leaves a mark of its own: the last thing that happened is that everything was killed.
        Self { pages, conversations, events: follow_to_kill(server) }
    }

    /// The position of the newest event.
    pub(crate) fn newest(&self) -> u64 {
        self.events.last().map_or(0, |(position, _)| *position)
    }

    /// Compared piece by piece, so that a difference can be read.
    pub(crate) fn assert_same(&self, other: &Self) {
        for (mine, theirs) in self.pages.iter().zip(&other.pages) {
            assert_eq!(mine, theirs);
        }
        for (mine, theirs) in self.conversations.iter().zip(&other.conversations) {
            assert_eq!(mine.1, theirs.1);
            assert!(mine.0 == theirs.0, "a conversation of {} messages differs", mine.1);
        }
        assert_eq!(self.events, other.events);
        assert_eq!(self, other);
    }
}

/// So many events after a position.
pub(crate) fn follow(server: &Server, after: u64, count: usize) -> Vec<(u64, Value)> {
    let mut feed =
        Stream::open(server.address, &server.admin_key(), "/agents/events?activity=off&after=0", Some(after))
            .expect("an answer");
    assert_eq!(feed.status, 200);
    let mut events = Vec::new();
    while events.len() < count {
        let event = feed.expect();
        events.extend(event.id.map(|id| (id, event.json())));
    }
    events
}

/// All events up to the newest that a tree read now is as of.
fn follow_to_kill(server: &Server) -> Vec<(u64, Value)> {
    let url = format!("http://{}/agents/tree", server.address);
    let response = ureq::get(&url).header("X-API-Key", &server.admin_key()).call().expect("an answer");
    let newest = response.headers().get("flightdeck-as-of").expect("as of").to_str().expect("a text");
    // Positions are dense.
    let newest = newest.rsplit('-').next().expect("a position");
    follow(server, 0, newest.parse().expect("a position"))
}

/// An export of the audit log.
pub(crate) fn export(data_dir: &Path, database: &str) -> String {
    let mut command = flightdeck(data_dir, &["audit", "export"]);
    let (out, errors) = told(&run(command.env("FLIGHTDECK_DATABASE_URL", database)));
    assert!(!out.is_empty(), "{errors}");
    out
}

/// The lines of an export between its head and the entry that tells of the export itself.
pub(crate) fn entries(export: &str) -> Vec<&str> {
    let lines: Vec<&str> = export.lines().skip(1).collect();
    let own = lines.iter().rposition(|line| line.contains("export")).expect("its own entry");
    lines.into_iter().take(own).collect()
}

/// The list of keys.
pub(crate) fn keys(data_dir: &Path, database: &str) -> String {
    let mut command = flightdeck(data_dir, &["keys", "list"]);
    let (out, errors) = told(&run(command.env("FLIGHTDECK_DATABASE_URL", database)));
    assert!(!out.is_empty(), "{errors}");
    out
}
