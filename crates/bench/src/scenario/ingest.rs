//! Agents that append messages: how many a second become durable, and how long each append takes.

use std::rc::Rc;
use std::time::{Duration, Instant};

use clap::{ArgMatches, Command};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval_at};

use super::verify::read_back;
use super::window::Window;
use crate::append::{Appender, Batch, PipelinedAppender};
use crate::content::{Content, SHORTEST};
use crate::error::{BenchError, Outcome};
use crate::figures::Figures;
use crate::fleet::{Member, Names, register};
use crate::number::{count, length, per_second};
use crate::options::{given, number, seconds, some, switch};
use crate::process::tell_rss;
use crate::server::Server;

/// How each connection is held back.
#[derive(Clone, Copy)]
struct Pace {
    /// From one request to the next; `None` for at once.
    every: Option<Duration>,
    first: Instant,
}

pub(super) fn grammar() -> Command {
    Command::new("ingest")
        .about("Append messages: how many a second become durable")
        .arg(number("connections", "64", "How many append at the same time"))
        .arg(number("batch", "1", "Messages in a request"))
        .arg(number("sessions", "64", "How many sessions they append to"))
        .arg(switch("usage", "Each message reports the tokens and the money that it used"))
        .arg(number("size", "500", "Bytes of text in a message"))
        .arg(number("rate", "0", "Messages a second in all; 0 for as many as can be"))
        .arg(number(
            "pipeline",
            "0",
            "Requests in flight on each connection (HTTP/1.1 pipelining); 0 for one after the other",
        ))
        .arg(number("seconds", "10", "How long is measured"))
        .arg(number("warmup", "2", "Seconds before that"))
}

pub(super) async fn run(matches: &ArgMatches, server: &Server) -> Outcome<Figures> {
    let connections = some(matches, "connections")?;
    let batch = Batch { messages: length(some(matches, "batch")?.into()), usage: matches.get_flag("usage") };
    let content = Content::of_size(length(given(matches, "size")).max(SHORTEST));
    let names = Names::fresh();
    let members = Rc::new(register(&server.site, names, 0..some(matches, "sessions")?, |_| None).await?);
    let (rate, pipeline) = (given(matches, "rate"), length(given(matches, "pipeline")));
    if rate > 0 && pipeline > 0 {
        return Err(BenchError::Usage("--pipeline and --rate do not go together".to_owned()));
    }
    let window = Rc::new(Window::after(seconds(matches, "warmup"), seconds(matches, "seconds")));
    let first = Instant::now();
    let every = pause(rate, connections, batch.messages);
    let mut appenders = JoinSet::new();
    for number in 0..connections {
        // Connections that all begin at once would come in bursts for ever.
        let offset = every.map_or(Duration::ZERO, |every| every * number / connections);
        let pace = Pace { every, first: first + offset };
        let mine: Vec<usize> = mine(number, connections, members.len());
        let (members, window) = (Rc::clone(&members), Rc::clone(&window));
        if pipeline > 0 {
            let appender = PipelinedAppender::open(&server.site, &content, batch).await?;
            appenders.spawn_local(append_in_flight(appender, members, mine, window, pipeline));
        } else {
            let appender = Appender::open(&server.site, &content, batch).await?;
            appenders.spawn_local(append(appender, members, mine, window, pace));
        }
    }
    let cost = window.pass(server.pid).await;
    while let Some(done) = appenders.join_next().await {
        done.map_err(|error| BenchError::task(&error))??;
    }
    read_back(&server.site, &members, &content).await?;

    let (messages, replies) = window.counted();
    let mut figures = Figures::default();
    figures.add("messages", "/s", per_second(messages, window.end - window.begin));
    figures.add("requests", "/s", per_second(replies.len(), window.end - window.begin));
    figures.add("reply p50", "ms", replies.p50());
    figures.add("reply p99", "ms", replies.p99());
    figures.add("reply max", "ms", replies.max());
    cost.tell(&mut figures, messages);
    tell_rss(&mut figures, server.pid);
    Ok(figures)
}

/// From one request of a connection to its next, for so many messages a second over all connections.
fn pause(rate: u64, connections: u32, batch: usize) -> Option<Duration> {
    let per_round = count(batch) * u64::from(connections);
    (rate > 0).then(|| Duration::from_nanos((per_round * 1_000_000_000 / rate).max(1)))
}

/// The sessions that a connection appends to: all of them are used, and with fewer sessions than connections they are
/// shared.
fn mine(number: u32, connections: u32, sessions: usize) -> Vec<usize> {
    let (number, connections) = (length(number.into()), length(connections.into()));
    if sessions <= connections { vec![number % sessions] } else { (number..sessions).step_by(connections).collect() }
}

async fn append(
    mut appender: Appender,
    members: Rc<Vec<Member>>,
    mine: Vec<usize>,
    window: Rc<Window>,
    pace: Pace,
) -> Outcome<()> {
    let mut ticks = pace.every.map(|every| {
        let mut ticks = interval_at(pace.first.into(), every);
        // What was due while a reply was late is sent at once: else a slow server would be asked for less.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        ticks
    });
    for member in mine.iter().cycle().filter_map(|at| members.get(*at)) {
        if let Some(ticks) = &mut ticks {
            ticks.tick().await;
        }
        let sent = Instant::now();
        if sent >= window.end {
            break;
        }
        let seqs = appender.append(&member.id, &member.ledger).await?;
        window.note(sent, seqs.end() + 1 - seqs.start());
    }
    Ok(())
}

/// The same with so many requests in flight.
async fn append_in_flight(
    mut appender: PipelinedAppender,
    members: Rc<Vec<Member>>,
    mine: Vec<usize>,
    window: Rc<Window>,
    pipeline: usize,
) -> Outcome<()> {
    let mut turns = mine.iter().cycle().filter_map(|at| Some((*at, members.get(*at)?)));
    loop {
        while appender.in_flight() < pipeline && Instant::now() < window.end {
            let Some((place, member)) = turns.next() else { break };
            appender.queue(place, member);
        }
        if appender.in_flight() == 0 {
            return Ok(());
        }
        let settled = appender.settle(|place| members.get(place)).await?;
        window.note(settled.sent, settled.seqs.end() + 1 - settled.seqs.start());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_session_is_appended_to() {
        let all = |connections, sessions| {
            let mut all: Vec<usize> = (0..connections).flat_map(|n| mine(n, connections, sessions)).collect();
            all.sort_unstable();
            all
        };
        assert_eq!(all(2, 5), [0, 1, 2, 3, 4]);
        assert_eq!(all(4, 2), [0, 0, 1, 1]);
        assert_eq!(all(3, 3), [0, 1, 2]);
    }

    #[test]
    fn a_rate_is_spread_over_the_connections() {
        assert_eq!(pause(0, 4, 1), None);
        assert_eq!(pause(1_000, 4, 1), Some(Duration::from_millis(4)));
        assert_eq!(pause(1_000, 4, 10), Some(Duration::from_millis(40)));
    }
}
