//! API keys and logins.

use super::Rows;
use crate::api_key::ApiKey;
use crate::ids::KeyId;
use crate::login::{Login, LoginId};
use crate::time::Timestamp;

/// The rows of keys and logins. A transaction that locks one of these locks nothing else but the audit log.
pub trait AccessRows: Send {
    /// Locks all keys, those that are about to be made too.
    fn lock_keys(&mut self) -> impl Future<Output = Rows<()>> + Send {
        async { Ok(()) }
    }

    /// Writes a key. One whose id is taken is an error.
    fn insert_key(&mut self, key: &ApiKey) -> impl Future<Output = Rows<()>> + Send;

    /// A key.
    fn key(&mut self, id: &KeyId) -> impl Future<Output = Rows<Option<ApiKey>>> + Send;

    /// A key, locked.
    fn lock_key(&mut self, id: &KeyId) -> impl Future<Output = Rows<Option<ApiKey>>> + Send {
        self.key(id)
    }

    /// Whether there is a key at all.
    fn any_key(&mut self) -> impl Future<Output = Rows<bool>> + Send;

    /// All keys, oldest first.
    fn keys(&mut self) -> impl Future<Output = Rows<Vec<ApiKey>>> + Send;

    /// Writes what can change of a key: its end.
    fn save_key(&mut self, key: &ApiKey) -> impl Future<Output = Rows<()>> + Send;

    /// Writes a login. One whose id is taken is an error.
    fn insert_login(&mut self, login: &Login) -> impl Future<Output = Rows<()>> + Send;

    /// A login.
    fn login(&mut self, id: &LoginId) -> impl Future<Output = Rows<Option<Login>>> + Send;

    /// A login, locked.
    fn lock_login(&mut self, id: &LoginId) -> impl Future<Output = Rows<Option<Login>>> + Send {
        self.login(id)
    }

    /// Writes what can change of a login: its end.
    fn save_login(&mut self, login: &Login) -> impl Future<Output = Rows<()>> + Send;

    /// Forgets the logins that expired before a moment; what another transaction has its hands on may stay.
    fn forget_logins(&mut self, before: Timestamp) -> impl Future<Output = Rows<()>> + Send;
}
