//! Checks of what reaches an agent in the middle of a turn.

use flightdeck_domain::action::Intervention;
use flightdeck_domain::command::{Delivery, Receipt};
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::session::SessionStatus;
use tokio::time::Instant;

use super::super::kit::{Kit, Looked};
use super::super::row::{Seen, no, yes};
use super::super::timing::end;

const CANCEL: Intervention = Intervention::Interrupt { drop_queued: false };

/// An agent in the middle of a long turn.
async fn at_work(kit: &Kit) -> Looked<SessionId> {
    let id = kit.idle().await?;
    let asked = kit.inject(id, Delivery::Queue, &kit.prompts.busy).await?;
    // It has reacted then: some agents lose a cancel that comes before they have begun.
    if kit.until_settled(id, asked).await? != Receipt::Consumed {
        return Err("it did not take the prompt".to_owned());
    }
    match kit.session(id).await?.status {
        SessionStatus::Running => Ok(id),
        status => Err(format!("it is {status}: give it a longer --busy prompt")),
    }
}

pub(super) async fn inject(kit: &Kit, delivery: Delivery) -> Seen {
    let id = at_work(kit).await?;
    let place = match kit.inject(id, delivery, &kit.prompts.say).await {
        Ok(place) => place,
        Err(refused) if delivery == Delivery::Steer => {
            kit.act(id, CANCEL).await?;
            kit.until(id, SessionStatus::Idle).await?;
            kit.spare(id);
            return no(refused);
        }
        Err(problem) => return Err(problem),
    };
    if delivery == Delivery::Queue {
        // It has to outlive a cancel.
        kit.act(id, CANCEL).await?;
    }
    let seen = match kit.until_settled(id, place).await? {
        Receipt::Consumed if delivery == Delivery::Queue => yes("consumed, after the running turn was cancelled"),
        Receipt::Consumed => yes("consumed"),
        Receipt::Refused { reason } if delivery == Delivery::Steer => no(reason.to_string()),
        other => Err(format!("{other}: {}", other.reason().map(ToString::to_string).unwrap_or_default())),
    };
    if delivery == Delivery::Steer {
        kit.act(id, CANCEL).await?;
    }
    kit.until(id, SessionStatus::Idle).await?;
    kit.spare(id);
    seen
}

pub(super) async fn cancel(kit: &Kit) -> Seen {
    let id = at_work(kit).await?;
    let asked = Instant::now();
    kit.act(id, CANCEL).await?;
    let idle = kit.until(id, SessionStatus::Idle).await?;
    let took = asked.elapsed().as_millis();
    kit.spare(id);
    let stop = idle.status_reason.map(|reason| reason.to_string()).unwrap_or_default();
    yes(format!("{stop} after {took} ms"))
}

pub(super) async fn kill(kit: &Kit) -> Seen {
    let id = at_work(kit).await?;
    let asked = Instant::now();
    end(kit, id).await?;
    yes(format!("nothing was left of it after {} ms", asked.elapsed().as_millis()))
}

pub(super) async fn crash(kit: &Kit) -> Seen {
    let id = at_work(kit).await?;
    kit.crash(id)?;
    let failed = kit.until(id, SessionStatus::Failed).await?;
    yes(failed.status_reason.map(|reason| reason.to_string()).unwrap_or_default())
}
