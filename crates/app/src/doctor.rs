//! `flightdeck doctor`: looks at everything that a server needs, and says what to mend. It changes nothing.

mod database;
mod machine;
mod report;
mod secrets;

use clap::{Arg, ArgAction, ArgMatches, Command};

use self::report::{Check, Report};
use crate::cli::{Outcome, configuration, say};
use crate::config::{self, Config};

/// Something is wrong.
#[derive(Debug, thiserror::Error)]
#[error("{failed} of {all} checks failed; what to do stands beside them")]
struct Unwell {
    failed: usize,
    all: usize,
}

pub(crate) fn grammar() -> Command {
    Command::new("doctor")
        .about("Check configuration, data folder, disk, database, Valkey and limits, and say what to mend")
        .arg(Arg::new("json").long("json").help("tell it as JSON, for programs").action(ArgAction::SetTrue))
        .args(config::flags())
}

pub(crate) async fn run(given: &ArgMatches) -> Outcome {
    let report = match configuration(given) {
        Ok(config) => examine(&config).await,
        // Nothing else can be looked at without knowing where it is.
        Err(error) => Report::of(vec![Check::failed("configuration", whole(&error), "correct this setting")]),
    };
    if given.get_flag("json") {
        say(serde_json::to_string_pretty(&report)?);
    } else {
        say(&report);
    }
    match report.failed() {
        0 => Ok(()),
        failed => Err(Unwell { failed, all: report.checks.len() }.into()),
    }
}

async fn examine(config: &Config) -> Report {
    let mut checks = vec![settings()];
    checks.extend(machine::folder(&config.data_dir));
    checks.extend(secrets::examine(config));
    checks.extend(database::examine(config).await);
    checks.push(database::open_door(config).await);
    checks.push(valkey(config).await);
    checks.push(machine::open_files());
    Report::of(checks)
}

fn settings() -> Check {
    let environment = config::environment();
    match config::unknown_variables(&environment).as_slice() {
        [] => Check::ok("configuration", "every setting can be read"),
        unknown => {
            let found = format!("{} in the environment: no setting", unknown.join(", "));
            Check::warning("configuration", found, "correct the name, or remove it; see `flightdeck serve --help`")
        }
    }
}

/// How long Valkey may take.
const VALKEY_DEADLINE: std::time::Duration = std::time::Duration::from_secs(2);

async fn valkey(config: &Config) -> Check {
    let Some(url) = &config.valkey_url else {
        return Check::ok("valkey", "none is set; one server, or replicas that look every second");
    };
    match url.ping(VALKEY_DEADLINE).await {
        Ok(()) => Check::ok("valkey", format!("{url} answers")),
        // Servers go on without it.
        Err(problem) => Check::warning(
            "valkey",
            format!("{url}: {problem}"),
            "start it or correct valkey_url; until then replicas look every second and throttle each for itself",
        ),
    }
}

/// An error with its causes in one line.
fn whole(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}
