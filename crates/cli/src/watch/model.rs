//! What is shown, and how events change it.

use std::collections::{HashMap, HashSet};

use flightdeck_client::replies::{Approval, FleetEvent, Messages};
use flightdeck_client::{ClientError, Entry, Event};
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::conversation::Conversation;
use super::errands::Fetch;
use super::requests::Requests;
use crate::branches::in_order;
use crate::ids::tail;

/// What is shown between the header and the footer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Tree,
    Conversation,
    Requests,
}

/// What the keys mean at the moment.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Mode {
    Browse,
    Help,
    /// The filter is being typed.
    Filter,
    /// A message to this session is being typed.
    Inject(Uuid, String),
    /// Whether to kill this session.
    Kill(Uuid),
    /// Why something is to be done is being typed; nothing may be said.
    Reason(Wish, String),
}

/// Something that the server is asked for once its reason is typed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wish {
    /// What it is, to the person who is asked why.
    pub(super) what: String,
    pub(super) path: String,
    pub(super) body: Map<String, Value>,
    /// The words that describe it when the server sends none.
    pub(super) told: String,
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
    pub(super) place: Place,
    pub(super) conversation: Option<Conversation>,
    pub(super) requests: Requests,
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
            place: Place::Tree,
            conversation: None,
            requests: Requests::new(),
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

    /// The session that keys act on: that of the open conversation, or the selected one.
    pub(super) fn subject(&self) -> Option<Uuid> {
        match (self.place, &self.conversation) {
            (Place::Conversation, Some(conversation)) => Some(conversation.id),
            (Place::Requests, _) => self.requests.request().and_then(|request| Uuid::try_parse(&request.agent_id).ok()),
            _ => self.selected,
        }
    }

    /// What people call a session.
    pub(super) fn name(&self, id: Uuid) -> String {
        self.entry(id).map_or_else(|| tail(&id), |entry| format!("{} {}", entry.agent_type, entry.task_id))
    }

    /// Opens the conversation of a session.
    pub(super) fn open(&mut self, id: Uuid) {
        let last_seq = self.entry(id).map_or(0, |entry| entry.last_seq);
        self.conversation = Some(Conversation::open(id, last_seq));
        self.place = Place::Conversation;
    }

    /// Goes back to the tree.
    pub(super) fn close(&mut self) {
        self.conversation = None;
        self.place = Place::Tree;
    }

    /// What has to be read now. Each is asked for once, until it is answered.
    pub(super) fn wants(&mut self) -> Vec<Fetch> {
        let mut wants = Vec::new();
        if let Some(conversation) = &mut self.conversation {
            wants.extend(conversation.wants().map(|after| Fetch::Messages(conversation.id, after)));
        }
        if self.requests.wants() {
            wants.push(Fetch::Requests);
        }
        wants
    }

    /// A while has passed in which nothing came: the feed may have missed a message that it only hints at.
    pub(super) fn rest(&mut self) {
        if let Some(conversation) = &mut self.conversation {
            conversation.mark_due();
        }
        if self.place == Place::Requests {
            self.requests.mark_due();
        }
    }

    /// Takes in a part of a conversation. One that was closed meanwhile is of no interest.
    pub(super) fn take_messages(&mut self, id: Uuid, page: Result<Messages, ClientError>) {
        if let Err(error) = &page {
            self.notice = error.to_string();
        }
        if let Some(conversation) = self.conversation.as_mut().filter(|conversation| conversation.id == id) {
            conversation.take(page.ok());
        }
    }

    /// Takes in the open permission requests of the sessions that are shown.
    pub(super) fn take_requests(&mut self, open: Result<Vec<Approval>, ClientError>) {
        if let Err(error) = &open {
            self.notice = error.to_string();
        }
        let known = |request: &Approval| {
            Uuid::try_parse(&request.agent_id).is_ok_and(|agent| self.entries.contains_key(&agent))
        };
        let open = open.ok().map(|open| open.into_iter().filter(known).collect());
        self.requests.take(open);
    }

    /// Takes in an event of the fleet feed.
    pub(super) fn take(&mut self, event: &Event) {
        if event.kind == "approval" {
            self.requests.mark_due();
        }
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
        if let Some(seq) = data.seq.filter(|seq| *seq > entry.last_seq) {
            entry.last_seq = seq;
            if let Some(conversation) = self.conversation.as_mut().filter(|conversation| conversation.id == id) {
                conversation.mark_due();
            }
        }
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
