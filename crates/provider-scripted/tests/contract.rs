//! Scripted agents pass the suite that every provider must pass.
#![expect(clippy::expect_used, reason = "what fails here fails the test")]

use std::sync::Arc;

use async_trait::async_trait;
use flightdeck_domain::approval::ApprovalOption;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::system::{SystemClock, SystemIds};
use flightdeck_domain::text::ProviderName;
use flightdeck_domain::use_cases::{Ports, Providers};
use flightdeck_provider_contract::{Behaviour, Capabilities, Fixture, Need, Wanted, provider_tests, script};
use flightdeck_provider_scripted::ScriptedProvider;
use flightdeck_store_memory::MemoryStore;
use flightdeck_uplink::{FaultyDesk, LocalDesk};

struct Scripted {
    ports: Ports,
    providers: Providers,
    desk: Arc<FaultyDesk>,
}

impl Scripted {
    fn new() -> Self {
        let store = Arc::new(MemoryStore::default());
        let ports = Ports::from_store(store, Arc::new(()), Arc::new(SystemClock), Arc::new(SystemIds));
        let desk = Arc::new(FaultyDesk::new(Arc::new(LocalDesk::new(&ports))));
        let provider = ScriptedProvider::with_desk(desk.clone(), None);
        let providers = Providers::default().with(Arc::new(provider));
        Self { ports, providers, desk }
    }
}

#[async_trait]
impl Fixture for Scripted {
    fn ports(&self) -> &Ports {
        &self.ports
    }

    fn providers(&self) -> &Providers {
        &self.providers
    }

    fn wants(&self, behaviour: Behaviour) -> Wanted {
        Wanted {
            provider: ProviderName::scripted(),
            agent_type: "worker".parse().expect("valid"),
            context: serde_json::from_value(script(behaviour)).expect("valid"),
            prompt: "Please begin.".parse().expect("valid"),
        }
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::all()
            .without(Need::Programs, "scripted agents are tasks of the server")
            .without(Need::Bytes, "scripted agents write no bytes")
    }

    fn says_when(&self, decided: ApprovalOption) -> &'static str {
        if decided.allows() { "I may (" } else { "I may not (" }
    }

    async fn is_running(&self, _session: SessionId) -> Option<bool> {
        None
    }

    /// The crash of a task is a panic.
    async fn crash(&self, session: SessionId) {
        self.desk.panic_at_next(session);
    }

    async fn unplug(&self) {
        self.desk.unplug().await;
    }

    async fn plug_in(&self) {
        self.desk.plug_in();
    }
}

provider_tests! {
    Scripted::new();
    without programs "scripted agents are tasks of the server",
    without bytes "scripted agents write no bytes",
}
