//! Rows of `runners` and `assignments`.

use diesel::prelude::*;
use flightdeck_domain::ids::KeyId;
use flightdeck_domain::provider_config::{ConfigName, Label, StartedBy};
use flightdeck_domain::runner::{
    Assignment, AssignmentState, Offer, Runner, RunnerName, RunnerState, RunnerVersion, WhenLost,
};
use flightdeck_domain::text::MessageContent;
use uuid::Uuid;

use super::{BrokenRow, Column, Fault, maybe};
use crate::schema::{assignments, runners};
use crate::values::{Flag, Id, Key, counted, json, moment, object};

/// A word that no state has.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a state")]
struct NoState(String);

row! {
    /// A runner.
    #[diesel(table_name = runners)]
    pub struct RunnerRow {
        name: String,
        instance: String,
        key_id: String,
        state: String,
        labels: String,
        offers: String,
        capacity: i64,
        protocol: i64,
        version: String,
        registered_at: i64,
        seen_at: i64,
        clock_ahead: i64,
    }
}

impl TryFrom<RunnerRow> for Runner {
    type Error = BrokenRow;

    fn try_from(row: RunnerRow) -> Result<Self, BrokenRow> {
        let name = row.name.clone();
        row.read().map_err(|fault| fault.of("runners", name))
    }
}

impl RunnerRow {
    fn read(self) -> Result<Runner, Fault> {
        let state = RunnerState::ALL.into_iter().find(|state| state.as_str() == self.state);
        Ok(Runner {
            name: RunnerName::new(self.name).column("name")?,
            instance: self.instance.parse::<Uuid>().column("instance")?,
            key_id: KeyId::new(&self.key_id).column("key_id")?,
            state: state.ok_or(NoState(self.state)).column("state")?,
            labels: serde_json::from_str(&self.labels).column("labels")?,
            offers: serde_json::from_str(&self.offers).column("offers")?,
            capacity: u32::try_from(self.capacity).column("capacity")?,
            protocol: u32::try_from(self.protocol).column("protocol")?,
            version: RunnerVersion::new(self.version).column("version")?,
            registered_at: moment(self.registered_at).column("registered_at")?,
            seen_at: moment(self.seen_at).column("seen_at")?,
            clock_ahead: self.clock_ahead,
        })
    }
}

/// A list of words as JSON.
fn words<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<serde_json::Value>().to_string()
}

/// A runner to be inserted, or everything of it that is saved.
#[derive(Debug, Insertable)]
#[diesel(table_name = runners)]
pub struct NewRunnerRow<'a> {
    name: &'a str,
    pub(crate) instance: String,
    pub(crate) key_id: &'a str,
    pub(crate) state: &'a str,
    pub(crate) labels: String,
    pub(crate) offers: String,
    pub(crate) capacity: i64,
    pub(crate) protocol: i64,
    pub(crate) version: &'a str,
    pub(crate) registered_at: i64,
    pub(crate) seen_at: i64,
    pub(crate) clock_ahead: i64,
}

impl<'a> From<&'a Runner> for NewRunnerRow<'a> {
    fn from(runner: &'a Runner) -> Self {
        Self {
            name: runner.name.as_str(),
            instance: runner.instance.to_string(),
            key_id: runner.key_id.as_str(),
            state: runner.state.as_str(),
            labels: words(runner.labels.iter().map(Label::as_str)),
            offers: words(runner.offers.iter().map(Offer::as_str)),
            capacity: i64::from(runner.capacity),
            protocol: i64::from(runner.protocol),
            version: runner.version.as_str(),
            registered_at: runner.registered_at.as_micros(),
            seen_at: runner.seen_at.as_micros(),
            clock_ahead: runner.clock_ahead,
        }
    }
}

row! {
    /// An assignment.
    #[diesel(table_name = assignments)]
    pub struct AssignmentRow {
        session_id: Id,
        config: String,
        revision: i64,
        offer: String,
        labels: String,
        settings: String,
        at_once: Option<i64>,
        prompt: Option<String>,
        fail_after: Option<i64>,
        requeue: Flag,
        state: String,
        fence: i64,
        runner: Option<String>,
        instance: Option<String>,
        leased_until: Option<i64>,
        created_at: i64,
    }
}

impl TryFrom<AssignmentRow> for Assignment {
    type Error = BrokenRow;

    fn try_from(row: AssignmentRow) -> Result<Self, BrokenRow> {
        let id = row.session_id;
        row.read().map_err(|fault| fault.of("assignments", id.to_string()))
    }
}

impl AssignmentRow {
    fn read(self) -> Result<Assignment, Fault> {
        let state = AssignmentState::ALL.into_iter().find(|state| state.as_str() == self.state);
        Ok(Assignment {
            session_id: self.session_id.try_into().column("session_id")?,
            started_by: StartedBy {
                name: ConfigName::new(self.config).column("config")?,
                revision: u64::try_from(self.revision).column("revision")?,
            },
            offer: Offer::new(self.offer).column("offer")?,
            labels: serde_json::from_str(&self.labels).column("labels")?,
            settings: object(&self.settings).column("settings")?,
            at_once: maybe(self.at_once, u32::try_from).column("at_once")?,
            prompt: maybe(self.prompt, MessageContent::new).column("prompt")?,
            when_lost: WhenLost {
                fail_after: maybe(self.fail_after, u32::try_from).column("fail_after")?,
                requeue: self.requeue.0,
            },
            state: state.ok_or(NoState(self.state)).column("state")?,
            fence: u64::try_from(self.fence).column("fence")?,
            runner: maybe(self.runner, RunnerName::new).column("runner")?,
            instance: maybe(self.instance, |text| text.parse::<Uuid>()).column("instance")?,
            leased_until: maybe(self.leased_until, moment).column("leased_until")?,
            created_at: moment(self.created_at).column("created_at")?,
        })
    }
}

/// How much a runner has to do.
#[derive(Debug, diesel::QueryableByName)]
pub struct LoadRow {
    #[diesel(sql_type = diesel::sql_types::Text)]
    runner: String,
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    load: i64,
}

impl TryFrom<LoadRow> for (RunnerName, u64) {
    type Error = BrokenRow;

    fn try_from(row: LoadRow) -> Result<Self, BrokenRow> {
        let broken = |fault: Fault| fault.of("assignments", row.runner.clone());
        let name = RunnerName::new(row.runner.as_str()).column("runner").map_err(broken)?;
        Ok((name, u64::try_from(row.load).unwrap_or_default()))
    }
}

/// An assignment to be inserted.
#[derive(Debug, Insertable)]
#[diesel(table_name = assignments, treat_none_as_default_value = false)]
pub struct NewAssignmentRow<'a> {
    session_id: Id,
    config: &'a str,
    revision: i64,
    offer: &'a str,
    labels: String,
    settings: String,
    at_once: Option<i64>,
    prompt: Option<&'a str>,
    fail_after: Option<i64>,
    requeue: Flag,
    state: &'a str,
    fence: i64,
    runner: Option<&'a str>,
    instance: Option<String>,
    leased_until: Option<i64>,
    created_at: i64,
}

impl<'a> From<&'a Assignment> for NewAssignmentRow<'a> {
    fn from(assignment: &'a Assignment) -> Self {
        Self {
            session_id: assignment.session_id.key(),
            config: assignment.started_by.name.as_str(),
            revision: counted(assignment.started_by.revision),
            offer: assignment.offer.as_str(),
            labels: words(assignment.labels.iter().map(Label::as_str)),
            settings: json(&assignment.settings),
            at_once: assignment.at_once.map(i64::from),
            prompt: assignment.prompt.as_ref().map(MessageContent::as_str),
            fail_after: assignment.when_lost.fail_after.map(i64::from),
            requeue: Flag(assignment.when_lost.requeue),
            state: assignment.state.as_str(),
            fence: counted(assignment.fence),
            runner: assignment.runner.as_ref().map(RunnerName::as_str),
            instance: assignment.instance.map(|instance| instance.to_string()),
            leased_until: assignment.leased_until.map(|until| until.as_micros()),
            created_at: assignment.created_at.as_micros(),
        }
    }
}
