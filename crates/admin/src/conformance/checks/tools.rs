//! Checks of what an agent does with its tools, and of what becomes of a call that it asks for.

use flightdeck_domain::action::Intervention;
use flightdeck_domain::command::Delivery;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::session::SessionStatus;
use flightdeck_domain::usage::Totals;
use flightdeck_terminal::BoxError;
use tokio::time::Instant;

use super::super::kit::{Kit, Looked, going_on};
use super::super::row::{Report, Seen, no, yes};
use super::super::timing::{in_time, row};
use super::super::transcript::Turn;

/// One turn with a tool in it, which several checks look at.
pub(super) async fn used(kit: &Kit, report: &mut Report) -> Result<(), BoxError> {
    let begun = Instant::now();
    let seen = in_time(kit, async {
        let id = kit.idle().await?;
        let turn = through(kit, id, &kit.prompts.tool, true).await?;
        let used = kit.used(id).await?;
        kit.spare(id);
        Ok((turn, used))
    })
    .await;
    let took = begun.elapsed();
    let seen = seen.as_ref().map_err(Clone::clone);
    let wanted = &kit.prompts.output;
    report.tell(kit, "tool and permission", seen.clone().and_then(|(turn, _)| turn.tool_use(wanted)), took).await?;
    let output = seen.clone().and_then(|(turn, _)| turn.output(wanted));
    report.tell(kit, "command output in the transcript", output, took).await?;
    report.tell(kit, "tokens counted", seen.and_then(|(_, used)| tokens(used)), took).await
}

fn tokens(used: &Totals) -> Seen {
    if used.tokens() == 0 {
        return Err("no tokens were counted in a turn with a tool call".to_owned());
    }
    let Totals { input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cost, .. } = used;
    let cost = if used.priced_reports == 0 { "no cost".to_owned() } else { format!("{cost} USD") };
    yes(format!(
        "input {input_tokens}, cache {cache_read_tokens} and {cache_write_tokens}, output {output_tokens}, {cost}"
    ))
}

pub(super) async fn rejected(kit: &Kit) -> Seen {
    let file = kit.file();
    let id = kit.idle().await?;
    let turn = through(kit, id, &kit.prompts.write_to(&file), false).await?;
    kit.spare(id);
    if turn.asked > 0 && file.exists() {
        Err("it wrote, although that was rejected".to_owned())
    } else {
        turn.rejection()
    }
}

/// Whether a call that waits for a decision never runs when the agent is stopped.
pub(super) async fn held(kit: &Kit, report: &mut Report) -> Result<(), BoxError> {
    let (interrupted, killed) = ("held call, interrupted: no trace", "held call, killed: no trace");
    let begun = Instant::now();
    match in_time(kit, asks_and_writes(kit)).await {
        Ok(true) => {
            let interrupt = Intervention::Interrupt { drop_queued: false };
            row(kit, report, interrupted, stopped(kit, interrupt, SessionStatus::Idle)).await?;
            row(kit, report, killed, stopped(kit, Intervention::Kill, SessionStatus::Killed)).await
        }
        seen => {
            let seen: Seen = seen.and_then(|_| no("it asks nobody before it writes"));
            report.tell(kit, interrupted, seen.clone(), begun.elapsed()).await?;
            report.tell(kit, killed, seen, begun.elapsed()).await
        }
    }
}

/// Whether it asks before it writes. That it writes when it is allowed to is what makes the absence of a file tell anything.
async fn asks_and_writes(kit: &Kit) -> Looked<bool> {
    let file = kit.file();
    let id = kit.idle().await?;
    let turn = through(kit, id, &kit.prompts.write_to(&file), true).await?;
    kit.spare(id);
    if !file.exists() {
        return Err(format!("it was allowed to write, and did not{}", turn.words()));
    }
    Ok(turn.asked > 0)
}

async fn stopped(kit: &Kit, stop: Intervention, wanted: SessionStatus) -> Seen {
    let file = kit.file();
    let id = kit.idle().await?;
    kit.inject(id, Delivery::Queue, &kit.prompts.write_to(&file)).await?;
    while kit.open_request(id).await?.is_none() {
        going_on(&kit.session(id).await?)?;
        kit.pause().await;
    }
    let begun = Instant::now();
    kit.act(id, stop).await?;
    kit.until(id, wanted).await?;
    let took = begun.elapsed().as_millis();
    if wanted == SessionStatus::Idle {
        kit.spare(id);
    }
    if file.exists() { Err("the call ran all the same".to_owned()) } else { yes(format!("{wanted} after {took} ms")) }
}

/// Has an idle agent through a turn, and decides whatever it asks.
async fn through(kit: &Kit, id: SessionId, prompt: &str, allow: bool) -> Looked<Turn> {
    let before = kit.messages(id).await?.len();
    let place = kit.inject(id, Delivery::Queue, prompt).await?;
    let mut asked = 0;
    let mut idle = false;
    while !idle {
        if let Some(request) = kit.open_request(id).await? {
            kit.decide(&request, allow).await?;
            asked += 1;
        }
        // Idle before it has the prompt is no end of the turn.
        let settled = kit.receipt(id, place).await?.is_some_and(|receipt| !receipt.is_pending());
        let session = kit.session(id).await?;
        going_on(&session)?;
        idle = settled && session.status == SessionStatus::Idle;
        kit.pause().await;
    }
    let reason = kit.session(id).await?.status_reason.map(|reason| reason.to_string()).unwrap_or_default();
    Ok(Turn::read(kit.messages(id).await?.get(before..).unwrap_or_default(), asked, reason))
}
