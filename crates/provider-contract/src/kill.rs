//! How agents are killed: `killed` is said when nothing of them is left.

use flightdeck_domain::action::{Intervention, Origin};
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::operation::{Reach, Wish};
use flightdeck_domain::operator::Actor;
use flightdeck_domain::session::SessionStatus;
use flightdeck_domain::use_cases::{InterveneScope, ScopedRequest, SpawnSessionError};

use crate::fixture::{BYE, Behaviour, Fixture};
use crate::stage::Stage;

async fn kill(stage: &Stage<'_>, id: SessionId) {
    let operation = stage.wish(id, Intervention::Kill).await;
    stage.until_killed(id).await;
    stage.until_done(operation).await;
}

async fn kill_subtree(stage: &Stage<'_>, id: SessionId) {
    let request = ScopedRequest { session_id: id, reach: Reach::Subtree, wish: Wish::Kill, drop_queued: false };
    let origin = Origin::new(Actor::local_cli(), "req-1".parse().expect("valid"));
    let scope = InterveneScope::new(stage.fixture.ports(), stage.fixture.providers());
    let taken = scope.execute(request, origin).await.expect("accepted");
    stage.until_done(taken.committed.operation.id).await;
}

/// A kill ends the program, and `killed` is said afterwards, never before. Nothing is said after it.
pub async fn killed_is_said_when_nothing_is_left(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    let id = stage.started(Behaviour::Works).await;
    stage.assert_runs(id).await;
    kill(&stage, id).await;
    let (last, status) = *stage.statuses(id).await.last().expect("killed");
    assert_eq!((status, last), (SessionStatus::Killed, stage.session(id).await.last_seq), "it spoke after its death");
    stage.assert_silent(id).await;
}

/// An agent that ignores a polite stop is killed, and `killed` is not said before.
pub async fn one_that_ignores_a_polite_stop_is_killed(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    let id = stage.start(Behaviour::Stubborn).await;
    stage.until_said(id, BYE).await;
    stage.assert_runs(id).await;
    kill(&stage, id).await;
}

/// An agent that is killed while it starts is killed, and nothing of it comes up afterwards.
pub async fn a_kill_while_it_starts_ends_it(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    for _ in 0..3 {
        let id = stage.start(Behaviour::Works).await;
        kill(&stage, id).await;
        stage.let_pass().await;
        stage.assert_gone(id).await;
        assert_eq!(stage.session(id).await.status, SessionStatus::Killed);
    }
}

/// An agent that is paused is killed.
pub async fn a_kill_ends_a_pause(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    let id = stage.started(Behaviour::Says).await;
    stage.do_to(id, Intervention::Pause, SessionStatus::Paused).await;
    kill(&stage, id).await;
}

/// An agent that is idle is killed.
pub async fn an_idle_agent_is_killed(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    let id = stage.idle().await;
    kill(&stage, id).await;
}

/// A kill that is handed over twice, or asked for twice, kills once.
pub async fn a_kill_that_is_repeated_kills_once(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    let id = stage.started(Behaviour::Works).await;
    let first = stage.act(id, Intervention::Kill).await.expect("accepted").committed.command.expect("a command");
    stage.hand_over(&first, None).await;
    // It may be dead by now, and is then refused.
    drop(stage.act(id, Intervention::Kill).await);
    stage.until_killed(id).await;
    stage.hand_over(&first, None).await;
    stage.let_pass().await;
    let killed = stage.statuses(id).await.iter().filter(|(_, status)| *status == SessionStatus::Killed).count();
    assert_eq!(killed, 1);
}

/// The permission request of an agent that is killed is closed with it, and cannot be decided any more.
pub async fn a_kill_closes_open_requests(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    let id = stage.start(Behaviour::Asks).await;
    let asked = stage.until_asked(id).await;
    kill(&stage, id).await;
    stage.until_none_is_open(id).await;
    let offered = asked.options.iter().next().expect("an option");
    assert!(stage.decide(&asked, offered).await.is_err(), "it can still be decided");
}

/// Nothing runs after the kill of a subtree, and nothing spawns in it any more.
pub async fn nothing_runs_after_the_kill_of_a_subtree(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    let mut tree = vec![stage.started(Behaviour::Works).await];
    for depth in 0..3 {
        let below = stage.new_session(Behaviour::Works, tree.get(depth / 2).copied());
        tree.push(stage.try_start(Behaviour::Works, below).await.expect("spawned"));
    }
    kill_subtree(&stage, tree[0]).await;
    for id in &tree {
        stage.until_killed(*id).await;
    }
    let late = stage.new_session(Behaviour::Works, Some(tree[1]));
    let refused = stage.try_start(Behaviour::Works, late).await;
    assert!(matches!(refused, Err(SpawnSessionError::Register(_))), "{refused:?}");
    stage.let_pass().await;
    for id in &tree {
        stage.assert_gone(*id).await;
    }
}

/// What an agent has started by itself is below it, and ends with its subtree.
pub async fn what_an_agent_has_started_ends_with_its_subtree(fixture: &dyn Fixture) {
    let stage = Stage::of(fixture);
    let id = stage.start(Behaviour::Delegates).await;
    let below = stage.until("an agent below it runs", async || stage.running_below(id).await).await;
    kill_subtree(&stage, id).await;
    stage.until_killed(id).await;
    stage.until_killed(below).await;
    stage.assert_silent(below).await;
}
