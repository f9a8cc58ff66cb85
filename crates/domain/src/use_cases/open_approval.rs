//! An agent asks for permission.

use std::sync::Arc;
use std::time::Duration;

use super::Has;
use crate::approval::{ApprovalOptions, Ask};
use crate::ids::{ApprovalId, SessionId};
use crate::ports::{ApprovalRepository, Clock, IdGenerator, OpenApprovalError, OpenedApproval, WakeUps};
use crate::text::{ApprovalTitle, JsonObject};

/// The request of an agent.
#[derive(Clone, Debug, PartialEq)]
pub struct NewApproval {
    /// The id of the request; minted when missing.
    pub id: Option<ApprovalId>,
    /// What permission is asked for, in one line.
    pub title: ApprovalTitle,
    /// What permission is asked for, in full.
    pub detail: JsonObject,
    /// The options of the operator.
    pub options: ApprovalOptions,
    /// The time after which it expires, if it does.
    pub expires_in: Option<Duration>,
}

/// Opens permission requests.
#[derive(Clone)]
pub struct OpenApproval {
    approvals: Arc<dyn ApprovalRepository>,
    wake_ups: Arc<dyn WakeUps>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdGenerator>,
}

impl OpenApproval {
    /// Takes the ports it needs.
    #[must_use]
    pub fn new<P>(ports: &P) -> Self
    where
        P: Has<dyn ApprovalRepository> + Has<dyn WakeUps> + Has<dyn Clock> + Has<dyn IdGenerator>,
    {
        Self { approvals: ports.port(), wake_ups: ports.port(), clock: ports.port(), ids: ports.port() }
    }

    /// Opens a request. A repeated call with the same id and the same body is harmless.
    ///
    /// # Errors
    /// The session is unknown, has ended or is being killed; the id belongs to another request; or the store is not
    /// available.
    pub async fn execute(&self, session_id: SessionId, new: NewApproval) -> Result<OpenedApproval, OpenApprovalError> {
        let ask = Ask {
            id: new.id.unwrap_or_else(|| ApprovalId::new(self.ids.uuid())),
            session_id,
            title: new.title,
            detail: new.detail,
            options: new.options,
            expires_in: new.expires_in,
            message_id: self.ids.message_id(),
            at: self.clock.now(),
        };
        let opened = self.approvals.open(ask).await?;
        if opened.created {
            if let Some(seq) = opened.moved {
                self.wake_ups.session_moved(session_id, seq);
            }
            self.wake_ups.feed_grew();
        }
        Ok(opened)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::approval::AskRefused;
    use crate::fixtures::{approval, at, message_id, session_id};
    use crate::ids::Seq;
    use crate::use_cases::testing::MockPorts;

    fn new_approval(id: Option<ApprovalId>) -> NewApproval {
        let title = ApprovalTitle::new("delete the folder").expect("valid");
        let (detail, options) = (JsonObject::default(), ApprovalOptions::default());
        NewApproval { id, title, detail, options, expires_in: None }
    }

    #[tokio::test]
    async fn an_id_is_minted_when_none_is_given_and_followers_are_woken() {
        let mut mocks = MockPorts::default();
        mocks
            .approvals
            .expect_open()
            .withf(|ask| ask.id.as_uuid().as_u128() == 900 && ask.message_id == message_id(900) && ask.at == at(0))
            .times(1)
            .returning(|_| Ok(OpenedApproval { approval: approval(900), created: true, moved: Some(Seq::new(4)) }));
        mocks.wake_ups.expect_session_moved().withf(|_, seq| seq.get() == 4).times(1).return_const(());
        mocks.wake_ups.expect_feed_grew().times(1).return_const(());
        assert!(OpenApproval::new(&mocks.ports()).execute(session_id(1), new_approval(None)).await.is_ok());
    }

    #[tokio::test]
    async fn the_same_again_and_a_refusal_wake_nobody() {
        let mut mocks = MockPorts::default();
        let known = OpenedApproval { approval: approval(1), created: false, moved: None };
        mocks.approvals.expect_open().withf(|ask| ask.id == approval(1).id).times(1).return_once(|_| Ok(known));
        let refused = AskRefused::BeingKilled(session_id(1));
        mocks.approvals.expect_open().times(1).return_once(|_| Err(refused.into()));
        let open = OpenApproval::new(&mocks.ports());
        let given = new_approval(Some(approval(1).id));
        assert!(open.execute(session_id(1), given.clone()).await.is_ok());
        assert!(matches!(open.execute(session_id(1), given).await, Err(OpenApprovalError::Refused(_))));
    }
}
