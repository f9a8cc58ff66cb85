//! The model as lines of a screen. Nothing here knows a terminal.

mod conversation;
mod help;
mod requests;

use chrono::{DateTime, Utc};
use flightdeck_terminal::{Tone, age, cut, line, of_status, width};
use uuid::Uuid;

use super::model::{Mode, Model, Place, Row};
use crate::ids::tail;
use crate::layout::{Layout, Line, fit};

/// What a status takes, with what is wished for beside it.
const STATUS: usize = 22;
/// What the number of messages takes.
const MESSAGES: usize = 6;

/// Exactly `height` lines, none wider than `columns`. Moves the model's window so that the selection is in it.
pub(super) fn draw(model: &mut Model, columns: u16, height: u16, now: DateTime<Utc>) -> Vec<Line> {
    let (columns, height) = (usize::from(columns), usize::from(height));
    let room = height.saturating_sub(2);
    let mut lines = vec![header(model)];
    lines.extend(match model.place {
        place if model.mode == Mode::Help => help::of(place, room),
        Place::Tree => tree(model, columns, room, now),
        Place::Conversation => conversation::draw(model, columns, room),
        Place::Requests => requests::draw(model, columns, room, now),
    });
    lines.truncate(height.saturating_sub(1));
    lines.resize(height.saturating_sub(1), Vec::new());
    lines.push(footer(model, columns));
    lines.into_iter().take(height).map(|line| fit(line, columns)).collect()
}

fn header(model: &Model) -> Line {
    let counts = model.counts();
    let (tone, live) = if model.live { (Tone::Good, "  live") } else { (Tone::Bad, "  NOT LIVE, reconnecting") };
    let mut header = vec![(Tone::Strong, "Flightdeck".to_owned()), (tone, live.to_owned())];
    if model.kill_switch {
        header.push((Tone::Bad, "  KILL SWITCH".to_owned()));
    }
    let requests = model.requests.open.len();
    if requests > 0 {
        let word = if requests == 1 { "request" } else { "requests" };
        header.push((Tone::Attention, format!("  {requests} {word} to decide")));
    }
    header.push((Tone::Plain, format!("  {} sessions", model.len())));
    for status in ["running", "idle", "waiting", "paused", "lost", "failed", "killed", "completed"] {
        if let Some(count) = counts.get(status) {
            header.push((of_status(status), format!("  {count} {status}")));
        }
    }
    header
}

fn tree(model: &mut Model, columns: usize, room: usize, now: DateTime<Utc>) -> Vec<Line> {
    let mut top = model.top;
    let rows = model.rows();
    let at = rows.iter().position(|row| Some(row.entry.session_id) == model.selected).unwrap_or(0);
    top = top.min(at).max((at + 1).saturating_sub(room)).min(rows.len().saturating_sub(room));
    let names = rows.iter().skip(top).take(room).map(|row| width(&name(row))).max().unwrap_or(0);
    let layout = Layout::new(Some(columns), names, STATUS, MESSAGES);
    let mut body: Vec<Line> = rows
        .iter()
        .skip(top)
        .take(room)
        .map(|row| session(row, Some(row.entry.session_id) == model.selected, layout, now))
        .collect();
    if body.is_empty() {
        let word = if model.len() == 0 { "no sessions yet" } else { "nothing fits the filter" };
        body.push(vec![(Tone::Faint, word.to_owned())]);
    }
    model.top = top;
    body
}

fn name(row: &Row<'_>) -> String {
    let hidden = if row.hidden > 0 { format!(" (+{})", row.hidden) } else { String::new() };
    format!("{}{} {}{hidden}", row.before, line(&row.entry.agent_type), line(&row.entry.task_id))
}

fn session(row: &Row<'_>, selected: bool, layout: Layout, now: DateTime<Utc>) -> Line {
    let entry = row.entry;
    let name = cut(&name(row), layout.name);
    let name = format!("{name}{}", " ".repeat(layout.name.saturating_sub(width(&name)) + 2));
    let status = cut(&line(&entry.shown_status()), layout.status);
    let status = format!("{status}{}", " ".repeat(layout.status.saturating_sub(width(&status))));
    let age = if layout.age { format!("  {:>4}", age(entry.spawned_at, now)) } else { String::new() };
    let messages = if layout.messages { format!("  {:>6}", entry.last_seq) } else { String::new() };
    let figures = format!("{age}{messages}");
    let id = tail(&entry.session_id);
    if selected {
        return vec![(Tone::Selected, format!("{name}{status}{figures}  {id}"))];
    }
    vec![
        (Tone::Plain, name),
        (of_status(&entry.status), status),
        (Tone::Plain, figures),
        (Tone::Faint, format!("  {id}")),
    ]
}

fn footer(model: &Model, columns: usize) -> Line {
    let of = |id: Uuid| line(&model.name(id));
    match &model.mode {
        Mode::Filter => vec![(Tone::Strong, "/".to_owned()), (Tone::Strong, typed(&model.filter, columns, 1))],
        Mode::Inject(id, text) => asked(&format!("to {}: ", of(*id)), text, columns),
        Mode::Reason(wish, text) => {
            asked(&format!("{}; reason, or just Enter (Esc: no): ", line(&wish.what)), text, columns)
        }
        Mode::Kill(id) => {
            vec![(Tone::Bad, format!("kill {}?  y: it alone   s: it and all below it   any other key: no", of(*id)))]
        }
        Mode::Help => vec![(Tone::Faint, "any key goes back".to_owned())],
        Mode::Browse if !model.notice.is_empty() => vec![(Tone::Attention, line(&model.notice))],
        Mode::Browse => {
            let filter =
                if model.filter.is_empty() { String::new() } else { format!("filter: {}   ", line(&model.filter)) };
            vec![(Tone::Attention, filter), (Tone::Faint, help::in_short(model.place).to_owned())]
        }
    }
}

/// A question, and what is typed as its answer.
fn asked(question: &str, text: &str, columns: usize) -> Line {
    // The question gets what the answer leaves; a long answer keeps half of the line.
    let answer = width(&line(text)) + 1;
    let question = cut(question, columns.saturating_sub(answer).max(columns / 2));
    let taken = width(&question);
    vec![(Tone::Strong, question), (Tone::Plain, typed(text, columns, taken))]
}

/// What is typed, with the cursor behind it: of a long text its end.
fn typed(text: &str, columns: usize, taken: usize) -> String {
    let text = format!("{}▏", line(text));
    let room = columns.saturating_sub(taken);
    let mut start = text.as_str();
    while width(start) > room {
        let mut rest = start.chars();
        if rest.next().is_none() {
            break;
        }
        start = rest.as_str();
    }
    start.to_owned()
}
