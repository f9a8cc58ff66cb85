//! Operator actions.

use async_trait::async_trait;
use flightdeck_domain::action::{
    ActionRefused, Call, ConcernedCommands, Effects, Intervention, OperatorAction, Remembered,
};
use flightdeck_domain::audit::AuditDraft;
use flightdeck_domain::command::Command;
use flightdeck_domain::feed::FleetEventDraft;
use flightdeck_domain::ids::{AuditSeq, SessionId};
use flightdeck_domain::operation::{Member, Opened, OperationTarget, Scope, ScopedAction, Wish};
use flightdeck_domain::ports::{
    Committed, FleetAction, FleetCommitted, FleetIntervention, OperatorActionError, OperatorActions, ScopedCommitted,
    StoreUnavailable,
};
use flightdeck_domain::time::Timestamp;

use crate::MemoryStore;
use crate::state::{Entry, State, count, index};

#[async_trait]
impl OperatorActions for MemoryStore {
    async fn commit(&self, action: OperatorAction) -> Result<Committed, OperatorActionError> {
        let mut guard = self.state();
        let state = &mut *guard;
        match state.idempotency_keys.call(&action.by, action.fingerprint()) {
            Call::New => {}
            Call::Again(kept) => return Ok(state.committed_again(action.session_id, &kept)?),
            Call::Reused(misuse) => {
                let refused = misuse.into();
                state.refuse(action.refuse(&refused))?;
                return Err(refused.into());
            }
        }
        let entry = state.sessions.get(&action.session_id);
        let concerned = entry.map(|entry| entry.concerned(action.intervention.concerns())).unwrap_or_default();
        let decision = action.decide(entry.map(|entry| &entry.session), &concerned);
        let sealed = state.seal_any(decision.audit)?;
        let effects = match decision.outcome {
            Ok(effects) => *effects,
            Err(refused) => {
                state.record(sealed);
                return Err(refused.into());
            }
        };
        // The rule accepts an action on a session that there is, and on no other.
        let Some(entry) = state.sessions.get(&action.session_id) else {
            return Err(StoreUnavailable::new("an action was accepted on no session").into());
        };
        if effects.message.as_ref().is_some_and(|message| entry.message(message.id).is_some()) {
            return Err(StoreUnavailable::new("the id of the message is taken").into());
        }
        let operation = effects.operation.as_ref().map(|opened| opened.operation.id);
        let audit_seq = state.record(sealed);
        state.apply(&effects, action.by.at);
        let Effects { session, message, command, .. } = effects;
        let committed = Committed { session, message, command, operation, audit_seq, again: false };
        state.idempotency_keys.keep(&action.by, || committed.remember(&action));
        Ok(committed)
    }

    async fn commit_scoped(&self, action: ScopedAction) -> Result<ScopedCommitted, OperatorActionError> {
        let mut guard = self.state();
        let state = &mut *guard;
        match state.idempotency_keys.call(&action.by, action.fingerprint()) {
            Call::New => {}
            Call::Again(kept) => return Ok(state.scoped_again(&kept)?),
            Call::Reused(misuse) => {
                let refused = misuse.into();
                state.refuse(action.refuse(&refused))?;
                return Err(refused.into());
            }
        }
        let named = state.sessions.get(&action.session_id).map(|entry| entry.session.clone());
        let (named, scope) = match (named.as_ref(), action.scope(named.as_ref())) {
            (Some(named), Ok(scope)) => (named, scope),
            (_, Err(refused)) => {
                state.refuse(action.refuse(&refused))?;
                return Err(refused.into());
            }
            (None, Ok(_)) => return Err(StoreUnavailable::new("an action was accepted on no session").into()),
        };
        let members = state.members(&action, &scope);
        let effects = action.decide(named, scope, &members);
        let sealed = state.seal_any(effects.audit)?;
        let audit_seq = state.record(sealed);
        if let Some(fence) = effects.fence
            && let Some(entry) = state.sessions.get_mut(&fence.id)
        {
            entry.session = fence;
        }
        for one in &effects.sessions {
            state.apply(one, action.by.at);
        }
        let operation = effects.opened.operation.clone();
        state.open(effects.opened);
        let committed = ScopedCommitted { operation, audit_seq, again: false };
        state.idempotency_keys.keep(&action.by, || committed.remember(&action));
        Ok(committed)
    }

    async fn commit_fleet(&self, action: FleetAction) -> Result<FleetCommitted, OperatorActionError> {
        let mut state = self.state();
        match state.idempotency_keys.call(&action.by, action.fingerprint()) {
            Call::New => {}
            Call::Again(kept) => return Ok(kept.into()),
            Call::Reused(misuse) => {
                state.refuse(action.refuse(&misuse))?;
                return Err(ActionRefused::from(misuse).into());
            }
        }
        let engage = action.intervention == FleetIntervention::KillAll;
        let total = if engage { state.not_ended() } else { 0 };
        let sealed = state.seal_any(action.audit(total))?;
        let targets = if engage { state.kill_all(&action) } else { Vec::new() };
        state.kill_switch_engaged = engage;
        let audit_seq = state.record(sealed);
        state.tell(FleetEventDraft::kill_switch(engage, total, &action.by.actor, action.by.at));
        if engage {
            // Only sessions that have not ended have open targets, and all of those are to die now.
            for session in state.open_at.keys().copied().collect::<Vec<_>>() {
                state.move_targets(session, action.by.at, |open| open.after_wish(Wish::Kill));
            }
        }
        if let Some(operation) = action.operation(total) {
            state.open(Opened { operation, targets });
        }
        let operation = action.operation.filter(|_| engage);
        let committed = FleetCommitted { total, operation, audit_seq, again: false };
        state.idempotency_keys.keep(&action.by, || committed.remember(&action));
        Ok(committed)
    }

    async fn record(&self, entry: AuditDraft) -> Result<AuditSeq, StoreUnavailable> {
        let mut state = self.state();
        let sealed = state.seal(entry)?;
        let seq = sealed.seq;
        state.audit.push(sealed);
        Ok(seq)
    }
}

impl Entry {
    fn concerned(&self, commands: ConcernedCommands) -> Vec<Command> {
        match commands {
            ConcernedCommands::None => Vec::new(),
            ConcernedCommands::One(seq) => {
                self.pending.get(&seq).or_else(|| self.settled.get(&seq)).cloned().into_iter().collect()
            }
            ConcernedCommands::Pending => self.pending.values().take(ConcernedCommands::MOST).cloned().collect(),
        }
    }
}

impl State {
    /// What an earlier call with the same key came to, as it stands now.
    fn committed_again(&self, id: SessionId, kept: &Remembered) -> Result<Committed, StoreUnavailable> {
        let lost = || StoreUnavailable::new("the session of an accepted action is not there any more");
        let entry = self.sessions.get(&id).ok_or_else(lost)?;
        let message = kept.message.and_then(|seq| entry.messages.get(index(seq.previous().get()))).cloned();
        let command = kept.command.and_then(|seq| entry.concerned(ConcernedCommands::One(seq)).pop());
        let (operation, audit_seq) = (kept.operation, kept.audit_seq);
        Ok(Committed { session: entry.session.clone(), message, command, operation, audit_seq, again: true })
    }

    fn scoped_again(&self, kept: &Remembered) -> Result<ScopedCommitted, StoreUnavailable> {
        let operation = kept.operation.and_then(|id| self.operations.get(&id)).cloned();
        let lost = || StoreUnavailable::new("the operation of an accepted action is not there any more");
        Ok(ScopedCommitted { operation: operation.ok_or_else(lost)?, audit_seq: kept.audit_seq, again: true })
    }

    fn not_ended(&self) -> u64 {
        count(self.sessions.values().filter(|entry| !entry.session.status.is_terminal()).count())
    }

    /// Writes what an accepted action does to its session, besides the audit entry.
    fn apply(&mut self, effects: &Effects, at: Timestamp) {
        let session = effects.session.id;
        if let Some(entry) = self.sessions.get_mut(&session) {
            entry.session = effects.session.clone();
            if let Some(message) = effects.message.clone() {
                entry.push(message);
            }
            for command in effects.command.iter().chain(&effects.cancelled) {
                entry.put(command.clone());
            }
        }
        effects.events.iter().for_each(|event| self.tell(event.clone()));
        if let Some(wish) = effects.wish {
            self.move_targets(session, at, |target| target.after_wish(wish));
        }
        if let Some(opened) = effects.operation.clone() {
            self.open(opened);
        }
    }

    /// Those of the scope that have not ended.
    fn members(&self, action: &ScopedAction, scope: &Scope) -> Vec<Member> {
        let open = self.sessions.values().filter(|entry| !entry.session.status.is_terminal());
        let within = open.filter(|entry| match scope {
            Scope::Session(id) => entry.session.id == *id,
            Scope::Subtree(top) => self.line(entry.session.id).any(|above| above.id == *top),
            Scope::Mission(mission) => entry.session.mission_id.as_ref() == Some(mission),
            Scope::Fleet => true,
        });
        within
            .map(|entry| Member {
                session: entry.session.clone(),
                depth: self.depth(entry.session.id),
                commands: entry.concerned(action.on(entry.session.id).intervention.concerns()),
            })
            .collect()
    }

    /// How many sessions are above one.
    fn depth(&self, id: SessionId) -> u64 {
        count(self.line(id).count().saturating_sub(1))
    }

    /// Kills each session that has not ended, by the rule for one; entry and event are those of the whole fleet. Gives the
    /// targets of its operation.
    fn kill_all(&mut self, action: &FleetAction) -> Vec<OperationTarget> {
        let depths: Vec<u64> = self.sessions.keys().map(|id| self.depth(*id)).collect();
        let mut targets = Vec::new();
        for ((id, entry), depth) in self.sessions.iter_mut().zip(depths) {
            let by = action.by.clone();
            let kill =
                OperatorAction { session_id: *id, intervention: Intervention::Kill, operation: None, able: None, by };
            let Ok(effects) = kill.decide(Some(&entry.session), &[]).outcome else { continue };
            if let Some(operation) = action.operation {
                let (command, at) = (effects.command.as_ref(), action.by.at);
                targets.push(OperationTarget::begin(operation, Wish::Kill, &entry.session, depth, command, at));
            }
            entry.session = effects.session;
            if let Some(command) = effects.command {
                entry.put(command);
            }
        }
        targets
    }
}
