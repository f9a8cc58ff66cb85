//! End to end on a whole store: operators and agents meet only in what is on record.

#[cfg(test)]
mod support;

use std::sync::Arc;

use flightdeck_domain::action::{FleetIntervention, Intervention, Origin};
use flightdeck_domain::command::{Delivery, Receipt};
use flightdeck_domain::feed::FleetEventKind;
use flightdeck_domain::ids::{FeedPosition, Seq, SessionId};
use flightdeck_domain::operation::OperationState;
use flightdeck_domain::operator::Actor;
use flightdeck_domain::ports::{SessionFilter, SessionQuery};
use flightdeck_domain::session::{Session, SessionStatus};
use flightdeck_domain::system::{SystemClock, SystemIds};
use flightdeck_domain::text::{MessageContent, RequestId};
use flightdeck_domain::use_cases::{
    AuditReader, Intervene, InterveneFleet, Intervened, NewSession, Ports, Providers, Reconcile, SpawnSession,
    SpawnSessionError, VerifyAudit,
};
use flightdeck_provider_scripted::{ScriptedProvider, demo};
use flightdeck_store_memory::MemoryStore;
use serde_json::json;
use support::{inject, pass, session, silent};

fn ports() -> Ports {
    Ports::from_store(Arc::new(MemoryStore::new()), Arc::new(silent()), Arc::new(SystemClock), Arc::new(SystemIds))
}

fn providers(ports: &Ports) -> (Arc<ScriptedProvider>, Providers) {
    let provider = Arc::new(ScriptedProvider::new(ports));
    (provider.clone(), Providers::default().with(provider))
}

#[cfg(test)]
async fn sessions(ports: &Ports) -> Vec<Session> {
    let query = SessionQuery { filter: SessionFilter::default(), after: None, limit: 500, heads_only: false };
    ports.sessions.list(query).await.unwrap().sessions
}

#[cfg(test)]
async fn transcript(ports: &Ports, id: SessionId) -> Vec<String> {
    let slice = ports.messages.after(id, Seq::ZERO, 500).await.unwrap().unwrap();
    slice.messages.iter().map(|message| format!("{}: {}", message.role, message.content)).collect()
}

/// The receipts of a session as the fleet feed told of them.
#[cfg(test)]
async fn receipts(ports: &Ports, id: SessionId) -> Vec<String> {
    let events = ports.feed.after(FeedPosition::ZERO, 1_000).await.unwrap();
    let of_session = events.into_iter().filter(|e| e.kind == FleetEventKind::Receipt && e.session_id == Some(id));
    of_session.map(|event| event.data.to_string()).collect()
}

#[cfg(test)]
async fn step_in(ports: &Ports, providers: &Providers, id: SessionId, intervention: Intervention) -> Intervened {
    let request = RequestId::new("req-1").unwrap();
    Intervene::new(ports, providers).execute(id, intervention, Origin::new(Actor::local_cli(), request)).await.unwrap()
}

#[cfg(test)]
async fn spawn(ports: &Ports, providers: &Providers, new: NewSession, prompt: Option<MessageContent>) -> SessionId {
    SpawnSession::new(ports, providers).execute(new, prompt).await.unwrap().session.id
}

#[tokio::test(start_paused = true)]
async fn every_command_ends_consumed_and_stands_in_the_transcript() {
    let ports = ports();
    let (provider, providers) = providers(&ports);
    let script =
        json!({"script": [{"say": "1"}, {"wait": {"ms": 1_000}}, {"say": "2"}, {"turn": "end"}, {"idle": true}]});
    let id = spawn(&ports, &providers, session(script), MessageContent::new("count").ok()).await;
    pass(100).await;
    for intervention in [
        Intervention::Pause,
        Intervention::Resume,
        inject("steer", Delivery::Steer),
        inject("queue", Delivery::Queue),
        inject("interrupt", Delivery::Interrupt),
        Intervention::Kill,
    ] {
        let done = step_in(&ports, &providers, id, intervention).await;
        assert!(done.handed_over);
        pass(2_000).await;
        let seq = done.committed.command.unwrap().seq;
        let pending = ports.commands.pending(id, flightdeck_domain::ids::CommandSeq::ZERO, 10).await.unwrap().unwrap();
        assert!(pending.is_empty(), "{pending:?}");
        let told = receipts(&ports, id).await;
        let last = told.last().unwrap();
        assert!(last.contains("consumed") && last.contains(&seq.to_string()), "{last}");
    }
    let expected = [
        "user: count",
        "system: status: spawning → running",
        "assistant: 1",
        "system: status: running → paused",
        "system: status: paused → running",
        "assistant: 2",
        "system: status: running → idle",
        "operator: steer",
        "system: status: idle → running",
        "assistant: Understood: “steer”",
        "system: status: running → idle",
        "operator: queue",
        "system: status: idle → running",
        "assistant: Understood: “queue”",
        "system: status: running → idle",
        "operator: interrupt",
        "system: status: idle → running",
        "assistant: Understood: “interrupt”",
        "system: status: running → idle",
        "system: status: idle → killed",
    ];
    assert_eq!(transcript(&ports, id).await, expected);
    assert_eq!(provider.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_kill_of_all_ends_the_demo_and_lets_nothing_spawn() {
    let ports = ports();
    let (provider, providers) = providers(&ports);
    let mut tops = Vec::new();
    for agent in demo::fleet().unwrap() {
        tops.push(spawn(&ports, &providers, agent.session, Some(agent.prompt)).await);
    }
    pass(20_000).await;
    step_in(&ports, &providers, tops[1], Intervention::Pause).await;
    pass(100_000).await;
    let request = RequestId::new("req-2").unwrap();
    let fleet = InterveneFleet::new(&ports, &providers);
    let done =
        fleet.execute(FleetIntervention::KillAll, Origin::new(Actor::local_cli(), request)).await.unwrap().committed;
    pass(1).await;
    let operation = ports.operations.operation(done.operation.unwrap()).await.unwrap().unwrap();
    assert_eq!((operation.state(), provider.running()), (OperationState::Done, 0));
    let killed = sessions(&ports).await.iter().filter(|session| session.status == SessionStatus::Killed).count();
    assert_eq!(u64::try_from(killed).unwrap(), done.total);
    assert!(done.total >= 6, "{}", done.total);
    let refused = SpawnSession::new(&ports, &providers).execute(session(json!({})), None).await;
    assert!(matches!(refused, Err(SpawnSessionError::Register(_))));
    let seqs: Vec<_> = sessions(&ports).await.iter().map(|session| (session.id, session.last_seq)).collect();
    pass(600_000).await;
    for session in sessions(&ports).await {
        assert!(seqs.contains(&(session.id, session.last_seq)), "nothing after the kill");
    }
    let reader = AuditReader { actor: Actor::local_cli(), request_id: RequestId::new("req-9").unwrap() };
    assert!(VerifyAudit::new(&ports).execute(reader).await.unwrap().valid);
}

#[tokio::test(start_paused = true)]
async fn what_a_shutdown_leaves_behind_is_failed_by_the_next_start() {
    let ports = ports();
    let (provider, old) = providers(&ports);
    let busy = spawn(&ports, &old, session(json!({"script": [{"wait": {"ms": 9_000}}]})), None).await;
    let idle = spawn(&ports, &old, session(json!({})), None).await;
    pass(1).await;
    provider.shutdown().await;
    let left = step_in(&ports, &old, idle, inject("anybody?", Delivery::Queue)).await;
    assert!(!left.handed_over);

    let (_, restarted) = providers(&ports);
    assert_eq!(Reconcile::new(&ports, &restarted).execute().await.unwrap().ended, 2);
    for id in [busy, idle] {
        assert_eq!(ports.sessions.get(id).await.unwrap().unwrap().status, SessionStatus::Failed);
    }
    let command = left.committed.command.unwrap();
    let settled = ports.commands.acknowledge(idle, command.seq, Receipt::Delivered, command.created_at).await.unwrap();
    assert!(matches!(settled.receipt, Receipt::Undeliverable { .. }));
}
