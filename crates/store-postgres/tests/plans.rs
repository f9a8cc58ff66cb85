//! How PostgreSQL goes about the queries that must stay cheap however much is stored.
//!
//! Every statement that a call really sends is explained on tables with many rows, in the plan that serves any values.
#![expect(clippy::expect_used, reason = "what fails here fails the test")]

mod bench;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use flightdeck_domain::ids::{AuditSeq, CommandSeq, FeedPosition, MessageId, OperationId, Seq, SessionId};
use flightdeck_domain::ports::{
    ApprovalFilter, ApprovalQuery, ApprovalRepository, AuditFilter, AuditLog, CommandQueue, FleetFeed,
    MessageRepository, OperationQuery, OperationRepository, SessionCursor, SessionFilter, SessionQuery,
    SessionRepository, TargetCursor, TargetQuery,
};
use flightdeck_domain::session::{Observation, Registration, SessionStatus, Silence};
use flightdeck_domain::text::{MissionId, ProviderName};
use flightdeck_store_contract::given;
use flightdeck_store_postgres::{MessageParts, MoveStep};
use libtest_mimic::Arguments;
use tokio_postgres::Client;
use uuid::Uuid;

use self::bench::Bench;

/// What was sent to the server since it was last looked at.
static SENT: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn sent() -> Vec<String> {
    std::mem::take(&mut *SENT.lock().unwrap_or_else(PoisonError::into_inner))
}

fn note(event: &InstrumentationEvent<'_>) {
    if let InstrumentationEvent::StartQuery { query, .. } = event {
        // The values are shown behind the statement, as a comment.
        let text = query.to_string();
        let sql = text.split(" -- binds").next().unwrap_or_default().to_owned();
        SENT.lock().unwrap_or_else(PoisonError::into_inner).push(sql);
    }
}

#[expect(clippy::unnecessary_wraps, reason = "diesel may be given none")]
fn instrumentation() -> Option<Box<dyn Instrumentation>> {
    Some(Box::new(|event: InstrumentationEvent<'_>| note(&event)))
}

/// What PostgreSQL would do for each of the statements.
async fn explain(client: &Client, statements: &[String]) -> Vec<String> {
    let mut plans = Vec::new();
    for sql in
        statements.iter().filter(|sql| ["SELECT", "INSERT", "UPDATE", "WITH"].iter().any(|it| sql.starts_with(it)))
    {
        client.batch_execute(&format!("PREPARE asked AS {sql}")).await.expect(sql);
        let values =
            (1..=99).take_while(|n| sql.contains(&format!("${n}"))).map(|_| "NULL").collect::<Vec<_>>().join(", ");
        let values = if values.is_empty() { String::new() } else { format!("({values})") };
        let steps = client.query(&format!("EXPLAIN (COSTS OFF) EXECUTE asked{values}"), &[]).await.expect("explained");
        plans.extend(steps.iter().map(|step| step.get::<_, String>(0)));
        client.batch_execute("DEALLOCATE asked").await.expect("let go");
    }
    plans
}

/// A hundred thousand of everything, most of it over.
async fn fill(client: &Client) {
    client
        .batch_execute(
            "INSERT INTO sessions (id, parent_id, root_id, status, desired_status, last_seq, last_command_seq, revision, \
                 spawned_at, provider, mission_id, task_id, task_source, agent_type, context, metadata) \
             SELECT ('00000000-0000-0000-0001-' || lpad(to_hex(n), 12, '0'))::uuid, \
                 CASE WHEN n % 10 = 0 THEN NULL ELSE ('00000000-0000-0000-0001-' || lpad(to_hex(n - n % 10), 12, '0'))::uuid END, \
                 ('00000000-0000-0000-0001-' || lpad(to_hex(n - n % 10), 12, '0'))::uuid, \
                 CASE n % 50 WHEN 0 THEN 'running' WHEN 1 THEN 'lost' WHEN 2 THEN 'failed' ELSE 'completed' END, \
                 'running', 3, 1, 1, n, 'p' || n % 20, 'm' || n % 500, 'FD-' || n, 'jira', 'worker', '{}', '{}' \
             FROM generate_series(0, 99999) AS n; \
             INSERT INTO messages SELECT id, seq, gen_random_uuid(), 'user', 'internal', 0, '{}', 'hello' \
             FROM sessions, generate_series(1, 3) AS seq; \
             INSERT INTO commands SELECT id, 1, 'pause', NULL, NULL, NULL, \
                 CASE status WHEN 'running' THEN 'accepted' ELSE 'consumed' END, NULL, 0, 0 FROM sessions; \
             INSERT INTO approvals SELECT gen_random_uuid(), id, CASE status WHEN 'running' THEN 'open' ELSE 'expired' END, \
                 'may I', 'allow_once', spawned_at, spawned_at, CASE status WHEN 'running' THEN NULL ELSE 1 END, \
                 NULL, NULL, NULL, CASE status WHEN 'running' THEN NULL ELSE 'deadline' END, '{}' FROM sessions; \
             INSERT INTO operations SELECT id, 'kill', 'fleet', NULL, NULL, 'x', NULL, spawned_at, 1, \
                 CASE status WHEN 'running' THEN 1 ELSE 0 END, CASE status WHEN 'running' THEN 0 ELSE 1 END, 0, 0, 0, \
                 CASE status WHEN 'running' THEN NULL ELSE 1 END FROM sessions; \
             INSERT INTO operation_targets SELECT id, 1, id, 'kill', 1, 0, NULL, NULL, \
                 CASE status WHEN 'running' THEN NULL ELSE 'observed' END, NULL FROM sessions; \
             INSERT INTO feed_events SELECT row_number() OVER (), 'spawned', id, 0, '{}' FROM sessions; \
             UPDATE feed_head SET position = 100000; \
             INSERT INTO audit_entries SELECT row_number() OVER (), decode(repeat('00', 32), 'hex'), '', 'kill', \
                 'a' || spawned_at % 100, spawned_at, id FROM sessions",
        )
        .await
        .expect("filled");
}

struct Explained {
    what: &'static str,
    plan: Vec<String>,
}

impl Explained {
    /// No table is read from end to end: neither itself, nor every entry of an index.
    fn is_looked_up(&self) -> &Self {
        let plan = &self.plan;
        assert!(!plan.is_empty(), "{}: nothing was run", self.what);
        for step in plan.iter().filter(|step| step.contains("Seq Scan on")) {
            // Those that have one row.
            let one = ["feed_head", "audit_head", "fleet_state"].iter().any(|table| step.contains(table));
            assert!(one, "{}: {plan:#?}", self.what);
        }
        self
    }

    fn uses(&self, index: &str) -> &Self {
        assert!(self.plan.iter().any(|step| step.contains(index)), "{}: not by {index}: {:#?}", self.what, self.plan);
        self
    }

    fn sorts_nothing(&self) -> &Self {
        // A merge of a few sorted runs would be as good, and has another name.
        let sorted = self.plan.iter().any(|step| step.trim_start_matches([' ', '-', '>']).starts_with("Sort"));
        assert!(!sorted, "{}: {:#?}", self.what, self.plan);
        self
    }
}

macro_rules! explained {
    ($client:expr, $what:expr, $call:expr) => {{
        sent();
        let _ = $call.await.expect("done");
        Explained { what: $what, plan: explain($client, &sent()).await }
    }};
}

async fn bench() -> (Bench, Client) {
    let bench = Bench::new().await;
    let client = bench.client().await;
    fill(&client).await;
    bench.analyze().await;
    // Where few rows are expected, sorting them is as good. What is to be seen is that nothing has to be sorted.
    client.batch_execute("SET plan_cache_mode = force_generic_plan; SET enable_sort = off").await.expect("set");
    (bench, client)
}

fn page(filter: SessionFilter) -> SessionQuery {
    let after = Some(SessionCursor { spawned_at: given::at(0), id: given::session_id(1) });
    SessionQuery { filter, after, limit: 10, heads_only: false }
}

async fn pages_follow_an_index() {
    let (bench, client) = bench().await;
    let store = &*bench.store;
    let not_ended = SessionStatus::ALL.into_iter().filter(|status| !status.is_terminal()).collect::<Vec<_>>();
    let (any, provider) = (SessionFilter::default, ProviderName::new("p1").ok());
    for (filter, index) in [
        (any(), "sessions_newest"),
        (SessionFilter { mission_id: MissionId::new("m1").ok(), ..any() }, "sessions_mission"),
        (SessionFilter { statuses: vec![SessionStatus::Failed], ..any() }, "sessions_status"),
        (SessionFilter { provider: provider.clone(), ..any() }, "sessions_provider"),
        (SessionFilter { provider, statuses: not_ended.clone(), ..any() }, "sessions_open"),
        (SessionFilter { statuses: not_ended.clone(), ..any() }, "sessions_open"),
    ] {
        let plan = explained!(&client, "a page of sessions", SessionRepository::list(store, page(filter)));
        plan.is_looked_up().uses(index).sorts_nothing();
    }
    let subtree = SessionFilter { subtree: Some(given::session_id(1)), ..any() };
    explained!(&client, "a subtree", SessionRepository::list(store, page(subtree)))
        .is_looked_up()
        .uses("sessions_parent");
    // A session at the top has been filled in, and with it a whole tree in its order.
    let tree = SessionFilter { subtree: Some(SessionId::new(Uuid::from_u128(1 << 48))), ..any() };
    let plan = explained!(&client, "a whole tree", SessionRepository::list(store, page(tree)));
    plan.is_looked_up().uses("sessions_root").sorts_nothing();
    for (open, index) in
        [(None, "operations_newest"), (Some(true), "operations_open"), (Some(false), "operations_completed")]
    {
        let query = OperationQuery { open, missions: None, after: None, limit: 10 };
        let plan = explained!(&client, "a page of operations", store.operations(query));
        plan.is_looked_up().uses(index).sorts_nothing();
    }
    let after = Some(TargetCursor { depth: 3, session_id: given::session_id(1) });
    let operation = OperationId::new(Uuid::from_u128(1));
    let query = TargetQuery { operation, unseen_only: true, missions: None, after, limit: 10 };
    let plan = explained!(&client, "a page of targets", store.targets(query));
    plan.is_looked_up().uses("operation_targets_pkey").sorts_nothing();
    let query = ApprovalQuery { filter: ApprovalFilter::default(), before: None, limit: 10 };
    let plan = explained!(&client, "a page of requests", ApprovalRepository::list(store, query));
    plan.is_looked_up().uses("approvals_newest").sorts_nothing();
    let due = explained!(&client, "what is due", store.due(given::at(0), 10));
    due.is_looked_up().uses("approvals_due").sorts_nothing();
}

async fn logs_are_read_from_a_place() {
    let (bench, client) = bench().await;
    let (store, one) = (&*bench.store, given::session_id(1));
    store.register(given::registration(1)).await.expect("registered");
    let plan = explained!(&client, "forwards", MessageRepository::after(store, one, Seq::ZERO, 9));
    plan.is_looked_up().uses("Index Scan using messages_pkey");
    let plan = explained!(&client, "backwards", store.before(one, Seq::new(9), 9));
    plan.is_looked_up().uses("Index Scan Backward using messages_pkey");
    let plan = explained!(&client, "the feed", FleetFeed::after(store, FeedPosition::ZERO, 9));
    plan.is_looked_up().uses("feed_events_pkey").sorts_nothing();
    let plan = explained!(&client, "pending commands", store.pending(one, CommandSeq::ZERO, 9));
    plan.is_looked_up().uses("commands_pending").sorts_nothing();
    let plan = explained!(&client, "a walk", store.walk(AuditSeq::new(5), 9));
    plan.is_looked_up().uses("audit_entries_pkey").sorts_nothing();
    let by_session = AuditFilter { session_id: Some(one), ..AuditFilter::default() };
    let plan = explained!(&client, "entries of a session", AuditLog::page(store, by_session, None, 9));
    plan.is_looked_up().uses("audit_entries_session").sorts_nothing();
    let span = AuditFilter { from: Some(given::at(0)), to: Some(given::at(1)), ..AuditFilter::default() };
    explained!(&client, "a span of time", AuditLog::page(store, span, None, 9)).is_looked_up().uses("audit_entries_");
    let subtree = AuditFilter { subtree: Some(one), ..AuditFilter::default() };
    explained!(&client, "entries of a subtree", AuditLog::page(store, subtree, None, 9)).is_looked_up();
}

async fn writes_look_up_what_they_need() {
    let (bench, client) = bench().await;
    let (store, one) = (&*bench.store, given::session_id(1));
    explained!(&client, "register", store.register(given::registration(1))).is_looked_up();
    let child = Registration { parent_id: Some(one), ..given::registration(2) };
    explained!(&client, "register a child", store.register(child)).is_looked_up();
    explained!(&client, "is within", store.is_within(given::session_id(2), one)).is_looked_up();
    explained!(&client, "a heartbeat", store.heartbeat(one, given::at(1))).is_looked_up();
    let batch = vec![given::said(1, "one"), given::said(2, "two")];
    explained!(&client, "append", store.append(one, batch.clone(), given::at(1))).is_looked_up();
    let at_once = explained!(&client, "append at once", store.append(one, vec![given::said(3, "three")], given::at(1)));
    at_once.is_looked_up().uses("sessions_pkey");
    let again = explained!(&client, "append again", store.append(one, batch, given::at(1)));
    again.is_looked_up().uses("messages_id");
    let message_id = MessageId::new(Uuid::from_u128(9));
    let status = SessionStatus::Completed;
    let observation =
        Observation { session_id: one, status, reason: None, provider_session_id: None, message_id, at: given::at(3) };
    let plan = explained!(&client, "observe", store.observe(observation));
    plan.is_looked_up().uses("operation_targets_open").uses("approvals_open");
    let silence = Silence::longer_than(Duration::from_mins(2), vec![ProviderName::internal()], given::at(-9_999));
    let plan = explained!(&client, "who is silent", store.lose(silence, 9));
    plan.is_looked_up().uses("sessions_open");
}

/// Of a partitioned table, one part is opened, and of those that a list of messages could be in each only for its own.
async fn pages_and_repeats_read_one_part() {
    let bench = Bench::new().await;
    let client = bench.client().await;
    let parts = MessageParts::open(bench.place.url(), &bench::options(), tokio::runtime::Handle::current()).await;
    let parts = parts.expect("opened");
    while parts.step().await.expect("a step") != MoveStep::Done {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    client
        .batch_execute(
            "INSERT INTO messages SELECT ('00000000-0000-0000-0002-' || lpad(to_hex(n / 10), 12, '0'))::uuid, n % 10 + 1, \
                 gen_random_uuid(), 'user', 'internal', 0, '{}', 'hello' FROM generate_series(0, 49999) AS n; \
             SET plan_cache_mode = force_generic_plan; SET enable_sort = off",
        )
        .await
        .expect("filled");
    bench.analyze().await;
    let (store, one) = (&*bench.store, given::session_id(1));
    store.register(given::registration(1)).await.expect("registered");
    let batch = vec![given::said(1, "one"), given::said(2, "two")];
    store.append(one, batch.clone(), given::at(1)).await.expect("appended");
    for plan in [
        explained!(&client, "forwards", MessageRepository::after(store, one, Seq::ZERO, 9)),
        explained!(&client, "backwards", store.before(one, Seq::new(9), 9)),
    ] {
        plan.uses("Subplans Removed: ");
        assert!(!plan.plan.iter().any(|step| step.contains("messages_part_")), "{:#?}", plan.plan);
    }
    sent();
    store.append(one, batch, given::at(1)).await.expect("appended again");
    let repeats = sent().into_iter().find(|sql| sql.contains("wanted")).expect("the known are looked up");
    client.batch_execute(&format!("PREPARE repeats AS {repeats}")).await.expect("prepared");
    let ids = "SELECT session_id::text, id::text FROM messages WHERE seq = 1 AND content = 'one'";
    let row = client.query_one(ids, &[]).await.expect("a message");
    let (session, id): (String, String) = (row.get(0), row.get(1));
    let explain = format!(
        "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) EXECUTE repeats(ARRAY['{session}']::uuid[], ARRAY['{id}']::uuid[])"
    );
    let plan: Vec<String> = client.query(&explain, &[]).await.expect("explained").iter().map(|it| it.get(0)).collect();
    let untouched = plan.iter().filter(|step| step.contains("never executed")).count();
    assert!(untouched >= 15, "all parts but one: {plan:#?}");
}

fn main() {
    let mut arguments = Arguments::from_args();
    // What is sent is noted for the whole program.
    arguments.test_threads = Some(1);
    set_default_instrumentation(instrumentation).expect("set before any connection");
    let trials = vec![
        bench::case("pages_follow_an_index", pages_follow_an_index),
        bench::case("logs_are_read_from_a_place", logs_are_read_from_a_place),
        bench::case("writes_look_up_what_they_need", writes_look_up_what_they_need),
        bench::case("pages_and_repeats_read_one_part", pages_and_repeats_read_one_part),
    ];
    bench::main(trials, &arguments);
}
