//! An agent whose lines are spoilt lives, and each of its turns ends.
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use flightdeck_agent_io::mutants::{Numbers, mutant};
use flightdeck_domain::action::Origin;
use flightdeck_domain::approval::{ApprovalOption, ApprovalRefused, ExpiryReason};
use flightdeck_domain::command::Delivery;
use flightdeck_domain::operator::Actor;
use flightdeck_domain::ports::DecideApprovalError;
use flightdeck_domain::session::SessionStatus;
use flightdeck_domain::use_cases::DecideApproval;
use flightdeck_provider_acp::AgentConfig;
use serde_json::Value;
use support::{Deck, config, pause};

/// What the test agent has to be told to write these bytes.
fn raw(line: &[u8]) -> String {
    let mut script = "raw ".to_owned();
    for byte in line {
        match byte {
            b' '..=b'~' if *byte != b'\\' && *byte != b'$' => script.push(char::from(*byte)),
            byte => script.extend(format!("\\x{byte:02x}").chars()),
        }
    }
    script
}

/// What real agents told, as lines, in which the session is the test agent's. Their answers are those of other calls.
fn recorded() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recorded");
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).expect("listed").map(|entry| entry.expect("read").path()).collect();
    paths.sort();
    let texts = paths.iter().map(|path| std::fs::read_to_string(path).expect("read"));
    let lines: Vec<String> = texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    let told = lines.into_iter().filter_map(|line| {
        let value: Value = serde_json::from_str(&line).expect("JSON");
        let session = value.get("params")?.get("sessionId")?.as_str()?.to_owned();
        Some(line.replace(&session, "@@"))
    });
    told.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_turn_hangs_and_no_agent_ends() {
    let agent = AgentConfig { doubt_time: Duration::from_millis(100), ..config("tester", &[]) };
    let deck = Deck::new(vec![agent]);
    let lines = recorded();
    let mut numbers = Numbers::new(5);
    let id = deck.spawn("").await;
    deck.until(id, SessionStatus::Idle).await;
    let own = deck.session(id).await.provider_session_id.expect("known").to_string();
    for _ in 0..60 {
        let mut script: Vec<String> = Vec::new();
        for _ in 0..25 {
            let line = lines.get(numbers.below(lines.len())).expect("a line").replace("@@", &own);
            script.push(raw(&mutant(line.as_bytes(), &mut numbers)));
        }
        // Its answer is spoilt, too, but for the id, which is put in by the agent.
        let answer = mutant(br#"{"jsonrpc":"2.0","id":7,"result":{"stopReason":"end_turn"}}"#, &mut numbers);
        if answer.len() > 20 {
            script.push(raw(&answer).replace("\"id\":7", "\"id\":$P"));
            script.push("unanswered".to_owned());
        }
        let place = deck.inject(id, Delivery::Queue, &script.join("\n")).await;
        deck.until_settled(id, place).await;
        // What was asked behind the end of the turn waits for somebody who decides.
        while deck.session(id).await.status != SessionStatus::Idle {
            if let Some(asked) = deck.asked(id).await {
                // What is offered may be spoilt, too.
                let rejects = asked.options.iter().find(|option| !option.allows());
                let option = rejects.unwrap_or(ApprovalOption::AllowOnce);
                let origin = Origin::new(Actor::local_cli(), "req-2".parse().expect("valid"));
                // The agent may take it back between the look and the word.
                match DecideApproval::new(&deck.ports).execute(asked.id, option, origin).await {
                    Ok(_)
                    | Err(DecideApprovalError::Refused(ApprovalRefused::Expired {
                        why: ExpiryReason::Withdrawn,
                        ..
                    })) => {}
                    Err(error) => panic!("not decided: {error}"),
                }
            }
            pause().await;
        }
    }
    let last = deck.inject(id, Delivery::Queue, "hello").await;
    deck.until_receipt(id, last, "consumed").await;
    // What the spoilt lines have left behind may still be told, before and behind the answer.
    loop {
        let end = deck.session(id).await.last_seq.next();
        let newest = deck.ports.messages.before(id, end, 200).await.expect("read").expect("there").messages;
        if newest.iter().any(|message| message.content.as_str().contains("You said: hello")) {
            break;
        }
        pause().await;
    }
    deck.until(id, SessionStatus::Idle).await;
}
