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
