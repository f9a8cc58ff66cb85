//! The layers: defaults, then the file, then the environment, then flags.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::SettingsError;
use crate::flags::Flags;
use crate::given::{Given, Layer};
use crate::table::{SECRETS, SETTINGS, Setting};

/// The environment's variables that are ours.
#[must_use]
pub fn environment() -> BTreeMap<String, String> {
    let ours = std::env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok()?;
        name.starts_with("FLIGHTDECK_").then(|| (name, value.to_string_lossy().into_owned()))
    });
    ours.collect()
}

/// Variables of ours that are not settings of the server.
const OTHER_VARIABLES: &[&str] = &[
    "FLIGHTDECK_URL",
    "FLIGHTDECK_API_KEY",
    "FLIGHTDECK_BIN",
    "FLIGHTDECK_COPY_FROM",
    "FLIGHTDECK_COPY_TO",
    "FLIGHTDECK_SECRETS_KEY",
    "FLIGHTDECK_SECRETS_KEY_OLD",
];
const OTHER_PREFIXES: &[&str] = &["FLIGHTDECK_TEST_", "FLIGHTDECK_TORTURE_", "FLIGHTDECK_CI_"];

/// Variables that look like settings and are none: most likely mistyped.
#[must_use]
pub fn unknown_variables(environment: &BTreeMap<String, String>) -> Vec<&str> {
    let known = |name: &str| {
        SETTINGS.iter().any(|setting| setting.variable() == name)
            || OTHER_VARIABLES.contains(&name)
            || OTHER_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
    };
    environment.keys().map(String::as_str).filter(|name| !known(name)).collect()
}

/// All layers, one over the other.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    layer: Layer,
    file: Option<PathBuf>,
    agents: Option<toml::Value>,
}

impl Settings {
    /// Puts the layers together: the file that the flag or the variable `config` names, or `flightdeck.toml` in the current
    /// folder when there is one; the environment over it; the flags over both.
    ///
    /// # Errors
    /// The file cannot be read, or has something in it that is no setting.
    pub fn load(flags: &Flags, environment: &BTreeMap<String, String>) -> Result<Self, SettingsError> {
        let variables = from_environment(environment);
        let file = match flags.layer.get("config").or_else(|| variables.get("config")) {
            Some(given) => Some(PathBuf::from(&given.value)),
            None => Some(PathBuf::from("flightdeck.toml")).filter(|path| path.exists()),
        };
        let (mut layer, agents) = file.as_deref().map(from_file).transpose()?.unwrap_or_default();
        layer.extend(variables);
        layer.extend(flags.layer.clone());
        Ok(Self { layer, file, agents })
    }

    /// The file that was read, if there was one.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// What the file says of agents, as it stands there.
    #[must_use]
    pub const fn agents(&self) -> Option<&toml::Value> {
        self.agents.as_ref()
    }

    /// Whether somebody has set this; a default does not count.
    #[must_use]
    pub fn is_given(&self, name: &str) -> bool {
        self.layer.contains_key(name)
    }

    /// Reads a value, or its default. `read` says what is wrong with a text; the error adds where it was set.
    ///
    /// # Errors
    /// The value cannot be read.
    pub fn value<T>(&self, name: &'static str, read: impl Fn(&str) -> Result<T, String>) -> Result<T, SettingsError> {
        let default = SETTINGS.iter().find(|setting| setting.name == name).and_then(|setting| setting.default);
        let fallback = || Given { value: default.unwrap_or_default().to_owned(), origin: format!("default of {name}") };
        let given = self.layer.get(name).cloned().unwrap_or_else(fallback);
        read(&given.value).map_err(|problem| match given {
            Given { origin, .. } if SECRETS.contains(&name) => SettingsError::Secret { origin, problem },
            Given { origin, value } => SettingsError::Value { origin, value, problem },
        })
    }
}

fn from_environment(environment: &BTreeMap<String, String>) -> Layer {
    let given = |setting: &'static Setting| {
        let value = environment.get(&setting.variable())?.clone();
        Some((setting.name, Given { value, origin: setting.variable() }))
    };
    SETTINGS.iter().filter_map(given).collect()
}

fn from_file(path: &Path) -> Result<(Layer, Option<toml::Value>), SettingsError> {
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|source| SettingsError::File { file: file.clone(), source })?;
    let table: toml::Table =
        text.parse().map_err(|source| SettingsError::Toml { file: file.clone(), source: Box::new(source) })?;
    let (mut layer, mut agents) = (Layer::new(), None);
    for (name, value) in table {
        if name == "agents" {
            agents = Some(value);
            continue;
        }
        let Some(setting) = SETTINGS.iter().find(|setting| setting.name == name && setting.name != "config") else {
            let known = SETTINGS.iter().map(|setting| setting.name).filter(|name| *name != "config");
            return Err(SettingsError::UnknownSetting { file, name, known: known.collect::<Vec<_>>().join(", ") });
        };
        let Some(value) = words(value) else { return Err(SettingsError::NotScalar { file, name }) };
        layer.insert(setting.name, Given { value, origin: format!("{name} in {file}") });
    }
    Ok((layer, agents))
}

/// A value as it is given on a command line: a list has commas between its values.
fn words(value: toml::Value) -> Option<String> {
    match value {
        toml::Value::Array(values) => {
            let words: Option<Vec<String>> = values.into_iter().map(word).collect();
            Some(words?.join(","))
        }
        value => word(value),
    }
}

fn word(value: toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(flag) => Some(flag.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_its_values_with_commas_between() {
        let value =
            |text: &str| format!("x = {text}").parse::<toml::Table>().expect("TOML").remove("x").and_then(words);
        assert_eq!(value("[\"deck.example\", \"other.example\"]").as_deref(), Some("deck.example,other.example"));
        assert_eq!((value("[]").as_deref(), value("7600").as_deref()), (Some(""), Some("7600")));
        assert_eq!((value("[[1]]"), value("{ a = 1 }"), value("1979-05-27")), (None, None, None));
    }

    #[test]
    fn a_mistyped_variable_is_noticed() {
        let names = ["FLIGHTDECK_LISTN", "FLIGHTDECK_LISTEN", "FLIGHTDECK_TEST_POSTGRES_URL", "FLIGHTDECK_URL"];
        let environment = names.into_iter().map(|name| (name.to_owned(), String::new())).collect();
        assert_eq!(unknown_variables(&environment), ["FLIGHTDECK_LISTN"]);
    }

    #[test]
    fn a_missing_file_that_was_asked_for_is_an_error() {
        let flags = Flags::default().with("config", Some("/nowhere.toml".to_owned()));
        assert!(matches!(Settings::load(&flags, &BTreeMap::new()), Err(SettingsError::File { .. })));
    }
}
