//! The epoch that holds, and cursors from before it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use actix_web::HttpResponse;
use actix_web::http::header::{HeaderName, HeaderValue};
use flightdeck_domain::epoch::{Epoch, FeedCursor};
use flightdeck_domain::ids::FeedPosition;

/// Which history of the deployment the places of an answer belong to.
const EPOCH: HeaderName = HeaderName::from_static("flightdeck-epoch");

/// The epoch that holds. A clone is another handle to the same.
#[derive(Clone, Debug, Default)]
pub struct CurrentEpoch(Arc<AtomicU32>);

impl CurrentEpoch {
    /// The one that holds now.
    #[must_use]
    pub fn get(&self) -> Epoch {
        Epoch::new(self.0.load(Ordering::Relaxed))
    }

    /// From now on another one holds.
    pub fn set(&self, epoch: Epoch) {
        self.0.store(epoch.get(), Ordering::Relaxed);
    }

    /// A place of today's history.
    pub(crate) fn cursor(&self, position: u64) -> FeedCursor {
        FeedCursor { epoch: Some(self.get()), position: FeedPosition::new(position) }
    }

    /// Whether something that a client brings is of another history.
    pub(crate) fn is_over(&self, of: Option<Epoch>) -> bool {
        of.is_some_and(|of| of != self.get())
    }

    /// Says in the head of an answer which history its places belong to.
    pub(crate) fn tell(&self, response: &mut HttpResponse) {
        if let Ok(value) = HeaderValue::from_str(&self.get().to_string()) {
            response.headers_mut().insert(EPOCH, value);
        }
    }
}
