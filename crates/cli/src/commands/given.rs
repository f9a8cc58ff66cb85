//! Settings and credentials that were given on a command line.

use std::fs;

use serde_json::{Map, Value};

use crate::ask::said;
use crate::error::CommandError;
use crate::grammar::Given;

fn usage(text: String) -> CommandError {
    CommandError::Usage(text)
}

fn text_of(file: &str) -> Result<String, CommandError> {
    fs::read_to_string(file).map_err(|error| usage(format!("cannot read {file}: {error}")))
}

/// The settings: those that were there, or those of a file, with what was given over them.
pub(super) fn settings(given: &Given, before: Option<Map<String, Value>>) -> Result<Map<String, Value>, CommandError> {
    let mut settings = match &given.file {
        Some(file) => {
            let text = if file == "-" { said("-")? } else { text_of(file)? };
            match serde_json::from_str(&text) {
                Ok(Value::Object(settings)) => settings,
                Ok(_) => return Err(usage(format!("--file: {file} is no JSON object"))),
                Err(error) => return Err(usage(format!("--file: {file} is no JSON: {error}"))),
            }
        }
        None => before.unwrap_or_default(),
    };
    for one in &given.settings {
        let (key, value) = one.split_once('=').ok_or_else(|| usage(format!("--setting: {one:?} is not KEY=VALUE")))?;
        if value.is_empty() {
            settings.remove(key);
        } else {
            let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
            settings.insert(key.to_owned(), value);
        }
    }
    Ok(settings)
}

/// The credentials that were given, in clear text, and those to be removed.
pub(super) fn credentials(given: &Given) -> Result<Map<String, Value>, CommandError> {
    let mut credentials = Map::new();
    for one in &given.credentials {
        // What is wrong may hold a credential, so it is not repeated.
        let wrong = || {
            let told = "--credential takes NAME=@FILE or NAME=-; a credential is not written on the command line";
            usage(told.to_owned())
        };
        let (name, place) = one.split_once('=').ok_or_else(wrong)?;
        let text = match (place, place.strip_prefix('@')) {
            ("-", _) => said("-")?,
            (_, Some(file)) => text_of(file)?,
            _ => return Err(wrong()),
        };
        let text = text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
        credentials.insert(name.to_owned(), text.into());
    }
    for one in &given.credential_env {
        let (name, variable) =
            one.split_once('=').ok_or_else(|| usage("--credential-env takes NAME=VAR".to_owned()))?;
        let value = std::env::var(variable)
            .map_err(|_error| usage(format!("--credential-env: there is no variable {variable}")))?;
        credentials.insert(name.to_owned(), value.into());
    }
    credentials.extend(given.remove_credentials.iter().map(|name| (name.clone(), Value::Null)));
    Ok(credentials)
}

#[cfg(test)]
mod tests {
    use clap::{Args, Command, FromArgMatches};
    use serde_json::json;

    use super::*;

    fn given(words: &[&str]) -> Given {
        let command = Given::augment_args(Command::new("set").no_binary_name(true));
        let matches = command.try_get_matches_from(words).expect("valid");
        Given::from_arg_matches(&matches).expect("valid")
    }

    #[test]
    fn a_credential_comes_out_of_a_file_and_is_never_written_or_repeated() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("token");
        fs::write(&path, "hush\n").expect("written");
        let of_file = format!("TOKEN=@{}", path.display());
        let read = credentials(&given(&["--credential", &of_file])).expect("valid");
        assert_eq!(Value::Object(read), json!({"TOKEN": "hush"}));
        for wrong in ["TOKEN=hush", "hush"] {
            let told = credentials(&given(&["--credential", wrong])).expect_err("refused").to_string();
            assert!(!told.contains("hush") && told.contains("NAME=@FILE"), "{told}");
        }
    }
}
