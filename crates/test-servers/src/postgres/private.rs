//! A server of the test's own, for what cannot be done to one that others use.

use super::throw_away::ThrowAway;
use super::{client, runtime};
use crate::NoServer;

/// A server with an empty cluster, which the test may crash. Removed when dropped.
#[derive(Debug)]
pub struct Private(ThrowAway);

impl Private {
    /// Starts one, and waits until it answers. Blocks; must not be called inside of a runtime.
    ///
    /// # Errors
    /// None can be started.
    pub fn start() -> Result<Self, NoServer> {
        let runtime = runtime()?;
        ThrowAway::start(&|url| runtime.block_on(client(url)).is_ok()).map(Self)
    }

    /// A URL of its maintenance database, for a superuser.
    #[must_use]
    pub fn url(&self) -> String {
        self.0.url()
    }

    /// Ends it as `pg_ctl restart -m immediate` does, without a checkpoint and in the middle of whatever it does, and starts
    /// it again on its port. Blocks until it has recovered; must not be called inside of a runtime.
    ///
    /// # Errors
    /// It does not start again.
    pub fn restart_immediately(&mut self) -> Result<(), NoServer> {
        let runtime = runtime()?;
        self.0.restart_immediately(&|url| runtime.block_on(client(url)).is_ok())
    }
}
