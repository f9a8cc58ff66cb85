//! What the keys do, told.

use flightdeck_terminal::Tone;

use crate::layout::Line;
use crate::watch::model::Place;

const TREE: &[&str] = &[
    "up down pgup pgdn home end   move",
    "left right                   fold, unfold, to the parent",
    "enter                        open the conversation of the selected agent",
    "a                            what agents ask for: allow it or reject it",
    "/                            filter by type, task, mission, status or id; Esc ends it",
    "p                            pause the selected agent; asks for a reason, which may be left out",
    "r                            resume it; asks for a reason",
    "i                            say something to it",
    "k                            kill it, or it and all below it; asks for a reason",
    "?                            this help",
    "q                            quit",
];

const CONVERSATION: &[&str] = &[
    "up down pgup pgdn home end   move; at the end the conversation is live",
    "esc left                     back to the tree",
    "a                            what agents ask for: allow it or reject it",
    "p r k i                      pause, resume, kill the agent, say something to it",
    "?                            this help",
    "q                            quit",
];

const REQUESTS: &[&str] = &[
    "up down                      choose a request",
    "pgup pgdn                    move in its text",
    "y Y                          allow it once, or whenever the agent asks for the same",
    "n N                          reject it once, or whenever the agent asks for the same",
    "                             each asks for a reason, which may be left out",
    "enter                        open the conversation of the agent that asks",
    "esc left                     back to the tree",
    "?                            this help",
    "q                            quit",
];

/// The help of a place, on so many lines at the most.
pub(super) fn of(place: Place, room: usize) -> Vec<Line> {
    let lines = match place {
        Place::Tree => TREE,
        Place::Conversation => CONVERSATION,
        Place::Requests => REQUESTS,
    };
    lines.iter().take(room).map(|text| vec![(Tone::Plain, (*text).to_owned())]).collect()
}

/// The same on one line.
pub(super) const fn in_short(place: Place) -> &'static str {
    match place {
        Place::Tree => "? help  q quit  enter open  a requests  / filter  p pause  r resume  i inject  k kill",
        Place::Conversation => "? help  q quit  esc back  a requests  p pause  r resume  i inject  k kill  arrows move",
        Place::Requests => "? help  q quit  esc back  y allow  n reject  enter open  arrows move",
    }
}
