//! Where the database is: what the URL says.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::OpenError;
use crate::tls::{self, Roots};

/// The server and the database, and how to speak to it.
pub(crate) struct Target {
    pub(crate) config: Config,
    /// Missing when nothing is to be encrypted.
    pub(crate) tls: Option<MakeRustlsConnect>,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target").field("encrypted", &self.tls.is_some()).finish_non_exhaustive()
    }
}

/// What stands in the URL about encryption; the library that connects knows less of it than PostgreSQL's own programs.
#[derive(Debug, Default, PartialEq, Eq)]
struct Encryption {
    mode: Option<String>,
    roots: Option<PathBuf>,
}

impl Target {
    /// Reads `postgres://user:password@host:port/database?sslmode=…&sslrootcert=…`.
    ///
    /// `sslmode` is `disable`; `prefer`, the default: encrypted when the server can, plain on a loopback address;
    /// `require`: encrypted, whoever the server is; `verify-full`: encrypted, and the server's certificate is proven for
    /// its name by the roots in `sslrootcert`, or by those that browsers trust.
    pub(crate) fn read(url: &str) -> Result<Self, OpenError> {
        if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(OpenError::Url { why: "it does not begin with postgres://".to_owned() });
        }
        let (rest, encryption) = take_encryption(url);
        // The library's own message never repeats the URL, which holds a password.
        let mut config: Config = rest.parse().map_err(|error: tokio_postgres::Error| OpenError::Url {
            why: std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string),
        })?;
        let tls = match encryption.mode.as_deref().unwrap_or("prefer") {
            "disable" => None,
            "prefer" if is_loopback(&config) => None,
            "prefer" => Some(tls::unproven()?),
            "require" if encryption.roots.is_none() => Some(tls::unproven()?),
            "require" | "verify-full" => Some(tls::proven(&Roots::of(encryption.roots))?),
            other => {
                let why = format!("sslmode={other} is not known; use disable, prefer, require or verify-full");
                return Err(OpenError::Url { why });
            }
        };
        config.ssl_mode(match (&tls, encryption.mode.as_deref()) {
            (None, _) => SslMode::Disable,
            (Some(_), None | Some("prefer")) => SslMode::Prefer,
            (Some(_), Some(_)) => SslMode::Require,
        });
        Ok(Self { config, tls })
    }

    /// Where it is, for a person; without the password.
    pub(crate) fn name(&self) -> String {
        let hosts: Vec<String> = self
            .config
            .get_hosts()
            .iter()
            .map(|host| match host {
                Host::Tcp(name) => name.clone(),
                #[cfg(unix)]
                Host::Unix(path) => path.display().to_string(),
            })
            .collect();
        let ports: Vec<String> = self.config.get_ports().iter().map(|port| format!(":{port}")).collect();
        let database = self.config.get_dbname().or_else(|| self.config.get_user()).unwrap_or_default();
        format!("{}{}/{database}", hosts.join(","), ports.join(","))
    }
}

/// The URL without what it says about encryption, and that.
fn take_encryption(url: &str) -> (String, Encryption) {
    let mut encryption = Encryption::default();
    let Some((address, query)) = url.split_once('?') else { return (url.to_owned(), encryption) };
    let mut kept = Vec::new();
    for part in query.split('&') {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
        match key {
            "sslmode" => encryption.mode = Some(value),
            "sslrootcert" => encryption.roots = Some(PathBuf::from(value)),
            _ => kept.push(part),
        }
    }
    let rest = if kept.is_empty() { address.to_owned() } else { format!("{address}?{}", kept.join("&")) };
    (rest, encryption)
}

/// Whether what is said never leaves this machine.
fn is_loopback(config: &Config) -> bool {
    config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Target {
        Target::read(url).expect("a good URL")
    }

    #[test]
    fn a_loopback_address_is_spoken_to_plainly_and_any_other_is_not() {
        for url in
            ["postgres://a@127.0.0.1/x", "postgres://a@[::1]/x", "postgresql://a@localhost:5433/x?sslmode=prefer"]
        {
            let target = read(url);
            assert!(target.tls.is_none() && target.config.get_ssl_mode() == SslMode::Disable, "{url}");
        }
        let target = read("postgres://a@db.example/x");
        assert!(target.tls.is_some() && target.config.get_ssl_mode() == SslMode::Prefer);
        for mode in ["require", "verify-full"] {
            let target = read(&format!("postgres://a@127.0.0.1/x?sslmode={mode}&application_name=me"));
            assert!(target.tls.is_some() && target.config.get_ssl_mode() == SslMode::Require, "{mode}");
            assert_eq!(target.config.get_application_name(), Some("me"));
        }
        assert!(read("postgres://a@db.example/x?sslmode=disable").tls.is_none());
    }

    #[test]
    fn what_cannot_be_read_is_said_without_the_password() {
        for (url, why) in [
            ("mysql://u:hidden@h/x", "does not begin with"),
            ("postgres://u:hidden@h:port/x", "port"),
            ("postgres://u:hidden@h/x?sslmode=maybe", "sslmode=maybe"),
            ("postgres://u:hidden@h/x?sslmode=verify-full&sslrootcert=%2Fno%2Fsuch", "/no/such"),
            ("postgres://u:hidden@h/x?colour=red", "colour"),
        ] {
            let error = Target::read(url).expect_err("not to be read").to_string();
            assert!(error.contains(why) && !error.contains("hidden"), "{error}");
        }
    }

    #[test]
    fn its_name_tells_no_password() {
        let target = read("postgres://u:hidden@h:5433/flight?options=-c%20search_path%3Dx");
        assert_eq!((target.name().as_str(), target.config.get_options()), ("h:5433/flight", Some("-c search_path=x")));
    }
}
