//! The names for a custom store that keeps sessions, conversations and an audit log: `use
//! flightdeck_domain::prelude::*`.

pub use async_trait::async_trait;

pub use crate::action::{Committed, OperatorAction};
pub use crate::audit::{AuditDraft, IsWithin, Ledger};
pub use crate::ids::{AuditSeq, FeedPosition, Seq, SessionId};
pub use crate::message::{Message, NewMessage};
pub use crate::ports::{
    AppendError, AppendOutcome, Heard, KeepsLedger, MessageRepository, MessageSlice, ObserveError, ObservedSession,
    OperatorActionError, OperatorActions, RegisterError, Registered, SessionPage, SessionQuery, SessionRepository,
    StoreUnavailable,
};
pub use crate::session::{Ancestor, Observation, Registration, Session, Silence, TreeFacts};
pub use crate::time::Timestamp;
