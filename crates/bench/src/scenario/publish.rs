//! Publishers: what followers wait for.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval_at};

use crate::append::{Appender, PipelinedAppender};
use crate::error::Outcome;
use crate::fleet::Member;
use crate::number::length;
use crate::stats::Samples;

/// What was published to one session, and when: the moment at which each message's request was sent.
pub(super) type Sent = RefCell<Vec<Instant>>;

/// One session, what was published to it, and how much is to be.
#[derive(Debug)]
pub(super) struct Topic {
    pub(super) member: Member,
    pub(super) sent: Sent,
}

impl Topic {
    pub(super) fn new(member: Member) -> Self {
        Self { member, sent: Sent::default() }
    }
}

/// What one publisher does.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) topics: Rc<Vec<Topic>>,
    /// Its sessions: nobody else publishes to them, so seqs follow the order of publishing.
    pub(super) mine: Vec<usize>,
    /// How many messages each session gets.
    pub(super) messages: u64,
    /// From one message to the next; `None` for at once.
    pub(super) every: Option<Duration>,
    pub(super) first: Instant,
}

/// Publishes to each of the sessions in turn until all have what they are to get. Gives how long each request took.
///
/// # Errors
/// A request failed, or its seqs are wrong.
pub(super) async fn publish(mut appender: Appender, batch: usize, plan: Plan) -> Outcome<Samples> {
    let mut replies = Samples::default();
    let mut ticks = plan.every.map(|every| {
        let mut ticks = interval_at(plan.first.into(), every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        ticks
    });
    let rounds = length(plan.messages) / batch.max(1);
    for topic in (0..rounds).flat_map(|_| &plan.mine).filter_map(|at| plan.topics.get(*at)) {
        if let Some(ticks) = &mut ticks {
            ticks.tick().await;
        }
        let now = Instant::now();
        topic.sent.borrow_mut().extend(std::iter::repeat_n(now, batch));
        appender.append(&topic.member.id, &topic.member.ledger).await?;
        replies.add(now.elapsed());
    }
    Ok(replies)
}

/// Publishes one message a request with so many requests in flight, to each of the sessions in turn, as fast as can be.
/// Gives how long each request took.
///
/// # Errors
/// A request failed, its seqs are wrong, or they do not follow the order of sending.
pub(super) async fn publish_in_flight(mut appender: PipelinedAppender, window: usize, plan: Plan) -> Outcome<Samples> {
    let mut replies = Samples::with_room(length(plan.messages) * plan.mine.len());
    let mut due = (0..plan.messages).flat_map(|_| plan.mine.iter().copied());
    loop {
        while appender.in_flight() < window {
            let Some((place, topic)) = due.next().and_then(|place| Some((place, plan.topics.get(place)?))) else {
                break;
            };
            topic.sent.borrow_mut().push(Instant::now());
            appender.queue(place, &topic.member);
        }
        if appender.in_flight() == 0 {
            return Ok(replies);
        }
        let member_of = |place| plan.topics.get(place).map(|topic: &Topic| &topic.member);
        let settled = appender.settle(member_of).await?;
        if let Some(member) = member_of(settled.place) {
            settled.in_order_of_sending(member)?;
        }
        replies.add(settled.reply);
    }
}
