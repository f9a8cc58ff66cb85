//! How many instructions the server executes for a message and for an event. Unlike times they do not depend on what else the
//! machine does: valgrind counts them.
//!
//! Each load is run on two servers, with fewer and with more pieces of work. What the second executes more, divided by how much
//! more it did, leaves out starting and stopping. One piece follows the other, so that nothing is taken together that
//! another run would not take together.

mod load;
mod valgrind;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{ArgMatches, Command};

use self::load::{LOADS, Load};
use self::valgrind::Valgrind;
use crate::baseline::{Baseline, Better, describe};
use crate::error::{BenchError, Outcome};
use crate::figures::{aligned, round};
use crate::number::{float, ratio};
use crate::options::{folder, given, launcher, number, seconds, switch, text, word};
use crate::progress::watched;
use crate::server::Launcher;

/// The counts of the last release.
const BASELINE: &str = "crates/bench/instructions.toml";

pub(crate) fn grammar() -> Command {
    Command::new("instructions")
        .about("Count what the server executes for a message and an event, under valgrind: is it more than at the last release?")
        .arg(number("percent", "3", "How much more it may be"))
        .arg(text("baseline", "The counts of the last release [default: crates/bench/instructions.toml]"))
        .arg(text("only", "Count only what has this word in its name"))
        .arg(switch("write", "Write the counts of this build into the file, instead of comparing"))
}

/// Counts, compares and tells; or counts and writes.
///
/// # Errors
/// A load failed, or a count is higher.
pub(crate) async fn run(matches: &ArgMatches, tell: impl Fn(&str)) -> Outcome<()> {
    let path = PathBuf::from(word(matches, "baseline").unwrap_or(BASELINE));
    let only = word(matches, "only").unwrap_or_default();
    let before = if matches.get_flag("write") { None } else { Some(Baseline::read(&path)?) };
    if let Some(why) = before.as_ref().and_then(Baseline::is_from_elsewhere) {
        tell(&why);
        return Ok(());
    }
    let Launcher::Binary { path: binary, settings, .. } = launcher(matches)? else {
        return Err(BenchError::Usage("instructions needs --binary: it starts servers under valgrind".to_owned()));
    };
    // A worker for each core would divide what is read in other ways on another machine.
    let settings = [settings, vec!["--workers".to_owned(), "1".to_owned()]].concat();
    let valgrind = Valgrind::new(binary.clone(), folder(matches)?, settings)?;
    let mut now = BTreeMap::new();
    for load in LOADS.iter().filter(|load| load.name.contains(only)) {
        let count = watched(seconds(matches, "patience") * 5, count(&valgrind, load)).await?;
        tell(&format!("{}: {} instructions", load.name, round(count)));
        now.insert(load.name.to_owned(), count);
    }
    let Some(before) = before else {
        Baseline::of_now(describe(&binary)?, now).write(&path)?;
        tell(&format!("written to {}", path.display()));
        return Ok(());
    };
    let allowed = float(given(matches, "percent")) / 100.0;
    let verdicts = before.judge(&now, |_| Better::Less, allowed);
    let mut lines = vec![["instructions for", "now", "before", ""].map(str::to_owned)];
    let mut failed = Vec::new();
    for (name, verdict) in verdicts.into_iter().filter(|(name, _)| name.contains(only)) {
        let told = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), round);
        lines.push([name.clone(), told(now.get(&name).copied()), told(before.figure(&name)), verdict.to_string()]);
        if verdict.fails() {
            failed.push(format!("{name} ({verdict})"));
        }
    }
    tell(&format!("beside {} of {}", before.binary, before.date));
    tell(&aligned(&lines));
    if failed.is_empty() { Ok(()) } else { Err(BenchError::Worse(failed.join(", "))) }
}

/// What one more piece of a load takes.
async fn count(valgrind: &Valgrind, load: &Load) -> Outcome<f64> {
    let mut totals = Vec::new();
    for rounds in [load.fewer, load.more] {
        let counting = valgrind.start()?;
        load.run(&counting.server.site, rounds).await?;
        totals.push(counting.stop()?);
    }
    let [fewer, more] = totals.as_slice() else { return Ok(0.0) };
    let pieces = u64::from(load.more - load.fewer) * u64::from(load.pieces);
    Ok(ratio(float(more.saturating_sub(*fewer)), float(pieces)))
}
