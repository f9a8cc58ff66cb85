//! An operator steps in on one session: inject, pause, resume, kill, close.

use std::sync::Arc;

use super::stop_directly::StopDirectly;
use super::{Has, Providers, ReportStatus};
use crate::action::{Committed, Intervention, OperatorAction, Origin};
use crate::audit::SpooledAction;
use crate::ids::{OperationId, SessionId};
use crate::operation::Wish;
use crate::ports::{
    Capabilities, Clock, IdGenerator, ObserveError, OperatorActionError, OperatorActions, SessionRepository,
    StoreUnavailable, WakeUps,
};
use crate::session::{DesiredStatus, SessionStatus};
use crate::text::Reason;

/// Why an intervention was not done.
pub type InterveneError = OperatorActionError;

/// A stored intervention.
#[derive(Clone, Debug, PartialEq)]
pub struct Intervened {
    /// What was committed.
    pub committed: Committed,
    /// Whether the provider has the command; otherwise it waits in the queue.
    pub handed_over: bool,
    /// Whether it is in the spool because the store could not be written: see [`super::Taken`].
    pub kept: bool,
}

/// An operator's action on one session.
///
/// ```
/// use flightdeck_domain::action::{Intervention, Origin};
/// use flightdeck_domain::ids::SessionId;
/// use flightdeck_domain::operator::Actor;
/// use flightdeck_domain::use_cases::{Intervene, Ports, Providers};
///
/// /// Kills a session in the name of whoever sits at the machine. The entry on the audit log is written with it, or neither is.
/// async fn stop(ports: &Ports, session: SessionId) -> Result<(), Box<dyn std::error::Error>> {
///     let origin = Origin::new(Actor::local_cli(), "req-1".parse()?).because(Some("off the track".parse()?));
///     // Whoever has the agents in this process gives their providers here; others read their commands by themselves.
///     let done = Intervene::new(ports, &Providers::default()).execute(session, Intervention::Kill, origin).await?;
///     assert!(done.committed.audit_seq.is_some() || done.kept);
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct Intervene {
    actions: Arc<dyn OperatorActions>,
    sessions: Arc<dyn SessionRepository>,
    wake_ups: Arc<dyn WakeUps>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdGenerator>,
    report: ReportStatus,
    providers: Providers,
    directly: StopDirectly,
}

impl Intervene {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P, providers: &Providers) -> Self
    where
        P: Has<dyn SessionRepository>
            + Has<dyn OperatorActions>
            + Has<dyn WakeUps>
            + Has<dyn Clock>
            + Has<dyn IdGenerator>,
    {
        Self {
            actions: ports.port(),
            sessions: ports.port(),
            wake_ups: ports.port(),
            clock: ports.port(),
            ids: ports.port(),
            report: ReportStatus::new(ports),
            providers: providers.clone(),
            directly: StopDirectly::new(ports, providers),
        }
    }

    /// Commits the intervention with its audit entry, then hands the command to the session's provider. The effect is
    /// observed later: the operation shows it, and for a message the receipt of its command.
    ///
    /// # Errors
    /// A rule forbids it (and the refusal is on the audit log), or the store is not available. A stop that is kept in
    /// the spool is an error only when the state of the session cannot even be read.
    pub async fn execute(
        &self,
        session_id: SessionId,
        intervention: Intervention,
        origin: Origin,
    ) -> Result<Intervened, InterveneError> {
        let by = origin.at(self.clock.now());
        let operation = Wish::of(&intervention).map(|_| OperationId::new(self.ids.uuid()));
        let able = self.able(session_id, &intervention).await;
        let closes = intervention == Intervention::Close;
        let action = OperatorAction { session_id, intervention, operation, able, by };
        let mut committed = match self.actions.commit(action.clone()).await {
            Ok(committed) => committed,
            Err(OperatorActionError::Kept { kept, cause }) => return self.keep(&action, kept, cause).await,
            Err(error) => return Err(error),
        };
        if let Some(message) = &committed.message {
            self.wake_ups.session_moved(session_id, message.seq);
        }
        self.wake_ups.feed_grew();
        // Also when there is no new command: it may have taken one back.
        self.wake_ups.command_queued(session_id);
        if closes {
            self.close(&action, &mut committed).await?;
        }
        let mut handed_over = false;
        if let Some(command) = committed.command.as_ref().filter(|command| command.receipt.is_pending())
            && let Ok(provider) = self.providers.get(&committed.session.provider)
        {
            handed_over = provider.deliver(command, committed.message.clone()).await.is_ok();
        }
        Ok(Intervened { committed, handed_over, kept: false })
    }

    /// The action is in the spool. What runs in this process stops now.
    async fn keep(
        &self,
        action: &OperatorAction,
        kept: Box<SpooledAction>,
        cause: StoreUnavailable,
    ) -> Result<Intervened, InterveneError> {
        let operation = kept.operation();
        match self.directly.one(action).await? {
            Some(session) => {
                let committed =
                    Committed { session, message: None, command: None, operation, audit_seq: None, again: false };
                Ok(Intervened { committed, handed_over: true, kept: true })
            }
            None => Err(OperatorActionError::Kept { kept, cause }),
        }
    }

    /// An operator declares that nothing runs in the session any more, which nobody else can know. A session that was
    /// to be killed counts as killed.
    async fn close(&self, action: &OperatorAction, committed: &mut Committed) -> Result<(), InterveneError> {
        let killed = committed.session.desired_status == DesiredStatus::Killed;
        let end = if killed { SessionStatus::Killed } else { SessionStatus::Completed };
        let why = action.by.reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        let told = Reason::shortened(&format!("closed by hand{why}"));
        match self.report.execute(action.session_id, end, Some(told)).await {
            Ok(observed) => committed.session = observed.session,
            Err(ObserveError::Unavailable(cause)) => return Err(cause.into()),
            // It has ended by itself meanwhile.
            Err(ObserveError::Illegal(_) | ObserveError::UnknownSession(_)) => {}
        }
        Ok(())
    }

    /// What the session's provider can do, if it matters. A store that is not available is reported by the commit.
    async fn able(&self, id: SessionId, intervention: &Intervention) -> Option<Capabilities> {
        if !matches!(intervention, Intervention::Inject { .. } | Intervention::Pause | Intervention::Close) {
            return None;
        }
        let session = self.sessions.get(id).await.ok().flatten()?;
        self.providers.get(&session.provider).ok().map(|provider| provider.capabilities_of(&session))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::ActionRefused;
    use crate::command::CommandKind;
    use crate::fixtures::{command, operation_id, session, session_id};
    use crate::ids::AuditSeq;
    use crate::operator::Actor;
    use crate::ports::MockAgentProvider;
    use crate::session::{Session, SessionStatus};
    use crate::text::ProviderName;
    use crate::text::RequestId;
    use crate::use_cases::testing::MockPorts;

    fn request() -> RequestId {
        RequestId::new("req-1").expect("valid")
    }

    #[tokio::test]
    async fn the_provider_gets_the_command_after_the_commit() {
        let robot = ProviderName::new("robot").expect("valid");
        let mut mocks = MockPorts::default();
        let mut order = mockall::Sequence::new();
        let named = robot.clone();
        let of = robot.clone();
        mocks.sessions.expect_get().returning(move |_| Ok(Some(Session { provider: of.clone(), ..session(1) })));
        let capable = Capabilities {
            pause: None,
            steer: false,
            queue: true,
            configure: false,
            approve: true,
            spawn: true,
            in_process: true,
        };
        // What the provider can do goes with the action, for the rule to look at.
        let followed =
            move |action: &OperatorAction| action.operation == Some(operation_id(900)) && action.able == Some(capable);
        mocks.actions.expect_commit().withf(followed).times(1).in_sequence(&mut order).returning(move |_| {
            Ok(Committed {
                session: Session { provider: named.clone(), ..session(1) },
                message: None,
                command: Some(command(1, CommandKind::Pause)),
                operation: None,
                audit_seq: Some(AuditSeq::new(1)),
                again: false,
            })
        });
        mocks.wake_ups.expect_feed_grew().times(1).return_const(());
        mocks.wake_ups.expect_command_queued().times(1).return_const(());
        let mut provider = MockAgentProvider::new();
        provider.expect_name().returning(move || robot.clone());
        provider.expect_capabilities_of().return_const(capable);
        provider
            .expect_deliver()
            .withf(|command, _| command.kind == CommandKind::Pause)
            .times(1)
            .in_sequence(&mut order)
            .returning(|_, _| Ok(()));
        let providers = Providers::default().with(Arc::new(provider));
        let done = Intervene::new(&mocks.ports(), &providers)
            .execute(session_id(1), Intervention::Pause, Origin::new(Actor::system(), request()))
            .await;
        assert!(done.expect("done").handed_over);
    }

    #[tokio::test]
    async fn a_refusal_reaches_neither_provider_nor_followers() {
        let mut mocks = MockPorts::default();
        let refused = ActionRefused::Ended { session: session_id(1), status: SessionStatus::Completed };
        let given = refused.clone();
        mocks.actions.expect_commit().times(1).returning(move |_| Err(given.clone().into()));
        let done = Intervene::new(&mocks.ports(), &Providers::default())
            .execute(session_id(1), Intervention::Kill, Origin::new(Actor::system(), request()))
            .await;
        assert!(matches!(done, Err(OperatorActionError::Refused(error)) if error == refused));
    }

    #[tokio::test]
    async fn a_close_is_seen_when_it_is_on_record() {
        for (desired, seen) in
            [(DesiredStatus::Running, SessionStatus::Completed), (DesiredStatus::Killed, SessionStatus::Killed)]
        {
            let session = Session { desired_status: desired, ..session(1) };
            let mut mocks = MockPorts::default();
            let mut order = mockall::Sequence::new();
            let known = session.clone();
            mocks.sessions.expect_get().returning(move |_| Ok(Some(known.clone())));
            let before = session.clone();
            mocks.actions.expect_commit().times(1).in_sequence(&mut order).returning(move |action| {
                assert!(action.able.is_some(), "whoever runs in this server is not closed");
                Ok(Committed {
                    session: before.clone(),
                    message: None,
                    command: None,
                    operation: None,
                    audit_seq: Some(AuditSeq::new(1)),
                    again: false,
                })
            });
            mocks
                .sessions
                .expect_observe()
                .withf(move |o| {
                    o.status == seen
                        && o.reason.as_ref().is_some_and(|why| why.as_str() == "closed by hand: it crashed")
                })
                .times(1)
                .in_sequence(&mut order)
                .returning(move |o| {
                    Ok(crate::fixtures::observed(Session { status: o.status, ..session.clone() }, true))
                });
            mocks.wake_ups.expect_feed_grew().return_const(());
            mocks.wake_ups.expect_session_moved().return_const(());
            mocks.wake_ups.expect_command_queued().return_const(());
            let origin = Origin::new(Actor::system(), request()).because(Reason::new("it crashed").ok());
            let done = Intervene::new(&mocks.ports(), &Providers::default())
                .execute(session_id(1), Intervention::Close, origin)
                .await;
            assert_eq!(done.expect("done").committed.session.status, seen);
        }
    }
}
