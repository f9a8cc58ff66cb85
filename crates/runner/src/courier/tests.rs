use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::testing::{AtWork, FakeServer, id, problem, session, until};

use super::*;

fn entry(kind: &str, path: &str, bytes: usize) -> Entry {
    Entry { id: 0, kind: kind.to_owned(), path: path.to_owned(), body: "x".repeat(bytes) }
}

#[test]
fn messages_of_one_session_go_together_and_nothing_overtakes() {
    let (said, other, status) = (entry("message", "/a", 1), entry("message", "/b", 1), entry("status", "/a", 1));
    assert_eq!(together(&[said.clone(), said.clone(), status.clone(), said.clone()]), 2);
    assert_eq!(together(&[said.clone(), other, said.clone()]), 1);
    assert_eq!(together(&[status, said.clone()]), 1);
    let large = entry("message", "/a", MOST_BYTES);
    assert_eq!(together(&[large.clone(), said.clone()]), 1);
    assert_eq!(together(&[entry("message", "/a", MOST_BYTES + 1), said.clone()]), 1, "what is too large goes alone");
    assert_eq!(together(&vec![said; 2_000]), MOST_MESSAGES);
}

fn contents(bodies: &[Value]) -> Vec<String> {
    let texts = bodies.iter().flat_map(|body| match body {
        Value::Array(all) => all.clone(),
        one => vec![one.clone()],
    });
    texts.map(|it| it["content"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Sends until everything has arrived and the agent has ended.
async fn deliver_all(work: &AtWork) {
    work.ends(1);
    let sent = deliver(Arc::clone(&work.held), work.outbox.clone(), work.all.clone());
    tokio::time::timeout(Duration::from_secs(30), sent).await.expect("it comes to its end");
    assert!(work.all.is_empty(), "nothing is held any more");
    assert_eq!((work.outbox.next(id(1)).expect("read"), work.outbox.left().expect("read")), (vec![], vec![]));
}

const PATH: &str = "/agents/00000000-0000-0000-0000-000000000001/messages";

#[tokio::test]
async fn what_the_server_cannot_take_now_is_sent_again_whole_and_in_order() {
    let calls = AtomicUsize::new(0);
    let server = FakeServer::new(move |_| match calls.fetch_add(1, Ordering::SeqCst) {
        0 => problem(503, "unavailable"),
        1 => problem(429, "throttled"),
        // An answer to the key, which an operator has to mend.
        2 => problem(401, "unauthenticated"),
        _ => (201, json!({})),
    });
    let work = AtWork::at(&server).await;
    for text in ["one", "two", "three"] {
        work.say(1, text).await;
    }
    deliver_all(&work).await;
    let sent = server.sent(PATH);
    assert_eq!(sent.len(), 4);
    for body in &sent {
        assert_eq!(contents(std::slice::from_ref(body)), ["one", "two", "three"]);
    }
    assert!(
        server.asked().iter().all(|asked| asked.held.as_deref() == Some(&format!("{}/7", id(1)))),
        "with its token"
    );
}

#[tokio::test]
async fn of_messages_that_are_refused_together_only_the_wrong_one_is_replaced() {
    let server = FakeServer::new(|asked| {
        let texts = contents(std::slice::from_ref(&asked.body));
        if texts.iter().any(|text| text == "wrong") { problem(400, "invalid") } else { (201, json!({})) }
    });
    let work = AtWork::at(&server).await;
    for text in ["one", "wrong", "three", "four"] {
        work.say(1, text).await;
    }
    deliver_all(&work).await;
    let good: Vec<String> = server
        .sent(PATH)
        .iter()
        .map(|body| contents(std::slice::from_ref(body)))
        .filter(|texts| !texts.iter().any(|text| text == "wrong"))
        .flatten()
        .collect();
    assert_eq!(good.len(), 4, "{good:?}");
    assert_eq!((good[0].as_str(), good[2].as_str(), good[3].as_str()), ("one", "three", "four"));
    assert!(good[1].starts_with("a message was left out") && good[1].contains("invalid"), "{good:?}");
}

#[tokio::test]
async fn what_an_ended_session_does_not_take_is_left_out_without_a_word() {
    for status in [409, 404] {
        let server = FakeServer::new(move |_| problem(status, "session-ended"));
        let work = AtWork::at(&server).await;
        work.say(1, "late").await;
        deliver_all(&work).await;
        assert_eq!(contents(&server.sent(PATH)), ["late"]);
    }
}

#[tokio::test]
async fn when_the_assignment_is_over_the_agent_is_ended_and_nothing_more_is_sent() {
    for kind in ["assignment-over", "assignment-fenced"] {
        let server = FakeServer::new(move |_| problem(409, kind));
        let work = AtWork::at(&server).await;
        work.say(1, "one").await;
        let sends = tokio::spawn(deliver(Arc::clone(&work.held), work.outbox.clone(), work.all.clone()));
        until("its agent is ended", || work.agent.handed() == [("kill".to_owned(), None)]).await;
        work.say(1, "two").await;
        // It has the assignment for as long as its agent lives: nobody else may start it here.
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(!work.all.is_empty());
        work.ends(1);
        tokio::time::timeout(Duration::from_secs(30), sends).await.expect("it ends").expect("no panic");
        assert_eq!(contents(&server.sent(PATH)), ["one"], "{kind}");
        assert_eq!(work.outbox.left().expect("read"), vec![], "a restart finds nothing of it");
        assert_eq!(work.agent.handed().len(), 1);
    }
}

#[tokio::test]
async fn it_goes_on_until_those_below_have_ended_too() {
    let server = FakeServer::new(|_| (201, json!({})));
    let work = AtWork::at(&server).await;
    work.held.add(session(2));
    work.ends(1);
    let sends = tokio::spawn(deliver(Arc::clone(&work.held), work.outbox.clone(), work.all.clone()));
    tokio::time::sleep(Duration::from_millis(100)).await;
    work.say(2, "below").await;
    work.ends(2);
    tokio::time::timeout(Duration::from_secs(30), sends).await.expect("it ends").expect("no panic");
    assert_eq!(contents(&server.sent(&PATH.replace("01/", "02/"))), ["below"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_word_of_an_agent_that_ends_while_the_outbox_is_looked_into_arrives() {
    let server = FakeServer::new(|_| (200, json!({})));
    let work = AtWork::at(&server).await;
    let (outbox, held, runtime) = (work.outbox.clone(), Arc::clone(&work.held), tokio::runtime::Handle::current());
    work.outbox.after_next(move || {
        let put = outbox.put(id(1), "status", "/status".to_owned(), json!({"status": "killed"}).to_string());
        runtime.block_on(put).expect("kept");
        let known = held.session(id(1)).expect("known");
        held.set(flightdeck_domain::session::Session {
            status: flightdeck_domain::session::SessionStatus::Killed,
            ..known
        });
    });
    let sends = deliver(Arc::clone(&work.held), work.outbox.clone(), work.all.clone());
    tokio::time::timeout(Duration::from_secs(30), sends).await.expect("it comes to its end");
    assert_eq!(server.sent("/status"), [json!({"status": "killed"})]);
}
