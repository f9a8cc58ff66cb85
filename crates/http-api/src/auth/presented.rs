//! What a request shows to be let in, and whether a browser was at its own page when it sent it.

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::http::header::{AUTHORIZATION, HOST, HeaderMap, ORIGIN};
use flightdeck_domain::api_key::PlainKey;
use flightdeck_domain::login::LoginToken;

use crate::problem::ApiError;

/// The name of a login's cookie.
pub(crate) const COOKIE: &str = "flightdeck_session";

/// What a request shows. A key goes before a cookie.
pub(super) enum Presented {
    Key(PlainKey),
    Login(LoginToken),
}

impl Presented {
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        if let Some(key) = key(headers) {
            let key = PlainKey::parse(key).map_err(|error| ApiError::Unauthenticated(error.to_string()))?;
            return Ok(Self::Key(key));
        }
        let cookie = cookie(headers).ok_or_else(|| ApiError::Unauthenticated("an API key is needed".to_owned()))?;
        LoginToken::parse(cookie).map(Self::Login).map_err(|error| ApiError::LoggedOut(error.to_string()))
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn key(headers: &HeaderMap) -> Option<&str> {
    let bearer = || {
        let (scheme, key) = text(headers, AUTHORIZATION.as_str())?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
    };
    text(headers, "x-api-key").or_else(bearer)
}

/// The login's cookie among whatever others the browser sends (RFC 6265, section 4.2.1).
fn cookie(headers: &HeaderMap) -> Option<&str> {
    let pairs = headers.get_all("cookie").filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
    pairs.filter_map(|pair| pair.trim().split_once('=')).find(|(name, _)| *name == COOKIE).map(|(_, value)| value)
}

/// Whether a request of this method may change anything.
pub(super) fn needs_own_page(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Whether a browser says that a page of this very server sent the request. Browsers that know `Sec-Fetch-Site` send it on
/// connections that they trust; the others send `Origin` with whatever is no GET.
pub(crate) fn from_own_page(request: &HttpRequest) -> bool {
    let headers = request.headers();
    if let Some(site) = text(headers, "sec-fetch-site") {
        return site == "same-origin";
    }
    let (Some(origin), Some(host)) = (text(headers, ORIGIN.as_str()), text(headers, HOST.as_str())) else {
        return false;
    };
    let (port, authority) = match origin.split_once("://") {
        Some(("https", authority)) => (":443", authority),
        Some(("http", authority)) if !over_tls(headers) => (":80", authority),
        _ => return false,
    };
    let bare = |authority: &str| authority.strip_suffix(port).unwrap_or(authority).to_ascii_lowercase();
    bare(authority) == bare(host)
}

/// Whether the request came over TLS, as the balancer that ended it says.
pub(crate) fn over_tls(headers: &HeaderMap) -> bool {
    text(headers, "x-forwarded-proto").is_some_and(|protocol| protocol.trim().eq_ignore_ascii_case("https"))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn own(headers: &[(&'static str, &'static str)]) -> bool {
        let request = headers.iter().fold(TestRequest::post(), |request, header| request.insert_header(*header));
        from_own_page(&request.to_http_request())
    }

    #[test]
    fn only_the_servers_own_page_is_its_own() {
        assert!(own(&[("sec-fetch-site", "same-origin"), ("host", "deck:7600")]));
        assert!(own(&[("origin", "http://deck:7600"), ("host", "deck:7600")]));
        assert!(own(&[("origin", "https://Deck.example"), ("host", "deck.example:443")]));
        assert!(own(&[("origin", "http://[::1]"), ("host", "[::1]:80")]));
        let https = ("x-forwarded-proto", "https");
        assert!(own(&[("origin", "https://deck.example"), ("host", "deck.example"), https]));
        for foreign in [
            &[("host", "deck:7600")][..],
            &[("origin", "http://deck:7600")],
            &[("origin", "null"), ("host", "deck:7600")],
            &[("origin", "http://deck:7601"), ("host", "deck:7600")],
            &[("origin", "http://deck:7600.evil.example"), ("host", "deck:7600")],
            &[("origin", "http://evil.example"), ("host", "deck:7600")],
            &[("origin", "http://deck.example"), ("host", "deck.example"), https],
            &[("sec-fetch-site", "none"), ("origin", "http://deck:7600"), ("host", "deck:7600")],
            &[("sec-fetch-site", "same-site"), ("origin", "http://deck:7600"), ("host", "deck:7600")],
            &[("sec-fetch-site", "cross-site"), ("origin", "http://deck:7600"), ("host", "deck:7600")],
        ] {
            assert!(!own(foreign), "{foreign:?}");
        }
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        let headers = |value: &'static str| {
            TestRequest::get().insert_header(("cookie", value)).to_http_request().headers().clone()
        };
        assert_eq!(cookie(&headers("a=b; flightdeck_session=x_y;c=d")), Some("x_y"));
        assert_eq!(cookie(&headers("flightdeck_session=x=y")), Some("x=y"));
        for without in ["", "flightdeck_session", "xflightdeck_session=x", "a=flightdeck_session"] {
            assert_eq!(cookie(&headers(without)), None, "{without}");
        }
    }
}
