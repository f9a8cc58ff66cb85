//! What is shown, and how events change it.

use std::collections::{HashMap, HashSet};

use flightdeck_client::replies::FleetEvent;
use flightdeck_client::{Entry, Event};
use serde::Deserialize;
use uuid::Uuid;

use crate::branches::in_order;

/// What the keys mean at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Browse,
    Help,
    /// The filter is being typed.
    Filter,
    /// A message to this session is being typed.
    Inject(Uuid, String),
    /// Whether to kill this session.
    Kill(Uuid),
}

/// One row: the branches before it, and the session.
pub(super) struct Row<'a> {
    pub(super) before: String,
    pub(super) entry: &'a Entry,
    /// How many are hidden below it.
    pub(super) hidden: usize,
}

/// Everything that is shown.
pub(super) struct Model {
    entries: HashMap<Uuid, Entry>,
    folded: HashSet<Uuid>,
    /// Only sessions in these statuses, if some were asked for.
    statuses: Option<HashSet<String>>,
    pub(super) filter: String,
    pub(super) selected: Option<Uuid>,
    /// The first row that is shown.
    pub(super) top: usize,
    pub(super) mode: Mode,
    pub(super) live: bool,
    pub(super) kill_switch: bool,
    /// What was told last.
    pub(super) notice: String,
}

impl Model {
    pub(super) fn new(entries: Vec<Entry>, statuses: Option<&str>) -> Self {
        let statuses = statuses.map(|list| list.split(',').map(ToOwned::to_owned).collect());
        let entries = entries.into_iter().map(|entry| (entry.session_id, entry)).collect();
        let mut model = Self {
            entries,
            folded: HashSet::new(),
            statuses,
            filter: String::new(),
            selected: None,
            top: 0,
            mode: Mode::Browse,
            live: true,
            kill_switch: false,
            notice: String::new(),
        };
        model.selected = model.rows().first().map(|row| row.entry.session_id);
        model
    }

    /// How many sessions are in each status.
    pub(super) fn counts(&self) -> HashMap<&str, usize> {
        let mut counts = HashMap::new();
        for entry in self.entries.values() {
            *counts.entry(entry.status.as_str()).or_insert(0) += 1;
        }
        counts
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn entry(&self, id: Uuid) -> Option<&Entry> {
        self.entries.get(&id)
    }

    /// The rows from top to bottom: what the filter leaves, with whatever is above it, less what is folded away.
    pub(super) fn rows(&self) -> Vec<Row<'_>> {
        let shown: Vec<Entry> = match self.wanted() {
            Some(wanted) => wanted.iter().filter_map(|id| self.entries.get(id)).cloned().collect(),
            None => self.entries.values().cloned().collect(),
        };
        let mut rows: Vec<Row<'_>> = Vec::new();
        // The depth below which everything is hidden, by the length of the branches.
        let mut hidden_below: Option<usize> = None;
        for (before, entry) in in_order(&shown) {
            let depth = before.chars().count();
            if hidden_below.is_some_and(|fold| depth > fold) {
                if let Some(folded) = rows.last_mut() {
                    folded.hidden += 1;
                }
                continue;
            }
            hidden_below = self.folded.contains(&entry.session_id).then_some(depth);
            if let Some(entry) = self.entries.get(&entry.session_id) {
                rows.push(Row { before, entry, hidden: 0 });
            }
        }
        rows
    }

    /// The sessions that the filter leaves, and all above them; `None` when it leaves everything.
    fn wanted(&self) -> Option<HashSet<Uuid>> {
        if self.filter.is_empty() && self.statuses.is_none() {
            return None;
        }
        let mut wanted = HashSet::new();
        for entry in self.entries.values().filter(|entry| self.fits(entry)) {
            let mut next = Some(entry);
            while let Some(entry) = next {
                if !wanted.insert(entry.session_id) {
                    break;
                }
                next = entry.parent_session_id.and_then(|parent| self.entries.get(&parent));
            }
        }
        Some(wanted)
    }

    fn fits(&self, entry: &Entry) -> bool {
        if self.statuses.as_ref().is_some_and(|statuses| !statuses.contains(&entry.status)) {
            return false;
        }
        let mission = entry.mission_id.as_deref().unwrap_or_default();
        let text =
            format!("{} {} {} {mission} {}", entry.agent_type, entry.task_id, entry.shown_status(), entry.session_id)
                .to_lowercase();
        self.filter.to_lowercase().split_whitespace().all(|part| text.contains(part))
    }

    pub(super) fn fold(&mut self, id: Uuid) {
        self.folded.insert(id);
    }

    /// Whether it was folded.
    pub(super) fn unfold(&mut self, id: Uuid) -> bool {
        self.folded.remove(&id)
    }

    /// Whether anything is below it.
    pub(super) fn has_children(&self, id: Uuid) -> bool {
        self.entries.values().any(|entry| entry.parent_session_id == Some(id))
    }

    /// Moves the selection by so many rows; what is gone is replaced by the first.
    pub(super) fn step(&mut self, by: isize) {
        let ids: Vec<Uuid> = self.rows().iter().map(|row| row.entry.session_id).collect();
        let at = ids.iter().position(|id| Some(*id) == self.selected).unwrap_or(0);
        let to = at.saturating_add_signed(by).min(ids.len().saturating_sub(1));
        self.selected = ids.get(to).copied();
    }

    /// Takes in an event of the fleet feed.
    pub(super) fn take(&mut self, event: &Event) {
        let Ok(data) = FleetEvent::deserialize(&event.data) else { return };
        if event.kind == "killswitch" {
            self.kill_switch = data.engaged == Some(true);
            return;
        }
        let Some(id) = data.session_id else { return };
        if event.kind == "spawned" {
            if let Some(entry) = spawned(id, data) {
                self.entries.entry(id).or_insert(entry);
                self.selected.get_or_insert(id);
            }
            return;
        }
        let Some(entry) = self.entries.get_mut(&id) else { return };
        entry.last_seq = entry.last_seq.max(data.seq.unwrap_or_default());
        if let Some(wished) = data.desired_status {
            entry.desired_status = wished;
        }
        if event.kind == "status" {
            entry.status = data.status.unwrap_or_default();
            if entry.has_ended() {
                entry.completed_at = data.at;
            }
        }
    }
}

/// A session as its first event tells of it.
fn spawned(id: Uuid, event: FleetEvent) -> Option<Entry> {
    Some(Entry {
        session_id: id,
        parent_session_id: event.parent_session_id,
        status: event.status.unwrap_or_default(),
        desired_status: "running".to_owned(),
        agent_type: event.agent_type.unwrap_or_default(),
        provider: event.provider.unwrap_or_default(),
        mission_id: event.mission_id,
        task_id: event.task_id.unwrap_or_default(),
        last_seq: 0,
        spawned_at: event.at?,
        completed_at: None,
    })
}
