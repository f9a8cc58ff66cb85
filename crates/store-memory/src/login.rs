//! Logins.

use async_trait::async_trait;
use flightdeck_domain::action::Attribution;
use flightdeck_domain::login::{Login, LoginId, LoginRejected};
use flightdeck_domain::ports::{LoginRepository, RedeemLinkError, StoreUnavailable};

use crate::MemoryStore;
use crate::state::State;

#[async_trait]
impl LoginRepository for MemoryStore {
    async fn begin_login(&self, login: Login, by: Attribution) -> Result<(), StoreUnavailable> {
        begin(&mut self.state(), login, &by, None)
    }

    async fn login(&self, id: LoginId) -> Result<Option<Login>, StoreUnavailable> {
        Ok(self.state().logins.get(&id).cloned())
    }

    async fn redeem_link(&self, link: LoginId, session: Login, by: Attribution) -> Result<(), RedeemLinkError> {
        let mut state = self.state();
        let stored = state.logins.get(&link).ok_or(LoginRejected::Unknown)?;
        stored.usable_at(by.at)?;
        let used = stored.end(by.at).ok_or(LoginRejected::Ended)?;
        begin(&mut state, session, &by, Some(&link))?;
        state.logins.insert(link, used);
        Ok(())
    }

    async fn end_login(&self, id: LoginId, by: Attribution) -> Result<bool, StoreUnavailable> {
        let mut state = self.state();
        let Some(ended) = state.logins.get(&id).and_then(|login| login.end(by.at)) else { return Ok(false) };
        let sealed = state.seal(ended.ended(&by))?;
        state.audit.push(sealed);
        state.logins.insert(id, ended);
        Ok(true)
    }
}

fn begin(state: &mut State, login: Login, by: &Attribution, link: Option<&LoginId>) -> Result<(), StoreUnavailable> {
    if state.logins.contains_key(&login.id) {
        return Err(StoreUnavailable::new("the id of the login is taken"));
    }
    let sealed = state.seal_any(login.begun(by, link))?;
    state.record(sealed);
    let kept_since = Login::kept_since(by.at);
    state.logins.retain(|_, kept| kept.expires_at >= kept_since);
    state.logins.insert(login.id.clone(), login);
    Ok(())
}
