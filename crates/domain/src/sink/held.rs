//! Permission requests: what is held back, and what is said once more.

use std::time::Duration;

use super::Reminder;
use super::filter::word;
use crate::feed::{FleetEvent, FleetEventKind};
use crate::ids::ApprovalId;
use crate::time::Timestamp;

/// A request that is opened is held back for so long: policies decide within it, and then nobody needs to be called.
pub const HELD_BACK: Duration = Duration::from_secs(1);

/// A reminder comes at most so long before the deadline.
const EARLIEST: Duration = Duration::from_mins(5);
/// A request that is open for less has no reminder: it would come with the request itself.
const SHORTEST: Duration = Duration::from_secs(20);

/// The request that an event opens.
#[must_use]
pub fn opened_approval(event: &FleetEvent) -> Option<ApprovalId> {
    let opens = event.kind == FleetEventKind::Approval && word(event, "change") == "opened";
    opens.then(|| word(event, "approvalId").parse().ok()).flatten()
}

/// The reminder of a request that an event opens: five minutes before its deadline, or when three quarters of its time
/// have passed, whichever is later.
#[must_use]
pub fn reminder_of(event: &FleetEvent) -> Option<Reminder> {
    let approval = opened_approval(event)?;
    let deadline = event.data.as_map().get("expiresAt")?;
    let deadline: Timestamp = serde_json::from_value(deadline.clone()).ok()?;
    let open = u64::try_from(deadline.as_micros().saturating_sub(event.at.as_micros())).ok()?;
    let open = Duration::from_micros(open);
    let due = deadline.saturating_sub(EARLIEST.min(open / 4));
    (open >= SHORTEST).then_some(Reminder { approval, place: event.position.get(), due, tries: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::approval::Approval;
    use crate::feed::FleetEventDraft;
    use crate::fixtures::{approval, at};
    use crate::ids::FeedPosition;

    fn opened(expires: Option<i64>) -> FleetEvent {
        let approval = Approval { expires_at: expires.map(at), ..approval(1) };
        FleetEventDraft::approval(&approval, at(0)).at_position(FeedPosition::new(7))
    }

    #[test]
    fn a_reminder_comes_late_enough_to_be_one_and_early_enough_to_act() {
        for (expires, due) in [
            (None, None),
            (Some(10), None),
            (Some(20), Some(15)),
            (Some(120), Some(90)),
            (Some(1_200), Some(900)),
            (Some(86_400), Some(86_100)),
        ] {
            let found = reminder_of(&opened(expires));
            assert_eq!(found.map(|it| it.due), due.map(at), "{expires:?}");
            assert!(found.is_none_or(|it| (it.approval, it.place) == (approval(1).id, 7)));
        }
        let (_, closed) = approval(1).end(at(3));
        let closed = closed.at_position(FeedPosition::new(8));
        assert_eq!((opened_approval(&closed), reminder_of(&closed)), (None, None));
    }
}
