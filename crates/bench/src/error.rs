//! What ends a run before it has a figure.

use std::io;

use crate::check::Violation;

/// Why there is no figure.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BenchError {
    /// The server answered, and wrongly: the figure would be worth nothing.
    #[error("violation: {0}")]
    Violation(#[from] Violation),
    /// A call was answered with another status than the one that it must have.
    #[error("{call} was answered with {status}: {body}")]
    Refused { call: String, status: u16, body: String },
    /// What came is not HTTP/1.1 as this client reads it.
    #[error("the server does not speak HTTP/1.1 as expected: {0}")]
    Protocol(String),
    /// Nothing came for so long that the run was given up.
    #[error("nothing moved for {0} s")]
    Stalled(u64),
    /// Something of the system failed.
    #[error("{what}")]
    System { what: String, source: io::Error },
    /// SQLite failed.
    #[error("SQLite: {what}")]
    Sqlite { what: &'static str, source: Box<dyn std::error::Error + Send + Sync> },
    /// PostgreSQL failed.
    #[error("PostgreSQL: {what}")]
    Postgres { what: &'static str, source: tokio_postgres::Error },
    /// Something became worse than it was at the last release.
    #[error("worse than at the last release: {0}")]
    Worse(String),
    /// The command line asks for something that cannot be.
    #[error("{0}")]
    Usage(String),
}

impl BenchError {
    /// Names what the system was asked for.
    pub(crate) fn system(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::System { what, source }
    }

    /// A task ended without an answer: it panicked or was stopped.
    pub(crate) fn task(error: &tokio::task::JoinError) -> Self {
        Self::Protocol(format!("a part of the load generator broke off: {error}"))
    }
}

/// A figure, or why there is none.
pub(crate) type Outcome<T> = Result<T, BenchError>;
