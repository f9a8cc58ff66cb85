//! Operations against what happens at the same time.

use flightdeck_domain::feed::FleetEventKind;
use flightdeck_domain::operation::{Reach, Wish};
use flightdeck_domain::ports::{RegisterError, SessionFilter};
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
