//! The server: the domain wired to this machine (`deployment`), served over HTTP (`serve`), with what it does by itself in
//! the background (`jobs`).

mod announce;
mod conformance;
mod demo;
mod deployment;
mod error;
mod guard_post;
mod jobs;
mod login_link;
mod replicas;
mod request_traces;
mod serve;
mod signals;
mod throttle;

pub(crate) use self::conformance::run as conformance;
pub(crate) use self::demo::run as demo;
pub(crate) use self::error::ServeError;
pub(crate) use self::serve::run as serve;
