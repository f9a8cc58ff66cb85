//! Operator actions, each committed whole or not at all.

use std::collections::HashMap;

use async_trait::async_trait;
use flightdeck_domain::action::{
    ActionRefused, Call, ConcernedCommands, Effects, Intervention, KeyReused, OperatorAction, Remembered,
};
use flightdeck_domain::audit::AuditDraft;
use flightdeck_domain::command::Command;
use flightdeck_domain::feed::FleetEventDraft;
use flightdeck_domain::ids::{AuditSeq, CommandSeq, SessionId};
use flightdeck_domain::operation::{Member, Opened, ScopedAction, Wish};
use flightdeck_domain::ports::{
    Committed, FleetAction, FleetCommitted, FleetIntervention, OperatorActionError, OperatorActions, ScopedCommitted,
    StoreUnavailable,
};
use flightdeck_domain::session::Session;

use crate::PostgresStore;
use crate::database::{Transaction, on};
use crate::error::StoreError;
use crate::locks;
use crate::operation::{move_targets, open, supersede_all};
use crate::tables::{
    commands, fleet_state, idempotency_keys, messages, operation_targets, operations, session_tree, sessions,
};

#[async_trait]
impl OperatorActions for PostgresStore {
    async fn commit(&self, action: OperatorAction) -> Result<Committed, OperatorActionError> {
        // A refusal is a success to the transaction, for its audit entry must be kept.
        let written: Result<_, StoreError> = on!(self.write, (action), |tx| commit(tx, action)).await;
        Ok(written??)
    }

    async fn commit_scoped(&self, action: ScopedAction) -> Result<ScopedCommitted, OperatorActionError> {
        let written: Result<_, StoreError> = on!(self.write, (action), |tx| commit_scoped(tx, action)).await;
        Ok(written??)
    }

    async fn commit_fleet(&self, action: FleetAction) -> Result<FleetCommitted, OperatorActionError> {
        let written: Result<_, StoreError> = on!(self.write, (action), |tx| commit_fleet(tx, action)).await;
        Ok(written?.map_err(ActionRefused::from)?)
    }

    async fn record(&self, entry: AuditDraft) -> Result<AuditSeq, StoreUnavailable> {
        let written: Result<_, StoreError> = on!(self.write, (entry), |tx| tx.record(entry.clone())).await;
        Ok(written?)
    }
}

async fn commit(tx: &mut Transaction, action: &OperatorAction) -> Result<Result<Committed, ActionRefused>, StoreError> {
    match idempotency_keys::call(tx, &action.by, action.fingerprint()).await? {
        Call::New => {}
        Call::Again(kept) => return Ok(Ok(committed_again(tx, action, &kept).await?)),
        Call::Reused(misuse) => {
            let refused = misuse.into();
            tx.record_any(action.refuse(&refused)).await?;
            return Ok(Err(refused));
        }
    }
    // A kill is a fence for whatever registers below it.
    if matches!(action.intervention, Intervention::Kill) {
        locks::tree_alone(tx).await?;
    }
    let before = sessions::lock(tx, action.session_id).await?;
    let concerned = concerned(tx, action).await?;
    let decision = action.decide(before.as_ref(), &concerned);
    let effects = match decision.outcome {
        Ok(effects) => effects,
        Err(refused) => {
            tx.record_any(decision.audit).await?;
            return Ok(Err(refused));
        }
    };
    apply(tx, &effects, action).await?;
    let audit_seq = tx.record_any(decision.audit).await?;
    let Effects { session, message, command, operation, .. } = *effects;
    let operation = operation.map(|opened| opened.operation.id);
    let committed = Committed { session, message, command, operation, audit_seq, again: false };
    idempotency_keys::keep(tx, &action.by, committed.remember(action)).await?;
    Ok(Ok(committed))
}

/// What an earlier call with the same key came to, as it stands now.
async fn committed_again(
    tx: &mut Transaction,
    action: &OperatorAction,
    kept: &Remembered,
) -> Result<Committed, StoreError> {
    let id = action.session_id;
    let message = match kept.message {
        Some(seq) => messages::after(tx, id, seq.previous(), 1).await?.and_then(|mut slice| slice.messages.pop()),
        None => None,
    };
    let command = match kept.command {
        Some(seq) => commands::get(tx, id, seq).await?,
        None => None,
    };
    let session = sessions::get(tx, id).await?.ok_or(StoreError::Lost("the session of an accepted action"))?;
    Ok(Committed { session, message, command, operation: kept.operation, audit_seq: kept.audit_seq, again: true })
}

/// Writes what an accepted action does to its session, besides the audit entry. The caller has the session's lock.
async fn apply(tx: &mut Transaction, effects: &Effects, action: &OperatorAction) -> Result<(), StoreError> {
    sessions::save(tx, &effects.session).await?;
    if let Some(message) = &effects.message {
        messages::insert(tx, std::slice::from_ref(message)).await?;
    }
    if let Some(command) = &effects.command {
        commands::insert(tx, command).await?;
    }
    for command in &effects.cancelled {
        commands::save(tx, command).await?;
    }
    for event in &effects.events {
        tx.tell(event.clone());
    }
    if let Some(wish) = effects.wish {
        move_targets(tx, effects.session.id, action.by.at, |target| target.after_wish(wish)).await?;
    }
    if let Some(opened) = &effects.operation {
        open(tx, opened).await?;
    }
    Ok(())
}

async fn commit_scoped(
    tx: &mut Transaction,
    action: &ScopedAction,
) -> Result<Result<ScopedCommitted, ActionRefused>, StoreError> {
    match idempotency_keys::call(tx, &action.by, action.fingerprint()).await? {
        Call::New => {}
        Call::Again(kept) => return Ok(Ok(scoped_again(tx, &kept).await?)),
        Call::Reused(misuse) => return refuse(tx, action, misuse.into()).await,
    }
    // From here on nothing registers: whoever is in the scope is found, and nobody else comes into it.
    locks::tree_alone(tx).await?;
    let named = sessions::get(tx, action.session_id).await?;
    // It looks at nothing that changes, so it may be asked before the locks.
    let scope = match action.scope(named.as_ref()) {
        Ok(scope) => scope,
        Err(refused) => return refuse(tx, action, refused).await,
    };
    let depths: HashMap<SessionId, u64> = session_tree::open_within(tx, &scope).await?.into_iter().collect();
    let mut concerned: Vec<SessionId> = depths.keys().copied().chain([action.session_id]).collect();
    concerned.sort_unstable();
    concerned.dedup();
    let locked = sessions::lock_heads(tx, &concerned).await?;
    locks::operations_of(tx, &concerned).await?;
    let Some(named) = locked.iter().find(|session| session.id == action.session_id).cloned() else {
        return refuse(tx, action, ActionRefused::UnknownSession(action.session_id)).await;
    };
    let members = members(tx, action, locked, &depths).await?;
    let effects = action.decide(&named, scope, &members);
    if let Some(fence) = &effects.fence {
        sessions::save(tx, fence).await?;
    }
    for one in &effects.sessions {
        apply(tx, one, &action.on(one.session.id)).await?;
    }
    open(tx, &effects.opened).await?;
    let audit_seq = tx.record_any(effects.audit).await?;
    let committed = ScopedCommitted { operation: effects.opened.operation, audit_seq, again: false };
    idempotency_keys::keep(tx, &action.by, committed.remember(action)).await?;
    Ok(Ok(committed))
}

async fn scoped_again(tx: &mut Transaction, kept: &Remembered) -> Result<ScopedCommitted, StoreError> {
    let lost = StoreError::Lost("the operation of an accepted action");
    let operation = match kept.operation {
        Some(id) => operations::get(tx, id).await?.ok_or(lost)?,
        None => return Err(lost),
    };
    Ok(ScopedCommitted { operation, audit_seq: kept.audit_seq, again: true })
}

async fn refuse(
    tx: &mut Transaction,
    action: &ScopedAction,
    refused: ActionRefused,
) -> Result<Result<ScopedCommitted, ActionRefused>, StoreError> {
    tx.record_any(action.refuse(&refused)).await?;
    Ok(Err(refused))
}

/// Those of the scope that have not ended, as they are under their locks.
async fn members(
    tx: &mut Transaction,
    action: &ScopedAction,
    locked: Vec<Session>,
    depths: &HashMap<SessionId, u64>,
) -> Result<Vec<Member>, StoreError> {
    let mut members = Vec::new();
    for session in locked.into_iter().filter(|session| !session.status.is_terminal()) {
        if let Some(depth) = depths.get(&session.id) {
            let commands = concerned(tx, &action.on(session.id)).await?;
            members.push(Member { session, depth: *depth, commands });
        }
    }
    Ok(members)
}

async fn concerned(tx: &mut Transaction, action: &OperatorAction) -> Result<Vec<Command>, StoreError> {
    let session = action.session_id;
    match action.intervention.concerns() {
        ConcernedCommands::None => Ok(Vec::new()),
        ConcernedCommands::One(seq) => Ok(commands::get(tx, session, seq).await?.into_iter().collect()),
        ConcernedCommands::Pending => commands::pending(tx, session, CommandSeq::ZERO, ConcernedCommands::MOST).await,
    }
}

/// However large the fleet is, a few statements over all of it.
async fn commit_fleet(
    tx: &mut Transaction,
    action: &FleetAction,
) -> Result<Result<FleetCommitted, KeyReused>, StoreError> {
    match idempotency_keys::call(tx, &action.by, action.fingerprint()).await? {
        Call::New => {}
        Call::Again(kept) => return Ok(Ok(kept.into())),
        Call::Reused(misuse) => {
            tx.record_any(action.refuse(&misuse)).await?;
            return Ok(Err(misuse));
        }
    }
    let by = &action.by;
    let engage = action.intervention == FleetIntervention::KillAll;
    locks::tree_alone(tx).await?;
    if engage {
        locks::everything_open(tx).await?;
    }
    let total = if engage { sessions::count_open(tx).await? } else { 0 };
    let operation = action.operation(total);
    fleet_state::set_kill_switch(tx, engage).await?;
    tx.tell(FleetEventDraft::kill_switch(engage, total, &by.actor, by.at));
    if engage {
        supersede_all(tx, Wish::Kill, by.at).await?;
        if let Some(operation) = &operation {
            open(tx, &Opened { operation: operation.clone(), targets: Vec::new() }).await?;
            operation_targets::kill_open(tx, operation).await?;
        }
        commands::kill_open(tx, by.reason.as_ref(), by.at).await?;
        sessions::kill_open(tx).await?;
    }
    let audit_seq = tx.record_any(action.audit(total)).await?;
    let operation = operation.map(|operation| operation.id);
    let committed = FleetCommitted { total, operation, audit_seq, again: false };
    idempotency_keys::keep(tx, &action.by, committed.remember(action)).await?;
    Ok(Ok(committed))
}
