//! The places of each configuration, whatever its revision.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use flightdeck_uplink::Places;

/// Places by the name of a configuration.
#[derive(Debug, Default)]
pub(crate) struct Seats(Mutex<BTreeMap<String, Arc<Places>>>);

impl Seats {
    /// The places of a configuration, so many from now on.
    pub(crate) fn of(&self, name: &str, at_once: usize) -> Arc<Places> {
        let mut seats = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let places = seats.entry(name.to_owned()).or_insert_with(|| Arc::new(Places::new(at_once)));
        if places.all() != at_once {
            places.resize(at_once);
        }
        Arc::clone(places)
    }
}
