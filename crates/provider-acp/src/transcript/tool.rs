//! Tool calls: the call and its end are a message each.

use std::collections::{BTreeMap, VecDeque};

use serde_json::Value;

use super::Line;
use super::call::{Call, Stage};

/// So many calls that have ended are remembered, so that what is told of them late is known for what it is.
const REMEMBERED: usize = 1_000;
/// So many calls may be open; the oldest is closed for the next.
const OPEN: usize = 1_000;

#[derive(Debug, Default)]
pub(super) struct Tools {
    /// The calls that have not ended, by the agent's ids.
    open: BTreeMap<String, Call>,
    /// Those that have, oldest first.
    ended: VecDeque<Ended>,
    /// How many turns have ended.
    turn: u64,
}

/// A call that has ended.
#[derive(Debug)]
struct Ended {
    call: Call,
    fingerprint: u64,
    turn: u64,
    status: (String, bool),
    /// What was told of its output.
    told: String,
    how: How,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// The agent said so.
    Told,
    /// An operator did not let it run.
    Refused,
    /// The turn ended, and nothing was heard.
    Unfinished,
}

/// What is asked for with a call.
pub(crate) struct AskedCall {
    /// In one line.
    pub(crate) title: String,
    /// In full.
    pub(crate) detail: Value,
}

impl Tools {
    /// Takes in a `tool_call` or a `tool_call_update`.
    pub(super) fn take(&mut self, id: &str, update: &Value, begins: bool, lines: &mut Vec<Line>) {
        if !self.open.contains_key(id)
            && let Some(place) = self.ended.iter().rposition(|ended| ended.call.id == id)
            && !(begins && self.is_new(place, update))
        {
            return self.late(place, update, lines);
        }
        let mut call = self.open.remove(id).unwrap_or_else(|| Call::new(id));
        call.merge(update);
        // Nothing was ever heard of it, and nothing is.
        if !begins && !call.is_known() {
            return;
        }
        self.settle(call, lines);
    }

    /// A call for which permission is asked: it is on the record whole before anybody decides.
    pub(super) fn asked(&mut self, id: &str, call: &Value, lines: &mut Vec<Line>) -> AskedCall {
        let mut known = self.open.remove(id).unwrap_or_else(|| Call::new(id));
        known.merge(call);
        known.stage = Stage::Runs;
        known.tell_whole(lines);
        let asked = AskedCall { title: known.asks(), detail: known.detail() };
        self.keep_open(known, lines);
        asked
    }

    /// A call that may not run has ended by that.
    pub(super) fn refused(&mut self, id: &str, status: &str, why: &str, lines: &mut Vec<Line>) {
        if let Some(mut call) = self.open.remove(id) {
            call.tell(lines);
            lines.extend(call.result(status, true, why));
            self.end(call, why.to_owned(), (status.to_owned(), true), How::Refused);
        }
    }

    /// What has not ended by now will not, as far as anybody knows.
    pub(super) fn end_turn(&mut self, lines: &mut Vec<Line>) {
        for (_, call) in std::mem::take(&mut self.open) {
            self.give_up(call, lines);
        }
        self.turn += 1;
    }

    /// Whether a call is not on the record.
    pub(super) fn has_untold(&self) -> bool {
        self.open.values().any(|call| call.stage == Stage::Pending)
    }

    pub(super) fn has_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Nothing more is coming just now, so what is known of a call is all that can be told.
    pub(super) fn tell(&mut self, lines: &mut Vec<Line>) {
        for call in self.open.values_mut().filter(|call| call.stage == Stage::Pending) {
            call.stage = Stage::Runs;
            call.tell(lines);
        }
    }

    fn settle(&mut self, mut call: Call, lines: &mut Vec<Line>) {
        match call.stage.clone() {
            Stage::Pending => self.keep_open(call, lines),
            Stage::Runs => {
                call.tell(lines);
                self.keep_open(call, lines);
            }
            Stage::Ended(status, failed) => {
                call.tell(lines);
                let output = call.output();
                lines.extend(call.result(&status, failed, &output));
                self.end(call, output, (status, failed), How::Told);
            }
        }
    }

    fn keep_open(&mut self, call: Call, lines: &mut Vec<Line>) {
        self.open.insert(call.id.clone(), call);
        if self.open.len() > OPEN
            && let Some((_, oldest)) = self.open.pop_first()
        {
            self.give_up(oldest, lines);
        }
    }

    fn give_up(&mut self, mut call: Call, lines: &mut Vec<Line>) {
        call.tell(lines);
        let output = call.output();
        lines.extend(call.result("unfinished", true, &output));
        self.end(call, output, ("unfinished".to_owned(), true), How::Unfinished);
    }

    fn end(&mut self, mut call: Call, mut told: String, status: (String, bool), how: How) {
        let fingerprint = call.fingerprint();
        if call.slim() {
            told.clear();
        }
        self.ended.push_back(Ended { call, fingerprint, turn: self.turn, status, told, how });
        if self.ended.len() > REMEMBERED {
            self.ended.pop_front();
        }
    }

    /// Some agents use an id again for another call; others tell of a call twice.
    fn is_new(&self, place: usize, update: &Value) -> bool {
        let Some(ended) = self.ended.get(place) else { return true };
        let mut again = Call::new(&ended.call.id);
        again.merge(update);
        let ends = matches!(again.stage, Stage::Ended(..));
        again.fingerprint() != ended.fingerprint || (ended.turn != self.turn && !ends)
    }

    /// Something is told of a call that has ended: that is news only when its end was not known, or when it brings output.
    fn late(&mut self, place: usize, update: &Value, lines: &mut Vec<Line>) {
        let Some(ended) = self.ended.get_mut(place) else { return };
        ended.call.stage = Stage::Pending;
        ended.call.merge(update);
        let output = ended.call.output();
        let brings = !output.trim().is_empty() && output.trim() != ended.told.trim();
        let (status, failed, news) = match (&ended.call.stage, ended.how) {
            (Stage::Ended(status, failed), How::Unfinished) => (status.clone(), *failed, true),
            // It has run, whatever was decided.
            (Stage::Ended(status, false), How::Refused) => (status.clone(), false, true),
            (_, How::Refused) => (String::new(), true, false),
            (Stage::Ended(status, failed), How::Told) => (status.clone(), *failed, brings),
            (_, How::Told | How::Unfinished) => (ended.status.0.clone(), ended.status.1, brings),
        };
        if !news {
            return;
        }
        lines.extend(ended.call.result(&status, failed, &output).map(|line| line.with("late", true.into())));
        ended.told = output;
        if matches!(ended.call.stage, Stage::Ended(..)) {
            ended.how = How::Told;
        }
    }
}
