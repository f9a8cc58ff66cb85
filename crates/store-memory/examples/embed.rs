//! The domain inside another program: a store, its ports, the use cases on top; no server, no database.
//! Run it with `cargo run -p flightdeck-store-memory --example embed`.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::{error::Error, sync::Arc};

use flightdeck_domain::action::{Intervention::Inject, Intervention::Kill, Origin};
use flightdeck_domain::system::{SystemClock, SystemIds};
use flightdeck_domain::use_cases::{AuditReader, HistoryPlace, IngestMessages, Intervene, MessageInput, NewSession};
use flightdeck_domain::use_cases::{Ports, Providers, ReadHistory, RegisterSession, ReportStatus, VerifyAudit};
use flightdeck_domain::{command::Delivery, ids::Seq, ids::SessionId, message::MessageRole, operator::Actor};
use flightdeck_domain::{ports::IdGenerator, session::SessionStatus};
use flightdeck_store_memory::MemoryStore;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // Nobody follows the sessions of this program: the unit is a `WakeUps` that wakes nobody.
    let ports = Ports::from_store(MemoryStore::new().into(), Arc::new(()), Arc::new(SystemClock), Arc::new(SystemIds));

    // A parent and its two children enter the tree, and each says something.
    let planner = agent(&ports, "planner", None).await?;
    let coder = agent(&ports, "coder", Some(planner)).await?;
    let tester = agent(&ports, "tester", Some(planner)).await?;

    // A person steps in: a word to the planner, an end for the coder, who is then seen dead.
    let (intervene, me) = (Intervene::new(&ports, &Providers::default()), Actor::local_cli());
    let word =
        Inject { message_id: SystemIds.message_id(), content: "smaller steps".parse()?, delivery: Delivery::Queue };
    intervene.execute(planner, word, Origin::new(me.clone(), "req-1".parse()?)).await?;
    let stop = Origin::new(me.clone(), "req-2".parse()?).because(Some("off the track".parse()?));
    intervene.execute(coder, Kill, stop).await?;
    ReportStatus::new(&ports).execute(coder, SessionStatus::Killed, None).await?;
    assert!(agent(&ports, "helper", Some(coder)).await.is_err(), "nothing spawns below a killed session");

    // The tree with its transcripts: two messages, two (the end is told too), and one.
    for (id, expected) in [(planner, 2), (coder, 2), (tester, 1)] {
        let all = ReadHistory::new(&ports).execute(id, HistoryPlace::After(Seq::ZERO), 100).await?;
        let messages = all.ok_or("registered above")?.messages;
        println!("{id}");
        for said in &messages {
            println!("  {} {}: {}", said.seq, said.role, said.content);
        }
        assert_eq!(messages.len(), expected);
    }
    // Two interventions, and this look at the record: reading stands on it, too.
    let audit = VerifyAudit::new(&ports).execute(AuditReader { actor: me, request_id: "req-3".parse()? }).await?;
    println!("{} audit entries, the chain is {}", audit.entries, if audit.valid { "whole" } else { "broken" });
    assert!(audit.valid && audit.entries == 3);
    Ok(())
}

/// Registers an agent that runs elsewhere and takes in its first message.
async fn agent(ports: &Ports, agent_type: &str, parent_id: Option<SessionId>) -> Result<SessionId, Box<dyn Error>> {
    let new = NewSession { parent_id, ..NewSession::new("FD-1".parse()?, agent_type.parse()?) };
    let id = RegisterSession::new(ports).execute(new, SessionStatus::Running).await?.session.id;
    let said = MessageInput::new(MessageRole::Assistant, format!("the {agent_type} is at work").parse()?);
    IngestMessages::new(ports).execute(id, vec![said]).await?;
    Ok(id)
}
