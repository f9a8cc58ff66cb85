//! Where spans of requests come from, and where they go.

use std::sync::Arc;

use flightdeck_domain::system::{SystemClock, SystemIds};
use flightdeck_domain::telemetry::trace::Span;
use flightdeck_http_api::RequestSpans;
use flightdeck_sinks::{TraceReceiver, Trust};
use tokio::sync::{Mutex, mpsc};

use super::error::ServeError;
use crate::config::OtlpConfig;

/// The spans of requests on their way.
pub(crate) struct RequestTraces {
    pub(crate) made: Arc<RequestSpans>,
    pub(crate) queue: Mutex<mpsc::Receiver<Span>>,
    pub(crate) receiver: TraceReceiver,
}

impl RequestTraces {
    /// As the configuration says.
    pub(crate) fn new(config: &OtlpConfig, trust: &Trust) -> Result<Self, ServeError> {
        let headers = match &config.headers_file {
            Some(path) => std::fs::read_to_string(path)
                .map_err(|error| ServeError::Otlp(format!("otlp_headers_file: {}: {error}", path.display())))?,
            None => String::new(),
        };
        let receiver = TraceReceiver::new(&config.url, &headers, trust);
        let receiver = receiver.map_err(|fault| ServeError::Otlp(format!("otlp_url, otlp_headers_file: {fault}")))?;
        let (made, queue) = RequestSpans::new(config.share, Arc::new(SystemClock), Arc::new(SystemIds));
        Ok(Self { made: Arc::new(made), queue: Mutex::new(queue), receiver })
    }
}
