//! The loads that all are put under.

use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::audience::{Reader, Sent};
use super::dialect::Dialect;
use super::wire::Writer;
use crate::content::Content;
use crate::error::{BenchError, Outcome};
use crate::number::per_second;
use crate::stats::Samples;

/// How large everything is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    pub(super) messages: u32,
    pub(super) followers: u32,
    /// Requests in flight of the writer that pipelines.
    pub(super) window: u32,
    pub(super) seconds: u32,
}

/// One load.
#[derive(Clone, Copy, Debug)]
pub(super) enum Contest {
    /// So many writers, each waiting for its acknowledgement.
    Writers(u32),
    /// One writer that pipelines.
    Pipeline,
    /// A message every 50 ms for so many followers.
    Paced(u32),
}

const WRITERS: u32 = 16;
const EVERY: Duration = Duration::from_millis(50);
/// Messages that nobody measures, so that both sides are warm.
const UNMEASURED: u32 = 20;

/// What a load says: its figures by name.
pub(super) type Measured = Vec<(&'static str, f64)>;

impl Contest {
    pub(super) const fn all() -> [Self; 5] {
        [Self::Writers(WRITERS), Self::Pipeline, Self::Paced(1), Self::Paced(100), Self::Paced(1_000)]
    }

    pub(super) fn name(self, sizes: Sizes) -> String {
        match self {
            Self::Writers(writers) => format!("{writers} writers to {} followers", sizes.followers),
            Self::Pipeline => format!("1 writer, {} in flight, to {} followers", sizes.window, sizes.followers),
            Self::Paced(followers) => format!("a message every 50 ms to {followers} followers"),
        }
    }

    /// Puts a server under the load.
    ///
    /// # Errors
    /// A message was refused, lost, doubled or swapped.
    pub(super) async fn run(self, dialect: &Dialect, sizes: Sizes) -> Outcome<Measured> {
        match self {
            Self::Writers(writers) => saturate(dialect, writers, 1, sizes).await,
            Self::Pipeline => saturate(dialect, 1, sizes.window, sizes).await,
            Self::Paced(followers) => paced(dialect, followers, sizes.seconds).await,
        }
    }
}

/// Opens the followers and has them read.
async fn seat(
    dialect: &Dialect,
    followers: u32,
    (writers, messages): (u32, u64),
    (sent, content): (&Rc<Sent>, &Content),
) -> Outcome<JoinSet<Outcome<()>>> {
    let mut reading = JoinSet::new();
    for number in 0..followers {
        let reader = Reader::open(dialect, number, writers, messages).await?;
        reading.spawn_local(reader.follow(Rc::clone(sent), content.clone()));
    }
    Ok(reading)
}

async fn saturate(dialect: &Dialect, writers: u32, window: u32, sizes: Sizes) -> Outcome<Measured> {
    let (each, content, sent) = ((sizes.messages / writers).max(1), Content::of_size(500), Sent::new(writers, false));
    let all = (writers, u64::from(each) * u64::from(writers));
    let mut reading = seat(dialect, sizes.followers, all, (&sent, &content)).await?;
    let mut ready = Vec::new();
    for number in 0..writers {
        ready.push(Writer::open(dialect, &content, number).await?);
    }
    let begin = Instant::now();
    let mut writing = JoinSet::new();
    for mut writer in ready {
        let sent = Rc::clone(&sent);
        writing.spawn_local(async move { writer.publish(each, window, &sent).await });
    }
    let mut replies = Samples::default();
    while let Some(done) = writing.join_next().await {
        replies.take_in(&done.map_err(|error| BenchError::task(&error))??);
    }
    while let Some(done) = reading.join_next().await {
        done.map_err(|error| BenchError::task(&error))??;
    }
    let elapsed = sent.last.get().map_or(Duration::ZERO, |last| last - begin);
    let replies = replies.sorted();
    Ok(vec![
        ("events/s", per_second(sent.events.get(), elapsed)),
        ("reply p50, ms", replies.p50()),
        ("reply p99, ms", replies.p99()),
    ])
}

async fn paced(dialect: &Dialect, followers: u32, seconds: u32) -> Outcome<Measured> {
    let (content, warm) = (Content::of_size(500), Sent::new(1, true));
    let messages = UNMEASURED + seconds * 20;
    let mut reading = seat(dialect, followers, (1, messages.into()), (&warm, &content)).await?;
    let mut writer = Writer::open(dialect, &content, 0).await?;
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut replies = Samples::default();
    for message in 0..messages {
        ticks.tick().await;
        if message == UNMEASURED {
            // Those before may still be on their way to a few followers, which has 50 ms of time.
            warm.delays.take();
            replies = Samples::default();
        }
        replies.take_in(&writer.publish(1, 1, &warm).await?);
    }
    while let Some(done) = reading.join_next().await {
        done.map_err(|error| BenchError::task(&error))??;
    }
    let (delays, replies) = (warm.delays.take().sorted(), replies.sorted());
    Ok(vec![
        ("publish to receive p50, ms", delays.p50()),
        ("publish to receive p99, ms", delays.p99()),
        ("reply p50, ms", replies.p50()),
    ])
}
