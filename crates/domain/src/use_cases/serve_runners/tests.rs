use std::collections::BTreeMap;
use std::sync::Mutex;

use super::*;
use crate::fixtures::{at, observed, session, session_id};
use crate::ids::{KeyId, Seq};
use crate::ports::{MockSecretSealer, SessionPage};
use crate::provider_config::{CredentialDigest, CredentialName, ProviderConfig, SealedCredential, SealedFault, Secret};
use crate::runner::fixtures::{config, heard, instance, key, leased, name, offer, other_key, runner, started};
use crate::runner::{RunnerState, RunnerVersion};
use crate::session::Observation;
use crate::text::ProviderSessionId;
use crate::use_cases::testing::MockPorts;

fn serve(mocks: MockPorts) -> ServeRunners {
    ServeRunners::new(&mocks.ports(), &Providers::default())
}

fn starts(fence: Fence) -> StartRequest {
    StartRequest { runner: name("one"), session_id: session_id(1), fence, at: at(0) }
}

/// A configuration with one credential.
fn claude() -> ProviderConfig {
    let sealed = SealedCredential {
        key_id: "k".to_owned(),
        nonce: "00".to_owned(),
        ciphertext: "00".to_owned(),
        digest: CredentialDigest("d".to_owned()),
    };
    ProviderConfig {
        credentials: BTreeMap::from([(CredentialName::new("TOKEN").expect("valid"), sealed)]),
        ..config("claude", "acp")
    }
}

/// What came of the start of [`leased`] by [`starts`]: the answer, what sessions were told, and what was done with the
/// assignment.
struct Tried {
    outcome: Result<Start, StartError>,
    told: Vec<(SessionStatus, String)>,
    done: Vec<&'static str>,
}

async fn tried(session: Option<Session>, found: Assignment, stored: Option<ProviderConfig>, opens: bool) -> Tried {
    let mut mocks = MockPorts::default();
    let (told, done) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
    mocks.sessions.expect_get().returning(move |_| Ok(session.clone()));
    let seen = Arc::clone(&told);
    mocks.sessions.expect_observe().returning(move |Observation { status, reason, .. }| {
        seen.lock().expect("kept").push((status, reason.expect("a reason").to_string()));
        Ok(observed(crate::fixtures::session(1), false))
    });
    let (kept, seen) = (found.clone(), Arc::clone(&done));
    mocks.runners.expect_cancel_assignment().returning(move |_| {
        seen.lock().expect("kept").push("cancel");
        Ok(kept.cancel().is_some())
    });
    let seen = Arc::clone(&done);
    mocks.runners.expect_start_assignment().returning(move |request| {
        seen.lock().expect("kept").push("start");
        Ok(found.start(&request)?)
    });
    let seen = Arc::clone(&done);
    mocks.runners.expect_end_assignment().returning(move |_| {
        seen.lock().expect("kept").push("end");
        Ok(true)
    });
    mocks.provider_configs.expect_provider_config().returning(move |_| Ok(stored.clone()));
    let mut sealer = MockSecretSealer::new();
    sealer.expect_open().returning(move |_, _, _| {
        if opens {
            Ok(Secret::new("hush".to_owned()).expect("valid"))
        } else {
            Err(SealedFault::Keys("none".to_owned()))
        }
    });
    let ports = mocks.ports().with_sealer(Arc::new(sealer));
    let outcome = ServeRunners::new(&ports, &Providers::default()).start(starts(3)).await;
    let told = told.lock().expect("kept").clone();
    let done = done.lock().expect("kept").clone();
    Tried { outcome, told, done }
}

fn is_over(outcome: &Result<Start, StartError>) -> bool {
    let over = AssignmentRefused::Ended(session_id(1));
    matches!(outcome, Err(StartError::Assignment(AssignmentError::Refused(refused))) if *refused == over)
}

#[tokio::test]
async fn a_runner_that_joins_is_told_what_this_run_of_it_has_started() {
    let earlier = Assignment { instance: Some(uuid::Uuid::from_u128(2)), ..started(2) };
    let mut mocks = MockPorts::default();
    mocks.runners.expect_register_runner().times(1).returning(|_| Ok(runner("one")));
    let page = vec![started(1), earlier, started(3)];
    let of_it =
        |filter: &AssignmentFilter| filter.states == [AssignmentState::Started] && filter.runner == Some(name("one"));
    mocks
        .runners
        .expect_assignments()
        .withf(move |filter, after, _| of_it(filter) && after.is_none())
        .times(1)
        .returning(move |_, _, _| Ok(page.clone()));
    mocks
        .runners
        .expect_assignments()
        .withf(move |filter, after, _| of_it(filter) && *after == Some((at(0), session_id(3))))
        .times(1)
        .returning(|_, _, _| Ok(vec![]));
    let registration = RunnerRegistration {
        name: name("one"),
        instance: instance(),
        key_id: key(),
        labels: [].into(),
        offers: [offer("acp")].into(),
        capacity: 4,
        protocol: 1,
        version: RunnerVersion::new("x").expect("valid"),
        clock_ahead: 0,
        at: at(0),
    };
    let (joined, held) = serve(mocks).join(registration).await.expect("joined");
    assert_eq!((joined, held), (runner("one"), vec![started(1), started(3)]));
}

#[tokio::test]
async fn who_leaves_has_no_part_in_sessions_that_are_over() {
    let mut mocks = MockPorts::default();
    let mut order = mockall::Sequence::new();
    let all = vec![started(1), started(2), started(3), started(4)];
    mocks.runners.expect_assignments().times(1).returning(move |_, _, _| Ok(all.clone()));
    mocks.runners.expect_assignments().times(1).returning(|_, _, _| Ok(vec![]));
    mocks.sessions.expect_get().times(4).returning(|id| {
        let status = if id == session_id(1) { SessionStatus::Running } else { SessionStatus::Completed };
        Ok((id != session_id(3)).then(|| Session { id, status, ..session(1) }))
    });
    // Session 5, which the agent of session 4 has registered, is live: its end would be refused.
    mocks.sessions.expect_list().returning(|query| {
        let below = (query.filter.subtree == Some(session_id(4))).then(|| session(5));
        let sessions = below.into_iter().collect();
        Ok(SessionPage { sessions, next: None, as_of: crate::ids::FeedPosition::ZERO })
    });
    mocks.runners.expect_assignment().withf(|id| *id == session_id(5)).returning(|_| Ok(None));
    for ended in [2, 3] {
        let is_it = move |id: &SessionId| *id == session_id(ended);
        mocks.runners.expect_end_assignment().withf(is_it).times(1).in_sequence(&mut order).returning(|_| Ok(true));
    }
    mocks
        .runners
        .expect_leave_runner()
        .withf(|it| *it == heard("one", 0))
        .times(1)
        .in_sequence(&mut order)
        .returning(|_| Ok(Runner { state: RunnerState::Draining, ..runner("one") }));
    assert_eq!(serve(mocks).leave(heard("one", 0)).await.expect("heard").state, RunnerState::Draining);
}

#[tokio::test]
async fn a_runner_is_woken_for_what_it_could_start() {
    let others = Assignment { runner: Some(name("two")), ..leased(1) };
    for (found, is_work) in [
        (vec![], false),
        (vec![others.clone()], false),
        (vec![others.clone(), crate::runner::fixtures::assignment(2)], true),
        // The answer that gave it may have been lost.
        (vec![leased(1)], true),
        // More than is looked at: it asks.
        (vec![others; LOOK], true),
    ] {
        let mut mocks = MockPorts::default();
        mocks.runners.expect_assignments().times(1).returning(move |_, _, _| Ok(found.clone()));
        let request = LeaseRequest { heard: heard("one", 0), most: 1 };
        assert_eq!(serve(mocks).has_work(&runner("one"), &request).await.expect("read"), is_work);
    }
}

#[tokio::test]
async fn a_start_gives_the_session_and_the_credentials() {
    let tried = tried(Some(session(1)), leased(1), Some(claude()), true).await;
    let Start { assignment, session: given, credentials, takes_up: None } = tried.outcome.expect("started") else {
        panic!("it takes nothing up")
    };
    assert_eq!((assignment, given), (started(1), session(1)));
    let hush: Vec<_> = credentials.iter().map(|(name, secret)| (name.as_str(), secret.reveal())).collect();
    assert_eq!((hush, tried.told, tried.done), (vec![("TOKEN", "hush")], vec![], vec!["start"]));
}

#[tokio::test]
async fn a_configuration_of_the_file_has_no_credentials_and_is_not_looked_for() {
    let of_file = |assignment: Assignment| {
        let started_by = crate::provider_config::StartedBy { revision: 0, ..assignment.started_by.clone() };
        Assignment { started_by, ..assignment }
    };
    let tried = tried(Some(session(1)), of_file(leased(1)), None, false).await;
    assert_eq!(tried.outcome.expect("started").credentials.len(), 0);
}

/// The newest session told no totals, the one before told some in its newest but one message, and the runner's session itself
/// does not count.
#[tokio::test]
async fn what_a_session_takes_up_is_told_with_its_start() {
    let context = serde_json::json!({"resume": "c1"});
    let context: crate::text::JsonObject = serde_json::from_value(context).expect("an object");
    let resumed = Session { context, provider: ProviderName::runner(), ..session(1) };
    let mut mocks = MockPorts::default();
    let found = resumed.clone();
    mocks.sessions.expect_get().returning(move |_| Ok(Some(found.clone())));
    mocks.runners.expect_start_assignment().returning(|request| Ok(leased(1).start(&request)?));
    mocks.provider_configs.expect_provider_config().returning(|_| Ok(Some(config("claude", "acp"))));
    mocks.sessions.expect_list().times(2).returning(move |query| {
        let filter = query.filter;
        assert_eq!(filter.provider_session_id, ProviderSessionId::new("c1").ok());
        let of = |n, second| Session { spawned_at: at(second), last_seq: Seq::new(2), started_at: None, ..session(n) };
        let sessions = match filter.provider.expect("a provider").as_str() {
            "runner" => vec![resumed.clone(), of(2, 1)],
            "acp" => vec![of(3, 2)],
            other => panic!("{other}"),
        };
        Ok(crate::ports::SessionPage { sessions, next: None, as_of: crate::ids::FeedPosition::ZERO })
    });
    mocks.messages.expect_before().times(2).returning(|id, before, _| {
        assert_eq!(before, Seq::new(3));
        let told = |n: u64, totals: serde_json::Value| crate::message::Message {
            id: crate::fixtures::message_id(1),
            session_id: id,
            seq: Seq::new(n),
            role: crate::message::MessageRole::System,
            content: crate::text::MessageContent::new("used").expect("valid"),
            provider: ProviderName::acp(),
            metadata: serde_json::from_value(totals).expect("an object"),
            created_at: at(1),
        };
        let totals = serde_json::json!({"totals": [{"inputTokens": 7}]});
        let first = if id == session_id(2) { totals } else { serde_json::json!({}) };
        let messages = vec![told(1, first), told(2, serde_json::json!({"totals": "nonsense"}))];
        Ok(Some(crate::ports::MessageSlice {
            messages,
            receipts: std::collections::HashMap::new(),
            last_seq: Seq::new(2),
            status: SessionStatus::Completed,
        }))
    });
    let start = serve(mocks).start(starts(3)).await.expect("started");
    let taken = start.takes_up.expect("it takes a conversation up");
    let earlier: Vec<_> = taken.earlier.iter().map(|it| (it.id, it.began)).collect();
    assert_eq!(earlier, [(session_id(3), at(2)), (session_id(2), at(1))]);
    assert_eq!(taken.totals.iter().map(|it| it.input_tokens).collect::<Vec<_>>(), [Some(7)]);
}

#[tokio::test]
async fn a_session_that_was_killed_before_its_start_is_told_so_and_starts_nowhere() {
    let killed = Session { desired_status: DesiredStatus::Killed, ..session(1) };
    let tried = tried(Some(killed), leased(1), Some(claude()), true).await;
    assert!(is_over(&tried.outcome));
    let why = "it was killed before a runner had started it".to_owned();
    assert_eq!((tried.told, tried.done), (vec![(SessionStatus::Killed, why)], vec!["cancel"]));
}

#[tokio::test]
async fn a_start_that_was_confirmed_before_the_kill_is_confirmed_again() {
    let killed = Session { desired_status: DesiredStatus::Killed, ..session(1) };
    let tried = tried(Some(killed), started(1), Some(claude()), true).await;
    assert!(tried.outcome.is_ok(), "the runner hears the kill, and reports it");
    assert_eq!((tried.told, tried.done), (vec![], vec!["cancel", "start"]));
}

#[tokio::test]
async fn a_session_that_is_over_starts_nowhere_and_hears_nothing_more() {
    for found in [leased(1), started(1)] {
        let over = Session { status: SessionStatus::Failed, ..session(1) };
        let tried = tried(Some(over), found, Some(claude()), true).await;
        assert!(is_over(&tried.outcome));
        assert_eq!((tried.told, tried.done), (vec![], vec!["cancel"]));
    }
    let tried = tried(None, leased(1), Some(claude()), true).await;
    let unknown = AssignmentRefused::Unknown(session_id(1));
    assert!(
        matches!(tried.outcome, Err(StartError::Assignment(AssignmentError::Refused(refused))) if refused == unknown)
    );
}

#[tokio::test]
async fn a_session_whose_configuration_cannot_be_used_any_more_fails() {
    let disabled = ProviderConfig { enabled: false, ..claude() };
    for (stored, opens, expected) in [
        (None, true, "was removed"),
        (Some(disabled), true, "is disabled"),
        (Some(claude()), false, "credential TOKEN"),
    ] {
        let tried = tried(Some(session(1)), leased(1), stored, opens).await;
        let Err(StartError::Unusable(problem)) = tried.outcome else { panic!("{expected}: not refused") };
        assert!(problem.contains(expected), "{problem}");
        assert_eq!(tried.told, [(SessionStatus::Failed, problem)]);
        assert_eq!(tried.done, ["start", "end"], "the runner has no part in it any more");
    }
}

#[tokio::test]
async fn while_the_store_is_away_nothing_fails_and_the_runner_may_confirm_again() {
    let mut mocks = MockPorts::default();
    mocks.sessions.expect_get().returning(|_| Ok(Some(session(1))));
    mocks.runners.expect_start_assignment().times(1).returning(|request| Ok(leased(1).start(&request)?));
    mocks.provider_configs.expect_provider_config().returning(|_| Err(StoreUnavailable::new("away")));
    let outcome = serve(mocks).start(starts(3)).await;
    assert!(matches!(outcome, Err(StartError::Assignment(AssignmentError::Unavailable(_)))));
}

fn principal(role: Role, key_id: KeyId) -> Principal {
    Principal { key_id, role, bound_to: None, place: SessionPlace::default(), missions: None }
}

/// What a key may do with a token of an assignment.
async fn acting(
    principal: &Principal,
    found: Option<Assignment>,
    there: Option<Runner>,
    fence: Fence,
) -> Result<Principal, AssignmentRefused> {
    let mut mocks = MockPorts::default();
    mocks.runners.expect_assignment().returning(move |_| Ok(found.clone()));
    mocks.runners.expect_runner().returning(move |_| Ok(there.clone()));
    match serve(mocks).act_for(principal, session_id(1), fence).await {
        Ok(principal) => Ok(principal),
        Err(AssignmentError::Refused(refused)) => Err(refused),
        Err(AssignmentError::Unavailable(error)) => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_runner_acts_for_the_session_that_it_has_started_alone() {
    let ours = principal(Role::Runner, key());
    let acts = acting(&ours, Some(started(1)), Some(runner("one")), 3).await;
    assert_eq!(acts, Ok(Principal { bound_to: Some(session_id(1)), ..ours.clone() }));
    let fenced = |fence| AssignmentRefused::Fenced { session: session_id(1), fence, current: 3 };
    for (found, fence, refused) in [
        (None, 3, AssignmentRefused::Unknown(session_id(1))),
        (Some(crate::runner::fixtures::assignment(1)), 0, AssignmentRefused::Unknown(session_id(1))),
        (Some(leased(1)), 3, fenced(3)),
        (Some(started(1)), 2, fenced(2)),
        (Some(started(1)), 4, fenced(4)),
        (Some(Assignment { state: AssignmentState::Ended, ..started(1) }), 3, AssignmentRefused::Ended(session_id(1))),
    ] {
        assert_eq!(acting(&ours, found.clone(), Some(runner("one")), fence).await, Err(refused), "{found:?}");
    }
}

#[tokio::test]
async fn who_is_not_its_runner_does_not_even_hear_whether_a_token_is_good() {
    let unknown = AssignmentRefused::Unknown(session_id(1));
    for fence in [2, 3] {
        for role in [Role::Viewer, Role::Operator, Role::Admin, Role::Agent] {
            let other = principal(role, key());
            let acts = acting(&other, Some(started(1)), Some(runner("one")), fence).await;
            assert_eq!(acts, Err(unknown.clone()), "{role}");
        }
        let other = principal(Role::Runner, other_key());
        assert_eq!(acting(&other, Some(started(1)), Some(runner("one")), fence).await, Err(unknown.clone()));
    }
}

#[tokio::test]
async fn a_runner_that_was_removed_is_told_to_end_its_agents() {
    let ours = principal(Role::Runner, key());
    let acts = acting(&ours, Some(started(1)), None, 3).await;
    assert_eq!(acts, Err(AssignmentRefused::Ended(session_id(1))));
}

#[tokio::test]
async fn a_name_belongs_to_the_key_that_joined_with_it() {
    for (there, key_id, refused) in [
        (Some(runner("one")), key(), None),
        (Some(runner("one")), other_key(), Some(RunnerRefused::OtherKey(name("one")))),
        (None, key(), Some(RunnerRefused::Unknown(name("one")))),
    ] {
        let mut mocks = MockPorts::default();
        mocks.runners.expect_runner().times(1).returning(move |_| Ok(there.clone()));
        let owns = serve(mocks).owns(&name("one"), &principal(Role::Runner, key_id)).await;
        let seen = owns.err().map(|error| match error {
            RunnerError::Refused(refused) => refused,
            RunnerError::Unavailable(error) => panic!("{error}"),
        });
        assert_eq!(seen, refused);
    }
}
