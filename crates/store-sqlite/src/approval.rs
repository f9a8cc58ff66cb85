//! Permission requests.

use async_trait::async_trait;
use diesel::sqlite::SqliteConnection;
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

use crate::SqliteStore;
use crate::error::StoreError;
use crate::session::write_change;
use crate::tables::{approvals, audit_log, feed_events, idempotency_keys, sessions};

#[async_trait]
impl ApprovalRepository for SqliteStore {
    async fn open(&self, ask: Ask) -> Result<OpenedApproval, OpenApprovalError> {
        self.writer.write(move |connection| open(connection, &ask)).await
    }

    async fn get(&self, id: ApprovalId) -> Result<Option<Approval>, StoreUnavailable> {
        Ok(self.readers.read(move |connection| approvals::get(connection, id)).await?)
    }

    async fn decide(&self, action: ApprovalAction) -> Result<DecidedApproval, DecideApprovalError> {
        // A refusal is a success to the writer, for its audit entry must be kept.
        let written: Result<_, StoreError> = self.writer.write(move |connection| decide(connection, &action)).await;
        Ok(written??)
    }

    async fn withdraw(&self, withdrawal: Withdrawal) -> Result<WithdrawnApproval, WithdrawApprovalError> {
        self.writer.write(move |connection| withdraw(connection, &withdrawal)).await
    }

    async fn list(&self, query: ApprovalQuery) -> Result<ApprovalPage, StoreUnavailable> {
        let page = self.readers.read(move |connection| {
            let (approvals, next) = approvals::page(connection, &query)?;
            Ok(ApprovalPage { approvals, next, as_of: feed_events::head(connection)? })
        });
        Ok(page.await?)
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<ApprovalId>, StoreUnavailable> {
        Ok(self.readers.read(move |connection| approvals::due(connection, now, limit)).await?)
    }

    async fn expire(&self, expiry: Expiry) -> Result<Option<ExpiredApproval>, StoreUnavailable> {
        self.writer.write(move |connection| Ok(expire(connection, &expiry)?)).await
    }
}

fn open(connection: &mut SqliteConnection, ask: &Ask) -> Result<OpenedApproval, OpenApprovalError> {
    let id = ask.session_id;
    let session = sessions::head(connection, id)?.ok_or(OpenApprovalError::UnknownSession(id))?;
    let existing = approvals::get(connection, ask.id)?;
    match ask.open(&session, existing.as_ref())? {
        Asked::Exists(approval) => Ok(OpenedApproval { approval: *approval, created: false, moved: None }),
        Asked::Open(opened) => {
            approvals::insert(connection, &opened.approval)?;
            feed_events::insert(connection, &opened.event)?;
            follow(connection, &opened.session)?;
            Ok(OpenedApproval { approval: opened.approval, created: true, moved: opened.session.moved })
        }
    }
}

fn decide(
    connection: &mut SqliteConnection,
    action: &ApprovalAction,
) -> Result<Result<DecidedApproval, ApprovalRefused>, StoreError> {
    match idempotency_keys::call(connection, &action.by, action.fingerprint())? {
        Call::New => {}
        Call::Again(kept) => return Ok(Ok(decided_again(connection, action.approval_id, &kept)?)),
        Call::Reused(misuse) => {
            audit_log::append(connection, action.refuse(&misuse))?;
            return Ok(Err(misuse.into()));
        }
    }
    let facts = facts(connection, action.approval_id)?;
    let decision = action.decide(facts.as_ref().map(Facts::lend));
    let audit_seq = audit_log::append(connection, decision.audit)?;
    let closing = match decision.outcome {
        Ok(closing) => closing,
        Err(refused) => return Ok(Err(refused)),
    };
    let ExpiredApproval { approval, moved } = close(connection, *closing)?;
    let decided = DecidedApproval { approval, moved, audit_seq, again: false };
    idempotency_keys::keep(connection, &action.by, || decided.remember(action))?;
    Ok(Ok(decided))
}

fn decided_again(
    connection: &mut SqliteConnection,
    id: ApprovalId,
    kept: &Remembered,
) -> Result<DecidedApproval, StoreError> {
    let lost = StoreError::Lost("the permission request of an accepted decision");
    match (approvals::get(connection, id)?, kept.audit_seq) {
        (Some(approval), Some(audit_seq)) => Ok(DecidedApproval { approval, moved: None, audit_seq, again: true }),
        _ => Err(lost),
    }
}

fn expire(connection: &mut SqliteConnection, expiry: &Expiry) -> Result<Option<ExpiredApproval>, StoreError> {
    let facts = facts(connection, expiry.approval_id)?;
    let closing = facts.as_ref().and_then(|facts| expiry.close(facts.lend()));
    closing.map(|closing| close(connection, closing)).transpose()
}

fn withdraw(
    connection: &mut SqliteConnection,
    withdrawal: &Withdrawal,
) -> Result<WithdrawnApproval, WithdrawApprovalError> {
    let id = withdrawal.approval_id;
    let facts = facts(connection, id)?.ok_or(WithdrawApprovalError::Unknown(id))?;
    match withdrawal.close(facts.lend())? {
        Withdrawn::Already(approval) => Ok(WithdrawnApproval { approval: *approval, closed: false, moved: None }),
        Withdrawn::Close(closing) => {
            let ExpiredApproval { approval, moved } = close(connection, *closing)?;
            Ok(WithdrawnApproval { approval, closed: true, moved })
        }
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

fn facts(connection: &mut SqliteConnection, id: ApprovalId) -> Result<Option<Facts>, StoreError> {
    let Some(approval) = approvals::get(connection, id)? else { return Ok(None) };
    let Some(session) = sessions::head(connection, approval.session_id)? else { return Ok(None) };
    let open = approvals::count_open(connection, session.id)?;
    Ok(Some(Facts { approval, session, open }))
}

fn close(connection: &mut SqliteConnection, closing: Closing) -> Result<ExpiredApproval, StoreError> {
    approvals::save(connection, &closing.approval)?;
    feed_events::insert(connection, &closing.event)?;
    if let Some(session) = &closing.session {
        follow(connection, session)?;
    }
    Ok(ExpiredApproval { approval: closing.approval, moved: closing.session.and_then(|follow| follow.moved) })
}

fn follow(connection: &mut SqliteConnection, follow: &Follow) -> Result<(), StoreError> {
    match &follow.observed {
        Observed::Unchanged(session) => sessions::save(connection, session),
        Observed::Changed(change) => write_change(connection, change),
    }
}

/// Closes what is open of a session that has ended.
pub(crate) fn end(connection: &mut SqliteConnection, session: SessionId, at: Timestamp) -> Result<(), StoreError> {
    for open in approvals::open(connection, session)? {
        let (ended, event) = open.end(at);
        approvals::save(connection, &ended)?;
        feed_events::insert(connection, &event)?;
    }
    Ok(())
}
