//! What is kept of the folders of sessions goes with their conversations.

use std::sync::Arc;

use super::{Has, MayHave};
use crate::ports::{Changes, ChangesError, RetentionRepository, StoreUnavailable};

/// Why it did not go on.
#[derive(Debug, thiserror::Error)]
pub enum ForgetChangesError {
    /// What is kept cannot be listed or removed.
    #[error(transparent)]
    Changes(#[from] ChangesError),
    /// The store is not available.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

/// Removes what this server keeps of the changes of sessions that are archived. What it keeps of sessions that the store does
/// not know stays: the store may have been restored to an earlier moment, or be the wrong one.
#[derive(Clone)]
pub struct ForgetChanges {
    changes: Arc<dyn Changes>,
    retention: Arc<dyn RetentionRepository>,
}

impl ForgetChanges {
    /// So many sessions are looked at at once.
    const PAGE: usize = 100;

    /// Takes the ports it needs. `None` when the server keeps no changes.
    #[must_use]
    pub fn new<P>(ports: &P) -> Option<Self>
    where
        P: Has<dyn RetentionRepository> + MayHave<Arc<dyn Changes>>,
    {
        Some(Self { changes: ports.optional()?, retention: ports.port() })
    }

    /// Looks at all that is kept. Gives of how many sessions it was removed.
    ///
    /// # Errors
    /// The store is not available, or something could not be removed; the next call goes on.
    pub async fn execute(&self) -> Result<u64, ForgetChangesError> {
        let (mut place, mut forgotten) = (None, 0);
        loop {
            let kept = self.changes.kept(place, Self::PAGE).await?;
            let Some(last) = kept.last().copied() else { return Ok(forgotten) };
            for archived in self.retention.archived_among(kept).await? {
                self.changes.forget(archived.session).await?;
                forgotten += 1;
            }
            place = Some(last);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{archived, session_id};
    use crate::ports::{MockChanges, MockRetentionRepository};

    /// Session 2 is archived.
    fn forget(changes: MockChanges) -> ForgetChanges {
        let mut retention = MockRetentionRepository::new();
        retention.expect_archived_among().returning(|asked| {
            let archived = archived(session_id(2), 1, 0);
            Ok(asked.contains(&session_id(2)).then_some(archived).into_iter().collect())
        });
        ForgetChanges { changes: Arc::new(changes), retention: Arc::new(retention) }
    }

    fn three_kept(changes: &mut MockChanges) {
        changes.expect_kept().returning(|after, limit| {
            let all = [1, 2, 3].map(session_id);
            Ok(all.into_iter().filter(|id| after.is_none_or(|after| *id > after)).take(limit).collect())
        });
    }

    #[tokio::test]
    async fn what_is_archived_goes_and_nothing_else() {
        let mut changes = MockChanges::new();
        three_kept(&mut changes);
        changes.expect_forget().withf(|id| *id == session_id(2)).once().returning(|_| Ok(()));
        assert_eq!(forget(changes).execute().await.expect("done"), 1);
    }

    #[tokio::test]
    async fn nothing_goes_while_the_store_is_away() {
        let mut changes = MockChanges::new();
        three_kept(&mut changes);
        let mut away = forget(changes);
        let mut retention = MockRetentionRepository::new();
        retention.expect_archived_among().returning(|_| Err(StoreUnavailable::new("away")));
        away.retention = Arc::new(retention);
        assert!(matches!(away.execute().await, Err(ForgetChangesError::Unavailable(_))));
    }
}
