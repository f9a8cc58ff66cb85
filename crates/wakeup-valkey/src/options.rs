//! How a replica talks to Valkey.

use std::time::Duration;

/// The defaults are good for a server near by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// What the names of the channel and of all keys begin with. Deployments that share a server have one each.
    pub prefix: String,
    /// For how many sessions hints may wait; for more, "look at everything" is sent instead.
    pub max_waiting: usize,
    /// How long connecting may take, with TLS and password.
    pub connect_timeout: Duration,
    /// How long an answer may take before the connection is given up.
    pub response_timeout: Duration,
    /// How long a connection may be quiet before it is tried.
    pub ping_every: Duration,
    /// How long to wait after a first failure to connect; each further one doubles it.
    pub retry_after: Duration,
    /// The longest wait between two attempts to connect.
    pub retry_at_most: Duration,
    /// How long a throttle waits for its answer.
    pub throttle_deadline: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            prefix: "flightdeck:".to_owned(),
            max_waiting: 1_024,
            connect_timeout: Duration::from_secs(2),
            response_timeout: Duration::from_secs(2),
            ping_every: Duration::from_secs(5),
            retry_after: Duration::from_millis(100),
            retry_at_most: Duration::from_secs(5),
            throttle_deadline: Duration::from_millis(50),
        }
    }
}

impl Options {
    /// The channel that all replicas of the deployment are subscribed to.
    pub(crate) fn channel(&self) -> String {
        format!("{}hints", self.prefix)
    }
}
