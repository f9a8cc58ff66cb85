//! The names of the server: a page whose name an attacker points at this machine (DNS rebinding) does not reach it.
//!
//! A browser says in `Host` which name it went to. A server that listens on loopback answers to loopback's own names
//! and to those of `allowed_hosts`. A server that listens elsewhere cannot know its names, and checks them when
//! `allowed_hosts` is set. `X-Forwarded-Host` is ignored, because anybody can send it.

use std::net::{IpAddr, SocketAddr};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::HOST;
use actix_web::http::uri::Authority;
use actix_web::middleware::Next;
use actix_web::web::Data;

use crate::problem::ApiError;

/// How much of a foreign name is shown, in characters.
const SHOWN: usize = 100;

/// The names that the server answers to.
#[derive(Clone, Debug)]
pub(crate) struct Hosts {
    /// In lower case; `None` when any name is accepted.
    names: Option<Vec<String>>,
    on_loopback: bool,
}

impl Hosts {
    /// The names of a server that listens on this address, and the allowed ones.
    pub(crate) fn of(address: SocketAddr, allowed: &[String]) -> Self {
        let on_loopback = address.ip().is_loopback();
        let names: Vec<String> = allowed.iter().map(|name| bare(name).to_ascii_lowercase()).collect();
        Self { names: (on_loopback || !names.is_empty()).then_some(names), on_loopback }
    }

    /// Whether a `Host`, with or without a port, is the server's.
    fn include(&self, host: &str) -> bool {
        let Some(names) = &self.names else { return true };
        let host = bare(host).to_ascii_lowercase();
        let address = host.parse::<IpAddr>().ok();
        // A name can be pointed anywhere, an address cannot: beyond loopback, all addresses are this machine's own.
        host == "localhost"
            || names.contains(&host)
            || address.is_some_and(|address| !self.on_loopback || address.is_loopback())
    }
}

/// A host without its port, the brackets of an IPv6 address, and the dot of the root.
fn bare(host: &str) -> &str {
    let host = host.trim();
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split_once(']').map_or(rest, |(address, _)| address);
    }
    let host = match host.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    host.strip_suffix('.').unwrap_or(host)
}

/// Rejects requests that went to another name. HTTP/1.0 needs no `Host`, and browsers do not use it.
pub(crate) async fn check<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, actix_web::Error> {
    if let Some(name) = foreign(&request) {
        return Ok(request.error_response(ApiError::Misdirected(name)).map_into_right_body());
    }
    next.call(request).await.map(ServiceResponse::map_into_left_body)
}

/// The name that the request went to, if it is not the server's.
fn foreign(request: &ServiceRequest) -> Option<String> {
    let hosts = request.app_data::<Data<Hosts>>()?;
    let named = request.headers().get_all(HOST).map(|value| value.to_str().unwrap_or("?"));
    // A target that is a whole URL says it too, and goes before the header.
    let target = request.uri().authority().map(Authority::as_str);
    let foreign = named.chain(target).find(|host| !hosts.include(host))?;
    Some(bare(foreign).chars().take(SHOWN).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(listen: &str, allowed: &[&str]) -> Hosts {
        let allowed: Vec<String> = allowed.iter().map(|name| (*name).to_owned()).collect();
        Hosts::of(listen.parse().expect("an address"), &allowed)
    }

    #[test]
    fn on_loopback_only_its_own_names_will_do() {
        for listen in ["127.0.0.1:7600", "[::1]:7600", "127.8.8.8:1"] {
            let hosts = hosts(listen, &["Deck.Example", "fd00::1"]);
            for own in [
                "localhost",
                "LOCALHOST:7600",
                "localhost.",
                "127.0.0.1:7600",
                "127.1.2.3",
                "[::1]",
                "[::1]:80",
                "deck.example",
                "DECK.example:443",
                "deck.example.:1",
                "[fd00::1]:7600",
            ] {
                assert!(hosts.include(own), "{own}");
            }
            for foreign in [
                "evil.example",
                "evil.example:7600",
                "localhost.evil.example",
                "127.0.0.1.evil.example",
                "127.0.0.1@evil",
                "deck.example.evil",
                "10.0.0.1",
                "0.0.0.0:7600",
                "[::]",
                "[fd00::2]",
                "",
                ":7600",
                "?",
                "localhost:x",
                "128.0.0.1",
                "2130706433",
            ] {
                assert!(!hosts.include(foreign), "{foreign}");
            }
        }
    }

    #[test]
    fn elsewhere_names_are_checked_when_they_are_known() {
        assert!(hosts("0.0.0.0:7600", &[]).include("anything.example"));
        let hosts = hosts("0.0.0.0:7600", &["deck.example"]);
        for own in ["deck.example:7600", "localhost", "127.0.0.1", "10.1.2.3:7600", "[fd00::1]"] {
            assert!(hosts.include(own), "{own}");
        }
        assert!(!hosts.include("evil.example"));
    }
}
