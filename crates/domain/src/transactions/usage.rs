//! Sums of usage, and budgets over them.

use std::collections::{BTreeMap, HashMap, HashSet};

use async_trait::async_trait;

use super::record::record;
use super::run::run;
use crate::ids::SessionId;
use crate::ports::{
    BudgetCommitted, MissionPage, MissionQuery, MissionSummary, Rows, SessionUsage, SetBudgetError, StoreUnavailable,
    Transactional, Tx, UsageRepository, UsageRows,
};
use crate::session::Session;
use crate::text::MissionId;
use crate::time::Timestamp;
use crate::usage::{Account, AccountKey, BudgetAction, BudgetRefused, Totals};

/// What a session, which is locked, used, to be booked.
#[derive(Clone, Copy, Debug)]
pub struct Booking<'a> {
    /// The session.
    pub session: &'a Session,
    /// What it used.
    pub used: Totals,
    /// The time.
    pub at: Timestamp,
}

/// Books what sessions used, and gives the sessions whose booking used a budget up. Most messages report no usage and
/// cost nothing here. Otherwise a few operations book any number of them.
///
/// # Errors
/// The store is not available.
pub async fn book<T: Tx>(tx: &mut T, bookings: &[Booking<'_>]) -> Rows<HashSet<SessionId>> {
    let bookings: Vec<&Booking<'_>> = bookings.iter().filter(|booking| !booking.used.is_empty()).collect();
    let Some(opened) = bookings.iter().map(|booking| booking.at).min() else { return Ok(HashSet::new()) };
    let is_child = |booking: &&&Booking<'_>| booking.session.parent_id.is_some();
    let children: Vec<SessionId> = bookings.iter().filter(is_child).map(|booking| booking.session.id).collect();
    let mut above = if children.is_empty() { HashMap::new() } else { tx.above(&children).await? };
    let mut by_account: BTreeMap<AccountKey, Vec<&Booking<'_>>> = BTreeMap::new();
    for booking in bookings {
        let id = booking.session.id;
        let line = above.remove(&id).unwrap_or_default().into_iter().chain([id]);
        for key in AccountKey::of(booking.session, line) {
            by_account.entry(key).or_default().push(booking);
        }
    }
    let keys: Vec<AccountKey> = by_account.keys().cloned().collect();
    let mut locked = tx.lock_accounts(&keys, opened).await?;
    let (mut exhausted, mut booked) = (HashSet::new(), Vec::with_capacity(keys.len()));
    for (key, bookings) in by_account {
        let mut account = locked.remove(&key).unwrap_or_else(|| Account::open(key, opened));
        for Booking { session, used, at } in bookings {
            let (after, now) = account.book(*used, session.id, *at);
            account = after;
            exhausted.extend(now.then_some(session.id));
        }
        booked.push(account);
    }
    tx.put_accounts(&booked).await?;
    Ok(exhausted)
}

/// Opens the account of a mission when its first session enters the tree.
pub(super) async fn open_mission<T: Tx>(tx: &mut T, session: &Session) -> Rows<()> {
    let Some(mission) = &session.mission_id else { return Ok(()) };
    tx.open_account(&AccountKey::Mission(mission.clone()), session.spawned_at).await
}

/// Sets a budget: [`UsageRepository::set_budget`].
///
/// # Errors
/// A rule forbids it, or the store is not available.
pub async fn set_budget<T: Tx>(tx: &mut T, action: &BudgetAction) -> Rows<Result<BudgetCommitted, BudgetRefused>> {
    let is_there = match &action.key {
        AccountKey::Mission(_) => true,
        AccountKey::Session(id) | AccountKey::Subtree(id) => tx.head(*id).await?.is_some(),
    };
    let account = if is_there {
        tx.lock_accounts(std::slice::from_ref(&action.key), action.by.at).await?.remove(&action.key)
    } else {
        None
    };
    let decision = action.decide(account, is_there);
    let account = match decision.outcome {
        Ok(account) => *account,
        Err(refused) => {
            record(tx, decision.audit).await?;
            return Ok(Err(refused));
        }
    };
    tx.put_accounts(std::slice::from_ref(&account)).await?;
    let audit_seq = record(tx, decision.audit).await?;
    Ok(Ok(BudgetCommitted { account, audit_seq }))
}

/// Notes that a pause was asked for: [`UsageRepository::enforced`].
///
/// # Errors
/// A rule forbids it, or the store is not available.
pub async fn enforced<T: Tx>(tx: &mut T, key: &AccountKey, at: Timestamp) -> Rows<()> {
    if tx.account(key).await?.is_none() {
        return Ok(());
    }
    match tx.lock_accounts(std::slice::from_ref(key), at).await?.remove(key) {
        Some(account) => tx.put_accounts(&[account.enforced(at)]).await,
        None => Ok(()),
    }
}

async fn of_session<T: Tx>(tx: &mut T, id: SessionId) -> Rows<Option<SessionUsage>> {
    let Some(session) = tx.head(id).await? else { return Ok(None) };
    let own = tx.account(&AccountKey::Session(id)).await?.map(|account| account.totals).unwrap_or_default();
    let key = AccountKey::Subtree(id);
    let subtree = tx.account(&key).await?.unwrap_or_else(|| Account::open(key, session.spawned_at));
    Ok(Some(SessionUsage { own, subtree }))
}

async fn summary<T: Tx>(tx: &mut T, id: MissionId, account: Account) -> Rows<MissionSummary> {
    let sessions = tx.mission_counts(&id).await?;
    Ok(MissionSummary { id, sessions, account })
}

async fn of_mission<T: Tx>(tx: &mut T, id: MissionId) -> Rows<Option<MissionSummary>> {
    match tx.account(&AccountKey::Mission(id.clone())).await? {
        Some(account) => Ok(Some(summary(tx, id, account).await?)),
        None => Ok(None),
    }
}

async fn missions<T: Tx>(tx: &mut T, query: &MissionQuery) -> Rows<MissionPage> {
    let (page, next) = tx.mission_page(query).await?;
    let mut missions = Vec::with_capacity(page.len());
    for (id, account) in page {
        missions.push(summary(tx, id, account).await?);
    }
    Ok(MissionPage { missions, next })
}

#[async_trait]
impl<S: Transactional> UsageRepository for S {
    async fn of_session(&self, session: SessionId) -> Result<Option<SessionUsage>, StoreUnavailable> {
        run!(self.read_moment, (session), |tx| of_session(tx, session)).await
    }

    async fn of_fleet(&self) -> Result<Totals, StoreUnavailable> {
        run!(self.read, (), |tx| tx.usage_sum()).await
    }

    async fn of_mission(&self, mission: MissionId) -> Result<Option<MissionSummary>, StoreUnavailable> {
        run!(self.read_moment, (mission), |tx| of_mission(tx, mission)).await
    }

    async fn missions(&self, query: MissionQuery) -> Result<MissionPage, StoreUnavailable> {
        run!(self.read_moment, (query), |tx| missions(tx, &query)).await
    }

    async fn set_budget(&self, action: BudgetAction) -> Result<BudgetCommitted, SetBudgetError> {
        let done: Rows<_> = run!(self.write, (action), |tx| set_budget(tx, &action)).await;
        Ok(done??)
    }

    async fn exhausted(&self, limit: usize) -> Result<Vec<Account>, StoreUnavailable> {
        run!(self.read, (limit), |tx| tx.exhausted_accounts(limit)).await
    }

    async fn enforced(&self, key: AccountKey, at: Timestamp) -> Result<(), StoreUnavailable> {
        run!(self.write, (key, at), |tx| enforced(tx, &key, at)).await
    }
}
