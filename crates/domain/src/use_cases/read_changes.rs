//! What an agent changed.

use std::sync::Arc;

use super::{Has, MayHave};
use crate::changes::{ChangeList, Compared, FileDiff, FilePath, Moment, Stretch};
use crate::ids::SessionId;
use crate::ports::{Changes, ChangesError, SessionRepository, StoreUnavailable};
use crate::text::{ProviderName, ReplicaName};

/// Why there are no changes to be shown.
#[derive(Debug, thiserror::Error)]
pub enum ReadChangesError {
    /// There is no such session.
    #[error("there is no session {0}")]
    UnknownSession(SessionId),
    /// The agent has not begun.
    #[error("the agent of session {0} has not begun to work")]
    NotBegun(SessionId),
    /// The agent works in a folder that this server does not see.
    #[error("the server does not know the folder that the agent of session {session} works in: {why}")]
    Elsewhere {
        /// The session.
        session: SessionId,
        /// What runs it.
        provider: ProviderName,
        /// Why not.
        why: String,
    },
    /// The changes cannot be shown.
    #[error(transparent)]
    Changes(ChangesError),
    /// The store is not available.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

/// Reads what agents changed in their folders.
#[derive(Clone)]
pub struct ReadChanges {
    sessions: Arc<dyn SessionRepository>,
    changes: Option<Arc<dyn Changes>>,
    /// The name of this replica, if there are several.
    replica: Option<ReplicaName>,
}

impl ReadChanges {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P) -> Self
    where
        P: Has<dyn SessionRepository> + MayHave<Arc<dyn Changes>>,
    {
        Self { sessions: ports.port(), changes: ports.optional(), replica: None }
    }

    /// Names this replica, so that sessions of others are said to be theirs.
    #[must_use]
    pub fn at_replica(self, replica: Option<ReplicaName>) -> Self {
        Self { replica, ..self }
    }

    /// The files that were changed.
    ///
    /// # Errors
    /// See [`ReadChangesError`].
    pub async fn list(&self, session: SessionId, stretch: Stretch) -> Result<Compared<ChangeList>, ReadChangesError> {
        let changes = self.of(session).await?;
        match changes.list(session, stretch).await {
            Ok(list) => Ok(list),
            Err(error) => Err(self.explained(session, error).await?),
        }
    }

    /// What was changed in a file.
    ///
    /// # Errors
    /// See [`ReadChangesError`].
    pub async fn file(
        &self,
        session: SessionId,
        stretch: Stretch,
        path: FilePath,
    ) -> Result<Compared<FileDiff>, ReadChangesError> {
        let changes = self.of(session).await?;
        match changes.file(session, stretch, path).await {
            Ok(file) => Ok(file),
            Err(error) => Err(self.explained(session, error).await?),
        }
    }

    /// What keeps the changes of a session. If the session ended without a word, because its server was killed for
    /// example, the state that is found first is the last one: later ones are not the agent's.
    async fn of(&self, id: SessionId) -> Result<&Arc<dyn Changes>, ReadChangesError> {
        let session = self.sessions.get(id).await?.ok_or(ReadChangesError::UnknownSession(id))?;
        let Some(changes) = &self.changes else {
            let why = "this server keeps no changes".to_owned();
            return Err(ReadChangesError::Elsewhere { session: id, provider: session.provider, why });
        };
        if session.status.is_terminal() {
            changes.keep(id, Moment::End).await;
        }
        Ok(changes)
    }

    async fn explained(&self, id: SessionId, error: ChangesError) -> Result<ReadChangesError, StoreUnavailable> {
        if !matches!(error, ChangesError::UnknownSession(_)) {
            return Ok(ReadChangesError::Changes(error));
        }
        let Some(session) = self.sessions.get(id).await? else { return Ok(ReadChangesError::UnknownSession(id)) };
        let provider = session.provider;
        let why = if provider == ProviderName::acp() {
            match session.replica.filter(|replica| self.replica.as_ref() != Some(replica)) {
                Some(replica) => format!("it runs at replica {replica}"),
                None if session.started_at.is_none() && !session.status.is_terminal() => {
                    return Ok(ReadChangesError::NotBegun(id));
                }
                None => "nothing was kept when it began".to_owned(),
            }
        } else if provider == ProviderName::runner() {
            "it runs on the machine of a runner".to_owned()
        } else {
            format!("agents of the provider {provider} report what they do, and not where")
        };
        Ok(ReadChangesError::Elsewhere { session: id, provider, why })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::changes::{KeptChanges, Unkept};
    use crate::fixtures::{session, session_id};
    use crate::ports::{MockChanges, MockSessionRepository};
    use crate::session::{Session, SessionStatus};
    use crate::time::Timestamp;

    fn found() -> Compared<ChangeList> {
        let kept = KeptChanges { folder: "/srv".to_owned(), commit: None, branch: None, turns: Vec::new() };
        let at = Timestamp::FIRST;
        Compared { kept, from_at: at, to_at: at, is_now: false, found: ChangeList::default() }
    }

    fn reader(session: Option<Session>, changes: Option<MockChanges>) -> ReadChanges {
        let mut sessions = MockSessionRepository::new();
        sessions.expect_get().returning(move |_| Ok(session.clone()));
        let changes = changes.map(|changes| -> Arc<dyn Changes> { Arc::new(changes) });
        ReadChanges { sessions: Arc::new(sessions), changes, replica: None }
    }

    fn acp(status: SessionStatus) -> Session {
        Session { provider: ProviderName::acp(), status, ..session(1) }
    }

    #[tokio::test]
    async fn the_last_state_of_a_session_that_has_ended_is_kept_before_it_is_compared() {
        let mut order = mockall::Sequence::new();
        let mut changes = MockChanges::new();
        let ended = |id: &SessionId, moment: &Moment| *id == session_id(1) && *moment == Moment::End;
        changes.expect_keep().withf(ended).times(1).in_sequence(&mut order).return_const(());
        let asked = |_: &SessionId, stretch: &Stretch| *stretch == Stretch::Turn(2);
        changes.expect_list().withf(asked).times(1).in_sequence(&mut order).returning(|_, _| Ok(found()));
        let read = reader(Some(acp(SessionStatus::Failed)), Some(changes));
        assert_eq!(read.list(session_id(1), Stretch::Turn(2)).await.expect("found"), found());
    }

    #[tokio::test]
    async fn a_session_at_work_is_not_ended_by_a_look() {
        let mut changes = MockChanges::new();
        changes.expect_keep().never();
        changes.expect_list().returning(|_, _| Ok(found()));
        let read = reader(Some(acp(SessionStatus::Idle)), Some(changes));
        assert!(read.list(session_id(1), Stretch::Whole).await.is_ok());
    }

    #[tokio::test]
    async fn it_says_plainly_why_there_is_nothing() {
        let told = async |session: Option<Session>, replica: Option<&str>| {
            let mut changes = MockChanges::new();
            changes.expect_keep().return_const(());
            changes.expect_list().returning(|id, _| Err(ChangesError::UnknownSession(id)));
            let replica = replica.map(|name| ReplicaName::new(name).expect("valid"));
            let read = reader(session, Some(changes)).at_replica(replica);
            read.list(session_id(1), Stretch::Whole).await.expect_err("nothing is kept").to_string()
        };
        let of = |name: ProviderName| Some(Session { provider: name, ..session(1) });
        assert!(told(of(ProviderName::runner()), None).await.ends_with("it runs on the machine of a runner"));
        assert!(told(of(ProviderName::internal()), None).await.contains("agents of the provider internal report"));
        let at = |name: &str| {
            let replica = Some(ReplicaName::new(name).expect("valid"));
            Some(Session { replica, ..acp(SessionStatus::Running) })
        };
        assert!(told(at("b"), Some("a")).await.ends_with("it runs at replica b"));
        let begins = Session { started_at: None, replica: None, ..acp(SessionStatus::Spawning) };
        assert!(told(Some(begins), None).await.contains("has not begun"));
        assert!(told(None, None).await.starts_with("there is no session"));
        let read = reader(of(ProviderName::acp()), None);
        let none = read.list(session_id(1), Stretch::Whole).await.expect_err("there is no keeper");
        assert!(none.to_string().ends_with("this server keeps no changes"), "{none}");
    }

    #[tokio::test]
    async fn the_reason_of_the_keeper_is_passed_on() {
        let mut changes = MockChanges::new();
        changes.expect_file().returning(|_, _, _| Err(Unkept("/tmp is in no repository".to_owned()).into()));
        let read = reader(Some(acp(SessionStatus::Running)), Some(changes));
        let path = "a".parse().expect("a path");
        let error = read.file(session_id(1), Stretch::Whole, path).await.expect_err("nothing is kept");
        assert_eq!(error.to_string(), "/tmp is in no repository");
    }
}
