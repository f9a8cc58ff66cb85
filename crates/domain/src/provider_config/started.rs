//! What a session keeps of its configuration.

use super::ConfigName;

/// The configuration that a session was started from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartedBy {
    /// Its name.
    pub name: ConfigName,
    /// Its revision at the start; 0 for a configuration of the file.
    pub revision: u64,
}
