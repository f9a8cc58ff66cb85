//! The page, and the tables behind it.

use std::fmt::Write as _;

use super::plan::Entry;
use crate::figures::{Summary, round, thousands};
use crate::number::{float, ratio};

const NOTES_BEGIN: &str =
    "<!-- notes: what stands between these two lines is kept when the report is written again -->";
const NOTES_END: &str = "<!-- end of notes -->";

/// The file of the tables, beside the page.
pub(super) const FIGURES: &str = "figures.md";

/// The notes of people on an older page.
pub(super) fn notes(page: &str) -> Option<&str> {
    let (_, rest) = page.split_once(NOTES_BEGIN)?;
    rest.split_once(NOTES_END).map(|(notes, _)| notes.trim())
}

/// Everything that stands on the page.
pub(super) struct Report<'a> {
    pub(super) machine: String,
    pub(super) quick: bool,
    pub(super) limits: &'a Summary,
    pub(super) done: &'a [(Entry, Summary)],
    pub(super) notes: Option<String>,
}

impl Report<'_> {
    pub(super) fn page(&self) -> String {
        let warning =
            if self.quick { "\n**Written with `--quick`: sizes are small, figures say nothing.**\n" } else { "" };
        let notes = self.notes.as_deref().unwrap_or("None yet.");
        format!(
            "# Performance\n\n\
             Written by `flightdeck-bench report`, on {}. The tables of every load, each with the command that gives it again, \
             and the limits of this machine are in [{}]({}).\n{warning}\n\
             Messages have 500 bytes of text and are on the disk when they are acknowledged. Server and load generator share \
             the machine. Figures are medians over runs, with the least and the most; they drift with the machine, ratios \
             within one report hold. While a load runs, every seq and event is checked for order and completeness, and a \
             sample of texts byte by byte: a wrong answer would have ended the report.\n\n\
             ## What bounds us, and how near we are\n\n{}\n\
             ## Notes\n\n{NOTES_BEGIN}\n{notes}\n{NOTES_END}\n\n\
             ## Growth\n\n\
             What a message, an event, a request or a follower costs the server must not rise with the size. The slope is the \
             power of the size with which it rises since the line above: 0 is constant, 1 is in proportion.\n\n{}",
            self.machine,
            FIGURES,
            FIGURES,
            self.goals(),
            self.growth(),
        )
    }

    /// The tables behind the page.
    pub(super) fn figures(&self) -> String {
        format!(
            "# All figures\n\n\
             Written by `flightdeck-bench report`, on {}. What they come to is in [performance.md](performance.md).\n\n\
             ## The limits of this machine\n\n{}\n\
             ## Loads\n{}",
            self.machine,
            table(self.limits),
            self.all(),
        )
    }

    /// Every goal beside what was measured.
    fn goals(&self) -> String {
        let mut text = "| load | figure | median (least – most) | target | that is | ratio | met |\n\
             | --- | --- | ---: | --- | ---: | ---: | --- |\n"
            .to_owned();
        for (entry, summary) in self.done {
            for goal in &entry.goals {
                let Some((verdict, spread)) = goal.judge(summary, self.limits).zip(summary.spread(goal.figure)) else {
                    let _ = writeln!(
                        text,
                        "| {} | {} | – | {} | – | – | not measured |",
                        entry.title,
                        goal.figure,
                        goal.told()
                    );
                    continue;
                };
                let met = if verdict.met { "yes" } else { "**no**" };
                // Writing to a String cannot fail.
                let _ = writeln!(
                    text,
                    "| {} | {} | {} ({} – {}) | {} | {} | {:.2} | {met} |",
                    entry.title,
                    goal.figure,
                    round(verdict.value),
                    round(spread.min),
                    round(spread.max),
                    goal.told(),
                    round(verdict.bound),
                    verdict.ratio,
                );
            }
        }
        text
    }

    /// What each piece of work costs at each size of a family.
    fn growth(&self) -> String {
        let mut text =
            "| family | size | cost | slope | main figure |\n| --- | ---: | ---: | ---: | ---: |\n".to_owned();
        let mut above: Option<(&str, u64, f64)> = None;
        for (entry, summary) in self.done {
            let Some((family, size)) = entry.growth else { continue };
            let rows = summary.rows();
            let cost = COSTS.iter().find_map(|name| rows.iter().find(|row| row.name == *name));
            let told = cost.map_or("–".to_owned(), |row| format!("{} {}", round(row.spread.median), row.unit));
            let before = above.filter(|(other, ..)| *other == family);
            let slope = before.zip(cost).and_then(|((_, size_before, cost_before), cost)| {
                slope((size_before, cost_before), (size, cost.spread.median))
            });
            let slope = slope.map_or("–".to_owned(), |slope| format!("{slope:.2}"));
            let main = rows.iter().find(|row| row.name != "store");
            let main = main.map(|row| format!("{} {} {}", row.name, round(row.spread.median), row.unit));
            let shown = thousands(&size.to_string());
            let _ = writeln!(text, "| {family} | {shown} | {told} | {slope} | {} |", main.unwrap_or_default().trim());
            above = cost.map(|cost| (family, size, cost.spread.median));
        }
        text
    }

    fn all(&self) -> String {
        let one = |(entry, summary): &(Entry, Summary)| format!("\n### {}\n\n{}", entry.title, table(summary));
        self.done.iter().map(one).collect()
    }
}

/// What a piece of work costs, whatever it is: the first of these that was measured.
const COSTS: [&str; 3] = ["server CPU per piece", "memory per follower", "start to healthy"];

/// The power of the size with which a cost rises; `None` where there is nothing to compare.
fn slope((size_before, before): (u64, f64), (size, cost): (u64, f64)) -> Option<f64> {
    let larger = ratio(float(size), float(size_before)).ln();
    let dearer = ratio(cost, before).ln();
    (larger.is_finite() && larger > 0.0 && dearer.is_finite()).then(|| dearer / larger)
}

/// The command and its aligned table.
fn table(summary: &Summary) -> String {
    format!("```text\n{}```\n", summary.table())
}

#[cfg(test)]
mod tests {
    use super::super::goal::{Bound, Goal};
    use super::*;
    use crate::figures::Figures;

    fn summary(command: &str, figures: &[(&str, &'static str, f64)]) -> Summary {
        let mut run = Figures::default();
        for (name, unit, value) in figures {
            run.add(*name, unit, *value);
        }
        Summary::new(command.to_owned(), vec![run])
    }

    fn page(notes: Option<&str>) -> String {
        written(notes).0
    }

    /// The page and the tables.
    fn written(notes: Option<&str>) -> (String, String) {
        let entry = Entry {
            title: "ingest".into(),
            words: vec!["ingest".into()],
            goals: vec![
                Goal::at_least("messages", Bound::Limit(0.7, "rows")),
                Goal::at_most("nothing", Bound::Fixed(1.0)),
            ],
            growth: Some(("connections", 6_400)),
            on_postgres: false,
        };
        let done = [(
            entry,
            summary("flightdeck-bench ingest", &[("messages", "/s", 600.0), ("server CPU per piece", "µs", 12.5)]),
        )];
        let limits = summary("flightdeck-bench limits", &[("rows", "rows/s", 1_000.0)]);
        let notes = notes.map(str::to_owned);
        let report = Report { machine: "2 cores".into(), quick: false, limits: &limits, done: &done, notes };
        (report.page(), report.figures())
    }

    #[test]
    fn each_goal_stands_beside_its_bound() {
        let (page, figures) = written(None);
        assert!(
            page.contains("| ingest | messages | 600 (600 – 600) | ≥ 0.7 × rows | 700 | 0.86 | **no** |"),
            "{page}"
        );
        assert!(page.contains("| ingest | nothing | – | ≤ 1.00 | – | – | not measured |"), "{page}");
        assert!(page.contains("| connections | 6,400 | 12.5 µs | – | messages 600 /s |"), "{page}");
        assert!(figures.contains("```text\nflightdeck-bench ingest (1 runs)\n"), "{figures}");
        assert!(figures.contains("```text\nflightdeck-bench limits (1 runs)\n"), "{figures}");
        assert!(!page.contains("```text"), "{page}");
    }

    #[test]
    fn a_slope_is_the_power_of_the_size() {
        assert_eq!(slope((10, 3.0), (1_000, 3.0)), Some(0.0));
        assert!(slope((10, 3.0), (100, 30.0)).is_some_and(|slope| (slope - 1.0).abs() < 1e-9));
        assert!(slope((10, 3.0), (1_000, 30.0)).is_some_and(|slope| (slope - 0.5).abs() < 1e-9));
        assert_eq!((slope((0, 3.0), (10, 3.0)), slope((10, 0.0), (20, 3.0))), (None, None));
    }

    #[test]
    fn notes_of_people_are_kept() {
        let first = page(Some("The disk\nis slow."));
        assert_eq!(notes(&first), Some("The disk\nis slow."));
        assert_eq!(notes(&page(notes(&first))), Some("The disk\nis slow."));
        assert_eq!(notes("an old page"), None);
    }
}
