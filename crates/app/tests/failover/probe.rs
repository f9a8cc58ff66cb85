//! Callers that see when the database is away.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::load::Scene;
use crate::support::load::writer::{self, Log, Written};
use crate::support::random::Random;

/// When writes were acknowledged, in their order.
#[derive(Default)]
pub(crate) struct Acknowledgements(Mutex<Vec<Instant>>);

impl Acknowledgements {
    fn note(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Instant::now());
    }

    pub(crate) fn any_after(&self, moment: Instant) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).last().is_some_and(|last| *last > moment)
    }

    /// For each failover the longest time between two acknowledgements that overlaps it.
    pub(crate) fn gaps(&self, failovers: impl Iterator<Item = (Instant, Instant)>) -> Vec<Duration> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let longest = |(from, to): (Instant, Instant)| {
            let around = all.windows(2).filter(|pair| pair[1] >= from && pair[0] <= to);
            around.map(|pair| pair[1] - pair[0]).max().expect("writes before and after")
        };
        failovers.map(longest).collect()
    }
}

/// Appends without a pause, and notes each acknowledgement.
pub(crate) fn write(scene: &Scene, acknowledged: &Acknowledgements, mut random: Random) -> Written {
    let _guard = scene.guard();
    let session = scene.door(&mut random).register(None);
    let mut written = Written { logs: vec![Log::new(session)], ..Written::default() };
    while scene.goes_on() {
        let batch = writer::batch(99, written.batches, &mut random);
        writer::append(scene, 0, &batch, &mut written, &mut random);
        acknowledged.note();
    }
    written
}

/// Changes the status of a session without a pause, and gives how often.
pub(crate) fn report(scene: &Scene, session: &str, mut random: Random) -> u64 {
    let _guard = scene.guard();
    let mut changes = 0;
    while scene.goes_on() {
        let status = if changes % 2 == 0 { "running" } else { "waiting" };
        let answered = scene.post(&mut random, &format!("/agents/{session}/status"), &json!({"status": status}));
        assert_eq!(answered.status, 200, "{}", answered.reply);
        changes += 1;
    }
    changes
}
