//! The adapter of [`SinkSender`](flightdeck_domain::ports::SinkSender): the messages of sinks go out over HTTP, SMTP and syslog.
//!
//! Each [form](flightdeck_domain::sink::SinkForm) has a file in `forms`: the schema of its settings, the names of its
//! credentials, and how a message becomes bytes. [`Guard`] decides which addresses may be reached; every connection goes
//! to an address that it has seen. Redirects are not followed, and time and sizes are limited.
//!
//! What does not belong here: which messages go out, when, and how often they are tried. That is the domain's.

mod forms;
mod guard;
mod http;
mod sender;
mod settings;
mod stream;
mod traces;
mod trust;

pub use guard::{Guard, Refused};
pub use sender::{Options, Sender};
pub use traces::TraceReceiver;
pub use trust::Trust;
