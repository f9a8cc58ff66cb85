//! Whether a build is slower than the last release: short loads beside what bounds them on this machine, round by round, and
//! their ratios beside those of a committed file.

mod plan;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{ArgMatches, Command};

use self::plan::{PLAN, Probe};
use crate::baseline::{self, Baseline, Better, Verdict};
use crate::error::{BenchError, Outcome};
use crate::figures::{Summary, round};
use crate::number::ratio;
use crate::options::{folder, given, launcher, number, switch, text, word};
use crate::report::Runner;
use crate::stats::Spread;

/// The ratios of the last release.
const BASELINE: &str = "crates/bench/baseline.toml";

pub(crate) fn grammar() -> Command {
    Command::new("smoke")
        .about("Short loads beside the limits of this machine: is this build slower than the last release?")
        .arg(number("rounds", "5", "How often every limit and load is measured, in turn"))
        .arg(number("percent", "15", "How much worse a ratio may be"))
        .arg(text("baseline", "The ratios of the last release [default: crates/bench/baseline.toml]"))
        .arg(text("only", "Measure only what has this word in its name"))
        .arg(switch("write", "Write the ratios of this build into the file, instead of comparing"))
}

/// So many cores that are busy with others make ratios uncertain: a limit that needs one core suffers less than a load that
/// needs two.
const BUSY: f64 = 0.2;

/// What was measured of one figure.
struct Measured {
    probe: &'static Probe,
    loads: Vec<f64>,
    limits: Vec<f64>,
    ratios: Vec<f64>,
    /// Cores that were busy with neither server nor load generator.
    others: Vec<f64>,
}

/// Measures, compares and tells; or measures and writes.
///
/// # Errors
/// A load failed or found a violation, or a ratio is worse, twice.
pub(crate) async fn run(matches: &ArgMatches, run: impl Runner, tell: impl Fn(&str)) -> Outcome<()> {
    let path = PathBuf::from(word(matches, "baseline").unwrap_or(BASELINE));
    let data = folder(matches)?;
    let rounds = given(matches, "rounds").max(1);
    let only = word(matches, "only").unwrap_or_default();
    let binary = ["--binary".to_owned(), word(matches, "binary").unwrap_or("target/dist/flightdeck").to_owned()];
    let same = [&binary[..], &["--folder".to_owned(), data.display().to_string()]].concat();
    // A wrong path must show before a minute has passed.
    launcher(matches)?;
    let before = if matches.get_flag("write") { None } else { Some(Baseline::read(&path)?) };
    if let Some(why) = before.as_ref().and_then(Baseline::is_from_elsewhere) {
        tell(&why);
        return Ok(());
    }

    let wanted: Vec<&Probe> = PLAN.iter().filter(|probe| probe.name.contains(only)).collect();
    let mut all: Vec<Measured> = wanted.into_iter().map(Measured::new).collect();
    for round in 1..=rounds {
        tell(&format!("round {round} of {rounds}"));
        for measured in &mut all {
            measured.measure(&data, &same, &run).await?;
        }
    }
    let Some(before) = before else {
        let ratios = all.iter().map(|measured| (measured.probe.name.to_owned(), measured.ratio())).collect();
        let written = Baseline::of_now(baseline::describe(Path::new(&binary[1]))?, ratios);
        written.write(&path)?;
        tell(&table(&all, None, allowed(matches)));
        tell(&format!("written to {}", path.display()));
        return Ok(());
    };
    for measured in &mut all {
        if measured.verdict(&before, allowed(matches)).fails() {
            // A single short run may be unlucky: what looks like a fall is measured again, all rounds of it, before it counts.
            tell(&format!("again: {}", measured.probe.name));
            let mut again = Measured::new(measured.probe);
            for _ in 0..rounds {
                again.measure(&data, &same, &run).await?;
            }
            *measured = again;
        }
    }
    tell(&format!("beside {} of {}", before.binary, before.date));
    tell(&table(&all, Some(&before), allowed(matches)));
    let now: BTreeMap<String, f64> =
        all.iter().map(|measured| (measured.probe.name.to_owned(), measured.reached())).collect();
    let verdicts = before.judge(&now, plan::better, allowed(matches));
    let failed: Vec<String> = verdicts
        .into_iter()
        .filter(|(name, verdict)| verdict.fails() && name.contains(only))
        .map(|(name, verdict)| format!("{name} ({verdict})"))
        .collect();
    let others = all.iter().map(|measured| middle(&measured.others)).fold(0.0, f64::max);
    if others > BUSY {
        let failed = if failed.is_empty() { String::new() } else { format!(" (worse: {})", failed.join(", ")) };
        tell(&format!("no verdict: up to {} cores were busy with others{failed}", round(others)));
        return Ok(());
    }
    if failed.is_empty() { Ok(()) } else { Err(BenchError::Worse(failed.join(", "))) }
}

/// How much worse a ratio may be, as a fraction.
fn allowed(matches: &ArgMatches) -> f64 {
    crate::number::float(given(matches, "percent")) / 100.0
}

impl Measured {
    const fn new(probe: &'static Probe) -> Self {
        Self { probe, loads: Vec::new(), limits: Vec::new(), ratios: Vec::new(), others: Vec::new() }
    }

    /// One round: the limit, and right behind it the load.
    async fn measure(&mut self, data: &Path, same: &[String], run: &impl Runner) -> Outcome<()> {
        let limit = match self.probe.limit {
            plan::Bound::Measured(limit, span) => limit.measure(data, span).await?,
            plan::Bound::Fixed(value) => value,
        };
        let words = self.probe.command.split_whitespace().map(str::to_owned);
        let words: Vec<String> = words.chain(same.iter().cloned()).collect();
        let summary: Summary = run(&words).await?;
        let missing = || BenchError::Protocol(format!("{} has no figure {:?}", self.probe.name, self.probe.figure));
        let load = summary.spread(self.probe.figure).ok_or_else(missing)?.median;
        self.loads.push(load);
        self.limits.push(limit);
        self.ratios.push(ratio(load, limit));
        self.others.extend(summary.spread("cores busy with others").map(|spread| spread.median));
        Ok(())
    }

    /// The best of the rounds over the best of the limit: what others do on the machine only ever makes either of them worse.
    fn ratio(&self) -> f64 {
        let (load, limit) = (best(&self.loads, self.probe.better), best(&self.limits, self.probe.better));
        ratio(load, limit)
    }

    /// What is held against the last release: this ratio, or that of the best round if it is better. What one round reached, a
    /// slower build would not have reached.
    fn reached(&self) -> f64 {
        best(&[self.ratio(), best(&self.ratios, self.probe.better)], self.probe.better)
    }

    fn verdict(&self, before: &Baseline, allowed: f64) -> Verdict {
        before.verdict(self.probe.name, self.probe.better, Some(self.reached()), allowed)
    }
}

fn middle(values: &[f64]) -> f64 {
    Spread::of(values).map_or(0.0, |spread| spread.median)
}

/// The best of some values; zero of none.
fn best(values: &[f64], better: Better) -> f64 {
    let best = |spread: Spread| if better == Better::More { spread.max } else { spread.min };
    Spread::of(values).map_or(0.0, best)
}

fn table(all: &[Measured], before: Option<&Baseline>, allowed: f64) -> String {
    let mut lines = vec![
        ["figure", "load", "limit", "ratio", "median", "least", "most", "others", "before", ""].map(str::to_owned),
    ];
    for measured in all {
        let spread = Spread::of(&measured.ratios).unwrap_or(Spread { min: 0.0, median: 0.0, max: 0.0 });
        let name = measured.probe.name;
        let then = before.and_then(|before| before.figure(name));
        lines.push([
            name.to_owned(),
            round(best(&measured.loads, measured.probe.better)),
            round(best(&measured.limits, measured.probe.better)),
            round(measured.ratio()),
            round(spread.median),
            round(spread.min),
            round(spread.max),
            round(middle(&measured.others)),
            then.map_or_else(|| "-".to_owned(), round),
            before.map_or_else(String::new, |before| measured.verdict(before, allowed).to_string()),
        ]);
    }
    crate::figures::aligned(&lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_good_round_is_enough_to_have_reached_it() {
        let probe = PLAN.iter().find(|probe| probe.better == Better::More).expect("a rate");
        let mut measured = Measured::new(probe);
        measured.loads = vec![60.0, 100.0];
        measured.limits = vec![40.0, 100.0];
        measured.ratios = vec![1.5, 1.0];
        assert!((measured.ratio() - 1.0).abs() < 1e-9 && (measured.reached() - 1.5).abs() < 1e-9);
        let before = |then| Baseline::of_now("flightdeck".to_owned(), BTreeMap::from([(probe.name.to_owned(), then)]));
        assert!(!measured.verdict(&before(1.7), 0.15).fails());
        assert!(measured.verdict(&before(1.8), 0.15).fails());
    }
}
