//! What is typed: a filter, a message, a reason.

use crossterm::event::KeyCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::keys::Step;
use super::model::{Mode, Model, Wish};

pub(super) fn filter(model: &mut Model, key: KeyCode) -> Step {
    match key {
        KeyCode::Enter => model.mode = Mode::Browse,
        KeyCode::Esc => {
            model.filter.clear();
            model.mode = Mode::Browse;
        }
        _ => edit(&mut model.filter, key),
    }
    // The selection stays where it is if it can.
    model.step(0);
    Step::Stay
}

pub(super) fn inject(model: &mut Model, key: KeyCode, id: Uuid, mut text: String) -> Step {
    match key {
        KeyCode::Esc => model.mode = Mode::Browse,
        KeyCode::Enter if text.trim().is_empty() => model.mode = Mode::Browse,
        KeyCode::Enter => {
            model.mode = Mode::Browse;
            let body = json!({"message": text});
            return Step::Ask { path: format!("/agents/{id}/inject"), body, told: "injected".to_owned() };
        }
        _ => {
            edit(&mut text, key);
            model.mode = Mode::Inject(id, text);
        }
    }
    Step::Stay
}

/// Enter asks for what is wished, with the reason if there is one; Esc gives it up.
pub(super) fn reason(model: &mut Model, key: KeyCode, wish: Wish, mut text: String) -> Step {
    match key {
        KeyCode::Esc => model.mode = Mode::Browse,
        KeyCode::Enter => {
            model.mode = Mode::Browse;
            let Wish { path, mut body, told, .. } = wish;
            if !text.trim().is_empty() {
                body.insert("reason".to_owned(), text.trim().into());
            }
            return Step::Ask { path, body: Value::Object(body), told };
        }
        _ => {
            edit(&mut text, key);
            model.mode = Mode::Reason(wish, text);
        }
    }
    Step::Stay
}

fn edit(text: &mut String, key: KeyCode) {
    match key {
        KeyCode::Backspace => {
            text.pop();
        }
        KeyCode::Char(c) => text.push(c),
        _ => {}
    }
}
