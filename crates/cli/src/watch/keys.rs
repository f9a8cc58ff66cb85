//! What each key does.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::model::{Mode, Model, Place, Wish};
use super::requests::has_form;
use super::typing;
use crate::ids::tail_of;

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
        Mode::Filter => typing::filter(model, key.code),
        Mode::Inject(id, text) => typing::inject(model, key.code, id, text),
        Mode::Kill(id) => kill(model, key.code, id),
        Mode::Reason(wish, text) => typing::reason(model, key.code, wish, text),
    }
}

/// Keys that mean the same in every place, then those of the place.
fn browse(model: &mut Model, key: KeyCode, height: usize) -> Step {
    let page = isize::try_from(height.saturating_sub(3).max(1)).unwrap_or(1);
    model.notice.clear();
    match (key, model.place) {
        (KeyCode::Char('q'), _) => return Step::Quit,
        (KeyCode::Char('?'), _) => model.mode = Mode::Help,
        (KeyCode::Char('a'), Place::Tree | Place::Conversation) => {
            let subject = model.subject();
            model.close();
            model.place = Place::Requests;
            model.requests.mark_due();
            if let Some(agent) = subject {
                model.requests.select_of(agent);
            }
        }
        (_, Place::Tree) => tree(model, key, page),
        (_, Place::Conversation) => conversation(model, key, page),
        (_, Place::Requests) => requests(model, key),
    }
    Step::Stay
}

fn tree(model: &mut Model, key: KeyCode, page: isize) {
    match key {
        KeyCode::Char('/') => model.mode = Mode::Filter,
        KeyCode::Esc => model.filter.clear(),
        KeyCode::Up => model.step(-1),
        KeyCode::Down => model.step(1),
        KeyCode::PageUp => model.step(-page),
        KeyCode::PageDown => model.step(page),
        KeyCode::Home => model.step(isize::MIN),
        KeyCode::End => model.step(isize::MAX),
        _ => {
            if let Some(id) = model.selected {
                on_branch(model, key, id);
            }
        }
    }
}

fn on_branch(model: &mut Model, key: KeyCode, id: Uuid) {
    match key {
        KeyCode::Enter => model.open(id),
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
        _ => on_session(model, key, id),
    }
}

/// A folded session stays folded when its parent is selected.
fn refold(model: &mut Model, id: Uuid) -> bool {
    model.fold(id);
    false
}

fn on_session(model: &mut Model, key: KeyCode, id: Uuid) {
    match key {
        KeyCode::Char('p') => wish(model, id, "pause", ""),
        KeyCode::Char('r') => wish(model, id, "resume", ""),
        KeyCode::Char('k') => model.mode = Mode::Kill(id),
        KeyCode::Char('i') => model.mode = Mode::Inject(id, String::new()),
        _ => {}
    }
}

/// Asks for the reason of a wish.
fn wish(model: &mut Model, id: Uuid, verb: &str, query: &str) {
    let wish = Wish {
        what: format!("{verb} {}", model.name(id)),
        path: format!("/agents/{id}/{verb}{query}"),
        body: Map::new(),
        told: format!("{verb} was asked for"),
    };
    model.mode = Mode::Reason(wish, String::new());
}

fn kill(model: &mut Model, key: KeyCode, id: Uuid) -> Step {
    model.mode = Mode::Browse;
    match key {
        KeyCode::Char('y') => wish(model, id, "kill", "?scope=self"),
        KeyCode::Char('s') => wish(model, id, "kill", "?scope=subtree"),
        _ => {}
    }
    Step::Stay
}

fn conversation(model: &mut Model, key: KeyCode, page: isize) {
    let Some(conversation) = &mut model.conversation else {
        model.close();
        return;
    };
    match key {
        KeyCode::Esc | KeyCode::Left => model.close(),
        KeyCode::Up => conversation.scroll(-1),
        KeyCode::Down => conversation.scroll(1),
        KeyCode::PageUp => conversation.scroll(-page),
        KeyCode::PageDown => conversation.scroll(page),
        KeyCode::Home => conversation.scroll(isize::MIN),
        KeyCode::End => conversation.scroll(isize::MAX),
        _ => {
            let id = conversation.id;
            on_session(model, key, id);
        }
    }
}

fn requests(model: &mut Model, key: KeyCode) {
    match key {
        KeyCode::Esc | KeyCode::Left => model.close(),
        KeyCode::Up => model.requests.step(-1),
        KeyCode::Down => model.requests.step(1),
        KeyCode::PageUp => model.requests.turn(false),
        KeyCode::PageDown => model.requests.turn(true),
        KeyCode::Enter => {
            if let Some(id) = model.subject() {
                model.open(id);
            }
        }
        KeyCode::Char('y') => decide(model, "allow_once"),
        KeyCode::Char('Y') => decide(model, "allow_always"),
        KeyCode::Char('n') => decide(model, "reject_once"),
        KeyCode::Char('N') => decide(model, "reject_always"),
        _ => {}
    }
}

/// Asks for the reason of a decision. What cannot be decided so is told.
fn decide(model: &mut Model, option: &str) {
    let Some(request) = model.requests.request() else { return };
    if !request.options.iter().any(|offered| offered == option) {
        model.notice = format!("this request does not offer {option}; it offers {}", request.options.join(", "));
        return;
    }
    if has_form(request) && option.starts_with("allow") {
        let id = tail_of(&request.id);
        model.notice = format!("it has a form to fill in: flightdeck approvals allow {id} --answer NAME=VALUE");
        return;
    }
    let wish = Wish {
        what: format!("{option}: {}", request.title),
        path: format!("/approvals/{}/decide", request.id),
        body: Map::from_iter([("option".to_owned(), option.into())]),
        told: format!("{option}: {}", request.title),
    };
    model.mode = Mode::Reason(wish, String::new());
}
