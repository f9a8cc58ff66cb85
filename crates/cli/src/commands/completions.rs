//! `flightdeck completions`: what a shell needs to complete commands.

use clap::Command;
use clap_complete::Shell;

/// Prints it for all commands of the binary.
pub(super) fn print(shell: Shell, mut whole: Command) {
    clap_complete::generate(shell, &mut whole, "flightdeck", &mut std::io::stdout());
}
