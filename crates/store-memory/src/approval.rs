//! Permission requests.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use async_trait::async_trait;
use flightdeck_domain::action::Call;
use flightdeck_domain::approval::{
    Approval, ApprovalAction, ApprovalFacts, ApprovalRefused, Ask, Asked, Closing, Expiry, Follow, Withdrawal,
    Withdrawn,
};
use flightdeck_domain::feed::FleetEventDraft;
use flightdeck_domain::ids::{ApprovalId, MessageId, SessionId};
use flightdeck_domain::ports::{
    ApprovalCursor, ApprovalFilter, ApprovalPage, ApprovalQuery, ApprovalRepository, DecideApprovalError,
    DecidedApproval, ExpiredApproval, OpenApprovalError, OpenedApproval, StoreUnavailable, WithdrawApprovalError,
    WithdrawnApproval,
};
use flightdeck_domain::session::Observed;
use flightdeck_domain::time::Timestamp;

use crate::MemoryStore;
use crate::state::{State, count};

/// Every permission request.
#[derive(Debug, Default)]
pub(crate) struct Approvals {
    by_id: BTreeMap<ApprovalId, Approval>,
    /// The order of lists, oldest first.
    by_time: BTreeSet<(Timestamp, ApprovalId)>,
    /// Those that nobody has decided, session by session.
    open: BTreeMap<SessionId, BTreeSet<ApprovalId>>,
}

impl Approvals {
    fn put(&mut self, approval: Approval) {
        self.by_time.insert((approval.opened_at, approval.id));
        let open = self.open.entry(approval.session_id).or_default();
        if approval.is_open() {
            open.insert(approval.id);
        } else {
            open.remove(&approval.id);
        }
        if open.is_empty() {
            self.open.remove(&approval.session_id);
        }
        self.by_id.insert(approval.id, approval);
    }

    /// The open ones of a session.
    fn open_of(&self, session: SessionId) -> impl Iterator<Item = &Approval> {
        self.open.get(&session).into_iter().flatten().filter_map(|id| self.by_id.get(id))
    }

    /// Closes the open ones of a session that has ended, and gives the events that tell of it.
    pub(crate) fn end(&mut self, session: SessionId, at: Timestamp) -> Vec<FleetEventDraft> {
        let ended: Vec<_> = self.open_of(session).map(|approval| approval.end(at)).collect();
        ended
            .into_iter()
            .map(|(approval, event)| {
                self.put(approval);
                event
            })
            .collect()
    }
}

#[async_trait]
impl ApprovalRepository for MemoryStore {
    async fn open(&self, ask: Ask) -> Result<OpenedApproval, OpenApprovalError> {
        let mut state = self.state();
        let id = ask.session_id;
        let entry = state.sessions.get(&id).ok_or(OpenApprovalError::UnknownSession(id))?;
        match ask.open(&entry.session, state.approvals.by_id.get(&ask.id))? {
            Asked::Exists(approval) => Ok(OpenedApproval { approval: *approval, created: false, moved: None }),
            Asked::Open(opened) => {
                state.check_follow(Some(&opened.session), id, ask.message_id)?;
                state.approvals.put(opened.approval.clone());
                state.tell(opened.event);
                let moved = opened.session.moved;
                state.follow(id, opened.session);
                Ok(OpenedApproval { approval: opened.approval, created: true, moved })
            }
        }
    }

    async fn get(&self, id: ApprovalId) -> Result<Option<Approval>, StoreUnavailable> {
        Ok(self.state().approvals.by_id.get(&id).cloned())
    }

    async fn decide(&self, action: ApprovalAction) -> Result<DecidedApproval, DecideApprovalError> {
        let mut state = self.state();
        match state.idempotency_keys.call(&action.by, action.fingerprint()) {
            Call::New => {}
            Call::Again(kept) => {
                let approval = state.approvals.by_id.get(&action.approval_id).cloned();
                let again = approval.zip(kept.audit_seq);
                let again = again.map(|(approval, audit_seq)| DecidedApproval {
                    approval,
                    moved: None,
                    audit_seq,
                    again: true,
                });
                let lost =
                    || StoreUnavailable::new("the permission request of an accepted decision is not there any more");
                return Ok(again.ok_or_else(lost)?);
            }
            Call::Reused(misuse) => {
                state.refuse(Some(action.refuse(&misuse)))?;
                return Err(ApprovalRefused::from(misuse).into());
            }
        }
        let decision = action.decide(state.facts(action.approval_id));
        let sealed = state.seal(decision.audit)?;
        let audit_seq = sealed.seq;
        let closing = match decision.outcome {
            Ok(closing) => *closing,
            Err(refused) => {
                state.audit.push(sealed);
                return Err(refused.into());
            }
        };
        state.check_follow(closing.session.as_ref(), closing.approval.session_id, action.message_id)?;
        state.audit.push(sealed);
        let ExpiredApproval { approval, moved } = state.close(closing);
        let decided = DecidedApproval { approval, moved, audit_seq, again: false };
        state.idempotency_keys.keep(&action.by, || decided.remember(&action));
        Ok(decided)
    }

    async fn withdraw(&self, withdrawal: Withdrawal) -> Result<WithdrawnApproval, WithdrawApprovalError> {
        let id = withdrawal.approval_id;
        let mut state = self.state();
        let closing = match withdrawal.close(state.facts(id).ok_or(WithdrawApprovalError::Unknown(id))?)? {
            Withdrawn::Already(approval) => {
                return Ok(WithdrawnApproval { approval: *approval, closed: false, moved: None });
            }
            Withdrawn::Close(closing) => *closing,
        };
        state.check_follow(closing.session.as_ref(), closing.approval.session_id, withdrawal.message_id)?;
        let ExpiredApproval { approval, moved } = state.close(closing);
        Ok(WithdrawnApproval { approval, closed: true, moved })
    }

    async fn list(&self, query: ApprovalQuery) -> Result<ApprovalPage, StoreUnavailable> {
        let state = self.state();
        let end = query.before.map_or(Bound::Unbounded, |place| Bound::Excluded((place.opened_at, place.id)));
        let mut found = state
            .approvals
            .by_time
            .range((Bound::Unbounded, end))
            .rev()
            .filter_map(|(_, id)| state.approvals.by_id.get(id))
            .filter(|approval| state.has(&query.filter, approval));
        let approvals: Vec<Approval> = found.by_ref().take(query.limit).cloned().collect();
        let next =
            found.next().and(approvals.last()).map(|last| ApprovalCursor { opened_at: last.opened_at, id: last.id });
        Ok(ApprovalPage { approvals, next, as_of: state.feed_head() })
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<ApprovalId>, StoreUnavailable> {
        let state = self.state();
        let open = state.approvals.open.values().flatten().filter_map(|id| state.approvals.by_id.get(id));
        let mut due: Vec<_> =
            open.filter_map(|approval| Some((approval.expires_at.filter(|at| *at <= now)?, approval.id))).collect();
        due.sort_unstable();
        Ok(due.into_iter().map(|(_, id)| id).take(limit).collect())
    }

    async fn expire(&self, expiry: Expiry) -> Result<Option<ExpiredApproval>, StoreUnavailable> {
        let mut state = self.state();
        let Some(closing) = state.facts(expiry.approval_id).and_then(|facts| expiry.close(facts)) else {
            return Ok(None);
        };
        state.check_follow(closing.session.as_ref(), closing.approval.session_id, expiry.message_id)?;
        Ok(Some(state.close(closing)))
    }
}

impl State {
    fn facts(&self, id: ApprovalId) -> Option<ApprovalFacts<'_>> {
        let approval = self.approvals.by_id.get(&id)?;
        let session = &self.sessions.get(&approval.session_id)?.session;
        Some(ApprovalFacts { approval, session, open: count(self.approvals.open_of(session.id).count()) })
    }

    /// Everything that can fail about a session's move, before anything is written.
    fn check_follow(
        &self,
        follow: Option<&Follow>,
        session: SessionId,
        message: MessageId,
    ) -> Result<(), StoreUnavailable> {
        let moves = follow.is_some_and(|follow| follow.moved.is_some());
        let taken = self.sessions.get(&session).is_some_and(|entry| entry.message(message).is_some());
        if moves && taken { Err(StoreUnavailable::new("the id of the status message is taken")) } else { Ok(()) }
    }

    fn follow(&mut self, session: SessionId, follow: Follow) {
        match follow.observed {
            Observed::Unchanged(after) => {
                if let Some(entry) = self.sessions.get_mut(&session) {
                    entry.session = *after;
                }
            }
            Observed::Changed(change) => self.write_change(*change),
        }
    }

    fn close(&mut self, closing: Closing) -> ExpiredApproval {
        let moved = closing.session.as_ref().and_then(|follow| follow.moved);
        self.approvals.put(closing.approval.clone());
        self.tell(closing.event);
        if let Some(follow) = closing.session {
            self.follow(closing.approval.session_id, follow);
        }
        ExpiredApproval { approval: closing.approval, moved }
    }

    fn has(&self, filter: &ApprovalFilter, approval: &Approval) -> bool {
        let ApprovalFilter { session_id, subtree, statuses } = filter;
        session_id.is_none_or(|id| approval.session_id == id)
            && (statuses.is_empty() || statuses.contains(&approval.status()))
            && subtree.is_none_or(|top| self.line(approval.session_id).any(|session| session.id == top))
    }
}
