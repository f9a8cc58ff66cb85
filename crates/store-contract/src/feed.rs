//! The fleet feed, read: [`flightdeck_domain::ports::FleetFeed`].

use flightdeck_domain::action::{FleetIntervention, Intervention};
use flightdeck_domain::command::Receipt;
use flightdeck_domain::feed::{FleetEvent, FleetEventDraft, FleetEventKind};
use flightdeck_domain::ids::{CommandSeq, FeedPosition};
use flightdeck_domain::ports::FleetFeed;
use flightdeck_domain::session::{Registration, SessionStatus};
use tokio::task::{JoinHandle, yield_now};

use crate::given::{AWKWARD, actor, at, fleet, inject, message_id, observation, registration, session_id, text};
use crate::steps::{commit, feed, feed_head, observe, register};
use crate::{Harness, Store};

/// One event of each kind.
async fn one_of_each(store: &dyn Store) {
    register(store, Registration { task_id: text(AWKWARD), ..registration(1) }).await;
    observe(store, observation(1, SessionStatus::Idle, 5)).await;
    commit(store, 1, inject(1)).await;
    let seq = CommandSeq::new(1);
    store.acknowledge(session_id(1), seq, Receipt::Delivered, at(55)).await.expect("acknowledged");
    store.commit_fleet(fleet(FleetIntervention::KillAll)).await.expect("engaged");
}

/// Starts tasks that each put 30 events on the feed.
fn writers(harness: &dyn Harness, count: u32) -> Vec<JoinHandle<()>> {
    let start = |n: u32| {
        let store = harness.store();
        tokio::spawn(async move {
            for step in 0..10 {
                let id = 100 * n + step;
                register(&*store, registration(id)).await;
                observe(&*store, observation(id, SessionStatus::Idle, 5)).await;
                commit(&*store, id, Intervention::Pause).await;
            }
        })
    };
    (1..=count).map(start).collect()
}

/// Nothing happened yet.
pub async fn an_empty_feed_is_at_zero(harness: &dyn Harness) {
    let store = harness.store();
    assert_eq!((feed(&*store).await, feed_head(&*store).await), (vec![], FeedPosition::ZERO));
}

/// Positions rise, and pages of any size are the whole.
pub async fn positions_rise_and_pages_make_up_the_feed(harness: &dyn Harness) {
    let store = harness.store();
    for n in 1..=4 {
        register(&*store, registration(n)).await;
        observe(&*store, observation(n, SessionStatus::Idle, n)).await;
    }
    commit(&*store, 1, inject(9)).await;
    store.commit_fleet(fleet(FleetIntervention::KillAll)).await.expect("engaged");
    let whole = feed(&*store).await;
    assert!(whole.windows(2).all(|pair| pair[0].position < pair[1].position), "{whole:?}");
    assert!(whole[0].position > FeedPosition::ZERO);
    assert_eq!(feed_head(&*store).await, whole[whole.len() - 1].position);
    for limit in [1, 2, 3, 5, 7, 100] {
        let (mut all, mut place): (Vec<FleetEvent>, _) = (Vec::new(), FeedPosition::ZERO);
        loop {
            let page = FleetFeed::after(&*store, place, limit).await.expect("read");
            assert!(page.len() <= limit);
            assert!(page.iter().all(|event| event.position > place), "all of a page is after its place");
            let Some(last) = page.last() else { break };
            place = last.position;
            all.extend(page);
        }
        assert_eq!(all, whole, "pages of {limit}");
    }
}

/// Every kind of event, with all that it says.
pub async fn an_event_reads_back_as_the_rule_made_it(harness: &dyn Harness) {
    let store = harness.store();
    one_of_each(&*store).await;
    let events = feed(&*store).await;
    let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
    let expected = [
        FleetEventKind::Spawned,
        FleetEventKind::Status,
        FleetEventKind::Action,
        FleetEventKind::Receipt,
        FleetEventKind::KillSwitch,
    ];
    assert_eq!(kinds, expected);
    assert_eq!(events[0].data.as_map()["taskId"], AWKWARD);
    assert_eq!(events[2].data.as_map()["messageId"], message_id(1).to_string());
    let switch = FleetEventDraft::kill_switch(true, 1, &actor(1), at(60));
    assert_eq!(events[4], switch.at_position(events[4].position));
    let whose: Vec<_> = events.iter().map(|event| event.session_id).collect();
    assert_eq!(whose, [Some(session_id(1)), Some(session_id(1)), Some(session_id(1)), Some(session_id(1)), None]);
    assert_eq!(events.iter().map(|event| event.at).collect::<Vec<_>>(), [0, 5, 50, 55, 60].map(at));
}

/// Whoever goes on after the newest position it has seen, sees every event once and in order, however writers race.
pub async fn a_racing_reader_never_misses_an_event(harness: &dyn Harness) {
    let store = harness.store();
    let writers = writers(harness, 8);
    let mut seen: Vec<FleetEvent> = Vec::new();
    loop {
        // Looked at before the read: what was written by then, the read has to show.
        let finished = writers.iter().all(JoinHandle::is_finished);
        let place = seen.last().map_or(FeedPosition::ZERO, |event| event.position);
        let page = FleetFeed::after(&*store, place, 7).await.expect("read");
        assert!(page.iter().all(|event| event.position > place), "all of a page is after its place");
        if finished && page.is_empty() {
            break;
        }
        seen.extend(page);
        yield_now().await;
    }
    for writer in writers {
        writer.await.expect("the writer ran to its end");
    }
    assert_eq!(seen.len(), 8 * 30);
    assert_eq!(seen, feed(&*store).await);
}

/// A head is a place from which a reader can go on without a loss: all up to it can be read already.
pub async fn a_racing_head_is_never_ahead_of_what_can_be_read(harness: &dyn Harness) {
    let store = harness.store();
    let writers = writers(harness, 4);
    let mut heads = Vec::new();
    loop {
        let finished = writers.iter().all(JoinHandle::is_finished);
        let head = feed_head(&*store).await;
        let shown = feed(&*store).await;
        let up_to: Vec<FleetEvent> = shown.into_iter().filter(|event| event.position <= head).collect();
        assert_eq!(up_to.last().map_or(FeedPosition::ZERO, |event| event.position), head);
        heads.push((head, up_to.len()));
        if finished {
            break;
        }
        yield_now().await;
    }
    for writer in writers {
        writer.await.expect("the writer ran to its end");
    }
    let whole = feed(&*store).await;
    for (head, shown) in heads {
        assert_eq!(whole.iter().filter(|event| event.position <= head).count(), shown, "up to {head}");
    }
}
