//! The log: structured, to standard error.
//!
//! *Invariant: the log never stops the server.* What cannot be written is counted, and told once the log can be written again
//! ([`lasting`]); nothing here panics or gives an error.

mod lasting;
mod malformed;

use std::io::IsTerminal;
use std::panic::PanicHookInfo;
use std::sync::Arc;

use flightdeck_http_api::Counters;
use flightdeck_settings::{environment, unknown_variables};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use self::lasting::{Lasting, Shape};
use self::malformed::Malformed;
use crate::config::{Config, LogFormat};

/// Starts logging, and gives the counters of what is counted instead of logged. Called once; a second call changes nothing.
pub(crate) fn start(config: &Config) -> Arc<Counters> {
    start_with(&config.log, config.log_format)
}

/// The same for a command that has no configuration file: the variables alone say how.
pub(crate) fn start_by_environment() {
    let filter = std::env::var("FLIGHTDECK_LOG").unwrap_or_else(|_| "info".to_owned());
    let is_json = std::env::var("FLIGHTDECK_LOG_FORMAT").is_ok_and(|format| format == "json");
    let _no_server_counts = start_with(&filter, if is_json { LogFormat::Json } else { LogFormat::Text });
}

fn start_with(filter: &str, format: LogFormat) -> Arc<Counters> {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let (malformed, counters) = Malformed::beside(&filter);
    let shape = match format {
        LogFormat::Text => Shape::Text,
        LogFormat::Json => Shape::Json,
    };
    // Its own report of a line that cannot be written would go to the same place, and panic there.
    let log = tracing_subscriber::fmt().with_env_filter(filter).log_internal_errors(false);
    let log = log.with_writer(Lasting::new(shape, std::io::stderr));
    let _ = match format {
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).finish().with(malformed).try_init(),
        LogFormat::Json => log.json().flatten_event(true).finish().with(malformed).try_init(),
    };
    std::panic::set_hook(Box::new(tell_panic));
    let environment = environment();
    for name in unknown_variables(&environment) {
        tracing::warn!(name, "this environment variable is no setting of Flightdeck; see `flightdeck serve --help`");
    }
    counters
}

/// A panic is a line of the log like any other, in the log's own format.
fn tell_panic(panic: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let backtrace = std::backtrace::Backtrace::capture();
    let backtrace = match backtrace.status() {
        std::backtrace::BacktraceStatus::Captured => Some(backtrace.to_string()),
        _ => None,
    };
    tracing::error!(
        thread = thread.name(),
        place = panic.location().map(tracing::field::display),
        text = panic.payload_as_str().unwrap_or("no text"),
        backtrace,
        "a panic"
    );
}
