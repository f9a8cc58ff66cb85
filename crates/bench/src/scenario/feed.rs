//! The fleet feed: agents that report their status in turn, and those who watch them all.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

use clap::{ArgMatches, Command};
use memchr::memmem;
use tokio::task::JoinSet;

use crate::check::Violation;
use crate::error::{BenchError, Outcome};
use crate::figures::Figures;
use crate::fleet::{Member, Names, register};
use crate::http::{Connection, Flow, Follower, Site};
use crate::number::{count, length, per_second};
use crate::options::{number, some};
use crate::process::{Meter, tell_rss};
use crate::server::Server;
use crate::sse::Frame;
use crate::stats::Samples;

/// What each agent reports in turn. It is `running` at first.
const STATUSES: [&str; 2] = ["idle", "running"];

pub(super) fn grammar() -> Command {
    Command::new("feed")
        .about("Watch the whole fleet while its agents report their status")
        .arg(number("writers", "16", "Agents that report, each its own session"))
        .arg(number("reports", "500", "How often each reports another status"))
        .arg(number("followers", "100", "How many follow the fleet feed"))
}

/// What writers and followers share.
struct Stage {
    names: Names,
    /// When each report was sent, by writer.
    sent: Vec<RefCell<Vec<Instant>>>,
    delays: RefCell<Samples>,
    reports: usize,
}

/// One who follows, and what was seen so far.
struct Watcher {
    number: u32,
    stage: Rc<Stage>,
    position: u64,
    /// How many reports of each writer were seen.
    seen: Vec<usize>,
    missing: usize,
}

impl Watcher {
    fn who(&self) -> String {
        format!("follower {} of the feed", self.number)
    }

    fn wrong(&self, what: String) -> BenchError {
        Violation::Wrong { who: self.who(), what }.into()
    }

    /// Each report of each writer must come once, in the order of its reports; positions must rise.
    fn take(&mut self, frame: Frame<'_>, at: Instant) -> Outcome<Flow> {
        let position = frame.id.ok_or_else(|| self.wrong("an event came without a position".to_owned()))?;
        if position <= self.position {
            return Err(Violation::Again { who: self.who(), expected: self.position + 1, got: position }.into());
        }
        self.position = position;
        if frame.event != b"status" {
            return Ok(Flow::More);
        }
        let writer = field(frame.data, b"\"sessionId\":\"").and_then(|id| self.stage.names.number(id));
        let Some(writer) = writer.map(|number| length(number.into())) else { return Ok(Flow::More) };
        let status = field(frame.data, b"\"status\":\"").unwrap_or_default();
        let seen = self.seen.get(writer).copied().unwrap_or(0);
        let sent = self.stage.sent.get(writer).and_then(|sent| sent.borrow().get(seen).copied());
        let sent = sent.ok_or_else(|| self.wrong(format!("writer {writer} was seen more often than it reported")))?;
        if STATUSES.get(seen % STATUSES.len()).map(|status| status.as_bytes()) != Some(status) {
            let status = String::from_utf8_lossy(status).into_owned();
            return Err(self.wrong(format!("report {seen} of writer {writer} said {status:?}: lost or out of order")));
        }
        if let Some(seen) = self.seen.get_mut(writer) {
            *seen += 1;
        }
        self.stage.delays.borrow_mut().add(at - sent);
        self.missing -= 1;
        Ok(if self.missing == 0 { Flow::Enough } else { Flow::More })
    }
}

/// The text behind a name, to the next quote.
pub(super) fn field<'a>(json: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let text = json.get(memmem::find(json, name)? + name.len()..)?;
    text.split(|byte| *byte == b'"').next()
}

pub(super) async fn run(matches: &ArgMatches, server: &Server) -> Outcome<Figures> {
    let (writers, followers) = (some(matches, "writers")?, some(matches, "followers")?);
    let reports = length(some(matches, "reports")?.into());
    let names = Names::fresh();
    let members = register(&server.site, names, 0..writers, |_| None).await?;
    let after = position(&server.site).await?;
    let sent = members.iter().map(|_| RefCell::default()).collect();
    let stage = Rc::new(Stage { names, sent, delays: RefCell::default(), reports });
    let request = server.site.follow(&format!("/agents/events?after={after}&activity=off"));
    let mut watching = JoinSet::new();
    for number in 0..followers {
        let mut follower = Follower::open(server.site.address, &request).await?;
        let (seen, missing) = (vec![0; members.len()], members.len() * reports);
        let mut watcher = Watcher { number, stage: Rc::clone(&stage), position: after, seen, missing };
        watching.spawn_local(async move { follower.read(|frame, at| watcher.take(frame, at)).await });
    }

    let meter = Meter::start(server.pid);
    let mut reporting = JoinSet::new();
    for (number, member) in members.into_iter().enumerate() {
        let connection = Connection::open(server.site.address).await?;
        reporting.spawn_local(report(connection, server.site.clone(), member, number, Rc::clone(&stage)));
    }
    let mut replies = Samples::default();
    while let Some(done) = reporting.join_next().await {
        replies.take_in(&done.map_err(|error| BenchError::task(&error))??);
    }
    while let Some(done) = watching.join_next().await {
        done.map_err(|error| BenchError::task(&error))??;
    }
    let cost = meter.stop();

    let (replies, delays) = (replies.sorted(), stage.delays.take().sorted());
    let mut figures = Figures::default();
    figures.add("reports", "/s", per_second(replies.len(), cost.wall));
    figures.add("events", "/s", per_second(delays.len(), cost.wall));
    figures.add("reply p50", "ms", replies.p50());
    figures.add("reply p99", "ms", replies.p99());
    figures.add("report to receive p50", "ms", delays.p50());
    figures.add("report to receive p99", "ms", delays.p99());
    cost.tell(&mut figures, count(reports) * u64::from(writers));
    tell_rss(&mut figures, server.pid);
    Ok(figures)
}

/// The position of the feed that the tree as it is now stands for.
pub(super) async fn position(site: &Site) -> Outcome<u64> {
    let mut connection = Connection::open(site.address).await?;
    let reply = connection.exchange(&site.get("/agents/tree?limit=1")).await?.expect(&[200], "reading the tree")?;
    let position = reply.header("flightdeck-as-of").and_then(|text| text.rsplit('-').next()?.parse().ok());
    position.ok_or_else(|| BenchError::Protocol("the tree does not tell the position of the feed".to_owned()))
}

/// One agent: reports one status after the other.
async fn report(
    mut connection: Connection,
    site: Site,
    member: Member,
    number: usize,
    stage: Rc<Stage>,
) -> Outcome<Samples> {
    let path = format!("/agents/{}/status", member.id);
    let requests = STATUSES.map(|status| site.post(&path, format!("{{\"status\":\"{status}\"}}").as_bytes()));
    let mut replies = Samples::with_room(stage.reports);
    for request in requests.iter().cycle().take(stage.reports) {
        let now = Instant::now();
        if let Some(sent) = stage.sent.get(number) {
            sent.borrow_mut().push(now);
        }
        connection.exchange(request).await?.expect(&[200], "reporting a status")?;
        replies.add(now.elapsed());
    }
    Ok(replies)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watcher(reports: &[usize]) -> Watcher {
        let sent = reports.iter().map(|count| RefCell::new(vec![Instant::now(); *count])).collect();
        let stage = Stage { names: Names::of_run(1), sent, delays: RefCell::default(), reports: 2 };
        let missing = reports.iter().sum();
        Watcher { number: 0, stage: Rc::new(stage), position: 10, seen: vec![0; reports.len()], missing }
    }

    fn take(watcher: &mut Watcher, id: u64, writer: u32, status: &str) -> Outcome<Flow> {
        let session = Names::of_run(1).session(writer);
        let data = format!(
            "{{\"position\":{id},\"type\":\"status\",\"sessionId\":\"{session}\",\"desiredStatus\":\"running\",\
             \"from\":\"x\",\"status\":\"{status}\"}}"
        );
        watcher.take(Frame { event: b"status", id: Some(id), data: data.as_bytes() }, Instant::now())
    }

    #[test]
    fn every_report_once_and_in_order_is_enough() {
        let mut watcher = watcher(&[2, 1]);
        assert!(matches!(take(&mut watcher, 11, 0, "idle"), Ok(Flow::More)));
        assert!(matches!(take(&mut watcher, 13, 1, "idle"), Ok(Flow::More)), "positions may skip what others did");
        assert!(matches!(take(&mut watcher, 14, 0, "running"), Ok(Flow::Enough)));
    }

    #[test]
    fn a_lost_doubled_or_invented_report_shows() {
        assert!(take(&mut watcher(&[2]), 11, 0, "running").is_err(), "the first is missing");
        let mut doubled = watcher(&[2]);
        take(&mut doubled, 11, 0, "idle").expect("right");
        assert!(take(&mut doubled, 11, 0, "running").is_err(), "a position twice");
        assert!(take(&mut doubled, 10, 0, "running").is_err(), "a position of before");
        assert!(take(&mut doubled, 12, 0, "idle").is_err(), "a report twice");
        assert!(take(&mut watcher(&[0, 1]), 11, 0, "idle").is_err(), "it never reported");
    }
}
