//! Settings and credentials, as they are given on a command line.

use clap::Args;

/// Settings and credentials of something that an administrator keeps.
#[derive(Debug, Default, Args)]
pub(crate) struct Given {
    /// one setting; the value is JSON, or a text where it is none; empty takes the setting away
    #[arg(long = "setting", value_name = "KEY=VALUE")]
    pub(crate) settings: Vec<String>,
    /// all settings, as a JSON object in this file, or - for standard input; --setting goes over it
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<String>,
    /// a credential out of a file, or - for standard input; the newline at its end is not part of it. There is no way to
    /// write a credential on the command line, where every user of the machine could read it
    #[arg(long = "credential", value_name = "NAME=@FILE")]
    pub(crate) credentials: Vec<String>,
    /// a credential out of a variable of this environment
    #[arg(long = "credential-env", value_name = "NAME=VAR")]
    pub(crate) credential_env: Vec<String>,
    /// take a credential away
    #[arg(long = "remove-credential", value_name = "NAME")]
    pub(crate) remove_credentials: Vec<String>,
}
