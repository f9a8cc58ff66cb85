//! What covers a session that cannot be found, or a hook that cannot be read: nothing may go on there that an operator has
//! stopped or holds.

use flightdeck_domain::ids::SessionId;
use flightdeck_domain::ports::{SessionRepository, StoreUnavailable};
use flightdeck_domain::session::{DesiredStatus, Session};

use crate::place::is_doomed;
use crate::reply::{Verdict, stopped};

/// What is said to a hook that cannot be held back, for nobody knows what it is about.
pub(crate) const HELD: &str =
    "Paused by an operator. Do not work around this: try again, it waits until you are resumed.";

/// The answer to whatever comes from a session, or below it: a stop, a refusal, or nothing. Without a session only the kill
/// switch counts.
pub(crate) async fn verdict(
    sessions: &dyn SessionRepository,
    from: Option<SessionId>,
) -> Result<Verdict, StoreUnavailable> {
    if sessions.kill_switch_engaged().await? {
        return Ok(Verdict::Stop("Stopped by an operator: the kill switch is engaged".to_owned()));
    }
    let mut held = false;
    let mut next = from;
    for _ in 0..=Session::MAX_DEPTH {
        let Some(id) = next else { break };
        let Some(session) = sessions.get(id).await? else { break };
        if is_doomed(&session) {
            return Ok(stopped(session.status_reason.as_ref()));
        }
        held |= session.desired_status == DesiredStatus::Paused;
        next = session.parent_id;
    }
    Ok(if held { Verdict::Deny(HELD.to_owned()) } else { Verdict::Nothing })
}
