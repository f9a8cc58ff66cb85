//! What has to be so, whatever happens.

mod feed;
mod record;
mod rows;
mod snapshot;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

use flightdeck_domain::ids::SessionId;
use flightdeck_domain::session::{Session, SessionStatus};
use flightdeck_store_memory::MemoryStore;

use self::feed::Told;
use self::record::Record;
use self::rows::Rows;
pub(crate) use self::snapshot::{Snapshot, snapshot};
use self::words::Words;
use crate::followers::{Reader, What};
use crate::replica::Robots;
use crate::requests::{Answer, Request};

/// What is not so.
pub(crate) type Verdict = Result<(), String>;

/// Fails with words unless something holds.
macro_rules! holds {
    ($what:expr, $($words:tt)*) => {
        if !$what {
            return Err(format!($($words)*));
        }
    };
}
use holds;

/// Watches one store.
pub(crate) struct Oracle {
    store: Arc<MemoryStore>,
    told: Told,
    record: Record,
    rows: Rows,
    words: Words,
    seen: BTreeMap<SessionId, Session>,
}

impl Oracle {
    pub(crate) fn new(store: Arc<MemoryStore>) -> Self {
        Self {
            store,
            told: Told::default(),
            record: Record::default(),
            rows: Rows::default(),
            words: Words::default(),
            seen: BTreeMap::new(),
        }
    }

    /// A request is on its way, by this name.
    pub(crate) fn sent(&mut self, name: &str, request: &Request, key: Option<&str>) {
        if request.is_control() {
            self.record.sent(name, key);
        }
        self.words.sent(request);
    }

    /// Somebody has the answer to a request.
    pub(crate) fn answered(&mut self, name: &str, request: &Request, answer: &Answer) -> Verdict {
        self.look()?;
        self.record.answered(name, request, answer)?;
        self.words.answered(request, answer)
    }

    /// After every step.
    pub(crate) fn look(&mut self) -> Verdict {
        self.told.read(&self.store)?;
        self.record.read(&self.store)?;
        for session in snapshot::sessions(&self.store) {
            self.session(session)?;
        }
        Ok(())
    }

    /// Everything, every few steps.
    pub(crate) fn look_at_everything(&mut self) -> Verdict {
        self.look()?;
        let now = snapshot(&self.store);
        self.told.agrees(&now)?;
        self.record.agrees(&now)?;
        self.words.agrees(&now)?;
        self.rows.look(now)
    }

    /// At the end, when everybody has had all the time there is.
    pub(crate) fn close(&mut self) -> Verdict {
        self.look_at_everything()?;
        self.record.whole(&self.store)
    }

    /// Of one session what never moves back.
    fn session(&mut self, now: Session) -> Verdict {
        let id = now.id;
        if let Some(before) = self.seen.get(&id) {
            holds!(
                now.last_seen_at >= before.last_seen_at,
                "{id}: last seen {:?}, then {:?}",
                before.last_seen_at,
                now.last_seen_at
            );
            holds!(now.revision >= before.revision, "{id}: its revision moves back");
            holds!(now.last_seq >= before.last_seq, "{id}: its last seq moves back");
            holds!(now.last_command_seq >= before.last_command_seq, "{id}: its last command seq moves back");
            let fixed = |session: &Session| (session.parent_id, session.mission_id.clone(), session.spawned_at);
            holds!(fixed(&now) == fixed(before), "{id}: its place in the tree changes");
            let moved = now.status != before.status || now.desired_status != before.desired_status;
            holds!(!moved || now.revision > before.revision, "{id}: it moves and its revision does not");
        }
        if now.status.is_terminal() {
            holds!(now.completed_at.is_some(), "{id}: ended at no time");
        }
        holds!((now.status == SessionStatus::Lost) == now.lost_from.is_some(), "{id}: lost, and not");
        self.seen.insert(id, now);
        Ok(())
    }

    /// A replica has started: nothing of its process before is alive.
    pub(crate) fn started(&self, me: usize) -> Verdict {
        let name = crate::replica::name(me);
        for session in snapshot::sessions(&self.store) {
            let dead = session.provider == Robots::name() && session.replica.as_ref() == Some(&name);
            holds!(
                !dead || session.status.is_terminal(),
                "{}: {} after the start of {name}",
                session.id,
                session.status
            );
        }
        Ok(())
    }

    /// A reader has read what there is.
    pub(crate) fn read(&self, reader: &Reader, now: &Snapshot) -> Verdict {
        match reader.what {
            What::Feed => {
                let told = self.told.position();
                holds!(reader.cursor == told, "the feed ends at {told}, and a reader at {}", reader.cursor);
            }
            What::Talk(id) => {
                let said = now.messages.get(&id).map(Vec::as_slice).unwrap_or_default();
                let ids: Vec<String> = said.iter().map(|message| message.id.to_string()).collect();
                holds!(reader.seen == ids, "{id}: a reader has {:?} of {ids:?}", reader.seen);
                let ended = now.sessions.get(&id).is_some_and(|session| session.status.is_terminal());
                holds!(reader.ended == ended, "{id}: ended: {ended}, as a reader knows: {}", reader.ended);
                for (seq, receipt) in words::receipts(now, id).split_off(&(reader.resumed + 1)) {
                    let known = reader.receipts.get(&seq);
                    holds!(known == Some(&receipt), "{id}: message {seq} is {receipt}, as a reader knows: {known:?}");
                }
            }
        }
        Ok(())
    }
}
