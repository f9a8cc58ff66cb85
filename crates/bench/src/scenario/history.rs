//! Pages of a long conversation: the first, and those far behind it.

use std::rc::Rc;
use std::time::Instant;

use clap::{ArgMatches, Command};

use super::verify::check_page;
use crate::append::{Appender, Batch};
use crate::content::{Content, SHORTEST};
use crate::error::{BenchError, Outcome};
use crate::figures::Figures;
use crate::fleet::{Member, Names, register};
use crate::http::Connection;
use crate::number::{count, length, ratio};
use crate::options::{given, number, some};
use crate::process::{Meter, tell_rss};
use crate::server::{Launcher, Server};
use crate::stats::Samples;

/// Messages in a request while the conversation is made.
const BATCH: usize = 1_000;

pub(super) fn grammar() -> Command {
    Command::new("history")
        .about("Read pages of a long conversation")
        .arg(number("messages", "1000000", "How long the conversation is, in thousands made full"))
        .arg(number("depth", "900000", "How far behind the first page the deep ones are"))
        .arg(number("page", "50", "Messages on a page"))
        .arg(number("requests", "1000", "Pages of each kind in a run"))
        .arg(number("size", "500", "Bytes of text in a message"))
}

/// All runs read the same conversation: making it takes longer than reading.
pub(super) async fn runs(matches: &ArgMatches, launcher: &Launcher, runs: u64) -> Outcome<Vec<Figures>> {
    let server = launcher.start()?;
    let content = Content::of_size(length(given(matches, "size")).max(SHORTEST));
    let mut members = register(&server.site, Names::fresh(), 0..1, |_| None).await?;
    let member = members.pop().ok_or_else(|| BenchError::Usage("there is no session to read".to_owned()))?;
    fill(&server, &content, &member, given(matches, "messages")).await?;
    let mut all = Vec::new();
    for _ in 0..runs {
        all.push(run(matches, &server, &content, &member).await?);
    }
    server.stop()?;
    Ok(all)
}

/// Appends so many messages, a thousand in a request.
pub(super) async fn fill(server: &Server, content: &Content, member: &Member, messages: u64) -> Outcome<()> {
    let mut appender = Appender::open(&server.site, content, Batch::of(BATCH)).await?;
    for _ in 0..messages.div_ceil(count(BATCH)) {
        appender.append(&member.id, &member.ledger).await?;
    }
    member.ledger.borrow().complete()?;
    Ok(())
}

/// One way to ask for a page.
struct Kind {
    name: &'static str,
    query: String,
    /// The seq before the page.
    after: u64,
    times: Samples,
}

async fn run(matches: &ArgMatches, server: &Server, content: &Content, member: &Member) -> Outcome<Figures> {
    let (page, requests) = (u64::from(some(matches, "page")?), u64::from(some(matches, "requests")?));
    let ledger = Rc::new(member.ledger.borrow().clone());
    let depth = given(matches, "depth").max(ledger.base()).min(ledger.last().saturating_sub(page));
    let first = ledger.base();
    let kind = |name, query, after| Kind { name, query, after, times: Samples::with_room(length(requests)) };
    let mut kinds = [
        kind("first page", format!("limit={page}&skip={first}"), first),
        kind("deep page by skip", format!("limit={page}&skip={depth}"), depth),
        kind("deep page by cursor", format!("limit={page}&after={depth}"), depth),
        kind("page before a cursor", format!("limit={page}&before={}", depth + page + 1), depth),
    ];
    let mut connection = Connection::open(server.site.address).await?;
    let meter = Meter::start(server.pid);
    for n in 0..requests {
        // Taking turns, so that whatever else the machine does meets all kinds alike.
        for kind in &mut kinds {
            let request = server.site.get(&format!("/agents/{}/messages?{}", member.id, kind.query));
            let sent = Instant::now();
            let reply = connection.exchange(&request).await?;
            kind.times.add(sent.elapsed());
            let reply = reply.expect(&[200], "reading a conversation")?;
            // Reading JSON takes longer than the page itself: every page is counted, some are read.
            if n.is_multiple_of(16) {
                check_page(&reply.json()?, &ledger, content, kind.after, page)?;
            }
        }
    }
    let cost = meter.stop();
    let mut figures = Figures::default();
    let mut shallow = 0.0;
    for Kind { name, times, .. } in kinds {
        let times = times.sorted();
        if shallow <= 0.0 {
            shallow = times.p50();
        } else {
            figures.add(format!("{name} / first page"), "", ratio(times.p50(), shallow));
        }
        figures.add(format!("{name} p50"), "ms", times.p50());
        figures.add(format!("{name} p99"), "ms", times.p99());
    }
    cost.tell(&mut figures, requests * 4);
    tell_rss(&mut figures, server.pid);
    Ok(figures)
}
