//! Sums of usage, and budgets over them.

use std::collections::{BTreeMap, HashMap, HashSet};

use async_trait::async_trait;
use diesel_async::AsyncPgConnection;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::ports::{
    BudgetCommitted, MissionPage, MissionQuery, MissionSummary, SessionUsage, SetBudgetError, StoreUnavailable,
    UsageRepository,
};
use flightdeck_domain::session::Session;
use flightdeck_domain::text::MissionId;
use flightdeck_domain::time::Timestamp;
use flightdeck_domain::usage::{Account, AccountKey, BudgetAction, BudgetRefused, Totals};

use crate::PostgresStore;
use crate::database::{Transaction, on};
use crate::error::StoreError;
use crate::tables::{accounts, session_tree, sessions};

#[async_trait]
impl UsageRepository for PostgresStore {
    async fn of_session(&self, session: SessionId) -> Result<Option<SessionUsage>, StoreUnavailable> {
        Ok(on!(self.read_moment, (session), |connection| of_session(connection, *session)).await?)
    }

    async fn of_fleet(&self) -> Result<Totals, StoreUnavailable> {
        Ok(on!(self.read, (), |connection| accounts::sum(connection)).await?)
    }

    async fn of_mission(&self, mission: MissionId) -> Result<Option<MissionSummary>, StoreUnavailable> {
        Ok(on!(self.read_moment, (mission), |connection| of_mission(connection, mission)).await?)
    }

    async fn missions(&self, query: MissionQuery) -> Result<MissionPage, StoreUnavailable> {
        Ok(on!(self.read_moment, (query), |connection| missions(connection, query)).await?)
    }

    async fn set_budget(&self, action: BudgetAction) -> Result<BudgetCommitted, SetBudgetError> {
        // A refusal is a success to the transaction, for its audit entry must be kept.
        let written: Result<_, StoreError> = on!(self.write, (action), |tx| set_budget(tx, action)).await;
        Ok(written??)
    }

    async fn exhausted(&self, limit: usize) -> Result<Vec<Account>, StoreUnavailable> {
        Ok(on!(self.read, (limit), |connection| accounts::exhausted(connection, *limit)).await?)
    }

    async fn enforced(&self, key: AccountKey, at: Timestamp) -> Result<(), StoreUnavailable> {
        let written: Result<_, StoreError> = on!(self.write, (key, at), |tx| enforced(tx, key, *at)).await;
        Ok(written?)
    }
}

async fn of_session(connection: &mut AsyncPgConnection, id: SessionId) -> Result<Option<SessionUsage>, StoreError> {
    let Some(session) = sessions::get(connection, id).await? else { return Ok(None) };
    let own = accounts::get(connection, &AccountKey::Session(id)).await?;
    let own = own.map(|account| account.totals).unwrap_or_default();
    let key = AccountKey::Subtree(id);
    let subtree = accounts::get(connection, &key).await?.unwrap_or_else(|| Account::open(key, session.spawned_at));
    Ok(Some(SessionUsage { own, subtree }))
}

async fn of_mission(
    connection: &mut AsyncPgConnection,
    mission: &MissionId,
) -> Result<Option<MissionSummary>, StoreError> {
    let Some(account) = accounts::get(connection, &AccountKey::Mission(mission.clone())).await? else {
        return Ok(None);
    };
    let sessions = accounts::counts(connection, mission).await?;
    Ok(Some(MissionSummary { id: mission.clone(), sessions, account }))
}

async fn missions(connection: &mut AsyncPgConnection, query: &MissionQuery) -> Result<MissionPage, StoreError> {
    let (page, next) = accounts::missions(connection, query).await?;
    let mut missions = Vec::with_capacity(page.len());
    for (id, account) in page {
        let sessions = accounts::counts(connection, &id).await?;
        missions.push(MissionSummary { id, sessions, account });
    }
    Ok(MissionPage { missions, next })
}

async fn set_budget(
    tx: &mut Transaction,
    action: &BudgetAction,
) -> Result<Result<BudgetCommitted, BudgetRefused>, StoreError> {
    let is_there = match &action.key {
        AccountKey::Mission(_) => true,
        AccountKey::Session(id) | AccountKey::Subtree(id) => sessions::get(tx, *id).await?.is_some(),
    };
    let account = if is_there {
        let keys = std::slice::from_ref(&action.key);
        accounts::open(tx, keys, action.by.at).await?;
        accounts::lock(tx, keys).await?.remove(&action.key)
    } else {
        None
    };
    let decision = action.decide(account, is_there);
    let account = match decision.outcome {
        Ok(account) => *account,
        Err(refused) => {
            tx.record(decision.audit).await?;
            return Ok(Err(refused));
        }
    };
    accounts::put(tx, &account).await?;
    let audit_seq = tx.record(decision.audit).await?;
    Ok(Ok(BudgetCommitted { account, audit_seq }))
}

async fn enforced(tx: &mut Transaction, key: &AccountKey, at: Timestamp) -> Result<(), StoreError> {
    match accounts::lock(tx, std::slice::from_ref(key)).await?.remove(key) {
        Some(account) => accounts::put(tx, &account.enforced(at)).await,
        None => Ok(()),
    }
}

/// A session has entered the tree; with the first one of a mission, its account is opened.
pub(crate) async fn open_mission(tx: &mut Transaction, session: &Session) -> Result<(), StoreError> {
    let Some(mission) = &session.mission_id else { return Ok(()) };
    accounts::open(tx, &[AccountKey::Mission(mission.clone())], session.spawned_at).await
}

/// What a session used, that is to be booked. The caller has the session's lock.
pub(crate) struct Booking<'a> {
    pub(crate) session: &'a Session,
    pub(crate) used: Totals,
    pub(crate) at: Timestamp,
}

/// Books what sessions used, and gives those by whom a budget is used up. Most messages say nothing of usage, and cost
/// nothing here; otherwise it is the same few statements for however many.
pub(crate) async fn book(tx: &mut Transaction, bookings: &[Booking<'_>]) -> Result<HashSet<SessionId>, StoreError> {
    let mut by_account: BTreeMap<AccountKey, Vec<&Booking<'_>>> = BTreeMap::new();
    let bookings: Vec<&Booking<'_>> = bookings.iter().filter(|booking| !booking.used.is_empty()).collect();
    let Some(at) = bookings.iter().map(|booking| booking.at).min() else { return Ok(HashSet::new()) };
    let children: Vec<SessionId> = bookings
        .iter()
        .filter(|booking| booking.session.parent_id.is_some())
        .map(|booking| booking.session.id)
        .collect();
    let mut above: HashMap<SessionId, Vec<SessionId>> = HashMap::new();
    if !children.is_empty() {
        above = session_tree::above(tx, &children).await?;
    }
    for booking in bookings {
        let id = booking.session.id;
        let line = above.remove(&id).unwrap_or_default().into_iter().chain([id]);
        for key in AccountKey::of(booking.session, line) {
            by_account.entry(key).or_default().push(booking);
        }
    }
    let keys: Vec<AccountKey> = by_account.keys().cloned().collect();
    accounts::open(tx, &keys, at).await?;
    let mut locked = accounts::lock(tx, &keys).await?;
    let (mut exhausted, mut booked) = (HashSet::new(), Vec::with_capacity(keys.len()));
    for (key, bookings) in by_account {
        let mut account = locked.remove(&key).ok_or(StoreError::Lost("an account that was just opened"))?;
        for Booking { session, used, at } in bookings {
            let (after, now) = account.book(*used, session.id, *at);
            account = after;
            exhausted.extend(now.then_some(session.id));
        }
        booked.push(account);
    }
    accounts::put_all(tx, &booked).await?;
    Ok(exhausted)
}
