//! The end: nothing goes wrong any more, and everybody gets what they asked for.

use flightdeck_domain::command::Receipt;
use flightdeck_domain::ids::SessionId;

use super::{Duration, Faults, Job, Life, Phase, Request, Verdict, World};
use crate::clients::{Client, Open};
use crate::followers::{Reader, What};
use crate::oracle::snapshot;
use crate::replica::Robots;

impl World {
    pub(super) async fn settle(&mut self) -> Verdict {
        self.calm = true;
        self.trace.line("from here on nothing goes wrong".to_owned());
        self.finish_all()?;
        for server in self.replicas.iter().filter_map(|(_, server)| server.as_ref()) {
            server.reads.meet(Faults::none());
        }
        for me in 0..self.replicas.len() {
            self.start(me);
        }
        self.finish_all()?;
        self.answer_all()?;
        self.oracle.look_at_everything()?;
        self.end_some()?;
        for job in [Job::Offer, Job::Enforce, Job::Offer] {
            for me in 0..self.replicas.len() {
                self.begin(me, job);
            }
            self.finish_all()?;
        }
        self.everybody_has_heard()?;
        if self.chance.percent(50) {
            self.around.wire.lose();
        }
        self.oracle.close()?;
        self.everybody_has_read().await?;
        self.trace.line(format!("the store ends as {:?}", self.digest()));
        Ok(())
    }

    /// Every call comes to its end.
    fn finish_all(&mut self) -> Verdict {
        for turn in 0.. {
            if self.running.is_empty() {
                return Ok(());
            }
            if turn > 20_000 {
                return Err(format!("{} calls come to no end", self.running.len()));
            }
            let which = self.chance.index(self.running.len());
            self.poll(which)?;
        }
        Ok(())
    }

    /// Every request that is open is made again until it is answered.
    fn answer_all(&mut self) -> Verdict {
        for turn in 0.. {
            let waits = |client: &Client| client.open.as_ref().is_some_and(|open| open.running.is_none());
            let open: Vec<usize> = (0..self.clients.len()).filter(|which| waits(&self.clients[*which])).collect();
            if open.is_empty() {
                return Ok(());
            }
            if turn > 5 {
                return Err(format!("the requests of {open:?} are never answered"));
            }
            for which in open {
                let home = self.clients[which].as_agent().and_then(|agent| agent.home);
                self.send(which, home);
            }
            self.finish_all()?;
        }
        Ok(())
    }

    /// About half of the agents end.
    fn end_some(&mut self) -> Verdict {
        for which in 0..self.clients.len() {
            let Some(agent) = self.clients[which].as_agent() else { continue };
            if agent.life == Life::Alive && self.chance.percent(50) {
                let request = Request::Report(agent.id, agent.end(&mut self.chance));
                self.clients[which].open = Some(Open { request, key: None, running: None });
            }
        }
        self.answer_all()?;
        self.oracle.look_at_everything()
    }

    /// Agents that live in a replica have heard of all that is pending for them.
    fn everybody_has_heard(&self) -> Verdict {
        let now = snapshot(&self.around.store);
        for session in now.sessions.values().filter(|session| session.provider == Robots::name()) {
            let id = session.id;
            let servers = self.replicas.iter().filter(|(phase, _)| *phase == Phase::Up);
            let Some(reached) = servers.filter_map(|(_, server)| server.as_ref()?.robots.reached(id)).max() else {
                continue;
            };
            if let Some(last) = now.pending[&id].last().filter(|last| **last > reached) {
                return Err(format!("{id}: command {last} is pending, and its agent has heard up to {reached}"));
            }
        }
        Ok(())
    }

    /// Every reader gets to the end, and so does whoever comes late.
    async fn everybody_has_read(&mut self) -> Verdict {
        self.rounds_of_reading(7).await?;
        let heard = self.somebody_is_told()?;
        self.rounds_of_reading(3).await?;
        self.takes_what_was_read(heard)?;
        self.rounds_of_reading(7).await?;
        // Those who come late read all of it, most of them from tails that others follow.
        for id in self.sessions.clone() {
            let followed =
                self.readers.iter().find(|reader| reader.what == What::Talk(id)).and_then(|reader| reader.at);
            let mut late = Reader::new(What::Talk(id));
            if let Some(server) = followed.and_then(|at| self.replicas[at].1.as_ref()) {
                late.resume(followed.unwrap_or_default(), server).await;
            }
            self.readers.push(late);
        }
        self.rounds_of_reading(2).await?;
        let now = snapshot(&self.around.store);
        self.readers.iter().try_for_each(|reader| self.oracle.read(reader, &now))
    }

    async fn rounds_of_reading(&mut self, rounds: u32) -> Verdict {
        for _ in 0..rounds {
            for which in 0..self.readers.len() {
                if self.readers[which].at.is_none() && !self.readers[which].ended {
                    let at = self.chance.index(self.replicas.len());
                    if let Some(server) = &self.replicas[at].1 {
                        self.readers[which].resume(at, server).await;
                    }
                }
                self.readers[which].read(60).await?;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        Ok(())
    }

    /// Operators say a few things to a session that is followed, if there is one.
    fn somebody_is_told(&mut self) -> Result<Option<SessionId>, String> {
        let followed = self.readers.iter().filter(|reader| reader.at.is_some());
        let talks: Vec<SessionId> =
            followed.filter_map(|reader| if let What::Talk(id) = reader.what { Some(id) } else { None }).collect();
        let Some(id) = self.chance.pick(&talks).copied() else { return Ok(None) };
        let operator = self.clients.iter().position(|client| client.as_agent().is_none()).ok_or("no operator")?;
        for _ in 0..3 {
            self.clients[operator].say(id, &self.around.ids);
            self.answer_all()?;
        }
        Ok(Some(id))
    }

    /// What operators said was read while nobody had it, and now its agent has it, the oldest first: what the tails have of
    /// it is old.
    fn takes_what_was_read(&mut self, heard: Option<SessionId>) -> Verdict {
        let Some(id) = heard else { return Ok(()) };
        let its = |client: &Client| client.as_agent().is_some_and(|agent| agent.id == id);
        let Some(agent) = self.clients.iter().position(its) else { return Ok(()) };
        for seq in snapshot(&self.around.store).pending[&id].clone() {
            let request = Request::Acknowledge(id, seq, Receipt::Consumed);
            self.clients[agent].open = Some(Open { request, key: None, running: None });
            self.answer_all()?;
        }
        self.oracle.look_at_everything()
    }

    /// How much of everything there is at the end.
    fn digest(&self) -> Vec<usize> {
        let now = snapshot(&self.around.store);
        let messages = now.messages.values().map(Vec::len).sum();
        let commands = now.commands.values().map(Vec::len).sum();
        let ended = now.sessions.values().filter(|session| session.status.is_terminal()).count();
        vec![now.sessions.len(), ended, messages, commands, now.operations.len()]
    }
}
