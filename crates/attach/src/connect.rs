//! `flightdeck connect`: the settings that have an agent report to the server.

mod settings;

use std::io;
use std::path::{Path, PathBuf};

use flightdeck_client::KEY_VARIABLE;
use flightdeck_domain::ports::Clock;
use flightdeck_domain::system::SystemClock;
use flightdeck_terminal::{Outcome, say};
use serde_json::{Value, json};
use similar::TextDiff;

use crate::grammar::{ConnectAgent, ConnectArgs, ConnectClaudeCode};
use crate::hook;
use settings::{Hooks, SettingsError};

/// Why the settings were not merged. They are as they were.
#[derive(Debug, thiserror::Error)]
enum ConnectError {
    #[error("there is no home folder; give --file")]
    NoHome,
    #[error("cannot read {path}")]
    Read { path: PathBuf, source: io::Error },
    #[error("{path} is not the settings of Claude Code, and was not touched")]
    Settings { path: PathBuf, source: SettingsError },
    #[error("cannot write {path}")]
    Write { path: PathBuf, source: io::Error },
    #[error("this binary does not know where it is")]
    Binary(#[source] io::Error),
}

pub(crate) fn run(args: &ConnectArgs) -> Outcome {
    let ConnectAgent::ClaudeCode(args) = &args.agent;
    let hooks = hooks(args, &args.server.find_url()?)?;
    let Some(path) = file(args)? else {
        say(pretty(&json!({"hooks": hooks.all()})));
        return Ok(());
    };
    let before = read(&path)?;
    let merged = if args.remove { Hooks::removed(before.as_deref()) } else { hooks.merged(before.as_deref()) };
    let settings = merged.map_err(|source| ConnectError::Settings { path: path.clone(), source })?;
    let after = format!("{}\n", pretty(&settings));
    let before = before.unwrap_or_default();
    if before == after {
        say(format!("{} needs no change", path.display()));
        return Ok(());
    }
    let name = path.display().to_string();
    say(TextDiff::from_lines(&before, &after)
        .unified_diff()
        .context_radius(2)
        .header(&name, &name)
        .to_string()
        .trim_end());
    if !args.write {
        say("\nnothing is written yet; add --write");
        return Ok(());
    }
    let backup = write(&path, &before, &after).map_err(|source| ConnectError::Write { path: path.clone(), source })?;
    say(format!("\nwritten to {}", path.display()));
    if let Some(backup) = backup {
        say(format!("as it was: {}", backup.display()));
    }
    if !args.remove {
        say(format!("Claude Code needs the key in its environment: export {KEY_VARIABLE}=…"));
        say("  an operator's key: flightdeck keys create --role operator --name claude-code");
    }
    Ok(())
}

fn hooks(args: &ConnectClaudeCode, url: &str) -> Result<Hooks, ConnectError> {
    let hook = &args.hook;
    let binary = std::env::current_exe().map_err(ConnectError::Binary)?;
    let mut command = format!("{} hook claude-code --url {}", quoted(&binary.display().to_string()), quoted(url));
    command = format!("{command} --hold {}", hook.hold().as_secs());
    for (flag, value) in [("mission", &hook.mission), ("task", &hook.task)] {
        if let Some(value) = value {
            command = format!("{command} --{flag} {}", quoted(value));
        }
    }
    if hook.denies() {
        command.push_str(" --unreachable deny");
    }
    Ok(Hooks {
        url: format!("{url}{}", hook::path(hook)),
        command,
        hold: hook.hold().as_secs(),
        commands_only: args.commands,
    })
}

/// One word for a shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

fn file(args: &ConnectClaudeCode) -> Result<Option<PathBuf>, ConnectError> {
    if let Some(path) = &args.file {
        return Ok(Some(PathBuf::from(path)));
    }
    if args.user {
        let home = std::env::var_os("HOME").or_else(|| std::env::var_os("USERPROFILE")).ok_or(ConnectError::NoHome)?;
        return Ok(Some(Path::new(&home).join(".claude/settings.json")));
    }
    if args.project {
        return Ok(Some(PathBuf::from(".claude/settings.json")));
    }
    // What is to be written or taken out needs a file.
    let local = args.local || args.write || args.remove;
    Ok(local.then(|| PathBuf::from(".claude/settings.local.json")))
}

fn read(path: &Path) -> Result<Option<String>, ConnectError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ConnectError::Read { path: path.to_owned(), source }),
    }
}

/// Leaves a copy of what was there, then takes its place in one step. A link stays one: what it points to is written.
fn write(path: &Path, before: &str, after: &str) -> io::Result<Option<PathBuf>> {
    let path = if path.exists() { path.canonicalize()? } else { path.to_owned() };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut fresh = tempfile::NamedTempFile::new_in(folder)?;
    io::Write::write_all(&mut fresh, after.as_bytes())?;
    let mut backup = None;
    if path.exists() {
        std::fs::set_permissions(fresh.path(), std::fs::metadata(&path)?.permissions())?;
        let beside = beside(&path, before)?;
        backup = Some(beside);
    }
    fresh.as_file().sync_all()?;
    fresh.persist(&path)?;
    Ok(backup)
}

fn beside(path: &Path, before: &str) -> io::Result<PathBuf> {
    let stamp = SystemClock.now().as_datetime().format("%Y%m%dT%H%M%S%6fZ");
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{stamp}.bak"));
    let beside = path.with_file_name(name);
    let mut file = std::fs::File::create_new(&beside)?;
    file.set_permissions(std::fs::metadata(path)?.permissions())?;
    io::Write::write_all(&mut file, before.as_bytes())?;
    file.sync_all()?;
    Ok(beside)
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_for_a_shell_is_one_word() {
        assert_eq!(quoted("/usr/bin/flightdeck"), "/usr/bin/flightdeck");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted("$(rm)"), "'$(rm)'");
    }

    #[test]
    fn what_was_there_is_left_beside() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep/settings.json");
        assert_eq!(write(&path, "", "one\n").expect("written"), None);
        let backup = write(&path, "one\n", "two\n").expect("written").expect("a copy");
        assert_eq!(std::fs::read_to_string(&path).expect("read"), "two\n");
        assert_eq!(std::fs::read_to_string(backup).expect("read"), "one\n");
    }
}
