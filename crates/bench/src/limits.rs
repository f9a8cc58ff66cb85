//! What bounds a server on this machine: its disk, its databases, its network stack, each without a server in front.

mod disk;
mod loopback;
mod postgres;
mod rows;
mod sqlite;

use std::path::Path;
use std::time::Duration;

use clap::{ArgMatches, Command};

use crate::error::{BenchError, Outcome};
use crate::figures::Figures;
use crate::options::{folder, number, seconds, text, word};
use crate::server::data_folder;

pub(crate) fn grammar() -> Command {
    Command::new("limits")
        .about("Measure what bounds a server on this machine")
        .arg(number("seconds", "3", "How long each limit is measured"))
        .arg(text(
            "postgres",
            "A PostgreSQL to measure, as postgres://user@127.0.0.1/database; a table is made and dropped",
        ))
}

/// One limit, measured alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// Rows a second that a writer thread of SQLite commits for many callers.
    GroupCommit,
    /// Rows a second that SQLite commits by the hundred.
    HundredRows,
    /// Milliseconds of one commit of SQLite at a pace that leaves time to rest.
    PacedCommit,
    /// Events a second over a thousand sockets, ten in a write.
    Loopback,
}

impl Limit {
    /// The name of its figure.
    pub(crate) const fn figure(self) -> &'static str {
        match self {
            Self::GroupCommit => "SQLite, group commit, 64 callers",
            Self::HundredRows => "SQLite, commits of 100",
            Self::PacedCommit => "SQLite, 20 commits a second p50",
            Self::Loopback => "loopback, 1000 sockets, 10 a write",
        }
    }

    /// Measures it for so long, on databases in a folder of their own.
    ///
    /// # Errors
    /// It cannot be measured.
    pub(crate) async fn measure(self, parent: &Path, span: Duration) -> Outcome<f64> {
        let (data, mut figures) = (data_folder(parent)?, Figures::default());
        match self {
            Self::GroupCommit => sqlite::grouped(data.path(), span, &mut figures).await?,
            Self::HundredRows => sqlite::alone(data.path(), span, 100, &mut figures)?,
            Self::PacedCommit => sqlite::paced(data.path(), span, &mut figures).await?,
            Self::Loopback => loopback::one(span, 10, &mut figures).await?,
        }
        let missing = || BenchError::Protocol(format!("{} has no figure", self.figure()));
        figures.get(self.figure()).ok_or_else(missing)
    }
}

/// Measures all limits so many times.
///
/// # Errors
/// One of them cannot be measured.
pub(crate) async fn run(matches: &ArgMatches, runs: u64) -> Outcome<Vec<Figures>> {
    let span = seconds(matches, "seconds").max(Duration::from_secs(1));
    let mut all = Vec::new();
    for _ in 0..runs {
        let mut figures = Figures::default();
        let data = data_folder(&folder(matches)?)?;
        disk::measure(data.path(), span, &mut figures)?;
        sqlite::measure(data.path(), span, &mut figures).await?;
        if let Some(url) = word(matches, "postgres") {
            postgres::measure(url, span, &mut figures).await?;
        }
        loopback::measure(span, &mut figures).await?;
        all.push(figures);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_limit_has_the_figure_that_it_names() {
        let folder = tempfile::tempdir().expect("a folder");
        let local = tokio::task::LocalSet::new();
        for limit in [Limit::GroupCommit, Limit::HundredRows, Limit::PacedCommit, Limit::Loopback] {
            let measured = local.run_until(limit.measure(folder.path(), Duration::from_millis(1))).await;
            assert!(measured.expect("a figure") > 0.0, "{limit:?}");
        }
    }
}
