//! Runs everything once over and writes `docs/performance.md`, each figure beside what bounds it, and `docs/figures.md`, the
//! tables with the commands that give them again.

mod goal;
mod machine;
mod markdown;
mod plan;

use std::path::{Path, PathBuf};

use clap::{ArgMatches, Command};

pub(crate) use self::machine::describe as machine;
use self::markdown::{FIGURES, Report};
use self::plan::{Entry, Sizes};
use crate::error::{BenchError, Outcome};
use crate::figures::Summary;
use crate::options::{given, switch, text, word};

pub(crate) fn grammar() -> Command {
    Command::new("report")
        .about("Run everything and write the page of figures")
        .arg(text("out", "Where to write it; notes in an older one are kept [default: docs/performance.md]"))
        .arg(text("postgres", "A PostgreSQL: measures its limits, and the server on it"))
        .arg(text("only", "Run only what has this word in its title"))
        .arg(switch("quick", "Small and once: to try the report, not to believe it"))
}

/// Runs one command's words and gives what its runs say.
pub(crate) trait Runner: AsyncFn(&[String]) -> Outcome<Summary> {}

impl<F: AsyncFn(&[String]) -> Outcome<Summary>> Runner for F {}

/// Runs the plan and writes the page; gives where.
///
/// # Errors
/// A load failed or found a violation: nothing is written then.
pub(crate) async fn write(matches: &ArgMatches, run: impl Runner, tell: impl Fn(&str)) -> Outcome<PathBuf> {
    let out = PathBuf::from(word(matches, "out").unwrap_or("docs/performance.md"));
    let quick = matches.get_flag("quick");
    let postgres = word(matches, "postgres");
    let mut plan = plan::plan(if quick { Sizes::QUICK } else { Sizes::FULL }, postgres.is_some());
    if let Some(only) = word(matches, "only") {
        plan.retain(|entry| entry.title.contains(only));
    }
    let runs = if quick { 1 } else { given(matches, "runs").max(1) };
    let same = Same::of(matches);
    // Half of them before, half after: a machine that changed meanwhile shows in their spread.
    let limits = |runs| {
        let own = ["limits", "--seconds", "1"].map(str::to_owned);
        same.words(&own, runs, postgres.map(|url| ("--postgres", url)))
    };
    tell("limits, before");
    let before = run(&limits(runs.div_ceil(2))).await?;
    let mut done: Vec<(Entry, Summary)> = Vec::new();
    for entry in plan {
        tell(&entry.title);
        let database = if entry.on_postgres { postgres.map(|url| ("--database", url)) } else { None };
        let summary = run(&same.words(&entry.words, entry.runs(runs), database)).await?;
        done.push((entry, summary));
    }
    let limits = match runs / 2 {
        0 => before,
        after => {
            tell("limits, after");
            before.joined(run(&limits(after)).await?)
        }
    };
    let notes = std::fs::read_to_string(&out).ok().and_then(|old| markdown::notes(&old).map(str::to_owned));
    let report = Report { machine: machine::describe(), quick, limits: &limits, done: &done, notes };
    save(&out, &report.page())?;
    save(&out.with_file_name(FIGURES), &report.figures())?;
    Ok(out)
}

fn save(out: &Path, page: &str) -> Outcome<()> {
    std::fs::write(out, page).map_err(BenchError::system(format!("cannot write {}", out.display())))
}

/// The options that every command of the report is given.
struct Same(Vec<String>);

impl Same {
    fn of(matches: &ArgMatches) -> Self {
        let mut words = Vec::new();
        for name in ["binary", "folder", "valkey", "workers"] {
            if let Some(value) = word(matches, name) {
                words.extend([format!("--{name}"), value.to_owned()]);
            }
        }
        Self(words)
    }

    fn words(&self, own: &[String], runs: u64, more: Option<(&str, &str)>) -> Vec<String> {
        let runs = ["--runs".to_owned(), runs.to_string()];
        let more = more.into_iter().flat_map(|(name, value)| [name.to_owned(), value.to_owned()]);
        own.iter().cloned().chain(runs).chain(self.0.iter().cloned()).chain(more).collect()
    }
}
