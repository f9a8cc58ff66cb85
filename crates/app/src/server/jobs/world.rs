//! What the jobs work on.

use std::sync::Arc;
use std::time::Duration;

use flightdeck_domain::guard::GuardLimits;
use flightdeck_domain::ports::{ReadCopy, StoreSpace};
use flightdeck_domain::sink::PublicUrl;
use flightdeck_domain::text::ReplicaName;
use flightdeck_domain::use_cases::{KeepEpoch, Ports, Providers};
use flightdeck_http_api::CurrentEpoch;
use flightdeck_live::Hints;
use flightdeck_storage::Witness;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::server::error::ServeError;
use crate::server::guard_post::Signs;
use crate::server::request_traces::RequestTraces;

/// How a job ends: by the shutdown, or because the server cannot go on.
pub(in crate::server) type Ended = Result<(), ServeError>;

/// What the jobs of a server work on.
#[derive(Clone)]
pub(in crate::server) struct World {
    pub(in crate::server) ports: Ports,
    pub(in crate::server) providers: Providers,
    pub(in crate::server) hints: Arc<Hints>,
    pub(in crate::server) keep_epoch: KeepEpoch,
    /// What the API says of the epoch.
    pub(in crate::server) current: CurrentEpoch,
    pub(in crate::server) witness: Arc<Witness>,
    /// Whether other replicas may work on the same store.
    pub(in crate::server) is_shared: bool,
    /// The name of this replica.
    pub(in crate::server) replica: ReplicaName,
    /// Where people open the page.
    pub(in crate::server) public_url: Option<PublicUrl>,
    /// The copy of the store that is read beside it, if there is one.
    pub(in crate::server) copy: Option<Arc<dyn ReadCopy>>,
    /// How often what is due by the retention rules is looked for; `None` for never.
    pub(in crate::server) retention_interval: Option<Duration>,
    /// The space of the store, where it can give some back.
    pub(in crate::server) space: Option<Arc<dyn StoreSpace>>,
    /// How often the audit log is signed; `None` for only when asked.
    pub(in crate::server) checkpoint_interval: Option<Duration>,
    /// What agents may do before they are taken to run wild.
    pub(in crate::server) guard_limits: GuardLimits,
    /// What messages tell of that; `None` when nobody is watched.
    pub(in crate::server) signs: Option<Arc<Mutex<Signs>>>,
    /// Where spans of requests go; `None` when requests have none.
    pub(in crate::server) traces: Option<Arc<RequestTraces>>,
    pub(in crate::server) shutdown: CancellationToken,
}
