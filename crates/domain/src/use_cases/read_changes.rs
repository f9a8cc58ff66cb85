//! What an agent changed.

use std::sync::Arc;

use super::{Has, MayHave};
use crate::changes::{ChangeList, ChangeReport, Compared, FileDiff, FilePath, Moment, Stretch};
use crate::ids::SessionId;
use crate::ports::{ChangeReports, Changes, ChangesError, SessionRepository, StoreUnavailable};
use crate::session::Session;
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

/// Reads what agents changed in their folders: from the folder and the states that are kept here, or from what those told
/// who see the folder.
#[derive(Clone)]
pub struct ReadChanges {
    sessions: Arc<dyn SessionRepository>,
    changes: Option<Arc<dyn Changes>>,
    reports: Arc<dyn ChangeReports>,
    /// The name of this replica, if there are several.
    replica: Option<ReplicaName>,
}

impl ReadChanges {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P) -> Self
    where
        P: Has<dyn SessionRepository> + Has<dyn ChangeReports> + MayHave<Arc<dyn Changes>>,
    {
        Self { sessions: ports.port(), changes: ports.optional(), reports: ports.port(), replica: None }
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
    pub async fn list(&self, id: SessionId, stretch: Stretch) -> Result<Compared<ChangeList>, ReadChangesError> {
        let session = self.session(id).await?;
        let kept = match self.keeper(&session).await {
            Some(changes) => changes.list(id, stretch).await,
            None => Err(ChangesError::UnknownSession(id)),
        };
        match kept {
            Err(ChangesError::UnknownSession(_)) => Ok(self.report(session, stretch).await?.list()),
            kept => kept.map_err(ReadChangesError::Changes),
        }
    }

    /// What was changed in a file.
    ///
    /// # Errors
    /// See [`ReadChangesError`].
    pub async fn file(
        &self,
        id: SessionId,
        stretch: Stretch,
        path: FilePath,
    ) -> Result<Compared<FileDiff>, ReadChangesError> {
        let session = self.session(id).await?;
        let kept = match self.keeper(&session).await {
            Some(changes) => changes.file(id, stretch, path.clone()).await,
            None => Err(ChangesError::UnknownSession(id)),
        };
        let shown = match kept {
            Err(ChangesError::UnknownSession(_)) => self.report(session, stretch).await?.file(&path),
            kept => kept,
        };
        shown.map_err(ReadChangesError::Changes)
    }

    async fn session(&self, id: SessionId) -> Result<Session, ReadChangesError> {
        self.sessions.get(id).await?.ok_or(ReadChangesError::UnknownSession(id))
    }

    /// What keeps the changes of a session. If the session ended without a word, because its server was killed for
    /// example, the state that is found first is the last one: later ones are not the agent's.
    async fn keeper(&self, session: &Session) -> Option<&Arc<dyn Changes>> {
        let changes = self.changes.as_ref()?;
        if session.status.is_terminal() {
            changes.keep(session.id, Moment::End).await;
        }
        Some(changes)
    }

    /// What was told of a session of which nothing is kept here. The report on a turn knows of no later ones, so they are
    /// those of the whole session.
    async fn report(&self, session: Session, stretch: Stretch) -> Result<ChangeReport, ReadChangesError> {
        let Some(whole) = self.reports.change_report(session.id, Stretch::Whole).await? else {
            return Err(self.explained(session));
        };
        let Stretch::Turn(turn) = stretch else { return Ok(whole) };
        match self.reports.change_report(session.id, stretch).await? {
            Some(report) => Ok(ChangeReport { turns: whole.turns, ..report }),
            None => Err(ReadChangesError::Changes(ChangesError::UnknownTurn { turn, turns: whole.turns.len() })),
        }
    }

    /// Why nothing is known.
    fn explained(&self, session: Session) -> ReadChangesError {
        let (id, provider) = (session.id, session.provider);
        let has_begun = session.started_at.is_some() || session.status.is_terminal();
        let why = if provider == ProviderName::acp() {
            match session.replica.filter(|replica| self.replica.as_ref() != Some(replica)) {
                None if !has_begun => return ReadChangesError::NotBegun(id),
                None => "nothing was kept when it began".to_owned(),
                Some(replica) => {
                    format!("it runs at replica {replica}, which tells what has changed at the end of each turn")
                }
            }
        } else if provider == ProviderName::runner() {
            "it runs on the machine of a runner, which tells what has changed at the end of each turn".to_owned()
        } else {
            format!("agents of the provider {provider} report what they do; this one has not told what it changed")
        };
        ReadChangesError::Elsewhere { session: id, provider, why }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::changes::{KeptChanges, KeptTurn, Unkept};
    use crate::fixtures::{change_report, session, session_id};
    use crate::ports::{MockChangeReports, MockChanges, MockSessionRepository};
    use crate::session::SessionStatus;
    use crate::time::Timestamp;

    fn found() -> Compared<ChangeList> {
        let kept = KeptChanges { folder: "/srv".to_owned(), commit: None, branch: None, turns: Vec::new() };
        let at = Timestamp::FIRST;
        Compared { kept, from_at: at, to_at: at, is_now: false, found: ChangeList::default() }
    }

    fn reader(session: Option<Session>, changes: Option<MockChanges>) -> ReadChanges {
        let mut reports = MockChangeReports::new();
        reports.expect_change_report().returning(|_, _| Ok(None));
        reader_with(session, changes, reports)
    }

    fn reader_with(session: Option<Session>, changes: Option<MockChanges>, reports: MockChangeReports) -> ReadChanges {
        let mut sessions = MockSessionRepository::new();
        sessions.expect_get().returning(move |_| Ok(session.clone()));
        let changes = changes.map(|changes| -> Arc<dyn Changes> { Arc::new(changes) });
        ReadChanges { sessions: Arc::new(sessions), changes, reports: Arc::new(reports), replica: None }
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
        assert!(told(of(ProviderName::runner()), None).await.contains("it runs on the machine of a runner"));
        assert!(told(of(ProviderName::internal()), None).await.ends_with("this one has not told what it changed"));
        let at = |name: &str| {
            let replica = Some(ReplicaName::new(name).expect("valid"));
            Some(Session { replica, ..acp(SessionStatus::Running) })
        };
        assert!(told(at("b"), Some("a")).await.contains("it runs at replica b"));
        let begins = Session { started_at: None, replica: None, ..acp(SessionStatus::Spawning) };
        assert!(told(Some(begins), None).await.contains("has not begun"));
        assert!(told(None, None).await.starts_with("there is no session"));
        let read = reader(of(ProviderName::acp()), None);
        let none = read.list(session_id(1), Stretch::Whole).await.expect_err("there is no keeper");
        assert!(none.to_string().ends_with("nothing was kept when it began"), "{none}");
    }

    #[tokio::test]
    async fn what_is_not_kept_here_is_shown_as_it_was_told() {
        let turn = |number| KeptTurn { number, began_at: Timestamp::FIRST, ended_at: None };
        let whole = ChangeReport { turns: vec![turn(1), turn(2)], ..change_report(2, 3) };
        let mut reports = MockChangeReports::new();
        reports.expect_change_report().returning(move |_, stretch| {
            Ok(match stretch {
                Stretch::Whole => Some(whole.clone()),
                Stretch::Turn(1) => Some(change_report(1, 1)),
                Stretch::Turn(_) => None,
            })
        });
        let mut changes = MockChanges::new();
        changes.expect_list().returning(|id, _| Err(ChangesError::UnknownSession(id)));
        changes.expect_file().returning(|id, _, _| Err(ChangesError::UnknownSession(id)));
        let read = reader_with(Some(acp(SessionStatus::Running)), Some(changes), reports);
        let listed = async |stretch| read.list(session_id(1), stretch).await;
        let whole = listed(Stretch::Whole).await.expect("told");
        assert_eq!((whole.found.total, whole.is_now), (2, false));
        let first = listed(Stretch::Turn(1)).await.expect("told");
        assert_eq!((first.found.total, first.kept.turns.len()), (1, 2), "it lists the turns that came later");
        let third = listed(Stretch::Turn(3)).await.expect_err("there is none");
        let ReadChangesError::Changes(ChangesError::UnknownTurn { turn: 3, turns: 2 }) = third else {
            panic!("{third}")
        };
        let path: FilePath = "src/0.rs".parse().expect("a path");
        let file = read.file(session_id(1), Stretch::Whole, path).await.expect("told");
        assert_eq!(file.found.hunks[0].lines.len(), 3);
    }

    #[tokio::test]
    async fn what_is_kept_here_goes_before_what_was_told() {
        let mut changes = MockChanges::new();
        changes.expect_list().returning(|_, _| Ok(found()));
        let mut reports = MockChangeReports::new();
        reports.expect_change_report().never();
        let read = reader_with(Some(acp(SessionStatus::Running)), Some(changes), reports);
        assert_eq!(read.list(session_id(1), Stretch::Whole).await.expect("found"), found());
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
