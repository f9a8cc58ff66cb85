//! The audit log: the chain holds, and each call of control has its one entry.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use flightdeck_domain::approval::ApprovalState;
use flightdeck_domain::audit::{AuditEntry, AuditOutcome, ChainVerifier, SealedAuditEntry};
use flightdeck_domain::ids::AuditSeq;
use flightdeck_domain::operator::Actor;
use flightdeck_domain::ports::{AuditLog, DecideApprovalError, OperatorActionError, SetBudgetError};
use flightdeck_domain::transactions::at_once;
use flightdeck_store_memory::MemoryStore;

use super::{Snapshot, Verdict, holds};
use crate::requests::{Answer, Request};

#[derive(Default)]
pub(crate) struct Record {
    chain: ChainVerifier,
    entries: Vec<SealedAuditEntry>,
    /// The calls there were, by the name of the request, with their keys.
    calls: BTreeMap<String, Option<String>>,
    /// The entries of each.
    written: BTreeMap<String, Vec<AuditOutcome>>,
    /// How many accepted entries each key has.
    accepted: BTreeMap<String, u32>,
    /// The keys of which somebody knows that they were accepted.
    known: BTreeSet<String>,
    /// The operation that a key led to, as it was answered.
    operations: BTreeMap<String, String>,
}

/// What an answer says of the record.
enum Said {
    Accepted { again: bool, operation: Option<String>, entry: Option<AuditSeq> },
    Refused,
    Nothing,
}

impl Said {
    fn of(answer: &Answer) -> Self {
        let id = |operation: flightdeck_domain::ids::OperationId| operation.to_string();
        match answer {
            Answer::Intervened(Ok(done)) => {
                let committed = &done.committed;
                let (operation, entry) = (committed.operation.map(id), committed.audit_seq);
                Self::Accepted { again: committed.again, operation, entry }
            }
            Answer::Scoped(Ok(taken)) => {
                let committed = &taken.committed;
                let (operation, entry) = (Some(id(committed.operation.id)), committed.audit_seq);
                Self::Accepted { again: committed.again, operation, entry }
            }
            Answer::Fleet(Ok(taken)) => {
                let committed = &taken.committed;
                let (operation, entry) = (committed.operation.map(id), committed.audit_seq);
                Self::Accepted { again: committed.again, operation, entry }
            }
            Answer::Budgeted(Ok(done)) => Self::Accepted { again: false, operation: None, entry: Some(done.audit_seq) },
            Answer::Decided(Ok(done)) => {
                Self::Accepted { again: done.again, operation: None, entry: Some(done.audit_seq) }
            }
            Answer::Decided(Err(DecideApprovalError::Refused(_)))
            | Answer::Intervened(Err(OperatorActionError::Refused(_)))
            | Answer::Scoped(Err(OperatorActionError::Refused(_)))
            | Answer::Fleet(Err(OperatorActionError::Refused(_)))
            | Answer::Budgeted(Err(SetBudgetError::Refused(_))) => Self::Refused,
            _ => Self::Nothing,
        }
    }
}

impl Record {
    /// A call of control.
    pub(crate) fn sent(&mut self, name: &str, key: Option<&str>) {
        self.calls.insert(name.to_owned(), key.map(str::to_owned));
    }

    /// Takes in what is new.
    pub(crate) fn read(&mut self, store: &Arc<MemoryStore>) -> Verdict {
        let new = at_once(store.walk(self.chain.reached(), usize::MAX)).expect("at once").expect("readable");
        for sealed in new {
            self.chain.next(&sealed).map_err(|problem| problem.to_string())?;
            let entry = sealed.entry().map_err(|error| error.to_string())?;
            self.take(&entry).map_err(|wrong| format!("audit entry {}: {wrong}", entry.seq))?;
            self.entries.push(sealed);
        }
        let head = at_once(AuditLog::head(&**store)).expect("at once").expect("readable");
        self.chain.ends_at(head).map_err(|problem| problem.to_string())
    }

    fn take(&mut self, entry: &AuditEntry) -> Verdict {
        let name = entry.request_id.as_str().to_owned();
        let key = entry.details.get("idempotencyKey");
        if entry.outcome == AuditOutcome::Accepted
            && let Some(key) = key
        {
            let times = self.accepted.entry(key.clone()).or_default();
            *times += 1;
            holds!(*times == 1, "the key {key} is accepted {times} times");
        }
        if entry.actor == Actor::budget() {
            return Ok(());
        }
        let call = self.calls.get(&name).ok_or_else(|| format!("nobody sent {name}"))?;
        holds!(call.as_ref() == key, "{name} had the key {call:?}, and its entry {key:?}");
        let written = self.written.entry(name.clone()).or_default();
        written.push(entry.outcome);
        holds!(written.len() == 1, "{name} has {} entries", written.len());
        Ok(())
    }

    /// What was answered is what is on the record.
    pub(crate) fn answered(&mut self, name: &str, request: &Request, answer: &Answer) -> Verdict {
        if !request.is_control() {
            return Ok(());
        }
        let written = self.written.get(name).cloned().unwrap_or_default();
        let key = self.calls.get(name).cloned().flatten();
        match Said::of(answer) {
            Said::Accepted { again, operation, entry } => {
                let due = if again { Vec::new() } else { vec![AuditOutcome::Accepted] };
                holds!(written == due, "{name} was accepted (again: {again}) and has the entries {written:?}");
                let seq = entry.ok_or_else(|| format!("{name} was accepted and knows no entry"))?;
                let found = self.entries.iter().find(|sealed| sealed.seq == seq);
                let found = found.and_then(|sealed| sealed.entry().ok()).ok_or(format!("{name}: no entry {seq}"))?;
                let theirs = found.details.get("idempotencyKey");
                holds!(theirs == key.as_ref(), "{name}: entry {seq} is of another call");
                if let Some(key) = key {
                    let times = self.accepted.get(&key).copied().unwrap_or_default();
                    holds!(times == 1, "{name} was accepted and its key {key} stands {times} times on the record");
                    if let Some(operation) = operation {
                        let known = self.operations.entry(key.clone()).or_insert_with(|| operation.clone());
                        holds!(*known == operation, "{key} began {known}, and then {operation}");
                    }
                    self.known.insert(key);
                }
            }
            Said::Refused => {
                holds!(written == [AuditOutcome::Refused], "{name} was refused and has the entries {written:?}");
                let done = key.as_ref().is_some_and(|key| self.accepted.contains_key(key));
                holds!(!done, "{name} was refused, and was accepted before under its key {key:?}");
            }
            Said::Nothing => return Err(format!("{name} was answered {}", answer.label())),
        }
        Ok(())
    }

    /// Of each key there is one effect.
    pub(crate) fn agrees(&self, now: &Snapshot) -> Verdict {
        let mut operations: BTreeMap<&str, u32> = BTreeMap::new();
        for (operation, _) in &now.operations {
            let Some(reason) = &operation.reason else { continue };
            if operation.actor != Actor::budget() {
                *operations.entry(reason.as_str()).or_default() += 1;
            }
        }
        for (reason, times) in operations {
            holds!(times == 1, "{reason} began {times} operations");
            holds!(self.accepted.contains_key(reason), "{reason} began an operation and was not accepted");
        }
        for approval in &now.approvals {
            let ApprovalState::Decided(verdict) = &approval.state else { continue };
            let key = verdict.reason.as_ref().map(flightdeck_domain::text::Reason::as_str).unwrap_or_default();
            holds!(self.accepted.contains_key(key), "{} was decided by {key}, which was not accepted", approval.id);
        }
        for (key, operation) in &self.operations {
            let found = now.operations.iter().find(|(found, _)| found.id.to_string() == *operation);
            let theirs = found.and_then(|(found, _)| found.reason.as_ref());
            holds!(theirs.is_some_and(|theirs| theirs.as_str() == key), "{key}: {operation} is not its operation");
        }
        for (id, commands) in &now.commands {
            let mut by_reason: BTreeMap<&str, u32> = BTreeMap::new();
            for reason in commands.iter().filter_map(|command| command.reason.as_ref()) {
                *by_reason.entry(reason.as_str()).or_default() += 1;
            }
            let twice = by_reason.iter().find(|(reason, times)| **times > 1 && reason.starts_with("key-"));
            holds!(twice.is_none(), "{id}: commands of one key: {twice:?}");
        }
        Ok(())
    }

    /// The whole of it, once more from its beginning.
    pub(crate) fn whole(&self, store: &Arc<MemoryStore>) -> Verdict {
        let all = at_once(store.walk(AuditSeq::ZERO, usize::MAX)).expect("at once").expect("readable");
        holds!(all == self.entries, "the audit log is not what it was");
        let missing = self.known.iter().find(|key| !self.accepted.contains_key(*key));
        holds!(missing.is_none(), "not on the record: {missing:?}");
        Ok(())
    }
}
