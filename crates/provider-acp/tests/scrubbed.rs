//! An agent that tells its own credentials: they are on no record.
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::fmt::Write;

use flightdeck_domain::approval::ApprovalOption;
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::ports::ProviderKind;
use flightdeck_domain::provider_config::{ConfigLimits, Credentials, ProviderConfig, Secret};
use flightdeck_domain::session::SessionStatus;
use flightdeck_provider_acp::AgentConfig;
use serde_json::{Value, json};
use support::{Deck, config, pause};

const CANARY: &str = "canary-Zx81 \"quoted\" schlüssel";
const SHORT: &str = "tiny";

fn keeper() -> Deck {
    let credentials = [("TOKEN".to_owned(), CANARY.to_owned()), ("PIN".to_owned(), SHORT.to_owned())];
    Deck::new(vec![AgentConfig { credentials: credentials.into(), ..config("tester", &[]) }])
}

/// Everything that is on record of a session, and what was shown of it.
async fn recorded(deck: &Deck, id: SessionId) -> String {
    let mut all = format!("{:?} {:?}", deck.session(id).await, deck.shown.0.lock().expect("nobody panicked"));
    for message in deck.messages(id).await {
        let _ = write!(all, "{message:?}");
    }
    if let Some(approval) = deck.asked(id).await {
        let _ = write!(all, "{approval:?}");
    }
    let logs = std::fs::read_dir(deck.folder.path().join("agent-logs")).expect("a folder");
    for log in logs {
        all.push_str(&String::from_utf8_lossy(&std::fs::read(log.expect("an entry").path()).expect("read")));
    }
    // As it stands in JSON, too.
    all.replace("\\\"", "\"")
}

fn has_canary(recorded: &str) -> bool {
    // A beginning of it that is long enough to be one.
    recorded.contains("canary-Z")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_agent_tells_of_its_credentials_is_replaced_everywhere() {
    let deck = keeper();
    let raw = |update: Value| {
        let params = json!({"sessionId": "$S", "update": update});
        format!("raw {}\n", json!({"jsonrpc": "2.0", "method": "session/update", "params": params}))
    };
    // As JSON text: the credential itself has quotation marks.
    let quoted = CANARY.replace('"', "\\\"");
    let script = [
        "say In pieces: $ENV(TOKEN), again $ENV(TOKEN), and $ENV(PIN).\n".to_owned(),
        "think $ENV(TOKEN)\n".to_owned(),
        "tool cat $ENV(TOKEN)\n".to_owned(),
        "log the key is $ENV(TOKEN)\n".to_owned(),
        "print no protocol: $ENV(TOKEN)\n".to_owned(),
        "plan use $ENV(TOKEN)\n".to_owned(),
        raw(json!({"sessionUpdate": "something_new", "of": {"key $ENV(TOKEN)": 1}}))
            .replace("$ENV(TOKEN)", "$ENV(QUOTED)"),
        raw(
            json!({"sessionUpdate": "tool_call", "toolCallId": "x", "title": "t", "rawInput": {"key": "$ENV(QUOTED)"}}),
        ),
        "ask May I use $ENV(TOKEN)?\n".to_owned(),
        "say done".to_owned(),
    ]
    .concat();
    // A text that is cut within the credential.
    let cut = raw(json!({"sessionUpdate": "something_else", "of": format!("{}{CANARY}", "x".repeat(240))}));
    let script = format!("{cut}{}", script.replace("$ENV(QUOTED)", &quoted));
    let id = deck.spawn(&script).await;
    let approval = deck.until_asked(id).await;
    assert!(approval.title.as_str().contains("[credential TOKEN]"), "{}", approval.title);
    let all = recorded(&deck, id).await;
    assert!(!has_canary(&all), "{all}");
    deck.decide(&approval, ApprovalOption::AllowOnce).await;
    deck.until(id, SessionStatus::Idle).await;
    let told = deck.told(id).await;
    let line = "assistant: In pieces: [credential TOKEN], again [credential TOKEN], and tiny.";
    assert!(told.iter().any(|told| told == line), "{told:#?}");
    let all = recorded(&deck, id).await;
    assert!(!has_canary(&all), "{all}");
    assert!(all.contains("the key is [credential TOKEN]") && all.contains("no protocol: [credential TOKEN]"), "{all}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reason_of_an_end_has_no_credential() {
    let deck = keeper();
    let id = deck.spawn("log Error: the key $ENV(TOKEN) is wrong\ncrash").await;
    let failed = loop {
        let session = deck.session(id).await;
        if session.status == SessionStatus::Failed {
            break session;
        }
        pause().await;
    };
    let reason = failed.status_reason.expect("a reason").to_string();
    assert!(reason.contains("[credential TOKEN]") && !reason.contains("canary"), "{reason}");
    let all = recorded(&deck, id).await;
    assert!(!has_canary(&all), "{all}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preview_shows_no_beginning_of_a_credential() {
    let deck = keeper();
    // Each step takes longer than previews are apart.
    let script = format!(
        "raw {}\nwait 200\nraw {}\nwait 200",
        json!({"jsonrpc": "2.0", "method": "session/update", "params": {"sessionId": "$S", "update":
            {"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": "It is canary-Zx8"}}}}),
        json!({"jsonrpc": "2.0", "method": "session/update", "params": {"sessionId": "$S", "update":
            {"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": "1 \"quoted\" schlüssel!"}}}}),
    );
    let id = deck.spawn(&script).await;
    deck.until(id, SessionStatus::Idle).await;
    let shown = deck.shown.0.lock().expect("nobody panicked").clone();
    assert_eq!(shown, ["message: It is ", "message: It is [credential TOKEN]!"]);
}

/// A program that answers the first call with an error that names its credential.
const REFUSES: &str = r#"read line; id=$(printf '%s' "$line" | sed 's/.*"id":\([^,}]*\).*/\1/');
printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32000,"message":"wrong key %s"}}\n' "$id" "$TOKEN"; sleep 5"#;
/// A credential without a character that JSON escapes.
const PLAIN: &str = "canary-Zx81-plain";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_refuses_its_credential_does_not_tell_it() {
    let credentials = [("TOKEN".to_owned(), PLAIN.to_owned())];
    let args = vec!["-c".to_owned(), REFUSES.to_owned()];
    let agent =
        AgentConfig { command: "sh".to_owned(), args, credentials: credentials.into(), ..config("tester", &[]) };
    let deck = Deck::new(vec![agent]);
    let id = deck.spawn("hello").await;
    while deck.session(id).await.status != SessionStatus::Failed {
        pause().await;
    }
    let reason = deck.session(id).await.status_reason.expect("a reason").to_string();
    assert!(reason.contains("wrong key [credential TOKEN]"), "{reason}");
    assert!(!has_canary(&recorded(&deck, id).await));
}

#[tokio::test]
async fn a_trial_tells_no_credential() {
    let deck = Deck::new(Vec::new());
    let path = std::env::var("PATH").expect("a path");
    let config = stored(json!({"command": "sh", "args": ["-c", REFUSES], "env": {"PATH": path}}));
    let secret = Secret::new(PLAIN.to_owned()).expect("valid");
    let credentials: Credentials = [("TOKEN".parse().expect("valid"), secret)].into();
    let failed = deck.provider.test(&config, credentials).await.expect_err("it refuses").to_string();
    assert!(failed.contains("wrong key [credential TOKEN]"), "{failed}");
}

fn stored(settings: Value) -> ProviderConfig {
    ProviderConfig {
        name: "trial".parse().expect("valid"),
        kind: "acp".parse().expect("valid"),
        display_name: None,
        enabled: true,
        settings: serde_json::from_value(settings).expect("an object"),
        credentials: std::collections::BTreeMap::new(),
        labels: [].into(),
        limits: ConfigLimits::default(),
        revision: 1,
        changed: None,
    }
}
