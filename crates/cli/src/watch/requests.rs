//! The open permission requests.

use flightdeck_client::replies::Approval;
use uuid::Uuid;

/// The open permission requests, the oldest first.
pub(super) struct Requests {
    pub(super) open: Vec<Approval>,
    /// The id of the request that keys act on. Not its place: the list may change before a key is pressed.
    selected: Option<String>,
    /// The first line of the selected request that is shown.
    pub(super) top: usize,
    /// How many lines of it are shown: so far a page goes, so that none is left out.
    pub(super) page: usize,
    is_fetching: bool,
    is_due: bool,
}

impl Requests {
    pub(super) const fn new() -> Self {
        Self { open: Vec::new(), selected: None, top: 0, page: 1, is_fetching: false, is_due: true }
    }

    /// Whether they have to be read now.
    pub(super) fn wants(&mut self) -> bool {
        let wants = self.is_due && !self.is_fetching;
        self.is_fetching |= wants;
        self.is_due &= !wants;
        wants
    }

    /// They may have changed.
    pub(super) fn mark_due(&mut self) {
        self.is_due = true;
    }

    /// Takes in what was read, or that nothing could be.
    pub(super) fn take(&mut self, open: Option<Vec<Approval>>) {
        self.is_fetching = false;
        let Some(mut open) = open else { return };
        open.sort_by_key(|request| (request.opened_at, request.id.clone()));
        let at = self.place();
        self.open = open;
        if self.request().is_none() {
            // The one in its place is the next; nothing is done to it without a key that names it on the screen.
            self.select(at);
        }
    }

    /// The request that keys act on.
    pub(super) fn request(&self) -> Option<&Approval> {
        let selected = self.selected.as_deref()?;
        self.open.iter().find(|request| request.id == selected)
    }

    /// Its place in the list.
    pub(super) fn place(&self) -> usize {
        let selected = self.selected.as_deref();
        self.open.iter().position(|request| Some(request.id.as_str()) == selected).unwrap_or(0)
    }

    /// Moves the selection by so many requests.
    pub(super) fn step(&mut self, by: isize) {
        self.select(self.place().saturating_add_signed(by));
    }

    /// Moves in the text of the selected request, a page down or up.
    pub(super) fn turn(&mut self, down: bool) {
        self.top = if down { self.top.saturating_add(self.page) } else { self.top.saturating_sub(self.page) };
    }

    /// Selects the first request of an agent, if it has one.
    pub(super) fn select_of(&mut self, agent: Uuid) {
        let agent = agent.to_string();
        if let Some(place) = self.open.iter().position(|request| request.agent_id == agent) {
            self.select(place);
        }
    }

    fn select(&mut self, place: usize) {
        let place = place.min(self.open.len().saturating_sub(1));
        self.selected = self.open.get(place).map(|request| request.id.clone());
        self.top = 0;
    }
}

/// Whether an operator who allows it has to fill in a form, which this view cannot show.
pub(super) fn has_form(request: &Approval) -> bool {
    request.detail.contains_key("form")
}
