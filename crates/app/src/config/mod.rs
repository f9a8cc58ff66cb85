//! The configuration: defaults, then the file, then the environment, then flags.

mod agents;
mod settings;
mod values;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ArgMatches;
use flightdeck_http_api::Rate;
use flightdeck_provider_acp::{AgentConfig, InvalidAgent};
use flightdeck_wakeup_valkey::ValkeyUrl;

pub(crate) use settings::{ORDER, flags};
use settings::{SECRETS, SETTINGS, Setting};
pub(crate) use values::{DatabaseUrl, LogFormat, database};

/// Everything that can be set.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Config {
    pub(crate) data_dir: PathBuf,
    pub(crate) listen: SocketAddr,
    /// A SQLite file inside the data folder unless given.
    pub(crate) database: DatabaseUrl,
    /// The most connections to PostgreSQL.
    pub(crate) database_connections: u32,
    /// Whether a pooler stands before it.
    pub(crate) database_pooler: bool,
    /// Where replicas meet; `None` for only one, or for replicas that look by themselves.
    pub(crate) valkey_url: Option<ValkeyUrl>,
    pub(crate) valkey_prefix: String,
    pub(crate) throttle_control: Rate,
    pub(crate) throttle_stop: Rate,
    pub(crate) throttle_tree: Rate,
    pub(crate) throttle_login: Rate,
    /// Cookies are `Secure` whatever the request came over.
    pub(crate) secure_cookies: bool,
    /// What the server is called besides the names of loopback.
    pub(crate) allowed_hosts: Vec<String>,
    pub(crate) lease: Option<Duration>,
    pub(crate) hook_lease: Option<Duration>,
    pub(crate) workers: usize,
    /// How often the head of the audit log is signed; `None` for only when asked.
    pub(crate) checkpoint_interval: Option<Duration>,
    pub(crate) max_streams_per_key: usize,
    pub(crate) log: String,
    pub(crate) log_format: LogFormat,
    /// The agents that may be run: the tables `[agents.<name>]` of the file.
    pub(crate) agents: Vec<AgentConfig>,
    /// The file that it was read from, if there was one.
    pub(crate) file: Option<PathBuf>,
}

/// A configuration that cannot be used. The server does not start with it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("{origin}: {value:?} {problem}")]
    Value { origin: String, value: String, problem: String },
    #[error("{origin}: the value, which is not shown here, {problem}")]
    Secret { origin: String, problem: String },
    #[error("{file}: there is no setting {name:?}; the settings are {known}")]
    UnknownSetting { file: String, name: String, known: String },
    #[error("{file}: {name} must be a text, a number or true/false")]
    NotScalar { file: String, name: String },
    #[error("{file}")]
    Agent { file: String, source: InvalidAgent },
    #[error("{0}: agents is a table of tables, such as [agents.claude]")]
    NotAgents(String),
    #[error("cannot read the configuration file {file}")]
    File { file: String, source: std::io::Error },
    #[error("the configuration file {file} is not TOML")]
    Toml { file: String, source: Box<toml::de::Error> },
}

/// A value, and where it comes from, in the words of whoever set it.
#[derive(Clone, Debug)]
struct Given {
    value: String,
    origin: String,
}

type Layer = BTreeMap<&'static str, Given>;

/// The environment's variables that are ours.
pub(crate) fn environment() -> BTreeMap<String, String> {
    let ours = std::env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok()?;
        name.starts_with("FLIGHTDECK_").then(|| (name, value.to_string_lossy().into_owned()))
    });
    ours.collect()
}

/// Variables of ours that are not settings of the server.
const OTHER_VARIABLES: &[&str] =
    &["FLIGHTDECK_URL", "FLIGHTDECK_API_KEY", "FLIGHTDECK_BIN", "FLIGHTDECK_COPY_FROM", "FLIGHTDECK_COPY_TO"];
const OTHER_PREFIXES: &[&str] = &["FLIGHTDECK_TEST_", "FLIGHTDECK_TORTURE_", "FLIGHTDECK_CI_"];

/// Variables that look like settings and are none: most likely mistyped.
pub(crate) fn unknown_variables(environment: &BTreeMap<String, String>) -> Vec<&str> {
    let known = |name: &str| {
        SETTINGS.iter().any(|setting| setting.variable() == name)
            || OTHER_VARIABLES.contains(&name)
            || OTHER_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
    };
    environment.keys().map(String::as_str).filter(|name| !known(name)).collect()
}

impl Config {
    /// Puts the layers together and reads every value.
    pub(crate) fn load(matches: &ArgMatches, environment: &BTreeMap<String, String>) -> Result<Self, ConfigError> {
        let flags = from_flags(matches);
        let variables = from_environment(environment);
        let file = match flags.get("config").or_else(|| variables.get("config")) {
            Some(given) => Some(PathBuf::from(&given.value)),
            None => Some(PathBuf::from("flightdeck.toml")).filter(|path| path.exists()),
        };
        let (mut merged, agents) = file.as_deref().map(from_file).transpose()?.unwrap_or_default();
        merged.extend(variables);
        merged.extend(flags);
        Ok(Self { agents, file, ..Self::read(&merged)? })
    }

    fn read(layer: &Layer) -> Result<Self, ConfigError> {
        let data_dir: PathBuf = value(layer, "data_dir", values::path)?;
        let database = match layer.get("database_url") {
            Some(_) => value(layer, "database_url", values::database)?,
            None => DatabaseUrl::Sqlite(data_dir.join("flightdeck.db")),
        };
        Ok(Self {
            database,
            database_connections: value(layer, "database_connections", values::connections)?,
            database_pooler: value(layer, "database_pooler", values::switch)?,
            listen: value(layer, "listen", values::address)?,
            valkey_url: layer
                .contains_key("valkey_url")
                .then(|| value(layer, "valkey_url", values::valkey))
                .transpose()?,
            valkey_prefix: value(layer, "valkey_prefix", values::prefix)?,
            throttle_control: value(layer, "throttle_control", values::rate)?,
            throttle_stop: value(layer, "throttle_stop", values::rate)?,
            throttle_tree: value(layer, "throttle_tree", values::rate)?,
            throttle_login: value(layer, "throttle_login", values::rate)?,
            secure_cookies: value(layer, "secure_cookies", values::switch)?,
            allowed_hosts: value(layer, "allowed_hosts", values::hosts)?,
            lease: value(layer, "lease", values::span)?,
            hook_lease: value(layer, "hook_lease", values::span)?,
            workers: value(layer, "workers", values::workers)?,
            checkpoint_interval: value(layer, "checkpoint_interval", values::span)?,
            max_streams_per_key: value(layer, "max_streams_per_key", values::count)?,
            log: value(layer, "log", values::log_filter)?,
            log_format: value(layer, "log_format", values::log_format)?,
            agents: Vec::new(),
            file: None,
            data_dir,
        })
    }
}

fn value<T>(layer: &Layer, name: &'static str, read: impl Fn(&str) -> Result<T, String>) -> Result<T, ConfigError> {
    let default = SETTINGS.iter().find(|setting| setting.name == name).and_then(|setting| setting.default);
    let fallback = || Given { value: default.unwrap_or_default().to_owned(), origin: format!("default of {name}") };
    let given = layer.get(name).cloned().unwrap_or_else(fallback);
    read(&given.value).map_err(|problem| match given {
        Given { origin, .. } if SECRETS.contains(&name) => ConfigError::Secret { origin, problem },
        Given { origin, value } => ConfigError::Value { origin, value, problem },
    })
}

fn from_flags(matches: &ArgMatches) -> Layer {
    let given = |setting: &'static Setting| {
        // A command that only asks a server takes only some of them.
        let value = matches.try_get_one::<String>(setting.name).ok().flatten()?.clone();
        Some((setting.name, Given { value, origin: format!("--{}", setting.flag()) }))
    };
    SETTINGS.iter().filter_map(given).collect()
}

fn from_environment(environment: &BTreeMap<String, String>) -> Layer {
    let given = |setting: &'static Setting| {
        let value = environment.get(&setting.variable())?.clone();
        Some((setting.name, Given { value, origin: setting.variable() }))
    };
    SETTINGS.iter().filter_map(given).collect()
}

fn from_file(path: &Path) -> Result<(Layer, Vec<AgentConfig>), ConfigError> {
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::File { file: file.clone(), source })?;
    let table: toml::Table =
        text.parse().map_err(|source| ConfigError::Toml { file: file.clone(), source: Box::new(source) })?;
    let (mut layer, mut agents) = (Layer::new(), Vec::new());
    for (name, value) in table {
        if name == "agents" {
            agents = self::agents::read(value, &file)?;
            continue;
        }
        let Some(setting) = SETTINGS.iter().find(|setting| setting.name == name && setting.name != "config") else {
            let known = SETTINGS.iter().map(|setting| setting.name).filter(|name| *name != "config");
            return Err(ConfigError::UnknownSetting { file, name, known: known.collect::<Vec<_>>().join(", ") });
        };
        let value = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Boolean(flag) => flag.to_string(),
            _ => return Err(ConfigError::NotScalar { file, name }),
        };
        layer.insert(setting.name, Given { value, origin: format!("{name} in {file}") });
    }
    Ok((layer, agents))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Command;

    fn load(args: &[&str], environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let command = Command::new("flightdeck").args(flags()).no_binary_name(true);
        let matches = command.try_get_matches_from(args).expect("valid flags");
        let environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Config::load(&matches, &environment)
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), text).expect("written");
        file
    }

    #[test]
    fn the_defaults_are_the_documented_ones() {
        let config = load(&[], &[]).expect("defaults");
        assert_eq!(config.listen.to_string(), "127.0.0.1:7600");
        assert_eq!(config.database.to_string(), "./flightdeck-data/flightdeck.db");
        let rates = [config.throttle_control, config.throttle_stop, config.throttle_tree, config.throttle_login];
        assert_eq!(rates.map(|rate| rate.to_string()), ["10/min", "120/min", "200/min", "20/min"]);
        assert_eq!(config.checkpoint_interval, Some(Duration::from_mins(1)));
    }

    #[test]
    fn flags_go_before_the_environment_and_that_before_the_file() {
        let file = file("listen = \"127.0.0.1:1\"\nthrottle_tree = \"1/min\"\nworkers = 3\n");
        let path = file.path().to_str().expect("a path");
        let environment =
            [("FLIGHTDECK_CONFIG", path), ("FLIGHTDECK_LISTEN", "127.0.0.1:2"), ("FLIGHTDECK_THROTTLE_TREE", "2/min")];
        let config = load(&["--listen", "127.0.0.1:3"], &environment).expect("valid");
        assert_eq!((config.listen.port(), config.throttle_tree, config.workers), (3, Rate::per_minute(2), 3));
    }

    #[test]
    fn a_wrong_value_is_refused_with_the_name_of_its_key() {
        let variable = load(&[], &[("FLIGHTDECK_LISTEN", "here")]).expect_err("wrong").to_string();
        assert_eq!(variable, "FLIGHTDECK_LISTEN: \"here\" is not an address and port such as 127.0.0.1:7600");
        let flag = load(&["--throttle-control", "often"], &[]).expect_err("wrong").to_string();
        assert!(flag.starts_with("--throttle-control: \"often\""), "{flag}");
        let wrong = file("workers = 0");
        let path = wrong.path().to_str().expect("a path");
        let in_file = load(&["--config", path], &[]).expect_err("wrong").to_string();
        assert!(in_file.starts_with("workers in "), "{in_file}");
        let off = load(&["--checkpoint-interval", "off"], &[]).expect("valid");
        assert_eq!(off.checkpoint_interval, None);
        let never = load(&["--checkpoint-interval", "0s"], &[]).expect_err("wrong").to_string();
        assert!(never.starts_with("--checkpoint-interval: \"0s\" is not"), "{never}");
        let unknown = file("listne = \"x\"");
        let path = unknown.path().to_str().expect("a path");
        let text = load(&["--config", path], &[]).expect_err("unknown").to_string();
        assert!(text.contains("there is no setting \"listne\"") && text.contains("data_dir, "), "{text}");
    }

    #[test]
    fn a_database_that_this_build_does_not_have_is_refused() {
        let text = load(&["--database-url", "mysql://x"], &[]).expect_err("unknown").to_string();
        assert!(text.contains("sqlite:///path/to/flightdeck.db"), "{text}");
        let config = load(&["--database-url", "sqlite:///tmp/x.db"], &[]).expect("valid");
        assert_eq!(config.database.to_string(), "/tmp/x.db");
        let url = "postgres://me:hush@db.internal/flightdeck?password=hush";
        let config = load(&["--database-url", url], &[]).expect("valid");
        assert_eq!(format!("{:?}", config.database), "postgres://db.internal/flightdeck", "a password is not shown");
    }

    #[test]
    fn a_wrong_address_of_valkey_is_named_and_not_shown() {
        let text = load(&[], &[("FLIGHTDECK_VALKEY_URL", "http://:hush@cache")]).expect_err("wrong").to_string();
        assert!(text.starts_with("FLIGHTDECK_VALKEY_URL: ") && text.contains("redis://127.0.0.1:6379"), "{text}");
        assert!(!text.contains("hush"), "{text}");
        let config = load(&["--valkey-url", "rediss://:hush@cache"], &[]).expect("valid");
        assert_eq!(config.valkey_url.as_ref().map(ToString::to_string).as_deref(), Some("cache:6379"));
        assert!(!format!("{config:?}").contains("hush"), "{config:?}");
        assert_eq!(
            (load(&[], &[]).expect("defaults").valkey_url, config.valkey_prefix.as_str()),
            (None, "flightdeck:")
        );
        let long = "x".repeat(65);
        for wrong in ["", "two words", "line\n", long.as_str()] {
            let text = load(&["--valkey-prefix", wrong], &[]).expect_err("wrong").to_string();
            assert!(text.starts_with("--valkey-prefix: "), "{text}");
        }
    }

    #[test]
    fn a_mistyped_variable_is_noticed() {
        let names = ["FLIGHTDECK_LISTN", "FLIGHTDECK_LISTEN", "FLIGHTDECK_TEST_POSTGRES_URL", "FLIGHTDECK_URL"];
        let environment = names.into_iter().map(|name| (name.to_owned(), String::new())).collect();
        assert_eq!(unknown_variables(&environment), ["FLIGHTDECK_LISTN"]);
    }

    #[test]
    fn names_of_the_server_are_host_names_without_a_port() {
        let hosts = |text| load(&["--allowed-hosts", text], &[]).map(|config| config.allowed_hosts);
        assert_eq!(load(&[], &[]).expect("defaults").allowed_hosts, Vec::<String>::new());
        assert_eq!(hosts("").expect("none"), Vec::<String>::new());
        assert_eq!(
            hosts("deck.example, 10.1.2.3,[fd00::1] ,fd00::2").expect("valid"),
            ["deck.example", "10.1.2.3", "[fd00::1]", "fd00::2"]
        );
        for wrong in ["deck.example:7600", "https://deck.example", "a,,b", "two words", "*", "deck/"] {
            let text = hosts(wrong).expect_err("wrong").to_string();
            assert!(text.starts_with("--allowed-hosts: ") && text.contains("without a port"), "{text}");
        }
    }

    #[test]
    fn a_lease_is_a_time_or_off() {
        let lease = |text| load(&["--lease", text], &[]).map(|config| config.lease);
        assert_eq!(load(&[], &[]).expect("defaults").lease, Some(Duration::from_mins(2)));
        assert_eq!(load(&[], &[]).expect("defaults").hook_lease, Some(Duration::from_hours(24)));
        assert_eq!(lease("off").expect("valid"), None);
        assert_eq!(lease("90s").expect("valid"), Some(Duration::from_secs(90)));
        assert_eq!(lease("5m").expect("valid"), Some(Duration::from_mins(5)));
        for wrong in ["0s", "5", "2d", "", "s", "99999999999999999999s", "25h", "1441m"] {
            let text = lease(wrong).expect_err("wrong").to_string();
            assert!(text.starts_with(&format!("--lease: {wrong:?} is not a time")), "{text}");
        }
    }

    #[test]
    fn a_missing_file_that_was_asked_for_is_an_error() {
        assert!(matches!(load(&["--config", "/nowhere.toml"], &[]), Err(ConfigError::File { .. })));
    }
}
