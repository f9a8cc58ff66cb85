//! What is done when the server says that it is too early.

use std::time::Duration;

use crate::error::ClientError;

/// How long one call waits for its turn at the most, all its attempts together.
const MOST: Duration = Duration::from_secs(15);

/// What is left of the time that a call may wait.
pub(crate) struct Patience(Duration);

impl Patience {
    /// `false` for a call that hears at once that it is too early.
    pub(crate) const fn new(waits: bool) -> Self {
        Self(if waits { MOST } else { Duration::ZERO })
    }

    /// How long to wait until the call is made again; `None` where that is too long, or nobody says that it helps.
    ///
    /// The server did nothing of a call that it answered so.
    pub(crate) fn before_the_next(&mut self, refusal: &ClientError) -> Option<Duration> {
        let ClientError::TooEarly { retry_after, .. } = refusal else { return None };
        // At least a second: a server that says 0 is not asked without a pause.
        let wait = Duration::from_secs((*retry_after).max(1));
        self.0 = self.0.checked_sub(wait)?;
        Some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(retry_after: u64) -> ClientError {
        ClientError::TooEarly { status: 429, kind: String::new(), retry_after, detail: String::new() }
    }

    #[test]
    fn a_call_waits_fifteen_seconds_in_all_and_no_longer() {
        let mut patience = Patience::new(true);
        let waits: Vec<_> = [6, 6, 4, 3, 1].map(|secs| patience.before_the_next(&told(secs))).into();
        let secs = |secs| Some(Duration::from_secs(secs));
        assert_eq!(waits, [secs(6), secs(6), None, secs(3), None]);
        assert_eq!(Patience::new(true).before_the_next(&told(16)), None);
        assert_eq!(Patience::new(true).before_the_next(&told(u64::MAX)), None);
        assert_eq!(Patience::new(false).before_the_next(&told(1)), None);
    }

    #[test]
    fn a_call_that_is_made_again_pauses_and_comes_to_an_end() {
        let mut patience = Patience::new(true);
        assert_eq!((0..100).filter_map(|_| patience.before_the_next(&told(0))).count(), 15);
    }

    #[test]
    fn another_refusal_is_final() {
        let refused = ClientError::Refused { status: 503, kind: String::new(), detail: String::new() };
        assert_eq!(Patience::new(true).before_the_next(&refused), None);
    }
}
