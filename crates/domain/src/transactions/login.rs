//! Logins.

use async_trait::async_trait;

use super::record::{record, record_any};
use super::run::run;
use crate::action::Attribution;
use crate::login::{Login, LoginId, LoginRejected};
use crate::ports::{AccessRows, LoginRepository, RedeemLinkError, Rows, StoreUnavailable, Transactional, Tx};

/// Stores a login, with the link that it comes from: [`LoginRepository::begin_login`].
///
/// # Errors
/// A rule forbids it, or the store is not available.
pub async fn begin<T: Tx>(tx: &mut T, login: &Login, by: &Attribution, link: Option<&LoginId>) -> Rows<()> {
    tx.forget_logins(Login::kept_since(by.at)).await?;
    tx.insert_login(login).await?;
    record_any(tx, login.begun(by, link)).await?;
    Ok(())
}

/// Uses up a link: [`LoginRepository::redeem_link`].
///
/// # Errors
/// A rule forbids it, or the store is not available.
pub async fn redeem<T: Tx>(tx: &mut T, id: &LoginId, session: &Login, by: &Attribution) -> Result<(), RedeemLinkError> {
    let link = tx.lock_login(id).await?.ok_or(LoginRejected::Unknown)?;
    link.usable_at(by.at)?;
    let used = link.end(by.at).ok_or(LoginRejected::Ended)?;
    tx.save_login(&used).await?;
    Ok(begin(tx, session, by, Some(id)).await?)
}

/// Ends a login: [`LoginRepository::end_login`].
///
/// # Errors
/// A rule forbids it, or the store is not available.
pub async fn end<T: Tx>(tx: &mut T, id: &LoginId, by: &Attribution) -> Rows<bool> {
    let Some(ended) = tx.lock_login(id).await?.and_then(|login| login.end(by.at)) else { return Ok(false) };
    tx.save_login(&ended).await?;
    record(tx, ended.ended(by)).await?;
    Ok(true)
}

#[async_trait]
impl<S: Transactional> LoginRepository for S {
    async fn begin_login(&self, login: Login, by: Attribution) -> Result<(), StoreUnavailable> {
        run!(self.write, (login, by), |tx| begin(tx, &login, &by, None)).await
    }

    async fn login(&self, id: LoginId) -> Result<Option<Login>, StoreUnavailable> {
        run!(self.read, (id), |tx| tx.login(&id)).await
    }

    async fn redeem_link(&self, link: LoginId, session: Login, by: Attribution) -> Result<(), RedeemLinkError> {
        run!(self.write, (link, session, by), |tx| redeem(tx, &link, &session, &by)).await
    }

    async fn end_login(&self, id: LoginId, by: Attribution) -> Result<bool, StoreUnavailable> {
        run!(self.write, (id, by), |tx| end(tx, &id, &by)).await
    }
}
