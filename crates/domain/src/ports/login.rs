//! Logins.

use async_trait::async_trait;

use super::StoreUnavailable;
use crate::action::Attribution;
use crate::login::{Login, LoginId, LoginRejected};

/// Why a link gave no session.
#[derive(Debug, thiserror::Error)]
pub enum RedeemLinkError {
    /// It is unknown, was used before, or has expired.
    #[error(transparent)]
    Rejected(#[from] LoginRejected),
    /// The store is not available.
    #[error(transparent)]
    Unavailable(#[from] StoreUnavailable),
}

/// Keeps logins. Logins that expired longer ago than [`Login::KEPT_FOR`] may be deleted whenever one is written.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait LoginRepository: Send + Sync {
    /// Stores a new login, with its audit entry ([`Login::begun`]) if it has one, in the same transaction.
    async fn begin_login(&self, login: Login, by: Attribution) -> Result<(), StoreUnavailable>;

    /// Gives one login, or `None`.
    async fn login(&self, id: LoginId) -> Result<Option<Login>, StoreUnavailable>;

    /// Uses up a link and stores the session that it gives, with its audit entry, in one transaction. Of simultaneous
    /// calls one gets a session.
    async fn redeem_link(&self, link: LoginId, session: Login, by: Attribution) -> Result<(), RedeemLinkError>;

    /// Ends a login, with its audit entry ([`Login::ended`]) in the same transaction. `false`, without an entry, if
    /// there is no such login or it had ended before.
    async fn end_login(&self, id: LoginId, by: Attribution) -> Result<bool, StoreUnavailable>;
}
