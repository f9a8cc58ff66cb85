//! Listens for what operators want of a session, and hands it to the agent.

use std::sync::Arc;
use std::time::Duration;

use flightdeck_domain::command::{Command, CommandKind};
use flightdeck_domain::ids::{Seq, SessionId};
use flightdeck_domain::message::Message;

use crate::desk::closed;
use crate::held::Held;
use crate::link::{Backoff, Told};
use crate::views::{ApprovalThere, Commands, History};

/// How long the server may keep a question for commands, in seconds. A connection that was cut without a word is noticed
/// soon after it.
const WAIT: u64 = 10;
/// How long such a question may take.
const DEADLINE: Duration = Duration::from_secs(WAIT + 3);
/// How often it is asked whether a permission request was decided.
const DECISIONS: Duration = Duration::from_millis(300);

/// Listens for one session until it has ended.
pub(crate) async fn listen(held: Arc<Held>, session: SessionId) {
    let mut backoff = Backoff::new();
    while !has_ended(&held, session) {
        match ask(&held, session, WAIT).await {
            Told::Good(fresh) => {
                backoff.reset();
                for command in fresh {
                    hand_over(&held, command).await;
                }
            }
            Told::Later => backoff.pause().await,
            Told::Over(why) => return held.end(&why).await,
            // A session below that the server does not know yet, or will never know.
            Told::Refused(_) => backoff.pause().await,
        }
    }
}

/// Hears what waits already, before the agent starts. What it is to hear it finds by itself.
pub(crate) async fn before_the_start(held: &Held) {
    if let Told::Over(why) = ask(held, held.id, 0).await {
        held.end(&why).await;
    }
}

fn has_ended(held: &Held, session: SessionId) -> bool {
    held.is_over() || held.session(session).is_none_or(|known| known.status.is_terminal())
}

async fn ask(held: &Held, session: SessionId, wait: u64) -> Told<Vec<Command>> {
    let path = format!("/agents/{session}/commands?after={}&wait={wait}s", held.newest(session));
    held.link.ask::<Commands>(path, DEADLINE).await.map(|Commands { commands, control }| {
        let commands = commands.into_iter().filter_map(|command| command.of(session)).collect();
        held.heard(session, commands, control.desired_status)
    })
}

/// Hands a command to the agent, a message with what it says.
async fn hand_over(held: &Held, command: Command) {
    let CommandKind::Inject { seq, .. } = command.kind else { return held.deliver(&command, None).await };
    let mut backoff = Backoff::new();
    while !has_ended(held, command.session_id) {
        match message(held, command.session_id, seq).await {
            Told::Good(Some(message)) => return held.deliver(&command, Some(message)).await,
            Told::Later => backoff.pause().await,
            // The agent looks for it, and says that it is not there.
            Told::Good(None) | Told::Over(_) | Told::Refused(_) => return held.deliver(&command, None).await,
        }
    }
}

async fn message(held: &Held, session: SessionId, seq: Seq) -> Told<Option<Message>> {
    let path = format!("/agents/{session}/messages?after={}&limit=1", seq.previous());
    let told = held.link.ask::<History>(path, DEADLINE).await;
    told.map(|history| history.messages.into_iter().next().map(|message| message.of(session)))
}

/// Looks after the permission requests of an assignment until its agent has ended.
pub(crate) async fn decisions(held: Arc<Held>) {
    while !held.is_over() && !held.has_ended() {
        let open = held.open_approvals();
        if open.is_empty() {
            let _ = tokio::time::timeout(Duration::from_secs(1), held.stirred.notified()).await;
            continue;
        }
        for approval in open {
            let path = format!("/agents/{}/approvals/{}", approval.session_id, approval.id);
            // One that the server does not know yet is still in the outbox.
            if let Told::Good(there) = held.link.ask::<ApprovalThere>(path, DEADLINE).await {
                let seen = there.of(&approval);
                if seen.state != approval.state {
                    let session = seen.session_id;
                    held.set_approval(seen);
                    closed(&held, session);
                }
            }
        }
        tokio::time::sleep(DECISIONS).await;
    }
}

#[cfg(test)]
mod tests;
