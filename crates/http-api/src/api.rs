//! The parts of the HTTP side of one deployment.

use std::sync::Arc;
use std::time::Duration;

use flightdeck_domain::ports::{AuditLog, HookReceiver, MessageRepository, ReadCopy, Readiness};
use flightdeck_domain::use_cases::{
    Authenticate, EnforceBudgets, ExpireApprovals, FoldSpool, KeepRunners, NameKeys, Ports, Providers,
};
use flightdeck_live::Hints;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::KeyRing;
use crate::counters::Counters;
use crate::epochs::CurrentEpoch;
use crate::housekeeping::{self, House};
use crate::options::ApiOptions;
use crate::readiness::Answers;
use crate::request_spans::RequestSpans;
use crate::throttle::ControlThrottle;
use crate::throttles::Throttles;

/// The parts of the HTTP side of one deployment. [`Listening::serve`](crate::Listening::serve) makes what the handlers
/// take from them; no handler sees all of them.
pub struct Api {
    pub(crate) ports: Ports,
    pub(crate) providers: Providers,
    pub(crate) hints: Arc<Hints>,
    pub(crate) options: ApiOptions,
    /// The runtime of streams.
    pub(crate) runtime: Handle,
    pub(crate) shutdown: CancellationToken,
    pub(crate) open_streams: TaskTracker,
    pub(crate) epoch: CurrentEpoch,
    pub(crate) keys: Arc<KeyRing>,
    /// The names of keys, remembered for all who show them.
    pub(crate) names: NameKeys,
    pub(crate) throttles: Throttles,
    pub(crate) counters: Arc<Counters>,
    /// Missing when requests have no spans.
    pub(crate) spans: Option<Arc<RequestSpans>>,
    pub(crate) claude_code: Option<Arc<dyn HookReceiver>>,
    pub(crate) readiness: Arc<dyn Readiness>,
    pub(crate) history: History,
}

/// What history is read from.
pub(crate) struct History {
    pub(crate) messages: Arc<dyn MessageRepository>,
    pub(crate) audit: Arc<dyn AuditLog>,
    /// The copy of the store that these read, if there is one.
    pub(crate) copy: Option<Arc<dyn ReadCopy>>,
}

impl Api {
    /// Takes the ports of the deployment. Streams run on the given runtime and end when `shutdown` is cancelled.
    #[must_use]
    pub fn new(
        ports: &Ports,
        providers: &Providers,
        hints: Arc<Hints>,
        options: ApiOptions,
        runtime: &Handle,
        shutdown: CancellationToken,
    ) -> Self {
        Self {
            ports: ports.clone(),
            providers: providers.clone(),
            hints,
            runtime: runtime.clone(),
            shutdown,
            open_streams: TaskTracker::new(),
            epoch: CurrentEpoch::default(),
            keys: Arc::new(KeyRing::new(Authenticate::new(ports))),
            names: NameKeys::new(ports),
            throttles: Throttles::new(&options),
            counters: Arc::default(),
            spans: None,
            claude_code: None,
            readiness: Arc::new(Answers(Arc::clone(&ports.feed))),
            history: History { messages: Arc::clone(&ports.messages), audit: Arc::clone(&ports.audit), copy: None },
            options,
        }
    }

    /// Uses another counter for control calls than the one in this process; the rate of the options then has no effect.
    #[must_use]
    pub fn with_control_throttle(self, throttle: impl ControlThrottle + 'static) -> Self {
        let throttles = Throttles { control: Arc::new(throttle), ..self.throttles };
        Self { throttles, ..self }
    }

    /// Uses counters that other parts of the process use too.
    #[must_use]
    pub fn with_counters(self, counters: Arc<Counters>) -> Self {
        Self { counters, ..self }
    }

    /// Makes spans of requests.
    #[must_use]
    pub fn with_request_spans(self, spans: Arc<RequestSpans>) -> Self {
        Self { spans: Some(spans), ..self }
    }

    /// Adds the receiver of Claude Code's hooks.
    #[must_use]
    pub fn with_claude_code(self, hooks: Arc<dyn HookReceiver>) -> Self {
        Self { claude_code: Some(hooks), ..self }
    }

    /// Adds a check of the store for readiness, besides whether it answers.
    #[must_use]
    pub fn with_readiness(self, readiness: Arc<dyn Readiness>) -> Self {
        Self { readiness, ..self }
    }

    /// Reads pages of conversations, searches and exports from other ports than everything else: they read a copy of the
    /// store, and the store where the copy will not do.
    #[must_use]
    pub fn with_history(
        self,
        messages: Arc<dyn MessageRepository>,
        audit: Arc<dyn AuditLog>,
        copy: Arc<dyn ReadCopy>,
    ) -> Self {
        Self { history: History { messages, audit, copy: Some(copy) }, ..self }
    }

    /// Adds the current epoch, for the streams.
    #[must_use]
    pub fn epoch(&self) -> CurrentEpoch {
        self.epoch.clone()
    }

    /// Waits, once `shutdown` is cancelled, until the open streams have told their readers so, for a second at most; says
    /// whether all of them have.
    pub fn streams_ended(&self) -> impl Future<Output = bool> + use<> {
        let open = self.open_streams.clone();
        async move {
            open.close();
            tokio::time::timeout(Duration::from_secs(1), open.wait()).await.is_ok()
        }
    }

    /// Runs the background jobs until the shutdown: ends the streams of revoked keys, forgets quiet keys, closes
    /// permission requests whose deadline has passed, pauses sessions with used-up budgets, loses silent sessions,
    /// folds the spool into the audit log.
    ///
    /// Its tasks are workers of the process, on the runtime that this is called on.
    pub fn keep_house(&self) {
        let Self { ports, providers, .. } = self;
        let house = House {
            counters: Arc::clone(&self.counters),
            keys: Arc::clone(&self.keys),
            throttles: self.throttles.clone(),
            fold_spool: FoldSpool::new(ports, providers),
            enforce_budgets: self.enforce_budgets(),
            expire_approvals: ExpireApprovals::new(ports),
            keep_runners: KeepRunners::new(ports),
        };
        let leases = housekeeping::all_leases(ports, providers, &self.options);
        housekeeping::start(&Handle::current(), house, leases, &self.shutdown);
    }

    /// Pauses sessions with used-up budgets, and logs the result.
    pub(crate) fn enforce_budgets(&self) -> EnforceBudgets {
        EnforceBudgets::new(&self.ports, &self.providers).telling(housekeeping::tell_of_budgets)
    }
}
