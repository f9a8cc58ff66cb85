//! A fleet at work: agents append and report their status, operators step in, and people follow, all at the same time.

use std::rc::Rc;
use std::time::{Duration, Instant};

use clap::{ArgMatches, Command};
use tokio::task::JoinSet;

use super::audience::{Notes, follow, open};
use super::feed::position;
use super::publish::{Plan, Topic, publish};
use super::window::Window;
use super::writes::{Caller, Kind, prove};
use crate::append::{Appender, Batch};
use crate::content::Content;
use crate::error::{BenchError, Outcome};
use crate::figures::Figures;
use crate::fleet::{Names, register};
use crate::number::{length, per_second};
use crate::options::{given, number, some};
use crate::process::{Meter, tell_rss};
use crate::server::Server;
use crate::stats::Samples;

pub(super) fn grammar() -> Command {
    Command::new("mixed")
        .about("Append, report, inject and follow at the same time: figures for each")
        .arg(number("agents", "64", "Agents that append, each to its own session"))
        .arg(number("rate", "2000", "Messages a second, over all of them"))
        .arg(number("followers", "256", "How many follow those sessions"))
        .arg(number("reporters", "16", "Agents that report their status, one report after the other"))
        .arg(number("operators", "4", "Operators that inject, one message after the other"))
        .arg(number("pause", "20", "Milliseconds that a reporter or an operator rests between two calls"))
        .arg(number("seconds", "5", "How long is measured"))
        .arg(number("warmup", "1", "Seconds before that"))
}

pub(super) async fn run(matches: &ArgMatches, server: &Server) -> Outcome<Figures> {
    let (site, names) = (&server.site, Names::fresh());
    let (agents, rate) = (some(matches, "agents")?, some(matches, "rate")?);
    let (reporters, operators) = (some(matches, "reporters")?, some(matches, "operators")?);
    let (warmup, span) = (given(matches, "warmup"), given(matches, "seconds").max(1));
    let of = |seconds: u64| (u64::from(rate) * seconds).div_ceil(agents.into());
    let content = Content::of_size(500);

    let members = register(site, names, 0..agents, |_| None).await?;
    let topics = Rc::new(members.into_iter().map(Topic::new).collect::<Vec<_>>());
    let seated = open(site, &topics, some(matches, "followers")?, of(warmup + span)).await?;
    // Last: a server hangs up on who connects and says nothing for some seconds.
    let reporting = callers(server, Kind::Status, reporters).await?;
    let injecting = callers(server, Kind::Inject, operators).await?;
    let before = position(site).await?;
    let notes = Rc::new(Notes::new(content.clone(), Some(of(warmup))));
    let mut watching = JoinSet::new();
    for seat in seated {
        watching.spawn_local(follow(seat, Rc::clone(&topics), Rc::clone(&notes)));
    }

    let every = Duration::from_secs(1) * agents / rate;
    let first = Instant::now();
    let mut publishing = JoinSet::new();
    for number in 0..agents {
        let appender = Appender::open(site, &content, Batch::of(1)).await?;
        let (topics, mine) = (Rc::clone(&topics), vec![length(number.into())]);
        let first = first + every * number / agents;
        let plan = Plan { topics, mine, messages: of(warmup + span), every: Some(every), first };
        publishing.spawn_local(publish(appender, 1, plan));
    }
    let rest = Duration::from_millis(given(matches, "pause"));
    let [reports, injects] =
        [(); 2].map(|()| Rc::new(Window::after(Duration::from_secs(warmup), Duration::from_secs(span))));
    let (meter, reporting, injecting) =
        (Meter::start(server.pid), start(reporting, &reports, rest), start(injecting, &injects, rest));
    let (reported, injected) = (ended(reporting).await?, ended(injecting).await?);
    let mut appended = Samples::default();
    for replies in ended(publishing).await? {
        appended.take_in(&replies);
    }
    ended(watching).await?;
    let cost = meter.stop();
    for topic in topics.iter() {
        topic.member.ledger.borrow().complete()?;
    }
    prove(site, Kind::Status, before, &reported).await?;
    prove(site, Kind::Inject, before, &injected).await?;

    let mut figures = Figures::default();
    let appended = appended.sorted();
    figures.add("appends", "/s", per_second(appended.len(), cost.wall));
    figures.add("append p50", "ms", appended.p50());
    figures.add("append p99", "ms", appended.p99());
    for (kind, window) in [(Kind::Status, reports), (Kind::Inject, injects)] {
        let (calls, replies) = window.counted();
        figures.add(kind.plural(), "/s", per_second(calls, window.end - window.begin));
        figures.add(format!("{} p50", kind.as_str()), "ms", replies.p50());
        figures.add(format!("{} p99", kind.as_str()), "ms", replies.p99());
    }
    let delays = notes.delays.take().sorted();
    figures.add("events", "/s", per_second(notes.frames.get(), cost.wall));
    figures.add("publish to receive p50", "ms", delays.p50());
    figures.add("publish to receive p99", "ms", delays.p99());
    cost.tell(&mut figures, appended.len());
    tell_rss(&mut figures, server.pid);
    Ok(figures)
}

/// Callers with sessions of their own: what an operator says would stand between the messages that are followed.
async fn callers(server: &Server, kind: Kind, count: u32) -> Outcome<Vec<Caller>> {
    let names = Names::fresh();
    let mut callers = Vec::new();
    for (member, number) in register(&server.site, names, 0..count, |_| None).await?.into_iter().zip(0..) {
        callers.push(Caller::open(&server.site, kind, member, names, (number, count)).await?);
    }
    Ok(callers)
}

fn start(callers: Vec<Caller>, window: &Rc<Window>, rest: Duration) -> JoinSet<Outcome<Caller>> {
    let mut calling = JoinSet::new();
    for caller in callers {
        calling.spawn_local(caller.work(Rc::clone(window), None, rest));
    }
    calling
}

async fn ended<T: 'static>(mut tasks: JoinSet<Outcome<T>>) -> Outcome<Vec<T>> {
    let mut all = Vec::new();
    while let Some(done) = tasks.join_next().await {
        all.push(done.map_err(|error| BenchError::task(&error))??);
    }
    Ok(all)
}
