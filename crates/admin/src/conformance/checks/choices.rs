//! Checks of another model or mode for an agent at work.

use flightdeck_domain::command::Receipt;
use flightdeck_domain::session::{Choice, SessionStatus};
use flightdeck_domain::text::ChoiceName;

use super::super::kit::Kit;
use super::super::row::{Seen, no, yes};

/// No agent has a model or a mode of this name.
const NOBODYS: &str = "flightdeck-conformance";

pub(super) fn model(name: ChoiceName) -> Choice {
    Choice { model: Some(name), mode: None }
}

pub(super) fn mode(name: ChoiceName) -> Choice {
    Choice { model: None, mode: Some(name) }
}

/// Chooses what nobody has, and then what the refusal offers instead.
pub(super) async fn taken(kit: &Kit, choice: fn(ChoiceName) -> Choice) -> Seen {
    let id = kit.idle().await?;
    let name = |text: &str| ChoiceName::new(text).map_err(|error| error.to_string());
    let refusal = match kit.choose(id, choice(name(NOBODYS)?)).await? {
        Receipt::Refused { reason } => reason.to_string(),
        Receipt::Consumed => return Err("it takes what nobody has".to_owned()),
        other => return Err(format!("what nobody has is {other}")),
    };
    let Some((_, offered)) = refusal.split_once("; it offers ") else { return no(refusal) };
    let Some(last) = offered.split(", ").last() else { return no(refusal) };
    match kit.choose(id, choice(name(last)?)).await? {
        Receipt::Consumed => (),
        Receipt::Refused { reason } => return Err(format!("it offers {last} and refuses it: {reason}")),
        other => return Err(format!("{last} is {other}")),
    }
    let session = kit.session(id).await?;
    if session.status != SessionStatus::Idle {
        return Err(format!("it is {} then", session.status));
    }
    yes(format!("it took {last}, of {offered}"))
}
