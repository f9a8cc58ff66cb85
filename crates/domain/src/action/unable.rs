//! An action that a provider cannot do is refused, with the alternatives.

use super::Intervention;
use crate::command::Delivery;
use crate::ports::Capabilities;
use crate::session::SessionStatus;

/// Why a provider cannot do what is asked for, and the alternatives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unable {
    /// A turn runs, and its agent takes no message into a running turn.
    #[error(
        "its agent takes no message into a running turn; delivery queue brings it with the next turn, and interrupt stops \
         the turn for it"
    )]
    Steer,
    /// The provider holds no message for its agent.
    #[error("no message waits for its agent until the next turn; delivery steer brings it at once")]
    Queue,
    /// The provider sees the end of the session itself, so nobody can declare it.
    #[error("its agent runs in this server, which sees it end; kill ends it")]
    Close,
    /// The agent works with one model and in one mode until it ends.
    #[error("its agent takes no other model or mode while it works; spawn another one with these options")]
    Configure,
    /// The agent cannot be paused; it continues or it ends.
    #[error("its agent cannot be paused; interrupt stops its turn, and kill ends it")]
    Pause,
}

impl Capabilities {
    /// Why an intervention cannot be done on a session with this status; `None` when it can be done.
    #[must_use]
    pub fn unable(&self, wanted: &Intervention, status: SessionStatus) -> Option<Unable> {
        let turn_runs = matches!(status, SessionStatus::Running | SessionStatus::Waiting);
        match wanted {
            Intervention::Inject { delivery: Delivery::Steer, .. } if turn_runs && !self.steer => Some(Unable::Steer),
            Intervention::Inject { delivery: Delivery::Queue, .. } if !self.queue => Some(Unable::Queue),
            Intervention::Configure(_) if !self.configure => Some(Unable::Configure),
            Intervention::Pause if self.pause.is_none() => Some(Unable::Pause),
            Intervention::Close if self.in_process => Some(Unable::Close),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::message_id;
    use crate::session::Choice;
    use crate::text::MessageContent;

    fn inject(delivery: Delivery) -> Intervention {
        let content = MessageContent::new("x").expect("valid");
        Intervention::Inject { message_id: message_id(1), content, delivery }
    }

    #[test]
    fn what_a_provider_cannot_do_is_told_apart() {
        use SessionStatus::{Idle, Running, Waiting};
        let able = Capabilities {
            pause: None,
            steer: false,
            queue: true,
            configure: false,
            approve: true,
            spawn: true,
            in_process: true,
        };
        let steer = inject(Delivery::Steer);
        assert_eq!(
            [Running, Waiting, Idle].map(|s| able.unable(&steer, s)),
            [Some(Unable::Steer), Some(Unable::Steer), None]
        );
        assert_eq!(able.unable(&inject(Delivery::Queue), Running), None);
        assert_eq!(able.unable(&inject(Delivery::Interrupt), Running), None);
        assert_eq!(able.unable(&Intervention::Pause, Running), Some(Unable::Pause));
        let choose = Intervention::Configure(Choice::default());
        assert_eq!(able.unable(&choose, Idle), Some(Unable::Configure));
        assert_eq!(Capabilities { configure: true, ..able }.unable(&choose, Running), None);
        assert_eq!(able.unable(&Intervention::Kill, Running), None, "a kill is never refused for it");
        assert_eq!(able.unable(&Intervention::Close, Running), Some(Unable::Close));
        let elsewhere = Capabilities { in_process: false, ..able };
        assert_eq!(elsewhere.unable(&Intervention::Close, Running), None);
        let hears = Capabilities { steer: true, queue: false, approve: true, ..able };
        assert_eq!(hears.unable(&steer, Running), None);
        assert_eq!(hears.unable(&inject(Delivery::Queue), Running), Some(Unable::Queue));
    }
}
