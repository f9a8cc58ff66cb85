//! The one place that makes what handlers, extractors and middlewares take, from the parts of the deployment.

use std::num::NonZero;
use std::sync::Arc;

use actix_web::web::{Data, ServiceConfig};
use flightdeck_domain::feed::FleetEvent;
use flightdeck_domain::use_cases::{
    AcknowledgeCommand, Authorize, CreateKey, DecideApproval, ExportAudit, IngestMessages, Intervene, InterveneFleet,
    InterveneScope, ListKeys, LogIn, MakeCheckpoint, ManageProviders, ManageRetention, ManageRunners, ManageSinks,
    OpenApproval, ReadApprovals, ReadAudit, ReadChanges, ReadCommands, ReadHistory, ReadOperations,
    ReadProviderConfigs, ReadSessions, ReadSinks, ReadUsage, RecordRefusal, RegisterSession, ReportChanges,
    ReportStatus, RevokeKey, SearchHistory, ServeRunners, SetBudget, SpawnSession, SubscribePush, SurveyFleet,
    SwitchGuard, TakeTelemetry, VerifyAudit, WithdrawApproval,
};
use flightdeck_live::{ConversationTails, Conversations, Cut, FleetFeedLog, Tails};

use tokio::sync::Semaphore;

use crate::api::Api;
use crate::extract::Bodies;
use crate::frames::{cut_frame, event_frame, message_frame, receipt_frame};
use crate::handlers::agent_log::AgentLogs;
use crate::handlers::agents::Agents;
use crate::handlers::approvals::Approvals;
use crate::handlers::assignments::Assignments;
use crate::handlers::audit::Audit;
use crate::handlers::changes::AgentChanges;
use crate::handlers::commands::Commands;
use crate::handlers::configure::Configure;
use crate::handlers::control::Control;
use crate::handlers::effects::Effects;
use crate::handlers::events::Events;
use crate::handlers::fleet::Fleet;
use crate::handlers::gate::Gate;
use crate::handlers::hooks::Hooks;
use crate::handlers::keys::Keys;
use crate::handlers::kill_all::KillAll;
use crate::handlers::login::Logins;
use crate::handlers::messages::Messages;
use crate::handlers::metrics::Metrics;
use crate::handlers::operations::Operations;
use crate::handlers::providers::Offers;
use crate::handlers::push::Push;
use crate::handlers::rendered::Rendering;
use crate::handlers::retention::Retaining;
use crate::handlers::runners;
use crate::handlers::search::Search;
use crate::handlers::sinks::Sinks;
use crate::handlers::spawn::Spawning;
use crate::handlers::status::Statuses;
use crate::handlers::telemetry::Telemetry;
use crate::handlers::usage::Usage;
use crate::handlers::waiting::Waiting;
use crate::readiness::Probe;
use crate::rendered::Cache;
use crate::sse::Streams;

/// So much of rendered messages is kept, in bytes.
const KEPT_RENDERED: usize = 16 << 20;

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

type Give = Arc<dyn Fn(&mut ServiceConfig) + Send + Sync>;

/// The values that every request gets, each made once and shared by all workers.
#[derive(Clone, Default)]
pub(crate) struct Given(Vec<Give>);

impl Given {
    fn with<T: Send + Sync + 'static>(self, part: T) -> Self {
        self.with_shared(Arc::new(part))
    }

    fn with_shared<T: ?Sized + Send + Sync + 'static>(mut self, part: Arc<T>) -> Self {
        let data = Data::from(part);
        self.0.push(Arc::new(move |config: &mut ServiceConfig| {
            config.app_data(data.clone());
        }));
        self
    }

    /// Gives all values to a worker.
    pub(crate) fn configure(&self, config: &mut ServiceConfig) {
        self.0.iter().for_each(|give| give(config));
    }
}

/// Makes all values.
pub(crate) fn wire(api: &Api) -> Given {
    stepping_in(api, fleet(api, agents(api, common(api))))
}

/// The values that extractors, middlewares and handlers of several resources share, and those about the server itself.
fn common(api: &Api) -> Given {
    let Api { ports, options, throttles, .. } = api;
    let given = match &api.spans {
        Some(spans) => Given::default().with_shared(Arc::clone(spans)),
        None => Given::default(),
    };
    given
        .with_shared(Arc::clone(&api.keys))
        .with_shared(Arc::clone(&api.counters))
        .with_shared(Arc::clone(&ports.ids))
        .with(Bodies::new(options.bodies))
        .with(Probe::new(Arc::clone(&api.readiness), api.runtime.clone()).beside(api.history.copy.clone()))
        .with(Streams {
            ids: Arc::clone(&ports.ids),
            epoch: api.epoch(),
            most_per_key: options.max_streams_per_key,
            keep_alive: options.keep_alive,
            shutdown: api.shutdown.clone(),
            open: api.open_streams.clone(),
        })
        .with(api.names.clone())
        .with(Keys {
            authorize: Authorize::new(ports),
            create: CreateKey::new(ports),
            list: ListKeys::new(ports),
            revoke: RevokeKey::new(ports),
            clock: Arc::clone(&ports.clock),
            in_use: Arc::clone(&api.keys),
        })
        .with(Logins {
            authorize: Authorize::new(ports),
            log_in: LogIn::new(ports),
            keys: Arc::clone(&api.keys),
            throttle_login: Arc::clone(&throttles.login),
            throttle_foreign_links: Arc::clone(&throttles.foreign_links),
            secure_cookies: options.secure_cookies,
        })
}

/// The values about agents: how they start, what they report, and what is read of them.
fn agents(api: &Api, given: Given) -> Given {
    let Api { ports, providers, .. } = api;
    let authorize = Authorize::new(ports);
    let (sessions, report) = (ReadSessions::new(ports), ReportStatus::new(ports));
    given
        .with(Agents {
            authorize: authorize.clone(),
            register: RegisterSession::new(ports),
            sessions: sessions.clone(),
            retention: ManageRetention::new(ports),
            providers: providers.clone(),
            epoch: api.epoch(),
            throttle_tree: Arc::clone(&api.throttles.tree),
        })
        .with(Spawning { authorize: authorize.clone(), spawn: SpawnSession::new(ports, providers) })
        .with(Statuses {
            authorize: authorize.clone(),
            sessions: sessions.clone(),
            report: report.clone(),
            retention: ManageRetention::new(ports),
            providers: providers.clone(),
            runners: ManageRunners::new(ports),
        })
        .with(AgentLogs {
            authorize: authorize.clone(),
            sessions: sessions.clone(),
            providers: providers.clone(),
            runners: ManageRunners::new(ports),
        })
        .with(AgentChanges {
            authorize: authorize.clone(),
            read: ReadChanges::new(ports).at_replica(providers.replica().cloned()),
            report: ReportChanges::new(ports),
            runners: ManageRunners::new(ports),
        })
        .with(Messages {
            authorize: authorize.clone(),
            ingest: IngestMessages::new(ports).enforcing(api.enforce_budgets(), report),
            history: ReadHistory::new(&api.history.messages),
            retention: ManageRetention::new(ports),
            tails: conversations(api),
            hints: Arc::clone(&api.hints),
            epoch: api.epoch(),
        })
        .with(Rendering {
            authorize: authorize.clone(),
            history: ReadHistory::new(&api.history.messages),
            cache: Arc::new(Cache::new(KEPT_RENDERED)),
            at_once: Arc::new(Semaphore::new(cores().div_ceil(2))),
        })
        .with(Search {
            authorize: authorize.clone(),
            history: SearchHistory::new(&api.history.messages),
            retention: ManageRetention::new(ports),
        })
        .with(Events {
            authorize: authorize.clone(),
            feed: feed(api),
            sessions: sessions.clone(),
            tree: Arc::clone(&ports.sessions),
            hints: Arc::clone(&api.hints),
            epoch: api.epoch(),
        })
        .with(ServeRunners::new(ports, providers))
        .with(runners::Fleet { authorize: authorize.clone(), manage: ManageRunners::new(ports) })
        .with(Assignments {
            authorize: authorize.clone(),
            serve: ServeRunners::new(ports, providers),
            clock: Arc::clone(&ports.clock),
            waiting: Waiting { hints: Arc::clone(&api.hints), shutdown: api.shutdown.clone() },
        })
        .with(Telemetry {
            take: TakeTelemetry::new(
                ports,
                authorize.clone(),
                IngestMessages::new(ports).enforcing(api.enforce_budgets(), ReportStatus::new(ports)),
            ),
        })
        .with(Hooks { authorize, claude_code: api.claude_code.clone() })
}

/// The values about the fleet as a whole: its figures, who is told of it, and what it is made of.
fn fleet(api: &Api, given: Given) -> Given {
    let Api { ports, providers, .. } = api;
    let authorize = Authorize::new(ports);
    given
        .with(Metrics {
            authorize: authorize.clone(),
            survey: SurveyFleet::new(ports),
            sinks: ReadSinks::new(ports),
            keys: Arc::clone(&api.keys),
            counters: Arc::clone(&api.counters),
            last: tokio::sync::Mutex::default(),
        })
        .with(Push {
            authorize: authorize.clone(),
            subscribe: SubscribePush::new(ports, api.options.public_url.clone()),
        })
        .with(Fleet {
            authorize: authorize.clone(),
            sessions: ReadSessions::new(ports),
            usage: ReadUsage::new(ports),
            keys: Arc::clone(&api.keys),
        })
        .with(Offers {
            authorize: authorize.clone(),
            providers: providers.clone(),
            read: ReadProviderConfigs::new(ports, providers),
            manage: ManageProviders::new(ports, providers),
            names: api.names.clone(),
        })
        .with(Retaining {
            authorize: authorize.clone(),
            manage: ManageRetention::new(ports),
            names: api.names.clone(),
            archive: ports.archive.is_some(),
        })
        .with(Sinks {
            authorize: authorize.clone(),
            read: ReadSinks::new(ports),
            manage: ManageSinks::new(ports, api.options.public_url.clone()),
            names: api.names.clone(),
        })
}

/// The values about control: how operators step in, what agents get of it, and the record of both.
fn stepping_in(api: &Api, given: Given) -> Given {
    let Api { ports, providers, options, throttles, .. } = api;
    let (authorize, record_refusal) = (Authorize::new(ports), RecordRefusal::new(ports));
    let (sessions, operations) = (ReadSessions::new(ports), ReadOperations::new(ports));
    let (intervene, report) = (Intervene::new(ports, providers), ReportStatus::new(ports));
    let waiting = Waiting { hints: Arc::clone(&api.hints), shutdown: api.shutdown.clone() };
    let effects = Effects {
        waiting: waiting.clone(),
        sessions: sessions.clone(),
        operations: operations.clone(),
        providers: providers.clone(),
        control_wait: options.control_wait,
        ending_wait: options.ending_wait,
    };
    given
        .with(Gate {
            authorize: authorize.clone(),
            record_refusal: record_refusal.clone(),
            throttle_control: Arc::clone(&throttles.control),
            throttle_stop: Arc::clone(&throttles.stop),
            throttle_refusals: Arc::clone(&throttles.refusals),
        })
        .with(intervene.clone())
        .with(Configure {
            intervene: intervene.clone(),
            read: ReadCommands::new(ports),
            waiting: waiting.clone(),
            control_wait: options.control_wait,
        })
        .with(Control { intervene, scope: InterveneScope::new(ports, providers), effects: effects.clone() })
        .with(KillAll {
            fleet: InterveneFleet::new(ports, providers),
            effects,
            operations: operations.clone(),
            sessions: sessions.clone(),
        })
        .with(Operations { authorize: authorize.clone(), read: operations })
        .with(Commands {
            authorize: authorize.clone(),
            read: ReadCommands::new(ports),
            acknowledge: AcknowledgeCommand::new(ports),
            report: report.clone(),
            sessions,
            waiting: waiting.clone(),
            poll: options.tail.poll,
        })
        .with(Approvals {
            authorize: authorize.clone(),
            open: OpenApproval::new(ports),
            read: ReadApprovals::new(ports),
            decide: DecideApproval::new(ports),
            withdraw: WithdrawApproval::new(ports),
            names: api.names.clone(),
            report,
            waiting,
            epoch: api.epoch(),
        })
        .with(Usage {
            authorize: authorize.clone(),
            read: ReadUsage::new(ports),
            set_budget: SetBudget::new(ports).enforcing(api.enforce_budgets()),
            switch_guard: SwitchGuard::new(ports),
        })
        .with(Audit {
            authorize,
            record_refusal,
            read: ReadAudit::new(ports),
            export: ExportAudit::new(ports).reading(Arc::clone(&api.history.audit)),
            verify: VerifyAudit::new(ports),
            make_checkpoint: MakeCheckpoint::new(ports),
            shutdown: api.shutdown.clone(),
        })
}

fn conversations(api: &Api) -> ConversationTails {
    let (messages, feed) = (Arc::clone(&api.ports.messages), Arc::clone(&api.ports.feed));
    let log = Conversations::new(messages, Arc::clone(&api.hints), message_frame);
    ConversationTails::new(log, feed, Arc::clone(&api.hints), receipt_frame, api.options.tail, &api.runtime)
}

fn feed(api: &Api) -> Tails<FleetFeedLog> {
    let (epoch, now) = (api.epoch(), api.epoch());
    let encode = move |event: &FleetEvent| event_frame(event, epoch.get());
    let tell = move |cut: &Cut| cut_frame(cut, now.get());
    let log = FleetFeedLog::new(Arc::clone(&api.ports.feed), Arc::clone(&api.hints), encode, tell);
    Tails::new(log, api.options.tail, api.runtime.clone())
}
