//! Seals the credentials of providers with XChaCha20-Poly1305, under keys that are not in the database.
//!
//! # Keys
//! A key is 64 hexadecimal digits. It comes from the variables `FLIGHTDECK_SECRETS_KEY` and, while keys are changed,
//! `FLIGHTDECK_SECRETS_KEY_OLD` (more than one with commas between), or from a file with a key on each line, the newest
//! first. The file is made, for its owner alone, when the first credential is sealed. What is sealed names its key, so
//! any key that is there opens what it sealed; new credentials are sealed with the newest. The file is read each time,
//! so a server that runs takes a key that is added.
//!
//! # What is bound
//! The name of the configuration and that of the credential are authenticated together with the value: a row that is
//! copied to another name does not open.
//!
//! # What does not belong here
//! The database, and who may change what.

mod key;
mod keys;
mod sealer;

pub use key::{InvalidKey, SecretsKey};
pub use keys::{FileKeys, KeySource, KeysError};
pub use sealer::Sealer;
