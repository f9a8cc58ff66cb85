//! API keys and logins.

use super::Rows;
use crate::api_key::ApiKey;
use crate::ids::KeyId;
use crate::login::{Login, LoginId};
use crate::time::Timestamp;

/// The rows of keys and logins. A transaction that locks one of these locks nothing else except the audit log.
pub trait AccessRows: Send {
    /// Locks all keys, including those that are about to be made.
    fn lock_keys(&mut self) -> impl Future<Output = Rows<()>> + Send {
        async { Ok(()) }
    }

    /// Writes a key. A taken id is an error.
    fn insert_key(&mut self, key: &ApiKey) -> impl Future<Output = Rows<()>> + Send;

    /// Reads a key.
    fn key(&mut self, id: &KeyId) -> impl Future<Output = Rows<Option<ApiKey>>> + Send;

    /// Reads and locks a key.
    fn lock_key(&mut self, id: &KeyId) -> impl Future<Output = Rows<Option<ApiKey>>> + Send {
        self.key(id)
    }

    /// Whether there is any key.
    fn any_key(&mut self) -> impl Future<Output = Rows<bool>> + Send;

    /// All keys, oldest first.
    fn keys(&mut self) -> impl Future<Output = Rows<Vec<ApiKey>>> + Send;

    /// Writes the part of a key that can change: its end.
    fn save_key(&mut self, key: &ApiKey) -> impl Future<Output = Rows<()>> + Send;

    /// Writes a login. A taken id is an error.
    fn insert_login(&mut self, login: &Login) -> impl Future<Output = Rows<()>> + Send;

    /// Reads a login.
    fn login(&mut self, id: &LoginId) -> impl Future<Output = Rows<Option<Login>>> + Send;

    /// Reads and locks a login.
    fn lock_login(&mut self, id: &LoginId) -> impl Future<Output = Rows<Option<Login>>> + Send {
        self.login(id)
    }

    /// Writes the part of a login that can change: its end.
    fn save_login(&mut self, login: &Login) -> impl Future<Output = Rows<()>> + Send;

    /// Deletes the logins that expired before a time; rows that another transaction has locked may stay.
    fn forget_logins(&mut self, before: Timestamp) -> impl Future<Output = Rows<()>> + Send;
}
