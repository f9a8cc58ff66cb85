//! Subscriptions of browsers.

use sha2::{Digest, Sha256};

use super::SinkName;
use crate::hex::hex;
use crate::provider_config::Secret;

/// What a browser gives to be sent messages, as the Push API of browsers names it.
#[derive(Clone, Debug, PartialEq)]
pub struct PushSubscription {
    /// The address of its push service for it.
    pub endpoint: String,
    /// Its public key, in base64url.
    pub p256dh: String,
    /// Its secret, in base64url.
    pub auth: Secret,
    /// The key that it subscribed with, which the page has made for this subscription alone: PKCS #8 in base64url.
    pub server_key: Secret,
}

impl PushSubscription {
    /// The name of the credential with the browser's secret.
    pub const AUTH: &'static str = "auth";
    /// The name of the credential with the key that the browser subscribed with.
    pub const SERVER_KEY: &'static str = "server_key";
    /// The most subscriptions of one API key.
    pub const MOST_OF_A_KEY: usize = 20;
    /// The most subscriptions of a deployment.
    pub const MOST: usize = 500;

    /// The name of the sink for an endpoint: the same for the same one.
    #[must_use]
    pub fn sink(endpoint: &str) -> Option<SinkName> {
        let digest = hex(&Sha256::digest(endpoint.as_bytes()));
        SinkName::new(format!("push-{}", digest.get(..24)?)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_has_one_sink() {
        let name = |endpoint| PushSubscription::sink(endpoint).expect("a name");
        assert_eq!(name("https://push.example/a"), name("https://push.example/a"));
        assert_ne!(name("https://push.example/a"), name("https://push.example/b"));
        assert!(name("https://push.example/a").as_str().starts_with("push-"));
    }
}
