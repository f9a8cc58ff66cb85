//! Names made of a few allowed characters.

/// Why a name was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {wanted}")]
pub struct InvalidName {
    text: String,
    wanted: &'static str,
}

impl InvalidName {
    pub(crate) const fn new(text: String, wanted: &'static str) -> Self {
        Self { text, wanted }
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $wanted:literal, |$text:ident| $good:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks and wraps a text.
            ///
            /// # Errors
            /// The text has a character that is not allowed, or is empty or too long.
            pub fn new(text: impl Into<String>) -> Result<Self, $crate::name::InvalidName> {
                let text = text.into();
                let $text = text.as_str();
                if $good { Ok(Self(text)) } else { Err($crate::name::InvalidName::new(text, $wanted)) }
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::name::InvalidName;

            fn try_from(text: String) -> Result<Self, $crate::name::InvalidName> {
                Self::new(text)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::name::InvalidName;

            fn from_str(text: &str) -> Result<Self, $crate::name::InvalidName> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

pub(crate) use name;

/// Whether a text has 1 to `most` bytes, all of them good.
pub(crate) fn within(text: &str, most: usize, good: impl Fn(u8) -> bool) -> bool {
    (1..=most).contains(&text.len()) && text.bytes().all(good)
}
