//! Accounts: a sum of usage, and an optional budget over it.

use std::collections::BTreeSet;
use std::fmt;

use super::{Budget, Span, Spent, Totals, Window};
use crate::day::Day;
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
    /// The limits of which time were reached.
    pub by: Span,
    /// Whether the pause for it was asked for.
    pub enforced: bool,
}

/// What was used lately, as far as a budget limits it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Windows {
    /// In the month of the last booking.
    pub month: Option<Window>,
    /// On the day of the last booking.
    pub day: Option<Window>,
}

impl Windows {
    /// That of a time; none for all time.
    #[must_use]
    pub const fn of(&self, span: Span) -> Option<Window> {
        match span {
            Span::Total => None,
            Span::Month => self.month,
            Span::Day => self.day,
        }
    }

    fn each(self, change: impl Fn(Span, Option<Window>) -> Option<Window>) -> Self {
        Self { month: change(Span::Month, self.month), day: change(Span::Day, self.day) }
    }
}

/// What a booking did to a budget.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Booked {
    /// It used the budget up.
    pub exhausted: bool,
    /// It reached the line of the warning, once for each time.
    pub warned: Vec<Span>,
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
    /// What was used in the times that the budget limits.
    pub windows: Windows,
    /// The times of whose limits a warning was given, or that were used up.
    pub warned: BTreeSet<Span>,
    /// Set when the budget is used up.
    pub exhausted: Option<Exhaustion>,
    /// Of a mission: whether the guard over agents that run wild leaves its agents alone.
    pub spared: bool,
    /// Of a session by itself: whether its telemetry has told of usage. From then on nothing else that it reports counts.
    pub by_telemetry: bool,
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
        let windows = Windows { month: None, day: None };
        let warned = BTreeSet::new();
        Self {
            key,
            opened_at: at,
            totals,
            last_session: None,
            budget: None,
            windows,
            warned,
            exhausted: None,
            spared: false,
            by_telemetry: false,
        }
    }

    /// Books what a session has used, and says what exactly this booking did to the budget.
    #[must_use]
    pub fn book(self, used: Totals, by: SessionId, at: Timestamp) -> (Self, Booked) {
        let account = self.current(at);
        let totals = account.totals.plus(used);
        let add =
            |_: Span, window: Option<Window>| window.map(|window| Window { spent: window.spent.plus(&used), ..window });
        let windows = account.windows.each(add);
        let was = account.exhausted;
        let (account, warned) = Self { totals, windows, last_session: Some(by), ..account }.judged(at);
        let exhausted = was.is_none() && account.exhausted.is_some();
        (account, Booked { exhausted, warned })
    }

    /// The account with another budget, or without one. An earlier pause no longer counts. `used` is what was used in the
    /// current month and on this day.
    #[must_use]
    pub fn budgeted(self, budget: Option<Budget>, used: Windows, at: Timestamp) -> Self {
        if self.budget == budget {
            return self;
        }
        let is_limited = |span| budget.is_some_and(|budget: Budget| budget.has(span));
        let windows = used.each(|span, window| {
            let new = Window { since: first_day(span, at), spent: Spent::default() };
            is_limited(span).then(|| window.unwrap_or(new))
        });
        // Whoever sets a budget sees how much of it is used.
        Self { budget, windows, warned: BTreeSet::new(), exhausted: None, ..self }.judged(at).0
    }

    /// The account at a moment: a new month or day begins with nothing used, and is no longer used up.
    #[must_use]
    pub fn current(self, at: Timestamp) -> Self {
        let is_over = |span: Span, window: Window| window.since < first_day(span, at);
        let over: Vec<Span> = Span::ALL
            .into_iter()
            .filter(|span| self.windows.of(*span).is_some_and(|window| is_over(*span, window)))
            .collect();
        if over.is_empty() {
            return self;
        }
        let windows = self.windows.each(|span, window| {
            let new = Window { since: first_day(span, at), spent: Spent::default() };
            window.map(|window| if over.contains(&span) { new } else { window })
        });
        let exhausted = self.exhausted.filter(|used_up| !over.contains(&used_up.by));
        let warned = self.warned.iter().copied().filter(|span| !over.contains(span)).collect();
        // What is left may be used up by another limit, whose pause came first or was not needed then.
        Self { windows, warned, exhausted, ..self }
    }

    /// What was used in a time that the budget limits.
    #[must_use]
    pub fn spent(&self, span: Span) -> Spent {
        match span {
            Span::Total => Spent::from(&self.totals),
            Span::Month | Span::Day => self.windows.of(span).map(|window| window.spent).unwrap_or_default(),
        }
    }

    /// The account after the pause for the budget that was used up at that time.
    #[must_use]
    pub fn enforced(self, at: Timestamp) -> Self {
        let exhausted = self.exhausted.map(|used| Exhaustion { enforced: used.enforced || used.at == at, ..used });
        Self { exhausted, ..self }
    }

    /// Judges what is used by the budget, and gives the times of which a warning is due.
    fn judged(mut self, at: Timestamp) -> (Self, Vec<Span>) {
        let Some(budget) = self.budget else { return (self, Vec::new()) };
        let is_reached = |span: &Span| budget.limits(*span).is_reached(&self.spent(*span));
        let reached: Vec<Span> = Span::ALL.into_iter().filter(is_reached).collect();
        let near = Span::ALL.into_iter().filter(|span| budget.is_near(*span, &self.spent(*span)));
        let due: Vec<Span> = near.filter(|span| !reached.contains(span) && !self.warned.contains(span)).collect();
        self.warned.extend(due.iter().chain(&reached));
        let fresh = reached.first().map(|by| Exhaustion { at, by: *by, enforced: false });
        self.exhausted = self.exhausted.or(fresh);
        (self, due)
    }
}

/// The first day of the month of a moment, or its day.
fn first_day(span: Span, at: Timestamp) -> Day {
    match span {
        Span::Total | Span::Month => Day::of(at).month(),
        Span::Day => Day::of(at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{at, session, session_id};
    use crate::usage::{Cost, Limits};

    fn tokens(n: u64) -> Totals {
        Totals { input_tokens: n, reports: 1, ..Totals::default() }
    }

    fn limited(max_tokens: u64) -> Account {
        let budget = Budget::new(None, Some(max_tokens)).expect("a budget");
        Account::open(AccountKey::Subtree(session_id(1)), at(0)).budgeted(Some(budget), Windows::default(), at(0))
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
        assert_eq!((account.exhausted, now.exhausted), (None, false));
        let (account, now) = account.book(tokens(1), session_id(2), at(2));
        assert_eq!(
            (account.exhausted, now.exhausted),
            (Some(Exhaustion { at: at(2), by: Span::Total, enforced: false }), true)
        );
        let (account, now) = account.book(tokens(1), session_id(1), at(3));
        assert_eq!((account.exhausted.map(|used| used.at), now.exhausted), (Some(at(2)), false));
        assert_eq!(account.last_session, Some(session_id(1)));
    }

    #[test]
    fn a_higher_budget_arms_it_again_and_the_same_one_does_not() {
        let (used_up, _) = limited(10).book(tokens(12), session_id(1), at(1));
        let enforced = used_up.enforced(at(1));
        assert!(enforced.exhausted.is_some_and(|used| used.enforced));
        assert_eq!(enforced.clone().budgeted(enforced.budget, Windows::default(), at(2)), enforced);
        let higher = enforced.clone().budgeted(Budget::new(None, Some(20)).ok(), Windows::default(), at(2));
        assert_eq!(higher.exhausted, None);
        let (again, now) = higher.book(tokens(8), session_id(1), at(3));
        assert_eq!(
            (again.exhausted, now.exhausted),
            (Some(Exhaustion { at: at(3), by: Span::Total, enforced: false }), true)
        );
        let none = enforced.budgeted(None, Windows::default(), at(2));
        assert_eq!((none.budget, none.exhausted), (None, None));
    }

    #[test]
    fn a_budget_below_what_is_used_is_used_up_at_once() {
        let (account, _) = limited(1_000).book(tokens(12), session_id(1), at(1));
        let account = account.budgeted(Budget::new(Some(Cost::ZERO), None).ok(), Windows::default(), at(2));
        assert_eq!(account.exhausted, Some(Exhaustion { at: at(2), by: Span::Total, enforced: false }));
    }

    #[test]
    fn an_old_pause_does_not_count_for_a_new_exhaustion() {
        let (account, _) = limited(1).book(tokens(1), session_id(1), at(5));
        assert!(account.enforced(at(4)).exhausted.is_some_and(|used| !used.enforced));
    }

    fn daily(max_tokens: u64) -> Account {
        let limits = Limits { max_tokens: Some(max_tokens), ..Limits::default() };
        let budget = Budget::of(Limits::default(), Limits::default(), limits, 80).ok();
        Account::open(AccountKey::Subtree(session_id(1)), at(0)).budgeted(budget, Windows::default(), at(0))
    }

    fn days(n: u64) -> Timestamp {
        at(0).saturating_add(std::time::Duration::from_secs(n * 86_400))
    }

    #[test]
    fn a_day_that_is_used_up_is_over_with_the_day() {
        let (account, now) = daily(10).book(tokens(10), session_id(1), days(0));
        assert!(now.exhausted && account.exhausted.is_some_and(|used| used.by == Span::Day));
        let (same, now) = account.clone().book(tokens(10), session_id(1), days(0));
        assert!(!now.exhausted && same.exhausted.is_some(), "a day is used up once");
        let tomorrow = account.clone().current(days(1));
        assert_eq!((tomorrow.exhausted, tomorrow.spent(Span::Day)), (None, Spent::default()));
        assert_eq!(tomorrow.totals.input_tokens, 10, "the total goes on");
        let (again, now) = account.book(tokens(10), session_id(1), days(1));
        assert!(now.exhausted && again.exhausted.is_some_and(|used| used.at == days(1)));
    }

    #[test]
    fn a_warning_comes_once_for_each_day_and_not_after_the_end() {
        let (account, now) = daily(10).book(tokens(8), session_id(1), days(0));
        assert_eq!(now.warned, [Span::Day]);
        let (account, now) = account.book(tokens(1), session_id(1), days(0));
        assert_eq!(now, Booked::default());
        let (account, now) = account.book(tokens(9), session_id(1), days(1));
        assert_eq!(now.warned, [Span::Day]);
        let (_, now) = account.book(tokens(50), session_id(1), days(2));
        assert_eq!(now, Booked { exhausted: true, warned: Vec::new() });
    }

    #[test]
    fn what_was_used_today_counts_for_a_budget_that_is_set_today() {
        let limits = Limits { max_tokens: Some(10), ..Limits::default() };
        let budget = Budget::of(Limits::default(), Limits::default(), limits, 80).ok();
        let used = Window { since: Day::of(days(0)), spent: Spent { tokens: 9, ..Spent::default() } };
        let used = Windows { day: Some(used), month: Some(used) };
        let account = Account::open(AccountKey::Subtree(session_id(1)), at(0)).budgeted(budget, used, days(0));
        assert_eq!(account.windows.month, None, "what has no limit is not counted");
        let (account, now) = account.book(tokens(1), session_id(1), days(0));
        assert!(now.exhausted && account.spent(Span::Day).tokens == 10);
    }

    #[test]
    fn a_booking_of_an_earlier_day_begins_no_new_one() {
        let (account, _) = daily(10).book(tokens(4), session_id(1), days(2));
        let (account, _) = account.book(tokens(4), session_id(1), days(1));
        assert_eq!(
            (account.spent(Span::Day).tokens, account.windows.day.map(|day| day.since)),
            (8, Some(Day::of(days(2))))
        );
    }
}
