//! `flightdeck login`: a link that logs a browser in.

use std::process::{Command as Process, Stdio};

use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::json;

use super::begin;
use crate::cli::Outcome;
use crate::client::{ClientError, flags, word};
use crate::terminal::{line, note};

pub(crate) fn grammar() -> Command {
    Command::new("login")
        .about("Print a link that logs a browser in with this key: once, within ten minutes")
        .arg(Arg::new("open").long("open").help("open it in the browser").action(ArgAction::SetTrue))
        .args(flags())
}

pub(crate) fn run(given: &ArgMatches) -> Outcome {
    let (client, out) = begin(given)?;
    let reply = client.post_once("/login-links", &json!({}))?.body;
    let link = format!("{}{}", client.base(), word(&reply, "path"));
    if out.json {
        out.json(&json!({"url": link, "expiresAt": reply["expiresAt"]}));
    } else {
        out.line(&line(&link));
        note("good once, until it is ten minutes old; whoever opens it acts as your key");
    }
    if given.get_flag("open") {
        open(&link)?;
    }
    Ok(())
}

/// Hands the link to whatever opens links here.
fn open(link: &str) -> Result<(), ClientError> {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut process = Process::new(opener);
    process.arg(link).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    match process.status() {
        Ok(status) if status.success() => Ok(()),
        _ => Err(ClientError::NotDone(format!("{opener} did not open it; open the link yourself"))),
    }
}
