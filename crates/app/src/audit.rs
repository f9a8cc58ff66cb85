//! `flightdeck audit`: proves exports anywhere, and works on the audit log of this machine's data folder, whether or not a
//! server is running on it.

mod file;
mod log;

use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Command};
use flightdeck_domain::audit::CheckpointKey;
use flightdeck_domain::ids::AuditSeq;

use crate::cli::{Outcome, configuration, say};
use crate::client::connect;
use crate::commands;
use crate::config;
use crate::terminal::Out;

/// A flag that cannot be used.
#[derive(Debug, thiserror::Error)]
enum WrongFlag {
    #[error("--public-key: {0:?} is neither 64 hexadecimal digits nor a file that holds them")]
    Key(String),
    #[error("--after: {0:?} is no place on the log; give the seq of an entry")]
    After(String),
}

fn url() -> Arg {
    Arg::new("url").long("url").value_name("URL").help("ask this server instead of looking into the data folder")
}

pub(crate) fn grammar() -> Command {
    let verify = Command::new("verify")
        .about(
            "Prove an export of the audit log without the server; or, without FILE, the log of the data folder itself",
        )
        .arg(Arg::new("file").value_name("FILE").help("an export; - for standard input"))
        .arg(Arg::new("public_key").long("public-key").value_name("FILE|HEX").help(
            "the key that you trust: a copy of audit-signing.pub, or its text. Without it, checkpoints are checked \
             against the key that the export itself names, or that is in the data folder",
        ))
        .arg(url())
        .args(config::flags());
    let export = Command::new("export")
        .about("Take the audit log out of the data folder, as GET /audit/export does")
        .arg(Arg::new("out").long("out").value_name("FILE").help("a new file; standard output when missing"))
        .arg(Arg::new("after").long("after").value_name("SEQ").help("only entries after this one; all when missing"))
        .arg(url())
        .args(config::flags());
    let checkpoint = Command::new("checkpoint")
        .about("Sign the newest entry of the data folder's audit log now")
        .arg(Arg::new("refill").long("refill").action(ArgAction::SetTrue).help(
            "first put into audit-checkpoints.jsonl what the database holds and the file has lost: after a restore, or when you \
             know how it was lost; on record",
        ))
        .args(config::flags());
    Command::new("audit")
        .about("Take out, prove and sign the audit log")
        .subcommand_required(true)
        .subcommand(commands::audit_list_grammar())
        .subcommand(export)
        .subcommand(verify)
        .subcommand(checkpoint)
}

pub(crate) async fn run(given: &ArgMatches) -> Outcome {
    match given.subcommand() {
        Some(("list", given)) => commands::audit_list(given),
        Some(("verify", given)) if given.contains_id("url") && !given.contains_id("file") => {
            commands::audit_verify(&connect(given)?, Out::new(false))
        }
        Some(("verify", given)) => {
            let trusted = given.get_one::<String>("public_key").map(|text| public_key(text)).transpose()?;
            say(match given.get_one::<String>("file") {
                Some(path) => file::prove(path, trusted)?,
                None => log::verify(&configuration(given)?, trusted).await?,
            });
            Ok(())
        }
        Some(("export", given)) => {
            let after = given.get_one::<String>("after");
            let after = after
                .map(|text| text.parse().map(AuditSeq::new).or(Err(WrongFlag::After(text.clone()))))
                .transpose()?;
            let out = given.get_one::<String>("out").map(PathBuf::from);
            if given.contains_id("url") {
                return commands::audit_export(&connect(given)?, after.unwrap_or_default().get(), out.as_deref());
            }
            log::export(&configuration(given)?, after.unwrap_or_default(), out.as_deref()).await
        }
        Some((_, given)) => log::checkpoint(&configuration(given)?, given.get_flag("refill")).await,
        None => Ok(()),
    }
}

/// Digits, or a file of digits.
fn public_key(text: &str) -> Result<CheckpointKey, WrongFlag> {
    if let Ok(key) = text.parse() {
        return Ok(key);
    }
    let file = std::fs::read_to_string(Path::new(text)).ok();
    file.and_then(|text| text.trim().parse().ok()).ok_or_else(|| WrongFlag::Key(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_digits_or_a_file_of_digits() {
        let digits = "ab".repeat(32);
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key.pub");
        std::fs::write(&path, format!("{digits}\n")).expect("written");
        let key = public_key(path.to_str().expect("a text"));
        assert!(matches!(public_key("nonsense"), Err(WrongFlag::Key(_))));
        match (public_key(&digits), key) {
            (Ok(given), Ok(read)) => assert_eq!(given, read),
            // Not every 32 bytes are a key; then neither form is.
            (given, read) => assert!(given.is_err() && read.is_err()),
        }
    }
}
