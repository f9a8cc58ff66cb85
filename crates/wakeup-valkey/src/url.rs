//! Where Valkey is, and how to get in.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use redis::{AsyncConnectionConfig, Client, ConnectionAddr, IntoConnectionInfo, ProtocolVersion};

/// The address of a server, with what it takes to get in:
/// `redis://[[user]:password@]host[:port][/database]`, `rediss://…` with TLS, or `unix:///path`.
/// `valkey://` and `valkeys://` mean the same.
///
/// Shown, it is the host and port alone: the password never gets into a log.
#[derive(Clone)]
pub struct ValkeyUrl {
    text: String,
    client: Client,
}

/// A text that is no such address. Says nothing of the text, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "is not an address of Valkey or Redis such as redis://127.0.0.1:6379, redis://user:password@host/0, or rediss:// for TLS"
)]
pub struct InvalidUrl;

impl FromStr for ValkeyUrl {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        let info = text.into_connection_info().or(Err(InvalidUrl))?;
        if let ConnectionAddr::TcpTls { insecure, .. } = info.addr() {
            if *insecure {
                return Err(InvalidUrl);
            }
            // An error means that there is one already, which is as well.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        // Messages of the channel and answers share a connection only in this protocol.
        let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3).set_skip_set_lib_name();
        let client = Client::open(info.set_redis_settings(settings)).or(Err(InvalidUrl))?;
        Ok(Self { text: text.to_owned(), client })
    }
}

impl ValkeyUrl {
    /// Whether a server answers there and lets us in, within a time.
    ///
    /// # Errors
    /// It does not; the text says why, and holds nothing secret.
    pub async fn ping(&self, within: Duration) -> Result<(), String> {
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(within)).set_response_timeout(Some(within));
        let asking = async {
            let mut connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
            redis::cmd("PING").exec_async(&mut connection).await
        };
        match tokio::time::timeout(within, asking).await {
            Ok(answer) => answer.map_err(|error| error.to_string()),
            Err(_elapsed) => Err("it does not answer in time".to_owned()),
        }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }
}

impl PartialEq for ValkeyUrl {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for ValkeyUrl {}

impl fmt::Display for ValkeyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.client.get_connection_info().addr().fmt(f)
    }
}

impl fmt::Debug for ValkeyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_shown_without_secrets() {
        let shown = [
            ("redis://127.0.0.1:6379", "127.0.0.1:6379"),
            ("valkey://cache", "cache:6379"),
            ("redis://user:hush@cache:7000/2", "cache:7000"),
            ("rediss://:hush@cache/", "cache:6379"),
            ("redis://cache?protocol=resp2", "cache:6379"),
            ("unix:///run/valkey.sock?pass=hush", "/run/valkey.sock"),
        ];
        for (text, expected) in shown {
            let url: ValkeyUrl = text.parse().expect(text);
            assert_eq!((url.to_string(), format!("{url:?}")), (expected.to_owned(), expected.to_owned()));
            assert_eq!(url.client.get_connection_info().redis_settings().protocol(), ProtocolVersion::RESP3);
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_a_word_of_it() {
        let wrong =
            ["", "cache", "cache:6379", "http://cache", "redis://", "redis://u:hush@cache:port", "redis://cache/x"];
        for text in wrong.into_iter().chain(["rediss://:hush@cache/#insecure", "redis://0.0.0.0"]) {
            let error = text.parse::<ValkeyUrl>().expect_err(text);
            assert!(!error.to_string().contains("hush"));
        }
    }
}
