//! Keeps states of the folders that agents work in, and compares them, with the program `git`.
//!
//! Each session has a *shelf*: a bare repository of its own in the data folder of the server. A state of the agent's folder is
//! a tree in it ([`Keeper`]). The agent's own repository is an extra place where objects are found while a state is made,
//! so that nothing is copied that is there already. Then the shelf gets what it needs to compare its states alone. So
//! nothing is ever written to the agent's repository, and what is kept outlives it.
//!
//! # What an agent can write and git must not obey
//! git never runs with the agent's repository as its own, but to ask for its folders and its commit: no
//! configuration, hook or driver of it is in force. Attributes of files are overruled, so the bytes of a file are kept as they
//! are. Programs that a repository names in `core.fsmonitor`, `diff.*`, `filter.*` or as hooks are not run.
//!
//! # Credentials
//! An agent may write the credentials that it has into a file. [`Scrubbed`] takes them out of what is shown; what is kept is as
//! the agent wrote it.
//!
//! # What does not belong here
//! Sessions and who may read; HTTP.

mod compare;
mod git;
mod keeper;
mod listing;
mod patch;
mod record;
mod repository;
mod scrubbed;
mod shelf;
mod snapshot;
mod stretch;

pub use keeper::{Keeper, Limits};
pub use scrubbed::Scrubbed;
