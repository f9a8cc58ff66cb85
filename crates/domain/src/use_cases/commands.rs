//! An agent fetches its commands and acknowledges them.

use std::sync::Arc;

use super::{Has, MayHave};
use crate::audit::{SpooledAction, Stop};
use crate::command::{Command, Receipt};
use crate::ids::{CommandSeq, SessionId};
use crate::message::Control;
use crate::operation::{Reach, Wish};
use crate::ports::{AcknowledgeError, AuditSpool, Clock, CommandQueue, SessionRepository, StoreUnavailable, WakeUps};
use crate::session::{DesiredStatus, Session};

/// Reads a session's queue.
#[derive(Clone)]
pub struct ReadCommands {
    commands: Arc<dyn CommandQueue>,
    sessions: Arc<dyn SessionRepository>,
    spool: Option<Arc<dyn AuditSpool>>,
}

impl ReadCommands {
    /// The largest number of commands at once.
    pub const MAX_LIMIT: usize = 200;

    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P) -> Self
    where
        P: Has<dyn CommandQueue> + Has<dyn SessionRepository> + MayHave<Arc<dyn AuditSpool>>,
    {
        Self { commands: ports.port(), sessions: ports.port(), spool: ports.optional() }
    }

    /// What an agent has to know while its sign of life cannot be written: the desired status in the store, and the
    /// stops that are kept until the store can be written. `None` when there is no such session.
    ///
    /// # Errors
    /// The store cannot be read either.
    pub async fn control(&self, id: SessionId) -> Result<Option<Control>, StoreUnavailable> {
        let Some(session) = self.sessions.get(id).await? else { return Ok(None) };
        let pending = self.commands.pending(id, CommandSeq::ZERO, Self::MAX_LIMIT).await?.unwrap_or_default();
        let mut desired_status = session.desired_status;
        for waiting in self.kept().await? {
            if desired_status != DesiredStatus::Killed && self.concerns(&waiting, &session).await? {
                desired_status = match waiting.wish() {
                    Wish::Pause => DesiredStatus::Paused,
                    _ => DesiredStatus::Killed,
                };
            }
        }
        let pending_commands = u64::try_from(pending.len()).unwrap_or(u64::MAX);
        Ok(Some(Control { desired_status, pending_commands }))
    }

    /// The stops that are still to be done.
    async fn kept(&self) -> Result<Vec<SpooledAction>, StoreUnavailable> {
        let Some(spool) = &self.spool else { return Ok(Vec::new()) };
        let waiting = spool.waiting().await?;
        Ok(waiting.into_iter().filter(|waiting| waiting.fate.is_none()).map(|waiting| waiting.action).collect())
    }

    async fn concerns(&self, kept: &SpooledAction, session: &Session) -> Result<bool, StoreUnavailable> {
        match &kept.stop {
            Stop::One { session: named, .. } => Ok(*named == session.id),
            Stop::Around { session: named, reach: Reach::Subtree, .. } => {
                self.sessions.is_within(session.id, *named).await
            }
            Stop::Around { session: named, reach: Reach::Mission, .. } => {
                let named = self.sessions.get(*named).await?;
                Ok(session.mission_id.is_some() && named.is_some_and(|named| named.mission_id == session.mission_id))
            }
            Stop::Fleet { .. } => Ok(true),
        }
    }

    /// The pending commands after a place; `None` when there is no such session.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn execute(
        &self,
        session: SessionId,
        after: CommandSeq,
    ) -> Result<Option<Vec<Command>>, StoreUnavailable> {
        self.commands.pending(session, after, Self::MAX_LIMIT).await
    }

    /// One command with its receipt; `None` when there is no such one.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn one(&self, session: SessionId, seq: CommandSeq) -> Result<Option<Command>, StoreUnavailable> {
        self.commands.command(session, seq).await
    }
}

/// Accepts acknowledgements.
#[derive(Clone)]
pub struct AcknowledgeCommand {
    commands: Arc<dyn CommandQueue>,
    wake_ups: Arc<dyn WakeUps>,
    clock: Arc<dyn Clock>,
}

impl AcknowledgeCommand {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P) -> Self
    where
        P: Has<dyn CommandQueue> + Has<dyn WakeUps> + Has<dyn Clock>,
    {
        Self { commands: ports.port(), wake_ups: ports.port(), clock: ports.port() }
    }

    /// Moves a command's receipt forward. A repeated acknowledgement is harmless.
    ///
    /// # Errors
    /// There is no such command, its receipt is final, or the store is not available.
    pub async fn execute(
        &self,
        session: SessionId,
        seq: CommandSeq,
        receipt: Receipt,
    ) -> Result<Command, AcknowledgeError> {
        let command = self.commands.acknowledge(session, seq, receipt, self.clock.now()).await?;
        self.wake_ups.feed_grew();
        self.wake_ups.command_queued(session);
        Ok(command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::{FleetAction, FleetIntervention};
    use crate::audit::Fate;
    use crate::command::CommandKind;
    use crate::fixtures::{at, attribution, command, operation_id, session, session_id};
    use crate::ports::{MockAuditSpool, Waiting};
    use crate::use_cases::Ports;
    use crate::use_cases::testing::MockPorts;

    #[tokio::test]
    async fn an_acknowledgement_is_stamped_and_told() {
        let mut mocks = MockPorts::default();
        mocks
            .commands
            .expect_acknowledge()
            .withf(|_, seq, receipt, now| seq.get() == 1 && *receipt == Receipt::Delivered && *now == at(0))
            .times(1)
            .returning(|_, _, _, _| Ok(command(1, CommandKind::Pause)));
        mocks.wake_ups.expect_feed_grew().times(1).return_const(());
        mocks.wake_ups.expect_command_queued().times(1).return_const(());
        let acknowledge = AcknowledgeCommand::new(&mocks.ports());
        assert!(acknowledge.execute(session_id(1), CommandSeq::new(1), Receipt::Delivered).await.is_ok());
    }

    #[tokio::test]
    async fn the_queue_is_read_in_bounded_pieces() {
        let mut mocks = MockPorts::default();
        mocks.commands.expect_pending().withf(|_, _, limit| *limit == 200).times(1).returning(|_, _, _| Ok(None));
        assert!(ReadCommands::new(&mocks.ports()).execute(session_id(1), CommandSeq::ZERO).await.is_ok());
    }

    #[tokio::test]
    async fn an_agent_is_told_of_the_stops_that_are_kept() {
        let kept = |reach: Option<Reach>, wish: Wish| {
            let (session, operation) = (session_id(2), operation_id(1));
            let stop = match reach {
                None => Stop::One { session: session_id(1), wish, operation: Some(operation) },
                Some(reach) => Stop::Around { session, reach, wish, operation },
            };
            let kill =
                FleetAction { intervention: FleetIntervention::KillAll, operation: None, by: attribution("because") };
            let fleet = SpooledAction::fleet(uuid::Uuid::from_u128(1), &kill).expect("a stop");
            SpooledAction { stop, ..fleet }
        };
        let fleet = SpooledAction { stop: Stop::Fleet { operation: None }, ..kept(None, Wish::Kill) };
        for (action, fate, expected) in [
            (kept(None, Wish::Pause), None, DesiredStatus::Paused),
            (kept(None, Wish::Kill), None, DesiredStatus::Killed),
            (kept(Some(Reach::Subtree), Wish::Kill), None, DesiredStatus::Killed),
            (kept(Some(Reach::Mission), Wish::Kill), None, DesiredStatus::Running),
            (fleet, None, DesiredStatus::Killed),
            // Only its entry is missing.
            (kept(None, Wish::Pause), Some(Fate::Done), DesiredStatus::Running),
        ] {
            let mut mocks = MockPorts::default();
            mocks.sessions.expect_get().returning(|id| Ok(Some(Session { id, ..session(1) })));
            mocks.sessions.expect_is_within().returning(|_, top| Ok(top == session_id(2)));
            mocks.commands.expect_pending().returning(|_, _, _| Ok(Some(vec![command(1, CommandKind::Pause)])));
            let mut spool = MockAuditSpool::new();
            spool.expect_waiting().return_once(move || Ok(vec![Waiting { action, fate }]));
            let ports = Ports { spool: Some(Arc::new(spool)), ..mocks.ports() };
            let control = ReadCommands::new(&ports).control(session_id(1)).await.expect("read").expect("there");
            assert_eq!((control.desired_status, control.pending_commands), (expected, 1));
        }
    }
}
