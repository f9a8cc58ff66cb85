//! What an operator wants of a command, done.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use flightdeck_processes::Process;
use serde_json::{Value, json};

use super::GRACE;
use super::input::Input;
use super::reporter::Reporter;
use crate::link::Link;

/// How long the server may wait for a command before it answers that there is none.
const WAIT: Duration = Duration::from_secs(25);
/// How long an answer may take on top of that.
const SLACK: Duration = Duration::from_secs(10);
/// How long to wait when the server is away.
const AWAY: Duration = Duration::from_secs(1);

/// Fetches commands and does them, until one is a kill: then it says so, and ends the command.
pub(super) async fn obey(
    link: Link,
    session: String,
    process: Process,
    input: Input,
    reporter: Reporter,
    killed: Arc<AtomicBool>,
) {
    if !reporter.is_in_the_tree().await {
        return;
    }
    let mut after = 0;
    loop {
        let Some(commands) = fetch(&link, &session, after).await else {
            tokio::time::sleep(AWAY).await;
            continue;
        };
        for command in commands {
            let Some(seq) = command.get("seq").and_then(Value::as_u64).filter(|seq| *seq > after) else { continue };
            after = seq;
            let steering = Steering {
                link: &link,
                session: &session,
                process: &process,
                input: &input,
                reporter: &reporter,
                killed: &killed,
            };
            steering.obey(seq, &command).await;
        }
    }
}

async fn fetch(link: &Link, session: &str, after: u64) -> Option<Vec<Value>> {
    let path = format!("/agents/{session}/commands?after={after}&wait={}s", WAIT.as_secs());
    let link = link.clone();
    let answer = tokio::task::spawn_blocking(move || link.get(&path, WAIT + SLACK)).await.ok()?.ok()?;
    answer.is_good().then_some(())?;
    answer.body.get("commands")?.as_array().cloned()
}

struct Steering<'a> {
    link: &'a Link,
    session: &'a str,
    process: &'a Process,
    input: &'a Input,
    reporter: &'a Reporter,
    killed: &'a AtomicBool,
}

impl Steering<'_> {
    /// Does one command, and says what became of it.
    async fn obey(&self, seq: u64, command: &Value) {
        let text = |field| command.get(field).and_then(Value::as_str);
        let reason = text("reason");
        let consumed = json!({"state": "consumed"});
        match text("kind").unwrap_or_default() {
            "pause" => match self.process.freeze().await {
                Ok(()) => {
                    self.reporter.status("paused", reason);
                    self.reporter.receipt(seq, consumed);
                }
                Err(error) => self.refuse(seq, &error.to_string()),
            },
            "resume" => match self.process.thaw().await {
                Ok(()) => {
                    self.reporter.status("running", reason);
                    self.reporter.receipt(seq, consumed);
                }
                Err(error) => self.refuse(seq, &error.to_string()),
            },
            "kill" => {
                self.reporter.receipt(seq, json!({"state": "delivered"}));
                self.killed.store(true, Ordering::SeqCst);
                // It is consumed by the end of the session.
                let _ = self.process.terminate(GRACE).await;
            }
            "inject" => self.inject(seq, command).await,
            "interrupt" => self.refuse(seq, "a command has no turn that could be interrupted; pause or kill it"),
            other => self.refuse(seq, &format!("{other} is not known here")),
        }
    }

    async fn inject(&self, seq: u64, command: &Value) {
        let place = command.get("messageSeq").and_then(Value::as_u64).unwrap_or_default();
        let Some(text) = self.message(place).await else {
            self.refuse(seq, "its message could not be read");
            return;
        };
        if let Err(why) = self.input.write(seq, &text) {
            self.refuse(seq, why);
        }
    }

    async fn message(&self, seq: u64) -> Option<String> {
        let path = format!("/agents/{}/messages?after={}&limit=1", self.session, seq.saturating_sub(1));
        loop {
            let (link, path) = (self.link.clone(), path.clone());
            let answer = tokio::task::spawn_blocking(move || link.get(&path, SLACK)).await.ok()?;
            match answer {
                Ok(answer) if answer.is_good() => {
                    return answer.body.pointer("/messages/0/content")?.as_str().map(ToOwned::to_owned);
                }
                Ok(answer) if !answer.is_passing() => return None,
                _ => tokio::time::sleep(AWAY).await,
            }
        }
    }

    fn refuse(&self, seq: u64, why: &str) {
        self.reporter.receipt(seq, json!({"state": "refused", "reason": why}));
    }
}
