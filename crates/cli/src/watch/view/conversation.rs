//! The open conversation, from its end.

use flightdeck_client::replies::Message;
use flightdeck_terminal::{Tone, line, of_status, text, wrap};

use crate::author::author;
use crate::ids::tail;
use crate::layout::Line;
use crate::watch::model::Model;

/// What is shown of one message; `flightdeck logs` shows the whole.
const LONGEST: usize = 20_000;
/// How far a text stands to the right of who said it.
const INDENT: usize = 2;

/// The heading, and as many lines of the conversation as there is room for. Keeps the view from going beyond the beginning.
pub(super) fn draw(model: &mut Model, columns: usize, room: usize) -> Vec<Line> {
    let mut lines = vec![heading(model)];
    let room = room.saturating_sub(1);
    let Some(conversation) = &mut model.conversation else { return lines };
    if conversation.messages.is_empty() {
        let word = if conversation.is_new { "…" } else { "nothing has been said yet" };
        lines.push(vec![(Tone::Faint, word.to_owned())]);
        return lines;
    }
    // From the end to the beginning, and no further than needed.
    let wanted = conversation.back.saturating_add(room);
    let mut upwards: Vec<Line> = Vec::new();
    for message in conversation.messages.iter().rev() {
        if upwards.len() >= wanted {
            break;
        }
        upwards.extend(said(message, columns).into_iter().rev());
    }
    if upwards.len() < wanted && conversation.has_older() {
        let word = "older messages: flightdeck logs --all".to_owned();
        upwards.push(vec![(Tone::Faint, word)]);
    }
    conversation.back = conversation.back.min(upwards.len().saturating_sub(room));
    let mut shown: Vec<Line> = upwards.into_iter().skip(conversation.back).take(room).collect();
    shown.reverse();
    lines.extend(shown);
    lines
}

fn heading(model: &Model) -> Line {
    let Some(conversation) = &model.conversation else { return Line::new() };
    let mut heading = vec![
        (Tone::Faint, format!("{}  ", tail(&conversation.id))),
        (Tone::Strong, line(&model.name(conversation.id))),
    ];
    if let Some(entry) = model.entry(conversation.id) {
        heading.push((of_status(&entry.status), format!("  {}", line(&entry.shown_status()))));
        let unread = conversation.unread(entry.last_seq);
        if conversation.back > 0 {
            heading.push((Tone::Attention, format!("  not at the end, {unread} newer; End goes there")));
        }
    }
    heading
}

/// A message: who said it when, and below that what was said.
fn said(message: &Message, columns: usize) -> Vec<Line> {
    let at = message.created_at.map(|at| at.format("%H:%M:%S").to_string()).unwrap_or_default();
    let (label, tone) = author(message);
    let receipt = message.receipt.as_ref().map(|receipt| format!("  [{}]", line(&receipt.state))).unwrap_or_default();
    let mut lines =
        vec![vec![(Tone::Faint, format!("{at}  #{}  ", message.seq)), (tone, line(label)), (Tone::Faint, receipt)]];
    let shown: String = message.content.chars().take(LONGEST).collect();
    let body = if tone == Tone::Faint { Tone::Faint } else { Tone::Plain };
    for paragraph in text(&shown).lines() {
        for piece in wrap(paragraph, columns.saturating_sub(INDENT)) {
            lines.push(vec![(body, format!("{}{piece}", " ".repeat(INDENT)))]);
        }
    }
    if shown.len() < message.content.len() {
        let word = format!("{}… longer than is shown here: flightdeck logs", " ".repeat(INDENT));
        lines.push(vec![(Tone::Attention, word)]);
    }
    lines
}
