//! The login link that a server prints when it starts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use flightdeck_domain::action::Origin;
use flightdeck_domain::api_key::PlainKey;
use flightdeck_domain::login::LoginToken;
use flightdeck_domain::operator::Actor;
use flightdeck_domain::text::RequestId;
use flightdeck_domain::use_cases::{Authenticate, LogIn, LogInError, Ports};

use crate::admin_key;

/// A link that logs in with the first admin key, as long as its file is there and the key is good. A server starts without
/// one all the same: an audit log that is out of order takes no entry for a link either.
pub(crate) async fn make(ports: &Ports, data_dir: &Path, address: SocketAddr) -> Option<String> {
    let plain = PlainKey::parse(&admin_key::read(data_dir)?).ok()?;
    match link(ports, &plain).await {
        Ok(token) => Some(format!("{}/login/{}", url(address), token.reveal())),
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

/// Where a browser on this machine finds a server that listens there.
pub(crate) fn url(address: SocketAddr) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}

#[cfg(test)]
mod tests {
    use super::url;

    #[test]
    fn a_server_that_listens_everywhere_is_found_on_loopback() {
        let url = |text: &str| url(text.parse().expect("an address"));
        assert_eq!(url("127.0.0.1:7600"), "http://127.0.0.1:7600");
        assert_eq!(url("0.0.0.0:80"), "http://127.0.0.1:80");
        assert_eq!(url("[::]:7600"), "http://[::1]:7600");
        assert_eq!(url("10.1.2.3:7600"), "http://10.1.2.3:7600");
    }
}
