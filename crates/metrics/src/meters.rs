//! What is counted while the server works.

use std::sync::LazyLock;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// The upper bounds of latencies, in seconds: from a quick commit to a request that is given up.
const LATENCIES: [f64; 14] = [0.000_5, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// The upper bounds of how many writes share a commit.
const GROUPS: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// The meters of a process. A clone is another handle to the same.
#[derive(Clone, Debug)]
pub struct Meters {
    appends: Histogram,
    commits: Histogram,
    groups: Histogram,
    messages: Counter,
    leases: Counter,
}

impl Default for Meters {
    fn default() -> Self {
        let latencies = || Histogram::new(LATENCIES);
        Self {
            appends: latencies(),
            commits: latencies(),
            groups: Histogram::new(GROUPS),
            messages: Counter::default(),
            leases: Counter::default(),
        }
    }
}

impl Meters {
    /// Those of this process. There is one process, as there is one log: so the parts of a server need not be handed them.
    #[must_use]
    pub fn process() -> &'static Self {
        static PROCESS: LazyLock<Meters> = LazyLock::new(Meters::default);
        &PROCESS
    }

    /// A request has appended messages, and they are durable.
    pub fn appended(&self, messages: usize, took: Duration) {
        self.messages.inc_by(u64::try_from(messages).unwrap_or(u64::MAX));
        self.appends.observe(took.as_secs_f64());
    }

    /// A transaction with the writes of so many callers is durable. `took` is from its beginning to the end of its commit.
    pub fn committed(&self, writes: usize, took: Duration) {
        self.commits.observe(took.as_secs_f64());
        self.groups.observe(f64::from(u32::try_from(writes).unwrap_or(u32::MAX)));
    }

    /// So many sessions were silent for longer than their lease, and this server has marked them as lost.
    pub fn leases_ran_out(&self, sessions: usize) {
        self.leases.inc_by(u64::try_from(sessions).unwrap_or(u64::MAX));
    }

    /// Puts them into a registry, by the names that they are known under.
    pub(crate) fn register(&self, registry: &mut Registry) {
        let Self { appends, commits, groups, messages, leases } = self.clone();
        registry.register("messages", "Messages that requests to this server have appended", messages);
        registry.register(
            "append_duration_seconds",
            "How long requests to append messages took until these were durable",
            appends,
        );
        registry.register(
            "commit_duration_seconds",
            "How long transactions that write took, from their beginning to the end of their commit",
            commits,
        );
        registry.register(
            "leases_expired",
            "Sessions that this server has marked as lost, because their lease ran out",
            leases,
        );
        registry.register("commit_writes", "How many writes of callers shared a transaction", groups);
    }
}
