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

use clap::{Arg, ArgAction, ArgMatches, Command};
use flightdeck_agent_io::text::one_line;
use flightdeck_domain::ports::IdGenerator;
use flightdeck_domain::system::SystemIds;
use flightdeck_processes::{Launch, LaunchError, Launcher, Limits, Owner, Supervisor};
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_util::sync::CancellationToken;

use crate::cli::Outcome;
use crate::link::{self, Link};
use crate::terminal;
use ending::{Asked, End};
use input::{Input, InputMode};
use output::Listening;
use presets::Choice;
use quiet::Heard;
use reporter::Reporter;
use transcript::Transcript;

/// How long a command that is to stop may take before it is killed, and how long what it wrote last may take to be read.
const GRACE: Duration = Duration::from_secs(5);

pub(crate) fn grammar() -> Command {
    Command::new("run")
        .about("Run a command as a session: its lines are messages, and pause, resume and kill act on it")
        .long_about(
            "Runs a command as a session. Its lines are messages; a message that is injected is written to its standard \
             input; pause, resume and kill act on everything it has started; its end ends the session. When the server is \
             away the command runs on, and what it said is sent later.",
        )
        .args(link::flags())
        .arg(Arg::new("name").long("name").required(true).help("what kind of agent it is, as it is shown in the tree"))
        .arg(Arg::new("task").long("task").help("its work item; the command when missing"))
        .arg(Arg::new("mission").long("mission").help("the mission it belongs to"))
        .arg(Arg::new("parent").long("parent").value_name("AGENT").help("the session that it is to be shown under"))
        .arg(
            Arg::new("preset")
                .long("preset")
                .help(
                    "how its lines are read: as text, or as what claude, codex, gemini, opencode, pi and qwen write for \
                     programs; auto tells by the command, or by its first lines",
                )
                .value_parser(presets::names())
                .default_value("auto"),
        )
        .arg(
            Arg::new("input")
                .long("input")
                .help(
                    "what it reads: injected messages, the standard input of this command, or nothing; nothing for presets \
                     whose command takes no messages [default: inject]",
                )
                .value_parser(["inject", "own", "none"]),
        )
        .arg(
            Arg::new("linger")
                .long("linger")
                .value_name("SECONDS")
                .help("how long to wait at the end for a server that is away")
                .value_parser(clap::value_parser!(u64))
                .default_value("60"),
        )
        .arg(Arg::new("quiet").short('q').long("quiet").action(ArgAction::SetTrue).help("do not echo what it writes"))
        .arg(Arg::new("command").required(true).num_args(1..).trailing_var_arg(true).allow_hyphen_values(true))
}

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
pub(crate) async fn run(given: &ArgMatches) -> Outcome {
    let mut signals = ending::signals();
    let command: Vec<String> = given.get_many::<String>("command").into_iter().flatten().cloned().collect();
    let session = SystemIds.session_id().to_string();
    let link = Link::open(given)?;
    let registration = registration(given, &session, &command);
    let reporter = Reporter::start(link.clone(), session.clone(), registration).map_err(RunError::System)?;
    let began = tokio::select! {
        refused = reporter.registered() => match refused {
            Some(refused) => return Err(RunError::Refused(refused).into()),
            None => Ok(()),
        },
        Some(asked) = signals.recv() => Err(End::before(asked)),
    };
    let end = match began {
        Ok(()) => {
            let run = Run::new(given, command, session, link, reporter.clone());
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
        () = reporter.finish(linger(given)) => {}
        Some(_) = signals.recv() => reporter::warn("the end of the session did not reach the server"),
    }
    std::process::exit(end.code);
}

/// Ends the session of a command that was not run.
fn failed(reporter: &Reporter, error: &RunError) -> End {
    let end = End::failed(error);
    reporter::warn(&end.reason);
    reporter.end(end.status, &end.reason);
    end
}

/// A command that is to be run, and all that is needed for it.
struct Run {
    command: Vec<String>,
    session: String,
    url: String,
    link: Link,
    reporter: Reporter,
    choice: Choice,
    mode: InputMode,
    echo: bool,
}

impl Run {
    fn new(given: &ArgMatches, command: Vec<String>, session: String, link: Link, reporter: Reporter) -> Self {
        let text = |name| given.get_one::<String>(name).map(String::as_str);
        let choice = Choice::of(text("preset"), &command);
        let mode = InputMode::of(text("input"), &choice);
        let (url, echo) = (link::url(given), !given.get_flag("quiet"));
        Self { command, session, url, link, reporter, choice, mode, echo }
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
        let Self { session, link, reporter, choice, mode, echo, .. } = self;
        let process = started.process;
        let heard = Heard::default();
        let hint =
            mode.takes_messages().then(|| tokio::spawn(quiet::hint(heard.clone(), quiet::SILENCE, reporter.clone())));
        let (input, writing) = Input::new(mode, started.input, heard.clone(), reporter.clone());
        let listening = Listening { reporter: reporter.clone(), heard, echo, hurry: CancellationToken::new() };
        let transcript = Transcript::new(choice);
        let reading = output::read(started.output, transcript, &listening, link.clone(), session.clone());
        let reading_errors = errors.read(&listening);
        let killed = Arc::new(AtomicBool::new(false));
        let obeying = steer::obey(link, session, process.clone(), input, reporter.clone(), Arc::clone(&killed));
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
        env.insert("FLIGHTDECK_URL".to_owned(), self.url.clone());
        let script = "exec \"$@\" 2>\"$0\"".to_owned();
        let args = ["-c".to_owned(), script, errors.path()].into_iter().chain(self.command.iter().cloned()).collect();
        Ok(Launch {
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
                reporter::warn(&format!("{} is not passed on, for it is no text", terminal::text(&name)));
            }
        }
    }
    env
}

fn linger(given: &ArgMatches) -> Duration {
    Duration::from_secs(given.get_one::<u64>("linger").copied().unwrap_or(60))
}

fn registration(given: &ArgMatches, session: &str, command: &[String]) -> Value {
    let task = given.get_one::<String>("task").cloned().unwrap_or_else(|| one_line(&command.join(" "), 180));
    let mut new = json!({
        "sessionId": session,
        "taskId": task,
        "taskSource": "run",
        "agentType": given.get_one::<String>("name"),
        "context": {"command": command, "cwd": std::env::current_dir().ok().map(|path| path.display().to_string())},
    });
    for (flag, field) in [("mission", "missionId"), ("parent", "parentSessionId")] {
        if let (Some(value), Some(new)) = (given.get_one::<String>(flag), new.as_object_mut()) {
            new.insert(field.to_owned(), value.clone().into());
        }
    }
    new
}
