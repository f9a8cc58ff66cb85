//! The numbers as text.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;

use crate::Meters;

/// The form of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus' own, version 0.0.4.
    Prometheus,
    /// `OpenMetrics`, version 1.0.0.
    OpenMetrics,
}

impl Format {
    /// The one that whoever asks accepts, by its header `Accept`.
    #[must_use]
    pub fn accepted(accept: &str) -> Self {
        if accept.contains("application/openmetrics-text") { Self::OpenMetrics } else { Self::Prometheus }
    }

    /// The value of the header `Content-Type`.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// The labels of a number.
pub type Labels = Vec<(&'static str, String)>;

/// Numbers that are about to be told.
#[derive(Debug)]
pub struct Exposition(Registry);

impl Exposition {
    /// Begins with the meters of a process. Every name begins with `flightdeck_`.
    #[must_use]
    pub fn of(meters: &Meters) -> Self {
        let mut registry = Registry::with_prefix("flightdeck");
        meters.register(&mut registry);
        Self(registry)
    }

    /// A count that goes up and down.
    pub fn gauge(&mut self, name: &str, help: &str, count: u64) {
        self.0.register(name, help, ConstGauge::new(count));
    }

    /// A time that goes up and down, told in seconds.
    pub fn seconds(&mut self, name: &str, help: &str, span: Duration) {
        self.0.register(name, help, ConstGauge::new(span.as_secs_f64()));
    }

    /// A count that only grows while the process lives. Its name has no `_total` here.
    pub fn counter(&mut self, name: &str, help: &str, count: u64) {
        self.0.register(name, help, ConstCounter::new(count));
    }

    /// Counts that go up and down, told apart by labels.
    pub fn gauges(&mut self, name: &str, help: &str, counts: impl IntoIterator<Item = (Labels, u64)>) {
        let family = Family::<Labels, Gauge<u64, AtomicU64>>::default();
        for (labels, count) in counts {
            family.get_or_create(&labels).set(count);
        }
        self.0.register(name, help, family);
    }

    /// Counts that only grow while the process lives, told apart by labels.
    pub fn counters(&mut self, name: &str, help: &str, counts: impl IntoIterator<Item = (Labels, u64)>) {
        let family = Family::<Labels, Counter>::default();
        for (labels, count) in counts {
            family.get_or_create(&labels).inc_by(count);
        }
        self.0.register(name, help, family);
    }

    /// The text.
    #[must_use]
    pub fn text(&self, format: Format) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.0);
        match format {
            Format::OpenMetrics => text,
            Format::Prometheus => plain(&text),
        }
    }
}

/// The same in Prometheus' own form: there a counter is described under the name that its value has, and nothing is said of
/// the end.
fn plain(text: &str) -> String {
    let described = |line: &str, what: &str| {
        let (name, rest) = line.strip_prefix(what)?.split_once(' ')?;
        Some((name.to_owned(), rest.to_owned()))
    };
    let types = text.lines().filter_map(|line| described(line, "# TYPE "));
    let counters: BTreeSet<String> = types.filter(|(_, kind)| kind == "counter").map(|(name, _)| name).collect();
    let mut plain = String::with_capacity(text.len());
    for line in text.lines().filter(|line| *line != "# EOF") {
        let of_counter = ["# HELP ", "# TYPE "].into_iter().find_map(|what| {
            let (name, rest) = described(line, what)?;
            counters.contains(&name).then(|| format!("{what}{name}_total {rest}"))
        });
        let _ = writeln!(plain, "{}", of_counter.as_deref().unwrap_or(line));
    }
    plain
}
