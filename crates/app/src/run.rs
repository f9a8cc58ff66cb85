//! `flightdeck run`: any command, seen and steered as a session.
//!
//! The command runs in a process group of its own (`flightdeck_processes`). What it writes is echoed and reported
//! ([`uplink`]); what an operator wants is fetched and done ([`steer`]). The server may come and go meanwhile: what was
//! said waits, and is sent with the same ids.

mod claude;
mod codex;
mod input;
mod lines;
mod output;
mod steer;
mod uplink;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command};
use flightdeck_domain::ports::IdGenerator;
use flightdeck_domain::system::SystemIds;
use flightdeck_processes::{Ended, Exit, Launch, Launcher, Limits, Owner, Supervisor};
use serde_json::{Value, json};

use crate::cli::Outcome;
use crate::link::{self, Link};
use input::{Input, InputMode};
use lines::Preset;
use uplink::Uplink;

/// How long a command that is to stop may take before it is killed.
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
                .help("how its lines are read: claude for `claude -p --output-format stream-json`, codex for `codex exec --json`")
                .value_parser(["auto", "plain", "claude", "codex"])
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
    #[error("cannot prepare to run the command")]
    System(#[source] std::io::Error),
}

/// Runs the command, and ends as it does.
pub(crate) async fn run(given: &ArgMatches) -> Outcome {
    let command: Vec<String> = given.get_many::<String>("command").into_iter().flatten().cloned().collect();
    let text = |name| given.get_one::<String>(name).cloned();
    let preset = Preset::of(text("preset").as_deref(), &command);
    let mode = InputMode::of(text("input").as_deref(), preset, &command);
    let session = SystemIds.session_id().to_string();
    let link = Link::open(given)?;
    let registration = registration(given, &session, &command);
    let uplink = Uplink::start(link.clone(), session.clone(), registration).map_err(RunError::System)?;
    if let Some(refused) = uplink.registered().await {
        return Err(RunError::Refused(refused).into());
    }
    let launcher = Launcher::new(Supervisor::this_binary().map_err(RunError::System)?);
    let launcher = launcher.map_err(RunError::System)?;
    let errors = output::Errors::new().map_err(RunError::System)?;
    let started = match launcher.launch(launch(&command, &session, given, &errors)?).await {
        Ok(started) => started,
        Err(error) => {
            uplink.finish("failed", &error.to_string(), linger(given)).await;
            return Err(error.into());
        }
    };
    let process = started.process;
    let input = Input::new(mode, started.input);
    let echo = !given.get_flag("quiet");
    let reading = tokio::spawn(output::read(started.output, preset, echo, uplink.clone()));
    let reading_errors = errors.read(echo, uplink.clone());
    let killed = Arc::new(AtomicBool::new(false));
    let steering =
        tokio::spawn(steer::obey(link, session, process.clone(), input, uplink.clone(), Arc::clone(&killed)));
    let (ended, at_terminal) = tokio::select! {
        ended = process.ended() => (ended, false),
        () = asked_to_stop() => (process.terminate(GRACE).await, true),
    };
    // What it wrote last is still in the pipes; they end with the last of its processes.
    let _ = tokio::time::timeout(GRACE, reading).await;
    reading_errors.finish().await;
    steering.abort();
    let was_killed = killed.load(Ordering::SeqCst);
    let (status, reason) = verdict(ended, at_terminal, was_killed);
    uplink.finish(status, &reason, linger(given)).await;
    std::process::exit(code(ended));
}

fn linger(given: &ArgMatches) -> Duration {
    Duration::from_secs(given.get_one::<u64>("linger").copied().unwrap_or(60))
}

fn registration(given: &ArgMatches, session: &str, command: &[String]) -> Value {
    let shortened: String = command.join(" ").chars().map(|c| if c.is_control() { ' ' } else { c }).take(180).collect();
    let task = given.get_one::<String>("task").cloned().unwrap_or(shortened);
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

/// The command as a shell starts it, but for its standard error, which is read apart.
fn launch(
    command: &[String],
    session: &str,
    given: &ArgMatches,
    errors: &output::Errors,
) -> Result<Launch, crate::cli::BoxError> {
    let mut env: BTreeMap<String, String> = std::env::vars().collect();
    env.insert("FLIGHTDECK_AGENT_ID".to_owned(), session.to_owned());
    env.insert("FLIGHTDECK_URL".to_owned(), link::url(given));
    let script = "exec \"$@\" 2>\"$0\"".to_owned();
    let args = ["-c".to_owned(), script, errors.path()].into_iter().chain(command.iter().cloned()).collect();
    Ok(Launch {
        program: "/bin/sh".to_owned(),
        args,
        cwd: std::env::current_dir()?,
        env,
        limits: Limits::default(),
        cgroup: false,
        owner: Owner::new(session),
        name: "run".to_owned(),
        log: None,
    })
}

/// Ctrl-C, or a polite request to end.
async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

fn verdict(ended: Ended, at_terminal: bool, killed: bool) -> (&'static str, String) {
    let exit = ended.exit.to_string();
    match ended.exit {
        _ if killed => ("killed", format!("killed by an operator ({exit})")),
        _ if at_terminal => ("failed", format!("stopped at its terminal ({exit})")),
        Exit::Code(0) => ("completed", exit),
        _ => ("failed", exit),
    }
}

/// As a shell says it.
const fn code(ended: Ended) -> i32 {
    match ended.exit {
        Exit::Code(code) => code,
        Exit::Signal(signal) => 128 + signal,
        Exit::Unknown => 1,
    }
}
