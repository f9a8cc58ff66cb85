//! What all requests share.

use std::sync::Arc;

use flightdeck_domain::feed::FleetEvent;
use flightdeck_domain::ports::{HookReceiver, IdGenerator, Readiness};
use flightdeck_domain::use_cases::{
    AcknowledgeCommand, Authenticate, Authorize, DecideApproval, EnforceBudgets, ExpireApprovals, ExportAudit,
    FoldSpool, IngestMessages, Intervene, InterveneFleet, InterveneScope, LogIn, MakeCheckpoint, OpenApproval, Ports,
    Providers, ReadApprovals, ReadAudit, ReadCommands, ReadHistory, ReadOperations, ReadSessions, ReadUsage,
    RecordRefusal, RegisterSession, ReportStatus, SearchHistory, SetBudget, SpawnSession, VerifyAudit,
    WithdrawApproval,
};
use flightdeck_live::{ConversationTails, Conversations, FleetFeedLog, Hints, Tails};
use tokio_util::sync::CancellationToken;

use crate::auth::KeyRing;
use crate::counters::Counters;
use crate::epochs::CurrentEpoch;
use crate::extract::Bodies;
use crate::frames::{event_frame, message_frame, receipt_frame};
use crate::housekeeping::{self, House};
use crate::options::ApiOptions;
use crate::readiness::{Answers, Probe};
use crate::throttle::ControlThrottle;
use crate::throttles::Throttles;

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
    pub(crate) usage: ReadUsage,
    pub(crate) set_budget: SetBudget,
    pub(crate) operations: ReadOperations,
    pub(crate) audit: ReadAudit,
    pub(crate) verify_audit: VerifyAudit,
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
    pub(crate) keys: Arc<KeyRing>,
    pub(crate) bodies: Bodies,
    pub(crate) counters: Arc<Counters>,
    pub(crate) throttles: Throttles,
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
        let budgets = enforce_budgets(ports, providers);
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
            usage: ReadUsage::new(ports),
            set_budget: SetBudget::new(ports).enforcing(budgets),
            operations: ReadOperations::new(ports),
            audit: ReadAudit::new(ports),
            verify_audit: VerifyAudit::new(ports),
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
            keys: Arc::new(KeyRing::new(Authenticate::new(ports))),
            bodies: Bodies::new(options.bodies),
            throttles: Throttles::new(&options),
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
        let throttles = Throttles { control: Arc::new(throttle), ..self.throttles };
        Self { throttles, ..self }
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

    /// Keeps house until the shutdown: ends the streams of revoked keys, forgets quiet ones, closes permission
    /// requests whose deadline has passed, pauses at used-up budgets, loses silent sessions, folds the spool into the audit log.
    ///
    /// Its tasks are workers of the process, on the runtime that this is called on.
    pub fn keep_house(&self) {
        let Self { ports, providers, .. } = self;
        let house = House {
            counters: Arc::clone(&self.counters),
            keys: Arc::clone(&self.keys),
            throttles: self.throttles.clone(),
            fold_spool: FoldSpool::new(ports, providers),
            enforce_budgets: enforce_budgets(ports, providers),
            expire_approvals: ExpireApprovals::new(ports),
        };
        let leases = housekeeping::all_leases(ports, providers, &self.options);
        housekeeping::start(&tokio::runtime::Handle::current(), house, leases, &self.shutdown);
    }
}

/// Pauses at used-up budgets, and tells the log how that ended.
fn enforce_budgets(ports: &Ports, providers: &Providers) -> EnforceBudgets {
    EnforceBudgets::new(ports, providers).telling(housekeeping::tell_of_budgets)
}
