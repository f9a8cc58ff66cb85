//! Operator actions.

use async_trait::async_trait;
use flightdeck_domain::action::{ConcernedCommands, Intervention, OperatorAction};
use flightdeck_domain::audit::AuditDraft;
use flightdeck_domain::command::Command;
use flightdeck_domain::feed::FleetEventDraft;
use flightdeck_domain::ids::AuditSeq;
use flightdeck_domain::ports::{
    Committed, FleetAction, FleetCommitted, FleetIntervention, OperatorActionError, OperatorActions, StoreUnavailable,
};

use crate::MemoryStore;
use crate::state::{Entry, State, count};

#[async_trait]
impl OperatorActions for MemoryStore {
    async fn commit(&self, action: OperatorAction) -> Result<Committed, OperatorActionError> {
        let mut guard = self.state();
        let state = &mut *guard;
        let entry = state.sessions.get(&action.session_id);
        let concerned = entry.map(|entry| entry.concerned(action.intervention.concerns())).unwrap_or_default();
        let decision = action.decide(entry.map(|entry| &entry.session), &concerned);
        let sealed = state.seal(decision.audit)?;
        let audit_seq = sealed.seq;
        let effects = match decision.outcome {
            Ok(effects) => *effects,
            Err(refused) => {
                state.audit.push(sealed);
                return Err(refused.into());
            }
        };
        // The rule accepts an action on a session that there is, and on no other.
        let Some(entry) = state.sessions.get_mut(&action.session_id) else {
            return Err(StoreUnavailable::new("an action was accepted on no session").into());
        };
        if effects.message.as_ref().is_some_and(|message| entry.message(message.id).is_some()) {
            return Err(StoreUnavailable::new("the id of the message is taken").into());
        }
        entry.session = effects.session.clone();
        if let Some(message) = effects.message.clone() {
            entry.push(message);
        }
        for command in effects.command.iter().chain(&effects.cancelled) {
            entry.put(command.clone());
        }
        state.audit.push(sealed);
        effects.events.into_iter().for_each(|event| state.tell(event));
        Ok(Committed { session: effects.session, message: effects.message, command: effects.command, audit_seq })
    }

    async fn commit_fleet(&self, action: FleetAction) -> Result<FleetCommitted, StoreUnavailable> {
        let mut state = self.state();
        let engage = action.intervention == FleetIntervention::KillAll;
        let total = if engage { state.not_ended() } else { 0 };
        let sealed = state.seal(action.audit(total))?;
        let audit_seq = sealed.seq;
        if engage {
            state.kill_all(&action);
        }
        state.kill_switch_engaged = engage;
        state.audit.push(sealed);
        state.tell(FleetEventDraft::kill_switch(engage, total, &action.by.actor, action.by.at));
        Ok(FleetCommitted { total, audit_seq })
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
    fn not_ended(&self) -> u64 {
        count(self.sessions.values().filter(|entry| !entry.session.status.is_terminal()).count())
    }

    /// Kills each session that has not ended, by the rule for one; entry and event are those of the whole fleet.
    fn kill_all(&mut self, action: &FleetAction) {
        for (id, entry) in &mut self.sessions {
            let kill = OperatorAction { session_id: *id, intervention: Intervention::Kill, by: action.by.clone() };
            if let Ok(effects) = kill.decide(Some(&entry.session), &[]).outcome {
                entry.session = effects.session;
                if let Some(command) = effects.command {
                    entry.put(command);
                }
            }
        }
    }
}
