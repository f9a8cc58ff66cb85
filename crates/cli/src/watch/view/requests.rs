//! The open permission requests: a list, and below it the selected one in full.

use chrono::{DateTime, Utc};
use flightdeck_client::replies::Approval;
use flightdeck_terminal::{Tone, age, json_pretty, line, wrap};
use serde_json::Value;
use uuid::Uuid;

use crate::ids::tail_of;
use crate::layout::Line;
use crate::watch::model::Model;

/// The list, and as much of the selected request as there is room for. Keeps its window inside its text.
pub(super) fn draw(model: &mut Model, columns: usize, room: usize, now: DateTime<Utc>) -> Vec<Line> {
    let Some(request) = model.requests.request() else {
        return vec![vec![(Tone::Faint, "nobody asks for anything".to_owned())]];
    };
    let whole = whole(model, request, columns, now);
    // The list gets what the request leaves, a third of the screen at least.
    let listed = room.saturating_sub(whole.len() + 1).max(room / 3).max(1).min(model.requests.open.len());
    let at = model.requests.place();
    let first = (at + 1).saturating_sub(listed);
    let open = model.requests.open.iter().skip(first).take(listed);
    let mut lines: Vec<Line> = open.map(|other| row(model, other, other.id == request.id, now)).collect();
    lines.push(vec![(Tone::Faint, "─".repeat(columns))]);
    let room = room.saturating_sub(lines.len());
    let top = model.requests.top.min(whole.len().saturating_sub(room));
    let below = whole.len().saturating_sub(top + room);
    let shown = if below > 0 { room.saturating_sub(1) } else { room };
    lines.extend(whole.into_iter().skip(top).take(shown));
    if below > 0 {
        lines.push(vec![(Tone::Attention, format!("… {} more lines; pgdn shows them", below + 1))]);
    }
    model.requests.top = top;
    model.requests.page = shown.max(1);
    lines
}

fn agent_of(model: &Model, request: &Approval) -> String {
    Uuid::try_parse(&request.agent_id).map_or_else(|_no_id| request.agent_id.clone(), |id| model.name(id))
}

fn row(model: &Model, request: &Approval, selected: bool, now: DateTime<Utc>) -> Line {
    let opened = request.opened_at.map(|at| age(at, now)).unwrap_or_default();
    let id = line(&tail_of(&request.id));
    let rest = format!("  {opened:>4}  {}: {}", line(&agent_of(model, request)), line(&request.title));
    if selected {
        return vec![(Tone::Selected, format!("{id}{rest}"))];
    }
    vec![(Tone::Faint, id), (Tone::Plain, rest)]
}

/// Everything that a person needs to decide; nothing of it is cut.
fn whole(model: &Model, request: &Approval, columns: usize, now: DateTime<Utc>) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut paragraph = |tone: Tone, text: &str| {
        lines.extend(wrap(text, columns).into_iter().map(|piece| vec![(tone, piece)]));
    };
    paragraph(Tone::Strong, &line(&request.title));
    let agent = format!("{} ({})", agent_of(model, request), tail_of(&request.agent_id));
    paragraph(Tone::Plain, &line(&format!("asked by {agent}; it offers {}", request.options.join(", "))));
    if let Some(expires) = request.expires_at {
        paragraph(Tone::Attention, &format!("expires in {}", age(now, expires)));
    }
    if !request.detail.is_empty() {
        for text in json_pretty(&Value::Object(request.detail.clone())).lines() {
            paragraph(Tone::Plain, text);
        }
    }
    lines
}
