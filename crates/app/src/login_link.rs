//! The login link that a server prints when it starts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use flightdeck_domain::action::Origin;
use flightdeck_domain::api_key::PlainKey;
use flightdeck_domain::operator::Actor;
use flightdeck_domain::text::RequestId;
use flightdeck_domain::use_cases::{Authenticate, AuthenticateError, LogIn, Ports};

use crate::admin_key;
use crate::cli::BoxError;

/// A link that logs in with the first admin key, as long as its file is there and the key is good.
pub(crate) async fn make(ports: &Ports, data_dir: &Path, address: SocketAddr) -> Result<Option<String>, BoxError> {
    let Some(plain) = admin_key::read(data_dir).and_then(|text| PlainKey::parse(&text).ok()) else { return Ok(None) };
    let key = match Authenticate::new(ports).execute(&plain).await {
        Ok((_, key)) => key,
        Err(AuthenticateError::Unavailable(error)) => return Err(error.into()),
        Err(_) => return Ok(None),
    };
    let by = Origin::new(Actor::local_cli(), RequestId::new("start of the server")?);
    let (token, _) = LogIn::new(ports).make_link(&key, by).await?;
    Ok(Some(format!("{}/login/{}", url(address), token.reveal())))
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
