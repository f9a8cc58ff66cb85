//! Many who follow what few publish: events a second at saturation, or the time from publish to receive at a given rate.

use std::rc::Rc;
use std::time::{Duration, Instant};

use clap::{ArgMatches, Command};
use tokio::task::JoinSet;

use super::audience::{Notes, follow, open};
use super::publish::{Plan, Topic, publish, publish_in_flight};
use crate::append::{Appender, Batch, PipelinedAppender};
use crate::content::{Content, SHORTEST};
use crate::error::{BenchError, Outcome};
use crate::figures::Figures;
use crate::fleet::{Names, register};
use crate::number::{float, length, per_second};
use crate::options::{given, number, some};
use crate::process::{Meter, tell_rss};
use crate::server::Server;
use crate::stats::Samples;

pub(super) fn grammar() -> Command {
    Command::new("fanout")
        .about("Follow what is published: events a second, or the time from publish to receive")
        .arg(number("followers", "1000", "How many follow, spread over the sessions"))
        .arg(number("sessions", "1", "How many sessions are followed"))
        .arg(number("publishers", "1", "How many publish; each session has one"))
        .arg(number("rate", "0", "Messages a second in all; 0 for as many as can be"))
        .arg(number("seconds", "10", "With a rate: how long is measured"))
        .arg(number("warmup", "2", "With a rate: seconds before that"))
        .arg(number("messages", "3000", "Without a rate: messages in all"))
        .arg(number("batch", "100", "Without a rate: messages in a request"))
        .arg(number(
            "pipeline",
            "0",
            "Requests of one message that each publisher keeps in flight on its connection; 0 for one after the other",
        ))
        .arg(number("size", "500", "Bytes of text in a message"))
}

/// How much is published, and how fast.
#[derive(Debug, PartialEq, Eq)]
struct Load {
    /// Messages for each session.
    each: u64,
    /// Of them, how many are not measured.
    warmup: u64,
    batch: usize,
    /// Requests in flight; 0 when each waits for the last.
    pipeline: usize,
    /// From one message of a publisher to its next.
    every: Option<Duration>,
}

impl Load {
    fn read(matches: &ArgMatches, sessions: u64, publishers: u32) -> Outcome<Self> {
        let rate = given(matches, "rate");
        let pipeline = length(given(matches, "pipeline"));
        if rate == 0 {
            let batch = if pipeline > 0 { 1 } else { u64::from(some(matches, "batch")?) };
            let each = (given(matches, "messages") / sessions / batch).max(1) * batch;
            return Ok(Self { each, warmup: 0, batch: length(batch), pipeline, every: None });
        }
        if pipeline > 0 {
            return Err(BenchError::Usage("--pipeline and --rate do not go together".to_owned()));
        }
        let of = |name| (rate * given(matches, name)).div_ceil(sessions);
        let every = Duration::from_nanos((1_000_000_000 * u64::from(publishers) / rate).max(1));
        let warmup = of("warmup");
        Ok(Self { each: warmup + of("seconds").max(1), warmup, batch: 1, pipeline, every: Some(every) })
    }
}

pub(super) async fn run(matches: &ArgMatches, server: &Server) -> Outcome<Figures> {
    let (sessions, followers) = (some(matches, "sessions")?, some(matches, "followers")?);
    let publishers = some(matches, "publishers")?.min(sessions);
    let load = Load::read(matches, sessions.into(), publishers)?;
    let content = Content::of_size(length(given(matches, "size")).max(SHORTEST));
    let members = register(&server.site, Names::fresh(), 0..sessions, |_| None).await?;
    let topics = Rc::new(members.into_iter().map(Topic::new).collect::<Vec<_>>());
    let seated = open(&server.site, &topics, followers, load.each).await?;
    let notes = Rc::new(Notes::new(content.clone(), load.every.map(|_| load.warmup)));

    let mut watching = JoinSet::new();
    for seat in seated {
        watching.spawn_local(follow(seat, Rc::clone(&topics), Rc::clone(&notes)));
    }
    let first = Instant::now();
    let mut publishing = JoinSet::new();
    for number in 0..publishers {
        let batch = Batch::of(load.batch);
        let offset = load.every.map_or(Duration::ZERO, |every| every * number / publishers);
        let plan = Plan {
            topics: Rc::clone(&topics),
            mine: (length(number.into())..topics.len()).step_by(length(publishers.into())).collect(),
            messages: load.each,
            every: load.every,
            first: first + offset,
        };
        if load.pipeline > 0 {
            let appender = PipelinedAppender::open(&server.site, &content, batch).await?;
            publishing.spawn_local(publish_in_flight(appender, load.pipeline, plan));
        } else {
            let appender = Appender::open(&server.site, &content, batch).await?;
            publishing.spawn_local(publish(appender, load.batch, plan));
        }
    }
    let meter = Meter::start(server.pid);
    let mut replies = Samples::default();
    while let Some(done) = publishing.join_next().await {
        replies.take_in(&done.map_err(|error| BenchError::task(&error))??);
    }
    let published = first.elapsed();
    while let Some(done) = watching.join_next().await {
        done.map_err(|error| BenchError::task(&error))??;
    }
    let cost = meter.stop();
    for topic in topics.iter() {
        topic.member.ledger.borrow().complete()?;
    }

    let elapsed = notes.last.get().map_or(Duration::ZERO, |last| last - first);
    let (frames, replies) = (notes.frames.get(), replies.sorted());
    let mut figures = Figures::default();
    figures.add("events", "/s", per_second(frames, elapsed));
    figures.add("data", "MB/s", per_second(notes.bytes.get(), elapsed) / 1e6);
    figures.add("published", "/s", per_second(load.each * u64::from(sessions), published));
    figures.add("reply p50", "ms", replies.p50());
    figures.add("reply p99", "ms", replies.p99());
    if load.every.is_some() {
        let delays = notes.delays.take().sorted();
        figures.add("publish to receive p50", "ms", delays.p50());
        figures.add("publish to receive p99", "ms", delays.p99());
        figures.add("publish to receive max", "ms", delays.max());
        figures.add("delivery beyond reply p50", "ms", delays.p50() - replies.p50());
        figures.add("delays measured", "", float(delays.len()));
    }
    cost.tell(&mut figures, frames);
    tell_rss(&mut figures, server.pid);
    Ok(figures)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(words: &[&str], sessions: u64, publishers: u32) -> Load {
        let matches = grammar().no_binary_name(true).get_matches_from(words);
        Load::read(&matches, sessions, publishers).expect("a load")
    }

    #[test]
    fn without_a_rate_every_session_gets_whole_batches() {
        let expected = Load { each: 300, warmup: 0, batch: 100, pipeline: 0, every: None };
        assert_eq!(load(&["--messages", "3050"], 10, 1), expected);
        assert_eq!(load(&["--messages", "10"], 10, 1).each, 100);
    }

    #[test]
    fn a_pipeline_carries_one_message_a_request() {
        let expected = Load { each: 50, warmup: 0, batch: 1, pipeline: 64, every: None };
        assert_eq!(load(&["--messages", "50", "--pipeline", "64"], 1, 1), expected);
        let both = grammar().no_binary_name(true).get_matches_from(["--pipeline", "2", "--rate", "20"]);
        assert!(Load::read(&both, 1, 1).is_err());
    }

    #[test]
    fn a_rate_is_one_over_all_sessions_and_publishers() {
        let one = load(&["--rate", "20", "--seconds", "5", "--warmup", "1"], 1, 1);
        assert_eq!(one, Load { each: 120, warmup: 20, batch: 1, pipeline: 0, every: Some(Duration::from_millis(50)) });
        let many = load(&["--rate", "1000", "--seconds", "5", "--warmup", "1"], 500, 10);
        assert_eq!(many, Load { each: 12, warmup: 2, batch: 1, pipeline: 0, every: Some(Duration::from_millis(10)) });
    }
}
