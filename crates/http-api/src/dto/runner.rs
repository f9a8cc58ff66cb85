//! Runners, and what they are assigned.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use flightdeck_domain::provider_config::Label;
use flightdeck_domain::runner::{Assignment, Offer, Runner, RunnerState, RunnerVersion};
use flightdeck_domain::text::JsonObject;
use flightdeck_domain::usage::Reading;
use flightdeck_domain::use_cases::{EarlierSession, RunnerOverview, Start, TakenUp, WaitingAgent};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::texts;
use crate::problem::{ApiError, FieldFault};

/// A runner as people see it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RunnerView {
    name: String,
    /// `active`, `draining`, `left`, or `gone`: silent for longer than its lease.
    #[schema(pattern = "^(active|draining|left|gone)$")]
    state: &'static str,
    labels: BTreeSet<String>,
    /// What it can start.
    offers: BTreeSet<String>,
    /// How many agents it runs at once.
    capacity: u32,
    /// How many agents it has, or is about to start.
    load: u64,
    /// Its program.
    version: String,
    /// The version of the runner protocol that it speaks.
    protocol: u32,
    /// The id of its key.
    key_id: String,
    registered_at: DateTime<Utc>,
    last_seen_at: DateTime<Utc>,
    /// How far its clock is ahead of the server's, in milliseconds; the way of its request is in it.
    clock_ahead_ms: i64,
}

impl From<RunnerOverview> for RunnerView {
    fn from(seen: RunnerOverview) -> Self {
        let RunnerOverview { runner, is_there, load } = seen;
        Self {
            state: if is_there || runner.state == RunnerState::Left { runner.state.as_str() } else { "gone" },
            name: runner.name.into(),
            labels: runner.labels.into_iter().map(Into::into).collect(),
            offers: runner.offers.into_iter().map(Into::into).collect(),
            capacity: runner.capacity,
            load,
            version: runner.version.into(),
            protocol: runner.protocol,
            key_id: runner.key_id.to_string(),
            registered_at: runner.registered_at.as_datetime(),
            last_seen_at: runner.seen_at.as_datetime(),
            clock_ahead_ms: runner.clock_ahead,
        }
    }
}

/// The runners of a deployment.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunnersView {
    /// Sorted by name.
    pub(crate) runners: Vec<RunnerView>,
}

/// An agent that waits for a runner.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WaitingAgentView {
    agent_id: Uuid,
    /// The configuration that it is started from.
    configuration: String,
    /// What a runner must offer.
    offer: String,
    /// The labels that a runner needs.
    labels: BTreeSet<String>,
    since: DateTime<Utc>,
    /// Why no runner has it.
    reason: String,
}

impl From<WaitingAgent> for WaitingAgentView {
    fn from(waiting: WaitingAgent) -> Self {
        let WaitingAgent { assignment, reason } = waiting;
        Self {
            agent_id: *assignment.session_id.as_uuid(),
            configuration: assignment.started_by.name.into(),
            offer: assignment.offer.into(),
            labels: assignment.labels.into_iter().map(Into::into).collect(),
            since: assignment.created_at.as_datetime(),
            reason,
        }
    }
}

/// The agents that wait for runners.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WaitingAgentsView {
    /// The oldest first, at most 1,000.
    pub(crate) waiting: Vec<WaitingAgentView>,
}

/// Where the agent of a session is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PlacementView {
    /// `waiting`, `leased`, `started`, `cancelled` or `ended`.
    #[schema(pattern = "^(waiting|leased|started|cancelled|ended)$")]
    state: &'static str,
    /// The runner that has it, or had it last.
    #[schema(required = true)]
    runner: Option<String>,
    /// Why it waits; null when it does not.
    #[schema(required = true)]
    reason: Option<String>,
}

impl From<(Assignment, Option<String>)> for PlacementView {
    fn from((assignment, reason): (Assignment, Option<String>)) -> Self {
        Self { state: assignment.state.as_str(), runner: assignment.runner.map(Into::into), reason }
    }
}

/// A runner that joins.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"instance": "0198c1f0-7d3e-7c2a-9a51-3f6f0c0e8b11", "protocol": 1, "version": "flightdeck 0.1.0",
    "offers": ["acp"], "labels": ["gpu"], "capacity": 8, "now": "2026-01-31T12:00:00Z"}))]
pub(crate) struct JoinBody {
    /// Tells this run of the runner from another. Who keeps what its agents said over a restart keeps this too.
    pub(crate) instance: Uuid,
    /// The version of the runner protocol: 1.
    pub(crate) protocol: u32,
    /// The program and its version, for people.
    #[schema(value_type = String, min_length = 1, max_length = 100)]
    pub(crate) version: RunnerVersion,
    /// What it can start: kinds of providers such as `acp`, or words of its own.
    #[schema(value_type = Vec<String>, min_items = 1, max_items = 50)]
    pub(crate) offers: BTreeSet<Offer>,
    /// Its labels.
    #[serde(default)]
    #[schema(value_type = Vec<String>, required = false, max_items = 50)]
    pub(crate) labels: BTreeSet<Label>,
    /// How many agents it runs at once.
    #[schema(minimum = 1, maximum = 10_000)]
    pub(crate) capacity: u32,
    /// What its clock says.
    pub(crate) now: DateTime<Utc>,
}

impl JoinBody {
    /// Checks the numbers.
    ///
    /// # Errors
    /// One of them is wrong.
    pub(crate) fn checked(self) -> Result<Self, ApiError> {
        let fault = |field: &str, detail: String| FieldFault { field: field.to_owned(), detail };
        let mut faults = Vec::new();
        if !(1..=Runner::MOST_AT_ONCE).contains(&self.capacity) {
            faults.push(fault("/capacity", format!("must be from 1 to {}", Runner::MOST_AT_ONCE)));
        }
        if self.offers.is_empty() || self.offers.len() > Runner::MOST_WORDS {
            faults.push(fault("/offers", format!("must have 1 to {} words", Runner::MOST_WORDS)));
        }
        if self.labels.len() > Runner::MOST_WORDS {
            faults.push(fault("/labels", format!("must have at most {} labels", Runner::MOST_WORDS)));
        }
        if faults.is_empty() { Ok(self) } else { Err(ApiError::Invalid(faults)) }
    }
}

/// An assignment that a runner has started.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HeldView {
    agent_id: Uuid,
    /// What the runner sends with its reports, as `Flightdeck-Assignment: <agentId>/<token>`.
    token: u64,
}

impl From<&Assignment> for HeldView {
    fn from(assignment: &Assignment) -> Self {
        Self { agent_id: *assignment.session_id.as_uuid(), token: assignment.fence }
    }
}

/// What a runner hears when it joins.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JoinReply {
    /// `active`, or `draining` when it is to take no agents.
    #[schema(pattern = "^(active|draining|left)$")]
    state: &'static str,
    /// A runner that is silent for so many seconds is gone. Ask for assignments more often than that.
    lease_secs: u64,
    /// The assignments that this run of it has started. The runner has their agents, or reports what became of them.
    assignments: Vec<HeldView>,
}

impl JoinReply {
    pub(crate) fn new(runner: &Runner, held: &[Assignment]) -> Self {
        Self {
            state: runner.state.as_str(),
            lease_secs: Runner::LEASE.as_secs(),
            assignments: held.iter().map(HeldView::from).collect(),
        }
    }
}

/// A runner asks for assignments.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"instance": "0198c1f0-7d3e-7c2a-9a51-3f6f0c0e8b11", "free": 4, "waitSecs": 20, "now": "2026-01-31T12:00:00Z"}))]
pub(crate) struct LeaseBody {
    pub(crate) instance: Uuid,
    /// How many agents it can start now; with 0 it only gives a sign of life.
    #[schema(minimum = 0, maximum = 10_000)]
    pub(crate) free: u32,
    /// How long the answer may wait for an assignment, in seconds.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 20)]
    pub(crate) wait_secs: u32,
    /// What its clock says.
    pub(crate) now: DateTime<Utc>,
}

/// An assignment that a runner may start.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LeasedView {
    agent_id: Uuid,
    /// The fencing token: start with it. A newer lease has a larger one.
    token: u64,
    /// The configuration that it is started from.
    configuration: String,
    /// What of the runner's offers is wanted.
    offer: String,
    /// Confirm the start before; then somebody else may get it.
    #[schema(required = true)]
    until: Option<DateTime<Utc>>,
}

/// What a runner is given.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LeaseReply {
    /// `active`, or `draining`: take no agents; those that are there go on.
    #[schema(pattern = "^(active|draining|left)$")]
    state: &'static str,
    assignments: Vec<LeasedView>,
}

impl LeaseReply {
    pub(crate) fn new(runner: &Runner, leased: Vec<Assignment>) -> Self {
        let view = |assignment: Assignment| LeasedView {
            agent_id: *assignment.session_id.as_uuid(),
            token: assignment.fence,
            configuration: assignment.started_by.name.into(),
            offer: assignment.offer.into(),
            until: assignment.leased_until.map(|until| until.as_datetime()),
        };
        Self { state: runner.state.as_str(), assignments: leased.into_iter().map(view).collect() }
    }
}

/// A runner confirms a start.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"token": 1}))]
pub(crate) struct StartBody {
    /// The token of its lease.
    pub(crate) token: u64,
}

/// What an agent is started with.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StartReply {
    agent_id: Uuid,
    token: u64,
    #[schema(required = true)]
    parent_agent_id: Option<Uuid>,
    #[schema(required = true)]
    mission_id: Option<String>,
    task_id: String,
    task_source: String,
    agent_type: String,
    #[schema(value_type = texts::JsonObject)]
    context: JsonObject,
    #[schema(value_type = texts::JsonObject)]
    metadata: JsonObject,
    #[schema(required = true)]
    gate_profile: Option<String>,
    spawned_at: DateTime<Utc>,
    /// The first prompt; null when there is none.
    #[schema(required = true)]
    prompt: Option<String>,
    offer: String,
    /// The configuration, and its revision.
    configuration: String,
    revision: u64,
    #[schema(value_type = texts::JsonObject)]
    settings: JsonObject,
    /// How many agents of the configuration the runner may run at once.
    #[schema(required = true)]
    at_once: Option<u32>,
    /// Credentials in clear text, by name: for the agent alone, in its memory.
    credentials: BTreeMap<String, String>,
    /// The conversation that it takes up; null for a new one.
    #[schema(required = true)]
    takes_up: Option<TakenUpView>,
}

/// A conversation that an agent takes up, and what the sessions have used that had it before.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TakenUpView {
    /// The agent's own id of it: `context.resume`.
    conversation: String,
    /// The sessions that had it, the newest first, at most 10.
    earlier: Vec<EarlierSessionView>,
    /// The last running totals that one of them told, one for each model, in the form in which it told them as the
    /// member `totals` of a message's metadata. An agent whose totals go on is counted from there.
    #[schema(value_type = Vec<texts::JsonObject>)]
    totals: Vec<Reading>,
}

/// A session that had the conversation before.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EarlierSessionView {
    agent_id: Uuid,
    /// When it began.
    began: DateTime<Utc>,
}

impl From<TakenUp> for TakenUpView {
    fn from(TakenUp { conversation, earlier, totals }: TakenUp) -> Self {
        let view =
            |it: EarlierSession| EarlierSessionView { agent_id: *it.id.as_uuid(), began: it.began.as_datetime() };
        Self { conversation: conversation.into(), earlier: earlier.into_iter().map(view).collect(), totals }
    }
}

impl From<Start> for StartReply {
    fn from(start: Start) -> Self {
        let Start { assignment, session, credentials, takes_up } = start;
        Self {
            agent_id: *session.id.as_uuid(),
            token: assignment.fence,
            parent_agent_id: session.parent_id.map(|id| *id.as_uuid()),
            mission_id: session.mission_id.map(Into::into),
            task_id: session.task_id.into(),
            task_source: session.task_source.into(),
            agent_type: session.agent_type.into(),
            context: session.context,
            metadata: session.metadata,
            gate_profile: session.gate_profile.map(Into::into),
            spawned_at: session.spawned_at.as_datetime(),
            prompt: assignment.prompt.map(Into::into),
            offer: assignment.offer.into(),
            configuration: assignment.started_by.name.into(),
            revision: assignment.started_by.revision,
            settings: assignment.settings,
            at_once: assignment.at_once,
            credentials: credentials.into_iter().map(|(name, it)| (name.into(), it.reveal().to_owned())).collect(),
            takes_up: takes_up.map(Into::into),
        }
    }
}

/// A runner goes.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"instance": "0198c1f0-7d3e-7c2a-9a51-3f6f0c0e8b11", "now": "2026-01-31T12:00:00Z"}))]
pub(crate) struct LeaveBody {
    pub(crate) instance: Uuid,
    /// What its clock says.
    pub(crate) now: DateTime<Utc>,
}

/// Whether a runner has gone.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LeaveReply {
    /// `left`, or `draining` while it still has agents.
    #[schema(pattern = "^(draining|left)$")]
    pub(crate) state: &'static str,
}
