//! A person has a browser told what needs them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;

use super::{Begins, Has, ManageSinkError, ManageSinks, MayHave, NewSink};
use crate::action::Origin;
use crate::operator::Principal;
use crate::ports::{
    AuditLog, Clock, FleetFeed, IdGenerator, OperatorActions, SecretSealer, SinkRepository, SinkSender,
    StoreUnavailable,
};
use crate::provider_config::{ConfigFault, CredentialName, Expected};
use crate::sink::{PublicUrl, PushSubscription, Sink, SinkFilter, SinkForm, SinkName};
use crate::text::JsonObject;

/// Subscribes browsers to what needs a person. A subscription is a sink of the form `web_push`: with its delivery state, its
/// retries and its place on the audit log. It sends what its subscriber may see, and ends with the subscriber's key.
#[derive(Clone)]
pub struct SubscribePush {
    sinks: Arc<dyn SinkRepository>,
    manage: ManageSinks,
    public_url: Option<PublicUrl>,
}

impl SubscribePush {
    /// Takes the ports it needs, and where the page is.
    #[must_use]
    pub fn new<P>(ports: &P, public_url: Option<PublicUrl>) -> Self
    where
        P: Has<dyn SinkRepository>
            + Has<dyn FleetFeed>
            + Has<dyn AuditLog>
            + Has<dyn OperatorActions>
            + Has<dyn Clock>
            + Has<dyn IdGenerator>
            + MayHave<Arc<dyn SecretSealer>>
            + MayHave<Arc<dyn SinkSender>>,
    {
        Self { sinks: ports.port(), manage: ManageSinks::new(ports, public_url.clone()), public_url }
    }

    /// Subscribes a browser, or anew. The second says whether the subscription is a new one.
    ///
    /// # Errors
    /// A field is wrong, there are too many subscriptions, or the store is not available.
    pub async fn subscribe(
        &self,
        principal: &Principal,
        subscription: PushSubscription,
        origin: Origin,
    ) -> Result<(Sink, bool), ManageSinkError> {
        let name = named(&subscription.endpoint)?;
        let existing = self.sinks.sink(name.clone()).await?;
        if existing.is_none() {
            self.admit(principal).await?;
        }
        let contact = self.public_url.as_ref().map(PublicUrl::as_str).filter(|url| url.starts_with("https://"));
        let settings = json!({
            "endpoint": subscription.endpoint,
            "p256dh": subscription.p256dh,
            "contact": contact.unwrap_or("mailto:flightdeck@localhost"),
            "key": principal.key_id,
        });
        let credential = |name: &str| CredentialName::new(name).map_err(|_none| fault("keys", "is no credential"));
        let missions = principal.missions.iter().flat_map(|missions| missions.iter().cloned()).collect();
        let new = NewSink {
            form: SinkForm::WebPush,
            enabled: true,
            settings: JsonObject::trusted(settings),
            filter: SinkFilter { needs_person: true, missions, ..SinkFilter::default() },
            transcript: false,
            most_tries: Sink::TRIES,
            credentials: BTreeMap::from([
                (credential(PushSubscription::AUTH)?, Some(subscription.auth)),
                (credential(PushSubscription::SERVER_KEY)?, Some(subscription.server_key)),
            ]),
            begins: Some(Begins::Head),
        };
        let expected = existing.as_ref().map_or(Expected::Absent, |sink| Expected::Revision(sink.revision));
        Ok((self.manage.set(name, new, expected, origin).await?, existing.is_none()))
    }

    async fn admit(&self, principal: &Principal) -> Result<(), ManageSinkError> {
        let all = self.sinks.sinks().await?;
        let pushed: Vec<&Sink> = all.iter().filter(|sink| sink.form == SinkForm::WebPush).collect();
        let own = pushed.iter().filter(|sink| is_of(sink, principal)).count();
        if own >= PushSubscription::MOST_OF_A_KEY || pushed.len() >= PushSubscription::MOST {
            let most = PushSubscription::MOST_OF_A_KEY;
            let problem = format!("is one too many: a key has at most {most} subscriptions; end one of them");
            return Err(fault("endpoint", &problem));
        }
        Ok(())
    }

    /// Ends the subscription of a browser; `false` when this caller has none for the endpoint.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn unsubscribe(
        &self,
        principal: &Principal,
        endpoint: &str,
        origin: Origin,
    ) -> Result<bool, ManageSinkError> {
        let name = named(endpoint)?;
        let Some(sink) = self.sinks.sink(name.clone()).await?.filter(|sink| is_of(sink, principal)) else {
            return Ok(false);
        };
        self.manage.remove(name, sink.revision, origin).await?;
        Ok(true)
    }

    /// The subscriptions of a caller.
    ///
    /// # Errors
    /// The store is not available.
    pub async fn of(&self, principal: &Principal) -> Result<Vec<Sink>, StoreUnavailable> {
        let mut sinks = self.sinks.sinks().await?;
        sinks.retain(|sink| sink.form == SinkForm::WebPush && is_of(sink, principal));
        Ok(sinks)
    }
}

fn fault(field: &str, problem: &str) -> ManageSinkError {
    ManageSinkError::Invalid(vec![ConfigFault::new(field, problem)])
}

fn named(endpoint: &str) -> Result<SinkName, ManageSinkError> {
    PushSubscription::sink(endpoint).ok_or_else(|| fault("endpoint", "is not the address of a push service"))
}

fn is_of(sink: &Sink, principal: &Principal) -> bool {
    sink.subscriber().is_some_and(|key| key == principal.key_id.as_str())
}

#[cfg(test)]
mod tests;
