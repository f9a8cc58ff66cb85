use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use super::*;
use crate::audit::{AuditHead, SealedAuditEntry};
use crate::command::CommandKind;
use crate::epoch::Epoch;
use crate::fixtures::{approval, audit_draft, command, session};
use crate::ids::FeedPosition;

/// What a store holds: one page of each kind that has any, and the heads.
#[derive(Clone, Debug, PartialEq)]
struct Held {
    pages: Vec<TransferPage>,
    heads: TransferHeads,
}

const NOTHING: Held = Held { pages: Vec::new(), heads: TransferHeads::EMPTY };

/// What goes wrong.
#[derive(Clone, Debug, Default)]
struct Faults {
    /// What a source holds from the second look on.
    later: Option<Held>,
    /// A kind that a target loses.
    loses: Option<&'static str>,
    /// Whether a target keeps heads of its own.
    own_heads: bool,
}

/// A store whose pages never follow one another. What is put is seen by others with the commit only.
struct Fake {
    held: Held,
    committed: Arc<Mutex<Held>>,
    faults: Faults,
}

impl Fake {
    fn of(held: Held, faults: Faults) -> Self {
        Self { committed: Arc::new(Mutex::new(held.clone())), held, faults }
    }
}

#[async_trait]
impl TransferSource for Fake {
    async fn following(&mut self, page: &TransferPage) -> Result<TransferPage, StoreUnavailable> {
        let first = self.held.pages.iter().find(|held| held.what() == page.what());
        let empty = TransferPage::every_kind().into_iter().find(|kind| kind.what() == page.what()).expect("a kind");
        Ok(first.filter(|_| page.is_empty()).cloned().unwrap_or(empty))
    }

    async fn heads(&mut self) -> Result<TransferHeads, StoreUnavailable> {
        Ok(self.held.heads)
    }

    async fn look_again(&mut self) -> Result<(), StoreUnavailable> {
        if let Some(later) = self.faults.later.take() {
            self.held = later;
        }
        Ok(())
    }
}

#[async_trait]
impl TransferTarget for Fake {
    async fn put(&mut self, page: &TransferPage) -> Result<(), StoreUnavailable> {
        if self.faults.loses != Some(page.what()) {
            self.held.pages.push(page.clone());
        }
        Ok(())
    }

    async fn put_heads(&mut self, heads: &TransferHeads) -> Result<(), StoreUnavailable> {
        if !self.faults.own_heads {
            self.held.heads = *heads;
        }
        Ok(())
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreUnavailable> {
        *self.committed.lock().expect("free") = self.held;
        Ok(())
    }
}

fn entries() -> Vec<SealedAuditEntry> {
    let first = audit_draft("one").seal(AuditHead::EMPTY);
    let second = audit_draft("two").seal(first.head());
    vec![first, second]
}

fn held() -> Held {
    let entries = entries();
    let heads = TransferHeads {
        audit: entries[1].head(),
        feed: FeedPosition::new(7),
        kill_switch: true,
        epoch: Some(Epoch::new(5)),
    };
    let pages = vec![
        TransferPage::Sessions(vec![session(1), session(2)]),
        TransferPage::Commands(vec![command(1, CommandKind::Pause)]),
        TransferPage::Approvals(vec![approval(3)]),
        TransferPage::AuditEntries(entries),
    ];
    Held { pages, heads }
}

/// Moves, and gives what is in the target then.
async fn moved(source: Held, target: Held, faults: Faults) -> (Result<Transferred, TransferError>, Held) {
    let mut source = Fake::of(source, faults.clone());
    let target = Fake::of(target, faults);
    let committed = Arc::clone(&target.committed);
    let result = Transfer::execute(&mut source, Box::new(target)).await;
    let held = committed.lock().expect("free").clone();
    (result, held)
}

#[tokio::test]
async fn everything_is_moved_and_counted() {
    let (result, target) = moved(held(), NOTHING, Faults::default()).await;
    assert_eq!(target, held());
    let counts = result.expect("moved").counts;
    assert_eq!(counts.len(), 22);
    let some: Vec<_> = counts.into_iter().filter(|(_, count)| *count > 0).collect();
    assert_eq!(some, [("sessions", 2), ("commands", 1), ("approvals", 1), ("audit entries", 2)]);
}

#[tokio::test]
async fn a_target_that_holds_anything_is_left_alone() {
    let marks = Held { heads: TransferHeads { feed: FeedPosition::new(1), ..TransferHeads::EMPTY }, ..NOTHING };
    for page in held().pages {
        let filled = Held { pages: vec![page], ..NOTHING };
        let (result, target) = moved(held(), filled.clone(), Faults::default()).await;
        assert!(matches!(result, Err(TransferError::NotEmpty { .. })), "{result:?}");
        assert_eq!(target, filled);
    }
    let (result, target) = moved(held(), marks.clone(), Faults::default()).await;
    assert!(matches!(result, Err(TransferError::NotEmpty { .. })), "{result:?}");
    assert_eq!(target, marks);
}

#[tokio::test]
async fn a_source_that_moves_on_meanwhile_is_noticed() {
    let mut more = held();
    more.pages[0] = TransferPage::Sessions(vec![session(1), session(2), session(3)]);
    let switched = Held { heads: TransferHeads { kill_switch: false, ..held().heads }, ..held() };
    for (later, wanted) in [(more, "sessions"), (switched, "heads")] {
        let (result, target) = moved(held(), NOTHING, Faults { later: Some(later), ..Faults::default() }).await;
        assert!(matches!(result, Err(TransferError::Differs { what }) if what == wanted), "{result:?}");
        assert_eq!(target, NOTHING);
    }
}

#[tokio::test]
async fn a_target_that_gives_back_something_else_is_noticed() {
    for lost in ["sessions", "commands", "approvals", "audit entries"] {
        let (result, target) = moved(held(), NOTHING, Faults { loses: Some(lost), ..Faults::default() }).await;
        assert!(matches!(result, Err(TransferError::Differs { what }) if what == lost), "{result:?}");
        assert_eq!(target, NOTHING);
    }
    let (result, target) = moved(held(), NOTHING, Faults { own_heads: true, ..Faults::default() }).await;
    assert!(matches!(result, Err(TransferError::Differs { what: "heads" })), "{result:?}");
    assert_eq!(target, NOTHING);
}

#[tokio::test]
async fn a_damaged_audit_log_is_not_copied() {
    let mut changed = entries();
    changed[1].bytes[5] ^= 1;
    let missing = entries().split_off(1);
    let cut = entries().drain(..1).collect();
    for damaged in [changed, missing, cut] {
        let mut source = held();
        source.pages[3] = TransferPage::AuditEntries(damaged);
        let (result, target) = moved(source, NOTHING, Faults::default()).await;
        assert!(matches!(result, Err(TransferError::Audit(_))), "{result:?}");
        assert_eq!(target, NOTHING);
    }
}
