//! Followers that nothing is sent to: what each costs in memory. Then each is sent one message, to see that it lives.

use std::rc::Rc;
use std::time::Instant;

use clap::{ArgMatches, Command};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::audience::{Notes, follow, open};
use super::publish::{Plan, Topic, publish};
use crate::append::{Appender, Batch};
use crate::content::Content;
use crate::error::{BenchError, Outcome};
use crate::figures::Figures;
use crate::fleet::{Names, register};
use crate::number::{float, millis, nanos, per_second, ratio};
use crate::options::{number, seconds, some};
use crate::process::{Meter, rss};
use crate::server::Server;

pub(super) fn grammar() -> Command {
    Command::new("idle")
        .about("Follow quiet sessions: what a follower costs in memory")
        .arg(number("followers", "10000", "How many follow, spread over the sessions"))
        .arg(number("sessions", "1", "How many sessions are followed"))
        .arg(number("settle", "5", "Seconds between the last follower and the measuring of memory"))
}

pub(super) async fn run(matches: &ArgMatches, server: &Server) -> Outcome<Figures> {
    let (sessions, followers) = (some(matches, "sessions")?, some(matches, "followers")?);
    let unknown = || BenchError::Usage("the memory of the server cannot be read; give its --pid".to_owned());
    let pid = server.pid.ok_or_else(unknown)?;
    let members = register(&server.site, Names::fresh(), 0..sessions, |_| None).await?;
    let topics = Rc::new(members.into_iter().map(Topic::new).collect::<Vec<_>>());
    let before = rss(pid).ok_or_else(unknown)?;

    let begin = Instant::now();
    let seated = open(&server.site, &topics, followers, 1).await?;
    let opened = begin.elapsed();
    let notes = Rc::new(Notes::new(Content::of_size(500), Some(0)));
    let mut watching = JoinSet::new();
    for seat in seated {
        watching.spawn_local(follow(seat, Rc::clone(&topics), Rc::clone(&notes)));
    }
    let meter = Meter::start(server.pid);
    sleep(seconds(matches, "settle")).await;
    let cost = meter.stop();
    let after = rss(pid).ok_or_else(unknown)?;

    let appender = Appender::open(&server.site, &Content::of_size(500), Batch::of(1)).await?;
    let mine = (0..topics.len()).collect();
    let plan = Plan { topics: Rc::clone(&topics), mine, messages: 1, every: None, first: Instant::now() };
    let woken = Instant::now();
    publish(appender, 1, plan).await?;
    while let Some(done) = watching.join_next().await {
        done.map_err(|error| BenchError::task(&error))??;
    }
    let last = notes.last.get().map_or(0, |last| nanos(last - woken));

    let mut figures = Figures::default();
    let grown = float(after.saturating_sub(before));
    figures.add("memory per follower", "KB", ratio(grown / 1e3, f64::from(followers)));
    figures.add("server RSS before", "MB", float(before) / 1e6);
    figures.add("server RSS after", "MB", float(after) / 1e6);
    figures.add("followers opened", "/s", per_second(followers.into(), opened));
    figures.add("all woken after", "ms", millis(last));
    cost.tell(&mut figures, 0);
    Ok(figures)
}
