//! The options of an operator.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One answer to a permission request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalOption {
    /// Yes, this time.
    AllowOnce,
    /// Yes, and the agent need not ask for the same kind of thing again.
    AllowAlways,
    /// No, this time.
    RejectOnce,
    /// No, and the agent need not ask for the same kind of thing again.
    RejectAlways,
}

/// A word that is not an option.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no option; use one of allow_once, allow_always, reject_once, reject_always")]
pub struct UnknownOption(pub String);

impl ApprovalOption {
    /// Every option, the most permissive kind first.
    pub const ALL: [Self; 4] = [Self::AllowOnce, Self::AllowAlways, Self::RejectOnce, Self::RejectAlways];

    /// The word used in the API and in stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AllowOnce => "allow_once",
            Self::AllowAlways => "allow_always",
            Self::RejectOnce => "reject_once",
            Self::RejectAlways => "reject_always",
        }
    }

    /// Whether the option allows what the agent asked for.
    #[must_use]
    pub const fn allows(self) -> bool {
        matches!(self, Self::AllowOnce | Self::AllowAlways)
    }
}

impl fmt::Display for ApprovalOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ApprovalOption {
    type Err = UnknownOption;

    fn from_str(word: &str) -> Result<Self, UnknownOption> {
        Self::ALL.into_iter().find(|option| option.as_str() == word).ok_or_else(|| UnknownOption(word.to_owned()))
    }
}

/// The options of one request: at least one, each once, in the order of [`ApprovalOption::ALL`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeSet<ApprovalOption>", into = "BTreeSet<ApprovalOption>")]
pub struct ApprovalOptions(BTreeSet<ApprovalOption>);

/// A request without options.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must not be empty: offer at least one of allow_once, allow_always, reject_once, reject_always")]
pub struct NoOptions;

impl ApprovalOptions {
    /// Collects options; an option that is named twice counts once.
    ///
    /// # Errors
    /// The list is empty.
    pub fn new(options: impl IntoIterator<Item = ApprovalOption>) -> Result<Self, NoOptions> {
        Self::try_from(options.into_iter().collect::<BTreeSet<_>>())
    }

    /// Whether this option may be chosen.
    #[must_use]
    pub fn offers(&self, option: ApprovalOption) -> bool {
        self.0.contains(&option)
    }

    /// Every option in order.
    pub fn iter(&self) -> impl Iterator<Item = ApprovalOption> {
        self.0.iter().copied()
    }
}

impl Default for ApprovalOptions {
    /// All four.
    fn default() -> Self {
        Self(ApprovalOption::ALL.into())
    }
}

impl TryFrom<BTreeSet<ApprovalOption>> for ApprovalOptions {
    type Error = NoOptions;

    fn try_from(options: BTreeSet<ApprovalOption>) -> Result<Self, NoOptions> {
        if options.is_empty() { Err(NoOptions) } else { Ok(Self(options)) }
    }
}

impl From<ApprovalOptions> for BTreeSet<ApprovalOption> {
    fn from(options: ApprovalOptions) -> Self {
        options.0
    }
}

impl fmt::Display for ApprovalOptions {
    /// The words with commas between them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = self.iter().map(ApprovalOption::as_str).collect();
        f.write_str(&words.join(","))
    }
}

/// Why a list of options could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOptions {
    /// A word is not an option.
    #[error(transparent)]
    Unknown(#[from] UnknownOption),
    /// The list is empty.
    #[error(transparent)]
    None(#[from] NoOptions),
}

impl FromStr for ApprovalOptions {
    type Err = InvalidOptions;

    fn from_str(words: &str) -> Result<Self, InvalidOptions> {
        let options =
            words.split(',').filter(|word| !word.is_empty()).map(str::parse).collect::<Result<Vec<_>, _>>()?;
        Ok(Self::new(options)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_a_set_in_one_order_and_never_empty() {
        let given = ApprovalOptions::new([ApprovalOption::RejectOnce, ApprovalOption::AllowOnce]).expect("two");
        assert_eq!(given.to_string(), "allow_once,reject_once");
        assert_eq!("reject_once,allow_once,reject_once".parse(), Ok(given.clone()));
        assert!(given.offers(ApprovalOption::RejectOnce) && !given.offers(ApprovalOption::AllowAlways));
        assert_eq!(ApprovalOptions::new([]), Err(NoOptions));
        assert_eq!("".parse::<ApprovalOptions>(), Err(InvalidOptions::None(NoOptions)));
        assert!("allow".parse::<ApprovalOptions>().is_err());
        assert!(serde_json::from_str::<ApprovalOptions>("[]").is_err());
    }

    #[test]
    fn words_round_trip_and_two_of_four_allow() {
        for option in ApprovalOption::ALL {
            assert_eq!(option.as_str().parse(), Ok(option));
        }
        let allowing: Vec<_> = ApprovalOption::ALL.into_iter().filter(|option| option.allows()).collect();
        assert_eq!(allowing, [ApprovalOption::AllowOnce, ApprovalOption::AllowAlways]);
    }
}
