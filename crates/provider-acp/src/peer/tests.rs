//! Spoilt lines of real agents.

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;

use flightdeck_agent_io::mutants::{Numbers, mutant};
use serde_json::json;
use tokio::io::AsyncReadExt;

use super::*;
use crate::config::UsageScope;
use crate::transcript::Transcript;

/// What real agents wrote, in lines.
fn recorded() -> Vec<Vec<u8>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recorded");
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).expect("listed").map(|entry| entry.expect("read").path()).collect();
    paths.sort();
    let texts: Vec<String> = paths.iter().map(|path| std::fs::read_to_string(path).expect("read")).collect();
    texts.iter().flat_map(|text| text.lines()).map(|line| line.as_bytes().to_vec()).collect()
}

/// An agent whose output is written here: its input, and what is heard of it.
struct Spoilt {
    calls: Arc<Calls>,
    output: pipe::Sender,
    heard: mpsc::Receiver<Heard>,
    _queue: mpsc::UnboundedReceiver<String>,
}

fn spoilt() -> Spoilt {
    let (ours, theirs) = std::io::pipe().expect("a pipe");
    let output = pipe::Sender::from_owned_fd(OwnedFd::from(theirs)).expect("a pipe");
    let input = pipe::Receiver::from_owned_fd(OwnedFd::from(ours)).expect("a pipe");
    let (lines, queue) = mpsc::unbounded_channel();
    let (says, heard) = mpsc::channel(AHEAD);
    let calls = Arc::new(Calls::new(lines));
    tokio::spawn(Reader { calls: Arc::clone(&calls), says, log: SharedLog::nowhere() }.listen(input));
    Spoilt { calls, output, heard, _queue: queue }
}

impl Spoilt {
    /// What is heard of a line: everything before the mark that follows it.
    async fn hear(&mut self, line: &[u8]) -> Vec<Heard> {
        self.output.write_all(line).await.expect("written");
        self.output
            .write_all(b"\n{\"method\":\"session/update\",\"params\":{\"update\":{\"mark\":1}}}\n")
            .await
            .expect("written");
        let mut all = Vec::new();
        loop {
            match self.heard.recv().await.expect("the agent lives") {
                Heard::Update { session: None, update } if update.get("mark").is_some() => return all,
                heard => all.push(heard),
            }
        }
    }
}

#[tokio::test]
async fn no_spoilt_line_ends_an_agent_or_is_lost_without_a_word() {
    // Extensions are nobody's.
    let is_extension = |line: &Vec<u8>| String::from_utf8_lossy(line).contains("\"_auth/");
    let lines: Vec<Vec<u8>> = recorded().into_iter().filter(|line| !is_extension(line)).collect();
    let mut numbers = Numbers::new(13);
    let mut spoilt = spoilt();
    let mut transcript = Transcript::new(UsageScope::Turn);
    let mut told = 0;
    for _ in 0..4_000 {
        let place = numbers.below(lines.len());
        let line = mutant(lines.get(place).expect("a line"), &mut numbers);
        let heard = spoilt.hear(&line).await;
        // What is no message any more is in the log.
        let words = String::from_utf8_lossy(&line).into_owned();
        let is_meant = line.starts_with(b"{\"") || words.contains("\"jsonrpc\"");
        assert!(!heard.is_empty() || !is_meant, "{words}");
        for heard in heard {
            match heard {
                Heard::Update { update, .. } => drop(transcript.take(&update)),
                Heard::Told { .. } => told += 1,
                Heard::Asks(..) | Heard::Elicits(..) | Heard::TakenBack(_) | Heard::Doubt => {}
                other => panic!("{other:?}"),
            }
        }
    }
    assert!(told > 500, "{told} lines were told of");
    transcript.end_turn();
}

#[tokio::test]
async fn a_spoilt_answer_ends_its_turn_or_is_doubted() {
    let answers = [
        json!({"stopReason": "end_turn"}),
        json!({"stopReason": "end_turn", "usage": {"totalTokens": 1040, "inputTokens": 700, "outputTokens": 40}, "_meta": {}}),
        json!({"stopReason": "cancelled", "_meta": {"quota": {"token_count": null, "model_usage": []}}}),
    ];
    let mut numbers = Numbers::new(31);
    let mut spoilt = spoilt();
    let mut unclear = BTreeSet::new();
    for round in 0..3_000_u64 {
        spoilt.calls.ask("session/prompt", &json!({}), Waits::Prompt(round));
        let result = answers.get(numbers.below(answers.len())).expect("an answer");
        let line = json!({"jsonrpc": "2.0", "id": (round + 1) * 1_009, "result": result}).to_string();
        let line = mutant(line.as_bytes(), &mut numbers);
        let heard = spoilt.hear(&line).await;
        let stopped =
            heard.iter().filter(|heard| matches!(heard, Heard::Stopped(number, _) if *number == round)).count();
        let doubted = heard.iter().any(|heard| matches!(heard, Heard::Doubt));
        if stopped == 0 {
            // What is left of it may be anything, or nothing.
            let left = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line);
            assert!(
                doubted || left.len() < 16,
                "{round} {:?} {}: {heard:?}",
                message::read(&line),
                line.escape_ascii()
            );
            unclear.insert(round);
            spoilt.calls.forget_prompts();
        }
        assert!(stopped <= 1, "{heard:?}");
    }
    assert!(unclear.len() < 300, "{} of 3000 answers were unclear", unclear.len());
}

#[tokio::test]
async fn whoever_asks_in_a_spoilt_line_is_answered_once_when_its_id_is_known() {
    let asks =
        recorded().into_iter().filter(|line| String::from_utf8_lossy(line).contains("session/request_permission"));
    let asks: Vec<Vec<u8>> = asks.collect();
    let mut numbers = Numbers::new(7);
    let (ours, theirs) = std::io::pipe().expect("a pipe");
    let mut output = pipe::Receiver::from_owned_fd(OwnedFd::from(ours)).expect("a pipe");
    let sender = pipe::Sender::from_owned_fd(OwnedFd::from(theirs)).expect("a pipe");
    let (lines, queue) = mpsc::unbounded_channel();
    tokio::spawn(write(sender, queue));
    let calls = Arc::new(Calls::new(lines));
    let (says, mut heard) = mpsc::channel(AHEAD);
    let reader = Reader { calls: Arc::clone(&calls), says, log: SharedLog::nowhere() };
    let (mut wanted, mut given) = (0, 0);
    for _ in 0..3_000 {
        let line = mutant(asks.get(numbers.below(asks.len())).expect("a line"), &mut numbers);
        let known = flightdeck_agent_io::json::read(&line).ok().map(|read| read.value);
        let asked = known.as_ref().is_some_and(|known| known.get("method").is_some_and(Value::is_string));
        wanted += usize::from(asked && known.is_some_and(|known| known.get("id").is_some()));
        assert!(reader.take(flightdeck_agent_io::lines::Line::Whole(line)).await.is_ok());
        while let Ok(heard) = heard.try_recv() {
            // Nobody decides: the answer is dropped, and that is an answer.
            drop(heard);
        }
    }
    drop((reader, calls));
    let mut answers = String::new();
    output.read_to_string(&mut answers).await.expect("read");
    for answer in answers.lines() {
        let answer: Value = serde_json::from_str(answer).expect("JSON");
        assert!(answer.get("result").is_some() || answer.get("error").is_some(), "{answer}");
        given += 1;
    }
    assert!(wanted > 1_000 && given >= wanted, "{given} answers to {wanted} requests");
}
