//! The commands of an operation are handed to the providers, leaves first.

use std::sync::Arc;

use super::{Has, Providers};
use crate::ids::{CommandSeq, OperationId};
use crate::operation::OperationTarget;
use crate::ports::{CommandQueue, OperationRepository, SessionRepository, StoreUnavailable, TargetQuery, WakeUps};

const PAGE: usize = 500;

/// Hands over the commands that a commit has put into the queues.
#[derive(Clone)]
pub(super) struct HandOver {
    operations: Arc<dyn OperationRepository>,
    sessions: Arc<dyn SessionRepository>,
    commands: Arc<dyn CommandQueue>,
    wake_ups: Arc<dyn WakeUps>,
    providers: Providers,
}

impl HandOver {
    pub(super) fn new<P>(ports: &P, providers: &Providers) -> Self
    where
        P: Has<dyn SessionRepository> + Has<dyn CommandQueue> + Has<dyn OperationRepository> + Has<dyn WakeUps>,
    {
        Self {
            operations: ports.port(),
            sessions: ports.port(),
            commands: ports.port(),
            wake_ups: ports.port(),
            providers: providers.clone(),
        }
    }

    /// Gives each provider the commands of an operation, page by page. A leaf comes before the session that spawned it,
    /// so that no parent sees a child die and spawns another while its own command is still on the way.
    pub(super) async fn execute(&self, operation: OperationId) -> Result<(), StoreUnavailable> {
        let mut after = None;
        loop {
            let query = TargetQuery { operation, unseen_only: false, missions: None, after, limit: PAGE };
            let page = self.operations.targets(query).await?;
            for target in &page.targets {
                if let Some(seq) = target.command_seq {
                    self.wake_ups.command_queued(target.session_id);
                    self.deliver(target, seq).await?;
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    async fn deliver(&self, target: &OperationTarget, seq: CommandSeq) -> Result<(), StoreUnavailable> {
        let Some(session) = self.sessions.get(target.session_id).await? else { return Ok(()) };
        let Ok(provider) = self.providers.get(&session.provider) else { return Ok(()) };
        let before = CommandSeq::new(seq.get().saturating_sub(1));
        let pending = self.commands.pending(session.id, before, 1).await?.unwrap_or_default();
        for command in pending.iter().filter(|command| command.seq == seq) {
            // A provider that does not run it any more leaves the command in the queue; the operation tells.
            let _ = provider.deliver(command, None).await;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{Command, CommandKind};
    use crate::fixtures::{at, command, operation_id, session, session_id};
    use crate::operation::Wish;
    use crate::ports::{MockAgentProvider, TargetCursor, TargetPage};
    use crate::session::Session;
    use crate::text::ProviderName;
    use crate::use_cases::testing::MockPorts;

    fn robot() -> ProviderName {
        ProviderName::new("robot").expect("valid")
    }

    fn target(n: u128, depth: u64) -> OperationTarget {
        let kill = command(1, CommandKind::Kill);
        OperationTarget::begin(operation_id(1), Wish::Kill, &session(n), depth, Some(&kill), at(0))
    }

    #[tokio::test]
    async fn every_page_is_handed_over_in_the_order_of_the_targets() {
        let mut mocks = MockPorts::default();
        mocks.operations.expect_targets().times(2).returning(|query| {
            Ok(match query.after {
                None => TargetPage {
                    targets: vec![target(3, 2), target(2, 1)],
                    next: Some(TargetCursor { depth: 1, session_id: session_id(2) }),
                },
                Some(place) => {
                    assert_eq!((place.depth, place.session_id), (1, session_id(2)));
                    let observed = OperationTarget { command_seq: None, ..target(9, 0) };
                    TargetPage { targets: vec![target(1, 0), observed], next: None }
                }
            })
        });
        mocks.sessions.expect_get().returning(|id| {
            let n = id.as_uuid().as_u128();
            Ok(Some(Session { provider: robot(), ..session(n) }))
        });
        mocks.commands.expect_pending().times(3).returning(|session_id, after, _| {
            assert_eq!(after, CommandSeq::ZERO);
            Ok(Some(vec![Command { session_id, ..command(1, CommandKind::Kill) }]))
        });
        mocks.wake_ups.expect_command_queued().times(3).return_const(());
        let mut provider = MockAgentProvider::new();
        provider.expect_name().returning(robot);
        let mut order = mockall::Sequence::new();
        for n in [3, 2, 1] {
            let whose = move |command: &Command, _: &Option<_>| command.session_id == session_id(n);
            provider.expect_deliver().withf(whose).times(1).in_sequence(&mut order).returning(|_, _| Ok(()));
        }
        let providers = Providers::default().with(Arc::new(provider));
        HandOver::new(&mocks.ports(), &providers).execute(operation_id(1)).await.expect("done");
    }
}
