//! Where the server is, and with which key.
//!
//! The server is the one that `--url` names, else `FLIGHTDECK_URL`, else the one that says in the data folder that it runs
//! (`server.url`), else the one that would listen as the settings say (`listen`). A URL begins with its scheme; anything else is
//! an error that says where the value comes from. The key is `FLIGHTDECK_API_KEY`, else the first key of the data folder
//! (`admin.key`), which is sent to no other machine. A setting is read only where it is needed: a command that is told both
//! works in a folder whose `flightdeck.toml` is broken.

use std::path::PathBuf;

use flightdeck_settings::{
    ADMIN_KEY_FILE, Flags, SERVER_URL_FILE, Settings, SettingsError, address, admin_key, environment, local_url, path,
    published_url,
};

use crate::error::ClientError;
use crate::http::Client;

/// The variable that names the server.
pub const URL_VARIABLE: &str = "FLIGHTDECK_URL";
/// The variable that holds the key. A key never stands on a command line, where every process can read it.
pub const KEY_VARIABLE: &str = "FLIGHTDECK_API_KEY";

/// The flags of every command that asks a server.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ServerFlags {
    /// The server.
    #[arg(
        long,
        value_name = "URL",
        help = "the server; that of the data folder when missing [env: FLIGHTDECK_URL; the key: FLIGHTDECK_API_KEY]"
    )]
    pub url: Option<String>,
    /// The data folder.
    #[arg(
        long,
        value_name = "DIR",
        help = "the data folder of a server on this machine, where its address and first key are found \
                [env: FLIGHTDECK_DATA_DIR] [default: ./flightdeck-data]"
    )]
    pub data_dir: Option<String>,
    /// the configuration file of that server
    #[arg(long, value_name = "FILE", hide = true)]
    pub config: Option<String>,
}

impl ServerFlags {
    /// Finds the server.
    ///
    /// # Errors
    /// Nobody says where it is, and the settings cannot be read.
    pub fn find_url(&self) -> Result<String, ClientError> {
        find_url(self.url.as_deref(), &self.settings())
    }

    /// Finds the server and the key.
    ///
    /// # Errors
    /// There is no key, or the settings that are needed cannot be read.
    pub fn connect(&self) -> Result<Client, ClientError> {
        connect(self.url.as_deref(), &self.settings())
    }

    fn settings(&self) -> Flags {
        Flags::default().with("data_dir", self.data_dir.clone()).with("config", self.config.clone())
    }
}

/// Finds the server, for a command that takes all settings as flags.
///
/// # Errors
/// What names it is not a URL, or nobody says where it is and the settings cannot be read.
pub fn find_url(url: Option<&str>, flags: &Flags) -> Result<String, ClientError> {
    match told(url)? {
        Some(url) => Ok(url),
        None => of_this_machine(&Settings::load(flags, &environment())?),
    }
}

/// Finds the server and the key, for a command that takes all settings as flags.
///
/// # Errors
/// What names the server is not a URL, there is no key, or the settings that are needed cannot be read.
pub fn connect(url: Option<&str>, flags: &Flags) -> Result<Client, ClientError> {
    let told = told(url)?;
    let key = variable(KEY_VARIABLE);
    if let (Some(url), Some(key)) = (&told, &key) {
        return Ok(Client::new(url, key));
    }
    let settings = Settings::load(flags, &environment())?;
    let key = match (key, &told) {
        (Some(key), _) => key,
        // A key that opens everything here is nobody else's business.
        (None, Some(url)) if !is_local(url) => return Err(ClientError::ForeignKey(url.clone())),
        (None, _) => {
            let folder = data_dir(&settings)?;
            admin_key(&folder).ok_or_else(|| ClientError::NoKey(folder.join(ADMIN_KEY_FILE)))?
        }
    };
    let url = told.map_or_else(|| of_this_machine(&settings), Ok)?;
    Ok(Client::new(&url, &key))
}

/// Where the server is, if somebody says so.
fn told(url: Option<&str>) -> Result<Option<String>, ClientError> {
    let flag = url.filter(|url| !url.trim().is_empty()).map(|url| ("--url", url.to_owned()));
    let named = flag.or_else(|| variable(URL_VARIABLE).map(|url| (URL_VARIABLE, url)));
    named.map(|(origin, url)| server_url(origin, &url)).transpose()
}

/// The URL of a server, without a slash at its end. Without this check a URL that lacks its scheme looks like a server that
/// does not answer.
fn server_url(origin: &str, value: &str) -> Result<String, ClientError> {
    let url = value.trim().trim_end_matches('/');
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let names_a_host = !rest.is_empty()
        && !rest.starts_with(['/', ':', '?', '#', '@'])
        && !rest.contains(|c: char| c.is_whitespace() || c.is_control());
    if names_a_host && ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return Ok(url.to_owned());
    }
    let lacks_only_the_scheme = names_a_host && !url.contains("//") && !rest.starts_with("http");
    let example = match (lacks_only_the_scheme, is_local(rest)) {
        (true, true) => format!("http://{rest}"),
        (true, false) => format!("https://{rest}"),
        (false, _) => "http://localhost:7600".to_owned(),
    };
    Err(ClientError::Url { origin: origin.to_owned(), value: value.to_owned(), example })
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

/// Where the server of this machine is: where it says that it listens, or would.
fn of_this_machine(settings: &Settings) -> Result<String, ClientError> {
    let folder = data_dir(settings)?;
    match published_url(&folder) {
        Some(url) => server_url(&folder.join(SERVER_URL_FILE).display().to_string(), &url),
        None => Ok(settings.value("listen", address).map(local_url)?),
    }
}

fn data_dir(settings: &Settings) -> Result<PathBuf, SettingsError> {
    settings.value("data_dir", path)
}

/// Whether a server is on this machine.
fn is_local(url: &str) -> bool {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    let authority = authority.rsplit('@').next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::{is_local, server_url};

    #[test]
    fn a_url_has_a_scheme_and_a_host() {
        for (given, read) in [
            ("http://localhost:7600", "http://localhost:7600"),
            (" https://deck.example/ ", "https://deck.example"),
            ("HTTP://[::1]:7600", "HTTP://[::1]:7600"),
        ] {
            assert_eq!(server_url("--url", given).expect("a URL"), read);
        }
        for (given, example) in [
            ("localhost:7600", "http://localhost:7600"),
            ("127.0.0.1:7600/", "http://127.0.0.1:7600"),
            ("deck.example", "https://deck.example"),
            ("ftp://deck.example", "http://localhost:7600"),
            ("http:/localhost:7600", "http://localhost:7600"),
            ("http://", "http://localhost:7600"),
            ("://", "http://localhost:7600"),
            ("deck example", "http://localhost:7600"),
        ] {
            let error = server_url("FLIGHTDECK_URL", given).expect_err(given).to_string();
            assert!(error.starts_with(&format!("FLIGHTDECK_URL: {given:?} is not the URL of a server;")), "{error}");
            assert!(error.ends_with(&format!("as in {example}")), "{error}");
        }
    }

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
