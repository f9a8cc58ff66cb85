//! API keys and logins.

use flightdeck_domain::api_key::ApiKey;
use flightdeck_domain::ids::KeyId;
use flightdeck_domain::login::{Login, LoginId};
use flightdeck_domain::ports::{AccessRows, Rows, StoreUnavailable};
use flightdeck_domain::time::Timestamp;

use crate::state::{State, put};

fn set_key(state: &mut State, id: KeyId, key: Option<ApiKey>) -> Option<ApiKey> {
    put(&mut state.keys, id, key)
}

fn set_login(state: &mut State, id: LoginId, login: Option<Login>) -> Option<Login> {
    put(&mut state.logins, id, login)
}

impl AccessRows for State {
    async fn insert_key(&mut self, key: &ApiKey) -> Rows<()> {
        if self.keys.contains_key(&key.id) {
            return Err(StoreUnavailable::new("the id of the key is taken"));
        }
        self.save_key(key).await
    }

    async fn key(&mut self, id: &KeyId) -> Rows<Option<ApiKey>> {
        Ok(self.keys.get(id).cloned())
    }

    async fn any_key(&mut self) -> Rows<bool> {
        Ok(!self.keys.is_empty())
    }

    async fn keys(&mut self) -> Rows<Vec<ApiKey>> {
        let mut keys: Vec<ApiKey> = self.keys.values().cloned().collect();
        keys.sort_by_key(|key| key.created_at);
        Ok(keys)
    }

    async fn save_key(&mut self, key: &ApiKey) -> Rows<()> {
        self.change(set_key, key.id.clone(), Some(key.clone()));
        Ok(())
    }

    async fn insert_login(&mut self, login: &Login) -> Rows<()> {
        if self.logins.contains_key(&login.id) {
            return Err(StoreUnavailable::new("the id of the login is taken"));
        }
        self.save_login(login).await
    }

    async fn login(&mut self, id: &LoginId) -> Rows<Option<Login>> {
        Ok(self.logins.get(id).cloned())
    }

    async fn save_login(&mut self, login: &Login) -> Rows<()> {
        self.change(set_login, login.id.clone(), Some(login.clone()));
        Ok(())
    }

    async fn forget_logins(&mut self, before: Timestamp) -> Rows<()> {
        let old = self.logins.values().filter(|login| login.expires_at < before);
        for id in old.map(|login| login.id.clone()).collect::<Vec<_>>() {
            self.change(set_login, id, None);
        }
        Ok(())
    }
}
