//! `flightdeck login`: a link that logs a browser in.

use std::process::{Command as Process, Stdio};

use flightdeck_client::replies::LoginLink;
use flightdeck_terminal::{Outcome, line, note};
use serde_json::json;

use crate::ask::begin;
use crate::error::CommandError;
use crate::grammar::LoginArgs;

pub(super) fn run(args: &LoginArgs) -> Outcome {
    let (client, out) = begin(&args.asking)?;
    let link: LoginLink = client.post_once("/login-links", &json!({}))?.read()?;
    let url = format!("{}{}", client.base(), link.path);
    if out.json {
        out.json(&json!({"url": url, "expiresAt": link.expires_at}));
    } else {
        out.line(&line(&url));
        note("good once, until it is ten minutes old; whoever opens it acts as your key");
    }
    if args.open {
        open(&url)?;
    }
    Ok(())
}

/// Hands the link to whatever opens links here.
fn open(link: &str) -> Result<(), CommandError> {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut process = Process::new(opener);
    process.arg(link).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    match process.status() {
        Ok(status) if status.success() => Ok(()),
        _ => Err(CommandError::NotDone(format!("{opener} did not open it; open the link yourself"))),
    }
}
