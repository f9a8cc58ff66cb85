//! An agent fetches its commands and acknowledges them.

use std::sync::Arc;

use super::Ports;
use crate::command::{Command, Receipt};
use crate::ids::{CommandSeq, SessionId};
use crate::ports::{AcknowledgeError, Clock, CommandQueue, StoreUnavailable, WakeUps};

/// Reads a session's queue.
#[derive(Clone)]
pub struct ReadCommands {
    commands: Arc<dyn CommandQueue>,
}

impl ReadCommands {
    /// The most commands at once.
    pub const MAX_LIMIT: usize = 200;

    /// Takes the ports it needs.
    #[must_use]
    pub fn new(ports: &Ports) -> Self {
        Self { commands: Arc::clone(&ports.commands) }
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
}

/// Takes in acknowledgements.
#[derive(Clone)]
pub struct AcknowledgeCommand {
    commands: Arc<dyn CommandQueue>,
    wake_ups: Arc<dyn WakeUps>,
    clock: Arc<dyn Clock>,
}

impl AcknowledgeCommand {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new(ports: &Ports) -> Self {
        Self {
            commands: Arc::clone(&ports.commands),
            wake_ups: Arc::clone(&ports.wake_ups),
            clock: Arc::clone(&ports.clock),
        }
    }

    /// Moves a command's receipt on. Acknowledging twice is harmless.
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
    use crate::command::CommandKind;
    use crate::fixtures::{at, command, session_id};
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
}
