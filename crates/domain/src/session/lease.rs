//! A session that reports by itself has a lease: a session that is silent for longer is lost, and comes back when it
//! reports.

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::{Observation, Observed, Session, SessionStatus, StatusChange};
use crate::ids::MessageId;
use crate::message::Message;
use crate::text::{ProviderName, Reason};
use crate::time::Timestamp;

/// How long a session may be silent, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silence {
    /// A session whose last sign of life is before this time is lost.
    pub not_seen_since: Timestamp,
    /// The providers whose agents live in this process; their sessions have no lease.
    pub without_lease: Vec<ProviderName>,
    /// Why a session is lost, for the transcript.
    pub reason: Option<Reason>,
    /// The current time.
    pub at: Timestamp,
}

impl Silence {
    /// The silence that a lease does not allow.
    #[must_use]
    pub fn longer_than(lease: Duration, without_lease: Vec<ProviderName>, at: Timestamp) -> Self {
        let reason = Reason::new(format!("no sign of life for {}", in_words(lease))).ok();
        Self { not_seen_since: at.saturating_sub(lease), without_lease, reason, at }
    }
}

/// The largest unit that expresses the duration without a fraction.
fn in_words(span: Duration) -> String {
    match (span.as_millis(), span.as_secs()) {
        (millis, _) if !millis.is_multiple_of(1_000) || millis == 0 => format!("{millis}ms"),
        (_, secs) if !secs.is_multiple_of(60) => format!("{secs}s"),
        (_, secs) if !secs.is_multiple_of(3_600) => format!("{}m", secs / 60),
        (_, secs) => format!("{}h", secs / 3_600),
    }
}

impl Session {
    /// The time of the last sign of life; that of the spawning if there was none.
    #[must_use]
    pub fn last_sign_of_life(&self) -> Timestamp {
        self.last_seen_at.unwrap_or(self.spawned_at)
    }

    /// Loses a session that was silent for too long. `None` if it was not, has no lease, is lost already, or has ended.
    ///
    /// It is asked under the session's lock, so an earlier sign of life wins.
    #[must_use]
    pub fn lose(&self, silence: &Silence) -> Option<StatusChange> {
        let leased = self.status.is_live() && !silence.without_lease.contains(&self.provider);
        if !leased || self.last_sign_of_life() >= silence.not_seen_since {
            return None;
        }
        self.moved(SessionStatus::Lost, silence.reason.clone(), silence.at)
    }

    /// Handles a sign of life without a status: a message or a heartbeat. A lost session gets the status that it had
    /// before, and one that was never observed at work becomes running. For any other session nothing changes.
    #[must_use]
    pub fn come_back(&self, at: Timestamp) -> Option<StatusChange> {
        if self.status != SessionStatus::Lost {
            return None;
        }
        let was = self.lost_from.filter(|was| *was != SessionStatus::Spawning).unwrap_or(SessionStatus::Running);
        self.moved(was, Reason::new("it gave a sign of life").ok(), at)
    }

    /// Records a sign of life without a status: gives the session after it and, if it was lost, the message that
    /// reports its return ([`Session::come_back`]).
    #[must_use]
    pub fn heard(&self, at: Timestamp) -> (Self, Option<Message>) {
        match self.come_back(at) {
            Some(change) => (change.session, Some(change.message)),
            None => (Self { last_seen_at: self.last_seen_at.max(Some(at)), ..self.clone() }, None),
        }
    }

    fn moved(&self, status: SessionStatus, reason: Option<Reason>, at: Timestamp) -> Option<StatusChange> {
        let message_id = self.message_of_change(at);
        match self.observe(&Observation {
            session_id: self.id,
            status,
            reason,
            provider_session_id: None,
            message_id,
            at,
        }) {
            Ok(Observed::Changed(change)) => Some(*change),
            Ok(Observed::Unchanged(_)) | Err(_) => None,
        }
    }

    /// The id of the message that reports the next change. Nobody asked for the change, so no caller gives an id: it
    /// follows from what is changed, and when, which nobody can know in advance.
    fn message_of_change(&self, at: Timestamp) -> MessageId {
        let hash = Sha256::new()
            .chain_update(b"flightdeck-change/v1\0")
            .chain_update(self.id.as_uuid().as_bytes())
            .chain_update(self.revision.to_be_bytes())
            .chain_update(at.as_micros().to_be_bytes())
            .finalize();
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
        MessageId::new(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{at, session};

    fn silence(since: i64) -> Silence {
        Silence { not_seen_since: at(since), without_lease: vec![], reason: None, at: at(since + 120) }
    }

    fn seen(at: Timestamp) -> Session {
        Session { last_seen_at: Some(at), ..session(1) }
    }

    #[test]
    fn only_a_silence_longer_than_the_lease_loses_a_session() {
        assert_eq!(seen(at(10)).lose(&silence(10)), None, "seen at the last moment");
        let change = seen(at(9)).lose(&silence(10)).expect("lost");
        assert_eq!(
            (change.session.status, change.session.lost_from),
            (SessionStatus::Lost, Some(SessionStatus::Running))
        );
        assert_eq!(change.session.last_seen_at, Some(at(9)), "being lost is no sign of life");
        assert_eq!(change.message.seq, change.session.last_seq);
    }

    #[test]
    fn one_that_never_reported_counts_from_its_spawning() {
        let spawning = Session { status: SessionStatus::Spawning, last_seen_at: None, spawned_at: at(5), ..session(1) };
        assert_eq!(spawning.lose(&silence(5)), None);
        assert!(spawning.lose(&silence(6)).is_some());
    }

    #[test]
    fn who_lives_in_this_process_has_ended_or_is_lost_already_is_not_lost() {
        let own = Silence { without_lease: vec![session(1).provider], ..silence(10) };
        assert_eq!(seen(at(0)).lose(&own), None);
        for status in SessionStatus::ALL {
            let lost = Session { status, ..seen(at(0)) }.lose(&silence(10));
            assert_eq!(lost.is_some(), status.is_live(), "{status}");
        }
    }

    #[test]
    fn a_sign_of_life_brings_back_what_there_was() {
        use SessionStatus::{Idle, Lost, Paused, Running, Spawning, Waiting};
        for (was, is) in [(Running, Running), (Idle, Idle), (Waiting, Waiting), (Paused, Paused), (Spawning, Running)] {
            let lost = Session { status: was, ..seen(at(0)) }.lose(&silence(10)).expect("lost").session;
            let back = lost.come_back(at(300)).expect("back");
            assert_eq!((back.session.status, back.session.lost_from), (is, None), "{was}");
            assert_eq!(back.session.last_seen_at, Some(at(300)));
            assert_eq!(back.message.content.as_str(), format!("status: lost → {is} (it gave a sign of life)"));
        }
        let unknown = Session { status: Lost, lost_from: None, ..session(1) };
        assert_eq!(unknown.come_back(at(1)).map(|change| change.session.status), Some(Running));
    }

    #[test]
    fn who_is_not_lost_does_not_come_back() {
        for status in SessionStatus::ALL.into_iter().filter(|status| *status != SessionStatus::Lost) {
            assert_eq!(Session { status, ..session(1) }.come_back(at(1)), None, "{status}");
        }
    }

    #[test]
    fn each_change_has_a_message_of_its_own() {
        let lost = seen(at(0)).lose(&silence(10)).expect("lost");
        let back = lost.session.come_back(at(200)).expect("back");
        let again = back.session.lose(&silence(300)).expect("lost again");
        let ids = std::collections::BTreeSet::from([lost.message.id, back.message.id, again.message.id]);
        assert_eq!(ids.len(), 3);
        assert_eq!(seen(at(0)).lose(&silence(10)), Some(lost), "the same change is the same message");
    }

    #[test]
    fn a_lease_is_told_in_the_largest_unit_that_fits() {
        let told =
            [(120_000, "2m"), (90_000, "90s"), (300, "300ms"), (7_200_000, "2h"), (1_000, "1s"), (60_001, "60001ms")];
        for (millis, words) in told {
            assert_eq!(in_words(Duration::from_millis(millis)), words);
        }
        let silence = Silence::longer_than(Duration::from_mins(2), vec![], at(500));
        assert_eq!(silence.reason.map(|it| it.to_string()).as_deref(), Some("no sign of life for 2m"));
        assert_eq!(silence.not_seen_since, at(380));
    }
}
