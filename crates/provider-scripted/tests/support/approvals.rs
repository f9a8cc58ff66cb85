//! Permission requests of the store that lives in the test.

use async_trait::async_trait;
use flightdeck_domain::action::Origin;
use flightdeck_domain::approval::{
    Approval, ApprovalAction, ApprovalFacts, ApprovalOption, ApprovalStatus, Ask, Asked, Closing, Expiry, Withdrawal,
    Withdrawn,
};
use flightdeck_domain::ids::{ApprovalId, AuditSeq, FeedPosition, Seq, SessionId};
use flightdeck_domain::operator::Actor;
use flightdeck_domain::ports::{
    ApprovalPage, ApprovalQuery, ApprovalRepository, DecideApprovalError, DecidedApproval, ExpiredApproval,
    OpenApprovalError, OpenedApproval, StoreUnavailable, WithdrawApprovalError, WithdrawnApproval,
};
use flightdeck_domain::session::Observed;
use flightdeck_domain::text::{Reason, RequestId};
use flightdeck_domain::time::Timestamp;
use flightdeck_domain::use_cases::{DecideApproval, WithdrawApproval};

use super::{Deck, FakeStore, World};

impl World {
    fn follow(&mut self, observed: Observed) {
        match observed {
            Observed::Unchanged(session) => drop(self.sessions.insert(session.id, *session)),
            Observed::Changed(change) => {
                let id = change.session.id;
                self.note(id, format!("→ {}", change.session.status));
                self.sessions.insert(id, change.session);
                self.messages.entry(id).or_default().push(change.message);
            }
        }
    }

    fn close(&mut self, closing: Closing) -> (Approval, Option<Seq>) {
        self.approvals.insert(closing.approval.id, closing.approval.clone());
        let moved = closing.session.and_then(|follow| {
            self.follow(follow.observed);
            follow.moved
        });
        (closing.approval, moved)
    }
}

#[async_trait]
impl ApprovalRepository for FakeStore {
    async fn open(&self, ask: Ask) -> Result<OpenedApproval, OpenApprovalError> {
        let mut world = self.world();
        world.ready()?;
        let session = world.sessions.get(&ask.session_id).ok_or(OpenApprovalError::UnknownSession(ask.session_id))?;
        match ask.open(session, world.approvals.get(&ask.id))? {
            Asked::Exists(approval) => Ok(OpenedApproval { approval: *approval, created: false, moved: None }),
            Asked::Open(opened) => {
                world.note(ask.session_id, format!("? {}", ask.title));
                world.approvals.insert(ask.id, opened.approval.clone());
                let moved = opened.session.moved;
                world.follow(opened.session.observed);
                Ok(OpenedApproval { approval: opened.approval, created: true, moved })
            }
        }
    }

    async fn get(&self, id: ApprovalId) -> Result<Option<Approval>, StoreUnavailable> {
        let mut world = self.world();
        world.ready()?;
        Ok(world.approvals.get(&id).cloned())
    }

    async fn decide(&self, action: ApprovalAction) -> Result<DecidedApproval, DecideApprovalError> {
        let mut world = self.world();
        let approval = world.approvals[&action.approval_id].clone();
        let session = world.sessions[&approval.session_id].clone();
        let facts = ApprovalFacts { approval: &approval, session: &session, open: 1 };
        let closing = *action.decide(Some(facts)).outcome?;
        let (approval, moved) = world.close(closing);
        Ok(DecidedApproval { approval, moved, audit_seq: AuditSeq::new(1), again: false })
    }

    async fn withdraw(&self, withdrawal: Withdrawal) -> Result<WithdrawnApproval, WithdrawApprovalError> {
        let mut world = self.world();
        let id = withdrawal.approval_id;
        let approval = world.approvals.get(&id).cloned().ok_or(WithdrawApprovalError::Unknown(id))?;
        let session = world.sessions[&approval.session_id].clone();
        let facts = ApprovalFacts { approval: &approval, session: &session, open: 1 };
        match withdrawal.close(facts)? {
            Withdrawn::Already(approval) => Ok(WithdrawnApproval { approval: *approval, closed: false, moved: None }),
            Withdrawn::Close(closing) => {
                let (approval, moved) = world.close(*closing);
                Ok(WithdrawnApproval { approval, closed: true, moved })
            }
        }
    }

    async fn list(&self, query: ApprovalQuery) -> Result<ApprovalPage, StoreUnavailable> {
        let statuses = query.filter.statuses;
        let approvals = self.world().approvals.values().filter(|it| statuses.contains(&it.status())).cloned().collect();
        Ok(ApprovalPage { approvals, next: None, as_of: FeedPosition::ZERO })
    }

    async fn due(&self, _: Timestamp, _: usize) -> Result<Vec<ApprovalId>, StoreUnavailable> {
        unimplemented!("no test waits for a deadline")
    }

    async fn expire(&self, _: Expiry) -> Result<Option<ExpiredApproval>, StoreUnavailable> {
        unimplemented!("no test waits for a deadline")
    }
}

impl Deck {
    /// The open requests of a session.
    pub(crate) fn asked(&self, id: SessionId) -> Vec<Approval> {
        let world = self.store.world();
        let open = |it: &&Approval| it.session_id == id && it.status() == ApprovalStatus::Open;
        world.approvals.values().filter(open).cloned().collect()
    }

    pub(crate) async fn decide(&self, id: ApprovalId, option: ApprovalOption) {
        let (request, reason) = (RequestId::new("req-1").unwrap(), Reason::new("because").ok());
        DecideApproval::new(&self.ports)
            .execute(id, option, Origin::new(Actor::local_cli(), request).because(reason))
            .await
            .unwrap();
    }

    pub(crate) async fn withdraw(&self, id: ApprovalId) {
        WithdrawApproval::new(&self.ports).execute(id).await.unwrap();
    }

    /// Allows whatever is asked for.
    pub(crate) async fn allow_all(&self) -> usize {
        let open: Vec<_> = self.store.world().approvals.values().filter(|it| it.is_open()).map(|it| it.id).collect();
        for id in &open {
            self.decide(*id, ApprovalOption::AllowOnce).await;
        }
        open.len()
    }
}
