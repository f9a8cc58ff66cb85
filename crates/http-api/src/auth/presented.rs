//! The credentials of a request, and whether a browser sent it from this server's own page.

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::http::header::{AUTHORIZATION, HOST, HeaderMap, ORIGIN};
use flightdeck_domain::api_key::PlainKey;
use flightdeck_domain::login::LoginToken;

use crate::problem::ApiError;

/// The name of a login's cookie, at the port that a browser went to.
///
/// Cookies do not distinguish the ports of a host, so a browser sends the cookies of one server to all others on the
/// machine. The name keeps them apart. The port is that of `Host`, which is the same for all replicas behind a proxy.
/// At the ports that a browser leaves out, 80 and 443, the name has no port either.
pub(crate) fn cookie_name(headers: &HeaderMap) -> String {
    const COOKIE: &str = "flightdeck_session";
    let port = text(headers, HOST.as_str()).and_then(|host| host.rsplit_once(':')?.1.parse::<u16>().ok());
    match port {
        None | Some(80 | 443) => COOKIE.to_owned(),
        Some(port) => format!("{COOKIE}_{port}"),
    }
}

/// The credentials of a request. A key takes precedence over a cookie.
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

/// The login's cookie among the other cookies of the browser (RFC 6265, section 4.2.1).
fn cookie(headers: &HeaderMap) -> Option<&str> {
    let ours = cookie_name(headers);
    let pairs = headers.get_all("cookie").filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
    pairs.filter_map(|pair| pair.trim().split_once('=')).find(|(name, _)| *name == ours).map(|(_, value)| value)
}

/// Whether a request of this method may change anything.
pub(super) fn needs_own_page(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// The header in which a browser names the site that sent a request.
pub(crate) const SITE: &str = "sec-fetch-site";

/// Whether a browser says that a page of this server sent the request. Browsers that support `Sec-Fetch-Site` send it
/// on connections that they trust; other browsers send `Origin` with requests other than GET.
pub(crate) fn from_own_page(request: &HttpRequest) -> bool {
    let headers = request.headers();
    if let Some(site) = text(headers, SITE) {
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

/// Whether the request came over TLS, as the proxy that ended it says.
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
    fn the_cookie_bears_the_port_that_the_browser_went_to() {
        let named = |host: &'static str| {
            let request = TestRequest::get().insert_header(("host", host)).to_http_request();
            cookie_name(request.headers())
        };
        assert_eq!(named("127.0.0.1:7600"), "flightdeck_session_7600");
        assert_eq!(named("[::1]:65535"), "flightdeck_session_65535");
        for bare in
            ["deck.example", "deck.example:443", "localhost:80", "[fd00::1]", "deck:99999", "deck:x;y", "deck:", ""]
        {
            assert_eq!(named(bare), "flightdeck_session", "{bare}");
        }
        assert_eq!(cookie_name(&HeaderMap::new()), "flightdeck_session");
    }

    #[test]
    fn the_cookie_of_another_port_is_not_taken() {
        let found = |host: &'static str| {
            let request = TestRequest::get()
                .insert_header(("host", host))
                .insert_header(("cookie", "flightdeck_session=a; flightdeck_session_7600=b"))
                .to_http_request();
            cookie(request.headers()).map(ToOwned::to_owned)
        };
        assert_eq!([found("h:7600"), found("h"), found("h:7601")], [Some("b".to_owned()), Some("a".to_owned()), None]);
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
