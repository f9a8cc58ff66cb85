//! What is wrong with the settings.

/// Settings that cannot be used. Each names where the value was set.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A value that cannot be read.
    #[error("{origin}: {value:?} {problem}")]
    Value {
        /// Where it was set, in the words of whoever set it.
        origin: String,
        /// The value.
        value: String,
        /// What would be right.
        problem: String,
    },
    /// A value that cannot be read, and may hold a password.
    #[error("{origin}: the value, which is not shown here, {problem}")]
    Secret {
        /// Where it was set.
        origin: String,
        /// What would be right.
        problem: String,
    },
    /// A key of the file that is no setting.
    #[error("{file}: there is no setting {name:?}; the settings are {known}")]
    UnknownSetting {
        /// The file.
        file: String,
        /// The key.
        name: String,
        /// All settings.
        known: String,
    },
    /// A key of the file whose value is neither a word nor a list of words.
    #[error("{file}: {name} must be a text, a number, true/false or a list of these")]
    NotScalar {
        /// The file.
        file: String,
        /// The key.
        name: String,
    },
    /// The file cannot be read.
    #[error("cannot read the configuration file {file}")]
    File {
        /// The file.
        file: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("the configuration file {file} is not TOML")]
    Toml {
        /// The file.
        file: String,
        /// Where it goes wrong.
        source: Box<toml::de::Error>,
    },
}
