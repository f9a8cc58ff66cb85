use serde_json::json;

use super::*;
use crate::testing::{AtWork, FakeServer, id, session};

#[tokio::test]
async fn an_assignment_has_ended_when_all_of_its_sessions_have() {
    let server = FakeServer::new(|_| (200, json!({})));
    let work = AtWork::at(&server).await;
    work.held.add(session(2));
    work.held.add(session(3));
    work.all.add(id(2), &work.held);
    assert_eq!(work.held.live().last(), Some(&id(1)), "those below end before the one above");
    assert_eq!((work.held.live().len(), work.all.at_work()), (3, 1), "one agent, however many work within it");
    work.ends(1);
    work.ends(3);
    assert!(!work.held.has_ended(), "session 2 is at work");
    assert_eq!((work.held.live(), work.all.at_work()), (vec![id(2)], 1));
    work.ends(2);
    assert!(work.held.has_ended());
    assert_eq!((work.all.at_work(), work.all.is_empty(), work.all.each().len()), (0, false, 1), "it may have to send");
    work.all.remove(&work.held);
    assert!(work.all.is_empty() && work.all.of(id(2)).is_none());
}

#[tokio::test]
async fn what_an_earlier_run_has_left_has_no_agent() {
    let server = FakeServer::new(|_| (200, json!({})));
    let left = Held::left(id(1), server.link());
    assert!(left.has_ended());
    left.end("over").await;
    assert!(left.is_over());
}

#[tokio::test]
async fn the_agent_of_an_assignment_that_is_over_is_ended_once() {
    let server = FakeServer::new(|_| (200, json!({})));
    let work = AtWork::at(&server).await;
    work.held.end("over").await;
    work.held.end("over").await;
    assert_eq!(work.agent.handed(), [("kill".to_owned(), None)]);
}
