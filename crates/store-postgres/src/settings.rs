//! How a store works, and what that means for each connection and transaction.

use std::time::Duration;

/// How a store works; the defaults are good for one replica on a PostgreSQL of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How many connections write what needs a transaction of its own. More than a few gain little, for most writes meet at
    /// the head of the feed.
    pub writers: u32,
    /// How many tasks commit the other writes, appends aside, each with a connection for its own.
    pub write_groups: u32,
    /// How many writes one commit carries at most.
    pub write_group: usize,
    /// How many connections read. They are kept apart from the others, so that no reader waits behind writers.
    pub readers: u32,
    /// How long a call waits in line for a connection, first come, first served, before it fails as unavailable.
    pub acquire_timeout: Duration,
    /// How long PostgreSQL works on one statement, waiting for locks included, before it gives up; zero for ever.
    pub statement_timeout: Duration,
    /// How long PostgreSQL lets a transaction lie idle before it ends the connection: what a lost network would otherwise
    /// leave locked. Zero for ever.
    pub idle_in_transaction_timeout: Duration,
    /// Whether statements stay prepared on their connection, which saves a round trip for each. Must be off behind a
    /// pooler that gives a connection to somebody else after each transaction (pgbouncer's `pool_mode = transaction`):
    /// then all reads are transactions too, and settings are made in each.
    pub prepared_statements: bool,
    /// How many tasks commit appended messages. Each has a part of the sessions and a connection for its own.
    pub append_shards: u32,
    /// How many appends wait in line at each of them, before further callers wait to be let in.
    pub queue: usize,
    /// How many appends one commit carries at most.
    pub group: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            writers: 8,
            write_groups: 2,
            write_group: 128,
            readers: 8,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(30),
            idle_in_transaction_timeout: Duration::from_mins(1),
            prepared_statements: true,
            append_shards: 2,
            queue: 1_024,
            group: 512,
        }
    }
}

impl Options {
    /// The most connections that are open at a time.
    #[must_use]
    pub fn connections(&self) -> u32 {
        [self.writers, self.write_groups, self.readers, self.append_shards].into_iter().map(|kind| kind.max(1)).sum()
    }
}

/// The options, as statements.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) connections: u32,
    pub(crate) acquire_timeout: Duration,
    /// Whether a single statement may be run outside of a transaction.
    pub(crate) bare_reads: bool,
    pub(crate) begin_write: String,
    pub(crate) begin_read: String,
    /// Made once on a new connection; `None` where a connection is shared with others.
    pub(crate) on_connect: Option<String>,
}

impl Settings {
    pub(crate) fn of(options: &Options) -> Self {
        let limits = [
            ("statement_timeout", options.statement_timeout),
            ("idle_in_transaction_session_timeout", options.idle_in_transaction_timeout),
        ];
        let made = |how: &str| {
            let each = limits.iter().map(|(name, limit)| format!("{how} {name} = {}", limit.as_millis()));
            each.collect::<Vec<_>>().join("; ")
        };
        // A connection of our own is told once. One that is shared has to be told in each transaction, in the same round
        // trip as its beginning.
        let local = if options.prepared_statements { String::new() } else { format!("; {}", made("SET LOCAL")) };
        Self {
            connections: options.connections(),
            acquire_timeout: options.acquire_timeout.max(Duration::from_millis(1)),
            bare_reads: options.prepared_statements,
            // The rules rely on what READ COMMITTED does, whatever the database's own default is.
            begin_write: format!("BEGIN ISOLATION LEVEL READ COMMITTED{local}"),
            begin_read: format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY{local}"),
            on_connect: options.prepared_statements.then(|| made("SET")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_connection_is_told_in_each_transaction_and_our_own_once() {
        let own = Settings::of(&Options::default());
        assert_eq!(own.begin_write, "BEGIN ISOLATION LEVEL READ COMMITTED");
        let told = own.on_connect.expect("told once");
        assert_eq!(told, "SET statement_timeout = 30000; SET idle_in_transaction_session_timeout = 60000");

        let shared = Settings::of(&Options { prepared_statements: false, ..Options::default() });
        let limits = "SET LOCAL statement_timeout = 30000; SET LOCAL idle_in_transaction_session_timeout = 60000";
        assert_eq!(shared.begin_write, format!("BEGIN ISOLATION LEVEL READ COMMITTED; {limits}"));
        assert_eq!(shared.begin_read, format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {limits}"));
        assert!(shared.on_connect.is_none() && !shared.bare_reads);
    }
}
