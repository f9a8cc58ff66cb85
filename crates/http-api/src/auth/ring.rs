//! The keys and logins in use.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use flightdeck_domain::api_key::{ApiKey, PlainKey};
use flightdeck_domain::ids::KeyId;
use flightdeck_domain::login::{LoginId, LoginToken};
use flightdeck_domain::use_cases::{Authenticate, AuthenticateError};

use super::caller::Caller;
use super::known::{KnownKey, KnownLogin};
use crate::problem::ApiError;

/// How long an unused login is watched. Its next request reads the store again.
const WATCHED_FOR: Duration = Duration::from_mins(1);

/// The keys and logins in use.
pub(crate) struct KeyRing {
    authenticate: Authenticate,
    known: Mutex<HashMap<KeyId, Arc<KnownKey>>>,
    logins: Mutex<HashMap<LoginId, Arc<KnownLogin>>>,
}

impl KeyRing {
    pub(crate) fn new(authenticate: Authenticate) -> Self {
        Self { authenticate, known: Mutex::default(), logins: Mutex::default() }
    }

    pub(super) async fn check(&self, presented: &PlainKey) -> Result<Caller, ApiError> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&presented.id).cloned();
        if let Some(known) = known
            && let Some(stored) = known.seen.fresh()
        {
            let principal = self.authenticate.recheck(&stored, presented).map_err(AuthenticateError::from)?;
            return Ok(Caller { principal, key: known, login: None });
        }
        let (principal, stored) = self.authenticate.execute(presented).await?;
        Ok(Caller { principal, key: self.remember(stored), login: None })
    }

    pub(super) async fn check_login(&self, presented: &LoginToken) -> Result<Caller, ApiError> {
        let known = self.logins.lock().unwrap_or_else(PoisonError::into_inner).get(&presented.id).cloned();
        if let Some(known) = known
            // Whose streams have ended gets nothing any more, also while the last look at the store still counts.
            && !known.ended.is_cancelled()
            && let (Some(login), Some(key)) = (known.seen.fresh(), known.key.seen.fresh())
        {
            let principal =
                self.authenticate.recheck_login(&login, &key, presented).map_err(AuthenticateError::from)?;
            known.used.refresh(());
            return Ok(Caller { principal, key: Arc::clone(&known.key), login: Some(known) });
        }
        let (principal, key, login) = self.authenticate.login(presented).await?;
        let key = self.remember(key);
        let mut logins = self.logins.lock().unwrap_or_else(PoisonError::into_inner);
        let known = logins
            .entry(login.id.clone())
            .or_insert_with(|| Arc::new(KnownLogin::new(login.clone(), Arc::clone(&key))));
        let known = Arc::clone(known);
        drop(logins);
        known.seen.refresh(login);
        known.used.refresh(());
        Ok(Caller { principal, key, login: Some(known) })
    }

    fn remember(&self, stored: ApiKey) -> Arc<KnownKey> {
        let mut ring = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = ring.entry(stored.id.clone()).or_insert_with(|| Arc::new(KnownKey::new(stored.clone())));
        let known = Arc::clone(known);
        drop(ring);
        known.seen.refresh(stored);
        known
    }

    /// Ends the streams of a login that was logged out.
    pub(crate) fn end_login(&self, id: &LoginId) {
        if let Some(known) = self.logins.lock().unwrap_or_else(PoisonError::into_inner).remove(id) {
            known.ended.cancel();
        }
    }

    /// Ends the streams of a key that was revoked, and those of its logins.
    pub(crate) fn end_key(&self, id: &KeyId) {
        if let Some(known) = self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(id) {
            known.ended.cancel();
        }
    }

    /// How many streams are open, over all keys.
    pub(crate) fn open_streams(&self) -> u64 {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.values().map(|key| key.streams()).sum()
    }

    /// Reads every key and login in use from the store, and ends the streams of those that are no longer valid. If the
    /// store does not answer, nothing ends.
    pub(crate) async fn sweep(&self) {
        let swept = async {
            self.sweep_keys().await?;
            self.sweep_logins().await
        };
        if let Err(error) = swept.await {
            let cause: &dyn std::error::Error = &error;
            tracing::warn!(cause, "cannot check the keys in use; trying again");
        }
    }

    async fn sweep_keys(&self) -> Result<(), AuthenticateError> {
        let all: Vec<_> = self.known.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        for known in all {
            let stored = known.seen.get();
            match self.authenticate.still_good(&stored).await {
                Ok(fresh) => known.seen.refresh(fresh),
                Err(error @ AuthenticateError::Unavailable(_)) => return Err(error),
                Err(_) => {
                    self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(&stored.id);
                    known.ended.cancel();
                }
            }
        }
        Ok(())
    }

    async fn sweep_logins(&self) -> Result<(), AuthenticateError> {
        for known in self.logins_in_use() {
            let stored = known.seen.get();
            match self.authenticate.login_still_good(&stored).await {
                Ok(fresh) => known.seen.refresh(fresh),
                Err(error @ AuthenticateError::Unavailable(_)) => return Err(error),
                Err(_) => self.end_login(&stored.id),
            }
        }
        Ok(())
    }

    /// Forgets logins whose key has ended and logins that are not used; gives the others.
    fn logins_in_use(&self) -> Vec<Arc<KnownLogin>> {
        let mut logins = self.logins.lock().unwrap_or_else(PoisonError::into_inner);
        logins.retain(|_, known| {
            let in_use = Arc::strong_count(known) > 1 || known.unused_for() < WATCHED_FOR;
            in_use && !known.ended.is_cancelled()
        });
        logins.values().cloned().collect()
    }
}
