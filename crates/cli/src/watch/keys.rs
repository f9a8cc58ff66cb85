//! What each key does. The same as on the page.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde_json::{Value, json};
use uuid::Uuid;

use super::model::{Mode, Model};

/// What is to be done after a key.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    Stay,
    Quit,
    /// Ask the server for something.
    Ask {
        path: String,
        body: Value,
        /// What to say when it has no words of its own.
        told: String,
    },
}

/// Takes a key; `height` is that of the screen.
pub(super) fn press(model: &mut Model, key: KeyEvent, height: usize) -> Step {
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return if matches!(key.code, KeyCode::Char('c' | 'd')) { Step::Quit } else { Step::Stay };
    }
    match model.mode.clone() {
        Mode::Browse => browse(model, key.code, height),
        Mode::Help => {
            model.mode = Mode::Browse;
            Step::Stay
        }
        Mode::Filter => {
            filter(model, key.code);
            Step::Stay
        }
        Mode::Inject(id, text) => inject(model, key.code, id, text),
        Mode::Kill(id) => kill(model, key.code, id),
    }
}

fn browse(model: &mut Model, key: KeyCode, height: usize) -> Step {
    let page = isize::try_from(height.saturating_sub(3).max(1)).unwrap_or(1);
    model.notice.clear();
    match key {
        KeyCode::Char('q') => return Step::Quit,
        KeyCode::Char('?') => model.mode = Mode::Help,
        KeyCode::Char('/') => model.mode = Mode::Filter,
        KeyCode::Esc => model.filter.clear(),
        KeyCode::Up => model.step(-1),
        KeyCode::Down => model.step(1),
        KeyCode::PageUp => model.step(-page),
        KeyCode::PageDown => model.step(page),
        KeyCode::Home => model.step(isize::MIN),
        KeyCode::End => model.step(isize::MAX),
        _ => return model.selected.map_or(Step::Stay, |id| on_session(model, key, id)),
    }
    Step::Stay
}

fn on_session(model: &mut Model, key: KeyCode, id: Uuid) -> Step {
    match key {
        KeyCode::Left if !model.has_children(id) || model.unfold(id) && !refold(model, id) => {
            if let Some(parent) = model.entry(id).and_then(|entry| entry.parent_session_id)
                && model.entry(parent).is_some()
            {
                model.selected = Some(parent);
            }
        }
        KeyCode::Left => model.fold(id),
        KeyCode::Right => {
            model.unfold(id);
        }
        KeyCode::Char('p') => return ask(id, "pause"),
        KeyCode::Char('r') => return ask(id, "resume"),
        KeyCode::Char('k') => model.mode = Mode::Kill(id),
        KeyCode::Char('i') => model.mode = Mode::Inject(id, String::new()),
        _ => {}
    }
    Step::Stay
}

/// A folded session stays folded when its parent is selected.
fn refold(model: &mut Model, id: Uuid) -> bool {
    model.fold(id);
    false
}

fn ask(id: Uuid, verb: &str) -> Step {
    Step::Ask { path: format!("/agents/{id}/{verb}"), body: json!({}), told: format!("{verb} was asked for") }
}

fn filter(model: &mut Model, key: KeyCode) {
    match key {
        KeyCode::Enter => model.mode = Mode::Browse,
        KeyCode::Esc => {
            model.filter.clear();
            model.mode = Mode::Browse;
        }
        KeyCode::Backspace => {
            model.filter.pop();
        }
        KeyCode::Char(c) => model.filter.push(c),
        _ => {}
    }
    // The selection stays where it is if it can.
    model.step(0);
}

fn inject(model: &mut Model, key: KeyCode, id: Uuid, mut text: String) -> Step {
    match key {
        KeyCode::Esc => model.mode = Mode::Browse,
        KeyCode::Enter if text.trim().is_empty() => model.mode = Mode::Browse,
        KeyCode::Enter => {
            model.mode = Mode::Browse;
            let body = json!({"message": text});
            return Step::Ask { path: format!("/agents/{id}/inject"), body, told: "injected".to_owned() };
        }
        KeyCode::Backspace => {
            text.pop();
            model.mode = Mode::Inject(id, text);
        }
        KeyCode::Char(c) => {
            text.push(c);
            model.mode = Mode::Inject(id, text);
        }
        _ => {}
    }
    Step::Stay
}

fn kill(model: &mut Model, key: KeyCode, id: Uuid) -> Step {
    model.mode = Mode::Browse;
    let scope = match key {
        KeyCode::Char('y') => "self",
        KeyCode::Char('s') => "subtree",
        _ => return Step::Stay,
    };
    let path = format!("/agents/{id}/kill?scope={scope}");
    Step::Ask { path, body: json!({}), told: "kill was asked for".to_owned() }
}
