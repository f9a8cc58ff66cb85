//! The session tree: the newest of many, and a whole subtree.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use clap::{ArgMatches, Command};
use serde_json::Value;

use crate::check::Violation;
use crate::error::{BenchError, Outcome};
use crate::figures::Figures;
use crate::fleet::{Names, register};
use crate::http::Connection;
use crate::number::{count, length, per_second};
use crate::options::{number, some};
use crate::process::{Meter, tell_rss};
use crate::server::{Launcher, Server};
use crate::stats::Samples;

/// The longest page that a server gives.
const PAGE: u32 = 1_000;
/// The longest page of the tree.
const LONGEST: u32 = 10_000;

pub(super) fn grammar() -> Command {
    Command::new("tree")
        .about("Read the session tree")
        .arg(number("sessions", "100000", "Sessions in all"))
        .arg(number("subtree", "10000", "Of them, in the subtree that is read whole"))
        .arg(number("small", "100", "Sessions in each of the other trees"))
        .arg(number("children", "10", "Sessions directly below each"))
        .arg(number("newest", "200", "Sessions on the page of the newest"))
        .arg(number("requests", "500", "Pages of the newest in a run"))
        .arg(number("walks", "20", "Readings of the whole subtree in a run"))
}

/// The shape of the forest: one large tree, then small ones, each session with the same number of children.
#[derive(Clone, Copy, Debug)]
struct Shape {
    sessions: u32,
    subtree: u32,
    small: u32,
    children: u32,
}

impl Shape {
    /// The first session of the tree that a session is in.
    const fn root(self, number: u32) -> u32 {
        if number < self.subtree { 0 } else { number - (number - self.subtree) % self.small }
    }

    fn parent(self, number: u32) -> Option<u32> {
        let root = self.root(number);
        (number != root).then(|| root + (number - root - 1) / self.children)
    }

    /// How many stand above a session.
    fn depth(self, number: u32) -> usize {
        std::iter::successors(self.parent(number), |parent| self.parent(*parent)).count()
    }

    /// All sessions by depth: the parents of each level are in those before it.
    fn levels(self) -> Vec<Vec<u32>> {
        let mut levels: Vec<Vec<u32>> = Vec::new();
        for number in 0..self.sessions {
            let depth = self.depth(number);
            if levels.len() <= depth {
                levels.resize(depth + 1, Vec::new());
            }
            if let Some(level) = levels.get_mut(depth) {
                level.push(number);
            }
        }
        levels
    }
}

/// All runs read the same forest: making it takes longer than reading.
pub(super) async fn runs(matches: &ArgMatches, launcher: &Launcher, runs: u64) -> Outcome<Vec<Figures>> {
    let server = launcher.start()?;
    let sessions = some(matches, "sessions")?;
    let shape = Shape {
        sessions,
        subtree: some(matches, "subtree")?.min(sessions),
        small: some(matches, "small")?,
        children: some(matches, "children")?,
    };
    let names = Names::fresh();
    let begin = Instant::now();
    for level in shape.levels() {
        register(&server.site, names, level, move |number| shape.parent(number)).await?;
    }
    let registered = begin.elapsed();
    let mut all = Vec::new();
    for _ in 0..runs {
        all.push(run(matches, &server, shape, names, registered).await?);
    }
    server.stop()?;
    Ok(all)
}

async fn run(
    matches: &ArgMatches,
    server: &Server,
    shape: Shape,
    names: Names,
    registered: Duration,
) -> Outcome<Figures> {
    let (newest, requests) = (some(matches, "newest")?.min(shape.sessions).min(PAGE), some(matches, "requests")?);
    let walks = some(matches, "walks")?;
    let mut connection = Connection::open(server.site.address).await?;
    let (mut pages, mut whole) = (Samples::with_room(length(requests.into())), Samples::default());
    let request = server.site.get(&format!("/agents/tree?limit={newest}"));
    let meter = Meter::start(server.pid);
    for n in 0..requests {
        let sent = Instant::now();
        let reply = connection.exchange(&request).await?;
        pages.add(sent.elapsed());
        let reply = reply.expect(&[200], "reading the tree")?;
        if n.is_multiple_of(16) {
            let found = entries(&reply.json()?, names, shape)?;
            counted("entries of the newest", newest.into(), count(found.len()))?;
        }
    }
    for _ in 0..walks {
        let (elapsed, found) = walk(&mut connection, server, names, shape).await?;
        whole.add(elapsed);
        counted("sessions in the subtree", shape.subtree.into(), count(found.len()))?;
        let distinct: HashSet<u32> = found.iter().copied().collect();
        counted("different sessions in the subtree", shape.subtree.into(), count(distinct.len()))?;
        if let Some(stranger) = found.iter().find(|number| **number >= shape.subtree) {
            return Err(wrong(format!("session {stranger} is not in the subtree")));
        }
    }
    let cost = meter.stop();
    let (pages, whole) = (pages.sorted(), whole.sorted());
    let mut figures = Figures::default();
    figures.add("newest p50", "ms", pages.p50());
    figures.add("newest p99", "ms", pages.p99());
    figures.add("whole subtree p50", "ms", whole.p50());
    figures.add("whole subtree max", "ms", whole.max());
    figures.add("sessions registered", "/s", per_second(shape.sessions.into(), registered));
    cost.tell(&mut figures, u64::from(requests + walks));
    tell_rss(&mut figures, server.pid);
    Ok(figures)
}

fn wrong(what: String) -> BenchError {
    Violation::Wrong { who: "the tree".to_owned(), what }.into()
}

fn counted(what: &'static str, expected: u64, got: u64) -> Result<(), Violation> {
    if expected == got { Ok(()) } else { Err(Violation::Count { who: "the tree".to_owned(), what, expected, got }) }
}

/// Reads the subtree page by page. The time is that of the requests alone.
async fn walk(
    connection: &mut Connection,
    server: &Server,
    names: Names,
    shape: Shape,
) -> Outcome<(Duration, Vec<u32>)> {
    let (mut elapsed, mut found, mut cursor) = (Duration::ZERO, Vec::new(), None::<String>);
    let path = format!("/agents/tree?root={}&limit={LONGEST}", names.session(0));
    loop {
        let more = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let request = server.site.get(&format!("{path}{more}"));
        let sent = Instant::now();
        let reply = connection.exchange(&request).await?;
        elapsed += sent.elapsed();
        let reply = reply.expect(&[200], "reading a subtree")?;
        cursor = reply.header("flightdeck-next-cursor").map(str::to_owned);
        found.extend(entries(&reply.json()?, names, shape)?);
        if cursor.is_none() || found.len() > length(shape.sessions.into()) {
            return Ok((elapsed, found));
        }
    }
}

/// The numbers of the sessions on a page, each of which must stand below the parent that it was registered with.
fn entries(page: &Value, names: Names, shape: Shape) -> Outcome<Vec<u32>> {
    let id = |entry: &Value, name: &str| {
        let text = entry.get(name).and_then(Value::as_str)?.to_owned();
        names.number(text.as_bytes())
    };
    let entries = page.as_array().map_or(&[][..], Vec::as_slice);
    let number = |entry: &Value| {
        let number = id(entry, "sessionId").ok_or_else(|| wrong(format!("a stranger is in it: {entry}")))?;
        if id(entry, "parentSessionId") == shape.parent(number) {
            Ok(number)
        } else {
            Err(wrong(format!("session {number} stands below another parent: {entry}")))
        }
    };
    entries.iter().map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape { sessions: 30, subtree: 13, small: 5, children: 3 };

    #[test]
    fn every_session_has_its_parent_in_its_own_tree() {
        let roots: Vec<u32> = (0..SHAPE.sessions).filter(|number| SHAPE.parent(*number).is_none()).collect();
        assert_eq!(roots, [0, 13, 18, 23, 28]);
        assert_eq!((SHAPE.parent(4), SHAPE.parent(12), SHAPE.parent(17)), (Some(1), Some(3), Some(14)));
        for number in 0..SHAPE.sessions {
            if let Some(parent) = SHAPE.parent(number) {
                assert!(parent < number && SHAPE.root(parent) == SHAPE.root(number), "{number} below {parent}");
            }
        }
    }

    #[test]
    fn parents_are_registered_before_their_children() {
        let levels = SHAPE.levels();
        let mut all: Vec<u32> = levels.concat();
        for (level, number) in levels.iter().enumerate().flat_map(|(at, level)| level.iter().map(move |n| (at, *n))) {
            let above = SHAPE.parent(number);
            assert!(above.is_none_or(|parent| levels[..level].concat().contains(&parent)), "{number} below {above:?}");
        }
        all.sort_unstable();
        assert_eq!(all, (0..SHAPE.sessions).collect::<Vec<_>>());
    }

    #[test]
    fn an_entry_below_another_parent_shows() {
        let names = Names::of_run(1);
        let entry = |number, parent: Option<u32>| {
            serde_json::json!([{"sessionId": names.session(number).to_string(),
                "parentSessionId": parent.map(|parent| names.session(parent).to_string())}])
        };
        assert_eq!(entries(&entry(4, Some(1)), names, SHAPE).expect("right"), [4]);
        assert_eq!(entries(&entry(13, None), names, SHAPE).expect("right"), [13]);
        assert!(entries(&entry(4, Some(2)), names, SHAPE).is_err());
        assert!(entries(&entry(4, None), names, SHAPE).is_err());
        assert!(entries(&serde_json::json!([{"sessionId": "x"}]), names, SHAPE).is_err());
    }
}
