//! Which events of the fleet feed a sink sends.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::feed::{FleetEvent, FleetEventKind};
use crate::operator::Actor;
use crate::session::SessionStatus;
use crate::text::MissionId;

/// A filter over the fleet feed. Without any part it takes every event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SinkFilter {
    /// Whatever needs a person: a permission request is opened, a session failed or is lost, a budget is almost used up or
    /// pauses agents, the guard pauses one that runs wild.
    pub needs_person: bool,
    /// Events of these kinds.
    pub kinds: BTreeSet<FleetEventKind>,
    /// Changes of the status to one of these.
    pub statuses: BTreeSet<SessionStatus>,
    /// Of all that only what belongs to one of these missions; of every mission, and of none, when empty.
    pub missions: BTreeSet<MissionId>,
}

impl SinkFilter {
    /// The most missions of a filter.
    pub const MOST_MISSIONS: usize = 50;

    /// Whether an event is wanted, as far as it shows by itself. Its mission is another question.
    #[must_use]
    pub fn wants(&self, event: &FleetEvent) -> bool {
        if self.needs_person && needs_person(event) {
            return true;
        }
        let of_status =
            |event: &FleetEvent| self.statuses.iter().any(|status| word(event, "status") == status.as_str());
        match (self.kinds.is_empty(), self.statuses.is_empty()) {
            (true, true) => !self.needs_person,
            (true, false) => event.kind == FleetEventKind::Status && of_status(event),
            (false, true) => self.kinds.contains(&event.kind),
            (false, false) => match event.kind {
                FleetEventKind::Status => of_status(event),
                kind => self.kinds.contains(&kind),
            },
        }
    }
}

/// A text in the details of an event, or nothing.
pub(super) fn word<'a>(event: &'a FleetEvent, name: &str) -> &'a str {
    event.data.as_map().get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Whether a person has to do something about an event.
fn needs_person(event: &FleetEvent) -> bool {
    let by_guard = || word(event, "action") == "pause" && word(event, "actor") == Actor::guard().as_str();
    let by_budget = || word(event, "action") == "pause" && word(event, "actor") == Actor::budget().as_str();
    match event.kind {
        FleetEventKind::Approval => word(event, "change") == "opened",
        FleetEventKind::Status => matches!(word(event, "status"), "failed" | "lost"),
        // One for a pause, however many sessions it reaches.
        FleetEventKind::Operation => word(event, "event") == "created" && by_budget(),
        // An agent runs wild.
        FleetEventKind::Action => by_guard(),
        FleetEventKind::Budget => true,
        FleetEventKind::Spawned | FleetEventKind::Receipt | FleetEventKind::KillSwitch => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::FleetEventDraft;
    use crate::fixtures::{approval, at, attribution, operation_id, session, session_id};
    use crate::ids::FeedPosition;
    use crate::operation::{Operation, Scope, Tally, Wish};
    use crate::session::Session;

    fn status(status: SessionStatus) -> FleetEvent {
        let session = Session { status, ..session(1) };
        FleetEventDraft::status(&session, SessionStatus::Running, at(1)).at_position(FeedPosition::new(1))
    }

    fn pause(actor: Actor, event: &'static str) -> FleetEvent {
        let by = crate::action::Attribution { actor, ..attribution("x") };
        let scope = Scope::Subtree(session_id(1));
        let operation = Operation::begin(operation_id(1), Wish::Pause, scope, &by, Tally::default());
        FleetEventDraft::operation(&operation, event, at(1)).at_position(FeedPosition::new(1))
    }

    fn needs(event: &FleetEvent) -> bool {
        SinkFilter { needs_person: true, ..SinkFilter::default() }.wants(event)
    }

    #[test]
    fn a_person_is_needed_for_what_nobody_else_goes_on_with() {
        let opened = FleetEventDraft::approval(&approval(1), at(1)).at_position(FeedPosition::new(1));
        assert!(needs(&opened));
        let (closed, event) = approval(1).end(at(2));
        assert!(!closed.is_open() && !needs(&event.at_position(FeedPosition::new(2))));
        for one in SessionStatus::ALL {
            let expected = matches!(one, SessionStatus::Failed | SessionStatus::Lost);
            assert_eq!(needs(&status(one)), expected, "{one}");
        }
        assert!(needs(&pause(Actor::budget(), "created")));
        assert!(!needs(&pause(Actor::budget(), "completed")));
        assert!(!needs(&pause(Actor::local_cli(), "created")));
        assert!(!needs(&FleetEventDraft::spawned(&session(1)).at_position(FeedPosition::new(1))));
    }

    #[test]
    fn kinds_and_statuses_are_added_to_what_needs_a_person() {
        let spawned = FleetEventDraft::spawned(&session(1)).at_position(FeedPosition::new(1));
        let completed = status(SessionStatus::Completed);
        let filter = |needs_person, kinds: &[FleetEventKind], statuses: &[SessionStatus]| SinkFilter {
            needs_person,
            kinds: kinds.iter().copied().collect(),
            statuses: statuses.iter().copied().collect(),
            missions: BTreeSet::new(),
        };
        let (done, born) = ([SessionStatus::Completed], [FleetEventKind::Spawned]);
        for (filter, wants_spawned, wants_completed, wants_failed) in [
            (filter(false, &[], &[]), true, true, true),
            (filter(true, &[], &[]), false, false, true),
            (filter(false, &born, &[]), true, false, false),
            (filter(false, &[], &done), false, true, false),
            (filter(false, &born, &done), true, true, false),
            (filter(true, &born, &done), true, true, true),
            (filter(false, &[FleetEventKind::Status], &[]), false, true, true),
        ] {
            assert_eq!(filter.wants(&spawned), wants_spawned, "{filter:?}");
            assert_eq!(filter.wants(&completed), wants_completed, "{filter:?}");
            assert_eq!(filter.wants(&status(SessionStatus::Failed)), wants_failed, "{filter:?}");
        }
    }
}
