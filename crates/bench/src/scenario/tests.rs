//! Loads against a server that breaks its promises: each must be noticed.

use super::{fanout, history, idle, ingest};
use crate::check::Violation;
use crate::error::BenchError;
use crate::fake::{Fault, against};
use crate::figures::Figures;
use crate::progress::watched;

use std::time::Duration;

fn ingest(fault: Fault, batch: &str) -> Result<Figures, BenchError> {
    let words =
        ["--connections", "3", "--sessions", "2", "--batch", batch, "--seconds", "1", "--warmup", "0", "--rate", "200"];
    against(fault, ingest::grammar(), &words, &async |matches, launcher| ingest::run(matches, &launcher.start()?).await)
}

fn ingest_in_flight(fault: Fault) -> Result<Figures, BenchError> {
    let words =
        ["--connections", "2", "--sessions", "2", "--pipeline", "8", "--seconds", "1", "--warmup", "0", "--size", "40"];
    against(fault, ingest::grammar(), &words, &async |matches, launcher| ingest::run(matches, &launcher.start()?).await)
}

fn fanout(fault: Fault, more: &[&str]) -> Result<Figures, BenchError> {
    let words = [&["--followers", "4", "--messages", "40", "--batch", "10"], more].concat();
    against(fault, fanout::grammar(), &words, &async |matches, launcher| {
        let server = launcher.start()?;
        // Only what never moves again may run into it, however slow the machine is.
        let patience = Duration::from_millis(if fault == Fault::StreamStalls { 200 } else { 60_000 });
        watched(patience, fanout::run(matches, &server)).await
    })
}

fn history(fault: Fault) -> Result<Vec<Figures>, BenchError> {
    let words = ["--messages", "2000", "--depth", "1500", "--requests", "20"];
    against(fault, history::grammar(), &words, &async |matches, launcher| history::runs(matches, launcher, 1).await)
}

fn violation<T: std::fmt::Debug>(outcome: Result<T, BenchError>) -> Violation {
    match outcome {
        Err(BenchError::Violation(violation)) => violation,
        other => panic!("a violation was expected, not {other:?}"),
    }
}

#[test]
fn a_server_that_keeps_its_promises_has_figures() {
    let figures = ingest(Fault::None, "5").expect("no violation");
    assert!(figures.get("messages").is_some_and(|rate| rate > 0.0));
    let figures = fanout(Fault::None, &["--sessions", "2"]).expect("no violation");
    assert!(figures.get("events").is_some_and(|rate| rate > 0.0));
    let paced = ["--sessions", "3", "--rate", "60", "--seconds", "1", "--warmup", "1", "--publishers", "2"];
    let figures = fanout(Fault::None, &paced).expect("no violation");
    // 4 followers over 3 sessions of 20 messages each.
    assert_eq!(figures.get("delays measured"), Some(80.0));
    assert_eq!(history(Fault::None).expect("no violation").len(), 1);
    let figures = fanout(Fault::None, &["--pipeline", "8"]).expect("no violation");
    assert!(figures.get("events").is_some_and(|rate| rate > 0.0));
    let figures = ingest_in_flight(Fault::None).expect("no violation");
    assert!(figures.get("messages").is_some_and(|rate| rate > 0.0));
}

#[test]
fn what_is_wrong_behind_a_pipeline_is_noticed() {
    assert!(matches!(violation(ingest_in_flight(Fault::ReplySeqAgain)), Violation::Again { .. }));
    assert!(matches!(violation(ingest_in_flight(Fault::Lost)), Violation::Again { .. } | Violation::Count { .. }));
    assert!(matches!(violation(fanout(Fault::ReplySeqGap, &["--pipeline", "8"])), Violation::Gap { .. }));
    assert!(matches!(violation(fanout(Fault::StreamGap, &["--pipeline", "8"])), Violation::Gap { .. }));
    assert!(matches!(violation(fanout(Fault::StreamContent, &["--pipeline", "8"])), Violation::Content { .. }));
}

#[test]
fn idle_followers_are_counted_and_woken() {
    let words = ["--followers", "20", "--sessions", "2", "--settle", "0"];
    let run = async |matches: &_, launcher: &crate::server::Launcher| idle::run(matches, &launcher.start()?).await;
    let figures = against(Fault::None, idle::grammar(), &words, &run).expect("no violation");
    assert!(figures.get("memory per follower").is_some());
    let stopped = against(Fault::StreamContent, idle::grammar(), &["--followers", "20", "--settle", "0"], &run);
    assert!(matches!(violation(stopped), Violation::Content { .. }));
}

#[test]
fn wrong_seqs_in_replies_are_noticed() {
    assert!(matches!(violation(ingest(Fault::ReplySeqAgain, "1")), Violation::Again { .. }));
    assert!(matches!(violation(ingest(Fault::ReplySeqAgain, "5")), Violation::Gap { .. }));
    assert!(matches!(violation(ingest(Fault::ReplySeqGap, "5")), Violation::Gap { .. }));
    assert!(matches!(violation(ingest(Fault::ReplySeqGap, "1")), Violation::Gap { .. } | Violation::Again { .. }));
}

#[test]
fn what_is_acknowledged_and_not_there_is_noticed() {
    assert!(matches!(violation(ingest(Fault::Lost, "5")), Violation::Again { .. } | Violation::Count { .. }));
    assert!(matches!(violation(ingest(Fault::Total, "5")), Violation::Count { what: "messages in all", .. }));
    assert!(matches!(violation(ingest(Fault::PageContent, "5")), Violation::Content { .. }));
    assert!(matches!(violation(ingest(Fault::PageAgain, "5")), Violation::Again { .. }));
}

#[test]
fn wrong_pages_of_history_are_noticed() {
    assert!(matches!(violation(history(Fault::PageContent)), Violation::Content { .. }));
    assert!(matches!(violation(history(Fault::PageAgain)), Violation::Again { .. }));
    assert!(matches!(violation(history(Fault::Total)), Violation::Count { .. }));
}

#[test]
fn wrong_streams_are_noticed() {
    assert!(matches!(violation(fanout(Fault::StreamGap, &[])), Violation::Gap { expected: 4, got: 5, .. }));
    assert!(matches!(violation(fanout(Fault::StreamAgain, &[])), Violation::Again { expected: 5, got: 4, .. }));
    assert!(matches!(violation(fanout(Fault::StreamOrder, &[])), Violation::Gap { expected: 4, got: 5, .. }));
    assert!(matches!(violation(fanout(Fault::StreamContent, &[])), Violation::Content { .. }));
    assert!(matches!(violation(fanout(Fault::StreamMixed, &[])), Violation::Content { .. }));
}

#[test]
fn a_stream_that_does_not_go_on_is_noticed() {
    assert!(matches!(fanout(Fault::StreamStalls, &[]), Err(BenchError::Stalled(_))));
    assert!(matches!(fanout(Fault::StreamEnds, &[]), Err(BenchError::Protocol(_))));
}
