//! The configuration of a server: every setting, read.

mod agents;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use flightdeck_admin::Examined;
use flightdeck_domain::guard::GuardLimits;
use flightdeck_domain::provider_config::Label;
use flightdeck_domain::sink::PublicUrl;
use flightdeck_http_api::Rate;
use flightdeck_provider_acp::AgentConfig;
use flightdeck_settings::{
    DatabaseUrl, Flags, Settings, SettingsError, StorageSettings, address, environment, path, switch,
};
use flightdeck_sinks::Trust;
use flightdeck_wakeup_valkey::ValkeyUrl;

use self::agents::AgentsError;
pub(crate) use self::values::LogFormat;

/// Everything that can be set.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Config {
    /// Where the deployment keeps what it keeps.
    pub(crate) storage: StorageSettings,
    pub(crate) listen: SocketAddr,
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
    /// How often what is due by the retention rules is looked for; `None` for never.
    pub(crate) retention_interval: Option<Duration>,
    /// How often the head of the audit log is signed; `None` for only when asked.
    pub(crate) checkpoint_interval: Option<Duration>,
    /// What agents may do before they are taken to run wild.
    pub(crate) guard: GuardLimits,
    pub(crate) max_streams_per_key: usize,
    pub(crate) log: String,
    pub(crate) log_format: LogFormat,
    /// Where people open the page; `None` when nobody has said.
    pub(crate) public_url: Option<PublicUrl>,
    /// Whether sinks may send to private addresses.
    pub(crate) sinks_allow_private: bool,
    /// Who vouches for the receivers of sinks and spans.
    pub(crate) trust: Trust,
    /// Where spans of requests go; `None` when requests have none.
    pub(crate) otlp: Option<OtlpConfig>,
    /// What this server is labelled with.
    pub(crate) labels: BTreeSet<Label>,
    /// The agents that may be run: the tables `[agents.<name>]` of the file.
    pub(crate) agents: Vec<AgentConfig>,
    /// The file that it was read from, if there was one.
    pub(crate) file: Option<PathBuf>,
}

/// Where spans of requests go.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OtlpConfig {
    pub(crate) url: String,
    pub(crate) headers_file: Option<PathBuf>,
    pub(crate) share: f64,
}

impl OtlpConfig {
    fn read(settings: &Settings) -> Result<Option<Self>, SettingsError> {
        let share = settings.value("otlp_share", values::share)?;
        let file = settings.is_given("otlp_headers_file");
        let headers_file = file.then(|| settings.value("otlp_headers_file", path)).transpose()?;
        let url = settings.is_given("otlp_url").then(|| settings.value("otlp_url", values::otlp)).transpose()?;
        Ok(url.map(|url| Self { url, headers_file, share }))
    }
}

/// A configuration that cannot be used. The server does not start with it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Agents(#[from] AgentsError),
}

impl Config {
    /// Reads every setting, for a command with these flags.
    pub(crate) fn load(flags: &Flags) -> Result<Self, ConfigError> {
        Self::load_in(flags, &environment())
    }

    fn load_in(flags: &Flags, environment: &BTreeMap<String, String>) -> Result<Self, ConfigError> {
        let settings = Settings::load(flags, environment)?;
        let file = settings.file().map(|path| path.display().to_string()).unwrap_or_default();
        let agents = settings.agents().cloned().map(|agents| agents::read(agents, &file)).transpose()?;
        let public_url = settings.is_given("public_url").then(|| settings.value("public_url", values::public_url));
        let valkey_url = settings.is_given("valkey_url").then(|| settings.value("valkey_url", values::valkey));
        Ok(Self {
            storage: StorageSettings::read(&settings)?,
            listen: settings.value("listen", address)?,
            valkey_url: valkey_url.transpose()?,
            valkey_prefix: settings.value("valkey_prefix", values::prefix)?,
            throttle_control: settings.value("throttle_control", values::rate)?,
            throttle_stop: settings.value("throttle_stop", values::rate)?,
            throttle_tree: settings.value("throttle_tree", values::rate)?,
            throttle_login: settings.value("throttle_login", values::rate)?,
            secure_cookies: settings.value("secure_cookies", switch)?,
            allowed_hosts: settings.value("allowed_hosts", values::hosts)?,
            lease: settings.value("lease", values::span)?,
            hook_lease: settings.value("hook_lease", values::span)?,
            workers: settings.value("workers", values::workers)?,
            retention_interval: settings.value("retention_interval", values::span)?,
            checkpoint_interval: settings.value("checkpoint_interval", values::span)?,
            guard: GuardLimits {
                repeats: settings.value("guard_repeats", values::repeats)?,
                cost_per_hour: settings.value("guard_cost_per_hour", values::cost)?,
                spared: settings.value("guard_spared_missions", values::missions)?,
            },
            max_streams_per_key: settings.value("max_streams_per_key", values::count)?,
            log: settings.value("log", values::log_filter)?,
            log_format: settings.value("log_format", values::log_format)?,
            public_url: public_url.transpose()?,
            sinks_allow_private: settings.value("sinks_allow_private", switch)?,
            trust: if settings.is_given("sinks_ca_file") {
                settings.value("sinks_ca_file", values::authorities)?
            } else {
                Trust::default()
            },
            otlp: OtlpConfig::read(&settings)?,
            labels: settings.value("labels", values::labels)?,
            agents: agents.unwrap_or_default(),
            file: settings.file().map(Path::to_owned),
        })
    }

    /// The same for a deployment that is thrown away afterwards: on a folder of its own, with an embedded store, and alone,
    /// for what happens to it concerns no other replica.
    pub(crate) fn on_a_folder_of_its_own(self, folder: &Path) -> Self {
        let database = DatabaseUrl::Sqlite(folder.join("flightdeck.db"));
        let (data_dir, secrets_key_file) = (folder.to_owned(), folder.join("secrets.key"));
        let storage = StorageSettings {
            data_dir,
            secrets_key_file,
            database,
            database_read: None,
            archive_url: None,
            ..self.storage
        };
        Self { storage, valkey_url: None, ..self }
    }

    /// What `flightdeck doctor` looks at.
    pub(crate) fn examined(&self) -> Examined<'_> {
        Examined {
            storage: &self.storage,
            file: self.file.as_deref(),
            listen: self.listen,
            valkey: self.valkey_url.as_ref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args, Command, FromArgMatches};

    use super::*;

    fn load(args: &[&str], environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let command = Flags::augment_args(Command::new("flightdeck").no_binary_name(true));
        let matches = command.try_get_matches_from(args).expect("valid flags");
        let flags = Flags::from_arg_matches(&matches).expect("valid flags");
        let environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Config::load_in(&flags, &environment)
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
        assert_eq!(config.storage.database.to_string(), "./flightdeck-data/flightdeck.db");
        let rates = [config.throttle_control, config.throttle_stop, config.throttle_tree, config.throttle_login];
        assert_eq!(rates.map(|rate| rate.to_string()), ["10/min", "120/min", "200/min", "20/min"]);
        assert_eq!(config.checkpoint_interval, Some(Duration::from_mins(1)));
        assert_eq!(config.guard, GuardLimits { repeats: Some(30), ..GuardLimits::default() });
    }

    #[test]
    fn the_guard_is_set_by_numbers_and_names_of_missions() {
        let flags =
            ["--guard-repeats", "off", "--guard-cost-per-hour", "2.5", "--guard-spared-missions", "polls, nightly"];
        let guard = load(&flags, &[]).expect("valid").guard;
        assert_eq!((guard.repeats, guard.cost_per_hour.map(f64::from)), (None, Some(2.5)));
        assert_eq!(guard.spared.iter().map(ToString::to_string).collect::<Vec<_>>(), ["nightly", "polls"]);
        for (flag, wrong) in [
            ("--guard-repeats", "1"),
            ("--guard-repeats", "201"),
            ("--guard-repeats", "often"),
            ("--guard-cost-per-hour", "0"),
            ("--guard-cost-per-hour", "much"),
            ("--guard-cost-per-hour", "NaN"),
            ("--guard-spared-missions", "a\nb"),
        ] {
            let refused = load(&[flag, wrong], &[]).expect_err("wrong").to_string();
            assert!(refused.starts_with(flag), "{refused}");
        }
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
        assert_eq!(config.storage.database.to_string(), "/tmp/x.db");
        let url = "postgres://me:hush@db.internal/flightdeck?password=hush";
        let config = load(&["--database-url", url], &[]).expect("valid");
        assert_eq!(
            format!("{:?}", config.storage.database),
            "postgres://db.internal/flightdeck",
            "a password is not shown"
        );
    }

    #[test]
    fn standbys_need_a_database_that_has_some() {
        let (database, read) = ("postgres://me:hush@db1/flightdeck", "postgres://me:hush@db2,db3/flightdeck");
        let config = load(&["--database-url", database, "--database-read-url", read], &[]).expect("valid");
        let standbys = config.storage.database_read.expect("given");
        assert_eq!(format!("{standbys:?}"), "ReadSettings { url: postgres://db2,db3/flightdeck, staleness: 5s }");
        assert_eq!(load(&["--database-url", database], &[]).expect("valid").storage.database_read, None);
        let of_a_file = load(&[], &[("FLIGHTDECK_DATABASE_READ_URL", read)]).expect_err("no server").to_string();
        assert!(of_a_file.starts_with("FLIGHTDECK_DATABASE_READ_URL: ") && of_a_file.contains("database_url"));
        let args = ["--database-url", database, "--database-read-url", "sqlite:///hush"];
        let file = load(&args, &[]).expect_err("no standby").to_string();
        assert!(file.starts_with("--database-read-url: ") && !file.contains("hush"), "{file}");
        for wrong in ["999ms", "off", "61m"] {
            let text = load(&["--database-read-staleness", wrong], &[]).expect_err("wrong").to_string();
            assert!(text.starts_with("--database-read-staleness: ") && text.contains("1s to 1h"), "{text}");
        }
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
    fn the_page_has_an_address_or_none_and_sinks_stay_outside() {
        let config = load(&[], &[]).expect("defaults");
        assert_eq!((config.public_url, config.sinks_allow_private), (None, false));
        let args = ["--public-url", "https://deck.example/", "--sinks-allow-private", "on"];
        let config = load(&args, &[]).expect("valid");
        let url = config.public_url.as_ref().map(PublicUrl::as_str);
        assert_eq!((url, config.sinks_allow_private), (Some("https://deck.example"), true));
        let text = load(&["--sinks-ca-file", "nowhere.pem"], &[]).expect_err("no such file").to_string();
        assert!(text.starts_with("--sinks-ca-file: ") && text.contains("nowhere.pem"), "{text}");
        let text = load(&["--public-url", "deck.example"], &[]).expect_err("wrong").to_string();
        assert!(text.starts_with("--public-url: ") && text.contains("https://deck.example"), "{text}");
    }

    #[test]
    fn requests_have_spans_when_there_is_a_receiver() {
        let otlp = |args: &[&str]| load(args, &[]).map(|config| config.otlp).map_err(|error| error.to_string());
        assert_eq!(otlp(&[]), Ok(None));
        let given = otlp(&["--otlp-url", "http://127.0.0.1:4318", "--otlp-headers-file", "h", "--otlp-share", "0.25"]);
        let url = "http://127.0.0.1:4318".to_owned();
        assert_eq!(given, Ok(Some(OtlpConfig { url, headers_file: Some("h".into()), share: 0.25 })));
        for (flag, wrong) in [("--otlp-url", "collector:4318"), ("--otlp-share", "2"), ("--otlp-share", "nan")] {
            let text = otlp(&[flag, wrong]).expect_err("wrong");
            assert!(text.starts_with(&format!("{flag}: ")), "{text}");
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
}
