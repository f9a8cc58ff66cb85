//! Rows of `logins`.

use diesel::prelude::*;
use flightdeck_domain::api_key::SecretHash;
use flightdeck_domain::ids::KeyId;
use flightdeck_domain::login::{Login, LoginId};

use super::{BrokenRow, Column, Fault, maybe};
use crate::schema::logins;
use crate::values::moment;

row! {
    /// A login.
    #[diesel(table_name = logins)]
    pub struct LoginRow {
        id: String,
        kind: String,
        key_id: String,
        secret_hash: Vec<u8>,
        created_at: i64,
        expires_at: i64,
        ended_at: Option<i64>,
    }
}

impl TryFrom<LoginRow> for Login {
    type Error = BrokenRow;

    fn try_from(row: LoginRow) -> Result<Self, BrokenRow> {
        let id = row.id.clone();
        row.read().map_err(|fault| fault.of("logins", id))
    }
}

impl LoginRow {
    fn read(self) -> Result<Login, Fault> {
        Ok(Login {
            id: LoginId::new(&self.id).column("id")?,
            kind: self.kind.parse().column("kind")?,
            key_id: KeyId::new(&self.key_id).column("key_id")?,
            secret_hash: <[u8; 32]>::try_from(self.secret_hash.as_slice())
                .map(SecretHash::new)
                .column("secret_hash")?,
            created_at: moment(self.created_at).column("created_at")?,
            expires_at: moment(self.expires_at).column("expires_at")?,
            ended_at: maybe(self.ended_at, moment).column("ended_at")?,
        })
    }
}

/// A login to be inserted.
#[derive(Debug, Insertable)]
#[diesel(table_name = logins, treat_none_as_default_value = false)]
pub struct NewLoginRow<'a> {
    id: &'a str,
    kind: &'static str,
    key_id: &'a str,
    secret_hash: &'a [u8],
    created_at: i64,
    expires_at: i64,
    ended_at: Option<i64>,
}

impl<'a> From<&'a Login> for NewLoginRow<'a> {
    fn from(login: &'a Login) -> Self {
        Self {
            id: login.id.as_str(),
            kind: login.kind.as_str(),
            key_id: login.key_id.as_str(),
            secret_hash: login.secret_hash.as_bytes(),
            created_at: login.created_at.as_micros(),
            expires_at: login.expires_at.as_micros(),
            ended_at: login.ended_at.map(|at| at.as_micros()),
        }
    }
}
