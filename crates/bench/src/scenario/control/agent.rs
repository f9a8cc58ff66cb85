//! An agent that obeys: it listens for commands, does what they say, and acknowledges them.

use std::time::Instant;

use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::check::{Dense, Violation};
use crate::error::{BenchError, Outcome};
use crate::fleet::SessionId;
use crate::http::{Connection, Flow, Follower, Site};
use crate::sse::Frame;

/// How an agent hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    /// A stream of events.
    Stream,
    /// Long polls.
    Poll,
}

/// A command, and when the agent had it.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    pub(super) seq: u64,
    pub(super) kind: String,
    /// The injected message, or null.
    pub(super) message: Value,
    pub(super) at: Instant,
}

/// How commands reach it.
#[derive(Debug)]
enum Ear {
    Stream(Follower),
    Poll(Connection),
}

/// One agent.
#[derive(Debug)]
pub(super) struct Agent {
    site: Site,
    session: SessionId,
    ear: Ear,
    mouth: Connection,
    heard: Dense,
    tell: UnboundedSender<Arrival>,
}

impl Agent {
    /// Opens an agent's channels; what it hears is told to the receiver, too.
    pub(super) async fn open(
        site: &Site,
        session: &SessionId,
        channel: Channel,
    ) -> Outcome<(Self, UnboundedReceiver<Arrival>)> {
        let ear = match channel {
            Channel::Stream => {
                let request = site.follow(&format!("/agents/{session}/commands"));
                Ear::Stream(Follower::open(site.address, &request).await?)
            }
            Channel::Poll => Ear::Poll(Connection::open(site.address).await?),
        };
        let mouth = Connection::open(site.address).await?;
        let (tell, told) = unbounded_channel();
        let agent = Self { site: site.clone(), session: session.clone(), ear, mouth, heard: Dense::after(0), tell };
        Ok((agent, told))
    }

    /// Works until something is wrong.
    pub(super) async fn work(mut self) -> Outcome<()> {
        loop {
            for arrival in self.listen().await? {
                self.heard.take(arrival.seq, || format!("commands of {}", self.session))?;
                // The operator is told first: obeying is no part of hearing.
                if self.tell.send(arrival.clone()).is_err() {
                    return Ok(());
                }
                self.obey(&arrival).await?;
            }
        }
    }

    /// Waits for the next commands.
    async fn listen(&mut self) -> Outcome<Vec<Arrival>> {
        match &mut self.ear {
            Ear::Stream(follower) => {
                let mut arrivals = Vec::new();
                let take = |frame: Frame<'_>, at| {
                    arrivals.push(streamed(frame, at)?);
                    Ok(Flow::Enough)
                };
                follower.read(take).await?;
                Ok(arrivals)
            }
            Ear::Poll(connection) => {
                let after = self.heard.last();
                let request = self.site.get(&format!("/agents/{}/commands?after={after}&wait=30s", self.session));
                let reply = connection.exchange(&request).await?;
                let at = Instant::now();
                let reply = reply.expect(&[200], "waiting for commands")?.json()?;
                let commands = reply.get("commands").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
                commands.iter().map(|command| arrival(command, at)).collect()
            }
        }
    }

    async fn obey(&mut self, arrival: &Arrival) -> Outcome<()> {
        let status = match arrival.kind.as_str() {
            "pause" => Some("paused"),
            "resume" => Some("running"),
            _ => None,
        };
        let session = &self.session;
        if let Some(status) = status {
            let body = format!("{{\"status\":\"{status}\"}}");
            let request = self.site.post(&format!("/agents/{session}/status"), body.as_bytes());
            self.mouth.exchange(&request).await?.expect(&[200], "reporting a status")?;
        }
        let path = format!("/agents/{session}/commands/{}/ack", arrival.seq);
        let request = self.site.post(&path, b"{\"state\":\"consumed\"}");
        self.mouth.exchange(&request).await?.expect(&[200], "acknowledging a command")?;
        Ok(())
    }
}

fn streamed(frame: Frame<'_>, at: Instant) -> Outcome<Arrival> {
    let wrong = |what| BenchError::from(Violation::Wrong { who: "a stream of commands".to_owned(), what });
    if frame.event != b"command" {
        return Err(wrong(format!("an event {:?} came", String::from_utf8_lossy(frame.event))));
    }
    let command = serde_json::from_slice(frame.data)
        .map_err(|error| BenchError::Protocol(format!("a command is not JSON: {error}")))?;
    let arrival = arrival(&command, at)?;
    if frame.id == Some(arrival.seq) {
        Ok(arrival)
    } else {
        Err(wrong(format!("the id {:?} stands over command {}", frame.id, arrival.seq)))
    }
}

fn arrival(command: &Value, at: Instant) -> Outcome<Arrival> {
    let read = || {
        let kind = command.get("kind")?.as_str()?.to_owned();
        let message = command.get("messageId").cloned().unwrap_or(Value::Null);
        Some(Arrival { seq: command.get("seq")?.as_u64()?, kind, message, at })
    };
    read().ok_or_else(|| BenchError::Protocol(format!("{command} is no command")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(event: &str, id: Option<u64>, data: &str) -> Outcome<Arrival> {
        streamed(Frame { event: event.as_bytes(), id, data: data.as_bytes() }, Instant::now())
    }

    #[test]
    fn a_command_is_read_with_its_message() {
        let heard = read("command", Some(2), r#"{"seq":2,"kind":"inject","messageId":"m"}"#).expect("a command");
        assert_eq!((heard.seq, heard.kind.as_str(), heard.message), (2, "inject", Value::from("m")));
    }

    #[test]
    fn what_is_no_command_or_has_another_id_shows() {
        let pause = r#"{"seq":2,"kind":"pause","messageId":null}"#;
        assert!(read("command", Some(3), pause).is_err(), "another id");
        assert!(read("end", Some(2), pause).is_err(), "the session ended");
        assert!(read("command", Some(2), r#"{"seq":2}"#).is_err(), "no kind");
        assert!(read("command", Some(2), "{").is_err(), "no JSON");
    }
}
