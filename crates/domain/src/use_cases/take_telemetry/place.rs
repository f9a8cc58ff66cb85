//! Whose telemetry it is.

use crate::ids::SessionId;
use crate::operator::{Permission, Principal};
use crate::ports::{SessionFilter, SessionQuery, SessionRepository, StoreUnavailable};
use crate::session::Session;
use crate::telemetry::SessionHint;
use crate::text::ProviderSessionId;
use crate::use_cases::{Authorize, AuthorizeError};

/// Finds the sessions of reports, among those that a key may touch.
pub(super) struct Places<'a> {
    pub(super) authorize: &'a Authorize,
    pub(super) sessions: &'a dyn SessionRepository,
    pub(super) principal: &'a Principal,
}

impl Places<'_> {
    /// The session that a report belongs to: the one that it names; or the newest one below the key's with the agent's own
    /// id; or the key's own. Otherwise the reason why there is none.
    pub(super) async fn find(&self, hint: &SessionHint) -> Result<Result<Session, String>, StoreUnavailable> {
        if let Some(named) = &hint.named {
            let Ok(id) = named.parse::<SessionId>() else {
                return Ok(Err(format!("flightdeck.session.id: {:?} is not the id of a session", shown(named))));
            };
            return self.admitted(id).await;
        }
        if let Some(own) = hint.own.as_ref().and_then(|own| ProviderSessionId::new(own.as_str()).ok())
            && let Some(session) = self.by_own_id(own).await?
        {
            return Ok(Ok(session));
        }
        match self.principal.bound_to {
            Some(bound_to) => self.admitted(bound_to).await,
            None => Ok(Err(
                "nothing says which session it belongs to; set the resource attribute flightdeck.session.id, or \
                            send it with the key of the agent"
                    .to_owned(),
            )),
        }
    }

    async fn admitted(&self, id: SessionId) -> Result<Result<Session, String>, StoreUnavailable> {
        match self.authorize.on_session(self.principal, Permission::Report, id).await {
            Ok(()) => {}
            Err(AuthorizeError::Denied(denied)) => return Ok(Err(denied.to_string())),
            Err(AuthorizeError::Unavailable(error)) => return Err(error),
        }
        Ok(self.sessions.get(id).await?.ok_or_else(|| format!("there is no session {id} yet; register it first")))
    }

    async fn by_own_id(&self, own: ProviderSessionId) -> Result<Option<Session>, StoreUnavailable> {
        let filter = SessionFilter {
            subtree: self.principal.bound_to,
            missions: self.principal.missions.clone(),
            provider_session_id: Some(own),
            ..SessionFilter::default()
        };
        let query = SessionQuery { filter, after: None, limit: 1, heads_only: false };
        Ok(self.sessions.list(query).await?.sessions.into_iter().next())
    }
}

fn shown(text: &str) -> String {
    text.chars().take(100).collect()
}
