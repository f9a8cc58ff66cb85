//! What an event has ended, as spans.

use super::DeliverSinks;
use crate::feed::FleetEvent;
use crate::ids::{Seq, SessionId};
use crate::ports::{MessageBody, StoreUnavailable};
use crate::sink::Sink;
use crate::telemetry::trace::{Ended, MOST_STEPS, Step, spans};

/// How many messages are read at once.
const PAGE: usize = 500;

impl DeliverSinks {
    /// The spans of what an event has ended; none when its session is gone.
    pub(super) async fn traced(&self, sink: &Sink, event: &FleetEvent) -> Result<MessageBody, StoreUnavailable> {
        let nothing = Ok(MessageBody::Trace(Vec::new()));
        let (Some(id), Some(ended)) = (event.session_id, Ended::by(event)) else { return nothing };
        let Some(session) = self.sessions.get(id).await? else { return nothing };
        let used = self.usage.of_session(id).await?.map(|usage| usage.own).unwrap_or_default();
        let steps = self.steps(id, ended, sink.transcript).await?;
        Ok(MessageBody::Trace(spans(&session, ended, used, &steps)))
    }

    /// The messages since the end before, oldest first.
    async fn steps(&self, session: SessionId, ended: Ended, with_text: bool) -> Result<Vec<Step>, StoreUnavailable> {
        let (mut steps, mut before) = (Vec::new(), ended.until);
        while before > Seq::ZERO && steps.len() < MOST_STEPS {
            let Some(slice) = self.messages.before(session, before, PAGE).await? else { break };
            let Some(first) = slice.messages.first() else { break };
            before = first.seq;
            for message in slice.messages.iter().rev() {
                let step = Step::of(message, with_text);
                if step.is_end {
                    before = Seq::ZERO;
                    break;
                }
                steps.push(step);
            }
        }
        steps.truncate(MOST_STEPS);
        steps.reverse();
        Ok(steps)
    }
}
