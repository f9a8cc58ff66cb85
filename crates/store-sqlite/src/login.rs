//! Logins.

use async_trait::async_trait;
use diesel::sqlite::SqliteConnection;
use flightdeck_domain::action::Attribution;
use flightdeck_domain::login::{Login, LoginId, LoginRejected};
use flightdeck_domain::ports::{LoginRepository, RedeemLinkError, StoreUnavailable};

use crate::SqliteStore;
use crate::error::StoreError;
use crate::tables::{audit_log, logins};

#[async_trait]
impl LoginRepository for SqliteStore {
    async fn begin_login(&self, login: Login, by: Attribution) -> Result<(), StoreUnavailable> {
        self.writer.write(move |connection| Ok(begin(connection, &login, &by, None)?)).await
    }

    async fn login(&self, id: LoginId) -> Result<Option<Login>, StoreUnavailable> {
        Ok(self.readers.read(move |connection| logins::get(connection, &id)).await?)
    }

    async fn redeem_link(&self, link: LoginId, session: Login, by: Attribution) -> Result<(), RedeemLinkError> {
        self.writer.write(move |connection| redeem(connection, &link, &session, &by)).await
    }

    async fn end_login(&self, id: LoginId, by: Attribution) -> Result<bool, StoreUnavailable> {
        self.writer.write(move |connection| Ok(end(connection, &id, &by)?)).await
    }
}

fn begin(
    connection: &mut SqliteConnection,
    login: &Login,
    by: &Attribution,
    link: Option<&LoginId>,
) -> Result<(), StoreError> {
    logins::forget(connection, Login::kept_since(by.at))?;
    logins::insert(connection, login)?;
    if let Some(entry) = login.begun(by, link) {
        audit_log::append(connection, entry)?;
    }
    Ok(())
}

fn redeem(
    connection: &mut SqliteConnection,
    id: &LoginId,
    session: &Login,
    by: &Attribution,
) -> Result<(), RedeemLinkError> {
    let link = logins::get(connection, id)?.ok_or(LoginRejected::Unknown)?;
    link.usable_at(by.at)?;
    let used = link.end(by.at).ok_or(LoginRejected::Ended)?;
    logins::save(connection, &used)?;
    Ok(begin(connection, session, by, Some(id))?)
}

fn end(connection: &mut SqliteConnection, id: &LoginId, by: &Attribution) -> Result<bool, StoreError> {
    let Some(ended) = logins::get(connection, id)?.and_then(|login| login.end(by.at)) else { return Ok(false) };
    logins::save(connection, &ended)?;
    audit_log::append(connection, ended.ended(by))?;
    Ok(true)
}
