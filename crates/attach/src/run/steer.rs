//! What an operator wants of a command, done.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use flightdeck_client::Client;
use flightdeck_client::replies::{Command, Commands, Messages};
use flightdeck_processes::Process;
use serde_json::json;

use super::ending::GRACE;
use super::input::Input;
use super::reporter::Reporter;

/// How long the server may wait for a command before it answers that there is none.
const WAIT: Duration = Duration::from_secs(25);
/// How long an answer may take on top of that.
const SLACK: Duration = Duration::from_secs(10);
/// How long to wait when the server is away.
const AWAY: Duration = Duration::from_secs(1);

/// Fetches commands and does them, until one is a kill: then it says so, and ends the command.
pub(super) async fn obey(
    client: Client,
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
        let Some(commands) = fetch(&client, &session, after).await else {
            tokio::time::sleep(AWAY).await;
            continue;
        };
        for command in commands {
            if command.seq <= after {
                continue;
            }
            after = command.seq;
            let steering = Steering {
                client: &client,
                session: &session,
                process: &process,
                input: &input,
                reporter: &reporter,
                killed: &killed,
            };
            steering.obey(&command).await;
        }
    }
}

async fn fetch(client: &Client, session: &str, after: u64) -> Option<Vec<Command>> {
    let path = format!("/agents/{session}/commands?after={after}&wait={}s", WAIT.as_secs());
    let client = client.clone();
    let answer = tokio::task::spawn_blocking(move || client.get_once(&path, WAIT + SLACK)).await.ok()?.ok()?;
    answer.is_good().then_some(())?;
    answer.read::<Commands>().map(|page| page.commands)
}

struct Steering<'a> {
    client: &'a Client,
    session: &'a str,
    process: &'a Process,
    input: &'a Input,
    reporter: &'a Reporter,
    killed: &'a AtomicBool,
}

impl Steering<'_> {
    /// Does one command, and says what became of it.
    async fn obey(&self, command: &Command) {
        let (seq, reason) = (command.seq, command.reason.as_deref());
        let consumed = json!({"state": "consumed"});
        match command.kind.as_str() {
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
            "inject" => self.inject(seq, command.message_seq.unwrap_or_default()).await,
            "interrupt" => self.refuse(seq, "a command has no turn that could be interrupted; pause or kill it"),
            "configure" => self.refuse(seq, "a command has no model and no mode that could be changed"),
            other => self.refuse(seq, &format!("{other} is not known here")),
        }
    }

    /// Passes the message at this place of the conversation on.
    async fn inject(&self, seq: u64, place: u64) {
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
            let (client, path) = (self.client.clone(), path.clone());
            let answer = tokio::task::spawn_blocking(move || client.get_once(&path, SLACK)).await.ok()?;
            match answer {
                Ok(answer) if answer.is_good() => {
                    return Some(answer.read::<Messages>()?.messages.into_iter().next()?.read.content);
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
