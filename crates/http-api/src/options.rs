//! The settings of the HTTP side.

use std::time::Duration;

use flightdeck_domain::sink::PublicUrl;
use flightdeck_live::TailOptions;

use crate::extract::BodyLimits;
use crate::throttle::Rate;

/// The settings of the HTTP side.
#[derive(Clone, Debug)]
pub struct ApiOptions {
    /// How often a key may use each of the control routes; see [`ControlRoute`](crate::ControlRoute).
    pub throttle_control: Rate,
    /// How often a key may kill, kill all, and release the kill switch.
    pub throttle_stop: Rate,
    /// How often a key may read the tree.
    pub throttle_tree: Rate,
    /// How often an address may try to log in.
    pub throttle_login: Rate,
    /// Whether the cookies of logins are always `Secure`, and not only for requests over TLS by `X-Forwarded-Proto`.
    pub secure_cookies: bool,
    /// Other names of the server besides those of loopback: host names or addresses, without ports.
    pub allowed_hosts: Vec<String>,
    /// The most streams that one key may have open.
    pub max_streams_per_key: usize,
    /// How long a control call waits for the observed effect by default.
    pub control_wait: Duration,
    /// The same for a kill or an interrupt of an agent that this server runs: the agent is asked first and then forced,
    /// each with a deadline of its own.
    pub ending_wait: Duration,
    /// How often a quiet stream sends a comment.
    pub keep_alive: Duration,
    /// How long a session that reports by itself may be silent before it is lost; `None` for no limit.
    pub lease: Option<Duration>,
    /// The same for agents that report only through hooks.
    pub hook_lease: Option<Duration>,
    /// Where people open the page of the deployment; `None` when the server does not know. Messages of sinks lead there.
    pub public_url: Option<PublicUrl>,
    /// The largest amounts of request bodies in memory.
    pub bodies: BodyLimits,
    /// The options of tails.
    pub tail: TailOptions,
}

impl Default for ApiOptions {
    fn default() -> Self {
        Self {
            throttle_control: Rate::per_minute(10),
            throttle_stop: Rate::per_minute(120),
            throttle_tree: Rate::per_minute(200),
            throttle_login: Rate::per_minute(20),
            secure_cookies: false,
            allowed_hosts: Vec::new(),
            max_streams_per_key: 20_000,
            control_wait: Duration::from_secs(2),
            ending_wait: Duration::from_secs(12),
            keep_alive: Duration::from_secs(15),
            lease: Some(Duration::from_mins(2)),
            hook_lease: Some(Duration::from_hours(24)),
            public_url: None,
            bodies: BodyLimits::default(),
            tail: TailOptions::default(),
        }
    }
}
