//! The store of the example passes the cases of the nouns that it has, and the example runs to its end.

#[path = "../examples/own_store/main.rs"]
mod example;

use std::sync::Arc;

use async_trait::async_trait;
use flightdeck_store_contract::{Harness, Store, contract_cases, lacks};
use libtest_mimic::{Arguments, Trial};

use self::example::store::OwnStore;

lacks!(
    OwnStore: CommandQueue, ApprovalRepository, OperationRepository, UsageRepository, FleetFeed, ApiKeyRepository,
    EpochRepository, LoginRepository, ProviderConfigRepository, RunnerRepository, SinkRepository,
    RetentionRepository, ChangeReports, FleetSurveyor,
);

const NOUNS: [&str; 4] = ["session", "message", "audit", "action"];

#[derive(Default)]
struct OwnHarness(Arc<OwnStore>);

#[async_trait]
impl Harness for OwnHarness {
    fn store(&self) -> Arc<dyn Store> {
        self.0.clone()
    }

    async fn break_audit(&self) {
        unreachable!("an entry is an element of a vector; the cases about one that cannot be written are not run")
    }

    async fn mend_audit(&self) {}
}

fn main() {
    let cases = contract_cases!(OwnHarness::default()).into_iter().filter(|case| case.is_about(&NOUNS));
    let trials = cases.map(|case| {
        Trial::test(case.name, move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build()?;
            runtime.block_on((case.run)());
            Ok(())
        })
    });
    let example = Trial::test("example", || Ok(example::main().map_err(|error| error.to_string())?));
    libtest_mimic::run(&Arguments::from_args(), trials.chain([example]).collect()).exit();
}
