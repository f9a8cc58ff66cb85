//! Appending over one connection that does not wait for an answer before it sends the next request.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use super::{AppendRequest, Batch, seqs};
use crate::check::Dense;
use crate::content::{Content, Tag};
use crate::error::{BenchError, Outcome};
use crate::fleet::Member;
use crate::http::{Pipeline, Site};

/// Appends messages over one connection, several requests in flight.
#[derive(Debug)]
pub(crate) struct PipelinedAppender {
    pipeline: Pipeline,
    request: AppendRequest,
    content: Content,
    waiting: VecDeque<Waiting>,
}

/// A request that is not answered yet.
#[derive(Debug)]
struct Waiting {
    place: usize,
    tags: Vec<Tag>,
    sent: Instant,
}

/// A request that was answered.
#[derive(Debug)]
pub(crate) struct Settled {
    /// The place of the member that it was addressed to.
    pub(crate) place: usize,
    pub(crate) seqs: RangeInclusive<u64>,
    pub(crate) sent: Instant,
    /// From its sending to its answer.
    pub(crate) reply: Duration,
    first: Option<Tag>,
}

impl PipelinedAppender {
    pub(crate) async fn open(site: &Site, content: &Content, batch: Batch) -> Outcome<Self> {
        Ok(Self {
            pipeline: Pipeline::open(site.address).await?,
            request: AppendRequest::new(site, content, batch),
            content: content.clone(),
            waiting: VecDeque::new(),
        })
    }

    /// How many requests are not answered yet.
    pub(crate) fn in_flight(&self) -> usize {
        self.waiting.len()
    }

    /// Puts the next batch for a member in line. `place` is how [`Self::settle`] finds the member again.
    pub(crate) fn queue(&mut self, place: usize, member: &Member) {
        let tags = self.request.address(&member.id, &mut member.ledger.borrow_mut(), &self.content);
        self.pipeline.queue(&self.request.bytes);
        self.waiting.push_back(Waiting { place, tags, sent: Instant::now() });
    }

    /// Waits for the answer to the oldest request in flight, and notes in the member's ledger where its messages stand.
    ///
    /// # Errors
    /// The answer is not 201, or its seqs are wrong.
    pub(crate) async fn settle<'a>(&mut self, member_of: impl Fn(usize) -> Option<&'a Member>) -> Outcome<Settled> {
        let nobody = || BenchError::Usage("an answer is waited for that no request asks for".to_owned());
        let Waiting { place, tags, sent } = self.waiting.pop_front().ok_or_else(nobody)?;
        let member = member_of(place).ok_or_else(nobody)?;
        let reply = self.pipeline.reply().await?.expect(&[201], "appending messages")?;
        let seqs = seqs(reply.body, tags.len(), || format!("reply for session {}", member.id))?;
        let settled = Settled { place, seqs, sent, reply: sent.elapsed(), first: tags.first().copied() };
        let mut ledger = member.ledger.borrow_mut();
        for (seq, tag) in settled.seqs.clone().zip(tags) {
            ledger.acknowledge(seq, tag)?;
        }
        Ok(settled)
    }
}

impl Settled {
    /// Checks that the messages stand where they must when nobody else appends to the member: in the order of sending.
    ///
    /// # Errors
    /// They stand elsewhere.
    pub(crate) fn in_order_of_sending(&self, member: &Member) -> Outcome<()> {
        let sent_before = self.first.map_or(0, |tag| u64::from(tag.message));
        let mut due = Dense::after(member.ledger.borrow().base() + sent_before);
        Ok(due.take(*self.seqs.start(), || format!("pipelined replies for session {}", member.id))?)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::check::Ledger;
    use crate::fleet::Names;

    #[test]
    fn messages_stand_in_the_order_of_sending() {
        let id = Names::of_run(1).session(0);
        let member = Member { id, ledger: RefCell::new(Ledger::new(0, 5)) };
        let settled = |message, seq| Settled {
            place: 0,
            seqs: seq..=seq,
            sent: Instant::now(),
            reply: Duration::ZERO,
            first: Some(Tag { session: 0, message }),
        };
        settled(0, 6).in_order_of_sending(&member).expect("the first behind what was there");
        settled(2, 8).in_order_of_sending(&member).expect("the third");
        assert!(settled(1, 6).in_order_of_sending(&member).is_err(), "the second stands first");
        assert!(settled(0, 7).in_order_of_sending(&member).is_err(), "the first stands second");
    }
}
