//! How many registrations, changes of status and appends a second one replica brings to a PostgreSQL, with so many callers
//! at once. Each caller waits for its answer before it goes on.
//!
//! `cargo run --release -p flightdeck-store-postgres --example measure -- postgres://postgres@127.0.0.1/test`
//!
//! It makes its tables where the URL says, and leaves them there: name an empty schema. Two numbers after the URL say how many
//! tasks commit writes and how many commit appends.
#![expect(clippy::print_stdout, clippy::expect_used, reason = "a program for a person at a terminal")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use flightdeck_domain::action::{Attribution, Intervention, OperatorAction};
use flightdeck_domain::command::Delivery;
use flightdeck_domain::ids::{MessageId, SessionId};
use flightdeck_domain::message::{MessageRole, NewMessage};
use flightdeck_domain::operator::Actor;
use flightdeck_domain::ports::{MessageRepository, OperatorActions, SessionRepository};
use flightdeck_domain::session::{Observation, Registration, SessionStatus};
use flightdeck_domain::text::{AgentType, JsonObject, MessageContent, ProviderName, RequestId, TaskId, TaskSource};
use flightdeck_domain::time::Timestamp;
use flightdeck_store_postgres::{Options, PostgresStore};
use tokio::runtime::Handle;
use uuid::Uuid;

const CALLERS: [u64; 4] = [1, 16, 64, 256];
const EACH: Duration = Duration::from_secs(4);

/// Ids that no run before this one used.
static NEXT: AtomicU64 = AtomicU64::new(1);

fn id() -> Uuid {
    static RUN: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
    let run = *RUN.get_or_init(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
        now.as_secs()
    });
    Uuid::from_u64_pair(run, NEXT.fetch_add(1, Ordering::Relaxed))
}

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros).expect("a moment")
}

fn registration() -> Registration {
    Registration {
        id: SessionId::new(id()),
        parent_id: None,
        provider: ProviderName::internal(),
        provider_session_id: None,
        replica: None,
        started_by: None,
        mission_id: None,
        task_id: TaskId::new("FD-1").expect("valid"),
        task_source: TaskSource::default(),
        agent_type: AgentType::new("worker").expect("valid"),
        status: SessionStatus::Running,
        gate_profile: None,
        context: JsonObject::default(),
        metadata: JsonObject::default(),
        at: at(0),
    }
}

async fn register(store: Arc<PostgresStore>, _session: SessionId, _turn: u64) {
    store.register(registration()).await.expect("registered");
}

async fn observe(store: Arc<PostgresStore>, session_id: SessionId, turn: u64) {
    let status = if turn.is_multiple_of(2) { SessionStatus::Idle } else { SessionStatus::Running };
    let observation = Observation {
        session_id,
        status,
        reason: None,
        provider_session_id: None,
        message_id: MessageId::new(id()),
        at: at(1),
    };
    assert!(store.observe(observation).await.expect("observed").changed, "a change each time");
}

async fn heartbeat(store: Arc<PostgresStore>, session_id: SessionId, turn: u64) {
    let at = at(i64::try_from(turn).expect("not so many"));
    store.heartbeat(session_id, at).await.expect("heard").expect("there");
}

async fn inject(store: Arc<PostgresStore>, session_id: SessionId, _turn: u64) {
    let by = Attribution {
        actor: Actor::local_cli(),
        reason: None,
        request_id: RequestId::new("measured").expect("valid"),
        at: at(3),
        idempotency_key: None,
        spooled: false,
    };
    let intervention = Intervention::Inject {
        message_id: MessageId::new(id()),
        content: MessageContent::new("stop, and say why").expect("valid"),
        delivery: Delivery::Queue,
    };
    let action = OperatorAction { session_id, intervention, operation: None, able: None, by };
    store.commit(action).await.expect("committed");
}

async fn append(store: Arc<PostgresStore>, session: SessionId, _turn: u64) {
    let message = NewMessage {
        id: MessageId::new(id()),
        role: MessageRole::Assistant,
        content: MessageContent::new("x".repeat(500)).expect("valid"),
        metadata: JsonObject::default(),
        created_at: at(2),
    };
    store.append(session, vec![message], at(2)).await.expect("appended");
}

async fn measure<F>(name: &str, store: &Arc<PostgresStore>, work: fn(Arc<PostgresStore>, SessionId, u64) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    for callers in CALLERS {
        let before = store.stats();
        let until = Instant::now() + EACH;
        let mut running = Vec::new();
        for _ in 0..callers {
            let store = Arc::clone(store);
            running.push(tokio::spawn(async move {
                let new = registration();
                let session = new.id;
                store.register(new).await.expect("registered");
                let mut took = Vec::new();
                let mut turn = 0;
                while Instant::now() < until {
                    let begun = Instant::now();
                    work(Arc::clone(&store), session, turn).await;
                    took.push(begun.elapsed());
                    turn += 1;
                }
                took
            }));
        }
        let mut took = Vec::new();
        for caller in running {
            took.extend(caller.await.expect("no panic"));
        }
        took.sort_unstable();
        let of = |part: usize| took.get(took.len() * part / 100).copied().unwrap_or_default();
        let rate = f64::from(u32::try_from(took.len()).expect("not so many")) / EACH.as_secs_f64();
        let after = store.stats();
        let groups = after.append_groups + after.write_groups - before.append_groups - before.write_groups;
        let alone = after.writes_alone - before.writes_alone;
        println!(
            "{name:10} {callers:4} callers: {rate:8.0}/s, p50 {:?}, p99 {:?}, groups {groups}, alone {alone}",
            of(50),
            of(99)
        );
    }
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().expect("the URL of a database to measure in");
    let mut number = |default| arguments.next().map_or(default, |text| text.parse().expect("a number"));
    let known = Options::default();
    let options =
        Options { write_groups: number(known.write_groups), append_shards: number(known.append_shards), ..known };
    let store = PostgresStore::open(&url, options, Handle::current()).await.expect("opened");
    let store = Arc::new(store);
    measure("register", &store, register).await;
    measure("status", &store, observe).await;
    measure("heartbeat", &store, heartbeat).await;
    measure("inject", &store, inject).await;
    measure("append", &store, append).await;
}
