//! Sums of usage, and budgets over them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use async_trait::async_trait;

use super::record::record;
use super::run::run;
use crate::day::Day;
use crate::guard::GuardSwitch;
use crate::ids::SessionId;
use crate::ports::{
    BudgetCommitted, MissionPage, MissionQuery, MissionSummary, Rows, SessionUsage, SetBudgetError, StoreUnavailable,
    Transactional, Tx, UsageRepository, UsageRows,
};
use crate::session::Session;
use crate::text::MissionId;
use crate::time::Timestamp;
use crate::usage::{
    Account, AccountKey, Budget, BudgetAction, BudgetRefused, Span, Spent, Totals, UsageBy, UsageDay, UsageLine,
    UsageOf, UsageQuery, Used, Window, Windows,
};

/// No month has more days.
const MOST_DAYS: usize = 31;

/// What a session, which is locked, used, to be booked.
#[derive(Clone, Copy, Debug)]
pub struct Booking<'a> {
    /// The session.
    pub session: &'a Session,
    /// What it used.
    pub used: &'a Used,
    /// The time.
    pub at: Timestamp,
}

/// Books what sessions used, and gives the sessions whose booking used a budget up. Most messages report no usage and
/// cost nothing here. Otherwise a few operations book any number of them.
///
/// Once the telemetry of a session has told of usage, what else the session reports is not booked: it is the same, told
/// twice.
///
/// # Errors
/// The store is not available.
pub async fn book<T: Tx>(tx: &mut T, bookings: &[Booking<'_>]) -> Rows<HashSet<SessionId>> {
    let bookings: Vec<&Booking<'_>> = bookings.iter().filter(|booking| !booking.used.is_empty()).collect();
    let Some(opened) = bookings.iter().map(|booking| booking.at).min() else { return Ok(HashSet::new()) };
    let is_child = |booking: &&&Booking<'_>| booking.session.parent_id.is_some();
    let children: Vec<SessionId> = bookings.iter().filter(is_child).map(|booking| booking.session.id).collect();
    let mut above = if children.is_empty() { HashMap::new() } else { tx.above(&children).await? };
    let mut by_account: BTreeMap<AccountKey, Vec<usize>> = BTreeMap::new();
    for (place, booking) in bookings.iter().enumerate() {
        let id = booking.session.id;
        let line = above.remove(&id).unwrap_or_default().into_iter().chain([id]);
        for key in AccountKey::of(booking.session, line) {
            by_account.entry(key).or_default().push(place);
        }
    }
    let keys: Vec<AccountKey> = by_account.keys().cloned().collect();
    let mut locked = tx.lock_accounts(&keys, opened).await?;
    let counted: Vec<Counted<'_>> = bookings.iter().map(|booking| counted(booking, &mut locked, opened)).collect();
    let days: Vec<UsageDay> = counted.iter().flat_map(|it| it.used.of_session(it.booking.session)).collect();
    let (mut exhausted, mut booked) = (HashSet::new(), Vec::with_capacity(keys.len()));
    for (key, places) in by_account {
        let mut account = locked.remove(&key).unwrap_or_else(|| Account::open(key, opened));
        for Counted { booking: Booking { session, at, .. }, total, .. } in
            places.iter().filter_map(|place| counted.get(*place))
        {
            if total.reports == 0 {
                continue;
            }
            let (after, now) = account.book(*total, session.id, *at);
            account = after;
            exhausted.extend(now.exhausted.then_some(session.id));
            for event in now.warned.into_iter().filter_map(|span| account.warning(span, session.id, *at)) {
                tx.tell(event).await?;
            }
        }
        booked.push(account);
    }
    tx.put_accounts(&booked).await?;
    if !days.is_empty() {
        tx.add_days(&days).await?;
    }
    Ok(exhausted)
}

/// What of a booking counts.
struct Counted<'a> {
    booking: &'a Booking<'a>,
    used: Cow<'a, Used>,
    total: Totals,
}

/// Decides what of a booking counts, and notes in the session's own account where its telemetry tells of usage.
fn counted<'a>(booking: &'a Booking<'a>, locked: &mut HashMap<AccountKey, Account>, opened: Timestamp) -> Counted<'a> {
    let key = AccountKey::Session(booking.session.id);
    let own = locked.entry(key.clone()).or_insert_with(|| Account::open(key, opened));
    own.by_telemetry |= booking.used.has_telemetry();
    let used = if own.by_telemetry { Cow::Owned(booking.used.of_telemetry()) } else { Cow::Borrowed(booking.used) };
    let total = used.total();
    Counted { booking, used, total }
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
    let used = lately(tx, action).await?;
    let decision = action.decide(account, is_there, used);
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

/// Switches the guard for a mission: [`UsageRepository::switch_guard`].
///
/// # Errors
/// The store is not available.
pub async fn switch_guard<T: Tx>(tx: &mut T, action: &GuardSwitch) -> Rows<BudgetCommitted> {
    let key = action.key();
    let account = tx.lock_accounts(std::slice::from_ref(&key), action.by.at).await?.remove(&key);
    let (account, audit) = action.decide(account);
    tx.put_accounts(std::slice::from_ref(&account)).await?;
    let audit_seq = record(tx, audit).await?;
    Ok(BudgetCommitted { account, audit_seq })
}

/// What was used in the current month and on this day, if a budget is to limit it.
async fn lately<T: Tx>(tx: &mut T, action: &BudgetAction) -> Rows<Windows> {
    let is_limited = |budget: Budget| budget.has(Span::Month) || budget.has(Span::Day);
    let of = match &action.key {
        AccountKey::Mission(mission) => UsageOf::Mission(mission.clone()),
        AccountKey::Session(id) | AccountKey::Subtree(id) => UsageOf::Subtree(*id),
    };
    let today = Day::of(action.by.at);
    let (from, by) = (today.month(), BTreeSet::from([UsageBy::Day]));
    let query = UsageQuery { of, by, from, to: today, limit: MOST_DAYS };
    let days = if action.budget.is_some_and(is_limited) { tx.usage_lines(&query).await? } else { Vec::new() };
    let since = |first: Day| {
        let days = days.iter().filter(|line| line.day.is_some_and(|day| day >= first));
        let sum = days.fold(Spent::default(), |sum, line| sum.plus(&line.totals));
        Some(Window { since: first, spent: sum })
    };
    Ok(Windows { month: since(from), day: since(today) })
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

    async fn broken_down(&self, query: UsageQuery) -> Result<Vec<UsageLine>, StoreUnavailable> {
        run!(self.read, (query), |tx| tx.usage_lines(&query)).await
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

    async fn switch_guard(&self, action: GuardSwitch) -> Result<BudgetCommitted, StoreUnavailable> {
        run!(self.write, (action), |tx| switch_guard(tx, &action)).await
    }

    async fn exhausted(&self, limit: usize) -> Result<Vec<Account>, StoreUnavailable> {
        run!(self.read, (limit), |tx| tx.exhausted_accounts(limit)).await
    }

    async fn enforced(&self, key: AccountKey, at: Timestamp) -> Result<(), StoreUnavailable> {
        run!(self.write, (key, at), |tx| enforced(tx, &key, at)).await
    }
}
