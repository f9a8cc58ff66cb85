//! `flightdeck doctor`: looks at everything that a server needs, and says what to mend. It changes nothing.

mod credentials;
mod database;
mod machine;
mod report;
mod secrets;
mod whole;

use std::error::Error;
use std::net::SocketAddr;
use std::path::Path;

use flightdeck_settings::{StorageSettings, environment, unknown_variables};
use flightdeck_terminal::{Outcome, say};
use flightdeck_wakeup_valkey::ValkeyUrl;

use self::report::{Check, Report};
use self::whole::whole;
use crate::grammar::DoctorArgs;

/// The settings that are looked at.
#[derive(Clone, Copy, Debug)]
pub struct Examined<'a> {
    /// Where the deployment keeps what it keeps.
    pub storage: &'a StorageSettings,
    /// The configuration file, if there is one.
    pub file: Option<&'a Path>,
    /// Where the server listens.
    pub listen: SocketAddr,
    /// Where replicas meet, if they do.
    pub valkey: Option<&'a ValkeyUrl>,
}

/// Something is wrong.
#[derive(Debug, thiserror::Error)]
#[error("{failed} of {all} checks failed; what to do stands beside them")]
struct Unwell {
    failed: usize,
    all: usize,
}

/// Looks at everything, or tells what is wrong with the settings.
///
/// # Errors
/// A check failed.
pub async fn run(args: &DoctorArgs, settings: Result<Examined<'_>, &(dyn Error + 'static)>) -> Outcome {
    let report = match settings {
        Ok(settings) => examine(settings).await,
        // Nothing else can be looked at without knowing where it is.
        Err(error) => Report::of(vec![Check::failed("configuration", whole(error), "correct this setting")]),
    };
    if args.json {
        say(serde_json::to_string_pretty(&report)?);
    } else {
        say(&report);
    }
    match report.failed() {
        0 => Ok(()),
        failed => Err(Unwell { failed, all: report.checks.len() }.into()),
    }
}

async fn examine(settings: Examined<'_>) -> Report {
    let mut checks = vec![names()];
    checks.extend(machine::folder(&settings.storage.data_dir));
    checks.extend(secrets::examine(settings.storage, settings.file));
    checks.extend(database::examine(settings.storage).await);
    checks.push(credentials::examine(settings.storage).await);
    checks.push(database::open_door(settings.storage, settings.listen).await);
    checks.push(valkey(settings.valkey).await);
    checks.push(machine::open_files());
    Report::of(checks)
}

fn names() -> Check {
    let environment = environment();
    match unknown_variables(&environment).as_slice() {
        [] => Check::ok("configuration", "every setting can be read"),
        unknown => {
            let found = format!("{} in the environment: no setting", unknown.join(", "));
            Check::warning("configuration", found, "correct the name, or remove it; see `flightdeck serve --help`")
        }
    }
}

/// How long Valkey may take.
const VALKEY_DEADLINE: std::time::Duration = std::time::Duration::from_secs(2);

async fn valkey(url: Option<&ValkeyUrl>) -> Check {
    let Some(url) = url else {
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
