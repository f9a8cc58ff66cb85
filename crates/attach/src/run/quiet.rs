//! A command that says nothing may wait for its input to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::reporter::Reporter;

/// So long may a command be silent at its begin.
pub(super) const SILENCE: Duration = Duration::from_secs(10);
const HINT: &str = "it has said nothing so far; a command that reads its input to the end waits for ever, for its input is kept \
                    open for messages: --input none closes it, --input own passes on what this command reads";

/// Whether a command has said something, or was told something.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard(Arc<AtomicBool>);

impl Heard {
    pub(super) fn note(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_nothing(&self) -> bool {
        !self.0.load(Ordering::Relaxed)
    }
}

/// Says so when nothing is heard for so long of a command whose input is kept open.
pub(super) async fn hint(heard: Heard, silence: Duration, reporter: Reporter) {
    tokio::time::sleep(silence).await;
    if heard.is_nothing() {
        reporter.notice(HINT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_who_is_silent_gets_the_hint() {
        let (silent, spoke) = (Heard::default(), Heard::default());
        let (reporter, said) = Reporter::for_tests();
        spoke.note();
        hint(spoke, Duration::ZERO, reporter.clone()).await;
        assert!(said().is_empty());
        hint(silent, Duration::ZERO, reporter).await;
        assert_eq!(said(), [HINT]);
    }
}
