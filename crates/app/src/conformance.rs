//! `flightdeck conformance`: what an agent of the configuration really does, seen on a temporary store.

mod checks;
mod kit;
mod row;
mod transcript;

use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command};

use self::kit::{Kit, Prompts};
use self::row::Report;
use crate::cli::{Outcome, configuration};
use crate::config::{self, Config, DatabaseUrl};
use crate::deployment::Deployment;
use crate::logging;

#[derive(Debug, thiserror::Error)]
enum ConformanceError {
    #[error("there is no agent {name:?}; the configuration has {known}")]
    UnknownAgent { name: String, known: String },
    #[error("{failed} of {all} checks failed")]
    Failed { failed: usize, all: usize },
}

pub(crate) fn grammar() -> Command {
    let prompt = |name: &'static str, default: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name("TEXT").default_value(default).help(help)
    };
    Command::new("conformance")
        .about("Run an agent of the configuration through everything that Flightdeck asks of one, and print what it did")
        .after_help(
            "The agent runs for real, in its own folder and with its own model. What it does is kept on a temporary store.",
        )
        .arg(Arg::new("agent").long("agent").required(true).value_name("NAME").help("the agent, as in [agents.NAME]"))
        .arg(prompt("say", "Reply with the one word: pong", "a prompt that is answered in a few words"))
        .arg(prompt(
            "tool",
            "Run the shell command `printf 'conformance-%d\\n' 42` and tell me its output.",
            "a prompt that uses a tool",
        ))
        .arg(prompt("output", "conformance-42", "what the output of that tool has in it, and its input has not"))
        .arg(prompt(
            "write",
            "Run the shell command `touch '{file}'` and tell me when it is done.",
            "a prompt that makes a file with a tool that it has to ask for; {file} stands for its path",
        ))
        .arg(prompt("busy", "Count slowly from 1 to 300 in words, one a line.", "a prompt that takes half a minute or more"))
        .arg(
            Arg::new("limit")
                .long("limit")
                .value_name("SECONDS")
                .default_value("120")
                .value_parser(clap::value_parser!(u64).range(1..=3_600))
                .help("how long one check may take"),
        )
        .arg(Arg::new("json").long("json").help("print each line as a JSON object, for programs").action(ArgAction::SetTrue))
        .args(config::flags())
}

pub(crate) async fn run(given: &ArgMatches) -> Outcome {
    let config = configuration(given)?;
    let text = |name: &str| given.get_one::<String>(name).cloned().unwrap_or_default();
    let name = text("agent");
    let Some(agent) = config.agents.iter().find(|agent| agent.name == name).cloned() else {
        let known: Vec<&str> = config.agents.iter().map(|agent| agent.name.as_str()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(ConformanceError::UnknownAgent { name, known }.into());
    };
    let folder = tempfile::Builder::new().prefix("flightdeck-conformance-").tempdir()?;
    let data_dir = folder.path().to_owned();
    let database = DatabaseUrl::Sqlite(data_dir.join("flightdeck.db"));
    let config = Config { database, data_dir, valkey_url: None, ..config };
    let _no_server_counts = logging::start(&config);
    let deployment = Deployment::open(&config).await?;
    let prompts = Prompts {
        say: text("say"),
        tool: text("tool"),
        output: text("output"),
        busy: text("busy"),
        write: text("write"),
    };
    let limit = Duration::from_secs(given.get_one::<u64>("limit").copied().unwrap_or(120));
    let kit = Kit::new(&deployment, &agent, prompts, limit)?;
    let mut report = Report::new(given.get_flag("json"));
    let checked = checks::all(&kit, &mut report).await;
    deployment.acp.shutdown().await;
    checked?;
    let Report { failed, all, .. } = report;
    if failed == 0 { Ok(()) } else { Err(ConformanceError::Failed { failed, all }.into()) }
}
