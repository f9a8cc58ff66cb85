//! The states of the folders of agents, while they are at work.

use std::path::Path;
use std::sync::Arc;

use flightdeck_changes::{Keeper, Limits};
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::ports::Changes;
use flightdeck_domain::system::SystemClock;

/// Keeps them. What they come to is told to the server, so they go with the assignment.
#[derive(Clone)]
pub(crate) struct States(Arc<dyn Changes>);

impl States {
    /// Keeps them below the folder of the runner.
    pub(crate) fn in_folder(folder: &Path) -> Self {
        Self(Arc::new(Keeper::new(&folder.join("changes"), Arc::new(SystemClock), Limits::default())))
    }

    /// What the agents have them kept by.
    pub(crate) fn keeper(&self) -> Arc<dyn Changes> {
        Arc::clone(&self.0)
    }

    /// Removes those of a session.
    pub(crate) async fn forget(&self, session: SessionId) {
        if let Err(error) = self.0.forget(session).await {
            tracing::warn!(%session, %error, "the states of a folder stay");
        }
    }

    /// Removes those that an earlier run has left. What it could not tell is not told any more: its agents are gone.
    pub(crate) async fn forget_all(&self) {
        const PAGE: usize = 1_000;
        let mut place = None;
        loop {
            match self.0.kept(place, PAGE).await {
                Ok(kept) if kept.is_empty() => return,
                Ok(kept) => {
                    place = kept.last().copied();
                    for session in kept {
                        self.forget(session).await;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "the states of folders that an earlier run has left stay");
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use flightdeck_domain::changes::WorkFolder;

    use super::*;
    use crate::testing::id;

    #[tokio::test]
    async fn what_an_earlier_run_has_left_goes() {
        let folder = tempfile::tempdir().expect("a folder");
        let states = States::in_folder(folder.path());
        for n in 1..=3 {
            // It is in no repository, and that is kept, too.
            let work = WorkFolder { path: folder.path().to_owned(), ceiling: None };
            states.keeper().begin(id(n), work).await.expect_err("no repository");
        }
        states.forget(id(2)).await;
        let kept = states.keeper().kept(None, 10).await.expect("listed");
        assert_eq!(kept, [id(1), id(3)]);
        States::in_folder(folder.path()).forget_all().await;
        assert_eq!(states.keeper().kept(None, 10).await.expect("listed"), []);
    }
}
