//! What an agent changes in its folder: the states of the folder are kept, and what differs is told to those who do not see it.

use std::sync::Arc;
use std::time::Duration;

use flightdeck_domain::changes::{Moment, Stretch, WorkFolder};
use flightdeck_domain::ports::{Changes, ChangesError};
use flightdeck_uplink::{Interruption, Stop, TellsChanges, Uplink};

use crate::provider::Agents;
use crate::workplace::Folder;

/// How long the report of an end waits for the last state. What the agent has started is gone by then.
const LAST_STATE: Duration = Duration::from_secs(2);

/// Keeps the state of the folder before its agent can change it. Why that cannot be is kept too, and is for those who ask.
pub(super) async fn begin(agents: &Agents, uplink: &Uplink, folder: &Folder) -> Result<(), Stop> {
    let Some(changes) = &agents.changes else { return Ok(()) };
    let work = WorkFolder { path: folder.path.clone(), ceiling: folder.root.clone() };
    unless_interrupted(uplink, async {
        match changes.begin(uplink.session, work).await {
            Ok(()) => tell(changes, uplink, None).await,
            Err(why) => tracing::info!(session = %uplink.session, %why, "the changes of an agent are not kept"),
        }
    })
    .await
}

/// Keeps the state of the folder. An operator who ends the agent does not wait for that.
pub(super) async fn keep(agents: &Agents, uplink: &Uplink, moment: Moment) -> Result<(), Stop> {
    let Some(changes) = &agents.changes else { return Ok(()) };
    unless_interrupted(uplink, keep_and_tell(changes, uplink, moment)).await
}

/// Keeps the last state, where it can be told before the end alone.
pub(super) async fn before_the_end(agents: &Agents, uplink: &Uplink, end: &Stop) {
    if let Some(changes) = last(agents, end)
        && uplink.desk.tells_changes() == TellsChanges::BeforeTheEnd
    {
        // What takes longer is left out.
        let _ = tokio::time::timeout(LAST_STATE, keep_and_tell(changes, uplink, Moment::End)).await;
    }
}

/// Keeps the last state. Whoever stops agents does not wait for this.
pub(super) async fn after_the_end(agents: &Agents, uplink: &Uplink, end: &Stop) {
    if let Some(changes) = last(agents, end)
        && uplink.desk.tells_changes() != TellsChanges::BeforeTheEnd
    {
        keep_and_tell(changes, uplink, Moment::End).await;
    }
}

/// A server that goes down does not wait either: the first reading keeps the last state then.
fn last<'a>(agents: &'a Agents, end: &Stop) -> Option<&'a Arc<dyn Changes>> {
    agents.changes.as_ref().filter(|_| !matches!(end, Stop::Interrupted(Interruption::ShutDown)))
}

async fn unless_interrupted(uplink: &Uplink, work: impl Future<Output = ()>) -> Result<(), Stop> {
    tokio::select! {
        biased;
        interruption = uplink.mailbox.interrupted() => Err(interruption.into()),
        () = work => Ok(()),
    }
}

async fn keep_and_tell(changes: &Arc<dyn Changes>, uplink: &Uplink, moment: Moment) {
    changes.keep(uplink.session, moment).await;
    if moment != Moment::TurnBegins {
        tell(changes, uplink, Some(moment)).await;
    }
}

/// Tells what has changed in the whole session, and, unless it has just begun, in its last turn.
async fn tell(changes: &Arc<dyn Changes>, uplink: &Uplink, moment: Option<Moment>) {
    if uplink.desk.tells_changes() == TellsChanges::Never {
        return;
    }
    let Some(turn) = tell_stretch(changes, uplink, Stretch::Whole).await else { return };
    if moment.is_some() {
        tell_stretch(changes, uplink, Stretch::Turn(turn)).await;
    }
}

/// Gives the number of the last turn, if it was told and there is one.
async fn tell_stretch(changes: &Arc<dyn Changes>, uplink: &Uplink, stretch: Stretch) -> Option<u32> {
    let session = uplink.session;
    let report = match changes.report(session, stretch).await {
        Ok(report) => report,
        Err(ChangesError::UnknownSession(_) | ChangesError::Unkept(_)) => return None,
        Err(why) => {
            tracing::warn!(%session, %why, "what an agent has changed is not told");
            return None;
        }
    };
    let last = report.turns.last().map(|turn| turn.number);
    if let Err(error) = uplink.desk.changed(session, stretch, report).await {
        let cause: &dyn std::error::Error = &error;
        tracing::warn!(%session, cause, "what an agent has changed could not be told; it is told again at the end of the next turn");
        return None;
    }
    last
}
