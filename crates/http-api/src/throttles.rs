//! Every throttle of the API.

use std::net::IpAddr;
use std::sync::Arc;

use flightdeck_domain::ids::KeyId;

use crate::options::ApiOptions;
use crate::throttle::{ControlRoute, ControlThrottle, Throttle};

/// Every throttle, each shared with the handlers that ask it.
#[derive(Clone)]
pub(crate) struct Throttles {
    pub(crate) control: Arc<dyn ControlThrottle>,
    pub(crate) stop: Arc<Throttle<KeyId>>,
    pub(crate) refusals: Arc<Throttle<KeyId>>,
    pub(crate) tree: Arc<Throttle<KeyId>>,
    pub(crate) login: Arc<Throttle<IpAddr>>,
    pub(crate) foreign_links: Arc<Throttle<IpAddr>>,
}

impl Throttles {
    /// Throttles that count only in this process.
    pub(crate) fn new(options: &ApiOptions) -> Self {
        Self {
            control: Arc::new(Throttle::<(ControlRoute, KeyId)>::new(options.throttle_control)),
            stop: Arc::new(Throttle::new(options.throttle_stop)),
            refusals: Arc::new(Throttle::new(options.throttle_stop)),
            tree: Arc::new(Throttle::new(options.throttle_tree)),
            login: Arc::new(Throttle::new(options.throttle_login)),
            foreign_links: Arc::new(Throttle::new(options.throttle_login)),
        }
    }

    /// Forgets callers that could pass again anyway.
    pub(crate) fn sweep(&self) {
        self.control.sweep();
        self.stop.sweep();
        self.refusals.sweep();
        self.tree.sweep();
        self.login.sweep();
        self.foreign_links.sweep();
    }
}
