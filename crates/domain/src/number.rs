//! Whole numbers, in any way that JSON writes them.

use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// The greatest whole number that floating-point numbers can tell from its neighbours.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Reads a whole number from 0 on, or nothing. `12.0` counts as one: a JSON Schema calls it an integer, and some
/// languages write it like this.
///
/// # Errors
/// The value is another number, or no number.
pub fn whole<'de, D: Deserializer<'de>>(value: D) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Whole(u64),
        Float(f64),
        Other(serde::de::IgnoredAny),
    }
    let float = match Option::deserialize(value)? {
        None => return Ok(None),
        Some(Written::Whole(number)) => return Ok(Some(number)),
        Some(Written::Float(float)) => float,
        Some(Written::Other(_)) => return Err(D::Error::custom("is not a whole number from 0 on")),
    };
    let is_whole = float.fract() == 0.0 && (0.0..=EXACT).contains(&float);
    // Its text has no fraction and no exponent.
    let number = is_whole.then(|| format!("{float:.0}").parse().ok()).flatten();
    number.map(Some).ok_or_else(|| D::Error::custom(format!("{float} is not a whole number from 0 on")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn a_whole_number_may_be_written_with_a_fraction_of_nothing() {
        for (written, number) in [(json!(12), 12), (json!(12.0), 12), (json!(0.0), 0), (json!(1e3), 1_000)] {
            assert_eq!(super::whole(&written).expect("whole"), Some(number), "{written}");
        }
        assert_eq!(super::whole(json!(u64::MAX)).expect("whole"), Some(u64::MAX));
        assert_eq!(super::whole(json!(null)).expect("nothing"), None);
        for other in [json!(1.5), json!(-1), json!(-1.0), json!(1e20), json!("12"), json!([12]), json!(true)] {
            assert!(super::whole(&other).is_err(), "{other}");
        }
    }
}
