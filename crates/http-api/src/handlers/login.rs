//! Logging in and out: how a browser acts as a key without having it.

use std::net::IpAddr;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderValue, LOCATION, REFERRER_POLICY, SET_COOKIE,
    X_CONTENT_TYPE_OPTIONS,
};
use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use flightdeck_domain::action::Origin;
use flightdeck_domain::api_key::PlainKey;
use flightdeck_domain::login::{Login, LoginToken};
use flightdeck_domain::operator::Permission;
use flightdeck_domain::use_cases::{Authorize, LogIn, LogInError};

use super::operator::request_id;
use super::to_the_end;
use crate::auth::{Caller, KeyRing, SITE, caller, cookie_name, from_own_page, over_tls};
use crate::dto::{LoginBody, LoginLinkReply, MeView};
use crate::extract::{Body, Cap, NoBody, NoParams};
use crate::head::is_head;
use crate::problem::ApiError;
use crate::throttle::Throttle;

/// The logins of browsers.
pub(crate) struct Logins {
    pub(crate) authorize: Authorize,
    pub(crate) log_in: LogIn,
    /// Ends the streams of a login that logs out.
    pub(crate) keys: Arc<KeyRing>,
    pub(crate) throttle_login: Arc<Throttle<IpAddr>>,
    /// The same for links that pages of other sites make a browser open.
    pub(crate) throttle_foreign_links: Arc<Throttle<IpAddr>>,
    /// Whether cookies are `Secure` also for requests that do not say that they came over TLS.
    pub(crate) secure_cookies: bool,
}

/// The page for a link that gives no login. Nothing in it comes from the request.
const LINK_IS_OVER: &str = "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
    <meta name=\"viewport\" content=\"width=device-width\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
    <title>Flightdeck: this link is over</title>\n<h1>This login link is no longer good</h1>\n\
    <p>It has been used, or its ten minutes are over.</p>\n\
    <p>Make a new one with <code>flightdeck login</code>, or <a href=\"/\">log in with a key</a>.</p>\n</html>\n";

/// Log in with a key.
///
/// Answers with a cookie that acts as the key on every route for seven days at most, until `POST /logout`, or until the
/// key ends. Changes with it have to come from the server's own page (`Sec-Fetch-Site` or `Origin`).
#[utoipa::path(post, path = "/login", operation_id = "logIn", tag = "login", request_body = LoginBody,
    responses((status = 204, description = "logged in; the cookie is in Set-Cookie"),
        (status = 401, description = "the key is not good"),
        (status = 403, description = "an agent's key, or sent from another site's page"),
        (status = 413, description = "the body is larger than 4 KiB"),
        (status = 429, description = "20 logins a minute and address by default")))]
pub(crate) async fn login(
    logins: Data<Logins>,
    request: HttpRequest,
    _none: NoParams,
    body: Body<LoginBody>,
) -> Result<HttpResponse, ApiError> {
    // Another site's page can have the operator's browser try, and must not use up what the operator may try.
    let by_browser = request.headers().contains_key(SITE) || request.headers().contains_key("origin");
    if by_browser && !from_own_page(&request) {
        return Err(ApiError::Denied("a login has to come from this server's own page".to_owned()));
    }
    let from = request.peer_addr().map(|peer| peer.ip());
    // Looked at before the body is read, and counted for what may be a key.
    from.map_or(Ok(()), |from| logins.throttle_login.peek(&from).pass())?;
    let body = body.read(Cap::Login).await?;
    let key = PlainKey::parse(&body.key).map_err(|error| ApiError::LoggedOut(error.to_string()))?;
    from.map_or(Ok(()), |from| logins.throttle_login.admit(&from).pass())?;
    let (id, acting) = (request_id(&request)?, logins.clone());
    let (token, login) = to_the_end(async move { Ok(acting.log_in.with_key(&key, id).await?) }).await?;
    let mut response = HttpResponse::NoContent();
    Ok(give_cookie(&mut response, &logins, &request, &token, &login).finish())
}

/// Open a login link.
///
/// The first to open it within its ten minutes gets the cookie that `POST /login` gives, and is sent on to `/`.
#[utoipa::path(get, path = "/login/{token}", operation_id = "openLoginLink", tag = "login",
    params(("token" = String, Path, description = "as it stands in the link")),
    responses((status = 303, description = "logged in; the cookie is in Set-Cookie"),
        (status = 410, description = "the link was used or is too old", content_type = "text/html", body = String),
        (status = 429, description = "20 logins a minute and address by default")))]
pub(crate) async fn open_link(
    logins: Data<Logins>,
    request: HttpRequest,
    _none: NoParams,
    token: Path<String>,
) -> Result<HttpResponse, ApiError> {
    // Programs that look at links before people open them must not use them up.
    if is_head(&request) {
        return Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).finish());
    }
    let opened = match LoginToken::parse(&token) {
        Ok(token) => {
            admit(&logins, &request)?;
            let (id, acting) = (request_id(&request)?, logins.clone());
            to_the_end(async move { Ok(acting.log_in.with_link(&token, id).await) }).await?
        }
        Err(_not_a_login) => Err(flightdeck_domain::login::LoginRejected::Unknown.into()),
    };
    match opened {
        Ok((token, login)) => Ok(give_cookie(&mut on_to_the_page(), &logins, &request, &token, &login).finish()),
        Err(LogInError::Unavailable(error)) => Err(error.into()),
        // Opened twice by the same browser: it is logged in already.
        Err(_) if caller(&request).await.is_ok() => Ok(on_to_the_page().finish()),
        Err(_) => Ok(HttpResponse::build(StatusCode::GONE)
            .content_type("text/html; charset=utf-8")
            .insert_header((CACHE_CONTROL, "no-store"))
            .insert_header((CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"))
            .insert_header((REFERRER_POLICY, "no-referrer"))
            .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .body(LINK_IS_OVER)),
    }
}

/// Make a login link for the key that asks: good once, for ten minutes.
///
/// Takes the key itself, not a login's cookie: a login cannot make itself last longer.
#[utoipa::path(post, path = "/login-links", operation_id = "createLoginLink", tag = "login", security(("apiKey" = [])),
    responses((status = 201, description = "the link, shown this once", body = LoginLinkReply),
        (status = 403, description = "the role may not, or a cookie asks")))]
pub(crate) async fn make_link(
    logins: Data<Logins>,
    caller: Caller,
    _none: NoParams,
    request: HttpRequest,
    body: NoBody,
) -> Result<HttpResponse, ApiError> {
    logins.authorize.role(&caller.principal, Permission::MakeLoginLink)?;
    if caller.login().is_some() {
        return Err(ApiError::Denied("a login link takes the key itself, not a login's cookie".to_owned()));
    }
    body.pass_over().await?;
    let (key, by) = (caller.key(), Origin::new(caller.principal.actor(), request_id(&request)?));
    let acting = logins.clone();
    let (token, link) = to_the_end(async move { Ok(acting.log_in.make_link(&key, by).await?) }).await?;
    Ok(HttpResponse::Created().insert_header((CACHE_CONTROL, "no-store")).json(LoginLinkReply::new(&token, &link)))
}

/// Log out: the cookie is worth nothing from here on, and the streams that were opened with it end.
///
/// With a key instead of a cookie there is nothing to end, and nothing is.
#[utoipa::path(post, path = "/logout", operation_id = "logOut", tag = "login", security(("apiKey" = []), ("login" = [])),
    responses((status = 204, description = "logged out; the cookie is removed")))]
pub(crate) async fn logout(
    logins: Data<Logins>,
    caller: Caller,
    _none: NoParams,
    request: HttpRequest,
    body: NoBody,
) -> Result<HttpResponse, ApiError> {
    body.pass_over().await?;
    if let Some(login) = caller.login() {
        let (id, principal, acting) = (request_id(&request)?, caller.principal.clone(), logins.clone());
        let ended = login.id.clone();
        to_the_end(async move { Ok(acting.log_in.out(login.id, &principal, id).await?) }).await?;
        logins.keys.end_login(&ended);
    }
    let cookie = cookie(&logins, request.headers(), "", 0);
    Ok(HttpResponse::NoContent().insert_header((SET_COOKIE, cookie)).finish())
}

/// Who am I?
#[utoipa::path(get, path = "/me", operation_id = "getMe", tag = "login", security(("apiKey" = []), ("login" = [])),
    responses((status = 200, description = "the key, and the login if there is one", body = MeView)))]
pub(crate) async fn me(caller: Caller, _none: NoParams) -> Json<MeView> {
    Json(MeView::new(&caller.key(), caller.login().as_ref()))
}

/// Counts a link that may be valid. Links that other sites make a browser open are counted separately: a page that
/// opens a thousand uses up neither logins nor the links that people open.
fn admit(logins: &Logins, request: &HttpRequest) -> Result<(), ApiError> {
    let Some(peer) = request.peer_addr() else { return Ok(()) };
    let site = request.headers().get(SITE).map(HeaderValue::as_bytes);
    let by_another_site = site.is_some_and(|site| !matches!(site, b"none" | b"same-origin"));
    let throttle = if by_another_site { &logins.throttle_foreign_links } else { &logins.throttle_login };
    throttle.admit(&peer.ip()).pass()
}

fn on_to_the_page() -> HttpResponseBuilder {
    let mut response = HttpResponse::SeeOther();
    response.insert_header((LOCATION, "/")).insert_header((REFERRER_POLICY, "no-referrer"));
    response
}

fn give_cookie<'a>(
    response: &'a mut HttpResponseBuilder,
    logins: &Logins,
    request: &HttpRequest,
    token: &LoginToken,
    login: &Login,
) -> &'a mut HttpResponseBuilder {
    let age = (login.expires_at.as_micros() - login.created_at.as_micros()) / 1_000_000;
    let cookie = cookie(logins, request.headers(), &token.reveal(), age);
    response.insert_header((SET_COOKIE, cookie)).insert_header((CACHE_CONTROL, "no-store"))
}

fn cookie(logins: &Logins, headers: &HeaderMap, value: &str, age: i64) -> String {
    let name = cookie_name(headers);
    let secure = if logins.secure_cookies || over_tls(headers) { "; Secure" } else { "" };
    format!("{name}={value}; HttpOnly; SameSite=Strict; Path=/; Max-Age={age}{secure}")
}
