//! Spans of time as people write them.

use std::time::Duration;

/// Reads a whole number of `ms`, `s`, `m` (or `min`) or `h`; `None` for anything else. Callers set the limits.
#[must_use]
pub fn parse(text: &str) -> Option<Duration> {
    // Longer units first: each of "ms" and "s" ends with an s.
    const UNITS: [(&str, u64); 5] = [("ms", 1), ("min", 60_000), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];
    let (number, unit) = UNITS.iter().find_map(|(unit, millis)| Some((text.strip_suffix(unit)?, *millis)))?;
    // The standard parser would take a sign.
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    let number = number.parse::<u64>().ok().filter(|_| digits)?;
    number.checked_mul(unit).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_a_whole_number_and_a_unit() {
        let spans = ["500ms", "0s", "90s", "2m", "2min", "24h"].map(|text| parse(text).map(|span| span.as_millis()));
        assert_eq!(spans, [Some(500), Some(0), Some(90_000), Some(120_000), Some(120_000), Some(86_400_000)]);
        for wrong in ["", "5", "s", "ms", "+5s", "-5s", "1.5s", " 5s", "5 s", "2d", "99999999999999999h"] {
            assert_eq!(parse(wrong), None, "{wrong:?}");
        }
    }
}
