//! The login link that a server prints when it starts.

use std::net::SocketAddr;
use std::path::Path;

use flightdeck_domain::action::Origin;
use flightdeck_domain::api_key::PlainKey;
use flightdeck_domain::login::LoginToken;
use flightdeck_domain::operator::Actor;
use flightdeck_domain::text::RequestId;
use flightdeck_domain::use_cases::{Authenticate, LogIn, LogInError, Ports};
use flightdeck_settings::{admin_key, local_url};

/// A link that logs in with the first admin key, as long as its file is there and the key is good. A server starts without
/// one all the same: an audit log that is out of order takes no entry for a link either.
pub(crate) async fn make(ports: &Ports, data_dir: &Path, address: SocketAddr) -> Option<String> {
    let plain = PlainKey::parse(&admin_key(data_dir)?).ok()?;
    match link(ports, &plain).await {
        Ok(token) => Some(format!("{}/login/{}", local_url(address), token.reveal())),
        Err(LogInError::Unavailable(error)) => {
            let cause: &dyn std::error::Error = &error;
            tracing::warn!(cause, "no login link can be made now; `flightdeck login` makes one later");
            None
        }
        // The first key was revoked, and its file left where it was.
        Err(_) => None,
    }
}

async fn link(ports: &Ports, plain: &PlainKey) -> Result<LoginToken, LogInError> {
    let (_, key) = Authenticate::new(ports).execute(plain).await?;
    let by = Origin::new(Actor::local_cli(), RequestId::from(ports.ids.uuid()));
    Ok(LogIn::new(ports).make_link(&key, by).await?.0)
}
