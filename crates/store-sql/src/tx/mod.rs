//! What a transaction of either database can do with its rows: the traits of [`flightdeck_domain::ports`], each
//! implemented once.

mod access;
mod approval;
mod change_report;
mod control;
mod dialect;
mod provider_config;
mod record;
mod retention;
mod runner;
mod session;
mod session_list;
mod session_tree;
mod sink;
mod survey;
mod talk;
mod usage;
pub mod usage_days;

pub use self::dialect::{Dialect, Done};
pub use self::session::{head, heads, wholes};
pub use self::usage::account;

/// What one statement does for one transaction: what a [`Dialect`] does that has no better way.
pub mod single {
    pub use super::access::{lock_key, lock_login};
    pub use super::control::{insert_operation, lock_operation, open_targets, remember};
    pub use super::provider_config::lock_provider_config;
    pub use super::retention::lock_retention;
    pub use super::runner::{lock_assignment, lock_runner};
    pub use super::session::{head, kill_switch, lock_head, lock_whole, save, touch, whole};
    pub use super::session_tree::upwards;
    pub use super::sink::lock_sink;
    pub use super::talk::{command, count_pending, insert_command, save_command};
    pub use super::usage::open_account;
}

use std::ops::{Deref, DerefMut};

use flightdeck_domain::ports::Rows;

use crate::connection::{Connection, Sql};
use crate::words::Words;

/// A transaction of a [`Dialect`], which has every operation that scripts call.
#[derive(Debug)]
pub struct SqlTx<D>(pub D);

impl<D> Deref for SqlTx<D> {
    type Target = D;

    fn deref(&self) -> &D {
        &self.0
    }
}

impl<D> DerefMut for SqlTx<D> {
    fn deref_mut(&mut self) -> &mut D {
        &mut self.0
    }
}

impl<D: Dialect> SqlTx<D> {
    const WORDS: Words = D::Connection::WORDS;

    async fn execute(&mut self, statement: impl Sql) -> Rows<()> {
        self.connection().run(statement).await?;
        Ok(())
    }
}
