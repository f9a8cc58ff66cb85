//! What is counted: one piece of work after the other, so that every run does the same.

use crate::append::{Appender, Batch};
use crate::check::{Dense, Violation};
use crate::content::Content;
use crate::error::Outcome;
use crate::fleet::{Names, register};
use crate::http::{Flow, Follower, Site};

/// One load, in rounds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub(super) name: &'static str,
    /// Messages that each round appends in a request.
    batch: u32,
    /// Followers that each receive them before the next round begins.
    followers: u32,
    /// What a round is divided by.
    pub(super) pieces: u32,
    /// Rounds of the two runs.
    pub(super) fewer: u32,
    pub(super) more: u32,
}

/// Everything that is counted.
pub(super) const LOADS: [Load; 3] = [
    Load { name: "a message, 1 a request", batch: 1, followers: 0, pieces: 1, fewer: 500, more: 3_000 },
    Load { name: "a message, 100 a request", batch: 100, followers: 0, pieces: 100, fewer: 20, more: 100 },
    Load { name: "an event, 100 followers", batch: 1, followers: 100, pieces: 100, fewer: 50, more: 650 },
];

impl Load {
    /// Does so many rounds.
    ///
    /// # Errors
    /// A request failed, or a follower did not receive what was appended, in order.
    pub(super) async fn run(&self, site: &Site, rounds: u32) -> Outcome<()> {
        let members = register(site, Names::of_run(1), 0..1, |_| None).await?;
        let Some(member) = members.first() else { return Ok(()) };
        let batch = Batch::of(crate::number::length(self.batch.into()));
        let mut appender = Appender::open(site, &Content::of_size(500), batch).await?;
        let base = member.ledger.borrow().last();
        let request = site.follow(&format!("/agents/{}/messages/stream?after={base}", member.id));
        let mut followers = Vec::new();
        for _ in 0..self.followers {
            followers.push((Follower::open(site.address, &request).await?, Dense::after(base)));
        }
        for _ in 0..rounds {
            let seqs = appender.append(&member.id, &member.ledger).await?;
            for (follower, dense) in &mut followers {
                follower
                    .read(|frame, _| {
                        let who = || "a follower".to_owned();
                        let nameless = || Violation::Wrong { who: who(), what: "an event has no seq".to_owned() };
                        dense.take(frame.id.ok_or_else(nameless)?, who)?;
                        Ok(if dense.last() == *seqs.end() { Flow::Enough } else { Flow::More })
                    })
                    .await?;
            }
        }
        Ok(())
    }
}
