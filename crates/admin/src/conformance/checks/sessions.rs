//! Checks of a session as a whole.

use flightdeck_domain::action::Intervention;
use flightdeck_domain::command::{Delivery, Receipt};
use flightdeck_domain::message::MessageRole;
use flightdeck_domain::session::SessionStatus;

use super::super::kit::Kit;
use super::super::row::{Seen, no, yes};
use super::super::timing::end;

pub(super) async fn prompt(kit: &Kit) -> Seen {
    let id = kit.spawn(Some(&kit.prompts.say), None).await?;
    let idle = kit.until(id, SessionStatus::Idle).await?;
    let said = kit.messages(id).await?;
    let words = said.iter().rev().find(|message| message.role == MessageRole::Assistant);
    let stop = idle.status_reason.map(|reason| reason.to_string()).unwrap_or_default();
    let words = words.ok_or_else(|| "it said nothing".to_owned())?;
    kit.spare(id);
    yes(format!("{stop}: {}", words.content))
}

pub(super) async fn pause(kit: &Kit) -> Seen {
    let id = kit.idle().await?;
    kit.act(id, Intervention::Pause).await?;
    kit.until(id, SessionStatus::Paused).await?;
    let held = kit.inject(id, Delivery::Queue, &kit.prompts.say).await?;
    kit.act(id, Intervention::Resume).await?;
    match kit.until_settled(id, held).await? {
        Receipt::Consumed => (),
        other => return Err(format!("what was said while it was paused is {other}")),
    }
    kit.until(id, SessionStatus::Idle).await?;
    kit.spare(id);
    yes("what was said while it was paused was consumed after it was resumed")
}

pub(super) async fn resume(kit: &Kit) -> Seen {
    let first = kit.idle().await?;
    let (_, own) = kit.introduced(first).await?;
    end(kit, first).await?;
    let own = own.ok_or_else(|| "it gave no id of its session".to_owned())?;
    let again = kit.spawn(Some(&kit.prompts.say), Some(&own)).await?;
    match kit.until(again, SessionStatus::Idle).await {
        Ok(_) => {
            let replayed = kit.messages(again).await?;
            let replayed =
                replayed.iter().filter(|m| serde_json::to_string(&m.metadata).is_ok_and(|t| t.contains("replayed")));
            let replayed = replayed.count();
            end(kit, again).await?;
            yes(format!("{replayed} messages were repeated"))
        }
        Err(problem) if problem.contains("cannot take up") => no(problem),
        Err(problem) => Err(problem),
    }
}
