//! HTTP/1.1 by hand: as little work for each request as can be, so that what is measured is the server.

mod chunked;
mod connection;
mod follower;
mod head;
mod pipeline;
mod request;

pub(crate) use connection::Connection;
pub(crate) use follower::{Flow, Follower};
pub(crate) use head::front;
pub(crate) use pipeline::Pipeline;
pub(crate) use request::Site;
