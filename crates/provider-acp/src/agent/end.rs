//! How an agent ends: what was said is kept, and nothing of its processes is left.

use std::time::Duration;

use flightdeck_domain::message::MessageRole;
use flightdeck_domain::session::SessionStatus;
use flightdeck_domain::text::Reason;
use flightdeck_processes::{Ended, Exit};
use flightdeck_uplink::{Interruption, Stop};
use tokio::time::{Instant, timeout, timeout_at};

use super::last_words::{LOOKED_AT, last_words};
use super::{Agent, failed};
use crate::peer::Heard;
use crate::transcript::line;

/// How long a program that has closed its output may take to end by itself.
const LAST_BREATH: Duration = Duration::from_secs(1);
/// When the server goes down its agents are asked no longer than this.
const SHUT_DOWN: Duration = Duration::from_secs(1);

impl Agent<'_> {
    /// The program has closed its output, or there is a problem with it.
    pub(super) async fn gone(&mut self, problem: Option<&str>) -> Stop {
        let exited = timeout(LAST_BREATH, self.process.exited()).await;
        let ended = self.process.terminate(self.config.term_time).await;
        if let Some(limit) = ended.limit {
            return failed(format!("the agent was ended: it used more {limit} than it may"));
        }
        // Who was killed had no time to say why.
        let said = self.said(!matches!(exited, Ok(Exit::Signal(_))));
        match (exited, problem) {
            (Ok(Exit::Code(0)), None) if self.turn.is_none() && self.ready_until.is_none() => Stop::Closed,
            // It ends in order when nobody talks to it any more.
            (Ok(Exit::Code(0)) | Err(_), Some(problem)) => failed(format!("the agent was ended: {problem}")),
            (Ok(exit), Some(problem)) => failed(format!("the agent ended: {exit}; {problem}")),
            (Ok(exit), None) => failed(format!("the agent ended: {exit}{said}")),
            (Err(_lives), None) => failed(format!("the agent was ended: it closed its output and lived on{said}")),
        }
    }

    /// What it said last of what went wrong.
    pub(super) fn said(&self, or_any: bool) -> String {
        let tail = self.log.tail(LOOKED_AT).ok().flatten();
        let words = tail.and_then(|tail| last_words(&tail.text, or_any));
        words.map(|words| format!("; it said: {words}")).unwrap_or_default()
    }

    /// Ends it, and comes back when that is done.
    pub(super) async fn close(mut self, stop: Stop) -> Result<(), Stop> {
        let ended = match &stop {
            Stop::Interrupted(Interruption::Killed(_)) => {
                self.cancel_first().await;
                self.process.terminate(self.config.term_time).await
            }
            Stop::Interrupted(Interruption::ShutDown) => {
                self.process.terminate(SHUT_DOWN.min(self.config.term_time)).await
            }
            Stop::Failed(_) | Stop::Closed => self.process.terminate(self.config.term_time).await,
        };
        if matches!(stop, Stop::Interrupted(Interruption::ShutDown)) {
            return Err(stop);
        }
        let mut lines = std::mem::take(&mut self.late);
        lines.extend(self.transcript.end_turn());
        self.reporter.lines(lines).await?;
        let (status, why) = match &stop {
            Stop::Interrupted(_) => (SessionStatus::Killed, Some("what it worked within was killed")),
            Stop::Failed(_) => (SessionStatus::Failed, Some("what it worked within failed")),
            Stop::Closed => (SessionStatus::Completed, None),
        };
        self.end_sub_agents(status, why.map(Reason::shortened).as_ref()).await?;
        Err(match stop {
            stop if !ended.clean => unclean(&stop),
            // Nobody but the program itself has ended it, and that in order.
            Stop::Closed if self.exited_in_order(ended) => {
                self.reporter.see(SessionStatus::Completed, None).await?;
                Stop::Closed
            }
            stop => stop,
        })
    }

    fn exited_in_order(&self, ended: Ended) -> bool {
        ended.exit == Exit::Code(0) && self.turn.is_none() && self.ready_until.is_none()
    }

    /// Gives the agent a chance to end its turn in order, and takes in what it says by then. Nothing is written meanwhile:
    /// the store may be away.
    async fn cancel_first(&mut self) {
        if self.turn.is_none() || self.frozen || self.reporter.uplink.mailbox.was_held() {
            return;
        }
        self.peer.cancel();
        for (_, asked) in std::mem::take(&mut self.asked) {
            asked.cancel();
        }
        let until = Instant::now() + self.config.cancel_time;
        while let Ok(Some(heard)) = timeout_at(until, self.heard.recv()).await {
            match heard {
                Heard::Update { session, update } => {
                    match session.and_then(|session| self.sub_agents.get_mut(&session)) {
                        Some(sub_agent) => sub_agent.late(&update),
                        None => self.late.extend(self.transcript.take(&update)),
                    }
                }
                Heard::Told { text, about } => self.late.extend(line(MessageRole::System, text, about)),
                Heard::Stopped(_, stop) => {
                    self.late.extend(stop.map(|result| self.transcript.answered(&result)).unwrap_or_default());
                    return;
                }
                Heard::Closed | Heard::Broken(_) => return,
                // Whoever asks now is told that nobody decides.
                Heard::Asks(..)
                | Heard::Elicits(..)
                | Heard::Ready(_)
                | Heard::TakenBack(_)
                | Heard::Chosen(..)
                | Heard::Doubt => {}
            }
        }
    }
}

fn unclean(stop: &Stop) -> Stop {
    tracing::error!(?stop, "an agent could not be ended whole");
    failed("its processes could not all be ended: some hang in the kernel")
}
