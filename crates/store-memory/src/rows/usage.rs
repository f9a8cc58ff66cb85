//! Sums of usage.

use std::collections::{BTreeMap, HashMap};

use flightdeck_domain::ids::SessionId;
use flightdeck_domain::ports::{MissionAccounts, MissionCursor, MissionQuery, Rows, UsageRows};
use flightdeck_domain::session::SessionStatus;
use flightdeck_domain::text::MissionId;
use flightdeck_domain::time::Timestamp;
use flightdeck_domain::usage::{Account, AccountKey, Totals, UsageBy, UsageDay, UsageLine, UsageOf, UsageQuery};

use crate::state::{State, UsageDayKey, put};

fn set_account(state: &mut State, key: AccountKey, account: Option<Account>) -> Option<Account> {
    put(&mut state.accounts, key, account)
}

fn set_usage_day(state: &mut State, key: UsageDayKey, day: Option<UsageDay>) -> Option<UsageDay> {
    put(&mut state.usage_days, key, day)
}

impl UsageRows for State {
    async fn account(&mut self, key: &AccountKey) -> Rows<Option<Account>> {
        Ok(self.accounts.get(key).cloned())
    }

    async fn open_account(&mut self, key: &AccountKey, at: Timestamp) -> Rows<()> {
        if !self.accounts.contains_key(key) {
            self.change(set_account, key.clone(), Some(Account::open(key.clone(), at)));
        }
        Ok(())
    }

    async fn lock_accounts(&mut self, keys: &[AccountKey], at: Timestamp) -> Rows<HashMap<AccountKey, Account>> {
        let account =
            |key: &AccountKey| self.accounts.get(key).cloned().unwrap_or_else(|| Account::open(key.clone(), at));
        Ok(keys.iter().map(|key| (key.clone(), account(key))).collect())
    }

    async fn put_accounts(&mut self, accounts: &[Account]) -> Rows<()> {
        for account in accounts {
            self.change(set_account, account.key.clone(), Some(account.clone()));
        }
        Ok(())
    }

    async fn add_days(&mut self, days: &[UsageDay]) -> Rows<()> {
        for used in days {
            let key = (used.session_id, used.day, used.model.clone());
            let before = self.usage_days.get(&key).map(|day| day.totals).unwrap_or_default();
            let after = UsageDay { totals: before.plus(used.totals), ..used.clone() };
            self.change(set_usage_day, key, Some(after));
        }
        Ok(())
    }

    async fn usage_lines(&mut self, query: &UsageQuery) -> Rows<Vec<UsageLine>> {
        let wanted = |used: &&UsageDay| {
            let is_of = match &query.of {
                UsageOf::Fleet => true,
                UsageOf::Mission(mission) => used.mission_id.as_ref() == Some(mission),
                UsageOf::Subtree(top) => self.upwards(used.session_id).any(|session| session.id == *top),
            };
            is_of && (query.from..=query.to).contains(&used.day)
        };
        let by = |what| query.by.contains(&what);
        let mut sums = BTreeMap::new();
        for used in self.usage_days.values().filter(wanted) {
            let key = (
                by(UsageBy::Day).then_some(used.day),
                used.model.clone().filter(|_| by(UsageBy::Model)),
                used.mission_id.clone().filter(|_| by(UsageBy::Mission)),
                by(UsageBy::Agent).then_some(used.session_id),
            );
            let totals: &mut Totals = sums.entry(key).or_default();
            *totals = totals.plus(used.totals);
        }
        let line =
            |((day, model, mission_id, session_id), totals)| UsageLine { day, model, mission_id, session_id, totals };
        Ok(sums.into_iter().map(line).take(query.limit).collect())
    }

    async fn above(&mut self, sessions: &[SessionId]) -> Rows<HashMap<SessionId, Vec<SessionId>>> {
        let above = |id: SessionId| self.upwards(id).skip(1).map(|session| session.id).collect();
        Ok(sessions.iter().map(|id| (*id, above(*id))).collect())
    }

    async fn usage_sum(&mut self) -> Rows<Totals> {
        let own = self.accounts.values().filter(|account| matches!(account.key, AccountKey::Session(_)));
        Ok(own.fold(Totals::default(), |sum, account| sum.plus(account.totals)))
    }

    async fn mission_page(&mut self, query: &MissionQuery) -> Rows<MissionAccounts> {
        let mission = |account: &Account| match &account.key {
            AccountKey::Mission(id) => Some((id.clone(), account.clone())),
            AccountKey::Session(_) | AccountKey::Subtree(_) => None,
        };
        let mut all: Vec<(MissionId, Account)> = self.accounts.values().filter_map(mission).collect();
        all.retain(|(id, account)| {
            query.missions.as_ref().is_none_or(|missions| missions.holds(Some(id)))
                && query.after.as_ref().is_none_or(|after| (account.opened_at, id) < (after.opened_at, &after.id))
        });
        all.sort_unstable_by(|(a, one), (b, other)| (other.opened_at, b).cmp(&(one.opened_at, a)));
        let more = all.len() > query.limit;
        all.truncate(query.limit);
        let last = all.last().filter(|_| more);
        let next = last.map(|(id, account)| MissionCursor { opened_at: account.opened_at, id: id.clone() });
        Ok((all, next))
    }

    async fn mission_counts(&mut self, mission: &MissionId) -> Rows<BTreeMap<SessionStatus, u64>> {
        let mut counts = BTreeMap::new();
        for session in self.sessions.values().filter(|session| session.mission_id.as_ref() == Some(mission)) {
            *counts.entry(session.status).or_insert(0) += 1;
        }
        Ok(counts)
    }

    async fn exhausted_accounts(&mut self, limit: usize) -> Rows<Vec<Account>> {
        let due = |account: &&Account| account.exhausted.is_some_and(|used_up| !used_up.enforced);
        let mut due: Vec<Account> = self.accounts.values().filter(due).cloned().collect();
        due.sort_by_key(|account| account.exhausted.map(|used_up| used_up.at));
        due.truncate(limit);
        Ok(due)
    }
}
