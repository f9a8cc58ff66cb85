//! The checks, one after the other.

use std::fmt;
use std::future::Future;

use flightdeck_domain::action::Intervention;
use flightdeck_domain::command::{Delivery, Receipt};
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::message::MessageRole;
use flightdeck_domain::session::SessionStatus;
use serde::Serialize;
use tokio::time::{Instant, timeout};

use super::kit::{Kit, Looked};

/// What a check saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// It works.
    Yes,
    /// The agent does not have it, and says so.
    No,
    /// It does not work.
    Failed,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Failed => "FAILED",
        })
    }
}

/// A line of the table.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) check: &'static str,
    pub(super) seen: Outcome,
    pub(super) millis: u64,
    pub(super) note: String,
}

type Seen = Looked<(Outcome, String)>;

pub(super) async fn all(kit: &Kit) -> Vec<Row> {
    vec![
        row(kit, "prompt", prompt(kit)).await,
        row(kit, "tool and permission", tool(kit)).await,
        row(kit, "inject queue while busy", busy(kit, Delivery::Queue)).await,
        row(kit, "inject interrupt while busy", busy(kit, Delivery::Interrupt)).await,
        row(kit, "inject steer while busy", busy(kit, Delivery::Steer)).await,
        row(kit, "cancel", cancel(kit)).await,
        row(kit, "pause and resume", pause(kit)).await,
        row(kit, "resume an earlier session", resume(kit)).await,
        row(kit, "kill while busy", kill(kit)).await,
        row(kit, "crash", crash(kit)).await,
    ]
}

async fn row(kit: &Kit, check: &'static str, seen: impl Future<Output = Seen>) -> Row {
    let begun = Instant::now();
    let seen = timeout(kit.limit, seen).await;
    let (seen, note) = match seen {
        Ok(Ok(seen)) => seen,
        Ok(Err(problem)) => (Outcome::Failed, problem),
        Err(_late) => (Outcome::Failed, format!("nothing was seen within {} s", kit.limit.as_secs())),
    };
    let note: String = note.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect();
    Row { check, seen, millis: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX), note }
}

#[expect(clippy::unnecessary_wraps, reason = "what a check ends with")]
fn yes(note: impl Into<String>) -> Seen {
    Ok((Outcome::Yes, note.into()))
}

/// Ends what a check has started; what it saw stands.
async fn done(kit: &Kit, id: SessionId, seen: Seen) -> Seen {
    kit.act(id, Intervention::Kill).await?;
    kit.until(id, SessionStatus::Killed).await?;
    seen
}

async fn prompt(kit: &Kit) -> Seen {
    let id = kit.spawn(&kit.prompts.say, None).await?;
    let idle = kit.until(id, SessionStatus::Idle).await?;
    let said = kit.messages(id).await?;
    let words = said.iter().rev().find(|message| message.role == MessageRole::Assistant);
    let stop = idle.status_reason.map(|reason| reason.to_string()).unwrap_or_default();
    let seen = match words {
        Some(words) => yes(format!("{stop}: {}", words.content)),
        None => Err("it said nothing".to_owned()),
    };
    done(kit, id, seen).await
}

async fn tool(kit: &Kit) -> Seen {
    let id = kit.spawn(&kit.prompts.tool, None).await?;
    let mut asked = 0;
    while kit.session(id).await?.status != SessionStatus::Idle {
        if let Some(request) = kit.open_request(id).await? {
            kit.allow(&request).await?;
            asked += 1;
        }
        let session = kit.session(id).await?;
        if session.status.is_terminal() {
            return Err(format!("it is {}", session.status));
        }
        kit.pause().await;
    }
    let tools = kit.messages(id).await?.iter().filter(|message| message.role == MessageRole::Tool).count();
    let seen = match (tools, asked) {
        (0, _) => Err("it used no tool".to_owned()),
        (_, 0) => yes("it ran its tool without asking"),
        (_, asked) => yes(format!("asked {asked} times, and went on when it was allowed")),
    };
    done(kit, id, seen).await
}

async fn busy(kit: &Kit, delivery: Delivery) -> Seen {
    let id = kit.spawn(&kit.prompts.busy, None).await?;
    at_work(kit, id).await?;
    let place = match kit.inject(id, delivery, &kit.prompts.say).await {
        Ok(place) => place,
        Err(refused) if delivery == Delivery::Steer => return done(kit, id, Ok((Outcome::No, refused))).await,
        Err(problem) => return Err(problem),
    };
    if delivery == Delivery::Queue {
        // It has to outlive a cancel.
        kit.act(id, Intervention::Interrupt { drop_queued: false }).await?;
    }
    let seen = match kit.until_settled(id, place).await? {
        Receipt::Consumed if delivery == Delivery::Queue => yes("consumed, after the running turn was cancelled"),
        Receipt::Consumed => yes("consumed"),
        Receipt::Refused { reason } if delivery == Delivery::Steer => Ok((Outcome::No, reason.to_string())),
        other => Err(format!("{other}: {}", other.reason().map(ToString::to_string).unwrap_or_default())),
    };
    done(kit, id, seen).await
}

/// Waits until it has said something in its turn.
async fn at_work(kit: &Kit, id: SessionId) -> Looked<()> {
    kit.until(id, SessionStatus::Running).await?;
    // What it says becomes a message when it is complete; so long a turn is at work by now.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let status = kit.session(id).await?.status;
    if status == SessionStatus::Running {
        Ok(())
    } else {
        Err(format!("it is {status}: give it a longer --busy prompt"))
    }
}

async fn cancel(kit: &Kit) -> Seen {
    let id = kit.spawn(&kit.prompts.busy, None).await?;
    at_work(kit, id).await?;
    let asked = Instant::now();
    kit.act(id, Intervention::Interrupt { drop_queued: false }).await?;
    let idle = kit.until(id, SessionStatus::Idle).await?;
    let stop = idle.status_reason.map(|reason| reason.to_string()).unwrap_or_default();
    let seen = yes(format!("{stop} after {} ms", asked.elapsed().as_millis()));
    done(kit, id, seen).await
}

async fn pause(kit: &Kit) -> Seen {
    let id = kit.spawn(&kit.prompts.say, None).await?;
    kit.act(id, Intervention::Pause).await?;
    kit.until(id, SessionStatus::Paused).await?;
    let held = kit.inject(id, Delivery::Queue, &kit.prompts.say).await?;
    kit.act(id, Intervention::Resume).await?;
    let seen = match kit.until_settled(id, held).await? {
        Receipt::Consumed => yes("what was said while it was paused was consumed after it was resumed"),
        other => Err(format!("what was said while it was paused is {other}")),
    };
    done(kit, id, seen).await
}

async fn resume(kit: &Kit) -> Seen {
    let first = kit.spawn(&kit.prompts.say, None).await?;
    kit.until(first, SessionStatus::Idle).await?;
    let (_, own) = kit.introduced(first).await?;
    done(kit, first, yes("")).await?;
    let own = own.ok_or_else(|| "it gave no id of its session".to_owned())?;
    let again = kit.spawn(&kit.prompts.say, Some(&own)).await?;
    match kit.until(again, SessionStatus::Idle).await {
        Ok(_) => {
            let replayed = kit.messages(again).await?;
            let replayed =
                replayed.iter().filter(|m| serde_json::to_string(&m.metadata).is_ok_and(|t| t.contains("replayed")));
            let seen = yes(format!("{} messages were repeated", replayed.count()));
            done(kit, again, seen).await
        }
        Err(problem) if problem.contains("cannot take up") => Ok((Outcome::No, problem)),
        Err(problem) => Err(problem),
    }
}

async fn kill(kit: &Kit) -> Seen {
    let id = kit.spawn(&kit.prompts.busy, None).await?;
    at_work(kit, id).await?;
    let asked = Instant::now();
    kit.act(id, Intervention::Kill).await?;
    kit.until(id, SessionStatus::Killed).await?;
    yes(format!("nothing was left of it after {} ms", asked.elapsed().as_millis()))
}

async fn crash(kit: &Kit) -> Seen {
    let id = kit.spawn(&kit.prompts.busy, None).await?;
    at_work(kit, id).await?;
    kit.crash(id)?;
    match kit.until(id, SessionStatus::Failed).await {
        Ok(failed) => yes(failed.status_reason.map(|reason| reason.to_string()).unwrap_or_default()),
        Err(problem) => Err(problem),
    }
}
