//! Stepping in: how soon an agent hears, and how soon the operator sees that it obeyed.

mod agent;

use std::time::{Duration, Instant};

use clap::{Arg, ArgMatches, Command};
use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;

use self::agent::{Agent, Arrival, Channel};
use crate::append::{Appender, Batch};
use crate::check::Violation;
use crate::content::Content;
use crate::error::{BenchError, Outcome};
use crate::figures::Figures;
use crate::fleet::{Member, Names, register};
use crate::http::{Connection, Site};
use crate::number::length;
use crate::options::{number, some, word};
use crate::process::{Meter, tell_rss};
use crate::server::Server;
use crate::stats::Samples;

pub(super) fn grammar() -> Command {
    Command::new("control")
        .about("Inject, pause and resume: how soon the agent hears and the operator sees it")
        .arg(number("agents", "100", "Agents with an open channel for commands"))
        .arg(number("injects", "1000", "Messages injected, one after the other, each to the next agent"))
        .arg(number("pauses", "300", "Pauses, each followed by a resume"))
        .arg(
            Arg::new("channel")
                .long("channel")
                .default_value("stream")
                .value_parser(["stream", "poll"])
                .help("How agents hear: a stream of events, or long polls"),
        )
}

/// One agent, as the operator knows it.
struct Subject {
    member: Member,
    arrivals: UnboundedReceiver<Arrival>,
}

pub(super) async fn run(matches: &ArgMatches, server: &Server) -> Outcome<Figures> {
    let channel = if word(matches, "channel") == Some("poll") { Channel::Poll } else { Channel::Stream };
    let mut agents = JoinSet::new();
    let mut subjects = Vec::new();
    for member in register(&server.site, Names::fresh(), 0..some(matches, "agents")?, |_| None).await? {
        let (agent, arrivals) = Agent::open(&server.site, &member.id, channel).await?;
        agents.spawn_local(agent.work());
        subjects.push(Subject { member, arrivals });
    }
    let (injects, pauses) = (some(matches, "injects")?, some(matches, "pauses")?);
    tokio::select! {
        biased;
        // An agent works until it is told otherwise: it ends only with a fault.
        Some(ended) = agents.join_next() => {
            ended.map_err(|error| BenchError::task(&error))??;
            Err(BenchError::Protocol("an agent's channel ended".to_owned()))
        }
        figures = operate(server, &mut subjects, injects, pauses) => figures,
    }
}

async fn operate(server: &Server, subjects: &mut [Subject], injects: u32, pauses: u32) -> Outcome<Figures> {
    let plain = appends(server, subjects).await?;
    let mut operator = Operator { connection: Connection::open(server.site.address).await?, site: server.site.clone() };
    let meter = Meter::start(server.pid);
    let (mut replies, mut heard) = (Samples::default(), Samples::default());
    let agents = subjects.len().max(1);
    for n in 0..injects {
        if let Some(subject) = subjects.get_mut(length(n.into()) % agents) {
            let (reply, arrival) = operator.inject(subject).await?;
            replies.add(reply);
            heard.add(arrival);
        }
    }
    let (mut stops, mut resumes) = (Samples::default(), Samples::default());
    for n in 0..pauses {
        if let Some(subject) = subjects.get_mut(length(n.into()) % agents) {
            stops.add(operator.wish(subject, "pause", "paused").await?);
            resumes.add(operator.wish(subject, "resume", "running").await?);
        }
    }
    let cost = meter.stop();
    let (plain, replies, heard) = (plain.sorted(), replies.sorted(), heard.sorted());
    let (stops, resumes) = (stops.sorted(), resumes.sorted());
    let mut figures = Figures::default();
    figures.add("one message appended p50", "ms", plain.p50());
    figures.add("inject reply p50", "ms", replies.p50());
    figures.add("inject reply p99", "ms", replies.p99());
    figures.add("inject to agent p50", "ms", heard.p50());
    figures.add("inject to agent p99", "ms", heard.p99());
    figures.add("inject to agent beyond reply p50", "ms", heard.p50() - replies.p50());
    figures.add("pause observed p50", "ms", stops.p50());
    figures.add("pause observed p99", "ms", stops.p99());
    figures.add("resume observed p50", "ms", resumes.p50());
    figures.add("resume observed p99", "ms", resumes.p99());
    cost.tell(&mut figures, u64::from(injects) + 2 * u64::from(pauses));
    tell_rss(&mut figures, server.pid);
    Ok(figures)
}

/// What a commit and a round trip take without anybody who listens.
async fn appends(server: &Server, subjects: &[Subject]) -> Outcome<Samples> {
    let mut appender = Appender::open(&server.site, &Content::of_size(500), Batch::of(1)).await?;
    let mut times = Samples::default();
    for subject in subjects.iter().cycle().take(200) {
        let sent = Instant::now();
        appender.append(&subject.member.id, &subject.member.ledger).await?;
        times.add(sent.elapsed());
    }
    Ok(times)
}

/// Who steps in, one call after the other.
struct Operator {
    connection: Connection,
    site: Site,
}

fn wrong(subject: &Subject, what: String) -> BenchError {
    Violation::Wrong { who: format!("agent {}", subject.member.id), what }.into()
}

impl Operator {
    /// Injects a message; gives the time to the reply and the time until the agent heard.
    async fn inject(&mut self, subject: &mut Subject) -> Outcome<(Duration, Duration)> {
        let path = format!("/agents/{}/inject", subject.member.id);
        let request = self.site.post(&path, b"{\"message\":\"Look at the second test as well.\"}");
        let sent = Instant::now();
        let reply = self.connection.exchange(&request).await?;
        let replied = sent.elapsed();
        let reply = reply.expect(&[200], "injecting a message")?.json()?;
        let arrival = next(subject).await?;
        heard_right(&reply, &arrival).map_err(|what| wrong(subject, what))?;
        Ok((replied, arrival.at - sent))
    }

    /// Asks for a status and waits until it was observed; gives the time that took.
    async fn wish(&mut self, subject: &mut Subject, verb: &str, status: &str) -> Outcome<Duration> {
        let path = format!("/agents/{}/{verb}?wait=10s", subject.member.id);
        let request = self.site.post(&path, b"{}");
        let sent = Instant::now();
        let reply = self.connection.exchange(&request).await?;
        let elapsed = sent.elapsed();
        let reply = reply.expect(&[200], "a wish that must be observed")?.json()?;
        let arrival = next(subject).await?;
        obeyed(verb, status, &reply, &arrival, sent + elapsed).map_err(|what| wrong(subject, what))?;
        Ok(elapsed)
    }
}

/// What the agent heard must be the message of the operator's reply.
fn heard_right(reply: &Value, arrival: &Arrival) -> Result<(), String> {
    let field = |name: &str| reply.get(name).cloned().unwrap_or(Value::Null);
    if (arrival.kind.as_str(), &arrival.message) != ("inject", &field("messageId")) {
        return Err(format!("it heard {arrival:?} instead of the message of {reply}"));
    }
    if field("commandSeq").as_u64() != Some(arrival.seq) {
        return Err(format!("it heard command {} instead of that of {reply}", arrival.seq));
    }
    Ok(())
}

/// What was asked must have been observed, and not before the agent had heard of it.
fn obeyed(verb: &str, status: &str, reply: &Value, arrival: &Arrival, answered: Instant) -> Result<(), String> {
    let said = reply.get("status").and_then(Value::as_str);
    if reply.get("observed") != Some(&Value::Bool(true)) || said != Some(status) {
        return Err(format!("{verb} was answered with {reply}"));
    }
    if arrival.kind != verb {
        return Err(format!("it heard {arrival:?} instead of {verb}"));
    }
    if arrival.at > answered {
        return Err(format!("{status} was said before the agent heard of it"));
    }
    Ok(())
}

async fn next(subject: &mut Subject) -> Outcome<Arrival> {
    let arrival = subject.arrivals.recv().await;
    arrival.ok_or_else(|| BenchError::Protocol("an agent's channel ended".to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn arrival(kind: &str, at: Instant) -> Arrival {
        Arrival { seq: 3, kind: kind.to_owned(), message: json!("m-1"), at }
    }

    #[test]
    fn the_agent_must_hear_the_very_message() {
        let heard = |kind, message, seq| {
            heard_right(&json!({"messageId": message, "commandSeq": seq}), &arrival(kind, Instant::now()))
        };
        assert_eq!(heard("inject", "m-1", 3), Ok(()));
        assert!(heard("inject", "m-2", 3).is_err(), "another message");
        assert!(heard("inject", "m-1", 4).is_err(), "another command");
        assert!(heard("pause", "m-1", 3).is_err(), "no message");
    }

    #[test]
    fn paused_must_be_observed_and_not_said_too_early() {
        let now = Instant::now();
        let reply = json!({"status": "paused", "observed": true});
        let answered = |reply: &Value, kind, at| obeyed("pause", "paused", reply, &arrival(kind, at), now);
        assert_eq!(answered(&reply, "pause", now), Ok(()));
        assert!(answered(&reply, "pause", now + Duration::from_millis(1)).is_err(), "said too early");
        assert!(answered(&reply, "resume", now).is_err(), "another command");
        assert!(answered(&json!({"status": "running", "observed": true}), "pause", now).is_err(), "another status");
        assert!(answered(&json!({"status": "paused", "observed": false}), "pause", now).is_err(), "not observed");
    }
}
