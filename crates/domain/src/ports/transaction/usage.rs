//! Sums of usage.

use std::collections::{BTreeMap, HashMap};

use super::Rows;
use crate::ids::SessionId;
use crate::ports::{MissionCursor, MissionQuery};
use crate::session::SessionStatus;
use crate::text::MissionId;
use crate::time::Timestamp;
use crate::usage::{Account, AccountKey, Totals};

/// Missions with their accounts, and where the next page begins.
pub type MissionAccounts = (Vec<(MissionId, Account)>, Option<MissionCursor>);

/// The rows of accounts.
pub trait UsageRows: Send {
    /// An account.
    fn account(&mut self, key: &AccountKey) -> impl Future<Output = Rows<Option<Account>>> + Send;

    /// Opens an account, unless it is there.
    fn open_account(&mut self, key: &AccountKey, at: Timestamp) -> impl Future<Output = Rows<()>> + Send;

    /// Accounts, locked, by their keys, which are sorted. Those that are not there are given as [`Account::open`] makes them
    /// at `at`, whether or not they are written by that.
    fn lock_accounts(
        &mut self,
        keys: &[AccountKey],
        at: Timestamp,
    ) -> impl Future<Output = Rows<HashMap<AccountKey, Account>>> + Send;

    /// Writes accounts as they now are.
    fn put_accounts(&mut self, accounts: &[Account]) -> impl Future<Output = Rows<()>> + Send;

    /// The sessions above each of these, which are none of them; those that stand at the top may be left out.
    fn above(
        &mut self,
        sessions: &[SessionId],
    ) -> impl Future<Output = Rows<HashMap<SessionId, Vec<SessionId>>>> + Send;

    /// What all sessions used together.
    fn usage_sum(&mut self) -> impl Future<Output = Rows<Totals>> + Send;

    /// One page of missions, newest first.
    fn mission_page(&mut self, query: &MissionQuery) -> impl Future<Output = Rows<MissionAccounts>> + Send;

    /// How many sessions of a mission are in each status.
    fn mission_counts(
        &mut self,
        mission: &MissionId,
    ) -> impl Future<Output = Rows<BTreeMap<SessionStatus, u64>>> + Send;

    /// At most `limit` whose budget is used up and whose pause was not asked for, the earliest first.
    fn exhausted_accounts(&mut self, limit: usize) -> impl Future<Output = Rows<Vec<Account>>> + Send;
}
