//! A key or a login in use, as it was last seen in the store, and its open streams.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use flightdeck_domain::api_key::ApiKey;
use flightdeck_domain::login::Login;
use tokio_util::sync::CancellationToken;

use crate::problem::ApiError;

/// How long a key or login that was valid is accepted without asking the store. A revocation takes effect within this
/// time.
const REMEMBERED_FOR: Duration = Duration::from_secs(1);

/// A value from the store, and when it was read.
pub(super) struct Seen<T>(Mutex<(T, Instant)>);

impl<T: Clone> Seen<T> {
    pub(super) fn new(value: T) -> Self {
        Self(Mutex::new((value, Instant::now())))
    }

    pub(super) fn get(&self) -> T {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// The value, if it was read a moment ago.
    pub(super) fn fresh(&self) -> Option<T> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (seen.1.elapsed() < REMEMBERED_FOR).then(|| seen.0.clone())
    }

    pub(super) fn refresh(&self, value: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (value, Instant::now());
    }
}

/// A key in use, with what its open streams share.
pub(super) struct KnownKey {
    /// Cancelled when the key is revoked or expires: its open streams end.
    pub(super) ended: CancellationToken,
    streams: AtomicUsize,
    pub(super) seen: Seen<ApiKey>,
}

impl KnownKey {
    pub(super) fn new(key: ApiKey) -> Self {
        Self { ended: CancellationToken::new(), streams: AtomicUsize::new(0), seen: Seen::new(key) }
    }

    pub(super) fn stored(&self) -> ApiKey {
        self.seen.get()
    }

    /// How many streams it has open.
    pub(super) fn streams(&self) -> u64 {
        u64::try_from(self.streams.load(Ordering::Relaxed)).unwrap_or(u64::MAX)
    }
}

/// A login in use.
pub(super) struct KnownLogin {
    /// Cancelled when the login ends, and with its key.
    pub(super) ended: CancellationToken,
    pub(super) key: Arc<KnownKey>,
    pub(super) seen: Seen<Login>,
    pub(super) used: Seen<()>,
}

impl KnownLogin {
    pub(super) fn new(login: Login, key: Arc<KnownKey>) -> Self {
        Self { ended: key.ended.child_token(), key, seen: Seen::new(login), used: Seen::new(()) }
    }

    pub(super) fn stored(&self) -> Login {
        self.seen.get()
    }

    pub(super) fn unused_for(&self) -> Duration {
        self.used.0.lock().unwrap_or_else(PoisonError::into_inner).1.elapsed()
    }
}

/// One open stream of a key, counted as long as this lives.
pub(crate) struct OpenStream {
    key: Arc<KnownKey>,
    /// Held so that the end of the key is watched for.
    _login: Option<Arc<KnownLogin>>,
}

impl OpenStream {
    pub(super) fn of(key: &Arc<KnownKey>, login: Option<&Arc<KnownLogin>>, limit: usize) -> Result<Self, ApiError> {
        let before = key.streams.fetch_add(1, Ordering::Relaxed);
        let open = Self { key: Arc::clone(key), _login: login.cloned() };
        if before >= limit { Err(ApiError::TooManyStreams(before)) } else { Ok(open) }
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.key.streams.fetch_sub(1, Ordering::Relaxed);
    }
}
