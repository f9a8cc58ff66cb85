//! A program with a store of its own, which has sessions, messages and audit alone, and the use cases on top of it.
//! Run it with `cargo run -p flightdeck-store-contract --example own_store`.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

pub(crate) mod store;

use std::error::Error;
use std::sync::Arc;

use flightdeck_domain::action::{ActionName, Intervention::Kill, Origin};
use flightdeck_domain::ids::Seq;
use flightdeck_domain::message::MessageRole;
use flightdeck_domain::operator::Actor;
use flightdeck_domain::ports::AuditFilter;
use flightdeck_domain::session::SessionStatus;
use flightdeck_domain::system::{SystemClock, SystemIds};
use flightdeck_domain::use_cases::{
    AuditReader, HistoryPlace, IngestMessages, Intervene, MessageInput, NewSession, Providers, ReadAudit, ReadHistory,
    RegisterSession, StorePorts, VerifyAudit,
};

use self::store::OwnStore;

#[tokio::main]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    // The unit is a `WakeUps` that wakes nobody: no one follows these sessions.
    let ports =
        StorePorts::new(Arc::new(OwnStore::default()), Arc::new(()), Arc::new(SystemClock), Arc::new(SystemIds));

    let new = NewSession::new("FD-1".parse()?, "worker".parse()?);
    let id = RegisterSession::new(&ports).execute(new, SessionStatus::Running).await?.session.id;
    let said = MessageInput::new(MessageRole::Assistant, "the tests pass".parse()?);
    IngestMessages::new(&ports).execute(id, vec![said]).await?;
    let page = ReadHistory::new(&ports).execute(id, HistoryPlace::After(Seq::ZERO), 100).await?;
    for message in page.ok_or("registered above")?.messages {
        println!("{} {}: {}", message.seq, message.role, message.content);
    }

    // A person steps in; and whoever reads of it is on record, too.
    let by = |request: &str| request.parse().map(|request_id| AuditReader { actor: Actor::local_cli(), request_id });
    Intervene::new(&ports, &Providers::default())
        .execute(id, Kill, Origin::new(Actor::local_cli(), "req-1".parse()?))
        .await?;
    let audit = ReadAudit::new(&ports).execute(by("req-2")?, AuditFilter::default(), None, 100).await?;
    assert!(VerifyAudit::new(&ports).execute(by("req-3")?).await?.valid);
    assert!(audit.iter().map(|entry| entry.index.action).eq([ActionName::Kill]));
    Ok(())
}
