//! The feed as the one order of what happened: each event is a legal step from the one before, and what the store holds is
//! what the events come to.

use std::collections::BTreeMap;
use std::sync::Arc;

use flightdeck_domain::approval::ApprovalState;
use flightdeck_domain::feed::{FleetEvent, FleetEventKind};
use flightdeck_domain::ids::{FeedPosition, SessionId};
use flightdeck_domain::ports::FleetFeed;
use flightdeck_domain::session::{DesiredStatus, SessionStatus};
use flightdeck_domain::transactions::at_once;
use flightdeck_store_memory::MemoryStore;

use super::{Snapshot, Verdict, holds};

#[derive(Default)]
pub(crate) struct Told {
    position: u64,
    sessions: BTreeMap<SessionId, Shadow>,
    engaged: bool,
    /// How often each operation was created, and completed.
    operations: BTreeMap<String, (u32, u32)>,
    /// What each permission request was last told to be.
    approvals: BTreeMap<String, String>,
}

struct Shadow {
    parent: Option<SessionId>,
    status: SessionStatus,
    desired: DesiredStatus,
    receipts: BTreeMap<u64, &'static str>,
}

/// The moves that the documentation allows, written down once more.
fn may_follow(from: SessionStatus, to: SessionStatus) -> bool {
    use SessionStatus::{Idle, Lost, Paused, Running, Spawning, Waiting};
    match (from, to) {
        (from, to) if from.is_terminal() || from == to || to == Spawning => false,
        (Lost, _) => true,
        (_, to) if to.is_terminal() || to == Lost => true,
        (Spawning, to) => to == Running,
        (Idle, Waiting) | (Waiting, Idle) => false,
        (Running | Idle | Waiting | Paused, _) => true,
        _ => false,
    }
}

fn rank(receipt: &str) -> (u8, &'static str) {
    match receipt {
        "accepted" => (0, "accepted"),
        "delivered" => (1, "delivered"),
        "consumed" => (2, "consumed"),
        "refused" => (2, "refused"),
        "cancelled" => (2, "cancelled"),
        _ => (2, "undeliverable"),
    }
}

fn word<'a>(event: &'a FleetEvent, name: &str) -> &'a str {
    event.data.as_map().get(name).and_then(serde_json::Value::as_str).unwrap_or_default()
}

impl Told {
    pub(crate) const fn position(&self) -> u64 {
        self.position
    }

    /// Takes in what is new.
    pub(crate) fn read(&mut self, store: &Arc<MemoryStore>) -> Verdict {
        let new = at_once(FleetFeed::after(&**store, FeedPosition::new(self.position), usize::MAX));
        for event in new.expect("at once").expect("readable") {
            holds!(
                event.position.get() == self.position + 1,
                "the feed has {} behind {}",
                event.position,
                self.position
            );
            self.position += 1;
            self.take(&event).map_err(|wrong| format!("event {} ({}): {wrong}", self.position, event.kind))?;
        }
        let head = at_once(FleetFeed::head(&**store)).expect("at once").expect("readable").get();
        holds!(head == self.position, "the feed ended at {}, and now at {head}", self.position);
        Ok(())
    }

    fn take(&mut self, event: &FleetEvent) -> Verdict {
        match (event.kind, event.session_id) {
            (FleetEventKind::Spawned, Some(id)) => self.spawned(id, event),
            (FleetEventKind::Status, Some(id)) => {
                let shadow = self.sessions.get_mut(&id).ok_or("of a session that is not there")?;
                let from: SessionStatus = word(event, "from").parse().ok().ok_or("from no status")?;
                let to: SessionStatus = word(event, "status").parse().ok().ok_or("to no status")?;
                holds!(from == shadow.status, "{id} moves from {from} and was {}", shadow.status);
                holds!(may_follow(from, to), "{id} moves from {from} to {to}");
                shadow.status = to;
                Ok(())
            }
            (FleetEventKind::Action, Some(id)) => {
                let shadow = self.sessions.get_mut(&id).ok_or("of a session that is not there")?;
                let desired: DesiredStatus = word(event, "desiredStatus").parse().ok().ok_or("nothing desired")?;
                holds!(!shadow.status.is_terminal(), "{id} is acted on and is {}", shadow.status);
                let kept = shadow.desired != DesiredStatus::Killed || desired == DesiredStatus::Killed;
                holds!(kept, "{id} is to be killed no more");
                shadow.desired = desired;
                Ok(())
            }
            (FleetEventKind::Receipt, Some(id)) => self.receipt(id, event),
            (FleetEventKind::KillSwitch, None) => {
                self.engaged = event.data.as_map().get("engaged") == Some(&true.into());
                for shadow in self.sessions.values_mut().filter(|shadow| self.engaged && !shadow.status.is_terminal()) {
                    shadow.desired = DesiredStatus::Killed;
                }
                Ok(())
            }
            (FleetEventKind::Operation, id) => {
                // A kill of a subtree is a fence even at a session that has ended.
                if word(event, "action") == "kill"
                    && word(event, "scope") == "subtree"
                    && let Some(top) = id.and_then(|id| self.sessions.get_mut(&id))
                {
                    top.desired = DesiredStatus::Killed;
                }
                let (created, completed) = self.operations.entry(word(event, "operationId").to_owned()).or_default();
                *if word(event, "event") == "created" { created } else { completed } += 1;
                Ok(())
            }
            (FleetEventKind::Approval, Some(_)) => {
                let (id, change) = (word(event, "approvalId"), word(event, "change"));
                let before = self.approvals.insert(id.to_owned(), change.to_owned());
                let follows = if change == "opened" { None } else { Some("opened") };
                holds!(before.as_deref() == follows, "permission {id} is {change} after it was {before:?}");
                Ok(())
            }
            (FleetEventKind::Budget, id) => {
                let is_there = id.is_none_or(|id| self.sessions.contains_key(&id));
                holds!(is_there && word(event, "change") == "warned", "a budget of {id:?}, {}", word(event, "change"));
                Ok(())
            }
            (kind, id) => Err(format!("{kind} of {id:?}")),
        }
    }

    fn spawned(&mut self, id: SessionId, event: &FleetEvent) -> Verdict {
        holds!(!self.sessions.contains_key(&id), "{id} spawns twice");
        holds!(!self.engaged, "{id} spawns while the kill switch is engaged");
        let parent: Option<SessionId> = word(event, "parentSessionId").parse().ok();
        let mut above = parent;
        while let Some(up) = above {
            let shadow = self.sessions.get(&up).ok_or_else(|| format!("{id} spawns below {up}, which is not there"))?;
            let fence = shadow.desired == DesiredStatus::Killed || shadow.status == SessionStatus::Killed;
            holds!(!fence, "{id} spawns below {up}, which is killed");
            above = shadow.parent;
        }
        let status = word(event, "status").parse().ok().ok_or("no status")?;
        let (desired, receipts) = (DesiredStatus::Running, BTreeMap::new());
        self.sessions.insert(id, Shadow { parent, status, desired, receipts });
        Ok(())
    }

    fn receipt(&mut self, id: SessionId, event: &FleetEvent) -> Verdict {
        let shadow = self.sessions.get_mut(&id).ok_or("of a session that is not there")?;
        let seq = event.data.as_map().get("commandSeq").and_then(serde_json::Value::as_u64).ok_or("no command")?;
        let state = event.data.as_map().get("receipt").and_then(|receipt| receipt.get("state"));
        let (after, receipt) = rank(state.and_then(serde_json::Value::as_str).ok_or("no receipt")?);
        let (before, was) = shadow.receipts.get(&seq).map_or((0, "accepted"), |was| rank(was));
        holds!(after > before, "command {seq} of {id} is {receipt} after it was {was}");
        shadow.receipts.insert(seq, receipt);
        Ok(())
    }

    /// Whether the store holds what was told.
    pub(crate) fn agrees(&self, now: &Snapshot) -> Verdict {
        holds!(self.engaged == now.kill_switch, "kill switch: {}, as told: {}", now.kill_switch, self.engaged);
        holds!(self.sessions.len() == now.sessions.len(), "{} sessions spawned", self.sessions.len());
        for session in now.sessions.values() {
            let id = session.id;
            let shadow = self.sessions.get(&id).ok_or_else(|| format!("{id} was never told of"))?;
            holds!(shadow.parent == session.parent_id, "{id}: below another than was told");
            holds!(shadow.status == session.status, "{id}: {}, as told: {}", session.status, shadow.status);
            let (is, told) = (session.desired_status, shadow.desired);
            holds!(is == told, "{id}: wished {is}, as told: {told}");
            for command in now.commands.get(&id).into_iter().flatten() {
                let told = shadow.receipts.get(&command.seq.get()).copied().unwrap_or("accepted");
                let is = command.receipt.as_str();
                holds!(is == told, "{id}: command {} is {is}, as told: {told}", command.seq);
            }
        }
        holds!(self.approvals.len() == now.approvals.len(), "{} permissions were told of", self.approvals.len());
        for approval in &now.approvals {
            let is = match approval.state {
                ApprovalState::Open => "opened",
                ApprovalState::Decided(_) => "decided",
                ApprovalState::Expired { .. } => "expired",
            };
            let told = self.approvals.get(&approval.id.to_string());
            holds!(told.is_some_and(|told| told == is), "permission {}: {is}, as told: {told:?}", approval.id);
        }
        holds!(self.operations.len() == now.operations.len(), "{} operations were told of", self.operations.len());
        for (operation, _) in &now.operations {
            let told = self.operations.get(&operation.id.to_string()).copied().unwrap_or_default();
            let due = (1, u32::from(operation.completed_at.is_some()));
            holds!(told == due, "operation {}: created and completed {told:?} times for {due:?}", operation.id);
        }
        Ok(())
    }
}
