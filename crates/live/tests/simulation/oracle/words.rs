//! What was said: what was acknowledged is there, once; a batch is there whole or not at all; an operator's message once for
//! its key.

use std::collections::{BTreeMap, BTreeSet};

use flightdeck_domain::action::Intervention;
use flightdeck_domain::command::{CommandKind, Receipt};
use flightdeck_domain::ids::{ApprovalId, MessageId, Seq, SessionId};
use flightdeck_domain::message::{Message, MessageRole};
use flightdeck_domain::ports::AcknowledgeError;
use flightdeck_domain::session::SessionStatus;
use flightdeck_domain::usage::{Totals, Usage};

use super::{Snapshot, Verdict, holds};
use crate::requests::{Answer, Request};

#[derive(Default)]
pub(crate) struct Words {
    /// Every batch that somebody sent, by its session.
    batches: BTreeMap<SessionId, BTreeSet<Vec<MessageId>>>,
    /// What was acknowledged, and where.
    acknowledged: BTreeMap<(SessionId, MessageId), Seq>,
    /// What operators said, by their words.
    injected: BTreeMap<String, SessionId>,
    /// Those of them that were accepted.
    accepted: BTreeSet<String>,
    /// The permissions that were acknowledged to be asked for.
    asked: BTreeSet<ApprovalId>,
    /// Which sessions were acknowledged to be there, or to have ended.
    registered: BTreeSet<SessionId>,
    ended: BTreeMap<SessionId, SessionStatus>,
}

/// The receipts of the operators' messages in a conversation, by their seq.
pub(crate) fn receipts(now: &Snapshot, id: SessionId) -> BTreeMap<u64, String> {
    let commands = now.commands.get(&id).into_iter().flatten();
    commands
        .filter_map(|command| match command.kind {
            CommandKind::Inject { seq, .. } => Some((seq.get(), command.receipt.as_str().to_owned())),
            _ => None,
        })
        .collect()
}

impl Words {
    pub(crate) fn sent(&mut self, request: &Request) {
        match request {
            Request::Append(id, batch) => {
                let batch = batch.iter().filter_map(|new| new.id).collect();
                self.batches.entry(*id).or_default().insert(batch);
            }
            Request::One(id, Intervention::Inject { content, .. }) => {
                self.injected.insert(content.as_str().to_owned(), *id);
            }
            _ => {}
        }
    }

    pub(crate) fn answered(&mut self, request: &Request, answer: &Answer) -> Verdict {
        match (request, answer) {
            (Request::Append(id, batch), Answer::Appended(Ok(outcome))) => {
                holds!(batch.len() == outcome.appended.len(), "{id}: not all of a batch is acknowledged");
                for said in &outcome.appended {
                    let before = self.acknowledged.insert((*id, said.id), said.seq);
                    let same = before.is_none_or(|before| before == said.seq && !said.created);
                    holds!(same, "{id}: {} was at {before:?} and is at {} (new: {})", said.id, said.seq, said.created);
                }
            }
            (Request::One(_, Intervention::Inject { content, .. }), Answer::Intervened(Ok(_))) => {
                self.accepted.insert(content.as_str().to_owned());
            }
            (_, Answer::Asked(Ok(opened))) => {
                self.asked.insert(opened.approval.id);
            }
            (_, Answer::Registered(Ok(registered)) | Answer::Spawned(Ok(registered))) => {
                self.registered.insert(registered.session.id);
            }
            (Request::Acknowledge(id, seq, receipt), Answer::Acknowledged(done)) => match done {
                Ok(command) => {
                    let enough = command.receipt == *receipt || *receipt == Receipt::Delivered;
                    holds!(enough, "{id}: command {seq} was {receipt}, and is answered as {}", command.receipt);
                }
                // Late is harmless.
                Err(AcknowledgeError::Final(why)) => {
                    holds!(*receipt != Receipt::Delivered, "{id}: {receipt} comes too late: {why}");
                }
                Err(_) => {}
            },
            (Request::Report(id, status), Answer::Observed(Ok(_))) if status.is_terminal() => {
                self.ended.insert(*id, *status);
            }
            _ => {}
        }
        Ok(())
    }

    pub(crate) fn agrees(&self, now: &Snapshot) -> Verdict {
        for (id, messages) in &now.messages {
            self.conversation(*id, messages)?;
        }
        usage(now)?;
        for id in &self.asked {
            let there = now.approvals.iter().any(|approval| approval.id == *id);
            holds!(there, "permission {id} was asked for and is not there");
        }
        for id in &self.registered {
            holds!(now.sessions.contains_key(id), "{id} was registered and is not there");
        }
        for (id, status) in &self.ended {
            let is = now.sessions.get(id).map(|session| session.status);
            holds!(is == Some(*status), "{id} was seen {status} and is {is:?}");
        }
        for ((id, said), seq) in &self.acknowledged {
            let index = usize::try_from(seq.get() - 1).expect("small");
            let there = now.messages.get(id).and_then(|messages| messages.get(index));
            holds!(
                there.is_some_and(|there| there.id == *said),
                "{id}: {said} was acknowledged at {seq} and is not there"
            );
        }
        for words in &self.accepted {
            let id = self.injected.get(words).ok_or("accepted and never sent")?;
            let messages = now.messages.get(id).map(Vec::as_slice).unwrap_or_default();
            let there = messages.iter().filter(|message| message.content.as_str() == words).count();
            holds!(there == 1, "{id}: {words} was accepted and is there {there} times");
        }
        Ok(())
    }

    fn conversation(&self, id: SessionId, messages: &[Message]) -> Verdict {
        let mut there = BTreeSet::new();
        let mut injected = BTreeSet::new();
        for message in messages {
            holds!(there.insert(message.id), "{id}: {} is there twice", message.id);
            if message.role == MessageRole::Operator {
                let words = message.content.as_str();
                holds!(self.injected.get(words) == Some(&id), "{id}: no operator said {words}");
                holds!(injected.insert(words), "{id}: {words} is there twice");
            }
        }
        let Some(batches) = self.batches.get(&id) else { return Ok(()) };
        for batch in batches {
            let found = batch.iter().filter(|said| there.contains(said)).count();
            // What was in it already came in with another batch.
            let others = |said: &MessageId| batches.iter().any(|other| other != batch && other.contains(said));
            let alone = batch.iter().filter(|said| !others(said));
            let (mut with, mut without) = (0, 0);
            alone.for_each(|said| if there.contains(said) { with += 1 } else { without += 1 });
            holds!(with == 0 || without == 0, "{id}: {found} of a batch of {} are there", batch.len());
        }
        Ok(())
    }
}

/// What was used is what the messages say.
fn usage(now: &Snapshot) -> Verdict {
    let of = |messages: &Vec<Message>| {
        let said = messages.iter().filter_map(|message| Usage::of(&message.metadata));
        said.fold(Totals::default(), |sum, usage| sum.with(&usage))
    };
    let own: BTreeMap<SessionId, Totals> = now.messages.iter().map(|(id, messages)| (*id, of(messages))).collect();
    let mut below: BTreeMap<SessionId, u64> = BTreeMap::new();
    for (id, used) in &own {
        let booked = now.own.get(id).map(|account| account.totals).unwrap_or_default();
        holds!(*used == booked, "{id}: used {used:?}, booked {booked:?}");
        let mut up = Some(*id);
        while let Some(at) = up {
            *below.entry(at).or_default() += used.tokens();
            up = now.sessions.get(&at).and_then(|session| session.parent_id);
        }
    }
    for (mission, account) in &now.missions {
        let theirs = now.sessions.values().filter(|session| session.mission_id.as_ref() == Some(mission));
        let used: u64 = theirs.filter_map(|session| own.get(&session.id)).map(Totals::tokens).sum();
        let booked = account.totals.tokens();
        holds!(used == booked, "{mission}: {used} tokens used, {booked} booked");
    }
    for (id, used) in below {
        let booked = now.below.get(&id).map(|account| account.totals.tokens()).unwrap_or_default();
        holds!(used == booked, "{id}: {used} tokens used below, {booked} booked");
    }
    Ok(())
}
