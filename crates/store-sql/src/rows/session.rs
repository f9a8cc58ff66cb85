//! Rows of `sessions`.

use diesel::prelude::*;
use flightdeck_domain::ids::{CommandSeq, Seq, SessionId};
use flightdeck_domain::provider_config::{ConfigName, StartedBy};
use flightdeck_domain::session::{Ancestor, Session, SessionStatus};
use flightdeck_domain::text::{
    GateProfile, JsonObject, MissionId, ProviderName, ProviderSessionId, Reason, ReplicaName,
};

use super::{BrokenRow, Column, Fault, maybe, read_id};
use crate::schema::sessions;
use crate::types;
use crate::values::{Id, Key, json, moment, object};

/// A whole session in a database of one server.
#[derive(Debug, QueryableByName)]
#[diesel(table_name = sessions)]
pub struct SessionRow {
    #[diesel(embed)]
    head: SessionHeadRow,
    context: String,
    metadata: String,
    lost_from: Option<String>,
    provider_config: Option<String>,
    provider_revision: Option<i64>,
}

/// A session without the two columns that can be long, and what stands behind them in SQLite.
#[derive(Debug, QueryableByName)]
#[diesel(table_name = sessions)]
pub struct SessionHeadRow {
    id: Id,
    parent_id: Option<Id>,
    root_id: Id,
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
    mission_id: Option<String>,
    task_id: String,
    task_source: String,
    agent_type: String,
    status_reason: Option<String>,
    gate_profile: Option<String>,
}

/// A whole session in a database that several servers share: it also knows which of them has the agent.
#[derive(Debug, QueryableByName)]
#[diesel(table_name = sessions)]
pub struct SharedSessionRow {
    #[diesel(embed)]
    session: SessionRow,
    replica: Option<String>,
}

/// The same without the two columns that can be long.
#[derive(Debug, QueryableByName)]
#[diesel(table_name = sessions)]
pub struct SharedHeadRow {
    #[diesel(embed)]
    head: SessionHeadRow,
    lost_from: Option<String>,
    replica: Option<String>,
}

const TABLE: &str = "sessions";

/// What has not ended. Word for word the condition of the index `sessions_open`.
pub const OPEN: &str = "status NOT IN ('completed', 'failed', 'killed')";

impl TryFrom<SessionRow> for Session {
    type Error = BrokenRow;

    fn try_from(row: SessionRow) -> Result<Self, BrokenRow> {
        let session = Self::try_from(row.head)?;
        let broken = |fault: Fault| fault.of(TABLE, session.id.to_string());
        Ok(Self {
            context: object(&row.context).column("context").map_err(broken)?,
            metadata: object(&row.metadata).column("metadata").map_err(broken)?,
            lost_from: lost_from(row.lost_from).map_err(broken)?,
            started_by: started_by(row.provider_config, row.provider_revision).map_err(broken)?,
            ..session
        })
    }
}

impl TryFrom<SessionHeadRow> for Session {
    type Error = BrokenRow;

    /// The session with empty context and metadata, and no memory of what it was: for rules that look at none of them.
    fn try_from(row: SessionHeadRow) -> Result<Self, BrokenRow> {
        let id = row.id;
        row.read().map_err(|fault| fault.of(TABLE, id.to_string()))
    }
}

impl SessionHeadRow {
    fn read(self) -> Result<Session, Fault> {
        Ok(Session {
            id: self.id.try_into().column("id")?,
            parent_id: maybe(self.parent_id, SessionId::try_from).column("parent_id")?,
            root_id: self.root_id.try_into().column("root_id")?,
            provider: ProviderName::new(self.provider).column("provider")?,
            provider_session_id: maybe(self.provider_session_id, ProviderSessionId::new)
                .column("provider_session_id")?,
            replica: None,
            started_by: None,
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
            lost_from: None,
        })
    }
}

impl TryFrom<SharedSessionRow> for Session {
    type Error = BrokenRow;

    fn try_from(row: SharedSessionRow) -> Result<Self, BrokenRow> {
        let session = Self::try_from(row.session)?;
        let broken = |fault: Fault| fault.of(TABLE, session.id.to_string());
        Ok(Self { replica: replica(row.replica).map_err(broken)?, ..session })
    }
}

impl TryFrom<SharedHeadRow> for Session {
    type Error = BrokenRow;

    /// The session with empty context and metadata, for rules that look at neither.
    fn try_from(row: SharedHeadRow) -> Result<Self, BrokenRow> {
        let session = Self::try_from(row.head)?;
        let broken = |fault: Fault| fault.of(TABLE, session.id.to_string());
        Ok(Self {
            lost_from: lost_from(row.lost_from).map_err(broken)?,
            replica: replica(row.replica).map_err(broken)?,
            ..session
        })
    }
}

fn lost_from(word: Option<String>) -> Result<Option<SessionStatus>, Fault> {
    maybe(word, |word| word.parse()).column("lost_from")
}

fn started_by(name: Option<String>, revision: Option<i64>) -> Result<Option<StartedBy>, Fault> {
    let Some(name) = maybe(name, ConfigName::new).column("provider_config")? else { return Ok(None) };
    let revision = u64::try_from(revision.unwrap_or_default()).column("provider_revision")?;
    Ok(Some(StartedBy { name, revision }))
}

fn replica(name: Option<String>) -> Result<Option<ReplicaName>, Fault> {
    maybe(name, ReplicaName::new).column("replica")
}

/// Which session.
#[derive(Debug, QueryableByName)]
#[diesel(table_name = sessions)]
pub struct SessionIdRow {
    id: Id,
}

impl TryFrom<SessionIdRow> for SessionId {
    type Error = BrokenRow;

    fn try_from(row: SessionIdRow) -> Result<Self, BrokenRow> {
        read_id(row.id, TABLE, "id")
    }
}

/// A session above another one.
#[derive(Debug, QueryableByName)]
#[diesel(table_name = sessions)]
pub struct AncestorRow {
    id: Id,
    root_id: Id,
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
            id: self.id.try_into().column("id")?,
            root_id: self.root_id.try_into().column("root_id")?,
            mission_id: maybe(self.mission_id, MissionId::new).column("mission_id")?,
            status: self.status.parse().column("status")?,
            desired_status: self.desired_status.parse().column("desired_status")?,
        })
    }
}

/// A session and one that is above it.
#[derive(Debug, QueryableByName)]
pub(crate) struct AboveRow {
    #[diesel(sql_type = types::Id)]
    pub(crate) id: Id,
    #[diesel(sql_type = types::Id)]
    pub(crate) above: Id,
}

/// A session to be inserted into a database of one server.
#[derive(Debug, Insertable)]
#[diesel(table_name = sessions, treat_none_as_default_value = false)]
pub struct NewSessionRow<'a> {
    id: Id,
    parent_id: Option<Id>,
    root_id: Id,
    status: &'a str,
    desired_status: &'a str,
    last_seq: i64,
    last_command_seq: i64,
    revision: i64,
    spawned_at: i64,
    started_at: Option<i64>,
    completed_at: Option<i64>,
    last_seen_at: Option<i64>,
    provider: &'a str,
    provider_session_id: Option<&'a str>,
    mission_id: Option<&'a str>,
    task_id: &'a str,
    task_source: &'a str,
    agent_type: &'a str,
    status_reason: Option<&'a str>,
    gate_profile: Option<&'a str>,
    context: String,
    metadata: String,
    lost_from: Option<&'a str>,
    provider_config: Option<&'a str>,
    provider_revision: Option<i64>,
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
            mission_id: session.mission_id.as_ref().map(MissionId::as_str),
            task_id: session.task_id.as_str(),
            task_source: session.task_source.as_str(),
            agent_type: session.agent_type.as_str(),
            status_reason: session.status_reason.as_ref().map(Reason::as_str),
            gate_profile: session.gate_profile.as_ref().map(GateProfile::as_str),
            context: json(&session.context),
            metadata: json(&session.metadata),
            lost_from: session.lost_from.map(SessionStatus::as_str),
            provider_config: session.started_by.as_ref().map(|by| by.name.as_str()),
            provider_revision: session.started_by.as_ref().map(|by| i64::try_from(by.revision).unwrap_or(i64::MAX)),
        }
    }
}

/// A session to be inserted into a database that several servers share.
#[derive(Debug, Insertable)]
#[diesel(table_name = sessions, treat_none_as_default_value = false)]
pub struct NewSharedSessionRow<'a> {
    #[diesel(embed)]
    session: NewSessionRow<'a>,
    replica: Option<&'a str>,
}

impl<'a> From<&'a Session> for NewSharedSessionRow<'a> {
    fn from(session: &'a Session) -> Self {
        Self { session: session.into(), replica: session.replica.as_ref().map(ReplicaName::as_str) }
    }
}

#[cfg(test)]
mod tests {
    use flightdeck_domain::session::SessionStatus;

    #[test]
    fn open_is_what_the_domain_calls_not_ended() {
        let ended: Vec<_> = SessionStatus::ALL
            .into_iter()
            .filter(|status| status.is_terminal())
            .map(|status| format!("'{status}'"))
            .collect();
        assert_eq!(super::OPEN, format!("status NOT IN ({})", ended.join(", ")));
    }
}
