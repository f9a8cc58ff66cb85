//! What the rows of the store are to one another, and to what they were.

use std::collections::BTreeMap;

use flightdeck_domain::approval::Approval;
use flightdeck_domain::command::Command;
use flightdeck_domain::ids::{ApprovalId, CommandSeq, OperationId, SessionId};
use flightdeck_domain::message::Message;
use flightdeck_domain::operation::{Operation, OperationTarget, Tally};

use super::{Snapshot, Verdict, holds};

#[derive(Default)]
pub(crate) struct Rows {
    messages: BTreeMap<SessionId, Vec<Message>>,
    commands: BTreeMap<SessionId, Vec<Command>>,
    approvals: BTreeMap<ApprovalId, Approval>,
    targets: BTreeMap<(OperationId, SessionId), OperationTarget>,
}

impl Rows {
    pub(crate) fn look(&mut self, now: Snapshot) -> Verdict {
        for id in now.sessions.keys() {
            self.conversation(*id, &now)?;
            self.queue(*id, &now)?;
        }
        for (operation, targets) in &now.operations {
            self.operation(operation, targets, &now)?;
        }
        self.permissions(&now)?;
        self.approvals = now.approvals.into_iter().map(|approval| (approval.id, approval)).collect();
        let targets = now.operations.into_iter().flat_map(|(_, targets)| targets);
        self.targets = targets.map(|target| ((target.operation_id, target.session_id), target)).collect();
        (self.messages, self.commands) = (now.messages, now.commands);
        Ok(())
    }

    fn conversation(&self, id: SessionId, now: &Snapshot) -> Verdict {
        let messages = now.messages.get(&id).map(Vec::as_slice).unwrap_or_default();
        for (place, message) in (1..).zip(messages) {
            holds!(message.seq.get() == place, "{id}: seq {} stands at {place}", message.seq);
        }
        let (last, length) = (now.sessions[&id].last_seq.get(), u64::try_from(messages.len()).expect("small"));
        holds!(last == length, "{id}: {length} messages, and the last seq is {last}");
        let before = self.messages.get(&id).map(Vec::as_slice).unwrap_or_default();
        holds!(messages.starts_with(before), "{id}: what was said has changed");
        Ok(())
    }

    fn queue(&self, id: SessionId, now: &Snapshot) -> Verdict {
        let (session, commands) = (&now.sessions[&id], &now.commands[&id]);
        for (place, command) in (1..).zip(commands) {
            holds!(command.seq.get() == place, "{id}: command {} stands at {place}", command.seq);
        }
        let (last, length) = (session.last_command_seq.get(), u64::try_from(commands.len()).expect("small"));
        holds!(last == length, "{id}: {length} commands, and the last seq is {last}");
        let due: Vec<CommandSeq> =
            commands.iter().filter(|command| command.receipt.is_pending()).map(|command| command.seq).collect();
        let pending = &now.pending[&id];
        holds!(*pending == due, "{id}: {pending:?} are pending, and {due:?} should be");
        let over = session.status.is_terminal();
        holds!(!over || due.is_empty(), "{id}: is {} and has {due:?} pending", session.status);
        for (before, after) in self.commands.get(&id).into_iter().flatten().zip(commands) {
            let fixed = |command: &Command| (command.seq, command.kind.clone(), command.created_at);
            holds!(fixed(before) == fixed(after), "{id}: command {} has changed", before.seq);
            let kept = before.receipt.is_pending() || before.receipt == after.receipt;
            holds!(kept, "{id}: command {} was {} and is {}", before.seq, before.receipt, after.receipt);
        }
        Ok(())
    }

    fn permissions(&self, now: &Snapshot) -> Verdict {
        for (id, session) in &now.sessions {
            let theirs = now.approvals.iter().filter(|approval| approval.session_id == *id && approval.is_open());
            let (open, known) = (theirs.count(), now.undecided[id]);
            holds!(u64::try_from(open) == Ok(known), "{id}: {open} permissions are open, and {known} known");
            holds!(open == 0 || !session.status.is_terminal(), "{id}: is {} and asks for permission", session.status);
        }
        for approval in &now.approvals {
            let Some(before) = self.approvals.get(&approval.id) else { continue };
            let kept = before.is_open() || before.state == approval.state;
            holds!(kept, "permission {} was {:?} and is {:?}", approval.id, before.state, approval.state);
        }
        Ok(())
    }

    fn operation(&self, operation: &Operation, targets: &[OperationTarget], now: &Snapshot) -> Verdict {
        let id = operation.id;
        let counted = Tally::of(targets);
        holds!(counted == operation.tally, "operation {id}: {:?}, counted: {counted:?}", operation.tally);
        let complete = operation.completed_at.is_some();
        holds!(complete == (counted.open == 0), "operation {id}: {} open, completed: {complete}", counted.open);
        for target in targets {
            let session = now.sessions.get(&target.session_id).ok_or("a target that is no session")?;
            let over = session.status.is_terminal();
            holds!(!(over && target.is_open()), "operation {id} is open at {}, which has ended", session.id);
            let seen = operation.wish.is_seen_in(session.status);
            holds!(!(seen && target.is_open()), "operation {id} is open at {}, which is as wished", session.id);
            let before = self.targets.get(&(id, target.session_id)).and_then(|before| before.outcome.as_ref());
            holds!(before.is_none() || before == target.outcome.as_ref(), "operation {id} changes its outcome");
        }
        Ok(())
    }
}
