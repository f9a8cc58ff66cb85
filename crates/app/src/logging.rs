//! The log: structured, to standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::{self, Config, LogFormat};

/// Starts logging. Called once; a second call changes nothing.
pub(crate) fn start(config: &Config) {
    let filter = EnvFilter::try_new(&config.log).unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let _ = match config.log_format {
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
    let environment = config::environment();
    for name in config::unknown_variables(&environment) {
        tracing::warn!(name, "this environment variable is no setting of Flightdeck; see `flightdeck serve --help`");
    }
}
