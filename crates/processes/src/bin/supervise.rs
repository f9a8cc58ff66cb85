//! A program that is nothing but a supervisor: see [`flightdeck_processes::divert`].

use std::process::ExitCode;

fn main() -> ExitCode {
    flightdeck_processes::divert().unwrap_or(ExitCode::FAILURE)
}
