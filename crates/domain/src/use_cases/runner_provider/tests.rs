use super::*;
use crate::fixtures::{command, observed, session, session_id};
use crate::runner::WhenLost;
use crate::runner::fixtures::{assignment, config, labels, offer};
use crate::use_cases::testing::MockPorts;

fn settings(value: Value) -> JsonObject {
    serde_json::from_value(value).expect("an object")
}

/// What is assigned when a session is started from a configuration.
async fn assigned(config: &ProviderConfig, prompt: Option<MessageContent>) -> Assignment {
    let mut mocks = MockPorts::default();
    let (told, seen) = std::sync::mpsc::channel();
    mocks.runners.expect_assign().times(1).returning(move |assignment| {
        told.send(assignment).expect("kept");
        Ok(true)
    });
    mocks.wake_ups.expect_feed_grew().times(1).return_const(());
    let provider = RunnerProvider::new(&mocks.ports()).build(config, Credentials::new()).expect("it fits");
    provider.spawn(&session(1), prompt).await.expect("assigned");
    seen.recv().expect("an assignment")
}

#[tokio::test]
async fn a_spawn_assigns_the_session_and_wakes_the_runners() {
    let limits = crate::provider_config::ConfigLimits {
        at_once: Some(2),
        budget: None,
        when_lost: WhenLost { fail_after: None, requeue: false },
    };
    let inner = json!({"command": "claude-agent-acp"});
    let config = ProviderConfig {
        settings: settings(json!({"offer": "claude", "settings": inner.clone()})),
        labels: labels(["gpu"]),
        limits,
        ..config("remote", "runner")
    };
    let prompt = MessageContent::new("hello").ok();
    let expected = Assignment {
        started_by: config.as_start(),
        offer: offer("claude"),
        labels: labels(["gpu"]),
        settings: settings(inner),
        at_once: Some(2),
        prompt: prompt.clone(),
        when_lost: limits.when_lost,
        ..assignment(1)
    };
    assert_eq!(assigned(&config, prompt).await, expected);
}

#[tokio::test]
async fn a_configuration_of_another_kind_wants_a_runner_that_offers_the_kind_and_gives_its_own_settings() {
    let inner = settings(json!({"command": "claude-agent-acp", "offer": "nothing of ours"}));
    let config = ProviderConfig { settings: inner.clone(), labels: labels(["gpu"]), ..config("claude", "acp") };
    let seen = assigned(&config, None).await;
    assert_eq!((seen.offer, seen.settings, seen.labels), (offer("acp"), inner, labels(["gpu"])));
}

#[tokio::test]
async fn a_spawn_fails_when_it_cannot_be_assigned() {
    let mut mocks = MockPorts::default();
    mocks.runners.expect_assign().times(1).returning(|_| Err(crate::ports::StoreUnavailable::new("away")));
    let kind = RunnerProvider::new(&mocks.ports());
    let provider = kind.build(&config("claude", "acp"), Credentials::new()).expect("it fits");
    assert!(matches!(provider.spawn(&session(1), None).await, Err(SpawnError::Failed(_))), "and nobody is woken");
}

#[tokio::test]
async fn the_kind_itself_starts_nothing_that_was_not_assigned_before() {
    for (found, is_good) in [(None, false), (Some(assignment(1)), true)] {
        let mut mocks = MockPorts::default();
        mocks.runners.expect_assignment().times(1).returning(move |_| Ok(found.clone()));
        let spawned = RunnerProvider::new(&mocks.ports()).spawn(&session(1), None).await;
        assert_eq!(spawned.is_ok(), is_good, "{spawned:?}");
    }
}

#[tokio::test]
async fn agents_are_started_from_configurations_alone() {
    let kind = RunnerProvider::new(&MockPorts::default().ports());
    let (worker, context) = (AgentType::new("worker").expect("valid"), JsonObject::default());
    let refused = AgentProvider::check(&kind, &worker, &context).await;
    assert!(matches!(refused, Err(SpawnError::Invalid { field, .. }) if field == "agentType"));
    let built = kind.build(&config("claude", "acp"), Credentials::new()).expect("it fits");
    assert!(built.check(&worker, &context).await.is_ok());
}

#[test]
fn a_configuration_of_the_kind_that_does_not_fit_is_refused_with_the_field() {
    let kind = RunnerProvider::new(&MockPorts::default().ports());
    for wrong in [json!({}), json!({"offer": "two words"}), json!({"offer": 3}), json!({"offer": "x", "settings": []})]
    {
        let config = ProviderConfig { settings: settings(wrong.clone()), ..config("remote", "runner") };
        let faults = ProviderKind::check(&kind, &config, &BTreeSet::new());
        assert_eq!(faults.iter().map(|fault| fault.field.as_str()).collect::<Vec<_>>(), ["settings.offer"], "{wrong}");
        assert!(kind.build(&config, Credentials::new()).is_err(), "{wrong}");
    }
    let good = ProviderConfig { settings: settings(json!({"offer": "x"})), ..config("remote", "runner") };
    assert_eq!(ProviderKind::check(&kind, &good, &BTreeSet::new()).len(), 0);
}

#[tokio::test]
async fn a_kill_before_the_start_takes_the_assignment_back_and_reports_the_session_killed() {
    let mut mocks = MockPorts::default();
    let is_it = |id: &crate::ids::SessionId| *id == session_id(1);
    mocks.runners.expect_cancel_assignment().withf(is_it).times(1).returning(|_| Ok(true));
    let is_kill = |seen: &crate::session::Observation| {
        let why = seen.reason.as_ref().map(Reason::as_str);
        seen.status == SessionStatus::Killed && why == Some("it was killed before a runner had started it")
    };
    mocks.sessions.expect_observe().withf(is_kill).times(1).returning(|_| Ok(observed(session(1), false)));
    let provider = RunnerProvider::new(&mocks.ports());
    provider.deliver(&command(1, CommandKind::Kill), None).await.expect("delivered");
}

#[tokio::test]
async fn a_kill_after_the_start_or_while_the_store_is_away_waits_in_the_queue() {
    for outcome in [Some(false), None] {
        let mut mocks = MockPorts::default();
        mocks
            .runners
            .expect_cancel_assignment()
            .times(1)
            .returning(move |_| outcome.ok_or_else(|| crate::ports::StoreUnavailable::new("away")));
        let provider = RunnerProvider::new(&mocks.ports());
        provider.deliver(&command(1, CommandKind::Kill), None).await.expect("it is in the queue");
    }
}

#[tokio::test]
async fn other_commands_touch_no_assignment() {
    let provider = RunnerProvider::new(&MockPorts::default().ports());
    for kind in [CommandKind::Pause, CommandKind::Resume] {
        provider.deliver(&command(1, kind), None).await.expect("it is in the queue");
    }
}
