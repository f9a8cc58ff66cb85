//! How the values of a server are read. Each fault says what would be right; the caller adds whose value it is.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use flightdeck_domain::guard::Watch;
use flightdeck_domain::provider_config::Label;
use flightdeck_domain::sink::PublicUrl;
use flightdeck_domain::text::MissionId;
use flightdeck_domain::usage::Cost;
use flightdeck_http_api::Rate;
use flightdeck_settings::parse_duration;
use flightdeck_sinks::{TraceReceiver, Trust};
use flightdeck_wakeup_valkey::ValkeyUrl;

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

pub(super) fn valkey(text: &str) -> Result<ValkeyUrl, String> {
    text.parse().map_err(|error: flightdeck_wakeup_valkey::InvalidUrl| error.to_string())
}

pub(super) fn prefix(text: &str) -> Result<String, String> {
    let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    if visible && (1..=64).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err("is not a prefix: 1 to 64 visible ASCII characters".to_owned())
    }
}

/// The address of the page.
pub(super) fn public_url(text: &str) -> Result<PublicUrl, String> {
    PublicUrl::new(text).map_err(|error| error.to_string())
}

/// A share, from 0 to 1.
pub(super) fn share(text: &str) -> Result<f64, String> {
    let share = text.parse::<f64>().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "is not a number from 0 to 1, such as 0.1".to_owned())
}

/// The receiver of spans.
pub(super) fn otlp(text: &str) -> Result<String, String> {
    TraceReceiver::new(text, "", &Trust::default()).map(|_receiver| text.to_owned())
}

/// A file with authorities.
pub(super) fn authorities(text: &str) -> Result<Trust, String> {
    Trust::only(Path::new(text)).map_err(|fault| format!("cannot be used: {fault}"))
}

/// Labels, with commas between.
pub(super) fn labels(text: &str) -> Result<BTreeSet<Label>, String> {
    let labels = text.split(',').map(str::trim).filter(|label| !label.is_empty());
    labels.map(|label| Label::new(label).map_err(|error| format!("has no labels: {error}"))).collect()
}

/// How often the same call with the same result is made before an agent is paused.
pub(super) fn repeats(text: &str) -> Result<Option<u32>, String> {
    let most = Watch::WINDOW;
    match text.parse::<u32>() {
        _ if text == "off" => Ok(None),
        Ok(times) if times >= 2 && usize::try_from(times).is_ok_and(|times| times <= most) => Ok(Some(times)),
        _ => Err(format!("is not a number from 2 to {most}, or off")),
    }
}

/// An amount in US dollars.
pub(super) fn cost(text: &str) -> Result<Option<Cost>, String> {
    if text == "off" {
        return Ok(None);
    }
    let cost = text.parse::<f64>().ok().and_then(|dollars| Cost::try_from(dollars).ok());
    let cost = cost.filter(|cost| *cost > Cost::ZERO);
    cost.map(Some).ok_or_else(|| "is not an amount in US dollars, such as 2.5, or off".to_owned())
}

/// Ids of missions, with commas between.
pub(super) fn missions(text: &str) -> Result<BTreeSet<MissionId>, String> {
    let ids = text.split(',').map(str::trim).filter(|id| !id.is_empty());
    ids.map(|id| MissionId::new(id).map_err(|error| format!("has no ids of missions: {error}"))).collect()
}

/// Names and addresses of hosts, with commas between.
pub(super) fn hosts(text: &str) -> Result<Vec<String>, String> {
    let is_host = |name: &str| {
        let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        let of_names = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        address.parse::<std::net::IpAddr>().is_ok() || (!name.is_empty() && name.bytes().all(of_names))
    };
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
    if names.iter().all(|name| is_host(name)) {
        Ok(names)
    } else {
        Err("is not a list of host names, each without a port, such as deck.example,10.1.2.3".to_owned())
    }
}

pub(super) fn rate(text: &str) -> Result<Rate, String> {
    text.parse().map_err(|error: flightdeck_http_api::InvalidRate| format!("is not a rate: {error}"))
}

/// A span of time, or none.
pub(super) fn span(text: &str) -> Result<Option<Duration>, String> {
    if text == "off" {
        return Ok(None);
    }
    let span = parse_duration(text).filter(|span| (Duration::from_secs(1)..=Duration::from_hours(24)).contains(span));
    span.map(Some).ok_or_else(|| "is not a time from 1s to 24h, such as 120s, 5m or 1h, or off".to_owned())
}

pub(super) fn workers(text: &str) -> Result<usize, String> {
    match text {
        "auto" => Ok(std::thread::available_parallelism().map_or(1, NonZeroUsize::get)),
        text => match text.parse::<usize>() {
            Ok(count) if (1..=256).contains(&count) => Ok(count),
            _ => Err("is not a number of threads from 1 to 256, or auto".to_owned()),
        },
    }
}

pub(super) fn count(text: &str) -> Result<usize, String> {
    text.parse::<NonZeroUsize>().map(NonZeroUsize::get).map_err(|_error| "is not a number from 1 on".to_owned())
}

pub(super) fn log_filter(text: &str) -> Result<String, String> {
    let filter = tracing_subscriber::EnvFilter::try_new(text);
    filter.map(|_| text.to_owned()).map_err(|error| format!("is not a log filter: {error}"))
}

pub(super) fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("is not a log format; use text or json".to_owned()),
    }
}
