//! Agents that speak the Agent Client Protocol pass the suite that every provider must pass: those that pause between two turns,
//! and those that are frozen within one and take messages into it.
#![cfg_attr(
    not(target_os = "linux"),
    allow(dead_code, reason = "the suite looks for processes where Linux shows them")
)]
#![expect(clippy::expect_used, reason = "what fails here fails the test")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use flightdeck_domain::approval::ApprovalOption;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::system::{SystemClock, SystemIds};
use flightdeck_domain::text::{JsonObject, ProviderName};
use flightdeck_domain::use_cases::{Ports, Providers};
use flightdeck_processes::Supervisor;
use flightdeck_provider_acp::{AcpProvider, AgentConfig, Home, PauseBy};
use flightdeck_provider_contract::{
    BYE, Behaviour, Capabilities, Case, FAULT, Fixture, LINES, MANY, Need, Outcome, TICK, TITLE, Wanted, provider_cases,
};
use flightdeck_store_memory::MemoryStore;
use flightdeck_uplink::{FaultyDesk, LocalDesk};
use libtest_mimic::{Arguments, Completion, Trial};
use serde_json::json;

struct Acp {
    ports: Ports,
    providers: Providers,
    provider: Arc<AcpProvider>,
    desk: Arc<FaultyDesk>,
    pause: PauseBy,
    folder: tempfile::TempDir,
}

fn test_agent() -> String {
    env!("CARGO_BIN_EXE_test-agent").to_owned()
}

fn agents(pause: PauseBy) -> Vec<AgentConfig> {
    let config = |name: &str| AgentConfig {
        env: [("PATH".to_owned(), std::env::var("PATH").expect("a path"))].into(),
        cwd: Some(std::env::temp_dir()),
        cancel_time: Duration::from_millis(300),
        term_time: Duration::from_millis(300),
        at_once: 100,
        pause,
        steer: pause == PauseBy::Freeze,
        ..AgentConfig::new(name, test_agent(), Vec::new())
    };
    let stubborn = AgentConfig {
        command: "sh".to_owned(),
        args: vec!["-c".to_owned(), "trap '' TERM; exec \"$0\"".to_owned(), test_agent()],
        ..config("stubborn")
    };
    let missing = AgentConfig { command: "no-such-program".to_owned(), ..config("missing") };
    vec![config("tester"), stubborn, missing]
}

impl Acp {
    fn new(pause: PauseBy) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Arc::new(MemoryStore::default());
        let ports = Ports::from_store(store, Arc::new(()), Arc::new(SystemClock), Arc::new(SystemIds));
        let desk = Arc::new(FaultyDesk::new(Arc::new(LocalDesk::new(&ports))));
        let supervisor = Supervisor { binary: PathBuf::from(test_agent()) };
        let provider = AcpProvider::with_desk(desk.clone(), None, agents(pause), Home::new(folder.path()), supervisor);
        let provider = Arc::new(provider.expect("a provider"));
        let providers = Providers::default().with(provider.clone());
        Self { ports, providers, provider, desk, pause, folder }
    }
}

/// The prompt is the script of the test agent. Of two items of the same kind nobody knows where the second begins, so it says
/// and thinks in turn.
fn script(behaviour: Behaviour) -> String {
    let kind = |place: usize| if place.is_multiple_of(2) { "say" } else { "think" };
    match behaviour {
        Behaviour::Says => {
            let lines = LINES.iter().enumerate().map(|(place, line)| format!("{} {line}\nwait 50", kind(place)));
            lines.collect::<Vec<_>>().join("\n")
        }
        Behaviour::Works => format!("tick 20 {TICK}"),
        Behaviour::Asks => format!("ask {TITLE}"),
        Behaviour::Delegates => {
            let said = json!({"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": TICK}});
            let told = json!({"jsonrpc": "2.0", "method": "session/update",
                "params": {"sessionId": "one-below", "update": said}});
            format!("say and now another\nraw {told}\ntick 20 {TICK}")
        }
        Behaviour::Ends => format!("say {BYE}\nexit"),
        Behaviour::Fails => format!("log {FAULT}\ncrash"),
        Behaviour::CannotStart => "hello".to_owned(),
        Behaviour::SaysMuch => {
            let numbers = (0..MANY).map(|place| format!("{} #{};", kind(place), place % 100));
            numbers.collect::<Vec<_>>().join("\n")
        }
        Behaviour::WritesGarbage => {
            format!("raw \\xff\\xfe\\x00{{\"jsonrpc\": \"2.0\", \\xc3\nraw {{\"half\\x80\nsay {BYE}")
        }
        Behaviour::Stubborn => format!("say {BYE}\nthink and nothing else\ndeaf 3600000"),
    }
}

#[async_trait]
impl Fixture for Acp {
    fn ports(&self) -> &Ports {
        &self.ports
    }

    fn providers(&self) -> &Providers {
        &self.providers
    }

    fn wants(&self, behaviour: Behaviour) -> Wanted {
        let agent_type = match behaviour {
            Behaviour::CannotStart => "missing",
            Behaviour::Stubborn => "stubborn",
            _ => "tester",
        };
        Wanted {
            provider: ProviderName::acp(),
            agent_type: agent_type.parse().expect("valid"),
            context: JsonObject::default(),
            prompt: script(behaviour).parse().expect("valid"),
        }
    }

    fn capabilities(&self) -> Capabilities {
        match self.pause {
            PauseBy::Turn => Capabilities::all()
                .without(Need::PauseInTurn, "these agents pause when their turn ends")
                .without(Need::Steer, "these agents take nothing into a running turn"),
            PauseBy::Freeze => Capabilities::all(),
        }
    }

    fn says_when(&self, decided: ApprovalOption) -> &'static str {
        if decided.allows() { "decided: yes" } else { "decided: no" }
    }

    /// Every process of an agent bears its mark, its supervisor included.
    async fn is_running(&self, session: SessionId) -> Option<bool> {
        let home = self.folder.path().canonicalize().expect("there");
        let mark = format!("FLIGHTDECK_PROCESS={}#{session}", home.display());
        let entries = std::fs::read_dir("/proc").expect("listed").filter_map(Result::ok);
        let mut environments = entries.filter_map(|entry| std::fs::read(entry.path().join("environ")).ok());
        let bears = |environment: Vec<u8>| environment.split(|byte| *byte == 0).any(|held| held == mark.as_bytes());
        Some(environments.any(bears))
    }

    async fn crash(&self, session: SessionId) {
        assert!(self.provider.crash(session), "it has no program");
    }

    async fn unplug(&self) {
        self.desk.unplug().await;
    }

    async fn plug_in(&self) {
        self.desk.plug_in();
    }
}

fn trials(fixture: &str, cases: Vec<Case>) -> impl Iterator<Item = Trial> {
    cases.into_iter().map(move |case| {
        Trial::ignorable_test(format!("{fixture}::{}", case.name), move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            match runtime.expect("a runtime").block_on((case.run)()) {
                Outcome::Passed => Ok(Completion::Completed),
                Outcome::Ignored(why) => Ok(Completion::ignored_with(why)),
            }
        })
    })
}

#[cfg(target_os = "linux")]
fn main() {
    let in_turns = trials("in_turns", provider_cases!(Acp::new(PauseBy::Turn)));
    let frozen = trials("frozen", provider_cases!(Acp::new(PauseBy::Freeze)));
    libtest_mimic::run(&Arguments::from_args(), in_turns.chain(frozen).collect()).exit();
}

#[cfg(not(target_os = "linux"))]
fn main() {}
