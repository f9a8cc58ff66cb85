//! Rows of `sessions`.

use diesel::pg::Pg;
use diesel::prelude::*;
use flightdeck_domain::ids::{CommandSeq, Seq, SessionId};
use flightdeck_domain::session::{Ancestor, Session, SessionStatus};
use flightdeck_domain::text::{
    GateProfile, JsonObject, MissionId, ProviderName, ProviderSessionId, Reason, ReplicaName,
};
use uuid::Uuid;

use super::{BrokenRow, Column, Fault, maybe};
use crate::schema::sessions;
use crate::values::{Key, json, moment, object};

/// A whole session.
#[derive(Debug, Queryable, QueryableByName, Selectable)]
#[diesel(table_name = sessions, check_for_backend(Pg))]
pub(crate) struct SessionRow {
    #[diesel(embed)]
    head: SessionHeadRow,
    context: String,
    metadata: String,
}

/// A session without the two columns that can be long.
#[derive(Debug, Queryable, QueryableByName, Selectable)]
#[diesel(table_name = sessions, check_for_backend(Pg))]
pub(crate) struct SessionHeadRow {
    id: Uuid,
    parent_id: Option<Uuid>,
    root_id: Uuid,
    status: String,
    desired_status: String,
    last_seq: i64,
    last_command_seq: i64,
    revision: i64,
    spawned_at: i64,
    started_at: Option<i64>,
    completed_at: Option<i64>,
    last_seen_at: Option<i64>,
    provider: String,
    provider_session_id: Option<String>,
    replica: Option<String>,
    mission_id: Option<String>,
    task_id: String,
    task_source: String,
    agent_type: String,
    status_reason: Option<String>,
    gate_profile: Option<String>,
    lost_from: Option<String>,
}

const TABLE: &str = "sessions";

impl TryFrom<SessionRow> for Session {
    type Error = BrokenRow;

    fn try_from(row: SessionRow) -> Result<Self, BrokenRow> {
        let session = Self::try_from(row.head)?;
        let broken = |fault: Fault| fault.of(TABLE, session.id.to_string());
        Ok(Self {
            context: object(&row.context).column("context").map_err(broken)?,
            metadata: object(&row.metadata).column("metadata").map_err(broken)?,
            ..session
        })
    }
}

impl TryFrom<SessionHeadRow> for Session {
    type Error = BrokenRow;

    /// The session with empty context and metadata, for rules that look at neither.
    fn try_from(row: SessionHeadRow) -> Result<Self, BrokenRow> {
        let id = row.id;
        row.read().map_err(|fault| fault.of(TABLE, id.to_string()))
    }
}

impl SessionHeadRow {
    fn read(self) -> Result<Session, Fault> {
        Ok(Session {
            id: SessionId::new(self.id),
            parent_id: self.parent_id.map(SessionId::new),
            root_id: SessionId::new(self.root_id),
            provider: ProviderName::new(self.provider).column("provider")?,
            provider_session_id: maybe(self.provider_session_id, ProviderSessionId::new)
                .column("provider_session_id")?,
            replica: maybe(self.replica, ReplicaName::new).column("replica")?,
            mission_id: maybe(self.mission_id, MissionId::new).column("mission_id")?,
            task_id: self.task_id.try_into().column("task_id")?,
            task_source: self.task_source.try_into().column("task_source")?,
            agent_type: self.agent_type.try_into().column("agent_type")?,
            status: self.status.parse().column("status")?,
            desired_status: self.desired_status.parse().column("desired_status")?,
            status_reason: maybe(self.status_reason, Reason::new).column("status_reason")?,
            gate_profile: maybe(self.gate_profile, GateProfile::new).column("gate_profile")?,
            context: JsonObject::default(),
            metadata: JsonObject::default(),
            last_seq: Seq::from_i64(self.last_seq).column("last_seq")?,
            last_command_seq: CommandSeq::from_i64(self.last_command_seq).column("last_command_seq")?,
            revision: u64::try_from(self.revision).column("revision")?,
            spawned_at: moment(self.spawned_at).column("spawned_at")?,
            started_at: maybe(self.started_at, moment).column("started_at")?,
            completed_at: maybe(self.completed_at, moment).column("completed_at")?,
            last_seen_at: maybe(self.last_seen_at, moment).column("last_seen_at")?,
            lost_from: maybe(self.lost_from, |word| word.parse()).column("lost_from")?,
        })
    }
}

/// Which session.
#[derive(Debug, QueryableByName)]
#[diesel(table_name = sessions, check_for_backend(Pg))]
pub(crate) struct SessionIdRow {
    id: Uuid,
}

impl From<SessionIdRow> for SessionId {
    fn from(row: SessionIdRow) -> Self {
        Self::new(row.id)
    }
}

/// A session above another one.
#[derive(Debug, QueryableByName)]
#[diesel(table_name = sessions, check_for_backend(Pg))]
pub(crate) struct AncestorRow {
    id: Uuid,
    root_id: Uuid,
    mission_id: Option<String>,
    status: String,
    desired_status: String,
}

impl TryFrom<AncestorRow> for Ancestor {
    type Error = BrokenRow;

    fn try_from(row: AncestorRow) -> Result<Self, BrokenRow> {
        let id = row.id;
        row.read().map_err(|fault| fault.of(TABLE, id.to_string()))
    }
}

impl AncestorRow {
    fn read(self) -> Result<Ancestor, Fault> {
        Ok(Ancestor {
            id: SessionId::new(self.id),
            root_id: SessionId::new(self.root_id),
            mission_id: maybe(self.mission_id, MissionId::new).column("mission_id")?,
            status: self.status.parse().column("status")?,
            desired_status: self.desired_status.parse().column("desired_status")?,
        })
    }
}

/// A session to be inserted.
#[derive(Debug, Insertable)]
#[diesel(table_name = sessions, check_for_backend(Pg), treat_none_as_default_value = false)]
pub(crate) struct NewSessionRow<'a> {
    id: &'a Uuid,
    parent_id: Option<&'a Uuid>,
    root_id: &'a Uuid,
    status: &'static str,
    desired_status: &'static str,
    last_seq: i64,
    last_command_seq: i64,
    revision: i64,
    spawned_at: i64,
    started_at: Option<i64>,
    completed_at: Option<i64>,
    last_seen_at: Option<i64>,
    provider: &'a str,
    provider_session_id: Option<&'a str>,
    replica: Option<&'a str>,
    mission_id: Option<&'a str>,
    task_id: &'a str,
    task_source: &'a str,
    agent_type: &'a str,
    status_reason: Option<&'a str>,
    gate_profile: Option<&'a str>,
    context: String,
    metadata: String,
    lost_from: Option<&'static str>,
}

impl<'a> From<&'a Session> for NewSessionRow<'a> {
    fn from(session: &'a Session) -> Self {
        Self {
            id: session.id.key(),
            parent_id: session.parent_id.as_ref().map(Key::key),
            root_id: session.root_id.key(),
            status: session.status.as_str(),
            desired_status: session.desired_status.as_str(),
            last_seq: session.last_seq.to_i64(),
            last_command_seq: session.last_command_seq.to_i64(),
            revision: i64::try_from(session.revision).unwrap_or(i64::MAX),
            spawned_at: session.spawned_at.as_micros(),
            started_at: session.started_at.map(|at| at.as_micros()),
            completed_at: session.completed_at.map(|at| at.as_micros()),
            last_seen_at: session.last_seen_at.map(|at| at.as_micros()),
            provider: session.provider.as_str(),
            provider_session_id: session.provider_session_id.as_ref().map(ProviderSessionId::as_str),
            replica: session.replica.as_ref().map(ReplicaName::as_str),
            mission_id: session.mission_id.as_ref().map(MissionId::as_str),
            task_id: session.task_id.as_str(),
            task_source: session.task_source.as_str(),
            agent_type: session.agent_type.as_str(),
            status_reason: session.status_reason.as_ref().map(Reason::as_str),
            gate_profile: session.gate_profile.as_ref().map(GateProfile::as_str),
            context: json(&session.context),
            metadata: json(&session.metadata),
            lost_from: session.lost_from.map(SessionStatus::as_str),
        }
    }
}

/// A session and one that is above it.
#[derive(Debug, QueryableByName)]
pub(crate) struct AboveRow {
    #[diesel(sql_type = diesel::sql_types::Uuid)]
    pub(crate) id: Uuid,
    #[diesel(sql_type = diesel::sql_types::Uuid)]
    pub(crate) above: Uuid,
}
