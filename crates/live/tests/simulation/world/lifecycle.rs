//! Replicas start, do what they do by themselves, and crash.

use super::{Answer, Break, Faults, For, Fuse, Job, Life, Phase, Replica, Running, Verdict, World, shown};
use crate::clients::Who;

impl World {
    pub(super) fn job_is_done(&mut self, me: usize, job: Job, answer: Answer) -> Verdict {
        let (phase, server) = &mut self.replicas[me];
        match (answer, server) {
            (Answer::Started(Ok(offer)), Some(server)) => {
                server.offer = Some(offer);
                *phase = Phase::Up;
                self.oracle.started(me)
            }
            (Answer::Offered(offer, _), Some(server)) => {
                server.offer = Some(*offer);
                Ok(())
            }
            (_, Some(_)) if job == Job::Start => {
                self.crash(me, "for it cannot start");
                Ok(())
            }
            _ => Ok(()),
        }
    }

    pub(super) fn job(&mut self) {
        let me = self.chance.index(self.replicas.len());
        let job = *self.chance.pick(&[Job::Offer, Job::Expire, Job::ExpireAsks, Job::Enforce]).expect("some");
        if self.replicas[me].0 == Phase::Up {
            self.begin(me, job);
        }
    }

    pub(super) fn begin(&mut self, me: usize, job: Job) {
        let at_it = self.running.iter().any(|running| running.replica == me && running.whose == For::Job(job));
        let faults = self.faults();
        let Some(server) = self.replicas[me].1.as_mut().filter(|_| !at_it) else { return };
        let Some(call) = server.begin(job) else { return };
        self.calls += 1;
        let id = self.calls;
        self.trace.line(format!("call {id}: replica {me} begins {job:?} {}", shown(&faults)));
        self.running.push(Running { id, replica: me, whose: For::Job(job), request: None, call, faults });
    }

    /// The tails of a replica cannot read the store, until they can again.
    pub(super) fn lose_sight(&mut self) {
        let me = self.chance.index(self.replicas.len());
        let away = self.chance.percent(50);
        if let Some(server) = &self.replicas[me].1 {
            self.trace.line(format!("the tails of replica {me} cannot read: {away}"));
            let operations = Fuse::after(1, Break::Fails);
            server.reads.meet(if away { Faults { operations, ..Faults::none() } } else { Faults::none() });
        }
    }

    pub(super) fn crash_one(&mut self) {
        let me = self.chance.index(self.replicas.len());
        if self.replicas[me].0 != Phase::Down && self.chance.percent(40) {
            self.crash(me, "by itself");
        }
    }

    pub(super) fn crash(&mut self, me: usize, why: &str) {
        self.trace.line(format!("replica {me} crashes {why}"));
        self.running.retain(|running| running.replica != me);
        for client in &mut self.clients {
            let lives_there = client.as_agent().is_some_and(|agent| agent.home == Some(me));
            if let Who::Agent(agent) = &mut client.who
                && lives_there
                && agent.life != Life::Unborn
            {
                agent.life = Life::Over;
                client.open = None;
            }
            if let Some(open) = &mut client.open
                && !self.running.iter().any(|running| Some(running.id) == open.running)
            {
                open.running = None;
            }
        }
        for reader in self.readers.iter_mut().filter(|reader| reader.at == Some(me)) {
            reader.break_off();
        }
        self.around.wire.connect(me, None);
        self.replicas[me] = (Phase::Down, None);
    }

    pub(super) fn start_one(&mut self) {
        let me = self.chance.index(self.replicas.len());
        self.start(me);
    }

    pub(super) fn start(&mut self, me: usize) {
        if self.replicas[me].0 == Phase::Down {
            self.replicas[me] = (Phase::Starting, Some(Replica::new(me, &self.around)));
            self.begin(me, Job::Start);
        }
    }
}
