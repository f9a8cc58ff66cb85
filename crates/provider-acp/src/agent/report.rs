//! How an agent reports.

use flightdeck_domain::command::Receipt;
use flightdeck_domain::ids::CommandSeq;
use flightdeck_domain::message::{Message, MessageRole};
use flightdeck_domain::session::{Session, SessionStatus};
use flightdeck_domain::text::{JsonObject, MessageContent, ProviderName, ProviderSessionId, Reason};
use flightdeck_domain::usage::Reading;
use flightdeck_uplink::{Interruption, Stop, Uplink};
use tokio::time::Instant;

use super::SIGN_OF_LIFE;
use crate::transcript::{Line, TOTALS};

pub(super) struct Reporter {
    pub(super) uplink: Uplink,
    /// What it last reported.
    pub(super) status: SessionStatus,
    /// When it last reported anything.
    pub(super) reported: Instant,
    /// Up to which command the queue was searched for ones that nobody handed over.
    searched: CommandSeq,
}

impl Reporter {
    pub(super) fn new(uplink: Uplink) -> Self {
        Self { uplink, status: SessionStatus::Spawning, reported: Instant::now(), searched: CommandSeq::ZERO }
    }

    pub(super) async fn tell(
        &mut self,
        role: MessageRole,
        content: MessageContent,
        about: JsonObject,
    ) -> Result<(), Stop> {
        self.uplink.message(role, content, about).await?;
        self.reported = Instant::now();
        Ok(())
    }

    pub(super) async fn line(&mut self, line: Line) -> Result<(), Stop> {
        self.tell(line.role, line.content, line.metadata).await
    }

    pub(super) async fn lines(&mut self, lines: Vec<Line>) -> Result<(), Stop> {
        for line in lines {
            self.line(line).await?;
        }
        Ok(())
    }

    /// Reports a status. A command that nobody handed over is found by the answer.
    pub(super) async fn see(&mut self, status: SessionStatus, reason: Option<Reason>) -> Result<(), Stop> {
        self.introduce(status, reason, None).await
    }

    /// The same, with the agent's own id of the session.
    pub(super) async fn introduce(
        &mut self,
        status: SessionStatus,
        reason: Option<Reason>,
        own: Option<ProviderSessionId>,
    ) -> Result<(), Stop> {
        let seen = self.uplink.introduced(status, reason, own).await?;
        // Also when it was refused: that must not make a busy loop.
        self.reported = Instant::now();
        let Some(session) = seen else { return Ok(()) };
        self.status = status;
        let newest = session.last_command_seq;
        if !status.is_terminal() && newest > self.searched && !self.uplink.mailbox.has_seen_all(newest) {
            self.uplink.fetch_commands().await?;
            self.searched = newest;
        }
        Ok(())
    }

    /// Says that it is there, when nothing else has said so for long.
    pub(super) async fn sign_of_life(&mut self) -> Result<(), Stop> {
        if self.reported.elapsed() < SIGN_OF_LIFE {
            return Ok(());
        }
        match self.status {
            // To say it again could undo what a decision has just done.
            SessionStatus::Waiting => {
                self.uplink.heartbeat().await?;
                self.reported = Instant::now();
                Ok(())
            }
            // The answer tells when somebody else has ended the session.
            status => self.see(status, None).await,
        }
    }

    /// The sessions that the agent's session had before, the newest first: here or at a runner.
    pub(super) async fn earlier(&mut self, own: &str) -> Result<Vec<Session>, Stop> {
        let Ok(own) = ProviderSessionId::new(own) else { return Ok(Vec::new()) };
        let mut earlier = self.uplink.earlier(&ProviderName::acp(), &own).await?;
        earlier.extend(self.uplink.earlier(&ProviderName::runner(), &own).await?);
        earlier.sort_by_key(|session| std::cmp::Reverse((session.spawned_at, session.id)));
        earlier.dedup_by_key(|session| session.id);
        Ok(earlier)
    }

    /// The last totals that these sessions told: what the agent goes on from.
    pub(super) async fn totals(&mut self, earlier: &[Session]) -> Result<Vec<Reading>, Stop> {
        let totals = |message: &Message| serde_json::from_value(message.metadata.as_map().get(TOTALS)?.clone()).ok();
        Ok(self.uplink.find_in(earlier, totals).await?.unwrap_or_default())
    }

    /// Gives a command its last receipt.
    pub(super) async fn settle(&mut self, seq: CommandSeq, receipt: Receipt) -> Result<(), Stop> {
        self.uplink.acknowledge(seq, receipt).await.map(drop)
    }

    /// Reports the end. The record settles the receipt of a kill in the same transaction, so that `consumed` is never there
    /// before `killed`.
    pub(super) async fn end(&mut self, end: Stop) -> Result<(), Stop> {
        match end {
            Stop::Failed(reason) => self.see(SessionStatus::Failed, Some(reason)).await,
            Stop::Interrupted(Interruption::Killed(kill)) => {
                self.uplink.acknowledge(kill.seq, Receipt::Delivered).await?;
                self.see(SessionStatus::Killed, kill.reason).await
            }
            // Nobody may say how the sessions of a server that goes down ended but the next start, which knows.
            Stop::Interrupted(Interruption::ShutDown) | Stop::Closed => Ok(()),
        }
    }
}
