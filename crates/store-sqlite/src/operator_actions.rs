//! Operator actions, each committed whole or not at all.

use async_trait::async_trait;
use diesel::sqlite::SqliteConnection;
use flightdeck_domain::action::{
    ActionRefused, Call, ConcernedCommands, Effects, KeyReused, OperatorAction, Remembered,
};
use flightdeck_domain::audit::AuditDraft;
use flightdeck_domain::command::Command;
use flightdeck_domain::feed::FleetEventDraft;
use flightdeck_domain::ids::{AuditSeq, CommandSeq};
use flightdeck_domain::operation::{Member, Opened, Scope, ScopedAction, Wish};
use flightdeck_domain::ports::{
    Committed, FleetAction, FleetCommitted, FleetIntervention, OperatorActionError, OperatorActions, ScopedCommitted,
    StoreUnavailable,
};

use crate::SqliteStore;
use crate::error::StoreError;
use crate::operation::{move_targets, open, supersede_all};
use crate::tables::{
    audit_log, commands, feed_events, fleet_state, idempotency_keys, messages, operation_targets, operations,
    session_tree, sessions,
};

#[async_trait]
impl OperatorActions for SqliteStore {
    async fn commit(&self, action: OperatorAction) -> Result<Committed, OperatorActionError> {
        // A refusal is a success to the writer, for its audit entry must be kept.
        let written: Result<_, StoreError> = self.writer.write(move |connection| commit(connection, &action)).await;
        Ok(written??)
    }

    async fn commit_scoped(&self, action: ScopedAction) -> Result<ScopedCommitted, OperatorActionError> {
        let written: Result<_, StoreError> =
            self.writer.write(move |connection| commit_scoped(connection, &action)).await;
        Ok(written??)
    }

    async fn commit_fleet(&self, action: FleetAction) -> Result<FleetCommitted, OperatorActionError> {
        let written: Result<_, StoreError> =
            self.writer.write(move |connection| commit_fleet(connection, &action)).await;
        Ok(written?.map_err(ActionRefused::from)?)
    }

    async fn record(&self, entry: AuditDraft) -> Result<AuditSeq, StoreUnavailable> {
        self.writer.write(move |connection| Ok(audit_log::append(connection, entry)?)).await
    }
}

fn commit(
    connection: &mut SqliteConnection,
    action: &OperatorAction,
) -> Result<Result<Committed, ActionRefused>, StoreError> {
    match idempotency_keys::call(connection, &action.by, action.fingerprint())? {
        Call::New => {}
        Call::Again(kept) => return Ok(Ok(committed_again(connection, action, &kept)?)),
        Call::Reused(misuse) => {
            let refused = misuse.into();
            audit_log::append_any(connection, action.refuse(&refused))?;
            return Ok(Err(refused));
        }
    }
    let before = sessions::get(connection, action.session_id)?;
    let concerned = concerned(connection, action)?;
    let decision = action.decide(before.as_ref(), &concerned);
    let audit_seq = audit_log::append_any(connection, decision.audit)?;
    let effects = match decision.outcome {
        Ok(effects) => effects,
        Err(refused) => return Ok(Err(refused)),
    };
    apply(connection, &effects, action)?;
    let Effects { session, message, command, operation, .. } = *effects;
    let operation = operation.map(|opened| opened.operation.id);
    let committed = Committed { session, message, command, operation, audit_seq, again: false };
    idempotency_keys::keep(connection, &action.by, || committed.remember(action))?;
    Ok(Ok(committed))
}

/// What an earlier call with the same key came to, as it stands now.
fn committed_again(
    connection: &mut SqliteConnection,
    action: &OperatorAction,
    kept: &Remembered,
) -> Result<Committed, StoreError> {
    let id = action.session_id;
    let message = match kept.message {
        Some(seq) => messages::after(connection, id, seq.previous(), 1)?.pop(),
        None => None,
    };
    let command = match kept.command {
        Some(seq) => commands::get(connection, id, seq)?,
        None => None,
    };
    let session = sessions::get(connection, id)?.ok_or(StoreError::Lost("the session of an accepted action"))?;
    Ok(Committed { session, message, command, operation: kept.operation, audit_seq: kept.audit_seq, again: true })
}

/// Writes what an accepted action does to its session, besides the audit entry.
fn apply(connection: &mut SqliteConnection, effects: &Effects, action: &OperatorAction) -> Result<(), StoreError> {
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
    if let Some(wish) = effects.wish {
        move_targets(connection, effects.session.id, action.by.at, |target| target.after_wish(wish))?;
    }
    if let Some(opened) = &effects.operation {
        open(connection, opened)?;
    }
    Ok(())
}

fn commit_scoped(
    connection: &mut SqliteConnection,
    action: &ScopedAction,
) -> Result<Result<ScopedCommitted, ActionRefused>, StoreError> {
    match idempotency_keys::call(connection, &action.by, action.fingerprint())? {
        Call::New => {}
        Call::Again(kept) => return Ok(Ok(scoped_again(connection, &kept)?)),
        Call::Reused(misuse) => return refuse(connection, action, misuse.into()),
    }
    let named = sessions::head(connection, action.session_id)?;
    let scope = action.scope(named.as_ref());
    let (named, scope) = match (named, scope) {
        (Some(named), Ok(scope)) => (named, scope),
        (None, _) => return refuse(connection, action, ActionRefused::UnknownSession(action.session_id)),
        (_, Err(refused)) => return refuse(connection, action, refused),
    };
    let members = members(connection, action, &scope)?;
    let effects = action.decide(&named, scope, &members);
    let audit_seq = audit_log::append_any(connection, effects.audit)?;
    if let Some(fence) = &effects.fence {
        sessions::save(connection, fence)?;
    }
    for one in &effects.sessions {
        apply(connection, one, &action.on(one.session.id))?;
    }
    open(connection, &effects.opened)?;
    let committed = ScopedCommitted { operation: effects.opened.operation, audit_seq, again: false };
    idempotency_keys::keep(connection, &action.by, || committed.remember(action))?;
    Ok(Ok(committed))
}

fn scoped_again(connection: &mut SqliteConnection, kept: &Remembered) -> Result<ScopedCommitted, StoreError> {
    let lost = StoreError::Lost("the operation of an accepted action");
    let operation = match kept.operation {
        Some(id) => operations::get(connection, id)?.ok_or(lost)?,
        None => return Err(lost),
    };
    Ok(ScopedCommitted { operation, audit_seq: kept.audit_seq, again: true })
}

fn refuse(
    connection: &mut SqliteConnection,
    action: &ScopedAction,
    refused: ActionRefused,
) -> Result<Result<ScopedCommitted, ActionRefused>, StoreError> {
    audit_log::append_any(connection, action.refuse(&refused))?;
    Ok(Err(refused))
}

/// Those of the scope that have not ended.
fn members(connection: &mut SqliteConnection, action: &ScopedAction, scope: &Scope) -> Result<Vec<Member>, StoreError> {
    let mut members = Vec::new();
    for (id, depth) in session_tree::open_within(connection, scope)? {
        let commands = concerned(connection, &action.on(id))?;
        if let Some(session) = sessions::head(connection, id)? {
            members.push(Member { session, depth, commands });
        }
    }
    Ok(members)
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
fn commit_fleet(
    connection: &mut SqliteConnection,
    action: &FleetAction,
) -> Result<Result<FleetCommitted, KeyReused>, StoreError> {
    match idempotency_keys::call(connection, &action.by, action.fingerprint())? {
        Call::New => {}
        Call::Again(kept) => return Ok(Ok(kept.into())),
        Call::Reused(misuse) => {
            audit_log::append_any(connection, action.refuse(&misuse))?;
            return Ok(Err(misuse));
        }
    }
    let by = &action.by;
    let engage = action.intervention == FleetIntervention::KillAll;
    let total = if engage { sessions::count_open(connection)? } else { 0 };
    let operation = action.operation(total);
    fleet_state::set_kill_switch(connection, engage)?;
    feed_events::insert(connection, &FleetEventDraft::kill_switch(engage, total, &by.actor, by.at))?;
    if engage {
        supersede_all(connection, Wish::Kill, by.at)?;
        if let Some(operation) = &operation {
            open(connection, &Opened { operation: operation.clone(), targets: Vec::new() })?;
            operation_targets::kill_open(connection, operation)?;
        }
        commands::kill_open(connection, by.reason.as_ref(), by.at)?;
        sessions::kill_open(connection)?;
    }
    let audit_seq = audit_log::append_any(connection, action.audit(total))?;
    let operation = operation.map(|operation| operation.id);
    let committed = FleetCommitted { total, operation, audit_seq, again: false };
    idempotency_keys::keep(connection, &action.by, || committed.remember(action))?;
    Ok(Ok(committed))
}
