use super::*;
use crate::fixtures::{at, observed, session, session_id};
use crate::ids::{FeedPosition, SessionId};
use crate::ports::{MockClock, SessionCursor, SessionPage};
use crate::provider_config::{ConfigName, StartedBy};
use crate::runner::fixtures::{assignment, leased, name, runner, started};
use crate::runner::{RunnerState, WhenLost};
use crate::session::{Observation, Session};
use crate::use_cases::Ports;
use crate::use_cases::testing::MockPorts;

/// What the tests see of what was done: the status and reason that a session was told, or what became of an assignment.
#[derive(Clone, Debug, PartialEq)]
enum Done {
    Told(SessionId, SessionStatus, String),
    Cancelled(SessionId),
    Ended(SessionId),
}

/// A deployment at rest: what is in its store.
#[derive(Clone, Default)]
struct World {
    sessions: Vec<Session>,
    runners: Vec<Runner>,
    assignments: Vec<Assignment>,
    /// Sessions whose assignment a runner starts just now: they are not taken back any more.
    overtaken: Vec<SessionId>,
    /// A page of sessions has so many; all of them when 0.
    page: usize,
    /// How many looks at the assignments fail, from the first one on.
    outages: usize,
}

/// Its keeper, which was made at second 0, and what it has done.
struct Kept {
    keep: KeepRunners,
    second: Arc<Mutex<i64>>,
    done: Arc<Mutex<Vec<Done>>>,
    looked_at: Arc<Mutex<Vec<SessionId>>>,
}

impl Kept {
    async fn looks(&self, second: i64) -> Result<usize, StoreUnavailable> {
        *self.second.lock().expect("kept") = second;
        self.keep.execute().await
    }

    /// Looks at this second, and gives what was done.
    async fn pass(&self, second: i64) -> Vec<Done> {
        let moved = self.looks(second).await.expect("looked");
        let done = std::mem::take(&mut *self.done.lock().expect("kept"));
        assert_eq!(moved, done.iter().filter(|it| matches!(it, Done::Told(..))).count());
        done
    }

    /// Looks at this second, after it has looked often enough that a silent runner is gone then.
    async fn at_length(&self, second: i64) -> Vec<Done> {
        for earlier in (0..second).step_by(30) {
            self.looks(earlier).await.expect("looked");
        }
        self.done.lock().expect("kept").clear();
        self.pass(second).await
    }
}

impl World {
    fn kept(self) -> Kept {
        let mut mocks = MockPorts::default();
        let (done, looked_at) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
        let Self { sessions, runners, assignments, overtaken, page, outages } = self;
        mocks.runners.expect_runners().returning(move || Ok(runners.clone()));
        if outages > 0 {
            mocks.runners.expect_assignments().times(outages).returning(|_, _, _| Err(StoreUnavailable::new("away")));
        }
        let all = assignments.clone();
        mocks.runners.expect_assignments().returning(move |filter, after, _| {
            let live = all.iter().filter(|it| filter.states.contains(&it.state));
            Ok(live.filter(|it| after.is_none_or(|after| (it.created_at, it.session_id) > after)).cloned().collect())
        });
        let all = assignments.clone();
        mocks.runners.expect_assignment().returning(move |id| Ok(all.iter().find(|it| it.session_id == id).cloned()));
        let kept = Arc::clone(&done);
        mocks.runners.expect_cancel_assignment().returning(move |id| {
            kept.lock().expect("kept").push(Done::Cancelled(id));
            Ok(!overtaken.contains(&id))
        });
        let kept = Arc::clone(&done);
        mocks.runners.expect_end_assignment().returning(move |id| {
            kept.lock().expect("kept").push(Done::Ended(id));
            Ok(true)
        });
        let (all, looked) = (sessions.clone(), Arc::clone(&looked_at));
        mocks.sessions.expect_get().returning(move |id| {
            looked.lock().expect("kept").push(id);
            Ok(all.iter().find(|session| session.id == id).cloned())
        });
        mocks.sessions.expect_list().returning(move |query| {
            // All of them are in the tree of the first.
            let matching = sessions.iter().filter(|session| query.filter.holds(session, |_| true)).cloned();
            let limit = if page == 0 { query.limit } else { page };
            let (sessions, next): (_, Option<SessionCursor>) =
                SessionQuery { limit, ..query.clone() }.page_of(matching.collect());
            Ok(SessionPage { sessions, next, as_of: FeedPosition::ZERO })
        });
        let kept = Arc::clone(&done);
        mocks.sessions.expect_observe().returning(move |Observation { session_id, status, reason, .. }| {
            kept.lock().expect("kept").push(Done::Told(session_id, status, reason.expect("a reason").to_string()));
            Ok(observed(session(1), false))
        });
        let second = Arc::new(Mutex::new(0));
        let (mut clock, shown) = (MockClock::new(), Arc::clone(&second));
        clock.expect_now().returning(move || at(*shown.lock().expect("kept")));
        let ports = Ports { clock: Arc::new(clock), ..mocks.ports() };
        Kept { keep: KeepRunners::new(&ports), second, done, looked_at }
    }
}

/// Session `n`, which a runner is to start.
fn spawning(n: u128) -> Session {
    let started_by = StartedBy { name: ConfigName::new("claude").expect("valid"), revision: 7 };
    Session {
        status: SessionStatus::Spawning,
        provider: ProviderName::runner(),
        started_by: Some(started_by),
        ..session(n)
    }
}

fn running(n: u128) -> Session {
    Session { status: SessionStatus::Running, ..spawning(n) }
}

/// A session that the agent of session 1 has registered.
fn below(n: u128) -> Session {
    Session { parent_id: Some(session_id(1)), started_by: None, spawned_at: at(1), ..running(n) }
}

fn killed(session: Session) -> Session {
    Session { desired_status: DesiredStatus::Killed, ..session }
}

fn told(n: u128, status: SessionStatus, why: &str) -> Done {
    Done::Told(session_id(n), status, why.to_owned())
}

fn failed(n: u128, why: &str) -> Done {
    told(n, SessionStatus::Failed, why)
}

fn lost(n: u128, why: &str) -> Done {
    told(n, SessionStatus::Lost, why)
}

fn without_requeue(assignment: Assignment) -> Assignment {
    Assignment { when_lost: WhenLost { requeue: false, ..assignment.when_lost }, ..assignment }
}

fn heard_at(second: i64) -> Runner {
    Runner { seen_at: at(second), ..runner("one") }
}

/// Session 1 is at work on runner `one`.
fn at_work(seen_at: i64) -> World {
    World {
        sessions: vec![running(1)],
        runners: vec![heard_at(seen_at)],
        assignments: vec![started(1)],
        ..World::default()
    }
}

const SILENT: &str = "runner one has been silent since 2026-01-01T00:00:00.000000Z";
const KILLED: &str = "it was killed before a runner had started it";
const UNCONFIRMED: &str = "runner one took it and did not confirm its start in time";

#[tokio::test]
async fn what_waits_is_left_alone() {
    let world = World { sessions: vec![spawning(1)], assignments: vec![assignment(1)], ..World::default() };
    assert_eq!(world.kept().at_length(900).await, []);
}

#[tokio::test]
async fn an_assignment_whose_session_is_over_or_gone_ends() {
    let over = Session { status: SessionStatus::Completed, ..running(1) };
    for sessions in [vec![over], vec![]] {
        let world = World { sessions, ..at_work(0) };
        assert_eq!(world.kept().pass(0).await, [Done::Ended(session_id(1))]);
    }
}

#[tokio::test]
async fn an_assignment_stays_while_sessions_below_an_ended_one_live() {
    let over = Session { status: SessionStatus::Completed, ..running(1) };
    let world = World { sessions: vec![over.clone(), below(2), below(3)], ..at_work(0) };
    let kept = world.clone().kept();
    for second in [0, 30] {
        assert_eq!(kept.pass(second).await, [], "their runner still reports for them");
    }
    assert_eq!(kept.pass(31).await, [lost(3, SILENT), lost(2, SILENT)], "and they share its fate");
    let removed = World { runners: vec![], ..world.clone() };
    let why = "runner one was removed";
    assert_eq!(removed.kept().pass(0).await, [failed(3, why), failed(2, why), Done::Ended(session_id(1))]);
    // Those below an ended one that nobody has started are nobody's.
    let cancelled = World { assignments: vec![Assignment { state: AssignmentState::Cancelled, ..leased(1) }], ..world };
    assert_eq!(cancelled.kept().pass(0).await, [Done::Ended(session_id(1))]);
    let ended = World { sessions: vec![over, Session { status: SessionStatus::Killed, ..below(2) }], ..at_work(0) };
    assert_eq!(ended.kept().pass(0).await, [Done::Ended(session_id(1))]);
}

#[tokio::test]
async fn what_was_killed_before_its_start_is_told_so_at_once() {
    for found in [assignment(1), leased(1)] {
        let world = World { sessions: vec![killed(spawning(1))], assignments: vec![found], ..World::default() };
        let expected = [Done::Cancelled(session_id(1)), told(1, SessionStatus::Killed, KILLED)];
        assert_eq!(world.kept().pass(0).await, expected);
    }
    // It was taken back already, and then the server stopped.
    let cancelled = Assignment { state: AssignmentState::Cancelled, ..leased(1) };
    let world = World { sessions: vec![killed(spawning(1))], assignments: vec![cancelled], ..World::default() };
    assert_eq!(world.kept().pass(0).await, [told(1, SessionStatus::Killed, KILLED)]);
}

#[tokio::test]
async fn a_start_that_is_confirmed_in_the_meantime_goes_before_a_kill() {
    let world = World {
        sessions: vec![killed(spawning(1))],
        assignments: vec![leased(1)],
        overtaken: vec![session_id(1)],
        ..World::default()
    };
    assert_eq!(world.kept().pass(0).await, [Done::Cancelled(session_id(1))]);
}

#[tokio::test]
async fn a_lapsed_lease_fails_the_session_when_it_is_not_to_be_passed_on() {
    let world = |found| World { sessions: vec![spawning(1)], assignments: vec![found], ..World::default() };
    let kept = world(without_requeue(leased(1))).kept();
    assert_eq!(kept.pass(0).await, []);
    assert_eq!(kept.pass(30).await, []);
    assert_eq!(kept.pass(31).await, [Done::Cancelled(session_id(1)), failed(1, UNCONFIRMED)]);
    assert_eq!(world(leased(1)).kept().at_length(900).await, [], "another runner may lease it");
    let long_ago = Assignment { leased_until: Some(at(-1_000)), ..without_requeue(leased(1)) };
    let kept = world(long_ago).kept();
    assert_eq!(kept.pass(0).await, [], "its runner could not confirm the start while the server was down");
    assert_eq!(kept.pass(30).await, []);
    assert_eq!(kept.pass(31).await, [Done::Cancelled(session_id(1)), failed(1, UNCONFIRMED)]);
    assert_eq!(world(without_requeue(assignment(1))).kept().at_length(900).await, [], "nobody has leased it yet");
    let cancelled = Assignment { state: AssignmentState::Cancelled, ..without_requeue(leased(1)) };
    assert_eq!(world(cancelled).kept().pass(0).await, [failed(1, UNCONFIRMED)], "the server stopped in between");
}

#[tokio::test]
async fn a_silent_runner_is_gone_and_its_session_lost_and_failed_after_the_time() {
    let kept = at_work(0).kept();
    assert_eq!(kept.pass(0).await, []);
    assert_eq!(kept.pass(30).await, []);
    assert_eq!(kept.pass(31).await, [lost(1, SILENT)]);
    assert_eq!(at_work(0).kept().pass(0).await, []);
    let is_lost = || World { sessions: vec![Session { status: SessionStatus::Lost, ..running(1) }], ..at_work(0) };
    assert_eq!(is_lost().kept().at_length(630).await, [], "it is lost already");
    assert_eq!(is_lost().kept().at_length(631).await, [failed(1, SILENT), Done::Ended(session_id(1))]);
    let for_ever = WhenLost { fail_after: None, requeue: true };
    let world = World { assignments: vec![Assignment { when_lost: for_ever, ..started(1) }], ..is_lost() };
    assert_eq!(world.kept().at_length(90_000).await, [], "it may come back after any time");
}

#[tokio::test]
async fn a_runner_that_has_left_with_agents_is_gone() {
    let left = Runner { state: RunnerState::Left, ..heard_at(0) };
    let world = World { runners: vec![left], ..at_work(0) };
    assert_eq!(world.kept().at_length(31).await, [lost(1, SILENT)]);
}

#[tokio::test]
async fn nobody_is_gone_within_the_first_lease_after_a_start_and_lost_time_counts_from_then() {
    let kept = at_work(-100_000).kept();
    let why = &format!("runner one has been silent since {}", at(-100_000));
    assert_eq!(kept.pass(0).await, []);
    assert_eq!(kept.pass(30).await, []);
    assert_eq!(kept.pass(31).await, [lost(1, why)], "it is not failed at once");
    for second in (60..=630).step_by(30) {
        assert_eq!(kept.pass(second).await, [lost(1, why)], "at {second}");
    }
    assert_eq!(kept.pass(631).await, [failed(1, why), Done::Ended(session_id(1))]);
}

#[tokio::test]
async fn nobody_is_gone_within_the_first_lease_after_an_outage_or_a_sleep() {
    let kept = World { outages: 1, ..at_work(0) }.kept();
    assert!(kept.looks(29).await.is_err(), "the store is away");
    assert_eq!(kept.pass(59).await, []);
    assert_eq!(kept.pass(60).await, [lost(1, SILENT)]);
    assert_eq!(kept.pass(91).await, [], "the machine has slept");
    assert_eq!(kept.pass(121).await, []);
    assert_eq!(kept.pass(122).await, [lost(1, SILENT)]);
}

#[tokio::test]
async fn a_clock_that_jumps_a_day_ahead_and_back_keeps_no_runner_alive() {
    let kept = at_work(0).kept();
    assert_eq!(kept.pass(20).await, []);
    assert_eq!(kept.pass(86_400).await, []);
    assert_eq!(kept.pass(21).await, []);
    assert_eq!(kept.pass(51).await, []);
    assert_eq!(kept.pass(52).await, [lost(1, SILENT)]);
}

#[tokio::test]
async fn a_runner_that_was_started_anew_or_removed_does_not_have_its_agents_any_more() {
    let anew = Runner { instance: uuid::Uuid::from_u128(2), ..heard_at(0) };
    for (runners, why) in [
        (vec![anew], "runner one was started anew and does not have it any more"),
        (vec![runner("two")], "runner one was removed"),
    ] {
        let world = World { runners, ..at_work(0) };
        assert_eq!(world.kept().pass(0).await, [failed(1, why), Done::Ended(session_id(1))]);
    }
}

#[tokio::test]
async fn sessions_below_share_the_fate_of_the_runner_but_not_those_with_an_assignment_of_their_own() {
    let over = Session { status: SessionStatus::Completed, ..below(5) };
    let elsewhere = Session { provider: ProviderName::internal(), ..below(6) };
    let is_lost = Session { status: SessionStatus::Lost, ..below(7) };
    let world = World {
        sessions: vec![running(1), below(2), below(3), below(4), over, elsewhere, is_lost],
        assignments: vec![started(1), Assignment { runner: Some(name("two")), ..started(3) }],
        runners: vec![heard_at(0), Runner { name: name("two"), ..heard_at(1_000) }],
        ..World::default()
    };
    let expected = [lost(4, SILENT), lost(2, SILENT), lost(1, SILENT)];
    assert_eq!(world.clone().kept().at_length(31).await, expected, "those below go first");
    let world = World { runners: vec![runner("two")], ..world };
    let why = "runner one was removed";
    let expected = [failed(7, why), failed(4, why), failed(2, why), failed(1, why), Done::Ended(session_id(1))];
    let done = world.kept().pass(0).await;
    let of_it: Vec<Done> =
        done.into_iter().filter(|it| !matches!(it, Done::Told(id, ..) if *id == session_id(3))).collect();
    assert_eq!(of_it, expected);
}

#[tokio::test]
async fn however_many_sessions_are_below_none_is_forgotten() {
    let old = Session { spawned_at: at(-100), ..below(2) };
    let ended = (10..20).map(|n| Session { status: SessionStatus::Completed, ..below(n) });
    let sessions: Vec<Session> = [running(1), old].into_iter().chain(ended).chain((20..25).map(below)).collect();
    let done = World { sessions, page: 2, ..at_work(0) }.kept().at_length(31).await;
    let lost: Vec<Done> = [24, 23, 22, 21, 20, 2, 1].into_iter().map(|n| lost(n, SILENT)).collect();
    assert_eq!(done, lost);
}

#[tokio::test]
async fn a_session_that_was_never_assigned_fails_after_a_minute() {
    let why = "the server stopped before it was assigned to a runner";
    let world = World { sessions: vec![spawning(1)], ..World::default() };
    assert_eq!(world.clone().kept().pass(60).await, []);
    assert_eq!(world.kept().pass(61).await, [failed(1, why)]);
    let assigned = World { sessions: vec![spawning(1)], assignments: vec![assignment(1)], ..World::default() };
    assert_eq!(assigned.kept().pass(61).await, []);
    let registered = Session { status: SessionStatus::Spawning, ..below(1) };
    let world = World { sessions: vec![registered], ..World::default() };
    assert_eq!(world.kept().pass(61).await, [], "an agent has registered it, and starts it by itself");
    let elsewhere = Session { provider: ProviderName::internal(), ..spawning(1) };
    let world = World { sessions: vec![elsewhere], ..World::default() };
    assert_eq!(world.kept().pass(61).await, []);
}

#[tokio::test]
async fn a_session_that_was_never_assigned_is_found_behind_any_number_that_wait() {
    let waiting = (2..10).map(|n| Session { spawned_at: at(100), ..spawning(n) });
    let world = World {
        sessions: [spawning(1)].into_iter().chain(waiting).collect(),
        assignments: (2..10).map(assignment).collect(),
        page: 3,
        ..World::default()
    };
    let why = "the server stopped before it was assigned to a runner";
    assert_eq!(world.kept().pass(100).await, [failed(1, why)]);
}

#[tokio::test]
async fn agents_of_runners_that_are_there_are_looked_at_each_fifteenth_time() {
    let kept = at_work(1_000).kept();
    for look in 0..31 {
        assert_eq!(kept.pass(look).await, []);
        let looked_at = std::mem::take(&mut *kept.looked_at.lock().expect("kept"));
        let expected = if look % 15 == 0 { vec![session_id(1)] } else { vec![] };
        assert_eq!(looked_at, expected, "look {look}");
    }
}

#[tokio::test]
async fn what_waits_and_agents_of_runners_that_are_gone_are_looked_at_each_time() {
    let world = World {
        sessions: vec![running(1), spawning(2)],
        assignments: vec![started(1), assignment(2)],
        ..at_work(-100)
    };
    let kept = world.kept();
    for look in 0..3 {
        assert_eq!(kept.pass(look).await, []);
        let looked_at = std::mem::take(&mut *kept.looked_at.lock().expect("kept"));
        assert_eq!(looked_at, [session_id(1), session_id(2)], "look {look}");
    }
}
