//! Usage by day and model, and budgets over a day and a month.

use std::collections::BTreeSet;

use flightdeck_domain::day::Day;
use flightdeck_domain::feed::FleetEventKind;
use flightdeck_domain::message::NewMessage;
use flightdeck_domain::session::Registration;
use flightdeck_domain::time::Timestamp;
use flightdeck_domain::usage::{
    AccountKey, Budget, BudgetAction, Limits, Span, UsageBy, UsageLine, UsageOf, UsageQuery,
};
use serde_json::{Value, json};

use crate::given::{AWKWARD, at, by, child, registration, session_id, text};
use crate::state::State;
use crate::steps::{append, feed, of_kind, register};
use crate::usage::{usage_of, used};
use crate::{Harness, Store};

const DAY: i64 = 86_400;

/// Message `n` of a day, with what was used for it.
fn used_on(n: u32, day: i64, usage: Value) -> NewMessage {
    NewMessage { created_at: at(day * DAY), ..used(n, usage) }
}

fn day(day: i64) -> Day {
    Day::of(at(day * DAY))
}

fn query(of: UsageOf, by: &[UsageBy]) -> UsageQuery {
    UsageQuery { of, by: by.iter().copied().collect(), from: day(0), to: day(100), limit: 1_000 }
}

async fn lines(store: &dyn Store, query: UsageQuery) -> Vec<UsageLine> {
    store.broken_down(query).await.expect("read")
}

/// The usage of every day by everything.
pub(crate) async fn usage_days(store: &dyn Store) -> Vec<UsageLine> {
    let by = UsageBy::ALL.into_iter().collect();
    let (from, to) = (Day::of(Timestamp::FIRST), Day::of(Timestamp::LAST));
    lines(store, UsageQuery { of: UsageOf::Fleet, by, from, to, limit: 10_000 }).await
}

/// Its day, model and mission, and how many tokens and reports there were.
type Told = (Option<Day>, Option<String>, Option<String>, u64, u64);

fn told(lines: &[UsageLine]) -> Vec<Told> {
    let mission = |line: &UsageLine| line.mission_id.as_ref().map(ToString::to_string);
    let told = |line: &UsageLine| {
        let totals = &line.totals;
        (line.day, line.model.clone(), mission(line), totals.tokens(), totals.reports)
    };
    lines.iter().map(told).collect()
}

async fn given(store: &dyn Store) {
    register(store, Registration { mission_id: Some(text(AWKWARD)), ..registration(1) }).await;
    register(store, child(2, 1)).await;
    register(store, registration(3)).await;
    let first = vec![
        used_on(1, 1, json!({"model": "opus", "inputTokens": 1})),
        used_on(2, 1, json!({"model": "opus", "outputTokens": 2, "costUsd": 0.5})),
        used_on(3, 1, json!({"cacheReadTokens": 4})),
    ];
    append(store, 1, first.clone()).await;
    append(store, 1, first).await;
    append(store, 2, vec![used_on(1, 1, json!({"model": "opus", "cacheWriteTokens": 8}))]).await;
    append(store, 2, vec![used_on(2, 2, json!({"model": "haiku", "inputTokens": 16}))]).await;
    append(store, 3, vec![used_on(1, 2, json!({"model": "opus", "inputTokens": 32}))]).await;
    append(store, 1, vec![used_on(4, 1, json!({"model": "opus", "inputTokens": 64}))]).await;
}

/// A report counts on the day of its message, once, however often it comes.
pub async fn usage_is_summed_for_each_day_and_model(harness: &mut dyn Harness) {
    let store = &*harness.store();
    given(store).await;
    let opus = || Some("opus".to_owned());
    let found = lines(store, query(UsageOf::Fleet, &[UsageBy::Day, UsageBy::Model])).await;
    let expected = [
        (Some(day(1)), None, None, 4, 1),
        (Some(day(1)), opus(), None, 75, 4),
        (Some(day(2)), Some("haiku".to_owned()), None, 16, 1),
        (Some(day(2)), opus(), None, 32, 1),
    ];
    assert_eq!(told(&found), expected);
    assert_eq!((found[1].totals.input_tokens, found[1].totals.output_tokens), (65, 2));
    assert_eq!((found[1].totals.cost.to_string(), found[1].totals.priced_reports), ("0.50".to_owned(), 1));
    let by_nothing = lines(store, query(UsageOf::Fleet, &[])).await;
    assert_eq!(told(&by_nothing), [(None, None, None, 127, 7)]);
    assert_eq!(by_nothing[0].totals, store.of_fleet().await.expect("read"));
    let by_mission = lines(store, query(UsageOf::Fleet, &[UsageBy::Mission])).await;
    assert_eq!(told(&by_mission), [(None, None, None, 32, 1), (None, None, Some(AWKWARD.to_owned()), 95, 6)]);
    let by_agent = lines(store, query(UsageOf::Fleet, &[UsageBy::Agent])).await;
    let sessions: BTreeSet<_> = by_agent.iter().map(|line| (line.session_id, line.totals.tokens())).collect();
    let expected = [(1, 71), (2, 24), (3, 32)].map(|(n, tokens)| (Some(session_id(n)), tokens));
    assert_eq!(sessions, BTreeSet::from(expected));
}

/// Of a mission, of a session and all below it, and of some days.
pub async fn usage_of_some_days_and_sessions_is_summed(harness: &mut dyn Harness) {
    let store = &*harness.store();
    given(store).await;
    let all = |of| query(of, &[]);
    let tokens = |lines: Vec<UsageLine>| lines.iter().map(|line| line.totals.tokens()).collect::<Vec<_>>();
    assert_eq!(tokens(lines(store, all(UsageOf::Mission(text(AWKWARD)))).await), [95]);
    assert_eq!(tokens(lines(store, all(UsageOf::Mission(text("other")))).await), [0_u64; 0]);
    assert_eq!(tokens(lines(store, all(UsageOf::Subtree(session_id(1)))).await), [95]);
    assert_eq!(tokens(lines(store, all(UsageOf::Subtree(session_id(2)))).await), [24]);
    let days = |from, to| UsageQuery { from: day(from), to: day(to), ..all(UsageOf::Fleet) };
    assert_eq!(tokens(lines(store, days(2, 2)).await), [48]);
    assert_eq!(tokens(lines(store, days(3, 9)).await), [0_u64; 0]);
    let first = UsageQuery { limit: 1, ..query(UsageOf::Fleet, &[UsageBy::Day]) };
    assert_eq!(told(&lines(store, first).await), [(Some(day(1)), None, None, 79, 5)]);
}

/// A store keeps numbers of 63 bits.
pub async fn the_usage_of_a_day_stops_at_the_largest_number(harness: &mut dyn Harness) {
    let store = &*harness.store();
    register(store, registration(1)).await;
    let most = json!({"model": "m", "costUsd": 1_000_000_000});
    for n in 1..=12 {
        append(store, 1, vec![used_on(n, 1, most.clone())]).await;
    }
    let found = lines(store, query(UsageOf::Fleet, &[UsageBy::Model])).await;
    assert_eq!((found[0].totals.cost.nanos(), found[0].totals.reports), (i64::MAX.unsigned_abs(), 12));
}

fn daily(most: u64, warn_at: u64, second: i64) -> BudgetAction {
    let limits = Limits { max_tokens: Some(most), ..Limits::default() };
    let budget = Budget::of(Limits::default(), Limits::default(), limits, warn_at).expect("a budget");
    let moment = flightdeck_domain::action::Attribution { at: at(second), ..by(1, 60) };
    BudgetAction { key: AccountKey::Subtree(session_id(1)), budget: Some(budget), by: moment }
}

/// What was used on the day of its booking, before the budget was set, too; the next day begins anew.
pub async fn a_budget_over_a_day_is_used_up_on_each_day_anew(harness: &mut dyn Harness) {
    let store = &*harness.store();
    register(store, registration(1)).await;
    let report = |n, moment: Timestamp, tokens: u64| {
        let message = NewMessage { created_at: moment, ..used(n, json!({"inputTokens": tokens})) };
        async move { store.append(session_id(1), vec![message], moment).await.expect("appended").exhausted }
    };
    assert!(!report(1, at(5 * DAY), 6).await);
    let set = store.set_budget(daily(10, 0, 5 * DAY + 1)).await.expect("set").account;
    assert_eq!((set.spent(Span::Day).tokens, set.exhausted), (6, None));
    assert!(report(2, at(5 * DAY + 2), 4).await);
    let account = usage_of(store, session_id(1)).await.subtree;
    let used_up = account.exhausted.expect("used up");
    assert_eq!((used_up.at, used_up.by, used_up.enforced), (at(5 * DAY + 2), Span::Day, false));
    store.enforced(account.key.clone(), used_up.at).await.expect("noted");
    assert!(!report(3, at(5 * DAY + 3), 100).await, "once a day");
    assert!(!report(4, at(6 * DAY), 9).await);
    let account = usage_of(store, session_id(1)).await.subtree;
    assert_eq!((account.spent(Span::Day).tokens, account.exhausted), (9, None));
    assert_eq!(account.windows.day.map(|window| window.since), Some(day(6)));
    assert!(report(5, at(6 * DAY + 1), 1).await);
}

/// Once for each time, on the fleet feed, in the transaction of the booking.
pub async fn a_warning_comes_before_a_budget_is_used_up(harness: &mut dyn Harness) {
    let store = &*harness.store();
    register(store, registration(1)).await;
    register(store, child(2, 1)).await;
    store.set_budget(daily(10, 50, 60)).await.expect("set");
    append(store, 2, vec![used(1, json!({"inputTokens": 4}))]).await;
    assert_eq!(of_kind(&feed(store).await, FleetEventKind::Budget).len(), 0);
    append(store, 2, vec![used(2, json!({"inputTokens": 1}))]).await;
    append(store, 2, vec![used(2, json!({"inputTokens": 1}))]).await;
    append(store, 1, vec![used(3, json!({"inputTokens": 1}))]).await;
    let events = feed(store).await;
    let [warning] = *of_kind(&events, FleetEventKind::Budget) else { panic!("{events:?}") };
    let data = warning.data.as_map();
    assert_eq!((warning.session_id, &data["span"], &data["tokens"]), (Some(session_id(1)), &json!("day"), &json!(5)));
    let account = usage_of(store, session_id(1)).await.subtree;
    assert_eq!((account.warned, account.exhausted), (BTreeSet::from([Span::Day]), None));
    assert!(append(store, 2, vec![used(4, json!({"inputTokens": 4}))]).await.exhausted);
    assert_eq!(of_kind(&feed(store).await, FleetEventKind::Budget).len(), 1);
}

/// Usage of days is written with its messages or not at all.
pub async fn the_usage_of_a_refused_batch_is_on_no_day(harness: &mut dyn Harness) {
    let store = &*harness.store();
    given(store).await;
    let before = State::of(store).await;
    let days = || lines(store, query(UsageOf::Fleet, &UsageBy::ALL));
    let was = days().await;
    let conflict = vec![
        used_on(9, 1, json!({"model": "opus", "inputTokens": 7})),
        used_on(1, 1, json!({"model": "opus", "inputTokens": 6})),
    ];
    store.append(session_id(1), conflict, at(0)).await.expect_err("another message has the id");
    assert_eq!((State::of(store).await, days().await), (before, was));
}
