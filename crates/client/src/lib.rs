//! A client of the HTTP API: it finds the server and the key ([`ServerFlags`], the one way for every command), asks
//! ([`Client`]), and follows streams over everything that breaks them ([`Follower`]).
//!
//! # What does not belong here
//! What is printed, and what a command ends with; databases; anything of the server's insides.

mod error;
mod find;
mod http;
mod patience;
pub mod replies;
mod sessions;
mod stream;

pub use error::ClientError;
pub use find::{KEY_VARIABLE, ServerFlags, URL_VARIABLE, connect, find_url};
pub use http::{Answer, Client, Reply};
pub use sessions::{Entry, Fetched, Filter, encode, fetch};
pub use stream::{Event, Follower, Heard};
