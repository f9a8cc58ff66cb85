//! Operator actions, each committed whole or not at all.

use async_trait::async_trait;
use diesel::sqlite::SqliteConnection;
use flightdeck_domain::action::{ActionRefused, ConcernedCommands, OperatorAction};
use flightdeck_domain::audit::AuditDraft;
use flightdeck_domain::command::Command;
use flightdeck_domain::feed::FleetEventDraft;
use flightdeck_domain::ids::{AuditSeq, CommandSeq};
use flightdeck_domain::ports::{
    Committed, FleetAction, FleetCommitted, FleetIntervention, OperatorActionError, OperatorActions, StoreUnavailable,
};

use crate::SqliteStore;
use crate::error::StoreError;
use crate::tables::{audit_log, commands, feed_events, fleet_state, messages, sessions};

#[async_trait]
impl OperatorActions for SqliteStore {
    async fn commit(&self, action: OperatorAction) -> Result<Committed, OperatorActionError> {
        // A refusal is a success to the writer, for its audit entry must be kept.
        let written: Result<_, StoreError> = self.writer.write(move |connection| commit(connection, &action)).await;
        Ok(written??)
    }

    async fn commit_fleet(&self, action: FleetAction) -> Result<FleetCommitted, StoreUnavailable> {
        self.writer.write(move |connection| Ok(commit_fleet(connection, &action)?)).await
    }

    async fn record(&self, entry: AuditDraft) -> Result<AuditSeq, StoreUnavailable> {
        self.writer.write(move |connection| Ok(audit_log::append(connection, entry)?)).await
    }
}

fn commit(
    connection: &mut SqliteConnection,
    action: &OperatorAction,
) -> Result<Result<Committed, ActionRefused>, StoreError> {
    let before = sessions::get(connection, action.session_id)?;
    let concerned = concerned(connection, action)?;
    let decision = action.decide(before.as_ref(), &concerned);
    let audit_seq = audit_log::append(connection, decision.audit)?;
    let effects = match decision.outcome {
        Ok(effects) => effects,
        Err(refused) => return Ok(Err(refused)),
    };
    sessions::save(connection, &effects.session)?;
    if let Some(message) = &effects.message {
        messages::insert(connection, std::slice::from_ref(message))?;
    }
    if let Some(command) = &effects.command {
        commands::insert(connection, command)?;
    }
    for command in &effects.cancelled {
        commands::save(connection, command)?;
    }
    for event in &effects.events {
        feed_events::insert(connection, event)?;
    }
    Ok(Ok(Committed { session: effects.session, message: effects.message, command: effects.command, audit_seq }))
}

fn concerned(connection: &mut SqliteConnection, action: &OperatorAction) -> Result<Vec<Command>, StoreError> {
    let session = action.session_id;
    match action.intervention.concerns() {
        ConcernedCommands::None => Ok(Vec::new()),
        ConcernedCommands::One(seq) => Ok(commands::get(connection, session, seq)?.into_iter().collect()),
        ConcernedCommands::Pending => commands::pending(connection, session, CommandSeq::ZERO, ConcernedCommands::MOST),
    }
}

/// However large the fleet is, a few statements over all of it.
fn commit_fleet(connection: &mut SqliteConnection, action: &FleetAction) -> Result<FleetCommitted, StoreError> {
    let by = &action.by;
    let (engaged, total) = match action.intervention {
        FleetIntervention::KillAll => {
            let total = sessions::count_open(connection)?;
            commands::kill_open(connection, by.reason.as_ref(), by.at)?;
            sessions::kill_open(connection)?;
            (true, total)
        }
        FleetIntervention::ReleaseKillSwitch => (false, 0),
    };
    fleet_state::set_kill_switch(connection, engaged)?;
    feed_events::insert(connection, &FleetEventDraft::kill_switch(engaged, total, &by.actor, by.at))?;
    let audit_seq = audit_log::append(connection, action.audit(total))?;
    Ok(FleetCommitted { total, audit_seq })
}
