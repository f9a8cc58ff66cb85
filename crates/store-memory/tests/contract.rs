//! The memory store passes the conformance suite. It keeps nothing on disk, so the cases about reopening are not its own.

use std::sync::Arc;

use async_trait::async_trait;
use flightdeck_store_contract::{Harness, Store, contract_tests};
use flightdeck_store_memory::MemoryStore;

#[derive(Default)]
struct MemoryHarness {
    store: Arc<MemoryStore>,
}

#[async_trait]
impl Harness for MemoryHarness {
    fn store(&self) -> Arc<dyn Store> {
        self.store.clone()
    }

    async fn break_audit(&self) {
        self.store.set_audit_broken(true);
    }

    async fn mend_audit(&self) {
        self.store.set_audit_broken(false);
    }
}

contract_tests!(MemoryHarness::default());

mod crashes {
    use flightdeck_store_contract::crash::{Act, crash_at_every_step};

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_script_that_breaks_off_at_any_operation_leaves_nothing() {
        for act in Act::ALL {
            let operations = crash_at_every_step(Arc::new(MemoryStore::default()), act, true).await;
            assert!(operations >= 2, "{act:?} is {operations} operations");
        }
    }
}
