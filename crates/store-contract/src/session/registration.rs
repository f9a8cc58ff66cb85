//! How sessions enter the tree.

use flightdeck_domain::action::{FleetIntervention, Intervention};
use flightdeck_domain::feed::FleetEventKind;
use flightdeck_domain::ports::{OperatorActions, RegisterError, SessionFilter, SessionRepository};
use flightdeck_domain::session::{Admission, Registration, RegistrationRefused, Session, SessionStatus, TreeFacts};

use crate::given::{AWKWARD, at, awkward_json, child, fleet, inject, observation, registration, session_id, text};
use crate::state::State;
use crate::steps::{commit, feed, observe, of_kind, register, session, sessions, together};
use crate::{Harness, Store};

/// Registers, expects a refusal, and sees that nothing was written.
async fn refused(store: &dyn Store, registration: Registration) -> RegistrationRefused {
    let before = State::of(store).await;
    let error = store.register(registration).await.expect_err("a rule forbids it");
    assert_eq!(State::of(store).await, before, "a refused registration writes nothing");
    match error {
        RegisterError::Refused(refused) => refused,
        RegisterError::Unavailable(error) => panic!("{error:?}"),
    }
}

/// With as few facts as there can be, and with all of them.
fn few_and_all() -> [Registration; 2] {
    let all = Registration {
        provider: text("claude-code \"é😀'"),
        provider_session_id: Some(text(AWKWARD)),
        mission_id: Some(text(AWKWARD)),
        task_id: text(AWKWARD),
        task_source: text("queue's"),
        agent_type: text("größer"),
        status: SessionStatus::Spawning,
        gate_profile: Some(text("\"strict\"")),
        context: awkward_json(),
        metadata: awkward_json(),
        at: at(7),
        ..registration(2)
    };
    [registration(1), all]
}

/// Every field is kept, with and without its options.
pub async fn a_session_reads_back_as_the_rule_made_it(harness: &dyn Harness) {
    let store = harness.store();
    for given in few_and_all() {
        let Ok(Admission::Create { session: expected, .. }) = given.clone().admit(TreeFacts::default()) else {
            panic!("the rule allows it")
        };
        assert_eq!(register(&*store, given).await, *expected);
        assert_eq!(SessionRepository::get(&*store, expected.id).await.expect("read"), Some(*expected));
    }
}

/// The spawn is on the feed as soon as the session is there.
pub async fn a_spawn_is_on_the_feed_as_the_rule_made_it(harness: &dyn Harness) {
    let store = harness.store();
    for given in few_and_all() {
        let Ok(Admission::Create { event, .. }) = given.clone().admit(TreeFacts::default()) else {
            panic!("the rule allows it")
        };
        register(&*store, given).await;
        let newest = feed(&*store).await.pop().expect("an event");
        assert_eq!(event.at_position(newest.position), newest);
    }
}

/// The same facts again give the session as it is now, and write nothing.
pub async fn registering_again_is_harmless(harness: &dyn Harness) {
    let store = harness.store();
    let given = Registration { mission_id: Some(text("apollo")), ..registration(1) };
    register(&*store, given.clone()).await;
    register(&*store, child(2, 1)).await;
    observe(&*store, observation(2, SessionStatus::Idle, 5)).await;
    commit(&*store, 2, inject(1)).await;
    let before = State::of(&*store).await;
    // The child inherited its mission, so repeating it without one is the same call again.
    for (repeated, n) in [(given, 1), (Registration { at: at(99), ..child(2, 1) }, 2)] {
        let done = store.register(repeated).await.expect("harmless");
        assert!(!done.created);
        assert_eq!(done.session, session(&*store, n).await);
    }
    assert_eq!(State::of(&*store).await, before);
}

/// What a session was registered with cannot be changed by registering it again.
pub async fn other_facts_under_the_same_id_are_a_conflict(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    register(&*store, registration(9)).await;
    let others = [
        ("parentSessionId", child(1, 9)),
        ("provider", Registration { provider: text("acp"), ..registration(1) }),
        ("taskId", Registration { task_id: text("FD-2"), ..registration(1) }),
        ("taskSource", Registration { task_source: text("github"), ..registration(1) }),
        ("agentType", Registration { agent_type: text("tester"), ..registration(1) }),
        ("missionId", Registration { mission_id: Some(text("apollo")), ..registration(1) }),
    ];
    for (field, other) in others {
        let conflict = RegistrationRefused::Conflict { session: session_id(1), field };
        assert_eq!(refused(&*store, other).await, conflict);
    }
}

/// Racing registrations of one id are one creation and one event.
pub async fn one_of_many_racing_registrations_creates(harness: &dyn Harness) {
    let store = harness.store();
    let done = together(32, |_| {
        let store = harness.store();
        async move { store.register(registration(1)).await.expect("harmless") }
    })
    .await;
    assert_eq!(done.iter().filter(|done| done.created).count(), 1);
    assert!(done.iter().all(|other| other.session == done[0].session));
    assert_eq!(feed(&*store).await.len(), 1);
    assert_eq!(sessions(&*store, SessionFilter::default()).await.len(), 1);
}

/// Root and mission come from above; a mission of its own stays.
pub async fn a_child_takes_root_and_mission_from_its_parent(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, Registration { mission_id: Some(text("apollo")), ..registration(1) }).await;
    register(&*store, child(2, 1)).await;
    let own = register(&*store, Registration { mission_id: Some(text("gemini")), ..child(3, 2) }).await;
    let grandchild = register(&*store, child(4, 2)).await;
    assert_eq!((own.root_id, own.mission_id), (session_id(1), Some(text("gemini"))));
    assert_eq!((grandchild.root_id, grandchild.mission_id.clone()), (session_id(1), Some(text("apollo"))));
    assert_eq!((grandchild.parent_id, session(&*store, 4).await), (Some(session_id(2)), grandchild));
}

/// A parent has to be registered first.
pub async fn an_unknown_parent_is_refused(harness: &dyn Harness) {
    let store = harness.store();
    let unknown = RegistrationRefused::UnknownParent(session_id(9));
    assert_eq!(refused(&*store, child(1, 9)).await, unknown);
    register(&*store, registration(1)).await;
    assert_eq!(refused(&*store, child(1, 9)).await, unknown);
}

/// A session is not above itself, at any distance.
pub async fn a_loop_is_refused(harness: &dyn Harness) {
    let store = harness.store();
    assert_eq!(refused(&*store, child(1, 1)).await, RegistrationRefused::ParentIsSelf(session_id(1)));
    register(&*store, registration(1)).await;
    register(&*store, child(2, 1)).await;
    register(&*store, child(3, 2)).await;
    for parent in [2, 3] {
        let looped = RegistrationRefused::ParentIsDescendant { session: session_id(1), parent: session_id(parent) };
        assert_eq!(refused(&*store, child(1, parent)).await, looped);
    }
}

/// The deepest tree that the rule allows can be built, and no deeper one: all sessions above are counted.
pub async fn the_tree_has_a_floor(harness: &dyn Harness) {
    let store = harness.store();
    let depth = u32::try_from(Session::MAX_DEPTH).expect("small");
    register(&*store, registration(1)).await;
    for n in 2..=depth {
        register(&*store, child(n, n - 1)).await;
    }
    assert_eq!(session(&*store, depth).await.root_id, session_id(1));
    assert_eq!(refused(&*store, child(depth + 1, depth)).await, RegistrationRefused::TooDeep);
}

/// A session starts as spawning or running.
pub async fn nobody_is_born_paused(harness: &dyn Harness) {
    let store = harness.store();
    let odd = Registration { status: SessionStatus::Paused, ..registration(1) };
    assert_eq!(refused(&*store, odd).await, RegistrationRefused::NotAnOpeningStatus(SessionStatus::Paused));
}

/// The fence of a session seen dead reaches its whole subtree, and nothing beside it.
pub async fn nothing_spawns_below_a_killed_session(harness: &dyn Harness) {
    let store = harness.store();
    for given in [registration(1), child(2, 1), child(3, 2), child(4, 1)] {
        register(&*store, given).await;
    }
    observe(&*store, observation(2, SessionStatus::Killed, 5)).await;
    for parent in [2, 3] {
        assert_eq!(refused(&*store, child(9, parent)).await, RegistrationRefused::Fenced(session_id(2)));
    }
    register(&*store, child(10, 1)).await;
    register(&*store, child(11, 4)).await;
    // A session that ended by itself is no fence.
    observe(&*store, observation(4, SessionStatus::Completed, 6)).await;
    register(&*store, child(12, 4)).await;
}

/// The fence stands from the moment that the kill is asked for.
pub async fn nothing_spawns_below_a_dying_session(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    for n in 2..=12 {
        register(&*store, child(n, n - 1)).await;
    }
    commit(&*store, 3, Intervention::Kill).await;
    for parent in [3, 4, 12] {
        assert_eq!(refused(&*store, child(99, parent)).await, RegistrationRefused::Fenced(session_id(3)));
    }
    register(&*store, child(99, 2)).await;
}

/// Of a spawn and a kill above it, one comes first on the feed, and after the kill there is no spawn.
pub async fn a_spawn_and_a_kill_above_it_never_pass_each_other(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    register(&*store, child(2, 1)).await;
    let done = together(32, |n| {
        let store = harness.store();
        async move {
            if n == 16 {
                commit(&*store, 1, Intervention::Kill).await;
                return true;
            }
            match store.register(child(100 + n, 2)).await {
                Ok(done) => done.created,
                Err(RegisterError::Refused(RegistrationRefused::Fenced(above))) => above != session_id(1),
                Err(error) => panic!("{error:?}"),
            }
        }
    })
    .await;
    let events = feed(&*store).await;
    let kill = of_kind(&events, FleetEventKind::Action)[0].position;
    let spawned = of_kind(&events, FleetEventKind::Spawned);
    assert!(spawned.iter().all(|event| event.position < kill), "{events:?}");
    let created = done.iter().filter(|created| **created).count() - 1;
    assert_eq!(spawned.len(), created + 2, "one event for each spawn that was let in");
}

/// While it is engaged nothing new comes into the tree; what is there already may be repeated.
pub async fn the_kill_switch_stops_spawns_until_it_is_released(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    assert!(!store.kill_switch_engaged().await.expect("read"));
    OperatorActions::commit_fleet(&*store, fleet(FleetIntervention::KillAll)).await.expect("engaged");
    assert!(store.kill_switch_engaged().await.expect("read"));
    assert_eq!(refused(&*store, registration(2)).await, RegistrationRefused::KillSwitchEngaged);
    assert!(!store.register(registration(1)).await.expect("harmless").created);
    OperatorActions::commit_fleet(&*store, fleet(FleetIntervention::ReleaseKillSwitch)).await.expect("released");
    assert!(!store.kill_switch_engaged().await.expect("read"));
    register(&*store, registration(2)).await;
}

/// Where something is not, that is said, and not taken for a fault.
pub async fn an_unknown_session_is_told_as_such(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    let before = State::of(&*store).await;
    assert_eq!(SessionRepository::get(&*store, session_id(9)).await.expect("read"), None);
    assert_eq!(store.heartbeat(session_id(9), at(5)).await.expect("answered"), None);
    let unknown = store.observe(observation(9, SessionStatus::Idle, 5)).await.expect_err("unknown");
    assert_eq!(unknown.to_string(), format!("there is no session {}", session_id(9)));
    assert_eq!(State::of(&*store).await, before);
}
