//! Runners pass the suite that every provider must pass: the real binary, and the program in Python.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "what fails here fails the test")]

mod support;

use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use flightdeck_domain::action::Origin;
use flightdeck_domain::approval::ApprovalOption;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::operator::{Actor, Role};
use flightdeck_domain::ports::Clock as _;
use flightdeck_domain::provider_config::{ConfigChange, ConfigDraft, ConfigLimits, ConfigName, Expected};
use flightdeck_domain::session::SessionPlace;
use flightdeck_domain::system::{SystemClock, SystemIds};
use flightdeck_domain::text::{KeyName, ProviderName, RequestId};
use flightdeck_domain::use_cases::{CreateKey, NewKey, Ports, Providers, RunnerProvider};
use flightdeck_http_api::{Api, ApiOptions, Listening};
use flightdeck_live::Hints;
use flightdeck_provider_contract::{
    Behaviour, Capabilities, Case, Fixture, Need, Outcome, Wanted, provider_cases, script,
};
use flightdeck_store_memory::MemoryStore;
use flightdeck_test_servers::NoServer;
use libtest_mimic::{Arguments, Completion, Trial};
use serde_json::json;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use support::cable::Cable;
use support::runner::{Runner, missing_python};

/// What starts the agents.
const CONFIGURATION: &str = "far";

/// A server in this process, a runner of its own behind a cable.
struct Far {
    ports: Ports,
    providers: Providers,
    cable: Cable,
    runner: Mutex<Runner>,
    is_rust: bool,
    shutdown: CancellationToken,
    _folder: tempfile::TempDir,
}

impl Far {
    async fn new(is_rust: bool) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let hints = Arc::new(Hints::default());
        let (store, wake_ups) = (Arc::new(MemoryStore::default()), Arc::clone(&hints));
        let ports = Ports::from_store(store, wake_ups, Arc::new(SystemClock), Arc::new(SystemIds));
        let kind = RunnerProvider::new(&ports);
        let providers = Providers::default()
            .with(Arc::new(kind.clone()))
            .with_kind(Arc::new(kind))
            .without_lease(ProviderName::runner());
        let request = || RequestId::new("test").expect("valid");
        let draft = ConfigDraft {
            kind: ProviderName::runner(),
            display_name: None,
            enabled: true,
            settings: serde_json::from_value(json!({"offer": "scripted"})).expect("an object"),
            credentials: [].into(),
            labels: [].into(),
            limits: ConfigLimits::default(),
        };
        let name = ConfigName::new(CONFIGURATION).expect("valid");
        let by = Origin::new(Actor::local_cli(), request()).at(SystemClock.now());
        let change = ConfigChange { name, draft: Some(draft), expected: Expected::Absent, by };
        ports.provider_configs.change_provider_config(change).await.expect("made");
        let new = NewKey {
            name: KeyName::new("runner").expect("valid"),
            role: Role::Runner,
            bound_to: None,
            place: SessionPlace::default(),
            missions: None,
            lifetime: None,
        };
        let (key, _) = CreateKey::new(&ports).execute(new, Actor::local_cli(), request()).await.expect("made");
        let shutdown = CancellationToken::new();
        let listening = Listening::on(([127, 0, 0, 1], 0).into()).expect("a free port");
        let cable = Cable::to(listening.address);
        let api = Api::new(&ports, &providers, hints, ApiOptions::default(), &Handle::current(), shutdown.clone());
        api.keep_house();
        tokio::spawn(async move { listening.serve(&api, 2).expect("serves").await });
        let (name, key) = ("far", key.reveal());
        let mut runner = if is_rust {
            Runner::new(name, cable.address, &key, folder.path(), &["--capacity", "50"])
        } else {
            Runner::in_python(name, cable.address, &key, folder.path())
        };
        runner.start();
        Self { ports, providers, cable, runner: Mutex::new(runner), is_rust, shutdown, _folder: folder }
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

#[async_trait]
impl Fixture for Far {
    fn ports(&self) -> &Ports {
        &self.ports
    }

    fn providers(&self) -> &Providers {
        &self.providers
    }

    fn wants(&self, behaviour: Behaviour) -> Wanted {
        Wanted {
            provider: ProviderName::new(CONFIGURATION).expect("valid"),
            agent_type: "worker".parse().expect("valid"),
            context: serde_json::from_value(script(behaviour)).expect("valid"),
            prompt: "Please begin.".parse().expect("valid"),
        }
    }

    fn capabilities(&self) -> Capabilities {
        let all = Capabilities::all()
            .without(Need::Programs, "scripted agents are tasks of the runner")
            .without(Need::Bytes, "scripted agents write no bytes");
        if self.is_rust { all } else { all.without(Need::Crash, "it is another runner when it is started again") }
    }

    fn says_when(&self, decided: ApprovalOption) -> &'static str {
        if decided.allows() { "I may (" } else { "I may not (" }
    }

    async fn is_running(&self, _session: SessionId) -> Option<bool> {
        None
    }

    /// An agent crashes with its runner.
    async fn crash(&self, _session: SessionId) {
        let mut runner = self.runner.lock().expect("free");
        runner.kill();
        runner.start();
    }

    async fn unplug(&self) {
        self.cable.cut();
        // Its runner meets that at once: every connection of it breaks.
        tokio::time::sleep(Duration::from_millis(300)).await;
    }

    async fn plug_in(&self) {
        self.cable.mend();
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let rust = provider_cases!(Far::new(true).await).into_iter().map(|case| trial("rust", case, None));
    let none = missing_python().err();
    let python = provider_cases!(Far::new(false).await).into_iter().map(|case| trial("python", case, none.clone()));
    libtest_mimic::run(&arguments, rust.chain(python).collect()).exit_code()
}

fn trial(runner: &str, case: Case, missing: Option<NoServer>) -> Trial {
    let is_required = std::env::var("CI").is_ok_and(|value| value == "true");
    Trial::ignorable_test(format!("{runner}::{}", case.name), move || {
        match missing {
            Some(missing) if is_required => return Err(missing.into()),
            Some(missing) => return Ok(Completion::ignored_with(missing)),
            None => {}
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        Ok(match runtime.block_on((case.run)()) {
            Outcome::Passed => Completion::Completed,
            Outcome::Ignored(why) => Completion::ignored_with(why),
        })
    })
}
