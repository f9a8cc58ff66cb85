//! The settings as flags of a command.

use clap::{Arg, ArgMatches, Command};

use crate::given::{Given, Layer};
use crate::table::SETTINGS;

/// The settings that were given on a command line. Every command that works on a deployment of this machine takes all of
/// them: `#[command(flatten)]`.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    pub(crate) layer: Layer,
}

impl Flags {
    /// Adds a setting that a command takes as a flag of its own.
    ///
    /// A name that is no setting is left out.
    #[must_use]
    pub fn with(mut self, name: &str, value: Option<String>) -> Self {
        let setting = SETTINGS.iter().find(|setting| setting.name == name);
        if let (Some(setting), Some(value)) = (setting, value) {
            self.layer.insert(setting.name, Given { value, origin: format!("--{}", setting.flag()) });
        }
        self
    }
}

fn arguments() -> impl Iterator<Item = Arg> {
    SETTINGS.iter().map(|setting| {
        let default = setting.default.map(|value| format!(" [default: {value}]")).unwrap_or_default();
        let help = format!("{} [env: {}]{default}", setting.help, setting.variable());
        Arg::new(setting.name).long(setting.flag()).value_name("VALUE").help(help)
    })
}

impl clap::FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        let given = |name| matches.try_get_one::<String>(name).ok().flatten().cloned();
        *self =
            SETTINGS.iter().fold(std::mem::take(self), |flags, setting| flags.with(setting.name, given(setting.name)));
        Ok(())
    }
}

impl clap::Args for Flags {
    fn augment_args(command: Command) -> Command {
        command.args(arguments())
    }

    fn augment_args_for_update(command: Command) -> Command {
        command.args(arguments())
    }
}
