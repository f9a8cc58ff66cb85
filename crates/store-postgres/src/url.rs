//! Where the database is: what the URL says.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::OpenError;
use crate::tls::{self, Roots};

/// The servers that may have the database, and how to speak to them.
pub(crate) struct Target {
    /// One for each host, in the order of the URL: which of them is the primary shows when one connects.
    pub(crate) hosts: Vec<Config>,
    /// Missing when nothing is to be encrypted.
    pub(crate) tls: Option<MakeRustlsConnect>,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target").field("encrypted", &self.tls.is_some()).finish_non_exhaustive()
    }
}

/// What the URL says that is read here; the library that connects knows less of it than PostgreSQL's own programs.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    mode: Option<String>,
    roots: Option<PathBuf>,
    session: Option<String>,
}

impl Target {
    /// Reads `postgres://user:password@host:port,host:port/database?sslmode=…&sslrootcert=…&target_session_attrs=…`.
    ///
    /// `sslmode` is `disable`; `prefer`, the default: encrypted when the server can, plain on a loopback address;
    /// `require`: encrypted, whoever the server is; `verify-full`: encrypted, and the server's certificate is proven for
    /// its name by the roots in `sslrootcert`, or by those that browsers trust. Each host proves its own name.
    ///
    /// `target_session_attrs` is `read-write`, the default for several hosts: a server that does not allow writes is passed
    /// over; or `any`, the default for one host.
    pub(crate) fn read(url: &str) -> Result<Self, OpenError> {
        let (target, said) = Self::parse(url)?;
        let session = session(said.session.as_deref(), target.hosts.len())?;
        let Self { mut hosts, tls } = target;
        for config in &mut hosts {
            config.target_session_attrs(session);
        }
        Ok(Self { hosts, tls })
    }

    /// Reads the URL of standbys: each host is a target of its own. What a host is shows when it is asked.
    pub(crate) fn standbys(url: &str) -> Result<Vec<Self>, OpenError> {
        let (Self { hosts, tls }, said) = Self::parse(url)?;
        match said.session.as_deref() {
            None | Some("any" | "standby" | "prefer-standby" | "read-only") => {}
            Some(other) => {
                return Err(wrong(format!("target_session_attrs={other} is of no use here; use prefer-standby")));
            }
        }
        Ok(hosts.into_iter().map(|host| Self { hosts: vec![host], tls: tls.clone() }).collect())
    }

    /// All but which servers will do.
    fn parse(url: &str) -> Result<(Self, Said), OpenError> {
        let Some((scheme, rest)) = url.split_once("://").filter(|(it, _)| ["postgres", "postgresql"].contains(it))
        else {
            return Err(wrong("it does not begin with postgres://"));
        };
        // The library takes everything before the first @ for the user and the password, too.
        let (user, rest) = rest.split_once('@').map_or(("", rest), |(user, rest)| (user, rest));
        let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (hosts, database) = address.split_once('/').unwrap_or((address, ""));
        let (query, said) = take_said(query);
        let names: Vec<&str> = hosts.split(',').collect();
        check(&names, &query)?;
        let at = if user.is_empty() { "" } else { "@" };
        let each = names.iter().map(|name| format!("{scheme}://{user}{at}{name}/{database}?{query}"));
        let mut hosts = each.map(|url| config(&url)).collect::<Result<Vec<Config>, OpenError>>()?;
        let tls = match said.mode.as_deref().unwrap_or("prefer") {
            "disable" => None,
            "prefer" if hosts.iter().all(is_loopback) => None,
            "prefer" => Some(tls::unproven()?),
            "require" if said.roots.is_none() => Some(tls::unproven()?),
            "require" | "verify-full" => Some(tls::proven(&Roots::of(said.roots.clone()))?),
            other => {
                return Err(wrong(format!(
                    "sslmode={other} is not known; use disable, prefer, require or verify-full"
                )));
            }
        };
        let mode = match (&tls, said.mode.as_deref()) {
            (None, _) => SslMode::Disable,
            (Some(_), None | Some("prefer")) => SslMode::Prefer,
            (Some(_), Some(_)) => SslMode::Require,
        };
        for config in &mut hosts {
            config.ssl_mode(mode);
        }
        Ok((Self { hosts, tls }, said))
    }

    /// Where it is, for a person; without the password.
    pub(crate) fn name(&self) -> String {
        let hosts: Vec<String> = self.hosts.iter().map(place).collect();
        let database = self.hosts.first().and_then(|it| it.get_dbname().or_else(|| it.get_user())).unwrap_or_default();
        format!("{}/{database}", hosts.join(","))
    }
}

/// The host and the port of one server.
pub(crate) fn place(config: &Config) -> String {
    let hosts: Vec<String> = config
        .get_hosts()
        .iter()
        .map(|host| match host {
            Host::Tcp(name) if name.contains(':') => format!("[{name}]"),
            Host::Tcp(name) => name.clone(),
            #[cfg(unix)]
            Host::Unix(path) => path.display().to_string(),
        })
        .collect();
    let ports: Vec<String> = config.get_ports().iter().map(|port| format!(":{port}")).collect();
    format!("{}{}", hosts.join(","), ports.join(","))
}

fn wrong(why: impl Into<String>) -> OpenError {
    OpenError::Url { why: why.into() }
}

/// The library's own message never repeats the URL, which holds a password.
fn config(url: &str) -> Result<Config, OpenError> {
    url.parse().map_err(|error: tokio_postgres::Error| {
        wrong(std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string))
    })
}

/// Whether these are hosts. No text repeats one: it may be a part of a password.
fn check(names: &[&str], query: &str) -> Result<(), OpenError> {
    if names.iter().any(|name| name.contains('@')) {
        return Err(wrong("a host contains an @; write the @ of a password as %40"));
    }
    let keys = || query.split('&').map(|part| part.split_once('=').unwrap_or((part, "")));
    if keys().any(|(key, value)| key == "host" && (value.contains(',') || value.to_ascii_lowercase().contains("%2c"))) {
        return Err(wrong(
            "host= names several hosts; name them before the database: postgres://user@host1,host2/database",
        ));
    }
    if names.len() < 2 {
        return Ok(());
    }
    if names.iter().any(|name| name.is_empty() || name.starts_with(':')) {
        return Err(wrong("the name of a host is missing between two commas"));
    }
    match keys().find(|(key, _)| ["host", "hostaddr", "port"].contains(key)) {
        Some((key, _)) => Err(wrong(format!("{key}= cannot be used together with several hosts"))),
        None => Ok(()),
    }
}

/// Which servers will do.
fn session(said: Option<&str>, hosts: usize) -> Result<TargetSessionAttrs, OpenError> {
    match said {
        None if hosts < 2 => Ok(TargetSessionAttrs::Any),
        None | Some("read-write") => Ok(TargetSessionAttrs::ReadWrite),
        Some("any") if hosts < 2 => Ok(TargetSessionAttrs::Any),
        Some("any") => Err(wrong(
            "target_session_attrs=any with several hosts could take a standby for the primary; use read-write",
        )),
        Some(other) => Err(wrong(format!("target_session_attrs={other} is of no use here; use read-write"))),
    }
}

/// The query without what is read here, and that.
fn take_said(query: &str) -> (String, Said) {
    let (mut said, mut kept) = (Said::default(), Vec::new());
    for part in query.split('&').filter(|part| !part.is_empty()) {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
        match key {
            "sslmode" => said.mode = Some(value),
            "sslrootcert" => said.roots = Some(PathBuf::from(value)),
            "target_session_attrs" => said.session = Some(value),
            _ => kept.push(part),
        }
    }
    (kept.join("&"), said)
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

    fn only(target: &Target) -> &Config {
        let [config] = target.hosts.as_slice() else { panic!("{} hosts", target.hosts.len()) };
        config
    }

    #[test]
    fn a_loopback_address_is_spoken_to_plainly_and_any_other_is_not() {
        for url in
            ["postgres://a@127.0.0.1/x", "postgres://a@[::1]/x", "postgresql://a@localhost:5433/x?sslmode=prefer"]
        {
            let target = read(url);
            assert!(target.tls.is_none() && only(&target).get_ssl_mode() == SslMode::Disable, "{url}");
        }
        let target = read("postgres://a@db.example/x");
        assert!(target.tls.is_some() && only(&target).get_ssl_mode() == SslMode::Prefer);
        for mode in ["require", "verify-full"] {
            let target = read(&format!("postgres://a@127.0.0.1/x?sslmode={mode}&application_name=me"));
            assert!(target.tls.is_some() && only(&target).get_ssl_mode() == SslMode::Require, "{mode}");
            assert_eq!(only(&target).get_application_name(), Some("me"));
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
            ("postgres://u:hid@den@h/x", "%40"),
            ("postgres://u:hid@hidden,h@h/x", "%40"),
            ("postgres://u:hidden?sslmode=hidden@h/x?colour=red", "colour"),
            ("postgres://u:hidden@h1,,h2/x", "missing"),
            ("postgres://u:hidden@h1,:5433/x", "missing"),
            ("postgres://u:hidden@h1,h2:port/x", "port"),
            ("postgres://u:hidden@h1,h2/x?port=5433", "port="),
            ("postgres://u:hidden@h1,h2/x?hostaddr=127.0.0.1", "hostaddr="),
            ("postgres://u:hidden@/x?host=h1,h2", "host1,host2"),
            ("postgres://u:hidden@h1,h2/x?target_session_attrs=any", "read-write"),
            ("postgres://u:hidden@h1,h2/x?target_session_attrs=standby", "=standby"),
            ("postgres://u:hidden@h/x?target_session_attrs=read-only", "=read-only"),
        ] {
            let error = Target::read(url).expect_err("not to be read").to_string();
            assert!(error.contains(why) && !error.contains("hidden"), "{error}");
        }
    }

    #[test]
    fn of_several_hosts_each_is_spoken_to_as_the_only_one_would_be() {
        let url =
            "postgres://u:hidden@db1.example,db2.example:5433,[::1]:5434/flight?sslmode=require&options=-c%20x%3Dy";
        let target = read(url);
        assert_eq!(target.name(), "db1.example:5432,db2.example:5433,[::1]:5434/flight");
        let names = ["db1.example", "db2.example", "::1"];
        for ((config, name), port) in target.hosts.iter().zip(names).zip([5432, 5433, 5434]) {
            assert_eq!((config.get_hosts(), config.get_ports()), (&[Host::Tcp(name.to_owned())][..], &[port][..]));
            assert_eq!((config.get_user(), config.get_password()), (Some("u"), Some(&b"hidden"[..])));
            assert_eq!((config.get_dbname(), config.get_options()), (Some("flight"), Some("-c x=y")));
            assert_eq!(config.get_ssl_mode(), SslMode::Require);
        }
    }

    #[test]
    fn one_of_several_hosts_has_to_allow_writes() {
        for (url, wanted) in [
            ("postgres://u@h/x", TargetSessionAttrs::Any),
            ("postgres://u@h/x?target_session_attrs=any", TargetSessionAttrs::Any),
            ("postgres://u@h/x?target_session_attrs=read-write", TargetSessionAttrs::ReadWrite),
            ("postgres://u@h1,h2/x", TargetSessionAttrs::ReadWrite),
            ("postgres://u@h1:5432,h2:5433/x?target_session_attrs=read-write", TargetSessionAttrs::ReadWrite),
        ] {
            let target = read(url);
            assert!(target.hosts.iter().all(|it| it.get_target_session_attrs() == wanted), "{url}");
        }
    }

    #[test]
    fn each_host_of_standbys_is_a_target_of_its_own() {
        let url = |session: &str| format!("postgres://u:hidden@h1,h2:5433/x?sslmode=disable{session}");
        for session in ["", "&target_session_attrs=prefer-standby", "&target_session_attrs=standby"] {
            let standbys = Target::standbys(&url(session)).expect("a good URL");
            let names: Vec<String> = standbys.iter().map(Target::name).collect();
            assert_eq!(names, ["h1:5432/x", "h2:5433/x"]);
            assert!(standbys.iter().all(|it| only(it).get_target_session_attrs() == TargetSessionAttrs::Any));
        }
        let error = Target::standbys(&url("&target_session_attrs=read-write")).expect_err("not standbys").to_string();
        assert!(error.contains("prefer-standby") && !error.contains("hidden"), "{error}");
    }

    #[test]
    fn among_loopback_addresses_one_that_is_none_has_all_encrypted() {
        assert!(read("postgres://u@127.0.0.1,[::1]:5433/x").tls.is_none());
        assert!(read("postgres://u@127.0.0.1,db.example/x").tls.is_some());
    }

    #[test]
    fn its_name_tells_no_password() {
        let target = read("postgres://u:hidden@h:5433/flight?options=-c%20search_path%3Dx");
        assert_eq!((target.name().as_str(), only(&target).get_options()), ("h:5433/flight", Some("-c search_path=x")));
    }
}
