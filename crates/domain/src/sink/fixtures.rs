//! Values for tests about sinks.

use std::collections::BTreeMap;

use super::{Sink, SinkFilter, SinkForm, SinkName, SinkProgress};
use crate::fixtures::{at, attribution};
use crate::provider_config::Changed;
use crate::text::{JsonObject, ReplicaName};

pub(crate) fn name(text: &str) -> SinkName {
    SinkName::new(text).expect("valid")
}

pub(crate) fn replica(text: &str) -> ReplicaName {
    ReplicaName::new(text).expect("valid")
}

/// A webhook that takes everything, made at the beginning, at place 0.
pub(crate) fn sink(text: &str) -> Sink {
    Sink {
        name: name(text),
        form: SinkForm::Webhook,
        enabled: true,
        settings: JsonObject::default(),
        filter: SinkFilter::default(),
        transcript: false,
        most_tries: 4,
        credentials: BTreeMap::new(),
        revision: 1,
        changed: Changed { by: attribution("x").actor, at: at(0) },
        progress: SinkProgress::default(),
    }
}
