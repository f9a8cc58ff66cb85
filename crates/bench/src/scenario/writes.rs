//! Writes other than appends, one kind at a time: how many a second become durable, and whether each of them happened.

mod kind;
mod proof;

use std::rc::Rc;
use std::time::{Duration, Instant};

use clap::{Arg, ArgMatches, Command};
use tokio::task::JoinSet;
use tokio::time::sleep;

pub(super) use self::kind::{Caller, Kind};
pub(super) use self::proof::prove;
use super::feed::position;
use super::window::Window;
use crate::error::{BenchError, Outcome};
use crate::figures::Figures;
use crate::fleet::{Names, register};
use crate::number::per_second;
use crate::options::{number, seconds, some, word};
use crate::process::tell_rss;
use crate::server::Server;

pub(super) fn grammar() -> Command {
    Command::new("writes")
        .about("Register, report, inject, give signs of life or acknowledge: how many a second become durable")
        .arg(
            Arg::new("kind")
                .long("kind")
                .required(true)
                .value_parser(Kind::ALL.map(Kind::as_str))
                .help("What every call writes"),
        )
        .arg(number("callers", "64", "How many call at the same time, each for a session of its own"))
        .arg(number("seconds", "5", "How long is measured"))
        .arg(number("warmup", "1", "Seconds before that"))
        .arg(number(
            "commands",
            "500",
            "With ack: commands that wait for each agent; the run ends with the last of them",
        ))
}

pub(super) async fn run(matches: &ArgMatches, server: &Server) -> Outcome<Figures> {
    let kind = word(matches, "kind").and_then(Kind::from_word);
    let kind = kind.ok_or_else(|| BenchError::Usage("--kind is missing".to_owned()))?;
    let (callers, site, names) = (some(matches, "callers")?, &server.site, Names::fresh());
    let members = register(site, names, 0..callers, |_| None).await?;
    let mut ready = Vec::new();
    for (member, number) in members.into_iter().zip(0..) {
        ready.push(Caller::open(site, kind, member, names, (number, callers)).await?);
    }
    // There must be something to acknowledge.
    let waiting = if kind == Kind::Ack { some(matches, "commands")? } else { 0 };
    if waiting > 0 {
        ready = prepare(ready, waiting).await?;
    }
    let before = position(site).await?;

    // Acknowledgements end with what there is to acknowledge: all of them are measured.
    let (warmup, span) = match kind {
        Kind::Ack => (Duration::ZERO, Duration::from_hours(1)),
        _ => (seconds(matches, "warmup"), seconds(matches, "seconds")),
    };
    let window = Rc::new(Window::after(warmup, span));
    let mut calling = JoinSet::new();
    for caller in ready {
        calling.spawn_local(caller.work(Rc::clone(&window), (waiting > 0).then_some(waiting), Duration::ZERO));
    }
    let mut done = Vec::new();
    let meter = async { if waiting == 0 { Some(window.pass(server.pid).await) } else { None } };
    let all = async {
        let meter = (waiting > 0).then(|| crate::process::Meter::start(server.pid));
        while let Some(ended) = calling.join_next().await {
            done.push(ended.map_err(|error| BenchError::task(&error))??);
        }
        Ok::<_, BenchError>(meter.map(|meter| meter.stop()))
    };
    let (over, ended) = tokio::join!(meter, all);
    let cost = over.or(ended?).ok_or_else(|| BenchError::Usage("nothing was measured".to_owned()))?;
    prove(site, kind, before, &done).await?;

    let (calls, replies) = window.counted();
    let mut figures = Figures::default();
    figures.add(kind.plural(), "/s", per_second(calls, cost.wall));
    figures.add("reply p50", "ms", replies.p50());
    figures.add("reply p99", "ms", replies.p99());
    figures.add("reply max", "ms", replies.max());
    cost.tell(&mut figures, calls);
    tell_rss(&mut figures, server.pid);
    Ok(figures)
}

/// Gives every agent commands that wait, so many each.
async fn prepare(callers: Vec<Caller>, each: u32) -> Outcome<Vec<Caller>> {
    let mut preparing = JoinSet::new();
    for mut caller in callers {
        preparing.spawn_local(async move {
            for _ in 0..each {
                caller.inject().await?;
            }
            Ok::<_, BenchError>(caller)
        });
    }
    let mut ready = Vec::new();
    while let Some(done) = preparing.join_next().await {
        ready.push(done.map_err(|error| BenchError::task(&error))??);
    }
    Ok(ready)
}

impl Caller {
    /// Calls until the window is over, or so many times; rests between two calls.
    ///
    /// # Errors
    /// A call was not answered as it must be.
    pub(super) async fn work(mut self, window: Rc<Window>, most: Option<u32>, rest: Duration) -> Outcome<Self> {
        while most.is_none_or(|most| self.done() < most) {
            let sent = Instant::now();
            if sent >= window.end {
                break;
            }
            self.call().await?;
            window.note(sent, 1);
            if rest > Duration::ZERO {
                sleep(rest).await;
            }
        }
        Ok(self)
    }
}
