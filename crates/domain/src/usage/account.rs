//! Accounts: a sum of usage, and an optional budget over it.

use std::fmt;

use super::{Budget, Totals};
use crate::ids::SessionId;
use crate::session::{Ancestor, Session};
use crate::text::MissionId;
use crate::time::Timestamp;

/// The owner of an account. The order is that of a store: by the name of the scope, then by the key as text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccountKey {
    /// All sessions of a mission.
    Mission(MissionId),
    /// One session by itself.
    Session(SessionId),
    /// A session and all below it.
    Subtree(SessionId),
}

/// Words that are not the owner of an account.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no account {scope}/{key}")]
pub struct UnknownAccount {
    /// The word for the scope.
    pub scope: String,
    /// The key within it.
    pub key: String,
}

impl AccountKey {
    /// The word for the scope, as stores keep it.
    #[must_use]
    pub const fn scope(&self) -> &'static str {
        match self {
            Self::Mission(_) => "mission",
            Self::Session(_) => "session",
            Self::Subtree(_) => "subtree",
        }
    }

    /// The key within the scope, as stores keep it.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Mission(mission) => mission.to_string(),
            Self::Session(id) | Self::Subtree(id) => id.to_string(),
        }
    }

    /// Reads what a store keeps.
    ///
    /// # Errors
    /// The words name no account.
    pub fn read(scope: &str, key: &str) -> Result<Self, UnknownAccount> {
        let found = match scope {
            "mission" => MissionId::new(key).ok().map(Self::Mission),
            "session" => key.parse().ok().map(Self::Session),
            "subtree" => key.parse().ok().map(Self::Subtree),
            _ => None,
        };
        found.ok_or_else(|| UnknownAccount { scope: scope.to_owned(), key: key.to_owned() })
    }

    /// The accounts that a report of a session is booked on, sorted. `line` is the session, its parent, and so on to the
    /// top.
    #[must_use]
    pub fn of(session: &Session, line: impl IntoIterator<Item = SessionId>) -> Vec<Self> {
        let mut keys: Vec<Self> = line.into_iter().map(Self::Subtree).collect();
        keys.push(Self::Session(session.id));
        keys.extend(session.mission_id.clone().map(Self::Mission));
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}

impl From<&Ancestor> for AccountKey {
    fn from(above: &Ancestor) -> Self {
        Self::Subtree(above.id)
    }
}

impl fmt::Display for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.scope(), self.key())
    }
}

/// A budget that is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhaustion {
    /// When it was used up.
    pub at: Timestamp,
    /// Whether the pause for it was asked for.
    pub enforced: bool,
}

/// The usage of a session, a subtree or a mission, and an optional budget over it.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// The owner.
    pub key: AccountKey,
    /// When it was opened; for a mission with its first session or its budget.
    pub opened_at: Timestamp,
    /// What was used.
    pub totals: Totals,
    /// The session that used something last.
    pub last_session: Option<SessionId>,
    /// The budget.
    pub budget: Option<Budget>,
    /// Set when the budget is used up.
    pub exhausted: Option<Exhaustion>,
}

impl Account {
    /// An account without bookings.
    #[must_use]
    pub const fn open(key: AccountKey, at: Timestamp) -> Self {
        let totals = Totals {
            input_tokens: 0,
            output_tokens: 0,
            cache_read_tokens: 0,
            cache_write_tokens: 0,
            cost: super::Cost::ZERO,
            reports: 0,
            priced_reports: 0,
        };
        Self { key, opened_at: at, totals, last_session: None, budget: None, exhausted: None }
    }

    /// Books what a session has used, and says whether exactly this booking used a budget up.
    #[must_use]
    pub fn book(self, used: Totals, by: SessionId, at: Timestamp) -> (Self, bool) {
        let totals = self.totals.plus(used);
        let was = self.exhausted;
        let account = Self { totals, last_session: Some(by), ..self }.judged(at);
        let now = was.is_none() && account.exhausted.is_some();
        (account, now)
    }

    /// The account with another budget, or without one. An earlier pause no longer counts.
    #[must_use]
    pub fn budgeted(self, budget: Option<Budget>, at: Timestamp) -> Self {
        if self.budget == budget {
            return self;
        }
        Self { budget, exhausted: None, ..self }.judged(at)
    }

    /// The account after the pause for the budget that was used up at that time.
    #[must_use]
    pub fn enforced(self, at: Timestamp) -> Self {
        let exhausted = self.exhausted.map(|used| Exhaustion { enforced: used.enforced || used.at == at, ..used });
        Self { exhausted, ..self }
    }

    fn judged(self, at: Timestamp) -> Self {
        let reached = self.budget.is_some_and(|budget| budget.is_reached(&self.totals));
        let fresh = reached.then_some(Exhaustion { at, enforced: false });
        Self { exhausted: self.exhausted.or(fresh), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{at, session, session_id};
    use crate::usage::Cost;

    fn tokens(n: u64) -> Totals {
        Totals { input_tokens: n, reports: 1, ..Totals::default() }
    }

    fn limited(max_tokens: u64) -> Account {
        let budget = Budget::new(None, Some(max_tokens)).expect("a budget");
        Account::open(AccountKey::Subtree(session_id(1)), at(0)).budgeted(Some(budget), at(0))
    }

    #[test]
    fn a_report_is_booked_on_the_session_each_subtree_and_the_mission() {
        let mission = MissionId::new("apollo").expect("valid");
        let child = Session { parent_id: Some(session_id(1)), mission_id: Some(mission.clone()), ..session(2) };
        let keys = AccountKey::of(&child, [session_id(2), session_id(1)]);
        let subtree = |n| AccountKey::Subtree(session_id(n));
        assert_eq!(
            keys,
            [AccountKey::Mission(mission), AccountKey::Session(session_id(2)), subtree(1), subtree(2)],
            "in the order in which rows are locked"
        );
    }

    #[test]
    fn keys_are_ordered_and_read_as_their_texts() {
        let keys = AccountKey::of(&session(7), [session_id(7), session_id(3)]);
        let texts: Vec<_> = keys.iter().map(ToString::to_string).collect();
        assert!(texts.is_sorted(), "{texts:?}");
        for key in keys {
            assert_eq!(AccountKey::read(key.scope(), &key.key()), Ok(key));
        }
        assert!(AccountKey::read("fleet", "x").is_err() && AccountKey::read("session", "x").is_err());
    }

    #[test]
    fn the_booking_that_reaches_the_budget_marks_it_once() {
        let (account, now) = limited(10).book(tokens(9), session_id(1), at(1));
        assert_eq!((account.exhausted, now), (None, false));
        let (account, now) = account.book(tokens(1), session_id(2), at(2));
        assert_eq!((account.exhausted, now), (Some(Exhaustion { at: at(2), enforced: false }), true));
        let (account, now) = account.book(tokens(1), session_id(1), at(3));
        assert_eq!((account.exhausted.map(|used| used.at), now), (Some(at(2)), false));
        assert_eq!(account.last_session, Some(session_id(1)));
    }

    #[test]
    fn a_higher_budget_arms_it_again_and_the_same_one_does_not() {
        let (used_up, _) = limited(10).book(tokens(12), session_id(1), at(1));
        let enforced = used_up.enforced(at(1));
        assert!(enforced.exhausted.is_some_and(|used| used.enforced));
        assert_eq!(enforced.clone().budgeted(enforced.budget, at(2)), enforced);
        let higher = enforced.clone().budgeted(Budget::new(None, Some(20)).ok(), at(2));
        assert_eq!(higher.exhausted, None);
        let (again, now) = higher.book(tokens(8), session_id(1), at(3));
        assert_eq!((again.exhausted, now), (Some(Exhaustion { at: at(3), enforced: false }), true));
        let none = enforced.budgeted(None, at(2));
        assert_eq!((none.budget, none.exhausted), (None, None));
    }

    #[test]
    fn a_budget_below_what_is_used_is_used_up_at_once() {
        let (account, _) = limited(1_000).book(tokens(12), session_id(1), at(1));
        let account = account.budgeted(Budget::new(Some(Cost::ZERO), None).ok(), at(2));
        assert_eq!(account.exhausted, Some(Exhaustion { at: at(2), enforced: false }));
    }

    #[test]
    fn an_old_pause_does_not_count_for_a_new_exhaustion() {
        let (account, _) = limited(1).book(tokens(1), session_id(1), at(5));
        assert!(account.enforced(at(4)).exhausted.is_some_and(|used| !used.enforced));
    }
}
