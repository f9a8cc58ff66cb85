//! Names of runners and of what they offer.

use crate::name::{name, within};

name! {
    /// The name of a runner, which is in the paths of the API.
    RunnerName, "a name of 1 to 63 letters, digits, _, - and ., beginning with a letter or digit",
    |text| within(text, 63, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
        && text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
}

name! {
    /// What a runner can start: the name of a kind of providers, such as `acp`, or a word of its own.
    Offer, "a word of 1 to 50 letters, digits, _, - and .",
    |text| within(text, 50, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}

name! {
    /// The program and version of a runner, for people.
    RunnerVersion, "a text of 1 to 100 visible ASCII characters and spaces",
    |text| within(text, 100, |byte| byte.is_ascii_graphic() || byte == b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_can_stand_in_a_path() {
        for good in ["a", "gpu-1.example", &"x".repeat(63)] {
            assert!(RunnerName::new(good).is_ok(), "{good}");
        }
        for wrong in ["", ".", "..", "-x", "a/b", "a b", "é", &"x".repeat(64)] {
            assert!(RunnerName::new(wrong).is_err(), "{wrong}");
        }
        assert!(Offer::new("acp").is_ok() && Offer::new("a b").is_err());
        assert!(RunnerVersion::new("flightdeck 0.1.0").is_ok() && RunnerVersion::new("a\nb").is_err());
    }
}
