//! Warns and pauses agents that run wild.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;
use uuid::Uuid;

use super::{Has, Intervene, Providers};
use crate::action::{Intervention, Origin};
use crate::guard::{Alarm, GuardLimits, Sign, Stage, Watch};
use crate::ids::{MessageId, SessionId};
use crate::message::{Author, MessageRole, NewMessage};
use crate::operator::Actor;
use crate::ports::{
    AppendError, Clock, CommandQueue, IdGenerator, MessageRepository, OperatorActionError, OperatorActions,
    SessionRepository, StoreUnavailable, UsageRepository, WakeUps,
};
use crate::text::{IdempotencyKey, MessageContent, RequestId};
use crate::time::Timestamp;

/// Warns and pauses agents that run wild, each once for each cause. The pause is an action like an operator's, with its
/// audit entry; its actor is `guard`, and the conversation has the reason. Several of them, in replicas, do no harm to each
/// other, and each sees what passes through its own process.
pub struct GuardFleet {
    limits: GuardLimits,
    sessions: Arc<dyn SessionRepository>,
    messages: Arc<dyn MessageRepository>,
    usage: Arc<dyn UsageRepository>,
    wake_ups: Arc<dyn WakeUps>,
    clock: Arc<dyn Clock>,
    intervene: Intervene,
    watched: Mutex<HashMap<SessionId, (Timestamp, Watch)>>,
}

impl GuardFleet {
    /// So many sessions are remembered; then those that have been quiet for the longest time are forgotten.
    const MOST: usize = 10_000;

    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P, providers: &Providers, limits: GuardLimits) -> Self
    where
        P: Has<dyn SessionRepository>
            + Has<dyn MessageRepository>
            + Has<dyn UsageRepository>
            + Has<dyn CommandQueue>
            + Has<dyn OperatorActions>
            + Has<dyn WakeUps>
            + Has<dyn Clock>
            + Has<dyn IdGenerator>,
    {
        Self {
            limits,
            sessions: ports.port(),
            messages: ports.port(),
            usage: ports.port(),
            wake_ups: ports.port(),
            clock: ports.port(),
            intervene: Intervene::new(ports, providers),
            watched: Mutex::default(),
        }
    }

    /// Takes in what the messages of a session tell, and gives what it did: an alarm for each warning and pause.
    ///
    /// # Errors
    /// The store is not available; what was due is not done, and the next sign of the same kind does not raise it again.
    pub async fn see(&self, session: SessionId, signs: Vec<Sign>) -> Result<Vec<Alarm>, StoreUnavailable> {
        let alarms = self.raised(session, signs);
        if alarms.is_empty() || self.is_spared(session).await? {
            return Ok(Vec::new());
        }
        for alarm in &alarms {
            match alarm.stage {
                Stage::Warn => self.warn(session, alarm).await?,
                Stage::Pause => self.pause(session, alarm).await?,
            }
        }
        Ok(alarms)
    }

    fn raised(&self, session: SessionId, signs: Vec<Sign>) -> Vec<Alarm> {
        let at = self.clock.now();
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if watched.len() >= Self::MOST && !watched.contains_key(&session) {
            let mut quiet: Vec<Timestamp> = watched.values().map(|(seen, _)| *seen).collect();
            quiet.sort_unstable();
            let line = quiet.get(quiet.len() / 10).copied().unwrap_or(at);
            watched.retain(|_, (seen, _)| *seen > line);
        }
        let (seen, watch) = watched.entry(session).or_insert_with(|| (at, Watch::default()));
        *seen = at;
        signs.into_iter().flat_map(|sign| watch.see(sign, &self.limits, at)).collect()
    }

    async fn is_spared(&self, session: SessionId) -> Result<bool, StoreUnavailable> {
        let session = self.sessions.get(session).await?;
        let Some(mission) = session.and_then(|session| session.mission_id) else { return Ok(false) };
        if self.limits.spared.contains(&mission) {
            return Ok(true);
        }
        Ok(self.usage.of_mission(mission).await?.is_some_and(|mission| mission.account.spared))
    }

    /// A message of the server in the conversation; its id follows from the cause, so it is there once.
    async fn warn(&self, session: SessionId, alarm: &Alarm) -> Result<(), StoreUnavailable> {
        let why = alarm.why();
        let Ok(content) = MessageContent::new(format!("warning: {why}; it is paused when this goes on")) else {
            return Ok(());
        };
        let warning = NewMessage {
            id: MessageId::new(named(session, alarm)),
            role: MessageRole::System,
            content,
            metadata: Author::server(json!({"type": "guard", "warning": true, "reason": why})),
            created_at: self.clock.now(),
        };
        match self.messages.append(session, vec![warning], self.clock.now()).await {
            Ok(outcome) => {
                self.wake_ups.messages_appended(&outcome.inserted);
                Ok(())
            }
            Err(AppendError::Unavailable(cause)) => Err(cause),
            // It has ended meanwhile, or was warned by another replica.
            Err(_) => Ok(()),
        }
    }

    async fn pause(&self, session: SessionId, alarm: &Alarm) -> Result<(), StoreUnavailable> {
        let name = named(session, alarm);
        let origin = Origin::new(Actor::guard(), RequestId::from(name)).because(Some(alarm.why()));
        let origin = Origin { idempotency_key: IdempotencyKey::new(name.to_string()).ok(), ..origin };
        match self.intervene.execute(session, Intervention::Pause, origin).await {
            // A refusal is on the record: it has ended, or cannot be paused.
            Ok(_) | Err(OperatorActionError::Refused(_)) => Ok(()),
            Err(OperatorActionError::Unavailable(cause) | OperatorActionError::Kept { cause, .. }) => Err(cause),
        }
    }
}

fn named(session: SessionId, alarm: &Alarm) -> Uuid {
    Uuid::new_v5(session.as_uuid(), format!("guard/{}", alarm.key).as_bytes())
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::action::Committed;
    use crate::command::CommandKind;
    use crate::fixtures::{at, command, session, session_id};
    use crate::ids::{AuditSeq, Seq};
    use crate::message::Control;
    use crate::ports::{AppendOutcome, MissionSummary};
    use crate::session::{DesiredStatus, Session};
    use crate::text::MissionId;
    use crate::usage::{Account, AccountKey};
    use crate::use_cases::testing::MockPorts;

    fn limits() -> GuardLimits {
        GuardLimits { repeats: Some(4), ..GuardLimits::default() }
    }

    fn sign() -> Sign {
        Sign::Result { id: None, name: Some("bash".to_owned()), what: [7; 32] }
    }

    /// Ports in whose store the session is in this mission, and which take so many warnings and pauses.
    fn mocks(mission: Option<&str>, times: usize) -> MockPorts {
        let mut mocks = MockPorts::default();
        let known = Session { mission_id: mission.map(|id| MissionId::new(id).expect("valid")), ..session(1) };
        let there = known.clone();
        mocks.sessions.expect_get().returning(move |_| Ok(Some(there.clone())));
        mocks.messages.expect_append().times(times).returning(|_, batch, _| {
            let [warning] = &*batch else { panic!("{batch:?}") };
            let words =
                "warning: it made the same call of bash with the same result 2 times; it is paused when this goes on";
            assert_eq!((warning.role, warning.content.as_str()), (MessageRole::System, words));
            assert_eq!(Author::of(&warning.metadata), Some(Author::Server));
            let control = Control { desired_status: DesiredStatus::Running, pending_commands: 0 };
            Ok(AppendOutcome {
                appended: vec![],
                inserted: vec![],
                last_seq: Seq::new(1),
                control,
                came_back: false,
                exhausted: false,
            })
        });
        mocks.wake_ups.expect_messages_appended().return_const(());
        mocks.actions.expect_commit().times(times).returning(move |action| {
            assert_eq!((action.intervention, action.by.actor.clone()), (Intervention::Pause, Actor::guard()));
            let why = "it made the same call of bash with the same result 4 times";
            assert_eq!(action.by.reason.as_ref().map(crate::text::Reason::as_str), Some(why));
            assert!(action.by.idempotency_key.is_some(), "another replica may see it, too");
            Ok(Committed {
                session: known.clone(),
                message: None,
                command: Some(command(1, CommandKind::Pause)),
                operation: None,
                audit_seq: Some(AuditSeq::new(1)),
                again: false,
            })
        });
        mocks.wake_ups.expect_feed_grew().return_const(());
        mocks.wake_ups.expect_session_moved().return_const(());
        mocks.wake_ups.expect_command_queued().return_const(());
        mocks
    }

    async fn seen(guard: &GuardFleet, times: usize) -> Vec<Stage> {
        let mut all = Vec::new();
        for _ in 0..times {
            all.extend(
                guard.see(session_id(1), vec![sign()]).await.expect("seen").into_iter().map(|alarm| alarm.stage),
            );
        }
        all
    }

    fn mission(name: &str, spared: bool) -> MissionSummary {
        let id = MissionId::new(name).expect("valid");
        let account = Account { spared, ..Account::open(AccountKey::Mission(id.clone()), at(0)) };
        MissionSummary { id, sessions: BTreeMap::new(), account }
    }

    #[tokio::test]
    async fn a_mission_that_is_spared_in_the_store_is_left_alone() {
        for (spared, times) in [(true, 0), (false, 1)] {
            let mut mocks = mocks(Some("apollo"), times);
            mocks.usage.expect_of_mission().returning(move |_| Ok(Some(mission("apollo", spared))));
            let guard = GuardFleet::new(&mocks.ports(), &Providers::default(), limits());
            assert_eq!(seen(&guard, 50).await.len(), times * 2);
        }
    }

    #[tokio::test]
    async fn one_that_runs_wild_is_warned_and_paused_once() {
        let guard = GuardFleet::new(&mocks(None, 1).ports(), &Providers::default(), limits());
        assert_eq!(seen(&guard, 50).await, [Stage::Warn, Stage::Pause]);
    }

    #[tokio::test]
    async fn a_mission_that_is_spared_is_left_alone() {
        let spared = BTreeSet::from([MissionId::new("polls").expect("valid")]);
        let limits = GuardLimits { spared, ..limits() };
        let guard = GuardFleet::new(&mocks(Some("polls"), 0).ports(), &Providers::default(), limits.clone());
        assert_eq!(seen(&guard, 50).await, []);
        let mut mocks = mocks(Some("other"), 1);
        mocks.usage.expect_of_mission().returning(|_| Ok(None));
        let guard = GuardFleet::new(&mocks.ports(), &Providers::default(), limits);
        assert_eq!(seen(&guard, 50).await, [Stage::Warn, Stage::Pause]);
    }

    #[tokio::test]
    async fn however_many_sessions_there_are_few_are_remembered() {
        let guard = GuardFleet::new(&MockPorts::default().ports(), &Providers::default(), limits());
        for n in 0..25_000 {
            assert_eq!(guard.see(session_id(n), vec![sign()]).await.expect("seen"), []);
        }
        assert!(guard.watched.lock().expect("kept").len() <= GuardFleet::MOST);
    }
}
