//! Where the server is, and with which key: told, or found in this machine's data folder.

use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches};

use super::{Client, ClientError};
use crate::cli::BoxError;
use crate::config::{self, Config};
use crate::{admin_key, login_link};

const URL_VARIABLE: &str = "FLIGHTDECK_URL";
const KEY_VARIABLE: &str = "FLIGHTDECK_API_KEY";

/// Where a running server says on which address it listens.
const FILE: &str = "server.url";

/// The flags of every command that asks a server.
pub(crate) fn flags() -> [Arg; 4] {
    [
        Arg::new("url").long("url").value_name("URL").help(format!(
            "the server; that of the data folder when missing [env: {URL_VARIABLE}; the key: {KEY_VARIABLE}]"
        )),
        Arg::new("data_dir").long("data-dir").value_name("DIR").help(
            "the data folder of a server on this machine, where its address and first key are found \
             [env: FLIGHTDECK_DATA_DIR] [default: ./flightdeck-data]",
        ),
        Arg::new("config").long("config").value_name("FILE").hide(true),
        Arg::new("json").long("json").help("tell it as JSON, for programs").action(ArgAction::SetTrue),
    ]
}

/// Finds the server and the key.
pub(crate) fn connect(given: &ArgMatches) -> Result<Client, BoxError> {
    let config = Config::load(given, &config::environment())?;
    let told = told(given);
    let url = told.clone().unwrap_or_else(|| find_url(&config));
    let key = match std::env::var(KEY_VARIABLE).ok().filter(|key| !key.is_empty()) {
        Some(key) => key,
        // A key that opens everything here is nobody else's business.
        None if told.as_deref().is_some_and(|url| !is_local(url)) => return Err(ClientError::ForeignKey(url).into()),
        None => admin_key::read(&config.data_dir)
            .ok_or_else(|| ClientError::NoKey(config.data_dir.join(admin_key::FILE)))?,
    };
    Ok(Client::new(&url, key.trim()))
}

/// Where the server is, if somebody said so.
fn told(given: &ArgMatches) -> Option<String> {
    let flag = given.try_get_one::<String>("url").ok().flatten().cloned();
    flag.or_else(|| std::env::var(URL_VARIABLE).ok()).filter(|url| !url.is_empty())
}

/// Where the server of the data folder is.
fn find_url(config: &Config) -> String {
    published(&config.data_dir).unwrap_or_else(|| login_link::url(config.listen))
}

/// Where the server of a data folder says that it listens.
pub(crate) fn published(data_dir: &Path) -> Option<String> {
    let text = std::fs::read_to_string(data_dir.join(FILE)).ok()?;
    Some(text.trim().to_owned()).filter(|text| text.starts_with("http://"))
}

/// Whether a server is on this machine.
pub(crate) fn is_local(url: &str) -> bool {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    let authority = authority.rsplit('@').next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Leaves word of where a server listens.
pub(crate) fn publish(data_dir: &Path, url: &str) -> PathBuf {
    let path = data_dir.join(FILE);
    if let Err(error) = std::fs::write(&path, format!("{url}\n")) {
        tracing::warn!(%error, path = %path.display(), "commands on this machine will not find the server by themselves");
    }
    path
}

/// Takes it back, unless another server has left its own since.
pub(crate) fn withdraw(path: &Path, url: &str) {
    if std::fs::read_to_string(path).is_ok_and(|text| text.trim() == url) {
        let _ = std::fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use super::is_local;

    #[test]
    fn only_loopback_is_local() {
        for local in ["http://127.0.0.1:7600", "http://localhost", "http://[::1]:7600/x", "https://127.8.8.8"] {
            assert!(is_local(local), "{local}");
        }
        for foreign in [
            "https://deck.example",
            "http://10.0.0.1:7600",
            "http://localhost.evil.example",
            "http://localhost@evil.example/",
            "http://127.0.0.1.evil.example",
            "http://[2001:db8::1]",
        ] {
            assert!(!is_local(foreign), "{foreign}");
        }
    }
}
