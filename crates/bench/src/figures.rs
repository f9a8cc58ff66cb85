//! What a run says: figures, over several runs, for people and for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::stats::Spread;

/// One number with its name.
#[derive(Clone, Debug, PartialEq)]
struct Figure {
    name: String,
    unit: &'static str,
    value: f64,
}

/// The figures of one run, in the order in which they are told.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Figures(Vec<Figure>);

impl Figures {
    pub(crate) fn add(&mut self, name: impl Into<String>, unit: &'static str, value: f64) {
        self.0.push(Figure { name: name.into(), unit, value });
    }

    pub(crate) fn get(&self, name: &str) -> Option<f64> {
        self.0.iter().find(|figure| figure.name == name).map(|figure| figure.value)
    }
}

/// What several runs of one command say together.
#[derive(Clone, Debug)]
pub(crate) struct Summary {
    /// The command that gives these figures again.
    pub(crate) command: String,
    runs: Vec<Figures>,
}

/// One figure over all runs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    pub(crate) spread: Spread,
}

impl Summary {
    pub(crate) const fn new(command: String, runs: Vec<Figures>) -> Self {
        Self { command, runs }
    }

    /// These runs and others of the same command.
    pub(crate) fn joined(mut self, other: Self) -> Self {
        self.runs.extend(other.runs);
        self
    }

    /// How many runs there were.
    pub(crate) const fn runs(&self) -> usize {
        self.runs.len()
    }

    /// The values of a figure, in the order of the runs.
    fn values(&self, name: &str) -> Vec<f64> {
        self.runs.iter().filter_map(|run| run.get(name)).collect()
    }

    /// One figure over all runs; `None` when no run has it.
    pub(crate) fn spread(&self, name: &str) -> Option<Spread> {
        Spread::of(&self.values(name))
    }

    /// Every figure of the first run, over all runs.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let figures = self.runs.first().map_or(&[][..], |run| &run.0);
        let row = |figure: &Figure| {
            Some(Row { name: figure.name.clone(), unit: figure.unit, spread: self.spread(&figure.name)? })
        };
        figures.iter().filter_map(row).collect()
    }

    /// An aligned table.
    pub(crate) fn table(&self) -> String {
        let mut lines = vec![["figure", "median", "min", "max", "unit"].map(str::to_owned)];
        for Row { name, unit, spread } in self.rows() {
            lines.push([name, round(spread.median), round(spread.min), round(spread.max), unit.to_owned()]);
        }
        format!("{} ({} runs)\n{}", self.command, self.runs(), aligned(&lines))
    }

    /// The same as JSON, with the value of each run.
    pub(crate) fn json(&self) -> Value {
        let figure = |row: &Row| {
            json!({"name": row.name, "unit": row.unit, "min": row.spread.min, "median": row.spread.median,
                "max": row.spread.max, "values": self.values(&row.name)})
        };
        json!({"command": self.command, "runs": self.runs(),
            "figures": self.rows().iter().map(figure).collect::<Vec<_>>()})
    }
}

/// Lines of a table: the first column and the last to the left, the others to the right.
pub(crate) fn aligned<const COLUMNS: usize>(lines: &[[String; COLUMNS]]) -> String {
    let width = |column: usize| {
        lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..COLUMNS).map(width).collect();
    let mut text = String::new();
    for line in lines {
        for (at, (cell, width)) in line.iter().zip(&widths).enumerate() {
            // Writing to a String cannot fail.
            let _ = match at {
                0 => write!(text, "  {cell:<width$}"),
                at if at + 1 == COLUMNS => write!(text, "  {cell}"),
                _ => write!(text, "  {cell:>width$}"),
            };
        }
        text.push('\n');
    }
    text
}

/// A number with as many digits as it is worth: at least three, and thousands set apart.
pub(crate) fn round(value: f64) -> String {
    let size = value.abs();
    let text = if !(1e-9..100.0).contains(&size) {
        format!("{value:.0}")
    } else if size >= 10.0 {
        format!("{value:.1}")
    } else if size >= 1.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.3}")
    };
    let (whole, fraction) = text.split_once('.').map_or((text.as_str(), None), |(whole, rest)| (whole, Some(rest)));
    let grouped = thousands(whole);
    fraction.map_or_else(|| grouped.clone(), |fraction| format!("{grouped}.{fraction}"))
}

/// A whole number with its thousands set apart.
pub(crate) fn thousands(number: &str) -> String {
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |digits| ("-", digits));
    let mut grouped = sign.to_owned();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary() -> Summary {
        let run = |rate: f64, time: f64| {
            let mut figures = Figures::default();
            figures.add("messages", "/s", rate);
            figures.add("reply p50", "ms", time);
            figures
        };
        Summary::new("flightdeck-bench ingest".into(), vec![run(12_345.6, 0.25), run(9_000.0, 0.5), run(20_000.0, 0.1)])
    }

    #[test]
    fn a_table_is_aligned() {
        let expected = "\
flightdeck-bench ingest (3 runs)
  figure     median    min     max  unit
  messages   12,346  9,000  20,000  /s
  reply p50   0.250  0.100   0.500  ms
";
        assert_eq!(summary().table(), expected);
    }

    #[test]
    fn json_has_each_run() {
        let json = summary().json();
        assert_eq!(json["figures"][0]["values"], json!([12_345.6, 9_000.0, 20_000.0]));
        assert_eq!((&json["runs"], &json["figures"][1]["median"]), (&json!(3), &json!(0.25)));
    }

    #[test]
    fn numbers_keep_what_they_are_worth() {
        for (value, text) in [
            (0.0, "0"),
            (0.012_3, "0.012"),
            (1.005, "1.00"),
            (12.34, "12.3"),
            (1_234_567.8, "1,234,568"),
            (-1_000.0, "-1,000"),
            (999.6, "1,000"),
        ] {
            assert_eq!(round(value), text);
        }
    }
}
