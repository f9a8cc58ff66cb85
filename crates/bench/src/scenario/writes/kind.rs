//! What a caller writes.

use serde_json::{Value, json};

use crate::check::Violation;
use crate::content::Content;
use crate::error::{BenchError, Outcome};
use crate::fleet::{Member, Names};
use crate::http::{Connection, Site};

/// Bytes of text in an operator's message.
const SIZE: usize = 200;

/// One kind of write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::scenario) enum Kind {
    /// A new session.
    Register,
    /// Another status of a session.
    Status,
    /// A message of an operator for a session.
    Inject,
    /// A sign of life of a session.
    Heartbeat,
    /// A command is acknowledged as consumed.
    Ack,
}

impl Kind {
    pub(in crate::scenario) const ALL: [Self; 5] =
        [Self::Register, Self::Status, Self::Inject, Self::Heartbeat, Self::Ack];

    pub(in crate::scenario) const fn as_str(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Status => "status",
            Self::Inject => "inject",
            Self::Heartbeat => "heartbeat",
            Self::Ack => "ack",
        }
    }

    pub(super) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// What many of them are called.
    pub(in crate::scenario) const fn plural(self) -> &'static str {
        match self {
            Self::Register => "registrations",
            Self::Status => "status reports",
            Self::Inject => "injects",
            Self::Heartbeat => "heartbeats",
            Self::Ack => "acknowledgements",
        }
    }

    /// The type of the event that each of them puts on the fleet feed; `None` when it puts none there.
    pub(super) const fn event(self) -> Option<&'static str> {
        match self {
            Self::Register => Some("spawned"),
            Self::Status => Some("status"),
            Self::Inject => Some("action"),
            Self::Heartbeat => None,
            Self::Ack => Some("receipt"),
        }
    }
}

/// One who calls, one call after the other, for a session of its own.
pub(in crate::scenario) struct Caller {
    connection: Connection,
    site: Site,
    kind: Kind,
    names: Names,
    content: Content,
    pub(super) member: Member,
    /// Its number, and how many callers there are.
    place: (u32, u32),
    done: u32,
}

impl Caller {
    pub(in crate::scenario) async fn open(
        site: &Site,
        kind: Kind,
        member: Member,
        names: Names,
        place: (u32, u32),
    ) -> Outcome<Self> {
        let connection = Connection::open(site.address).await?;
        let content = Content::of_size(SIZE);
        Ok(Self { connection, site: site.clone(), kind, names, content, member, place, done: 0 })
    }

    /// How many calls were answered.
    pub(in crate::scenario) const fn done(&self) -> u32 {
        self.done
    }

    /// The number of its own session.
    pub(super) const fn number(&self) -> u32 {
        self.place.0
    }

    /// What its sessions are called.
    pub(super) const fn names(&self) -> Names {
        self.names
    }

    /// The numbers of the sessions that it registered.
    pub(super) fn registered(&self) -> impl Iterator<Item = u32> + use<> {
        let (number, callers) = self.place;
        (1..=self.done).map(move |round| round * callers + number)
    }

    /// The status that it reported last.
    pub(super) fn last_status(&self) -> &'static str {
        status(self.done.saturating_sub(1))
    }

    /// Makes the next call.
    ///
    /// # Errors
    /// It is not answered as it must be.
    pub(super) async fn call(&mut self) -> Outcome<()> {
        match self.kind {
            Kind::Register => {
                let (number, callers) = self.place;
                let id = self.names.session((self.done + 1) * callers + number);
                let body = json!({"sessionId": id.to_string(), "taskId": "load", "agentType": "load"});
                self.post("/agents".to_owned(), &body, 201).await?;
            }
            Kind::Status => {
                let body = json!({"status": status(self.done)});
                self.post(format!("/agents/{}/status", self.member.id), &body, 200).await?;
            }
            Kind::Inject => self.inject().await?,
            Kind::Heartbeat => {
                let path = format!("/agents/{}/heartbeat", self.member.id);
                let reply = self.post(path, &json!({}), 200).await?;
                if reply.pointer("/control/desiredStatus") != Some(&Value::from("running")) {
                    let what = format!("a heartbeat was answered with {reply}");
                    return Err(Violation::Wrong { who: self.member.id.to_string(), what }.into());
                }
            }
            Kind::Ack => {
                let seq = self.done + 1;
                let path = format!("/agents/{}/commands/{seq}/ack", self.member.id);
                let reply = self.post(path, &json!({"state": "consumed"}), 200).await?;
                let said = (reply.get("seq"), reply.get("receipt"));
                if said != (Some(&seq.into()), Some(&"consumed".into())) {
                    let what = format!("the acknowledgement of command {seq} was answered with {reply}");
                    return Err(Violation::Wrong { who: self.member.id.to_string(), what }.into());
                }
            }
        }
        self.done += 1;
        Ok(())
    }

    /// Injects a message, and notes where it stands in the conversation.
    ///
    /// # Errors
    /// It is refused, or stands where another one does.
    pub(super) async fn inject(&mut self) -> Outcome<()> {
        let tag = self.member.ledger.borrow_mut().send();
        let body = json!({"message": self.content.plain(tag)});
        let reply = self.post(format!("/agents/{}/inject", self.member.id), &body, 200).await?;
        let seq = reply.get("seq").and_then(Value::as_u64);
        let seq = seq.ok_or_else(|| BenchError::Protocol(format!("an inject was answered with {reply}")))?;
        Ok(self.member.ledger.borrow_mut().acknowledge(seq, tag)?)
    }

    async fn post(&mut self, path: String, body: &Value, status: u16) -> Outcome<Value> {
        let request = self.site.post(&path, body.to_string().as_bytes());
        self.connection.exchange(&request).await?.expect(&[status], &path)?.json()
    }

    /// The texts of its messages.
    pub(super) const fn content(&self) -> &Content {
        &self.content
    }
}

/// What the report with a number says. A session is `running` at first.
const fn status(report: u32) -> &'static str {
    if report.is_multiple_of(2) { "idle" } else { "running" }
}
