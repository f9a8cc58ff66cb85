//! The current epoch, and cursors of earlier epochs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use actix_web::HttpResponse;
use actix_web::http::header::{HeaderName, HeaderValue};
use flightdeck_domain::epoch::{Epoch, FeedCursor};
use flightdeck_domain::ids::FeedPosition;

/// The history of the deployment that the places of an answer belong to.
const EPOCH: HeaderName = HeaderName::from_static("flightdeck-epoch");

/// The current epoch. A clone is another handle to the same epoch.
#[derive(Clone, Debug, Default)]
pub struct CurrentEpoch(Arc<AtomicU32>);

impl CurrentEpoch {
    /// Gives the current epoch.
    #[must_use]
    pub fn get(&self) -> Epoch {
        Epoch::new(self.0.load(Ordering::Relaxed))
    }

    /// Sets the current epoch.
    pub fn set(&self, epoch: Epoch) {
        self.0.store(epoch.get(), Ordering::Relaxed);
    }

    /// A place of the current history.
    pub(crate) fn cursor(&self, position: u64) -> FeedCursor {
        FeedCursor { epoch: Some(self.get()), position: FeedPosition::new(position) }
    }

    /// Whether a value from a client belongs to another history.
    pub(crate) fn is_over(&self, of: Option<Epoch>) -> bool {
        of.is_some_and(|of| of != self.get())
    }

    /// Adds a header to an answer that names the history of its places.
    pub(crate) fn tell(&self, response: &mut HttpResponse) {
        if let Ok(value) = HeaderValue::from_str(&self.get().to_string()) {
            response.headers_mut().insert(EPOCH, value);
        }
    }
}
