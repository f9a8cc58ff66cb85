//! Operator actions, each committed whole or not at all.

use std::collections::HashMap;

use async_trait::async_trait;

use super::calls;
use super::operation::{move_targets, open, supersede_all};
use super::record::{record, record_any};
use super::run::run;
use crate::action::{
    ActionRefused, Call, Committed, ConcernedCommands, Effects, FleetAction, FleetCommitted, FleetIntervention,
    Intervention, KeyReused, OperatorAction, Remembered,
};
use crate::audit::AuditDraft;
use crate::command::Command;
use crate::feed::FleetEventDraft;
use crate::ids::{AuditSeq, CommandSeq, SessionId};
use crate::operation::{Member, Opened, ScopedAction, ScopedCommitted, Wish};
use crate::ports::{OperatorActionError, OperatorActions, Rows, StoreUnavailable, Transactional, TreeLock, Tx};
use crate::session::Session;

/// One action on one session: [`OperatorActions::commit`].
///
/// # Errors
/// A rule forbids it, or the store is not available.
pub async fn commit<T: Tx>(tx: &mut T, action: &OperatorAction) -> Rows<Result<Committed, ActionRefused>> {
    match calls::call(tx, &action.by, action.fingerprint()).await? {
        Call::New => {}
        Call::Again(kept) => return Ok(Ok(committed_again(tx, action, &kept).await?)),
        Call::Reused(misuse) => {
            let refused = misuse.into();
            record_any(tx, action.refuse(&refused)).await?;
            return Ok(Err(refused));
        }
    }
    // A kill is a fence for whatever registers below it.
    if matches!(action.intervention, Intervention::Kill) {
        tx.lock_tree(TreeLock::Alone).await?;
    }
    let before = tx.lock_session(action.session_id).await?;
    let concerned = concerned(tx, action).await?;
    let decision = action.decide(before.as_ref(), &concerned);
    let effects = match decision.outcome {
        Ok(effects) => effects,
        Err(refused) => {
            record_any(tx, decision.audit).await?;
            return Ok(Err(refused));
        }
    };
    apply(tx, &effects, action).await?;
    let audit_seq = record_any(tx, decision.audit).await?;
    let committed = effects.committed(audit_seq);
    calls::keep(tx, &action.by, || committed.remember(action)).await?;
    Ok(Ok(committed))
}

/// The result of an earlier call with the same key, in its current state.
async fn committed_again<T: Tx>(tx: &mut T, action: &OperatorAction, kept: &Remembered) -> Rows<Committed> {
    let id = action.session_id;
    let message = match kept.message {
        Some(seq) => tx.messages_after(id, seq.previous(), 1).await?.and_then(|mut slice| slice.messages.pop()),
        None => None,
    };
    let command = match kept.command {
        Some(seq) => tx.command(id, seq).await?,
        None => None,
    };
    let lost = || StoreUnavailable::new("the session of an accepted action is not there any more");
    let session = tx.session(id).await?.ok_or_else(lost)?;
    Ok(Committed { session, message, command, operation: kept.operation, audit_seq: kept.audit_seq, again: true })
}

/// Writes the effects of an accepted action on its session, which is locked, without the audit entry.
async fn apply<T: Tx>(tx: &mut T, effects: &Effects, action: &OperatorAction) -> Rows<()> {
    tx.save_session(&effects.session).await?;
    if let Some(message) = &effects.message {
        tx.insert_messages(std::slice::from_ref(message)).await?;
    }
    if let Some(command) = &effects.command {
        tx.insert_command(command).await?;
    }
    for command in &effects.cancelled {
        tx.save_command(command).await?;
    }
    for event in &effects.events {
        tx.tell(event.clone()).await?;
    }
    if let Some(wish) = effects.wish {
        move_targets(tx, effects.session.id, action.by.at, |target| target.after_wish(wish)).await?;
    }
    if let Some(opened) = &effects.operation {
        open(tx, opened).await?;
    }
    Ok(())
}

/// One action on a session and those around it: [`OperatorActions::commit_scoped`].
///
/// # Errors
/// A rule forbids it, or the store is not available.
pub async fn commit_scoped<T: Tx>(tx: &mut T, action: &ScopedAction) -> Rows<Result<ScopedCommitted, ActionRefused>> {
    match calls::call(tx, &action.by, action.fingerprint()).await? {
        Call::New => {}
        Call::Again(kept) => return Ok(Ok(scoped_again(tx, &kept).await?)),
        Call::Reused(misuse) => return refuse(tx, action, misuse.into()).await,
    }
    // From here on nothing registers: whoever is in the scope is found, and nobody else comes into it.
    tx.lock_tree(TreeLock::Alone).await?;
    let named = tx.head(action.session_id).await?;
    // It looks at nothing that changes, so it may be asked before the locks.
    let scope = match action.scope(named.as_ref()) {
        Ok(scope) => scope,
        Err(refused) => return refuse(tx, action, refused).await,
    };
    let depths: HashMap<SessionId, u64> = tx.open_within(&scope).await?.into_iter().collect();
    let mut concerned: Vec<SessionId> = depths.keys().copied().chain([action.session_id]).collect();
    concerned.sort_unstable();
    concerned.dedup();
    let locked = tx.lock_heads(&concerned).await?;
    tx.lock_operations_of(&concerned).await?;
    let Some(named) = locked.iter().find(|session| session.id == action.session_id).cloned() else {
        return refuse(tx, action, ActionRefused::UnknownSession(action.session_id)).await;
    };
    let members = members(tx, action, locked, &depths).await?;
    let effects = action.decide(&named, scope, &members);
    if let Some(fence) = &effects.fence {
        tx.save_session(fence).await?;
    }
    for one in &effects.sessions {
        apply(tx, one, &action.on(one.session.id)).await?;
    }
    open(tx, &effects.opened).await?;
    let audit_seq = record_any(tx, effects.audit).await?;
    let committed = ScopedCommitted { operation: effects.opened.operation, audit_seq, again: false };
    calls::keep(tx, &action.by, || committed.remember(action)).await?;
    Ok(Ok(committed))
}

async fn scoped_again<T: Tx>(tx: &mut T, kept: &Remembered) -> Rows<ScopedCommitted> {
    let operation = match kept.operation {
        Some(id) => tx.operation(id).await?,
        None => None,
    };
    let lost = || StoreUnavailable::new("the operation of an accepted action is not there any more");
    Ok(ScopedCommitted { operation: operation.ok_or_else(lost)?, audit_seq: kept.audit_seq, again: true })
}

async fn refuse<T: Tx>(
    tx: &mut T,
    action: &ScopedAction,
    refused: ActionRefused,
) -> Rows<Result<ScopedCommitted, ActionRefused>> {
    record_any(tx, action.refuse(&refused)).await?;
    Ok(Err(refused))
}

/// The sessions of the scope that have not ended, read under their locks.
async fn members<T: Tx>(
    tx: &mut T,
    action: &ScopedAction,
    locked: Vec<Session>,
    depths: &HashMap<SessionId, u64>,
) -> Rows<Vec<Member>> {
    let mut members = Vec::new();
    for session in locked.into_iter().filter(|session| !session.status.is_terminal()) {
        if let Some(depth) = depths.get(&session.id) {
            let commands = concerned(tx, &action.on(session.id)).await?;
            members.push(Member { session, depth: *depth, commands });
        }
    }
    Ok(members)
}

async fn concerned<T: Tx>(tx: &mut T, action: &OperatorAction) -> Rows<Vec<Command>> {
    let session = action.session_id;
    match action.intervention.concerns() {
        ConcernedCommands::None => Ok(Vec::new()),
        ConcernedCommands::One(seq) => Ok(tx.command(session, seq).await?.into_iter().collect()),
        ConcernedCommands::Pending => tx.pending_commands(session, CommandSeq::ZERO, ConcernedCommands::MOST).await,
    }
}

/// One action on the whole fleet, with a few operations however large the fleet is.
///
/// # Errors
/// A rule forbids it, or the store is not available.
pub async fn commit_fleet<T: Tx>(tx: &mut T, action: &FleetAction) -> Rows<Result<FleetCommitted, KeyReused>> {
    match calls::call(tx, &action.by, action.fingerprint()).await? {
        Call::New => {}
        Call::Again(kept) => return Ok(Ok(kept.into())),
        Call::Reused(misuse) => {
            record_any(tx, action.refuse(&misuse)).await?;
            return Ok(Err(misuse));
        }
    }
    let by = &action.by;
    let engage = action.intervention == FleetIntervention::KillAll;
    tx.lock_tree(TreeLock::Alone).await?;
    if engage {
        tx.lock_everything_open().await?;
    }
    let total = if engage { tx.count_open().await? } else { 0 };
    let operation = action.operation(total);
    tx.set_kill_switch(engage).await?;
    tx.tell(FleetEventDraft::kill_switch(engage, total, &by.actor, by.at)).await?;
    if engage {
        supersede_all(tx, Wish::Kill, by.at).await?;
        if let Some(operation) = &operation {
            open(tx, &Opened { operation: operation.clone(), targets: Vec::new() }).await?;
        }
        tx.kill_open(operation.as_ref(), by.reason.as_ref(), by.at).await?;
    }
    let audit_seq = record_any(tx, action.audit(total)).await?;
    let operation = operation.map(|operation| operation.id);
    let committed = FleetCommitted { total, operation, audit_seq, again: false };
    calls::keep(tx, &action.by, || committed.remember(action)).await?;
    Ok(Ok(committed))
}

#[async_trait]
impl<S: Transactional> OperatorActions for S {
    async fn commit(&self, action: OperatorAction) -> Result<Committed, OperatorActionError> {
        let done: Rows<_> = run!(self.write, (action), |tx| commit(tx, &action)).await;
        Ok(done??)
    }

    async fn commit_scoped(&self, action: ScopedAction) -> Result<ScopedCommitted, OperatorActionError> {
        let done: Rows<_> = run!(self.write, (action), |tx| commit_scoped(tx, &action)).await;
        Ok(done??)
    }

    async fn commit_fleet(&self, action: FleetAction) -> Result<FleetCommitted, OperatorActionError> {
        let done: Rows<_> = run!(self.write, (action), |tx| commit_fleet(tx, &action)).await;
        Ok(done?.map_err(ActionRefused::from)?)
    }

    async fn record(&self, entry: AuditDraft) -> Result<AuditSeq, StoreUnavailable> {
        run!(self.write, (entry), |tx| record(tx, entry)).await
    }
}
