//! The file of figures.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use toml::{Table, Value};

use super::Baseline;
use crate::error::{BenchError, Outcome};
use crate::report::machine;

impl Baseline {
    /// Figures that were measured today, here.
    pub(crate) fn of_now(binary: String, figures: BTreeMap<String, f64>) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { date: date(now.as_secs() / 86_400), binary, machine: machine(), figures }
    }

    /// Reads the figures of the last release.
    ///
    /// # Errors
    /// There is no such file, or it does not hold figures.
    pub(crate) fn read(path: &Path) -> Outcome<Self> {
        let text = std::fs::read_to_string(path);
        let text = text.map_err(BenchError::system(format!("cannot read {}; --write makes it", path.display())))?;
        Self::parse(&text).map_err(|what| BenchError::Usage(format!("{}: {what}", path.display())))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let table: Table = text.parse().map_err(|error| format!("is no TOML: {error}"))?;
        let word = |name: &str| {
            table.get(name).and_then(Value::as_str).map(str::to_owned).ok_or_else(|| format!("{name} is missing"))
        };
        let figures = table.get("figures").and_then(Value::as_table).ok_or("[figures] is missing")?;
        let number = |(name, value): (&String, &Value)| {
            let number = value.as_float().filter(|number| number.is_finite() && *number > 0.0);
            Ok((name.clone(), number.ok_or_else(|| format!("{name:?} is no number above zero, such as 1.0"))?))
        };
        let figures = figures.iter().map(number).collect::<Result<_, String>>()?;
        Ok(Self { date: word("date")?, binary: word("binary")?, machine: word("machine")?, figures })
    }

    /// Writes them for the next build to be compared with.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn write(&self, path: &Path) -> Outcome<()> {
        std::fs::write(path, self.text()).map_err(BenchError::system(format!("cannot write {}", path.display())))
    }

    fn text(&self) -> String {
        // A string of JSON is one of TOML, too.
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let mut text = format!(
            "# Figures of the last release; docs/measuring.md says how they are compared and written.\n\
             date = {}\nbinary = {}\nmachine = {}\n\n[figures]\n",
            quoted(&self.date),
            quoted(&self.binary),
            quoted(&self.machine),
        );
        for (name, value) in &self.figures {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{} = {value:.4}", quoted(name));
        }
        text
    }
}

/// What a binary says it is, and how large it is.
///
/// # Errors
/// It does not start.
pub(crate) fn describe(binary: &Path) -> Outcome<String> {
    let failed = || format!("cannot ask {} for its version", binary.display());
    let said = Command::new(binary).arg("--version").output().map_err(BenchError::system(failed()))?;
    let version = String::from_utf8_lossy(&said.stdout).lines().next().unwrap_or_default().trim().to_owned();
    let bytes = std::fs::metadata(binary).map_err(BenchError::system(failed()))?.len();
    let profile = binary.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let profile = profile.map_or_else(String::new, |profile| format!(", {profile}"));
    Ok(format!("{version}{profile}, {bytes} bytes"))
}

/// The date of a day, counted from 1970-01-01, in the Gregorian calendar.
fn date(mut days: u64) -> String {
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    loop {
        let length = if leap(year) { 366 } else { 365 };
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    let february = if leap(year) { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    format!("{year:04}-{month:02}-{:02}", days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let figures = BTreeMap::from([("a \"quoted\" name / limit".to_owned(), 0.5), ("b".to_owned(), 12.25)]);
        let written = Baseline::of_now("flightdeck 0.1.0, release, 5 bytes".to_owned(), figures);
        assert_eq!(Baseline::parse(&written.text()).expect("read"), written);
    }

    #[test]
    fn a_file_without_figures_is_refused() {
        let head = "date = \"x\"\nbinary = \"x\"\nmachine = \"x\"\n";
        for wrong in [
            "",
            "x",
            head,
            "[figures]\na = 1.0\n",
            &format!("{head}[figures]\na = \"x\"\n"),
            &format!("{head}[figures]\na = 0.0\n"),
        ] {
            assert!(Baseline::parse(wrong).is_err(), "{wrong:?}");
        }
        Baseline::parse(&format!("{head}[figures]\na = 1.0\n")).expect("good");
    }

    #[test]
    fn days_have_dates() {
        for (days, expected) in [
            (0, "1970-01-01"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (20_786, "2026-11-29"),
            (20_818, "2026-12-31"),
        ] {
            assert_eq!(date(days), expected);
        }
    }
}
