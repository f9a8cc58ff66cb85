//! Names of sinks.

use crate::name::{name, within};
use crate::provider_config::ConfigName;

name! {
    /// The name of a sink: 1 to 50 letters, digits, `_`, `-` and `.`, the first a letter or digit.
    SinkName, "a name of 1 to 50 letters, digits, _, - and . that begins with a letter or digit",
    |text| within(text, 50, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
        && text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
}

impl SinkName {
    /// The name under which its credentials are sealed. No stored configuration of a provider has such a name, so a
    /// credential of one is never opened as that of the other.
    #[must_use]
    pub fn owner(&self) -> ConfigName {
        ConfigName::trusted(format!("sink/{}", self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_fits_into_a_path_and_owns_credentials_that_no_provider_owns() {
        for good in ["ops", "a", "On-call_2.x"] {
            let name = SinkName::new(good).expect("valid");
            assert_eq!(ConfigName::new(name.owner().as_str()), Ok(name.owner()));
            assert!(!name.owner().is_plain());
        }
        for wrong in ["", "-x", ".x", "a/b", "two words", "\u{e9}", &"x".repeat(51)] {
            assert!(SinkName::new(wrong).is_err(), "{wrong}");
        }
    }
}
