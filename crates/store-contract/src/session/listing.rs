//! Lists, counts and the shape of the tree.

use flightdeck_domain::feed::FleetEventKind;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::mission_set::MissionSet;
use flightdeck_domain::ports::{SessionCursor, SessionFilter, SessionPage, SessionQuery, SessionRepository};
use flightdeck_domain::session::{Registration, Session, SessionStatus};
use flightdeck_domain::text::JsonObject;
use flightdeck_domain::time::Timestamp;

use crate::given::{at, child, observation, registration, session_id, text};
use crate::steps::{feed, feed_after, feed_head, observe, of_kind, register, sessions, together};
use crate::{Harness, Store};

const PAGE_SIZES: [usize; 5] = [1, 2, 3, 7, 100];

fn ids(sessions: &[Session]) -> Vec<SessionId> {
    sessions.iter().map(|session| session.id).collect()
}

fn place(session: &Session) -> (Timestamp, SessionId) {
    (session.spawned_at, session.id)
}

async fn page(store: &dyn Store, filter: &SessionFilter, after: Option<SessionCursor>, limit: usize) -> SessionPage {
    let query = SessionQuery { filter: filter.clone(), after, limit, heads_only: false };
    SessionRepository::list(store, query).await.expect("read")
}

/// Who lists many can do without what may be long.
pub async fn heads_are_whole_but_for_context_and_metadata(harness: &mut dyn Harness) {
    let store = &*harness.store();
    fleet(store).await;
    for filter in [SessionFilter::default(), SessionFilter { subtree: Some(session_id(1)), ..SessionFilter::default() }]
    {
        let whole = page(store, &filter, None, 5).await;
        let query = SessionQuery { filter, after: None, limit: 5, heads_only: true };
        let heads = SessionRepository::list(store, query).await.expect("read");
        let without = |session: &Session| Session {
            context: JsonObject::default(),
            metadata: JsonObject::default(),
            ..session.clone()
        };
        assert_eq!(heads.sessions, whole.sessions.iter().map(without).collect::<Vec<_>>());
        assert_eq!((heads.next, heads.as_of), (whole.next, whole.as_of));
    }
}

/// All pages in turn, with the promise that the last one says so, even when it is full.
async fn paged(store: &dyn Store, filter: &SessionFilter, limit: usize) -> Vec<Session> {
    let mut all: Vec<Session> = Vec::new();
    let mut cursor = None;
    loop {
        let page = page(store, filter, cursor, limit).await;
        assert!(page.sessions.len() <= limit);
        all.extend(page.sessions);
        assert!(all.windows(2).all(|pair| place(&pair[0]) > place(&pair[1])), "each page is behind the one before");
        cursor = page.next;
        let Some(next) = cursor else { return all };
        let last = all.last().expect("a page that is followed by another is not empty");
        assert_eq!((next.spawned_at, next.id), place(last));
    }
}

/// Twelve sessions in six trees, spawned in threes at equal times, of differing kinds.
///
/// ```text
/// 1 ─ 2 ─ 3 ─ 4      5 ─ 6      9   10   11   12
///     └─ 7           └─ 8
/// ```
async fn fleet(store: &dyn Store) {
    let parents = [(2, 1), (3, 2), (4, 3), (6, 5), (7, 2), (8, 5)];
    for n in 1..=12 {
        let parent = parents.iter().find(|(child, _)| *child == n).map(|(_, parent)| session_id(*parent));
        let given = Registration {
            parent_id: parent,
            provider: text(if n % 2 == 0 { "acp" } else { "scripted" }),
            provider_session_id: (n % 3 != 1).then(|| text(if n % 6 < 3 { "own-1" } else { "own-2" })),
            mission_id: (n % 3 == 0).then(|| text("apollo")),
            task_id: text(&format!("FD-{}", n % 4)),
            agent_type: text(if n % 5 == 0 { "reviewer" } else { "worker" }),
            at: at(n / 3),
            ..registration(n)
        };
        register(store, given).await;
    }
    let statuses = [(2, SessionStatus::Idle), (5, SessionStatus::Completed), (7, SessionStatus::Lost)];
    for (n, status) in statuses {
        observe(store, observation(n, status, 60 + n)).await;
    }
}

/// What the filter means, told in another way than any store would.
fn holds(filter: &SessionFilter, session: &Session, all: &[Session]) -> bool {
    let within = |top: SessionId| {
        let mut place = Some(session.id);
        while let Some(id) = place.filter(|id| *id != top) {
            place = all.iter().find(|other| other.id == id).and_then(|other| other.parent_id);
        }
        place.is_some()
    };
    filter.subtree.is_none_or(within)
        && filter.mission_id.as_ref().is_none_or(|mission| session.mission_id.as_ref() == Some(mission))
        && filter
            .missions
            .as_ref()
            .is_none_or(|missions| missions.iter().any(|mission| session.mission_id.as_ref() == Some(mission)))
        && (filter.statuses.is_empty() || filter.statuses.contains(&session.status))
        && filter.provider.as_ref().is_none_or(|provider| session.provider == *provider)
        && filter.provider_session_id.as_ref().is_none_or(|id| session.provider_session_id.as_ref() == Some(id))
        && filter.agent_type.as_ref().is_none_or(|agent_type| session.agent_type == *agent_type)
        && filter.task_id.as_ref().is_none_or(|task| session.task_id == *task)
}

/// Every filter on and off with every other: 2 to the power of 8.
fn filters() -> Vec<SessionFilter> {
    (0..256_u32)
        .map(|bits| {
            let on = |bit: u32| bits & (1 << bit) != 0;
            SessionFilter {
                subtree: on(0).then(|| session_id(2)),
                mission_id: on(1).then(|| text("apollo")),
                missions: on(7).then(|| MissionSet::new([text("apollo"), text("none of it")]).expect("a set")),
                statuses: if on(2) { vec![SessionStatus::Idle, SessionStatus::Running] } else { Vec::new() },
                provider: on(3).then(|| text("scripted")),
                provider_session_id: on(6).then(|| text("own-1")),
                agent_type: on(4).then(|| text("worker")),
                task_id: on(5).then(|| text("FD-3")),
            }
        })
        .collect()
}

/// The newest spawned comes first; of those spawned at one moment, the one with the highest id.
pub async fn sessions_are_listed_newest_first(harness: &dyn Harness) {
    let store = harness.store();
    for (n, second) in [(4, 3), (1, 3), (3, 1), (2, 9), (5, 3)] {
        register(&*store, Registration { at: at(second), ..registration(n) }).await;
    }
    let listed = sessions(&*store, SessionFilter::default()).await;
    assert_eq!(ids(&listed), [2, 5, 4, 1, 3].map(session_id));
}

/// Pages of any size, laid end to end, are the whole list.
pub async fn pages_make_up_the_whole(harness: &dyn Harness) {
    let store = harness.store();
    let none = page(&*store, &SessionFilter::default(), None, 3).await;
    assert_eq!((none.sessions, none.next), (vec![], None));
    fleet(&*store).await;
    let whole = sessions(&*store, SessionFilter::default()).await;
    assert_eq!(whole.len(), 12);
    for limit in [1, 2, 3, 4, 5, 6, 7, 11, 12, 13] {
        assert_eq!(paged(&*store, &SessionFilter::default(), limit).await, whole, "pages of {limit}");
    }
}

/// A page begins behind a place, so a newcomer in front of it moves nothing.
pub async fn a_page_does_not_shift_when_a_session_registers(harness: &dyn Harness) {
    let store = harness.store();
    fleet(&*store).await;
    let whole = sessions(&*store, SessionFilter::default()).await;
    let first = page(&*store, &SessionFilter::default(), None, 5).await;
    register(&*store, Registration { at: at(500), ..registration(99) }).await;
    let second = page(&*store, &SessionFilter::default(), first.next, 5).await;
    assert_eq!((first.sessions.as_slice(), second.sessions.as_slice()), (&whole[..5], &whole[5..10]));
}

/// Each filter alone, and every one with every other; the count is that of the list.
pub async fn every_filter_holds_alone_and_with_others(harness: &dyn Harness) {
    let store = harness.store();
    fleet(&*store).await;
    let all = sessions(&*store, SessionFilter::default()).await;
    for filter in filters() {
        let expected: Vec<Session> = all.iter().filter(|session| holds(&filter, session, &all)).cloned().collect();
        let count = store.count(filter.clone()).await.expect("read");
        assert_eq!(usize::try_from(count).expect("small"), expected.len(), "{filter:?}");
        assert_eq!(ids(&sessions(&*store, filter.clone()).await), ids(&expected), "{filter:?}");
    }
    for status in SessionStatus::ALL {
        let filter = SessionFilter { statuses: vec![status], ..SessionFilter::default() };
        let expected = all.iter().filter(|session| session.status == status).count();
        assert_eq!(sessions(&*store, filter).await.len(), expected, "{status}");
    }
}

/// A filter and a place go together.
pub async fn filtered_pages_make_up_the_whole(harness: &dyn Harness) {
    let store = harness.store();
    fleet(&*store).await;
    for filter in filters() {
        let whole = sessions(&*store, filter.clone()).await;
        for limit in PAGE_SIZES {
            assert_eq!(paged(&*store, &filter, limit).await, whole, "{filter:?} in pages of {limit}");
        }
    }
}

/// A subtree has its top in it, all below and nothing above or beside; that of an unknown session is empty.
pub async fn a_subtree_is_a_session_and_all_below_it(harness: &dyn Harness) {
    let store = harness.store();
    fleet(&*store).await;
    for (top, expected) in
        [(1, vec![7, 4, 3, 2, 1]), (2, vec![7, 4, 3, 2]), (5, vec![8, 6, 5]), (4, vec![4]), (99, vec![])]
    {
        let filter = SessionFilter { subtree: Some(session_id(top)), ..SessionFilter::default() };
        let mut below = ids(&sessions(&*store, filter).await);
        below.sort_unstable_by(|a, b| b.cmp(a));
        assert_eq!(below, expected.into_iter().map(session_id).collect::<Vec<_>>(), "below {top}");
    }
}

/// Every event after a page's moment is of something that the page does not show, and the page shows all before it.
pub async fn the_feed_goes_on_where_a_page_ends(harness: &dyn Harness) {
    let store = harness.store();
    register(&*store, registration(1)).await;
    observe(&*store, observation(1, SessionStatus::Idle, 5)).await;
    let page = page(&*store, &SessionFilter::default(), None, 10).await;
    assert_eq!(page.as_of, feed_head(&*store).await);
    assert_eq!(page.sessions[0].status, SessionStatus::Idle);
    register(&*store, child(2, 1)).await;
    observe(&*store, observation(1, SessionStatus::Running, 6)).await;
    let after = feed_after(&*store, page.as_of).await;
    let told: Vec<_> = after.iter().map(|event| (event.kind, event.session_id)).collect();
    let expected = [(FleetEventKind::Spawned, Some(session_id(2))), (FleetEventKind::Status, Some(session_id(1)))];
    assert_eq!(told, expected);
}

/// However a page races with registrations, its sessions are those whose spawn stands on the feed up to its moment.
pub async fn a_racing_page_shows_exactly_what_the_feed_holds_up_to_it(harness: &dyn Harness) {
    let pages = together(16, |n| {
        let store = harness.store();
        async move {
            let mut pages = Vec::new();
            for step in 0..10 {
                if n % 2 == 0 {
                    register(&*store, registration(100 * n + step + 1)).await;
                } else {
                    pages.push(page(&*store, &SessionFilter::default(), None, 1_000).await);
                }
            }
            pages
        }
    })
    .await;
    let events = feed(&*harness.store()).await;
    let spawned = of_kind(&events, FleetEventKind::Spawned);
    assert_eq!(spawned.len(), 80);
    for page in pages.into_iter().flatten() {
        let up_to = spawned.iter().filter(|event| event.position <= page.as_of);
        let mut expected: Vec<SessionId> = up_to.filter_map(|event| event.session_id).collect();
        let mut shown = ids(&page.sessions);
        expected.sort_unstable();
        shown.sort_unstable();
        assert_eq!(shown, expected, "as of {}", page.as_of);
    }
}

/// A session is within itself and within all above it.
pub async fn being_within_is_being_it_or_below_it(harness: &dyn Harness) {
    let store = harness.store();
    fleet(&*store).await;
    let cases = [(1, 1), (4, 1), (4, 2), (4, 3), (7, 2), (8, 5)];
    for (id, top) in cases {
        assert!(store.is_within(session_id(id), session_id(top)).await.expect("read"), "{id} within {top}");
    }
    for (id, top) in [(1, 4), (7, 3), (6, 1), (5, 6), (9, 10), (99, 1), (1, 99), (99, 99)] {
        assert!(!store.is_within(session_id(id), session_id(top)).await.expect("read"), "{id} not within {top}");
    }
}
