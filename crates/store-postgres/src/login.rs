//! Logins.

use async_trait::async_trait;
use flightdeck_domain::action::Attribution;
use flightdeck_domain::login::{Login, LoginId, LoginRejected};
use flightdeck_domain::ports::{LoginRepository, RedeemLinkError, StoreUnavailable};

use crate::PostgresStore;
use crate::database::{Transaction, on};
use crate::error::StoreError;
use crate::tables::logins;

#[async_trait]
impl LoginRepository for PostgresStore {
    async fn begin_login(&self, login: Login, by: Attribution) -> Result<(), StoreUnavailable> {
        Ok(on!(self.write, (login, by), |tx| begin(tx, login, by, None)).await?)
    }

    async fn login(&self, id: LoginId) -> Result<Option<Login>, StoreUnavailable> {
        Ok(on!(self.read, (id), |connection| logins::get(connection, id)).await?)
    }

    async fn redeem_link(&self, link: LoginId, session: Login, by: Attribution) -> Result<(), RedeemLinkError> {
        on!(self.write, (link, session, by), |tx| redeem(tx, link, session, by)).await
    }

    async fn end_login(&self, id: LoginId, by: Attribution) -> Result<bool, StoreUnavailable> {
        Ok(on!(self.write, (id, by), |tx| end(tx, id, by)).await?)
    }
}

async fn begin(
    tx: &mut Transaction,
    login: &Login,
    by: &Attribution,
    link: Option<&LoginId>,
) -> Result<(), StoreError> {
    logins::forget(tx, Login::kept_since(by.at)).await?;
    logins::insert(tx, login).await?;
    tx.record_any(login.begun(by, link)).await?;
    Ok(())
}

async fn redeem(tx: &mut Transaction, id: &LoginId, session: &Login, by: &Attribution) -> Result<(), RedeemLinkError> {
    let link = logins::lock(tx, id).await?.ok_or(LoginRejected::Unknown)?;
    link.usable_at(by.at)?;
    let used = link.end(by.at).ok_or(LoginRejected::Ended)?;
    logins::save(tx, &used).await?;
    Ok(begin(tx, session, by, Some(id)).await?)
}

async fn end(tx: &mut Transaction, id: &LoginId, by: &Attribution) -> Result<bool, StoreError> {
    let Some(ended) = logins::lock(tx, id).await?.and_then(|login| login.end(by.at)) else { return Ok(false) };
    logins::save(tx, &ended).await?;
    tx.record(ended.ended(by)).await?;
    Ok(true)
}
