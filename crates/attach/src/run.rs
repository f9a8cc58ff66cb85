//! `flightdeck run`: any command, seen and steered as a session.
//!
//! The command runs in a process group of its own (`flightdeck_processes`). What it writes is echoed and reported
//! ([`reporter`]); what an operator wants is fetched and done ([`steer`]). The server may come and go meanwhile: what was
//! said waits, and is sent with the same ids.

mod count;
mod earlier;
mod ending;
mod input;
#[cfg(test)]
mod mutations;
mod output;
mod presets;
mod quiet;
mod reporter;
mod steer;
mod told;
mod transcript;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use flightdeck_agent_io::scrub::Scrubber;
use flightdeck_agent_io::text::one_line;
use flightdeck_client::Client;
use flightdeck_domain::ports::IdGenerator;
use flightdeck_domain::system::SystemIds;
use flightdeck_processes::{Launch, LaunchError, Launcher, Limits, Owner, Supervisor};
use flightdeck_terminal::{Exit, Outcome, warn};
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_util::sync::CancellationToken;

use crate::grammar::RunArgs;
use ending::{Asked, End, GRACE};
use input::{Input, InputMode};
use output::Listening;
use presets::Choice;
pub(crate) use presets::names as preset_names;
use quiet::Heard;
use reporter::Reporter;
use transcript::Transcript;

/// Why a command was not run.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error("the server does not take the session: {0}")]
    Refused(String),
    #[error("the folder that it was to run in is gone")]
    Folder(#[source] std::io::Error),
    #[error("cannot prepare to run the command")]
    System(#[source] std::io::Error),
    #[error(transparent)]
    Launch(#[from] LaunchError),
    #[error("flightdeck run itself failed; this is a fault of it")]
    Panicked,
}

/// Runs the command, and ends as it does.
pub(crate) async fn run(args: &RunArgs) -> Outcome {
    let mut signals = ending::signals();
    let session = SystemIds.session_id().to_string();
    let client = args.server.connect()?;
    let registration = registration(args, &session);
    let reporter = Reporter::start(client.clone(), session.clone(), registration).map_err(RunError::System)?;
    let began = tokio::select! {
        refused = reporter.registered() => match refused {
            Some(refused) => return Err(RunError::Refused(refused).into()),
            None => Ok(()),
        },
        Some(asked) = signals.recv() => Err(End::before(asked)),
    };
    let end = match began {
        Ok(()) => {
            let run = Run::new(args, session, client, reporter.clone());
            // On a task of its own, so that the session ends with a reason also when this fails.
            match tokio::spawn(run.attend(signals)).await {
                Ok((end, left)) => {
                    signals = left;
                    end
                }
                Err(_panicked) => {
                    signals = ending::signals();
                    failed(&reporter, &RunError::Panicked)
                }
            }
        }
        Err(end) => {
            reporter.end(end.status, &end.reason);
            end
        }
    };
    // Whoever asks again does not want to wait for the server.
    tokio::select! {
        () = reporter.finish(args.linger()) => {}
        Some(_) = signals.recv() => warn("the end of the session did not reach the server"),
    }
    Exit::OfCommand(u8::try_from(end.code).unwrap_or(u8::MAX)).end();
}

/// Ends the session of a command that was not run.
fn failed(reporter: &Reporter, error: &RunError) -> End {
    let end = End::failed(error);
    warn(&end.reason);
    reporter.end(end.status, &end.reason);
    end
}

/// A command that is to be run, and all that is needed for it.
struct Run {
    command: Vec<String>,
    session: String,
    client: Client,
    reporter: Reporter,
    choice: Choice,
    mode: InputMode,
    echo: bool,
}

impl Run {
    fn new(args: &RunArgs, session: String, client: Client, reporter: Reporter) -> Self {
        let choice = Choice::of(&args.preset, &args.command);
        let mode = InputMode::of(args.input.as_deref(), &choice);
        Self { command: args.command.clone(), session, client, reporter, choice, mode, echo: !args.quiet }
    }

    /// Runs the command to its end, whatever comes between.
    async fn attend(self, mut signals: UnboundedReceiver<Asked>) -> (End, UnboundedReceiver<Asked>) {
        let reporter = self.reporter.clone();
        match self.run(&mut signals).await {
            Ok(end) => (end, signals),
            Err(error) => (failed(&reporter, &error), signals),
        }
    }

    async fn run(self, signals: &mut UnboundedReceiver<Asked>) -> Result<End, RunError> {
        let launcher = Supervisor::this_binary().and_then(Launcher::new).map_err(RunError::System)?;
        let errors = output::Errors::new().map_err(RunError::System)?;
        let started = launcher.launch(self.launch(&errors)?).await?;
        let Self { session, client, reporter, choice, mode, echo, .. } = self;
        let process = started.process;
        let heard = Heard::default();
        let hint =
            mode.takes_messages().then(|| tokio::spawn(quiet::hint(heard.clone(), quiet::SILENCE, reporter.clone())));
        let (input, writing) = Input::new(mode, started.input, heard.clone(), reporter.clone());
        let listening = Listening { reporter: reporter.clone(), heard, echo, hurry: CancellationToken::new() };
        let transcript = Transcript::new(choice);
        let reading = output::read(started.output, transcript, &listening, client.clone(), session.clone());
        let reading_errors = errors.read(&listening);
        let killed = Arc::new(AtomicBool::new(false));
        let obeying = steer::obey(client, session, process.clone(), input, reporter.clone(), Arc::clone(&killed));
        let obeying = tokio::spawn(obeying);
        let (ended, asked) = tokio::select! {
            ended = process.ended() => (ended, None),
            Some(asked) = signals.recv() => {
                // Whoever asks twice wants it to end now.
                let ended = tokio::select! {
                    ended = process.terminate(GRACE) => ended,
                    Some(_) = signals.recv() => process.terminate(Duration::ZERO).await,
                };
                (ended, Some(asked))
            }
        };
        obeying.abort();
        hint.inspect(tokio::task::JoinHandle::abort);
        writing.finish().await;
        // What it wrote last is still in the pipes; they end with the last of its processes.
        listening.hurry.cancel();
        let (all, all_errors) = tokio::join!(reading.reported(GRACE), reading_errors.reported(GRACE));
        if !(all.is_all && all_errors.is_all) {
            reporter.notice("what it wrote last could not be read in time");
        }
        let end = End::of(ended, asked, killed.load(Ordering::SeqCst));
        reporter.end(end.status, &end.reason);
        // The server need not wait for a terminal that takes nothing.
        tokio::join!(all.shown(GRACE), all_errors.shown(GRACE));
        Ok(end)
    }

    /// The command as a shell starts it, but for its standard error, which is read apart.
    fn launch(&self, errors: &output::Errors) -> Result<Launch, RunError> {
        let mut env = environment();
        env.insert("FLIGHTDECK_AGENT_ID".to_owned(), self.session.clone());
        env.insert("FLIGHTDECK_URL".to_owned(), self.client.base().to_owned());
        let script = "exec \"$@\" 2>\"$0\"".to_owned();
        let args = ["-c".to_owned(), script, errors.path()].into_iter().chain(self.command.iter().cloned()).collect();
        Ok(Launch {
            scrubber: Scrubber::default(),
            program: "/bin/sh".to_owned(),
            args,
            cwd: std::env::current_dir().map_err(RunError::Folder)?,
            env,
            limits: Limits::default(),
            cgroup: false,
            owner: Owner::new(&self.session),
            name: "run".to_owned(),
            log: None,
        })
    }
}

/// The environment of this command. What is no text cannot be passed on, and is told.
fn environment() -> BTreeMap<String, String> {
    let mut env = BTreeMap::new();
    for (name, value) in std::env::vars_os() {
        match (name.into_string(), value.into_string()) {
            (Ok(name), Ok(value)) => {
                env.insert(name, value);
            }
            (name, _) => {
                let name = name.unwrap_or_else(|name| name.to_string_lossy().into_owned());
                warn(&format!("{name} is not passed on, for it is no text"));
            }
        }
    }
    env
}

fn registration(args: &RunArgs, session: &str) -> Value {
    let task = args.task.clone().unwrap_or_else(|| one_line(&args.command.join(" "), 180));
    let cwd = std::env::current_dir().ok().map(|path| path.display().to_string());
    let mut new = json!({
        "sessionId": session,
        "taskId": task,
        "taskSource": "run",
        "agentType": args.name,
        "context": {"command": args.command, "cwd": cwd},
    });
    // What it uses is read from what it writes: its telemetry would count it again.
    if Choice::of(&args.preset, &args.command).preset.is_some()
        && let Some(new) = new.as_object_mut()
    {
        new.insert("metadata".to_owned(), json!({"telemetry": "off"}));
    }
    for (field, value) in [("missionId", &args.mission), ("parentSessionId", &args.parent)] {
        if let (Some(value), Some(new)) = (value, new.as_object_mut()) {
            new.insert(field.to_owned(), value.as_str().into());
        }
    }
    new
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: RunArgs,
    }

    #[test]
    fn what_is_counted_by_its_output_is_not_counted_by_its_telemetry() {
        let registered = |command: &[&str]| {
            let line = ["run", "--name", "worker", "--"].iter().chain(command);
            registration(&Line::try_parse_from(line).expect("arguments").args, "s")
        };
        assert_eq!(
            registered(&["claude", "-p", "x", "--output-format", "stream-json"])["metadata"]["telemetry"],
            "off"
        );
        assert_eq!(
            registered(&["./agent.sh"])["metadata"],
            Value::Null,
            "its telemetry is all that tells of its usage"
        );
    }
}
