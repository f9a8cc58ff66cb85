//! What bounds a server on this machine: its disk, its databases, its network stack, each without a server in front.

mod disk;
mod loopback;
mod postgres;
mod rows;
mod sqlite;

use std::time::Duration;

use clap::{ArgMatches, Command};

use crate::error::Outcome;
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
