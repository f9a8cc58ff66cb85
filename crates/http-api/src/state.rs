//! What all requests share.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flightdeck_domain::feed::FleetEvent;
use flightdeck_domain::ids::KeyId;
use flightdeck_domain::ports::{HookReceiver, IdGenerator, Readiness, StoreUnavailable};
use flightdeck_domain::text::ProviderName;
use flightdeck_domain::use_cases::{
    AcknowledgeCommand, Authenticate, Authorize, DecideApproval, EnforceBudgets, ExpireApprovals, ExpireLeases,
    ExportAudit, FoldSpool, IngestMessages, Intervene, InterveneFleet, InterveneScope, LogIn, MakeCheckpoint,
    OpenApproval, Ports, Providers, ReadApprovals, ReadAudit, ReadCommands, ReadHistory, ReadOperations, ReadSessions,
    ReadUsage, RecordRefusal, RegisterSession, ReportStatus, SearchHistory, SetBudget, SpawnSession, VerifyAudit,
    WithdrawApproval,
};
use flightdeck_live::{ConversationTails, Conversations, FleetFeedLog, Hints, Tails};
use flightdeck_vitals::Vitals;
use tokio_util::sync::CancellationToken;

use crate::auth::KeyRing;
use crate::counters::{Counters, Minute};
use crate::epochs::CurrentEpoch;
use crate::extract::Bodies;
use crate::frames::{event_frame, message_frame, receipt_frame};
use crate::options::ApiOptions;
use crate::readiness::{Answers, Probe};
use crate::throttle::{ControlRoute, ControlThrottle, Throttle};

/// The HTTP side of one deployment: its use cases and what streams share. One for all workers.
pub struct Api {
    pub(crate) register: RegisterSession,
    pub(crate) spawn: SpawnSession,
    pub(crate) report: ReportStatus,
    pub(crate) ingest: IngestMessages,
    pub(crate) history: ReadHistory,
    pub(crate) search: SearchHistory,
    pub(crate) sessions: ReadSessions,
    pub(crate) commands: ReadCommands,
    pub(crate) acknowledge: AcknowledgeCommand,
    pub(crate) intervene: Intervene,
    pub(crate) scope: InterveneScope,
    pub(crate) fleet: InterveneFleet,
    pub(crate) open_approval: OpenApproval,
    pub(crate) decide_approval: DecideApproval,
    pub(crate) withdraw_approval: WithdrawApproval,
    pub(crate) approvals: ReadApprovals,
    pub(crate) expire_approvals: ExpireApprovals,
    pub(crate) usage: ReadUsage,
    pub(crate) set_budget: SetBudget,
    budgets: EnforceBudgets,
    pub(crate) operations: ReadOperations,
    pub(crate) audit: ReadAudit,
    pub(crate) verify_audit: VerifyAudit,
    pub(crate) fold_spool: Option<FoldSpool>,
    pub(crate) expire_leases: Vec<ExpireLeases>,
    pub(crate) export_audit: ExportAudit,
    pub(crate) make_checkpoint: MakeCheckpoint,
    pub(crate) log_in: LogIn,
    pub(crate) authorize: Authorize,
    pub(crate) record_refusal: RecordRefusal,
    pub(crate) claude_code: Option<Arc<dyn HookReceiver>>,
    pub(crate) readiness: Probe,
    runtime: tokio::runtime::Handle,
    pub(crate) ports: Ports,
    pub(crate) providers: Providers,
    pub(crate) ids: Arc<dyn IdGenerator>,
    pub(crate) keys: KeyRing,
    pub(crate) bodies: Bodies,
    pub(crate) counters: Arc<Counters>,
    pub(crate) throttle_control: Box<dyn ControlThrottle>,
    pub(crate) throttle_stop: Throttle<KeyId>,
    /// What is put on record of those who may not step in, so that they cannot flood it.
    pub(crate) throttle_refusals: Throttle<KeyId>,
    pub(crate) throttle_tree: Throttle<KeyId>,
    pub(crate) throttle_login: Throttle<IpAddr>,
    /// The same for links that pages of other sites have a browser open.
    pub(crate) throttle_foreign_links: Throttle<IpAddr>,
    pub(crate) conversations: ConversationTails,
    pub(crate) feed: Tails<FleetFeedLog>,
    pub(crate) hints: Arc<Hints>,
    pub(crate) epoch: CurrentEpoch,
    pub(crate) options: ApiOptions,
    pub(crate) shutdown: CancellationToken,
}

impl Api {
    /// Wires the use cases to their ports. Streams run on the given runtime and end when `shutdown` is cancelled.
    #[must_use]
    pub fn new(
        ports: &Ports,
        providers: &Providers,
        hints: Arc<Hints>,
        options: ApiOptions,
        runtime: &tokio::runtime::Handle,
        shutdown: CancellationToken,
    ) -> Self {
        let conversations = Conversations::new(Arc::clone(&ports.messages), Arc::clone(&hints), message_frame);
        let epoch = CurrentEpoch::default();
        let labelled = epoch.clone();
        let encode = move |event: &FleetEvent| event_frame(event, labelled.get());
        let budgets = EnforceBudgets::new(ports, providers).telling(budgets_enforced);
        let feed = FleetFeedLog::new(Arc::clone(&ports.feed), Arc::clone(&hints), encode);
        Self {
            register: RegisterSession::new(ports),
            spawn: SpawnSession::new(ports, providers),
            report: ReportStatus::new(ports),
            ingest: IngestMessages::new(ports).enforcing(budgets.clone(), ReportStatus::new(ports)),
            history: ReadHistory::new(ports),
            search: SearchHistory::new(ports),
            sessions: ReadSessions::new(ports),
            commands: ReadCommands::new(ports),
            acknowledge: AcknowledgeCommand::new(ports),
            intervene: Intervene::new(ports, providers),
            scope: InterveneScope::new(ports, providers),
            fleet: InterveneFleet::new(ports, providers),
            open_approval: OpenApproval::new(ports),
            decide_approval: DecideApproval::new(ports),
            withdraw_approval: WithdrawApproval::new(ports),
            approvals: ReadApprovals::new(ports),
            expire_approvals: ExpireApprovals::new(ports),
            usage: ReadUsage::new(ports),
            set_budget: SetBudget::new(ports).enforcing(budgets.clone()),
            budgets,
            operations: ReadOperations::new(ports),
            audit: ReadAudit::new(ports),
            verify_audit: VerifyAudit::new(ports),
            fold_spool: FoldSpool::new(ports, providers),
            expire_leases: leases(ports, providers, &options),
            export_audit: ExportAudit::new(ports),
            make_checkpoint: MakeCheckpoint::new(ports),
            log_in: LogIn::new(ports),
            authorize: Authorize::new(ports),
            record_refusal: RecordRefusal::new(ports),
            claude_code: None,
            readiness: Probe::new(Arc::new(Answers(Arc::clone(&ports.feed))), runtime.clone()),
            runtime: runtime.clone(),
            ports: ports.clone(),
            providers: providers.clone(),
            ids: Arc::clone(&ports.ids),
            keys: KeyRing::new(Authenticate::new(ports)),
            bodies: Bodies::new(options.bodies),
            throttle_control: Box::new(Throttle::<(ControlRoute, KeyId)>::new(options.throttle_control)),
            throttle_stop: Throttle::new(options.throttle_stop),
            throttle_refusals: Throttle::new(options.throttle_stop),
            throttle_tree: Throttle::new(options.throttle_tree),
            throttle_login: Throttle::new(options.throttle_login),
            throttle_foreign_links: Throttle::new(options.throttle_login),
            counters: Arc::default(),
            conversations: ConversationTails::new(
                conversations,
                Arc::clone(&ports.feed),
                Arc::clone(&hints),
                receipt_frame,
                options.tail,
                runtime,
            ),
            feed: Tails::new(feed, options.tail, runtime.clone()),
            hints,
            epoch,
            options,
            shutdown,
        }
    }

    /// Counts control calls otherwise than in this process alone; the rate of the options has no meaning then.
    #[must_use]
    pub fn with_control_throttle(self, throttle: impl ControlThrottle + 'static) -> Self {
        Self { throttle_control: Box::new(throttle), ..self }
    }

    /// Counts what is turned away where others count too.
    #[must_use]
    pub fn with_counters(self, counters: Arc<Counters>) -> Self {
        Self { counters, ..self }
    }

    /// Takes in the hooks of Claude Code.
    #[must_use]
    pub fn with_claude_code(self, hooks: Arc<dyn HookReceiver>) -> Self {
        Self { claude_code: Some(hooks), ..self }
    }

    /// Where the epoch that holds is told to the streams.
    #[must_use]
    pub fn epoch(&self) -> CurrentEpoch {
        self.epoch.clone()
    }

    /// Asks more of the store for readiness than that it answers.
    #[must_use]
    pub fn with_readiness(self, readiness: Arc<dyn Readiness>) -> Self {
        Self { readiness: Probe::new(readiness, self.runtime.clone()), ..self }
    }

    /// Gives the stops of an outage their places on the audit log.
    async fn fold_spool(&self) {
        let Some(fold) = &self.fold_spool else { return };
        match fold.execute().await {
            Ok(0) => {}
            Ok(stops) => tracing::warn!(stops, "stops from the time of an outage are on the audit log now"),
            Err(error) => {
                let cause: &dyn std::error::Error = &error;
                tracing::debug!(cause, "the audit log still cannot be written");
            }
        }
    }

    /// Keeps house until the shutdown: ends the streams of revoked keys, forgets quiet ones, closes permission
    /// requests whose deadline has passed, pauses at used-up budgets, loses silent sessions, folds the spool into the audit log.
    ///
    /// Its tasks are workers of the process, on the runtime that this is called on.
    pub fn keep_house(self: &Arc<Self>) {
        let runtime = tokio::runtime::Handle::current();
        let (house, leases) = (Arc::clone(self), Arc::clone(self));
        Vitals::process().task(&runtime, "housekeeping", move || Arc::clone(&house).sweep());
        Vitals::process().task(&runtime, "lease sweep", move || Arc::clone(&leases).watch_leases());
    }

    async fn sweep(self: Arc<Self>) {
        let mut minute = Minute::begin(&self.counters, Instant::now());
        let mut every = tokio::time::interval(Duration::from_secs(1));
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.shutdown.cancelled() => return,
                _ = every.tick() => {
                    minute.tell(&self.counters, Instant::now());
                    self.keys.sweep().await;
                    self.throttle_control.sweep();
                    self.throttle_stop.sweep();
                    self.throttle_refusals.sweep();
                    self.throttle_tree.sweep();
                    self.throttle_login.sweep();
                    self.throttle_foreign_links.sweep();
                    self.fold_spool().await;
                    // It tells how that ended.
                    drop(self.budgets.execute().await);
                    if let Err(error) = self.expire_approvals.execute().await {
                        let cause: &dyn std::error::Error = &error;
                        tracing::warn!(cause, "cannot close permission requests whose deadline has passed; trying again");
                    }
                }
            }
        }
    }
}

/// Tells how a look for used-up budgets ended.
fn budgets_enforced(done: &Result<u64, StoreUnavailable>) {
    match done {
        Ok(0) => {}
        Ok(pauses) => tracing::info!(pauses, "budgets are used up, and whom they concern is to pause"),
        Err(error) => {
            let cause: &dyn std::error::Error = error;
            tracing::warn!(cause, "cannot pause whoever has used up a budget; trying again");
        }
    }
}

/// Whose leases run out. Agents of which only hooks are heard may wait for a prompt all night.
fn leases(ports: &Ports, providers: &Providers, options: &ApiOptions) -> Vec<ExpireLeases> {
    let general = options.lease.map(|lease| ExpireLeases::new(ports, providers, lease));
    let of_hooks = |lease| ExpireLeases::of_provider(ports, providers, &ProviderName::claude_code(), lease);
    general.into_iter().chain(options.hook_lease.map(of_hooks)).collect()
}
