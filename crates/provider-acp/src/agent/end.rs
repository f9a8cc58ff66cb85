//! How an agent ends: what was said is kept, and nothing of its processes is left.

use std::time::Duration;

use flightdeck_domain::session::SessionStatus;
use flightdeck_processes::{Ended, Exit};
use flightdeck_uplink::{Interruption, Stop};
use tokio::time::{Instant, timeout, timeout_at};

use super::{Agent, failed};
use crate::peer::Heard;

/// How long a program that has closed its output may take to end by itself.
const LAST_BREATH: Duration = Duration::from_secs(1);
/// When the server goes down its agents are asked no longer than this.
const SHUT_DOWN: Duration = Duration::from_secs(1);
/// So much of the log is told when an agent ends by itself.
const LOG_END: u64 = 300;

impl Agent<'_> {
    /// The program has closed its output, or there is a problem with it.
    pub(super) async fn gone(&mut self, problem: Option<&str>) -> Stop {
        let exited = timeout(LAST_BREATH, self.process.exited()).await;
        let ended = self.process.terminate(self.config.term_time).await;
        if let Some(limit) = ended.limit {
            return failed(format!("the agent was ended: it used more {limit} than it may"));
        }
        let log = self.log.tail(LOG_END).ok().flatten().map(|tail| tail.text).unwrap_or_default();
        let log = if log.trim().is_empty() { String::new() } else { format!("; its log ends: {}", log.trim()) };
        if problem.is_none()
            && matches!(exited, Ok(Exit::Code(0)))
            && let Err(stop) = self.last_answers().await
        {
            return stop;
        }
        match (exited, problem) {
            (Ok(Exit::Code(0)), None) if self.turn.is_none() && self.ready_until.is_none() => Stop::Closed,
            // It ends in order when nobody talks to it any more.
            (Ok(Exit::Code(0)) | Err(_), Some(problem)) => failed(format!("the agent was ended: {problem}{log}")),
            (Ok(exit), _) => failed(format!("the agent ended: {exit}{log}")),
            (Err(_lives), None) => failed(format!("the agent was ended: it closed its output and lived on{log}")),
        }
    }

    /// A program that ends in order may have answered its last prompt just before.
    async fn last_answers(&mut self) -> Result<(), Stop> {
        let until = Instant::now() + LAST_BREATH;
        while self.turn.is_some()
            && let Ok(Some(heard)) = timeout_at(until, self.heard.recv()).await
        {
            if let Heard::Stopped(number, Ok(stop)) = heard {
                self.stopped(number, Ok(stop)).await?;
            }
        }
        Ok(())
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
        if self.turn.is_none() || self.frozen {
            return;
        }
        self.peer.cancel();
        for (_, asked) in std::mem::take(&mut self.asked) {
            asked.cancel();
        }
        let until = Instant::now() + self.config.cancel_time;
        while let Ok(Some(heard)) = timeout_at(until, self.heard.recv()).await {
            match heard {
                Heard::Update(update) => self.late.extend(self.transcript.take(*update)),
                Heard::Stopped(..) | Heard::Closed | Heard::Broken(_) => return,
                Heard::Asks(_, answer) => answer.cancel(),
                Heard::Ready(_) => {}
            }
        }
    }
}

fn unclean(stop: &Stop) -> Stop {
    tracing::error!(?stop, "an agent could not be ended whole");
    failed("its processes could not all be ended: some hang in the kernel")
}
