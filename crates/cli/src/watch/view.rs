//! The model as lines of a screen. Nothing here knows a terminal.

use chrono::{DateTime, Utc};
use flightdeck_terminal::{Tone, age, cut, line, of_status, width};

use super::model::{Mode, Model, Row};
use crate::ids::tail;

/// A line: pieces of text with their tones.
pub(super) type Line = Vec<(Tone, String)>;

const HELP: &[&str] = &[
    "up down pgup pgdn home end   move",
    "left right                   fold, unfold, to the parent",
    "/                            filter by type, task, mission, status or id; Esc ends it",
    "p                            pause the selected agent",
    "r                            resume it",
    "i                            say something to it",
    "k                            kill it, or it and all below it",
    "?                            this help",
    "q                            quit",
];

/// Exactly `height` lines, none wider than `columns`. Moves the model's window so that the selection is in it.
pub(super) fn draw(model: &mut Model, columns: u16, height: u16, now: DateTime<Utc>) -> Vec<Line> {
    let (columns, height) = (usize::from(columns), usize::from(height));
    let room = height.saturating_sub(2);
    let mut lines = vec![header(model)];
    if model.mode == Mode::Help {
        lines.extend(HELP.iter().take(room).map(|text| vec![(Tone::Plain, (*text).to_owned())]));
    } else {
        let mut top = model.top;
        let rows = model.rows();
        let at = rows.iter().position(|row| Some(row.entry.session_id) == model.selected).unwrap_or(0);
        top = top.min(at).max((at + 1).saturating_sub(room)).min(rows.len().saturating_sub(room));
        let names = rows.iter().skip(top).take(room).map(|row| width(&name(row))).max().unwrap_or(0);
        let names = names.min(columns.saturating_sub(36).max(12));
        let body: Vec<Line> = rows
            .iter()
            .skip(top)
            .take(room)
            .map(|row| session(row, Some(row.entry.session_id) == model.selected, names, now))
            .collect();
        if body.is_empty() {
            let word = if model.len() == 0 { "no sessions yet" } else { "nothing fits the filter" };
            lines.push(vec![(Tone::Faint, word.to_owned())]);
        }
        lines.extend(body);
        model.top = top;
    }
    lines.truncate(height.saturating_sub(1));
    lines.resize(height.saturating_sub(1), Vec::new());
    lines.push(footer(model));
    lines.into_iter().take(height).map(|line| fit(line, columns)).collect()
}

fn header(model: &Model) -> Line {
    let counts = model.counts();
    let (tone, live) = if model.live { (Tone::Good, "  live") } else { (Tone::Bad, "  NOT LIVE, reconnecting") };
    let mut header = vec![(Tone::Strong, "Flightdeck".to_owned()), (tone, live.to_owned())];
    if model.kill_switch {
        header.push((Tone::Bad, "  KILL SWITCH".to_owned()));
    }
    header.push((Tone::Plain, format!("  {} sessions", model.len())));
    for status in ["running", "idle", "waiting", "paused", "lost", "failed", "killed", "completed"] {
        if let Some(count) = counts.get(status) {
            header.push((of_status(status), format!("  {count} {status}")));
        }
    }
    header
}

fn name(row: &Row<'_>) -> String {
    let hidden = if row.hidden > 0 { format!(" (+{})", row.hidden) } else { String::new() };
    format!("{}{} {}{hidden}", row.before, line(&row.entry.agent_type), line(&row.entry.task_id))
}

fn session(row: &Row<'_>, selected: bool, names: usize, now: DateTime<Utc>) -> Line {
    let entry = row.entry;
    let name = cut(&name(row), names);
    let gap = names.saturating_sub(width(&name)) + 2;
    let status = cut(&line(&entry.shown_status()), 22);
    let figures = format!("{:>4}  {:>6}", age(entry.spawned_at, now), entry.last_seq);
    let id = tail(&entry.session_id);
    if selected {
        return vec![(Tone::Selected, format!("{name}{}{status:<22}{figures}  {id}", " ".repeat(gap)))];
    }
    vec![
        (Tone::Plain, format!("{name}{}", " ".repeat(gap))),
        (of_status(&entry.status), format!("{status:<22}")),
        (Tone::Plain, figures),
        (Tone::Faint, format!("  {id}")),
    ]
}

fn footer(model: &Model) -> Line {
    let of = |id| model.entry(id).map(|entry| line(&format!("{} {}", entry.agent_type, entry.task_id)));
    match &model.mode {
        Mode::Filter => vec![(Tone::Strong, format!("/{}▏", line(&model.filter)))],
        Mode::Inject(id, text) => vec![
            (Tone::Strong, format!("to {}: ", of(*id).unwrap_or_default())),
            (Tone::Plain, format!("{}▏", line(text))),
        ],
        Mode::Kill(id) => vec![(
            Tone::Bad,
            format!("kill {}?  y: it alone   s: it and all below it   any other key: no", of(*id).unwrap_or_default()),
        )],
        Mode::Help => vec![(Tone::Faint, "any key goes back".to_owned())],
        Mode::Browse if !model.notice.is_empty() => vec![(Tone::Attention, line(&model.notice))],
        Mode::Browse => {
            let filter =
                if model.filter.is_empty() { String::new() } else { format!("filter: {}   ", line(&model.filter)) };
            let keys = "arrows move  / filter  p pause  r resume  i inject  k kill  ? help  q quit";
            vec![(Tone::Attention, filter), (Tone::Faint, keys.to_owned())]
        }
    }
}

/// Cuts a line to the screen.
fn fit(line: Line, columns: usize) -> Line {
    let mut left = columns;
    let mut fitted = Line::new();
    for (tone, text) in line {
        let text = cut(&text, left);
        left = left.saturating_sub(width(&text));
        if !text.is_empty() {
            fitted.push((tone, text));
        }
    }
    fitted
}
