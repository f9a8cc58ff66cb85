//! The command line as a client of a server's HTTP API.

mod error;
mod http;
mod ids;
mod patience;
mod place;
mod sessions;
mod stream;

pub(crate) use error::ClientError;
pub(crate) use http::Client;
pub(crate) use ids::{session, tail, tail_of, unique};
pub(crate) use place::{connect, flags, is_local, publish, published, withdraw};
pub(crate) use sessions::{Entry, Filter, encode, fetch, moment, word};
pub(crate) use stream::{Event, Follower, Heard};
