//! What the server and its fleet are like, in numbers.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::ACCEPT;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use flightdeck_domain::operator::Permission;
use flightdeck_domain::ports::StoreUnavailable;
use flightdeck_domain::runner::{AssignmentState, RunnerState};
use flightdeck_domain::session::SessionStatus;
use flightdeck_domain::use_cases::{Authorize, FleetReport, ReadSinks, SinkOverview, SurveyFleet};
use flightdeck_metrics::{Exposition, Format, Labels, Meters};
use flightdeck_vitals::Vitals;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::events::Events;
use crate::auth::{Caller, KeyRing};
use crate::counters::Counters;
use crate::extract::NoParams;
use crate::problem::ApiError;
use crate::readiness::Probe;

/// The store is counted at most once in this time, however many ask.
const HOLDS: Duration = Duration::from_secs(10);

/// Where numbers are looked up.
pub(crate) struct Metrics {
    pub(crate) authorize: Authorize,
    pub(crate) survey: SurveyFleet,
    pub(crate) sinks: ReadSinks,
    /// Knows the streams that are open.
    pub(crate) keys: Arc<KeyRing>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) last: Mutex<Option<(Instant, Counted)>>,
}

/// What was counted in the store.
#[derive(Clone)]
pub(crate) struct Counted {
    fleet: FleetReport,
    sinks: Vec<SinkOverview>,
}

/// What the server and the fleet are like, in numbers that Prometheus reads.
///
/// Each server of a deployment tells its own requests, streams, workers and commits; what is counted in the store is the same
/// on all of them, and at most ten seconds old. A key with the role `viewer` is enough. With `Accept:
/// application/openmetrics-text` the text has that form. While the store is away, `flightdeck_store_up` is 0 and what is
/// counted in it is missing.
#[utoipa::path(get, path = "/metrics", operation_id = "getMetrics", tag = "health", security(("apiKey" = [])),
    responses((status = 200, description = "the numbers", content((String = "text/plain"), (String = "application/openmetrics-text")))))]
pub(crate) async fn read(
    metrics: Data<Metrics>,
    events: Data<Events>,
    probe: Data<Probe>,
    caller: Caller,
    request: HttpRequest,
    _none: NoParams,
) -> Result<HttpResponse, ApiError> {
    metrics.authorize.on_fleet(&caller.principal, Permission::ReadFleet)?;
    let mut told = Exposition::of(Meters::process());
    of_server(&mut told, &metrics);
    told.gauge("ready", "Whether the server is ready", u64::from(probe.ready().await.is_ok()));
    let report = metrics.report().await;
    told.gauge("store_up", "Whether the store could be counted", u64::from(report.is_some()));
    if let Some(Counted { fleet: report, sinks }) = report {
        of_fleet(&mut told, &report);
        of_sinks(&mut told, &sinks);
        let seen = events.feed.seen(&()).map(|head| head.position);
        let head = report.survey.feed_head.get();
        let help = "Events of the fleet feed that those who follow it on this server have not been given yet";
        told.gauge("feed_lag_events", help, head.saturating_sub(seen.unwrap_or(head)));
    }
    let accept = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let format = Format::accepted(accept);
    Ok(HttpResponse::Ok().content_type(format.content_type()).body(told.text(format)))
}

impl Metrics {
    /// What is in the store, as it was counted last; `None` while it cannot be.
    async fn report(&self) -> Option<Counted> {
        let mut last = self.last.lock().await;
        if let Some((at, report)) = &*last
            && at.elapsed() < HOLDS
        {
            return Some(report.clone());
        }
        let found = self.count().await;
        if let Err(error) = &found {
            tracing::debug!(%error, "the fleet cannot be counted");
        }
        let report = found.ok()?;
        *last = Some((Instant::now(), report.clone()));
        Some(report)
    }

    async fn count(&self) -> Result<Counted, StoreUnavailable> {
        Ok(Counted { fleet: self.survey.execute().await?, sinks: self.sinks.list().await? })
    }
}

fn by(label: &'static str, word: &str) -> Labels {
    vec![(label, word.to_owned())]
}

/// What this server knows by itself.
fn of_server(told: &mut Exposition, metrics: &Metrics) {
    let version = [(by("version", env!("CARGO_PKG_VERSION")), 1)];
    told.gauges("build_info", "The version of the server", version);
    told.gauge("open_streams", "Streams that this server has open", metrics.keys.open_streams());
    let counts = metrics.counters.read();
    let refused = [
        ("malformed", counts.malformed),
        ("too_large", counts.too_large),
        ("busy", counts.busy),
        ("throttled", counts.throttled),
        ("misdirected", counts.misdirected),
    ];
    let refused = refused.map(|(why, count)| (by("reason", why), count));
    told.counters("refused_requests", "Requests that were turned away before anything was done for them", refused);
    let workers = Vitals::process().report();
    let panics = workers.iter().map(|worker| (by("worker", worker.name), worker.panics));
    told.counters("worker_panics", "How often a worker of the server has panicked and was started again", panics);
    let down = workers.iter().map(|worker| (by("worker", worker.name), u64::try_from(worker.down).unwrap_or(u64::MAX)));
    told.gauges("workers_down", "Workers of the server that are being started again", down);
}

/// What is counted in the store.
fn of_fleet(told: &mut Exposition, report: &FleetReport) {
    let survey = &report.survey;
    let sessions = SessionStatus::ALL.into_iter().map(|status| {
        let count = survey.sessions.get(&status).copied().unwrap_or_default();
        (by("status", status.as_str()), count)
    });
    told.gauges("sessions", "Sessions by their status", sessions);
    told.gauge("approvals_open", "Permission requests that nobody has decided", survey.approvals.count);
    let age = report.age(survey.approvals);
    told.seconds("approvals_oldest_age_seconds", "How long the oldest open permission request has waited", age);
    told.gauge("operations_open", "Operations of which something is still open", survey.operations.count);
    let age = report.age(survey.operations);
    told.seconds("operations_oldest_age_seconds", "How long the oldest open operation has been open", age);
    let states = [AssignmentState::Waiting, AssignmentState::Leased, AssignmentState::Started];
    let assignments = states.map(|state| {
        let count = survey.assignments.get(&state).copied().unwrap_or_default();
        (by("state", state.as_str()), count)
    });
    told.gauges("assignments", "Agents that wait for a runner, are leased to one, or run at one", assignments);
    let states = RunnerState::ALL.map(Some).into_iter().chain([None]);
    let runners = states.map(|state| {
        let count = report.runners.get(&state).copied().unwrap_or_default();
        (by("state", state.map_or("silent", RunnerState::as_str)), count)
    });
    told.gauges("runners", "Runners by their state; one that should be heard and is not is silent", runners);
    told.gauge("feed_position", "The newest event of the fleet feed", survey.feed_head.get());
    if let Some(bytes) = survey.store_bytes {
        told.gauge("store_bytes", "How large the store is", bytes);
    }
}

/// How far sinks are. Their names are an admin's.
fn of_sinks(told: &mut Exposition, sinks: &[SinkOverview]) {
    let name = |sink: &SinkOverview| by("sink", sink.sink.name.as_str());
    let lag = sinks.iter().map(|sink| (name(sink), sink.lag.unwrap_or_default()));
    told.gauges("sink_lag_entries", "Entries of its log that are behind the cursor of a sink", lag);
    let dead = sinks.iter().map(|sink| (name(sink), sink.dead_letters));
    told.gauges("sink_dead_letters", "Messages of a sink that were given up", dead);
    let tries = sinks.iter().map(|sink| (name(sink), u64::from(sink.sink.progress.tries)));
    told.gauges("sink_tries", "How often the next message of a sink was tried in vain", tries);
}
