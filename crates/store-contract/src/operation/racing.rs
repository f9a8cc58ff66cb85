//! Operations against what happens at the same time.

use std::time::Duration;

use flightdeck_domain::feed::FleetEventKind;
use flightdeck_domain::operation::{Reach, Wish};
use flightdeck_domain::ports::{RegisterError, SessionFilter, SessionRepository};
use flightdeck_domain::session::{DesiredStatus, RegistrationRefused, SessionStatus};

use super::{commit_scoped, family, operation};
use crate::Harness;
use crate::given::{child, observation, operation_id, registration, scoped, session_id};
use crate::steps::{feed, observe, of_kind, pending, register, session, sessions, targets, together};

/// The named session is over, those below it are not: nothing may spawn beside them either.
pub async fn an_ended_session_is_a_fence_for_a_kill_below_it(harness: &dyn Harness) {
    let store = harness.store();
    family(&*store).await;
    observe(&*store, observation(3, SessionStatus::Completed, 5)).await;
    register(&*store, child(6, 3)).await;
    let begun = commit_scoped(&*store, scoped(7, 3, Wish::Kill, Reach::Subtree)).await;
    assert_eq!(begun.tally.total, 2);
    let refused = store.register(child(8, 3)).await.expect_err("fenced");
    assert!(
        matches!(refused, RegisterError::Refused(RegistrationRefused::Fenced(above)) if above == session_id(3)),
        "{refused:?}"
    );
    let named = session(&*store, 3).await;
    assert_eq!((named.status, named.desired_status), (SessionStatus::Completed, DesiredStatus::Killed));
    assert_eq!(pending(&*store, 3).await, []);
    register(&*store, child(9, 1)).await;
}

/// A thousand children register at all depths while the subtree is killed: each is refused or caught, and there is no
/// third kind.
pub async fn no_racing_child_escapes_the_kill_of_its_subtree(harness: &dyn Harness) {
    const TASKS: u32 = 10;
    const EACH: u32 = 100;
    let store = harness.store();
    family(&*store).await;
    let done = together(TASKS + 1, |task| {
        let store = harness.store();
        async move {
            if task == TASKS {
                // Some are in the tree by then, and many are on their way.
                while sessions(&*store, SessionFilter::default()).await.len() < 100 {
                    tokio::task::yield_now().await;
                }
                return (u64::MAX, commit_scoped(&*store, scoped(7, 1, Wish::Kill, Reach::Subtree)).await.tally.total);
            }
            let (mut created, mut refused) = (0, 0);
            let mut parent = [1, 2, 3, 4][usize::try_from(task % 4).expect("small")];
            for step in 0..EACH {
                let n = 1_000 + task * EACH + step;
                match store.register(child(n, parent)).await {
                    Ok(_) => {
                        created += 1;
                        // Now and then the next one is a child of this one.
                        parent = if step % 10 == 0 { n } else { parent };
                    }
                    Err(RegisterError::Refused(RegistrationRefused::Fenced(_))) => refused += 1,
                    Err(error) => panic!("{error:?}"),
                }
            }
            (created, refused)
        }
    })
    .await;
    let all = sessions(&*store, SessionFilter { subtree: Some(session_id(1)), ..SessionFilter::default() }).await;
    let escaped: Vec<_> = all.iter().filter(|it| it.desired_status != DesiredStatus::Killed).map(|it| it.id).collect();
    assert_eq!(escaped, [], "alive below a killed session");
    let created: u64 = done.iter().filter(|one| one.0 != u64::MAX).map(|one| one.0).sum();
    let refused: u64 = done.iter().filter(|one| one.0 != u64::MAX).map(|one| one.1).sum();
    let total = done.iter().find(|one| one.0 == u64::MAX).expect("the kill").1;
    assert_eq!(
        (created + refused, created + 4),
        (u64::from(TASKS * EACH), total),
        "each was let in and caught, or refused"
    );
    let caught = targets(&*store, operation_id(7)).await;
    assert_eq!(caught.len(), all.len());
    assert!(caught.is_sorted_by(|one, next| one.depth >= next.depth), "leaves first");
    assert_eq!(session(&*store, 5).await.desired_status, DesiredStatus::Running);
}

/// A thousand kills of a subtree, each against one registration in it, at moments that differ by up to a millisecond either
/// way: each child is refused or caught, both happen, and there is no third kind.
pub async fn of_a_thousand_races_with_a_kill_no_child_escapes(harness: &dyn Harness) {
    const RACES: u32 = 1_000;
    const AT_ONCE: u32 = 25;
    let (mut caught, mut refused) = (0, 0);
    for first in (0..RACES / AT_ONCE).map(|round| round * AT_ONCE) {
        let store = harness.store();
        together(AT_ONCE, |task| {
            let (store, top) = (harness.store(), 10 + (first + task) * 10);
            async move {
                register(&*store, registration(top)).await;
                register(&*store, child(top + 1, top)).await;
            }
        })
        .await;
        let done = together(2 * AT_ONCE, |task| {
            let store = harness.store();
            let race = first + task / 2;
            async move {
                // The same moments in each run; where they fall among the others' is up to the machine.
                let jitter = race.wrapping_mul(2_654_435_761) >> (if task % 2 == 0 { 16 } else { 22 });
                std::thread::sleep(Duration::from_micros(u64::from(jitter % 1_000)));
                if task % 2 == 0 {
                    let kill = scoped(1 + race, 10 + race * 10, Wish::Kill, Reach::Subtree);
                    return Ok(commit_scoped(&*store, kill).await.tally.total);
                }
                store.register(child(12 + race * 10, 11 + race * 10)).await.map(|_| 0)
            }
        })
        .await;
        for (race, pair) in (first..).zip(done.chunks(2)) {
            let there = SessionRepository::get(&*store, session_id(12 + race * 10)).await.expect("read");
            match (&pair[0], &pair[1], there) {
                (Ok(3), Ok(_), Some(child)) if child.desired_status == DesiredStatus::Killed => caught += 1,
                (Ok(2), Err(RegisterError::Refused(RegistrationRefused::Fenced(_))), None) => refused += 1,
                other => panic!("race {race}: {other:?}"),
            }
        }
    }
    assert!(caught > 0 && refused > 0, "one side won every time: {caught} caught, {refused} refused");
    assert_eq!(caught + refused, RACES);
}

/// However the ends race, the operation counts each once, and is completed once.
pub async fn racing_ends_complete_an_operation_once(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    for n in 2..=32 {
        register(&*store, child(n, 1)).await;
    }
    commit_scoped(&*store, scoped(7, 1, Wish::Kill, Reach::Subtree)).await;
    together(64, |n| {
        let store = harness.store();
        async move {
            let status = if n % 2 == 0 { SessionStatus::Killed } else { SessionStatus::Completed };
            // The second of two ends is refused.
            let _ = store.observe(observation(1 + n / 2, status, 100 + n)).await;
        }
    })
    .await;
    let done = operation(&*store, 7).await;
    assert_eq!((done.tally.open, done.tally.observed + done.tally.ended), (0, 32));
    let events = feed(&*store).await;
    let told: Vec<_> =
        of_kind(&events, FleetEventKind::Operation).iter().map(|it| it.data.as_map()["event"].clone()).collect();
    assert_eq!(told, ["created", "completed"]);
}
