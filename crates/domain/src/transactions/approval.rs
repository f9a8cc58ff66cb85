//! Permission requests.

use async_trait::async_trait;

use super::record::record;
use super::run::run;
use super::{calls, status_change};
use crate::action::{Call, Remembered};
use crate::approval::{
    Approval, ApprovalAction, ApprovalFacts, ApprovalRefused, Ask, Asked, Closing, Expiry, Follow, Withdrawal,
    Withdrawn,
};
use crate::ids::ApprovalId;
use crate::ports::{
    ApprovalPage, ApprovalQuery, ApprovalRepository, ApprovalRows, DecideApprovalError, DecidedApproval,
    ExpiredApproval, OpenApprovalError, OpenedApproval, Rows, StoreUnavailable, Transactional, Tx,
    WithdrawApprovalError, WithdrawnApproval,
};
use crate::session::{Observed, Session};
use crate::time::Timestamp;

/// Opens a request: [`ApprovalRepository::open`].
///
/// # Errors
/// A rule forbids it, or the store is not available.
pub async fn open<T: Tx>(tx: &mut T, ask: &Ask) -> Result<OpenedApproval, OpenApprovalError> {
    let id = ask.session_id;
    let session = tx.lock_head(id).await?.ok_or(OpenApprovalError::UnknownSession(id))?;
    loop {
        let existing = tx.approval(ask.id).await?;
        match ask.open(&session, existing.as_ref())? {
            Asked::Exists(approval) => {
                return Ok(OpenedApproval { approval: *approval, created: false, moved: None });
            }
            Asked::Open(opened) => {
                if tx.insert_approval(&opened.approval).await? {
                    tx.tell(opened.event).await?;
                    follow(tx, &opened.session).await?;
                    let moved = opened.session.moved;
                    return Ok(OpenedApproval { approval: opened.approval, created: true, moved });
                }
                // Another session took the id since it was looked up. It is looked up again, and now it is there.
            }
        }
    }
}

/// Decides a request: [`ApprovalRepository::decide`].
///
/// # Errors
/// A rule forbids it, or the store is not available.
pub async fn decide<T: Tx>(tx: &mut T, action: &ApprovalAction) -> Rows<Result<DecidedApproval, ApprovalRefused>> {
    match calls::call(tx, &action.by, action.fingerprint()).await? {
        Call::New => {}
        Call::Again(kept) => return Ok(Ok(decided_again(tx, action.approval_id, &kept).await?)),
        Call::Reused(misuse) => {
            record(tx, action.refuse(&misuse)).await?;
            return Ok(Err(misuse.into()));
        }
    }
    let facts = facts(tx, action.approval_id).await?;
    let decision = action.decide(facts.as_ref().map(Facts::lend));
    let closing = match decision.outcome {
        Ok(closing) => closing,
        Err(refused) => {
            record(tx, decision.audit).await?;
            return Ok(Err(refused));
        }
    };
    let ExpiredApproval { approval, moved } = close(tx, *closing).await?;
    let audit_seq = record(tx, decision.audit).await?;
    let decided = DecidedApproval { approval, moved, audit_seq, again: false };
    calls::keep(tx, &action.by, || decided.remember(action)).await?;
    Ok(Ok(decided))
}

async fn decided_again<T: Tx>(tx: &mut T, id: ApprovalId, kept: &Remembered) -> Rows<DecidedApproval> {
    match (tx.approval(id).await?, kept.audit_seq) {
        (Some(approval), Some(audit_seq)) => Ok(DecidedApproval { approval, moved: None, audit_seq, again: true }),
        _ => Err(StoreUnavailable::new("the permission request of an accepted decision is not there any more")),
    }
}

/// Takes a request back: [`ApprovalRepository::withdraw`].
///
/// # Errors
/// A rule forbids it, or the store is not available.
pub async fn withdraw<T: Tx>(tx: &mut T, withdrawal: &Withdrawal) -> Result<WithdrawnApproval, WithdrawApprovalError> {
    let id = withdrawal.approval_id;
    let facts = facts(tx, id).await?.ok_or(WithdrawApprovalError::Unknown(id))?;
    match withdrawal.close(facts.lend())? {
        Withdrawn::Already(approval) => Ok(WithdrawnApproval { approval: *approval, closed: false, moved: None }),
        Withdrawn::Close(closing) => {
            let ExpiredApproval { approval, moved } = close(tx, *closing).await?;
            Ok(WithdrawnApproval { approval, closed: true, moved })
        }
    }
}

/// Closes a request whose deadline has passed: [`ApprovalRepository::expire`].
///
/// # Errors
/// A rule forbids it, or the store is not available.
pub async fn expire<T: Tx>(tx: &mut T, expiry: &Expiry) -> Rows<Option<ExpiredApproval>> {
    let facts = facts(tx, expiry.approval_id).await?;
    match facts.as_ref().and_then(|facts| expiry.close(facts.lend())) {
        Some(closing) => Ok(Some(close(tx, closing).await?)),
        None => Ok(None),
    }
}

/// The facts that the rules need.
struct Facts {
    approval: Approval,
    session: Session,
    open: u64,
}

impl Facts {
    const fn lend(&self) -> ApprovalFacts<'_> {
        ApprovalFacts { approval: &self.approval, session: &self.session, open: self.open }
    }
}

async fn facts<T: Tx>(tx: &mut T, id: ApprovalId) -> Rows<Option<Facts>> {
    // Whose it is never changes; the rest of it is read under that session's lock.
    let Some(owner) = tx.approval(id).await?.map(|approval| approval.session_id) else { return Ok(None) };
    let Some(session) = tx.lock_head(owner).await? else { return Ok(None) };
    let Some(approval) = tx.approval(id).await? else { return Ok(None) };
    let open = tx.count_open_approvals(session.id).await?;
    Ok(Some(Facts { approval, session, open }))
}

async fn close<T: Tx>(tx: &mut T, closing: Closing) -> Rows<ExpiredApproval> {
    tx.save_approval(&closing.approval).await?;
    tx.tell(closing.event).await?;
    if let Some(session) = &closing.session {
        follow(tx, session).await?;
    }
    Ok(ExpiredApproval { approval: closing.approval, moved: closing.session.and_then(|follow| follow.moved) })
}

async fn follow<T: Tx>(tx: &mut T, follow: &Follow) -> Rows<()> {
    match &follow.observed {
        Observed::Unchanged(session) => tx.save_session(session).await,
        Observed::Changed(change) => status_change::write(tx, change).await,
    }
}

async fn page<T: Tx>(tx: &mut T, query: &ApprovalQuery) -> Rows<ApprovalPage> {
    let (approvals, next) = tx.approval_page(query).await?;
    Ok(ApprovalPage { approvals, next, as_of: tx.feed_head().await? })
}

#[async_trait]
impl<S: Transactional> ApprovalRepository for S {
    async fn open(&self, ask: Ask) -> Result<OpenedApproval, OpenApprovalError> {
        run!(self.write, (ask), |tx| open(tx, &ask)).await
    }

    async fn get(&self, id: ApprovalId) -> Result<Option<Approval>, StoreUnavailable> {
        run!(self.read, (id), |tx| tx.approval(id)).await
    }

    async fn decide(&self, action: ApprovalAction) -> Result<DecidedApproval, DecideApprovalError> {
        let done: Rows<_> = run!(self.write, (action), |tx| decide(tx, &action)).await;
        Ok(done??)
    }

    async fn withdraw(&self, withdrawal: Withdrawal) -> Result<WithdrawnApproval, WithdrawApprovalError> {
        run!(self.write, (withdrawal), |tx| withdraw(tx, &withdrawal)).await
    }

    async fn list(&self, query: ApprovalQuery) -> Result<ApprovalPage, StoreUnavailable> {
        run!(self.read_moment, (query), |tx| page(tx, &query)).await
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<ApprovalId>, StoreUnavailable> {
        run!(self.read, (now, limit), |tx| tx.due_approvals(now, limit)).await
    }

    async fn expire(&self, expiry: Expiry) -> Result<Option<ExpiredApproval>, StoreUnavailable> {
        run!(self.write, (expiry), |tx| expire(tx, &expiry)).await
    }
}
