//! Usage is summed and budgets are kept: [`flightdeck_domain::ports::UsageRepository`].

use std::collections::BTreeMap;

use flightdeck_domain::action::{ActionName, Attribution};
use flightdeck_domain::audit::{AuditOutcome, AuditTarget};
use flightdeck_domain::guard::GuardSwitch;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::message::{MessageRole, NewMessage};
use flightdeck_domain::mission_set::MissionSet;
use flightdeck_domain::operation::{Reach, ScopedAction, Wish};
use flightdeck_domain::operator::Actor;
use flightdeck_domain::ports::{AppendError, MissionQuery, MissionSummary, SessionUsage, SetBudgetError};
use flightdeck_domain::session::{DesiredStatus, Registration, SessionStatus};
use flightdeck_domain::text::{JsonObject, MissionId};
use flightdeck_domain::usage::{Account, AccountKey, Budget, BudgetAction, BudgetRefused, Exhaustion, Span, Totals};
use serde_json::{Value, json};

use crate::given::{AWKWARD, at, by, child, message, observation, reason, registration, scoped, session_id, text};
use crate::state::State;
use crate::steps::{append, audit, conversation, newest_entry, observe, register, session, together};
use crate::{Harness, Store};

/// Message `n`, with what was used for it.
pub(crate) fn used(n: u32, usage: Value) -> NewMessage {
    let metadata = [("usage".to_owned(), usage)].into_iter().collect();
    NewMessage { metadata: JsonObject::new(metadata).expect("short enough"), ..message(n) }
}

/// A budget of so many tokens, set at a second.
pub(crate) fn budget(key: AccountKey, max_tokens: u64, second: u32) -> BudgetAction {
    BudgetAction { key, budget: Some(Budget::new(None, Some(max_tokens)).expect("a budget")), by: by(1, second) }
}

pub(crate) async fn usage_of(store: &dyn Store, session: SessionId) -> SessionUsage {
    store.of_session(session).await.expect("read").expect("the session is there")
}

/// Every mission, newest first.
pub(crate) async fn missions(store: &dyn Store) -> Vec<MissionSummary> {
    let page = store.missions(MissionQuery { after: None, missions: None, limit: 1_000 }).await.expect("read");
    assert_eq!(page.next, None);
    page.missions
}

fn mission(name: &str) -> MissionId {
    text(name)
}

fn of_mission(n: u32, name: &str) -> Registration {
    Registration { mission_id: Some(mission(name)), ..registration(n) }
}

async fn account(store: &dyn Store, name: &str) -> Account {
    store.of_mission(mission(name)).await.expect("read").expect("the mission is there").account
}

fn tokens(totals: &Totals) -> (u64, u64, u64, u64) {
    (totals.input_tokens, totals.output_tokens, totals.cache_read_tokens, totals.cache_write_tokens)
}

/// What telemetry told, as its messages say.
fn told(n: u32, tokens: u32) -> NewMessage {
    let usage = json!({"inputTokens": tokens});
    let metadata = [("usage".to_owned(), usage), ("source".to_owned(), "telemetry".into())].into_iter().collect();
    NewMessage { metadata: JsonObject::new(metadata).expect("short enough"), ..message(n) }
}

/// What was reported before it stays, in all accounts; another session is not concerned.
pub async fn what_telemetry_has_told_of_is_not_counted_again(harness: &mut dyn Harness) {
    let store = &*harness.store();
    register(store, of_mission(1, AWKWARD)).await;
    register(store, child(2, 1)).await;
    append(store, 2, vec![used(1, json!({"inputTokens": 1}))]).await;
    append(store, 2, vec![told(2, 10), message(3)]).await;
    append(store, 2, vec![used(4, json!({"inputTokens": 100, "model": "m"})), told(5, 1_000)]).await;
    append(store, 2, vec![used(6, json!({"inputTokens": 10_000}))]).await;
    append(store, 1, vec![used(7, json!({"inputTokens": 100_000}))]).await;
    let (top, below) = (usage_of(store, session_id(1)).await, usage_of(store, session_id(2)).await);
    assert_eq!((below.own.input_tokens, below.own.reports), (1_011, 3));
    assert_eq!((top.own.input_tokens, top.subtree.totals.input_tokens), (100_000, 101_011));
    assert_eq!(store.of_fleet().await.expect("read").input_tokens, 101_011);
    assert_eq!(conversation(store, 2).await.len(), 6, "what does not count is on the record");
}

/// Above a session it counts for every subtree, beside it for none.
pub async fn a_report_is_booked_on_the_session_its_subtrees_and_its_mission(harness: &mut dyn Harness) {
    let store = &*harness.store();
    register(store, of_mission(1, AWKWARD)).await;
    register(store, child(2, 1)).await;
    register(store, child(3, 2)).await;
    register(store, child(4, 1)).await;
    let usage =
        json!({"inputTokens": 1, "outputTokens": 2, "cacheReadTokens": 3, "cacheWriteTokens": 4, "costUsd": 0.1});
    append(store, 3, vec![used(1, usage), message(2), used(3, json!({"inputTokens": 10}))]).await;
    append(store, 2, vec![used(1, json!({"costUsd": 0.2}))]).await;
    let three = usage_of(store, session_id(3)).await;
    assert_eq!((tokens(&three.own), three.own), ((11, 2, 3, 4), three.subtree.totals));
    assert_eq!((three.own.reports, three.own.priced_reports), (2, 1));
    let two = usage_of(store, session_id(2)).await;
    assert_eq!((tokens(&two.own), tokens(&two.subtree.totals)), ((0, 0, 0, 0), (11, 2, 3, 4)));
    assert_eq!(two.subtree.totals.cost.to_string(), "0.30");
    let one = usage_of(store, session_id(1)).await;
    assert_eq!((one.own, one.subtree.totals), (Totals::default(), two.subtree.totals));
    assert_eq!(usage_of(store, session_id(4)).await.subtree.totals, Totals::default());
    let mission = account(store, AWKWARD).await;
    assert_eq!((mission.totals, mission.last_session), (one.subtree.totals, Some(session_id(2))));
}

/// With and without a mission, each session once.
pub async fn the_fleet_used_what_its_sessions_used(harness: &mut dyn Harness) {
    let store = &*harness.store();
    assert_eq!(store.of_fleet().await.expect("read"), Totals::default());
    register(store, of_mission(1, "apollo")).await;
    register(store, child(2, 1)).await;
    register(store, registration(3)).await;
    append(store, 1, vec![used(1, json!({"inputTokens": 1, "costUsd": 0.5}))]).await;
    append(store, 2, vec![used(1, json!({"outputTokens": 20}))]).await;
    append(store, 3, vec![used(1, json!({"cacheReadTokens": 300, "cacheWriteTokens": 4000, "costUsd": 0.25}))]).await;
    let all = store.of_fleet().await.expect("read");
    assert_eq!((tokens(&all), all.reports, all.priced_reports), ((1, 20, 300, 4_000), 3, 2));
    assert_eq!(all.cost.to_string(), "0.75");
}

/// The id of the message is what makes it count once.
pub async fn a_message_that_comes_again_is_not_counted_again(harness: &mut dyn Harness) {
    let store = &*harness.store();
    register(store, of_mission(1, "apollo")).await;
    let batch = || vec![used(1, json!({"inputTokens": 5})), used(2, json!({"inputTokens": 7}))];
    append(store, 1, batch()[..1].to_vec()).await;
    append(store, 1, batch()).await;
    append(store, 1, batch()).await;
    assert_eq!(usage_of(store, session_id(1)).await.own.input_tokens, 12);
    assert_eq!(account(store, "apollo").await.totals.reports, 2);
}

/// Usage is written with the messages or not at all.
pub async fn a_refused_batch_is_not_booked(harness: &mut dyn Harness) {
    let store = &*harness.store();
    register(store, registration(1)).await;
    append(store, 1, vec![used(1, json!({"inputTokens": 5}))]).await;
    let before = State::of(store).await;
    let conflict = vec![used(2, json!({"inputTokens": 7})), used(1, json!({"inputTokens": 6}))];
    let refused = store.append(session_id(1), conflict, at(0)).await;
    assert!(matches!(refused, Err(AppendError::Refused(_))), "{refused:?}");
    assert_eq!(State::of(store).await, before);
}

/// However many report at once below one session and in one mission.
pub async fn of_racing_reports_each_counts_once(harness: &mut dyn Harness) {
    let store = harness.store();
    register(&*store, of_mission(1, "apollo")).await;
    for n in 2..=9 {
        register(&*store, child(n, 1)).await;
    }
    together(32, |n| {
        let store = harness.store();
        async move { append(&*store, 2 + n % 8, vec![used(n / 8 + 1, json!({"outputTokens": n + 1}))]).await }
    })
    .await;
    let sum = u64::from(32_u32 * 33 / 2);
    assert_eq!(usage_of(&*store, session_id(1)).await.subtree.totals.output_tokens, sum);
    let totals = account(&*store, "apollo").await.totals;
    assert_eq!((totals.output_tokens, totals.reports), (sum, 32));
}

/// It is there all the same.
pub async fn a_session_without_reports_has_used_nothing(harness: &mut dyn Harness) {
    let store = &*harness.store();
    register(store, registration(1)).await;
    let usage = usage_of(store, session_id(1)).await;
    let subtree = Account::open(AccountKey::Subtree(session_id(1)), at(0));
    assert_eq!(usage, SessionUsage { own: Totals::default(), subtree });
    assert_eq!(store.of_session(session_id(2)).await.expect("read"), None);
}

/// The counts are those of the moment.
pub async fn a_mission_counts_its_sessions_by_status(harness: &mut dyn Harness) {
    let store = &*harness.store();
    for n in 1..=3 {
        register(store, of_mission(n, "apollo")).await;
    }
    register(store, child(4, 3)).await;
    register(store, registration(5)).await;
    observe(store, observation(1, SessionStatus::Idle, 1)).await;
    observe(store, observation(2, SessionStatus::Completed, 2)).await;
    let [summary] = <[MissionSummary; 1]>::try_from(missions(store).await).expect("one mission");
    let counts = [(SessionStatus::Running, 2), (SessionStatus::Idle, 1), (SessionStatus::Completed, 1)];
    assert_eq!(summary.sessions, BTreeMap::from(counts));
}

/// A budget may come before whoever uses it.
pub async fn a_mission_is_there_from_its_first_session_or_its_budget_on(harness: &mut dyn Harness) {
    let store = &*harness.store();
    assert_eq!(store.of_mission(mission("apollo")).await.expect("read"), None);
    register(store, Registration { at: at(5), ..of_mission(1, "apollo") }).await;
    register(store, Registration { at: at(6), ..of_mission(2, "apollo") }).await;
    assert_eq!(account(store, "apollo").await.opened_at, at(5));
    store.set_budget(budget(AccountKey::Mission(mission("gemini")), 5, 7)).await.expect("set");
    register(store, Registration { at: at(9), ..of_mission(3, "gemini") }).await;
    let gemini = account(store, "gemini").await;
    assert_eq!((gemini.opened_at, gemini.budget.and_then(|budget| budget.max_tokens())), (at(7), Some(5)));
}

/// Equal times by id, highest first.
pub async fn missions_are_listed_newest_first_in_pages(harness: &mut dyn Harness) {
    let store = &*harness.store();
    for (n, (name, second)) in (1..).zip([("b", 3), ("a", 3), ("Z", 3), ("ä", 3), ("old", 1), ("new", 9)]) {
        register(store, Registration { at: at(second), ..of_mission(n, name) }).await;
    }
    let names = |page: &[MissionSummary]| page.iter().map(|it| it.id.to_string()).collect::<Vec<_>>();
    let all = missions(store).await;
    assert_eq!(names(&all), ["new", "ä", "b", "a", "Z", "old"]);
    let (mut after, mut paged) = (None, Vec::new());
    loop {
        let page = store.missions(MissionQuery { after, missions: None, limit: 2 }).await.expect("read");
        assert!(page.missions.len() <= 2);
        paged.extend(page.missions);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(paged, all);
    let wanted = MissionSet::new(["a", "old", "new", "unknown"].map(mission)).ok();
    let (mut after, mut paged) = (None, Vec::new());
    loop {
        let page = store.missions(MissionQuery { after, missions: wanted.clone(), limit: 2 }).await.expect("read");
        paged.extend(page.missions);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(names(&paged), ["new", "a", "old"]);
}

/// Who set it, and how much.
pub async fn a_budget_is_set_on_record_and_read_back(harness: &mut dyn Harness) {
    let store = &*harness.store();
    register(store, registration(1)).await;
    let key = AccountKey::Subtree(session_id(1));
    let set = store.set_budget(budget(key.clone(), 5, 60)).await.expect("set");
    let entry = newest_entry(store).await;
    assert_eq!(
        (entry.action, entry.seq, entry.outcome),
        (ActionName::BudgetSet, set.audit_seq, AuditOutcome::Accepted)
    );
    assert_eq!((entry.target, entry.details["maxTokens"].as_str()), (AuditTarget::Session(session_id(1)), "5"));
    assert_eq!(usage_of(store, session_id(1)).await.subtree, set.account);
    let removal = BudgetAction { budget: None, ..budget(key, 5, 61) };
    assert_eq!(store.set_budget(removal).await.expect("removed").account.budget, None);
    assert_eq!(usage_of(store, session_id(1)).await.subtree.budget, None);
}

/// There is no such session.
pub async fn a_budget_of_nobody_is_refused_on_record(harness: &mut dyn Harness) {
    let store = &*harness.store();
    let refused = store.set_budget(budget(AccountKey::Subtree(session_id(9)), 5, 60)).await;
    let unknown = BudgetRefused::UnknownSession(session_id(9));
    assert!(matches!(refused, Err(SetBudgetError::Refused(refused)) if refused == unknown));
    assert_eq!(newest_entry(store).await.outcome, AuditOutcome::Refused);
}

/// What cannot be recorded is not done.
pub async fn a_budget_without_its_entry_is_not_set(harness: &mut dyn Harness) {
    let store = &*harness.store();
    register(store, of_mission(1, "apollo")).await;
    let before = State::of(store).await;
    harness.break_audit().await;
    for key in [AccountKey::Subtree(session_id(1)), AccountKey::Mission(mission("gemini"))] {
        let broken = store.set_budget(budget(key, 5, 60)).await;
        assert!(matches!(broken, Err(SetBudgetError::Unavailable(_))), "{broken:?}");
    }
    harness.mend_audit().await;
    assert_eq!(State::of(store).await, before);
}

/// Of a child's report, too.
pub async fn the_report_that_uses_a_budget_up_says_so_once(harness: &mut dyn Harness) {
    let store = &*harness.store();
    register(store, of_mission(1, "apollo")).await;
    register(store, child(2, 1)).await;
    store.set_budget(budget(AccountKey::Subtree(session_id(1)), 10, 60)).await.expect("set");
    assert!(!append(store, 2, vec![used(1, json!({"inputTokens": 9}))]).await.exhausted);
    assert!(append(store, 2, vec![used(2, json!({"inputTokens": 1}))]).await.exhausted);
    assert!(!append(store, 2, vec![used(2, json!({"inputTokens": 1}))]).await.exhausted);
    assert!(!append(store, 1, vec![used(3, json!({"inputTokens": 1}))]).await.exhausted);
    assert!(!append(store, 1, vec![message(4)]).await.exhausted);
}

/// And then no more, until it is used up again.
pub async fn a_budget_is_due_until_its_pause_was_asked_for(harness: &mut dyn Harness) {
    let store = &*harness.store();
    let keys = [AccountKey::Mission(mission("apollo")), AccountKey::Subtree(session_id(1))];
    register(store, of_mission(1, "apollo")).await;
    assert_eq!(store.exhausted(10).await.expect("read"), []);
    store.set_budget(budget(keys[1].clone(), 10, 60)).await.expect("set");
    store.append(session_id(1), vec![used(1, json!({"inputTokens": 10}))], at(61)).await.expect("appended");
    store.set_budget(budget(keys[0].clone(), 10, 62)).await.expect("set");
    let due = store.exhausted(10).await.expect("read");
    let names: Vec<_> = due.iter().map(|account| account.key.clone()).collect();
    assert_eq!(names, [keys[1].clone(), keys[0].clone()], "the earliest first");
    assert_eq!(due[1].last_session, Some(session_id(1)));
    assert_eq!(store.exhausted(1).await.expect("read"), due[..1]);
    store.enforced(keys[1].clone(), at(61)).await.expect("noted");
    store.enforced(keys[0].clone(), at(1)).await.expect("an old pause says nothing");
    assert_eq!(store.exhausted(10).await.expect("read"), due[1..]);
    let used_up = usage_of(store, session_id(1)).await.subtree.exhausted;
    assert_eq!(used_up, Some(Exhaustion { at: at(61), by: Span::Total, enforced: true }));
    store.set_budget(budget(keys[1].clone(), 9, 63)).await.expect("set");
    assert_eq!(store.exhausted(10).await.expect("read").len(), 2, "another budget, used up at once");
}

/// One entry, one operation, and why in each conversation.
pub async fn the_pause_of_a_budget_is_told_in_each_conversation(harness: &mut dyn Harness) {
    let store = &*harness.store();
    register(store, registration(1)).await;
    register(store, child(2, 1)).await;
    let by = Attribution { actor: Actor::budget(), reason: Some(reason("used up")), ..by(1, 70) };
    let pause = ScopedAction { by, ..scoped(1, 1, Wish::Pause, Reach::Subtree) };
    let entries = audit(store).await.len();
    store.commit_scoped(pause).await.expect("accepted");
    assert_eq!(audit(store).await.len(), entries + 1);
    assert_eq!(newest_entry(store).await.actor, Actor::budget());
    for n in [1, 2] {
        let said = conversation(store, n).await.pop().expect("a message");
        assert_eq!((said.role, said.content.as_str()), (MessageRole::System, "pause requested: used up"));
        let session = session(store, n).await;
        assert_eq!((session.desired_status, session.last_seq), (DesiredStatus::Paused, said.seq));
    }
    register(store, registration(3)).await;
    store.commit_scoped(scoped(2, 3, Wish::Pause, Reach::Subtree)).await.expect("accepted");
    assert!(conversation(store, 3).await.is_empty(), "a person's pause is no message");
}

/// The account stays as it is, with its budget; a mission may be spared before its first session.
pub async fn the_guard_is_switched_for_a_mission_on_record(harness: &mut dyn Harness) {
    let store = &*harness.store();
    let switch = |watched, second| GuardSwitch { mission: mission("apollo"), watched, by: by(1, second) };
    let done = store.switch_guard(switch(false, 60)).await.expect("switched");
    assert!(done.account.spared && account(store, "apollo").await.spared);
    let entry = newest_entry(store).await;
    assert_eq!((entry.action, entry.details["watched"].as_str()), (ActionName::GuardSet, "false"));
    store.set_budget(budget(AccountKey::Mission(mission("apollo")), 5, 61)).await.expect("set");
    register(store, of_mission(1, "apollo")).await;
    append(store, 1, vec![used(1, json!({"inputTokens": 9}))]).await;
    let before = account(store, "apollo").await;
    assert!(before.spared && before.exhausted.is_some());
    store.switch_guard(switch(true, 62)).await.expect("switched");
    assert_eq!(account(store, "apollo").await, Account { spared: false, ..before });
    let before = State::of(store).await;
    harness.break_audit().await;
    store.switch_guard(switch(false, 63)).await.expect_err("it cannot be recorded");
    harness.mend_audit().await;
    assert_eq!(State::of(store).await, before);
}
