//! The rules of retention.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use flightdeck_domain::retention::{Days, Retention, RetentionRules};
use flightdeck_domain::text::{MissionId, Reason};
use flightdeck_domain::use_cases::{KeyNames, PlannedMission, RetentionPreview};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::texts;
use crate::problem::ApiError;

/// The rules of retention, as they are to be: whole.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"sessionDays": 90, "missions": {"apollo": 30, "ledger": null}, "feedDays": 30,
    "reason": "what we agreed on"}))]
pub(crate) struct RetentionBody {
    /// Conversations of ended sessions go to the archive after so many days, where their mission has no rule of its own;
    /// null, or missing, keeps them for ever.
    #[schema(minimum = 1, maximum = 36_500)]
    session_days: Option<u32>,
    /// The same for the sessions of a mission, by its name; null keeps them for ever. At most 1000 missions.
    #[serde(default)]
    #[schema(required = false)]
    missions: BTreeMap<String, Option<u32>>,
    /// Entries of the fleet feed are removed after so many days, and not before every sink has delivered them; null, or
    /// missing, keeps them for ever.
    #[schema(minimum = 1, maximum = 36_500)]
    feed_days: Option<u32>,
    /// Why, for the audit log.
    #[schema(value_type = Option<texts::Reason>)]
    reason: Option<Reason>,
}

fn days(number: Option<u32>, field: &str) -> Result<Option<Days>, ApiError> {
    number.map(|days| Days::new(days).map_err(|error| ApiError::field(field, error.to_string()))).transpose()
}

impl RetentionBody {
    /// The rules, and why.
    pub(crate) fn into_rules(self) -> Result<(RetentionRules, Option<Reason>), ApiError> {
        let mut missions = BTreeMap::new();
        for (name, number) in self.missions {
            let field = format!("/missions/{}", name.replace('~', "~0").replace('/', "~1"));
            let days = days(number, &field)?;
            let mission = MissionId::new(name).map_err(|error| ApiError::field(&field, error.to_string()))?;
            missions.insert(mission, days);
        }
        let sessions = days(self.session_days, "/sessionDays")?;
        let rules = RetentionRules { sessions, missions, feed: days(self.feed_days, "/feedDays")? };
        rules.check().map_err(|error| ApiError::field("/missions", error.to_string()))?;
        Ok((rules, self.reason))
    }
}

/// The rules of retention.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RetentionView {
    /// Days after the end of a session, where its mission has no rule of its own; null for ever.
    #[schema(required = true)]
    session_days: Option<u32>,
    /// Days by mission; null for ever.
    missions: BTreeMap<String, Option<u32>>,
    /// Days of entries of the fleet feed; null for ever.
    #[schema(required = true)]
    feed_days: Option<u32>,
    /// Rises with each change; zero before the first.
    revision: u64,
    /// Who changed them last; null before the first change.
    #[schema(required = true)]
    changed_by: Option<String>,
    /// The name of the key that did, if it was one.
    #[schema(required = true)]
    changed_by_name: Option<String>,
    #[schema(required = true)]
    changed_at: Option<DateTime<Utc>>,
    /// Whether there is an archive. Without one no conversation goes, whatever the rules are.
    archive: bool,
}

impl RetentionView {
    pub(crate) fn new(retention: Retention, names: &KeyNames, archive: bool) -> Self {
        let RetentionRules { sessions, missions, feed } = retention.rules;
        let changed = retention.changed;
        let by = changed.as_ref().map(|changed| changed.by.as_str().to_owned());
        Self {
            session_days: sessions.map(Days::get),
            missions: missions.into_iter().map(|(mission, days)| (mission.into(), days.map(Days::get))).collect(),
            feed_days: feed.map(Days::get),
            revision: retention.revision,
            changed_by_name: by.as_deref().and_then(|by| names.get(by)).map(ToString::to_string),
            changed_by: by,
            changed_at: changed.map(|changed| changed.at.as_datetime()),
            archive,
        }
    }
}

/// What would go now under some rules.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RetentionPlanView {
    /// In the order of their names, sessions without a mission first. Missions of which nothing would go are not there.
    missions: Vec<PlannedMissionView>,
    /// Of all missions together.
    sessions: u64,
    /// The same.
    messages: u64,
    /// Whether all ended sessions were looked at. At most the 10,000 that ended first are.
    complete: bool,
    /// Whether there is an archive. Without one no conversation goes, whatever the rules are.
    archive: bool,
}

/// What would go of one mission.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PlannedMissionView {
    /// Null for sessions without one.
    #[schema(required = true)]
    mission_id: Option<String>,
    /// Sessions whose conversations would go.
    sessions: u64,
    /// The messages in them.
    messages: u64,
}

impl RetentionPlanView {
    pub(crate) fn new(preview: RetentionPreview, archive: bool) -> Self {
        let sum = |of: fn(&PlannedMission) -> u64| preview.missions.values().map(of).sum();
        let (sessions, messages) = (sum(|mission| mission.sessions), sum(|mission| mission.messages));
        let view = |(mission, planned): (Option<MissionId>, PlannedMission)| PlannedMissionView {
            mission_id: mission.map(Into::into),
            sessions: planned.sessions,
            messages: planned.messages,
        };
        let complete = preview.complete;
        Self { missions: preview.missions.into_iter().map(view).collect(), sessions, messages, complete, archive }
    }
}
