//! What an operator wants of a command, done.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use flightdeck_processes::Process;
use serde_json::{Value, json};

use super::GRACE;
use super::input::{Input, Written};
use super::uplink::Uplink;
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
    uplink: Uplink,
    killed: Arc<AtomicBool>,
) {
    if !uplink.is_in_the_tree().await {
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
                uplink: &uplink,
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
    uplink: &'a Uplink,
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
                    self.uplink.status("paused", reason);
                    self.uplink.receipt(seq, consumed);
                }
                Err(error) => self.refuse(seq, &error.to_string()),
            },
            "resume" => match self.process.thaw().await {
                Ok(()) => {
                    self.uplink.status("running", reason);
                    self.uplink.receipt(seq, consumed);
                }
                Err(error) => self.refuse(seq, &error.to_string()),
            },
            "kill" => {
                self.uplink.receipt(seq, json!({"state": "delivered"}));
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
        match self.input.write(&text).await {
            Written::No(why) => self.refuse(seq, why),
            Written::Yes => {
                self.uplink.receipt(seq, json!({"state": "delivered"}));
                let (input, uplink) = (self.input.clone(), self.uplink.clone());
                tokio::spawn(async move {
                    // Only what left the pipe was read.
                    if input.is_read().await {
                        uplink.receipt(seq, json!({"state": "consumed"}));
                    }
                });
            }
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
        self.uplink.receipt(seq, json!({"state": "refused", "reason": why}));
    }
}
