//! Random histories of control, held against a model that knows nothing of the code: which moves of a status are legal,
//! what becomes of a command's receipt, and under whom nothing spawns.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use flightdeck_domain::action::{Intervention, OperatorAction, Origin};
use flightdeck_domain::audit::ChainVerifier;
use flightdeck_domain::command::{Delivery, Receipt};
use flightdeck_domain::ids::{AuditSeq, CommandSeq, MessageId, SessionId};
use flightdeck_domain::operator::Actor;
use flightdeck_domain::ports::{AuditLog, CommandQueue, OperatorActions, SessionRepository};
use flightdeck_domain::session::{DesiredStatus, Observation, Registration, SessionStatus};
use flightdeck_domain::text::{AgentType, JsonObject, ProviderName, RequestId, TaskId, TaskSource};
use flightdeck_domain::time::Timestamp;
use flightdeck_store_memory::MemoryStore;
use proptest::prelude::*;
use uuid::Uuid;

/// One thing that happens. Numbers are taken modulo what there is.
#[derive(Clone, Copy, Debug)]
enum Step {
    Register { parent: Option<usize> },
    Observe { session: usize, status: usize },
    Act { session: usize, what: usize, command: usize },
    Acknowledge { session: usize, command: usize, consumed: bool },
}

fn step() -> impl Strategy<Value = Step> {
    let number = 0_usize..64;
    prop_oneof![
        1 => prop::option::of(number.clone()).prop_map(|parent| Step::Register { parent }),
        3 => (number.clone(), number.clone()).prop_map(|(session, status)| Step::Observe { session, status }),
        4 => (number.clone(), number.clone(), number.clone()).prop_map(|(session, what, command)| Step::Act { session, what, command }),
        3 => (number.clone(), number, any::<bool>())
            .prop_map(|(session, command, consumed)| Step::Acknowledge { session, command, consumed }),
    ]
}

/// What the model remembers of a session.
struct Model {
    parent: Option<usize>,
    status: &'static str,
    desired: &'static str,
    /// Kind and receipt of each command, in order.
    commands: Vec<(&'static str, &'static str)>,
}

const STATUSES: [SessionStatus; 9] = SessionStatus::ALL;
const ACTS: [&str; 7] = ["inject", "pause", "resume", "interrupt", "interrupt, drop", "kill", "cancel"];

fn ended(status: &str) -> bool {
    ["completed", "failed", "killed"].contains(&status)
}

/// The drawn machine, once more and by hand.
fn legal(from: &str, to: &str) -> bool {
    let next: &[&str] = match from {
        "spawning" => &["running", "completed", "failed", "killed", "lost"],
        "running" => &["idle", "waiting", "paused", "completed", "failed", "killed", "lost"],
        "idle" | "waiting" => &["running", "paused", "completed", "failed", "killed", "lost"],
        "paused" => &["running", "idle", "waiting", "completed", "failed", "killed", "lost"],
        "lost" => &["running", "idle", "waiting", "paused", "completed", "failed", "killed"],
        _ => &[],
    };
    from == to || next.contains(&to)
}

struct World {
    store: MemoryStore,
    model: Vec<Model>,
    ticks: u32,
}

impl World {
    fn tick(&mut self) -> (Timestamp, Uuid) {
        self.ticks += 1;
        let at = Timestamp::from_micros(1_767_225_600_000_000 + i64::from(self.ticks)).expect("a moment");
        (at, Uuid::from_u128(1_000_000 + u128::from(self.ticks)))
    }

    fn id(n: usize) -> SessionId {
        SessionId::new(Uuid::from_u128(u128::try_from(n).expect("small") + 1))
    }

    fn fenced(&self, parent: Option<usize>) -> bool {
        let line = std::iter::successors(parent, |above| self.model[*above].parent);
        line.map(|above| &self.model[above]).any(|above| above.status == "killed" || above.desired == "killed")
    }

    async fn take(&mut self, step: Step) {
        let sessions = self.model.len();
        match step {
            Step::Register { parent } => self.register(parent.filter(|_| sessions > 0).map(|n| n % sessions)).await,
            _ if sessions == 0 => self.register(None).await,
            Step::Observe { session, status } => self.observe(session % sessions, STATUSES[status % 9]).await,
            Step::Act { session, what, command } => self.act(session % sessions, ACTS[what % 7], command).await,
            Step::Acknowledge { session, command, consumed } => {
                self.acknowledge(session % sessions, command, consumed).await;
            }
        }
    }

    async fn register(&mut self, parent: Option<usize>) {
        let (at, _) = self.tick();
        let registration = Registration {
            id: Self::id(self.model.len()),
            parent_id: parent.map(Self::id),
            provider: ProviderName::internal(),
            provider_session_id: None,
            replica: None,
            started_by: None,
            mission_id: None,
            task_id: TaskId::new("FD-1").expect("valid"),
            task_source: TaskSource::default(),
            agent_type: AgentType::new("worker").expect("valid"),
            status: SessionStatus::Spawning,
            gate_profile: None,
            context: JsonObject::default(),
            metadata: JsonObject::default(),
            at,
        };
        let done = self.store.register(registration).await;
        assert_eq!(done.is_err(), self.fenced(parent), "{done:?}");
        if done.is_ok() {
            self.model.push(Model { parent, status: "spawning", desired: "running", commands: Vec::new() });
        }
    }

    async fn observe(&mut self, n: usize, status: SessionStatus) {
        let (at, message) = self.tick();
        let message_id = MessageId::new(message);
        let observation =
            Observation { session_id: Self::id(n), status, reason: None, provider_session_id: None, message_id, at };
        let done = self.store.observe(observation).await;
        let model = &mut self.model[n];
        assert_eq!(done.is_ok(), legal(model.status, status.as_str()), "{} to {status}: {done:?}", model.status);
        if done.is_err() || model.status == status.as_str() {
            return;
        }
        model.status = status.as_str();
        if ended(model.status) {
            for (kind, receipt) in &mut model.commands {
                if ["accepted", "delivered"].contains(receipt) {
                    let followed = *kind == "kill" && status == SessionStatus::Killed;
                    *receipt = if followed { "consumed" } else { "undeliverable" };
                }
            }
        }
    }

    async fn act(&mut self, n: usize, what: &'static str, command: usize) {
        let (at, message) = self.tick();
        let queue = self.model[n].commands.len();
        let place = command % (queue + 1);
        let intervention = match what {
            "inject" => Intervention::Inject {
                message_id: MessageId::new(message),
                content: "look".parse().expect("valid"),
                delivery: Delivery::Queue,
            },
            "pause" => Intervention::Pause,
            "resume" => Intervention::Resume,
            "kill" => Intervention::Kill,
            "cancel" => Intervention::Cancel { command: CommandSeq::new(u64::try_from(place).expect("small") + 1) },
            _ => Intervention::Interrupt { drop_queued: what == "interrupt, drop" },
        };
        let by = Origin::new(Actor::system(), RequestId::new("r").expect("valid")).at(at);
        let action = OperatorAction { session_id: Self::id(n), intervention, operation: None, able: None, by };
        let done = self.store.commit(action).await;
        let model = &mut self.model[n];
        let open = !ended(model.status) && (model.desired != "killed" || what == "kill");
        let cancellable = model.commands.get(place) == Some(&("inject", "accepted"));
        assert_eq!(done.is_ok(), open && (what != "cancel" || cancellable), "{what}: {done:?}");
        if done.is_ok() {
            model.accept(what, place);
        }
    }

    async fn acknowledge(&mut self, n: usize, command: usize, consumed: bool) {
        let (at, _) = self.tick();
        let queue = self.model[n].commands.len();
        let place = command % (queue + 1);
        let (receipt, word) =
            if consumed { (Receipt::Consumed, "consumed") } else { (Receipt::Delivered, "delivered") };
        let seq = CommandSeq::new(u64::try_from(place).expect("small") + 1);
        let done = self.store.acknowledge(Self::id(n), seq, receipt, at).await;
        let Some((_, is)) = self.model[n].commands.get_mut(place) else {
            assert!(done.is_err(), "there is no command {seq}");
            return;
        };
        let pending = ["accepted", "delivered"].contains(is);
        let harmless = *is == word || word == "delivered";
        assert_eq!(done.is_ok(), pending || harmless, "{is} to {word}: {done:?}");
        if pending {
            *is = word;
        }
        if let Ok(command) = done {
            assert_eq!(command.receipt.as_str(), *is);
        }
    }

    /// At the end the store is what the model says, and the record of all of it is whole.
    async fn compare(&self) {
        for (n, model) in self.model.iter().enumerate() {
            let session = self.store.get(Self::id(n)).await.expect("read").expect("there");
            assert_eq!((session.status.as_str(), session.desired_status.as_str()), (model.status, model.desired));
            let pending = self.store.pending(Self::id(n), CommandSeq::ZERO, 100).await.expect("read").expect("there");
            let pending: Vec<_> =
                pending.iter().map(|command| (command.kind.as_str(), command.receipt.as_str())).collect();
            let open = |command: &&(&str, &str)| ["accepted", "delivered"].contains(&command.1);
            assert_eq!(pending, model.commands.iter().filter(open).copied().collect::<Vec<_>>());
        }
        let mut verifier = ChainVerifier::default();
        for entry in self.store.walk(AuditSeq::ZERO, 1_000).await.expect("read") {
            verifier.next(&entry).expect("a whole chain");
        }
    }
}

impl Model {
    fn accept(&mut self, what: &'static str, place: usize) {
        let command = match what {
            "cancel" => {
                self.commands[place].1 = "cancelled";
                return;
            }
            "inject" => Some("inject"),
            "pause" => {
                let so_already = self.status == "paused" && self.desired == "paused";
                self.desired = DesiredStatus::Paused.as_str();
                (!so_already).then_some("pause")
            }
            "resume" => {
                let so_already = self.status != "paused" && self.desired == "running";
                self.desired = DesiredStatus::Running.as_str();
                (!so_already).then_some("resume")
            }
            "kill" => {
                self.desired = DesiredStatus::Killed.as_str();
                Some("kill")
            }
            _ => {
                if what == "interrupt, drop" {
                    let waiting = self.commands.iter_mut().filter(|command| **command == ("inject", "accepted"));
                    waiting.for_each(|command| command.1 = "cancelled");
                }
                Some("interrupt")
            }
        };
        self.commands.extend(command.map(|kind| (kind, "accepted")));
    }
}

/// `FLIGHTDECK_TEST_HISTORIES=10000` tries ten times as many as a quick run.
fn histories() -> ProptestConfig {
    let asked = std::env::var("FLIGHTDECK_TEST_HISTORIES").ok().and_then(|count| count.parse().ok());
    ProptestConfig { cases: asked.unwrap_or(1_000), failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(histories())]

    #[test]
    fn histories_of_fifty_steps_hold_to_the_model(steps in prop::collection::vec(step(), 50)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("runs");
        runtime.block_on(async {
            let mut world = World { store: MemoryStore::new(), model: Vec::new(), ticks: 0 };
            for step in steps {
                world.take(step).await;
            }
            world.compare().await;
        });
    }
}
