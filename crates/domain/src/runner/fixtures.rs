//! Runners and assignments for the domain's own tests.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::{Assignment, AssignmentState, Heard, Offer, Runner, RunnerName, RunnerState, RunnerVersion, WhenLost};
use crate::fixtures::{at, session_id};
use crate::ids::KeyId;
use crate::operator::Actor;
use crate::provider_config::{Changed, ConfigLimits, ConfigName, Label, ProviderConfig, StartedBy};
use crate::text::{JsonObject, ProviderName};

pub(crate) fn name(text: &str) -> RunnerName {
    RunnerName::new(text).expect("valid")
}

pub(crate) fn offer(text: &str) -> Offer {
    Offer::new(text).expect("valid")
}

pub(crate) fn labels<const N: usize>(words: [&str; N]) -> BTreeSet<Label> {
    words.into_iter().map(|word| Label::new(word).expect("valid")).collect()
}

pub(crate) fn key() -> KeyId {
    KeyId::new("0102030405ab").expect("valid")
}

pub(crate) fn other_key() -> KeyId {
    KeyId::new("0102030405ac").expect("valid")
}

pub(crate) fn instance() -> Uuid {
    Uuid::from_u128(1)
}

/// A runner that offers `acp` and was heard at the beginning of 2026.
pub(crate) fn runner(text: &str) -> Runner {
    Runner {
        name: name(text),
        instance: instance(),
        key_id: key(),
        state: RunnerState::Active,
        labels: BTreeSet::new(),
        offers: [offer("acp")].into(),
        capacity: 4,
        protocol: Runner::PROTOCOL,
        version: RunnerVersion::new("flightdeck 0.1.0").expect("valid"),
        registered_at: at(0),
        seen_at: at(0),
        clock_ahead: 0,
    }
}

/// A sign of life of [`runner`].
pub(crate) fn heard(text: &str, second: i64) -> Heard {
    Heard { name: name(text), instance: instance(), key_id: key(), clock_ahead: 5, at: at(second) }
}

/// Session `n` waits for a runner that offers `acp`.
pub(crate) fn assignment(n: u128) -> Assignment {
    Assignment {
        session_id: session_id(n),
        started_by: StartedBy { name: ConfigName::new("claude").expect("valid"), revision: 7 },
        offer: offer("acp"),
        labels: BTreeSet::new(),
        settings: JsonObject::default(),
        at_once: None,
        prompt: None,
        when_lost: WhenLost::default(),
        state: AssignmentState::Waiting,
        fence: 0,
        runner: None,
        instance: None,
        leased_until: None,
        created_at: at(0),
    }
}

/// Runner `one` has leased it for 30 seconds, with token 3.
pub(crate) fn leased(n: u128) -> Assignment {
    Assignment {
        state: AssignmentState::Leased,
        fence: 3,
        runner: Some(name("one")),
        instance: Some(instance()),
        leased_until: Some(at(30)),
        ..assignment(n)
    }
}

/// Runner `one` has started it with token 3.
pub(crate) fn started(n: u128) -> Assignment {
    Assignment { state: AssignmentState::Started, leased_until: None, ..leased(n) }
}

/// A stored configuration of this name and kind.
pub(crate) fn config(name: &str, kind: &str) -> ProviderConfig {
    ProviderConfig {
        name: ConfigName::new(name).expect("valid"),
        kind: ProviderName::new(kind).expect("valid"),
        display_name: None,
        enabled: true,
        settings: JsonObject::default(),
        credentials: BTreeMap::new(),
        labels: BTreeSet::new(),
        limits: ConfigLimits::default(),
        revision: 7,
        changed: Some(Changed { by: Actor::local_cli(), at: at(0) }),
    }
}
