//! Conversations that are due go into the archive, and old entries of the feed go.

use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use flightdeck_domain::use_cases::{
    ArchivePass, ArchiveSessions, ArchiveSessionsError, ForgetChanges, ManageRetention,
};
use tokio_util::sync::CancellationToken;

use super::world::{Ended, World};

/// How long the store is left to others between two rounds.
const REST: Duration = Duration::from_millis(20);
/// How long a write that gives space back may take, roughly: others wait in line behind it.
const GIVING: Duration = Duration::from_millis(15);
/// How many pages of the file the first write gives back.
const FIRST: u32 = 256;
/// The fewest and the most that one write gives back.
const PAGES: RangeInclusive<u32> = 16..=4_096;

/// Works through what is due each period, until the shutdown.
pub(super) async fn run(every: Duration, world: World) -> Ended {
    let archive = ArchiveSessions::new(&world.ports, world.replica.clone());
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = world.shutdown.cancelled() => return Ok(()),
            _ = ticks.tick() => match &archive {
                Some(archive) => sweep(archive, &world).await,
                None => complain(&world).await,
            },
        }
    }
}

/// Rules without an archive have no effect.
async fn complain(world: &World) {
    let rules = ManageRetention::new(&world.ports).read().await.map(|retention| retention.rules);
    if rules.is_ok_and(|rules| !rules.keeps_everything()) {
        tracing::error!(
            "there are retention rules and no archive: nothing is archived and nothing is removed; say where the archive of \
             all servers is with archive_url"
        );
    }
}

/// One look at all that is due.
async fn sweep(archive: &ArchiveSessions, world: &World) {
    let (mut place, mut done) = (None, ArchivePass::default());
    loop {
        match archive.round(&mut place).await {
            Ok(pass) => {
                done.sessions += pass.sessions;
                done.messages += pass.messages;
                done.events += pass.events;
                if !pass.more {
                    break;
                }
            }
            Err(error) => {
                tell(&error);
                // What differs stays in the store; the others go on.
                if !matches!(error, ArchiveSessionsError::Differs { .. }) || place.is_none() {
                    break;
                }
            }
        }
        if rest(&world.shutdown).await {
            return;
        }
    }
    forget(world).await;
    if done.sessions > 0 || done.removed_any() {
        let ArchivePass { sessions, messages, events, .. } = done;
        tracing::info!(sessions, messages, events, "retention: archived sessions, removed messages and feed events");
    }
    give_back(world).await;
}

/// What is kept of the folders of sessions goes with their conversations.
async fn forget(world: &World) {
    let Some(forget) = ForgetChanges::new(&world.ports) else { return };
    match forget.execute().await {
        Ok(0) => {}
        Ok(sessions) => tracing::info!(sessions, "retention: removed what was kept of the folders of sessions"),
        Err(error) => {
            let cause: &dyn std::error::Error = &error;
            tracing::warn!(cause, "retention: what is kept of the folders of sessions was not removed; trying again");
        }
    }
}

/// Whether the server ends.
async fn rest(shutdown: &CancellationToken) -> bool {
    tokio::select! {
        () = shutdown.cancelled() => true,
        () = tokio::time::sleep(REST) => false,
    }
}

/// Gives what is free in the file back to the disk, where the store has a file.
async fn give_back(world: &World) {
    let Some(space) = &world.space else { return };
    let mut pages = FIRST;
    loop {
        let begun = Instant::now();
        match space.give_back(pages).await {
            Ok(0) => return,
            Ok(_) => pages = next_step(pages, begun.elapsed()),
            Err(error) => {
                let cause: &dyn std::error::Error = &error;
                tracing::warn!(cause, "retention: space of the database was not given back");
                return;
            }
        }
        if rest(&world.shutdown).await {
            return;
        }
    }
}

/// How many pages the next write gives back. What one page costs grows with the number of those that are free (SQLite looks for
/// each in the list of all), so that a fixed number would be a short write in one file and a long one in another.
fn next_step(pages: u32, took: Duration) -> u32 {
    let next = if took > GIVING {
        pages / 2
    } else if took < GIVING / 2 {
        pages.saturating_mul(2)
    } else {
        pages
    };
    next.clamp(*PAGES.start(), *PAGES.end())
}

fn tell(error: &ArchiveSessionsError) {
    let cause: &dyn std::error::Error = error;
    match error {
        ArchiveSessionsError::Differs { .. } => {
            tracing::error!(cause, "retention: a conversation stays in the store");
        }
        ArchiveSessionsError::Archive(_) | ArchiveSessionsError::NotNoted(_) | ArchiveSessionsError::Unavailable(_) => {
            tracing::warn!(cause, "retention: nothing more is archived now; trying again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_stays_short_and_never_stops() {
        let quick = |pages| next_step(pages, Duration::from_millis(1));
        let slow = |pages| next_step(pages, Duration::from_secs(1));
        assert_eq!((quick(256), slow(256), next_step(256, GIVING)), (512, 128, 256));
        assert_eq!((quick(4_096), slow(16)), (4_096, 16));
    }
}
