//! `flightdeck conformance`: what an agent of the configuration really does, seen on a temporary store.

mod checks;
mod kit;

use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command};

use self::checks::{Outcome as Seen, Row};
use self::kit::{Kit, Prompts};
use crate::cli::{Outcome, configuration, say};
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
        .arg(prompt("tool", "Run the shell command `echo conformance-ok` and tell me its output.", "a prompt that uses a tool"))
        .arg(prompt("busy", "Count slowly from 1 to 300 in words, one a line.", "a prompt that takes half a minute or more"))
        .arg(
            Arg::new("limit")
                .long("limit")
                .value_name("SECONDS")
                .default_value("120")
                .value_parser(clap::value_parser!(u64).range(1..=3_600))
                .help("how long one check may take"),
        )
        .arg(Arg::new("json").long("json").help("print it as JSON, for programs").action(ArgAction::SetTrue))
        .args(config::flags())
}

pub(crate) async fn run(given: &ArgMatches) -> Outcome {
    let config = configuration(given)?;
    let text = |name: &str| given.get_one::<String>(name).cloned().unwrap_or_default();
    let name = text("agent");
    if !config.agents.iter().any(|agent| agent.name == name) {
        let known: Vec<&str> = config.agents.iter().map(|agent| agent.name.as_str()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(ConformanceError::UnknownAgent { name, known }.into());
    }
    let folder = tempfile::Builder::new().prefix("flightdeck-conformance-").tempdir()?;
    let data_dir = folder.path().to_owned();
    let database = DatabaseUrl::Sqlite(data_dir.join("flightdeck.db"));
    let config = Config { database, data_dir, valkey_url: None, ..config };
    logging::start(&config);
    let deployment = Deployment::open(&config).await?;
    let prompts = Prompts { say: text("say"), tool: text("tool"), busy: text("busy") };
    let limit = Duration::from_secs(given.get_one::<u64>("limit").copied().unwrap_or(120));
    let kit = Kit::new(&deployment, &name, prompts, limit)?;
    let rows = checks::all(&kit).await;
    deployment.acp.shutdown().await;
    if given.get_flag("json") {
        say(serde_json::to_string_pretty(&rows)?);
    } else {
        say(table(&kit.agent().await, &rows));
    }
    let failed = rows.iter().filter(|row| row.seen == Seen::Failed).count();
    if failed == 0 { Ok(()) } else { Err(ConformanceError::Failed { failed, all: rows.len() }.into()) }
}

/// A table as Markdown has it, so that it can stand in a document as it is.
fn table(agent: &str, rows: &[Row]) -> String {
    let mut text = format!(
        "{agent}, Flightdeck {}\n\n| check | seen | took | note |\n| --- | --- | --- | --- |",
        env!("CARGO_PKG_VERSION")
    );
    for Row { check, seen, millis, note } in rows {
        let note = note.replace('|', "/");
        let row = format!("\n| {check} | {seen} | {:.1} s | {note} |", seconds(*millis));
        text.push_str(&row);
    }
    text
}

fn seconds(millis: u64) -> f64 {
    Duration::from_millis(millis).as_secs_f64()
}
