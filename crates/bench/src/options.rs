//! What commands have in common on the command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, value_parser};

use crate::error::{BenchError, Outcome};
use crate::http::Site;
use crate::server::{Launcher, address_of};

/// An option that is a whole number.
pub(crate) fn number(name: &'static str, default: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name("N").default_value(default).value_parser(value_parser!(u64)).help(help)
}

/// An option that is a text.
pub(crate) fn text(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name("VALUE").help(help)
}

/// A switch.
pub(crate) fn switch(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

/// A number that was given, or its default.
pub(crate) fn given(matches: &ArgMatches, name: &str) -> u64 {
    matches.get_one::<u64>(name).copied().unwrap_or_default()
}

/// The same for what is counted with 32 bits, from 1 on.
///
/// # Errors
/// It is zero or too large.
pub(crate) fn some(matches: &ArgMatches, name: &str) -> Outcome<u32> {
    let number = given(matches, name);
    let fits = u32::try_from(number).ok().filter(|number| (1..=100_000_000).contains(number));
    fits.ok_or_else(|| BenchError::Usage(format!("--{name}: {number} is not a number from 1 to 100000000")))
}

/// Seconds that were given.
pub(crate) fn seconds(matches: &ArgMatches, name: &str) -> Duration {
    Duration::from_secs(given(matches, name))
}

/// A text that was given.
pub(crate) fn word<'a>(matches: &'a ArgMatches, name: &str) -> Option<&'a str> {
    matches.get_one::<String>(name).map(String::as_str)
}

/// The options that every load has.
pub(crate) fn common() -> [Arg; 11] {
    [
        number("runs", "5", "How many times; the figures are the median, the least and the most").global(true),
        switch("json", "Print JSON instead of a table").global(true),
        text("binary", "The server to start for each run [default: target/dist/flightdeck]").global(true),
        text("url", "A server that runs already, as http://127.0.0.1:7600, without throttles and leases; needs --key")
            .conflicts_with("binary")
            .global(true),
        text("key", "An admin key of the server at --url").global(true),
        Arg::new("pid")
            .long("pid")
            .value_name("N")
            .value_parser(value_parser!(u32))
            .help("The process of the server at --url, if its cost is wanted")
            .global(true),
        text("database", "The server's --database-url").global(true),
        text("valkey", "The server's --valkey-url").global(true),
        text("workers", "The server's --workers").global(true),
        text("folder", "Where data folders are made: on the disk that matters [default: target]").global(true),
        number("patience", "60", "Seconds without any answer after which a run is given up").global(true),
    ]
}

/// Where the servers of a command come from.
///
/// # Errors
/// The options do not go together.
pub(crate) fn launcher(matches: &ArgMatches) -> Outcome<Launcher> {
    if let Some(url) = word(matches, "url") {
        let missing = || BenchError::Usage("--url needs --key".to_owned());
        let site = Site::new(address_of(url)?, word(matches, "key").ok_or_else(missing)?);
        return Ok(Launcher::Running { site, pid: matches.get_one::<u32>("pid").copied() });
    }
    let path = PathBuf::from(word(matches, "binary").unwrap_or("target/dist/flightdeck"));
    let absolute = path.canonicalize();
    let path = absolute.map_err(BenchError::system(format!("cannot find the server {}", path.display())))?;
    let settings = [("database", "--database-url"), ("valkey", "--valkey-url"), ("workers", "--workers")];
    let flags = settings.iter().filter_map(|(name, flag)| Some([(*flag).to_owned(), word(matches, name)?.to_owned()]));
    Ok(Launcher::Binary { path, folder: folder(matches)?, settings: flags.flatten().collect() })
}

/// Where data is written.
///
/// # Errors
/// There is no such folder.
pub(crate) fn folder(matches: &ArgMatches) -> Outcome<PathBuf> {
    let path = PathBuf::from(word(matches, "folder").unwrap_or("target"));
    let absolute = path.canonicalize();
    absolute.map_err(BenchError::system(format!("cannot find the folder {} for data", path.display())))
}
