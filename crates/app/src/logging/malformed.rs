//! What strangers send that is no HTTP: the HTTP machinery below us tells each of it as an error of the server.
//!
//! It is none, and anybody can send thousands a second. So it is counted, and a line only where the log is at `debug`.

use std::fmt::{self, Debug};
use std::sync::Arc;

use flightdeck_http_api::Counters;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::{Context, Layer};

/// Who tells of a connection that ended in what is no HTTP.
const TARGET: &str = "actix_http::h1::dispatcher";
/// How the line begins.
const BEGIN: &str = "stream error";

/// Keeps such lines out of the log, and counts them.
pub(super) struct Malformed {
    counters: Arc<Counters>,
    /// Whether they are wanted all the same.
    shown: bool,
}

impl Malformed {
    /// For a log with this filter; the counters are those that it counts in.
    pub(super) fn beside(filter: &EnvFilter) -> (Self, Arc<Counters>) {
        let counters = Arc::<Counters>::default();
        let shown = filter.max_level_hint().is_some_and(|level| level >= LevelFilter::DEBUG);
        (Self { counters: Arc::clone(&counters), shown }, counters)
    }
}

impl<S: Subscriber> Layer<S> for Malformed {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        if *event.metadata().level() != Level::ERROR || event.metadata().target() != TARGET {
            return true;
        }
        let mut message = Message(false);
        event.record(&mut message);
        if message.0 {
            self.counters.malformed();
        }
        !message.0 || self.shown
    }
}

/// Whether the text of an event begins so.
struct Message(bool);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            let mut begin = Begin { left: BEGIN, differs: false };
            let _ = fmt::write(&mut begin, format_args!("{value:?}"));
            self.0 = !begin.differs && begin.left.is_empty();
        }
    }
}

/// Compares what is written with the beginning, without holding it: a stranger says how long it is.
struct Begin {
    left: &'static str,
    differs: bool,
}

impl fmt::Write for Begin {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let compared = text.len().min(self.left.len());
        if text.as_bytes().get(..compared) != self.left.as_bytes().get(..compared) {
            self.differs = true;
        }
        self.left = self.left.get(compared..).unwrap_or_default();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use flightdeck_http_api::Counts;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    /// What stays of a few lines under a filter, and how many were counted.
    fn left(filter: &str) -> (String, u64) {
        let filter = EnvFilter::try_new(filter).expect("a filter");
        let (malformed, counters) = Malformed::beside(&filter);
        let written = Arc::<Mutex<Vec<u8>>>::default();
        let writer = Arc::clone(&written);
        let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).without_time();
        let log = log.with_writer(move || Shared(Arc::clone(&writer))).finish().with(malformed);
        tracing::subscriber::with_default(log, || {
            let fault = "invalid header";
            tracing::error!(target: "actix_http::h1::dispatcher", "stream error: {}", fault);
            tracing::error!(target: "actix_http::h1::dispatcher", "write zero; closing");
            tracing::error!("stream error: ours");
        });
        let text = String::from_utf8(written.lock().expect("not poisoned").clone()).expect("a text");
        (text, counters.read().malformed)
    }

    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("not poisoned").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_strangers_send_is_counted_and_no_line() {
        for filter in ["info", "error", "warn,flightdeck=info"] {
            let (text, counted) = left(filter);
            assert_eq!((text.lines().count(), counted), (2, 1), "{filter}: {text}");
            assert!(text.contains("write zero") && text.contains("stream error: ours"), "{text}");
        }
        let (text, counted) = left("debug");
        assert_eq!((text.lines().count(), counted), (3, 1), "{text}");
        assert_eq!(Counts::default().malformed, 0);
    }
}
