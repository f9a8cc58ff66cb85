//! Permission requests.

use async_trait::async_trait;
use diesel_async::AsyncPgConnection;
use flightdeck_domain::action::{Call, Remembered};
use flightdeck_domain::approval::{
    Approval, ApprovalAction, ApprovalFacts, ApprovalRefused, Ask, Asked, Closing, Expiry, Follow, Withdrawal,
    Withdrawn,
};
use flightdeck_domain::ids::{ApprovalId, SessionId};
use flightdeck_domain::ports::{
    ApprovalPage, ApprovalQuery, ApprovalRepository, DecideApprovalError, DecidedApproval, ExpiredApproval,
    OpenApprovalError, OpenedApproval, StoreUnavailable, WithdrawApprovalError, WithdrawnApproval,
};
use flightdeck_domain::session::{Observed, Session};
use flightdeck_domain::time::Timestamp;

use crate::PostgresStore;
use crate::database::{Transaction, on};
use crate::error::StoreError;
use crate::session::write_change;
use crate::tables::{approvals, feed_events, idempotency_keys, sessions};

#[async_trait]
impl ApprovalRepository for PostgresStore {
    async fn open(&self, ask: Ask) -> Result<OpenedApproval, OpenApprovalError> {
        on!(self.write, (ask), |tx| open(tx, ask)).await
    }

    async fn get(&self, id: ApprovalId) -> Result<Option<Approval>, StoreUnavailable> {
        Ok(on!(self.read, (id), |connection| approvals::get(connection, *id)).await?)
    }

    async fn decide(&self, action: ApprovalAction) -> Result<DecidedApproval, DecideApprovalError> {
        // A refusal is a success to the writer, for its audit entry must be kept.
        let written: Result<_, StoreError> = on!(self.write, (action), |tx| decide(tx, action)).await;
        Ok(written??)
    }

    async fn withdraw(&self, withdrawal: Withdrawal) -> Result<WithdrawnApproval, WithdrawApprovalError> {
        on!(self.write, (withdrawal), |tx| withdraw(tx, withdrawal)).await
    }

    async fn list(&self, query: ApprovalQuery) -> Result<ApprovalPage, StoreUnavailable> {
        Ok(on!(self.read_moment, (query), |connection| page(connection, query)).await?)
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<ApprovalId>, StoreUnavailable> {
        Ok(on!(self.read, (now, limit), |connection| approvals::due(connection, *now, *limit)).await?)
    }

    async fn expire(&self, expiry: Expiry) -> Result<Option<ExpiredApproval>, StoreUnavailable> {
        Ok(on!(self.write, (expiry), |tx| expire(tx, expiry)).await?)
    }
}

async fn page(connection: &mut AsyncPgConnection, query: &ApprovalQuery) -> Result<ApprovalPage, StoreError> {
    let (approvals, next) = approvals::page(connection, query).await?;
    Ok(ApprovalPage { approvals, next, as_of: feed_events::head(connection).await? })
}

async fn open(tx: &mut Transaction, ask: &Ask) -> Result<OpenedApproval, OpenApprovalError> {
    let id = ask.session_id;
    let session = sessions::lock_head(tx, id).await?.ok_or(OpenApprovalError::UnknownSession(id))?;
    loop {
        let existing = approvals::get(tx, ask.id).await?;
        match ask.open(&session, existing.as_ref())? {
            Asked::Exists(approval) => {
                return Ok(OpenedApproval { approval: *approval, created: false, moved: None });
            }
            Asked::Open(opened) => {
                if approvals::insert(tx, &opened.approval).await? {
                    tx.tell(opened.event);
                    follow(tx, &opened.session).await?;
                    return Ok(OpenedApproval {
                        approval: opened.approval,
                        created: true,
                        moved: opened.session.moved,
                    });
                }
                // Another session took the id since it was looked up. It is looked up again, and now it is there.
            }
        }
    }
}

async fn decide(
    tx: &mut Transaction,
    action: &ApprovalAction,
) -> Result<Result<DecidedApproval, ApprovalRefused>, StoreError> {
    match idempotency_keys::call(tx, &action.by, action.fingerprint()).await? {
        Call::New => {}
        Call::Again(kept) => return Ok(Ok(decided_again(tx, action.approval_id, &kept).await?)),
        Call::Reused(misuse) => {
            tx.record(action.refuse(&misuse)).await?;
            return Ok(Err(misuse.into()));
        }
    }
    let facts = facts(tx, action.approval_id).await?;
    let decision = action.decide(facts.as_ref().map(Facts::lend));
    let closing = match decision.outcome {
        Ok(closing) => closing,
        Err(refused) => {
            tx.record(decision.audit).await?;
            return Ok(Err(refused));
        }
    };
    let ExpiredApproval { approval, moved } = close(tx, *closing).await?;
    let audit_seq = tx.record(decision.audit).await?;
    let decided = DecidedApproval { approval, moved, audit_seq, again: false };
    idempotency_keys::keep(tx, &action.by, decided.remember(action)).await?;
    Ok(Ok(decided))
}

async fn decided_again(tx: &mut Transaction, id: ApprovalId, kept: &Remembered) -> Result<DecidedApproval, StoreError> {
    let lost = StoreError::Lost("the permission request of an accepted decision");
    match (approvals::get(tx, id).await?, kept.audit_seq) {
        (Some(approval), Some(audit_seq)) => Ok(DecidedApproval { approval, moved: None, audit_seq, again: true }),
        _ => Err(lost),
    }
}

async fn withdraw(tx: &mut Transaction, withdrawal: &Withdrawal) -> Result<WithdrawnApproval, WithdrawApprovalError> {
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

async fn expire(tx: &mut Transaction, expiry: &Expiry) -> Result<Option<ExpiredApproval>, StoreError> {
    let facts = facts(tx, expiry.approval_id).await?;
    let closing = facts.as_ref().and_then(|facts| expiry.close(facts.lend()));
    match closing {
        Some(closing) => Ok(Some(close(tx, closing).await?)),
        None => Ok(None),
    }
}

/// What the rules look at.
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

async fn facts(tx: &mut Transaction, id: ApprovalId) -> Result<Option<Facts>, StoreError> {
    // Whose it is never changes; the rest of it is read under that session's lock.
    let Some(owner) = approvals::get(tx, id).await?.map(|approval| approval.session_id) else { return Ok(None) };
    let Some(session) = sessions::lock_head(tx, owner).await? else { return Ok(None) };
    let Some(approval) = approvals::get(tx, id).await? else { return Ok(None) };
    let open = approvals::count_open(tx, session.id).await?;
    Ok(Some(Facts { approval, session, open }))
}

async fn close(tx: &mut Transaction, closing: Closing) -> Result<ExpiredApproval, StoreError> {
    approvals::save(tx, &closing.approval).await?;
    tx.tell(closing.event);
    if let Some(session) = &closing.session {
        follow(tx, session).await?;
    }
    Ok(ExpiredApproval { approval: closing.approval, moved: closing.session.and_then(|follow| follow.moved) })
}

async fn follow(tx: &mut Transaction, follow: &Follow) -> Result<(), StoreError> {
    match &follow.observed {
        Observed::Unchanged(session) => sessions::save(tx, session).await,
        Observed::Changed(change) => write_change(tx, change).await,
    }
}

/// Closes what is open of a session that has ended.
pub(crate) async fn end(tx: &mut Transaction, session: SessionId, at: Timestamp) -> Result<(), StoreError> {
    for open in approvals::open(tx, session).await? {
        let (ended, event) = open.end(at);
        approvals::save(tx, &ended).await?;
        tx.tell(event);
    }
    Ok(())
}
