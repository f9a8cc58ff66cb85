//! The sessions of a run.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;
use tokio::task::JoinSet;

use crate::check::Ledger;
use crate::error::{BenchError, Outcome};
use crate::http::{Connection, Site};

/// A session's id, as text.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct SessionId(String);

impl SessionId {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Ids that no other run has used, numbered: the number can be read from the id.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Names {
    run: u64,
}

impl Names {
    /// Names for a run that begins now.
    pub(crate) fn fresh() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::of_run(crate::number::nanos(now).rotate_left(20) ^ u64::from(std::process::id()))
    }

    pub(crate) const fn of_run(run: u64) -> Self {
        Self { run }
    }

    /// The id of the session with a number.
    pub(crate) fn session(self, number: u32) -> SessionId {
        let run = self.run;
        SessionId(format!(
            "{:08x}-{:04x}-4{:03x}-8000-{number:012x}",
            run & 0xFFFF_FFFF,
            run >> 32 & 0xFFFF,
            run >> 48 & 0xFFF
        ))
    }

    /// The number of a session of this run in its id; `None` for any other text.
    pub(crate) fn number(self, id: &[u8]) -> Option<u32> {
        let text = std::str::from_utf8(id).ok()?;
        let number = u32::from_str_radix(text.get(28..)?, 16).ok()?;
        (self.session(number).0 == text).then_some(number)
    }
}

/// One session that was registered, with what was acknowledged in it.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) id: SessionId,
    pub(crate) ledger: RefCell<Ledger>,
}

/// How many register at the same time.
const REGISTRARS: usize = 64;

/// Registers sessions of a run, by number, each below its parent, which must be registered already. Gives them by number.
///
/// # Errors
/// One of them was not registered anew.
pub(crate) async fn register(
    site: &Site,
    names: Names,
    numbers: impl IntoIterator<Item = u32>,
    parent_of: impl Fn(u32) -> Option<u32> + Copy + 'static,
) -> Outcome<Vec<Member>> {
    let numbers: Vec<u32> = numbers.into_iter().collect();
    let mut registrars = JoinSet::new();
    let at_once = REGISTRARS.min(numbers.len());
    let open = Rc::new(RefCell::new(numbers.into_iter()));
    for _ in 0..at_once {
        let (site, open) = (site.clone(), Rc::clone(&open));
        registrars.spawn_local(async move {
            let mut connection = Connection::open(site.address).await?;
            let mut members = Vec::new();
            loop {
                let Some(number) = open.borrow_mut().next() else { return Ok::<_, BenchError>(members) };
                let id = names.session(number);
                let parent = parent_of(number).map(|parent| names.session(parent).to_string());
                let body = json!({"sessionId": id.to_string(), "parentSessionId": parent, "taskId": "load",
                    "agentType": "load"});
                let request = site.post("/agents", body.to_string().as_bytes());
                let reply = connection.exchange(&request).await?.expect(&[201], "registering a session")?;
                let base = reply.json()?.get("lastSeq").and_then(serde_json::Value::as_u64).unwrap_or(0);
                members.push((number, Member { id, ledger: RefCell::new(Ledger::new(number, base)) }));
            }
        });
    }
    let mut members = Vec::new();
    while let Some(done) = registrars.join_next().await {
        members.extend(done.map_err(|error| BenchError::task(&error))??);
    }
    members.sort_unstable_by_key(|(number, _)| *number);
    Ok(members.into_iter().map(|(_, member)| member).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_can_be_read_from_its_id() {
        let names = Names::of_run(0xFEDC_BA98_7654_3210);
        for number in [0, 1, 99_999, u32::MAX] {
            let id = names.session(number);
            assert_eq!(id.as_bytes().len(), 36);
            assert_eq!(names.number(id.as_bytes()), Some(number));
        }
        assert_eq!(names.session(255).to_string(), "76543210-ba98-4edc-8000-0000000000ff");
    }

    #[test]
    fn other_ids_have_no_number() {
        let names = Names::of_run(1);
        let other = Names::of_run(2).session(5);
        assert_eq!(names.number(other.as_bytes()), None);
        assert_eq!((names.number(b"x"), names.number(b"")), (None, None));
    }
}
