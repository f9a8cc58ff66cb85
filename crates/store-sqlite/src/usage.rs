//! Sums of usage, and budgets over them.

use async_trait::async_trait;
use diesel::sqlite::SqliteConnection;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::ports::{
    BudgetCommitted, MissionPage, MissionQuery, MissionSummary, SessionUsage, SetBudgetError, StoreUnavailable,
    UsageRepository,
};
use flightdeck_domain::session::Session;
use flightdeck_domain::text::MissionId;
use flightdeck_domain::time::Timestamp;
use flightdeck_domain::usage::{Account, AccountKey, BudgetAction, BudgetRefused, Totals};

use crate::SqliteStore;
use crate::error::StoreError;
use crate::tables::{accounts, audit_log, session_tree, sessions};

#[async_trait]
impl UsageRepository for SqliteStore {
    async fn of_session(&self, session: SessionId) -> Result<Option<SessionUsage>, StoreUnavailable> {
        Ok(self.readers.read(move |connection| of_session(connection, session)).await?)
    }

    async fn of_fleet(&self) -> Result<Totals, StoreUnavailable> {
        Ok(self.readers.read(accounts::sum).await?)
    }

    async fn of_mission(&self, mission: MissionId) -> Result<Option<MissionSummary>, StoreUnavailable> {
        let summary = self.readers.read(move |connection| {
            let Some(account) = accounts::get(connection, &AccountKey::Mission(mission.clone()))? else {
                return Ok(None);
            };
            let sessions = accounts::counts(connection, &mission)?;
            Ok(Some(MissionSummary { id: mission, sessions, account }))
        });
        Ok(summary.await?)
    }

    async fn missions(&self, query: MissionQuery) -> Result<MissionPage, StoreUnavailable> {
        let page = self.readers.read(move |connection| {
            let (page, next) = accounts::missions(connection, &query)?;
            let mut missions = Vec::with_capacity(page.len());
            for (id, account) in page {
                let sessions = accounts::counts(connection, &id)?;
                missions.push(MissionSummary { id, sessions, account });
            }
            Ok(MissionPage { missions, next })
        });
        Ok(page.await?)
    }

    async fn set_budget(&self, action: BudgetAction) -> Result<BudgetCommitted, SetBudgetError> {
        // A refusal is a success to the writer, for its audit entry must be kept.
        let written: Result<_, StoreError> = self.writer.write(move |connection| set_budget(connection, &action)).await;
        Ok(written??)
    }

    async fn exhausted(&self, limit: usize) -> Result<Vec<Account>, StoreUnavailable> {
        Ok(self.readers.read(move |connection| accounts::exhausted(connection, limit)).await?)
    }

    async fn enforced(&self, key: AccountKey, at: Timestamp) -> Result<(), StoreUnavailable> {
        let written: Result<_, StoreError> = self
            .writer
            .write(move |connection| match accounts::get(connection, &key)? {
                Some(account) => accounts::put(connection, &account.enforced(at)),
                None => Ok(()),
            })
            .await;
        Ok(written?)
    }
}

fn of_session(connection: &mut SqliteConnection, id: SessionId) -> Result<Option<SessionUsage>, StoreError> {
    let Some(session) = sessions::head(connection, id)? else { return Ok(None) };
    let own = accounts::get(connection, &AccountKey::Session(id))?.map(|account| account.totals).unwrap_or_default();
    let key = AccountKey::Subtree(id);
    let subtree = accounts::get(connection, &key)?.unwrap_or_else(|| Account::open(key, session.spawned_at));
    Ok(Some(SessionUsage { own, subtree }))
}

fn set_budget(
    connection: &mut SqliteConnection,
    action: &BudgetAction,
) -> Result<Result<BudgetCommitted, BudgetRefused>, StoreError> {
    let is_there = match &action.key {
        AccountKey::Mission(_) => true,
        AccountKey::Session(id) | AccountKey::Subtree(id) => sessions::exists(connection, *id)?,
    };
    let decision = action.decide(accounts::get(connection, &action.key)?, is_there);
    let audit_seq = audit_log::append(connection, decision.audit)?;
    let account = match decision.outcome {
        Ok(account) => *account,
        Err(refused) => return Ok(Err(refused)),
    };
    accounts::put(connection, &account)?;
    Ok(Ok(BudgetCommitted { account, audit_seq }))
}

/// A session has entered the tree; with the first one of a mission, its account is opened.
pub(crate) fn open_mission(connection: &mut SqliteConnection, session: &Session) -> Result<(), StoreError> {
    let Some(mission) = &session.mission_id else { return Ok(()) };
    let key = AccountKey::Mission(mission.clone());
    match accounts::get(connection, &key)? {
        Some(_) => Ok(()),
        None => accounts::put(connection, &Account::open(key, session.spawned_at)),
    }
}

/// Books what a session used, and says whether a budget is used up by it. Most messages say nothing of usage, and cost
/// nothing here.
pub(crate) fn book(
    connection: &mut SqliteConnection,
    session: &Session,
    used: Totals,
    at: Timestamp,
) -> Result<bool, StoreError> {
    if used.is_empty() {
        return Ok(false);
    }
    let line = match session.parent_id {
        None => vec![session.id],
        Some(_) => session_tree::upwards(connection, session.id)?.into_iter().map(|above| above.id).collect(),
    };
    let mut exhausted = false;
    for key in AccountKey::of(session, line) {
        let account = accounts::get(connection, &key)?.unwrap_or_else(|| Account::open(key, at));
        let (account, now) = account.book(used, session.id, at);
        exhausted |= now;
        accounts::put(connection, &account)?;
    }
    Ok(exhausted)
}
