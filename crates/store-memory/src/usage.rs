//! Sums of usage, and budgets over them.

use std::collections::BTreeMap;

use async_trait::async_trait;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::ports::{
    BudgetCommitted, MissionCursor, MissionPage, MissionQuery, MissionSummary, SessionUsage, SetBudgetError,
    StoreUnavailable, UsageRepository,
};
use flightdeck_domain::session::Session;
use flightdeck_domain::text::MissionId;
use flightdeck_domain::time::Timestamp;
use flightdeck_domain::usage::{Account, AccountKey, BudgetAction, Totals};

use crate::MemoryStore;
use crate::state::State;

#[async_trait]
impl UsageRepository for MemoryStore {
    async fn of_session(&self, session: SessionId) -> Result<Option<SessionUsage>, StoreUnavailable> {
        let state = self.state();
        let Some(entry) = state.sessions.get(&session) else { return Ok(None) };
        let own = state.accounts.get(&AccountKey::Session(session)).map(|account| account.totals).unwrap_or_default();
        let subtree = AccountKey::Subtree(session);
        let opened_at = entry.session.spawned_at;
        let subtree = state.accounts.get(&subtree).cloned().unwrap_or_else(|| Account::open(subtree, opened_at));
        Ok(Some(SessionUsage { own, subtree }))
    }

    async fn of_fleet(&self) -> Result<Totals, StoreUnavailable> {
        let state = self.state();
        let own = state.accounts.values().filter(|account| matches!(account.key, AccountKey::Session(_)));
        Ok(own.fold(Totals::default(), |sum, account| sum.plus(account.totals)))
    }

    async fn of_mission(&self, mission: MissionId) -> Result<Option<MissionSummary>, StoreUnavailable> {
        let state = self.state();
        let account = state.accounts.get(&AccountKey::Mission(mission.clone())).cloned();
        Ok(account.map(|account| state.summary(mission, account)))
    }

    async fn missions(&self, query: MissionQuery) -> Result<MissionPage, StoreUnavailable> {
        let state = self.state();
        let mut all: Vec<(MissionCursor, &Account)> = state
            .accounts
            .values()
            .filter_map(|account| match &account.key {
                AccountKey::Mission(id) => {
                    Some((MissionCursor { opened_at: account.opened_at, id: id.clone() }, account))
                }
                AccountKey::Session(_) | AccountKey::Subtree(_) => None,
            })
            .filter(|(place, _)| query.after.as_ref().is_none_or(|after| order(place) < order(after)))
            .collect();
        all.sort_unstable_by(|(a, _), (b, _)| order(b).cmp(&order(a)));
        let next = all.get(query.limit).and(query.limit.checked_sub(1)).and_then(|last| all.get(last));
        let next = next.map(|(place, _)| place.clone());
        let page = all.into_iter().take(query.limit);
        let missions = page.map(|(place, account)| state.summary(place.id, account.clone())).collect();
        Ok(MissionPage { missions, next })
    }

    async fn set_budget(&self, action: BudgetAction) -> Result<BudgetCommitted, SetBudgetError> {
        let mut state = self.state();
        let account = state.accounts.get(&action.key).cloned();
        let decision = action.decide(account, state.is_there(&action.key));
        let sealed = state.seal(decision.audit)?;
        let audit_seq = sealed.seq;
        state.audit.push(sealed);
        let account = *decision.outcome?;
        state.accounts.insert(action.key, account.clone());
        Ok(BudgetCommitted { account, audit_seq })
    }

    async fn exhausted(&self, limit: usize) -> Result<Vec<Account>, StoreUnavailable> {
        let state = self.state();
        let due = |account: &&Account| account.exhausted.is_some_and(|used_up| !used_up.enforced);
        let mut due: Vec<Account> = state.accounts.values().filter(due).cloned().collect();
        due.sort_by_key(|account| account.exhausted.map(|used_up| used_up.at));
        due.truncate(limit);
        Ok(due)
    }

    async fn enforced(&self, key: AccountKey, at: Timestamp) -> Result<(), StoreUnavailable> {
        let mut state = self.state();
        if let Some(account) = state.accounts.remove(&key) {
            state.accounts.insert(key, account.enforced(at));
        }
        Ok(())
    }
}

fn order(place: &MissionCursor) -> (Timestamp, &MissionId) {
    (place.opened_at, &place.id)
}

impl State {
    /// A session has entered the tree; with the first one of a mission, its account is opened.
    pub(crate) fn open_mission(&mut self, session: &Session) {
        if let Some(mission) = &session.mission_id {
            let key = AccountKey::Mission(mission.clone());
            self.accounts.entry(key.clone()).or_insert_with(|| Account::open(key, session.spawned_at));
        }
    }

    /// Books what a session used, and says whether a budget is used up by it.
    pub(crate) fn book(&mut self, id: SessionId, used: Totals, at: Timestamp) -> bool {
        let Some(entry) = self.sessions.get(&id).filter(|_| !used.is_empty()) else { return false };
        let mut exhausted = false;
        for key in AccountKey::of(&entry.session, self.line(id).map(|session| session.id)) {
            let account = self.accounts.remove(&key).unwrap_or_else(|| Account::open(key.clone(), at));
            let (account, now) = account.book(used, id, at);
            exhausted |= now;
            self.accounts.insert(key, account);
        }
        exhausted
    }

    fn is_there(&self, key: &AccountKey) -> bool {
        match key {
            AccountKey::Mission(_) => true,
            AccountKey::Session(id) | AccountKey::Subtree(id) => self.sessions.contains_key(id),
        }
    }

    fn summary(&self, id: MissionId, account: Account) -> MissionSummary {
        let mut sessions = BTreeMap::new();
        for entry in self.sessions.values().filter(|entry| entry.session.mission_id.as_ref() == Some(&id)) {
            *sessions.entry(entry.session.status).or_insert(0) += 1;
        }
        MissionSummary { id, sessions, account }
    }
}
