//! A conversation together with what becomes of the operator's messages in it.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use flightdeck_domain::feed::FleetEvent;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::ports::{FleetFeed, StoreUnavailable};

use crate::follower::{Follower, Next};
use crate::hints::Hints;
use crate::log::{Conversations, Frame, Head};
use crate::receipts::Receipts;
use crate::tail::TailOptions;
use crate::tails::Tails;

/// The tails of followed conversations, and of the receipts that belong to them.
pub struct ConversationTails {
    messages: Arc<Tails<Conversations>>,
    receipts: Tails<Receipts>,
}

impl ConversationTails {
    /// Follows conversations with the runtime that it is called on; `encode_receipt` gives the bytes of a receipt that has
    /// changed.
    #[must_use]
    pub fn new(
        conversations: Conversations,
        feed: Arc<dyn FleetFeed>,
        hints: Arc<Hints>,
        encode_receipt: impl Fn(&FleetEvent) -> Bytes + Send + Sync + 'static,
        options: TailOptions,
        runtime: &tokio::runtime::Handle,
    ) -> Self {
        let messages = Arc::new(Tails::new(conversations, options, runtime.clone()));
        hints.hand_to(Arc::<Tails<Conversations>>::downgrade(&messages));
        // A receipt may come later than a message when hints are lost; so quiet sessions are asked about less often.
        let seldom = TailOptions { poll: options.poll * 5, ..options };
        let receipts = Receipts::new(feed, hints, Arc::clone(&messages), options.receipts_told_again, encode_receipt);
        Self { messages, receipts: Tails::new(receipts, seldom, runtime.clone()) }
    }

    /// The end of a conversation; `None` when there is no such session.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn head(&self, session: SessionId) -> Result<Option<Head>, StoreUnavailable> {
        self.messages.head(&session).await
    }

    /// Follows a conversation from a cursor on; `None` when there is no such session.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn follow(
        &self,
        session: SessionId,
        cursor: u64,
    ) -> Result<Option<ConversationFollower>, StoreUnavailable> {
        // The receipts first: what changes after this is told, whenever a message was read.
        let beginning = self.receipts.log().beginning(session).await?;
        let Some(mut receipts) = self.receipts.follow(session, beginning).await? else { return Ok(None) };
        // What the tail of the receipts has not read yet, the tail of the messages has not forgotten yet.
        receipts.begin_no_later_than_the_tail();
        let Some(messages) = self.messages.follow(session, cursor).await? else { return Ok(None) };
        Ok(Some(ConversationFollower { messages, receipts: Some(receipts), held: VecDeque::new() }))
    }
}

/// A cursor over a conversation. Between the messages it gives the receipts: first the newest ones again, then each that
/// changes.
///
/// *Invariant.* A reader that takes messages and receipts in their order, the last one counting, ends up with what is so.
/// For a message carries the receipt of the moment at which it was read; whatever changed later comes behind it.
pub struct ConversationFollower {
    // Dropped before the receipts: while a tail keeps messages, the one that makes it forget them is alive.
    messages: Follower<Conversations>,
    /// `None` once the last ones have been given, behind the last message.
    receipts: Option<Follower<Receipts>>,
    /// Receipts of messages that the reader does not have yet.
    held: VecDeque<Frame>,
}

impl ConversationFollower {
    /// The seq of the last message that was returned.
    #[must_use]
    pub const fn cursor(&self) -> u64 {
        self.messages.cursor()
    }

    /// Waits for what comes next. Dropping the future loses nothing.
    ///
    /// # Errors
    /// The store is not available; calling again goes on where it stood.
    pub async fn next(&mut self) -> Result<Next, StoreUnavailable> {
        loop {
            let due = self.due();
            if !due.is_empty() {
                return Ok(Next::Frames(due));
            }
            let next = match &mut self.receipts {
                // Far behind, a reader hears of messages only: what is held back for it stays little.
                Some(receipts) if self.messages.is_up_to_date() => tokio::select! {
                    biased;
                    next = self.messages.next() => next?,
                    frames = receipts.frames() => {
                        self.held.extend(frames?);
                        continue;
                    }
                },
                _ => self.messages.next().await?,
            };
            if next != Next::Ended {
                return Ok(next);
            }
            // The end of a session settles its commands: what became of them belongs before the end of the stream.
            let Some(receipts) = &mut self.receipts else { return Ok(Next::Ended) };
            self.held.extend(receipts.rest().await?);
            self.receipts = None;
        }
    }

    /// Takes those receipts whose message the reader has, up to the first whose message it does not have.
    fn due(&mut self) -> Vec<Bytes> {
        let reached = self.messages.cursor();
        let due = self.held.iter().take_while(|frame| frame.about <= reached).count();
        self.held.drain(..due).map(|frame| frame.bytes).collect()
    }
}
