//! Web Push: messages for browsers (RFC 8030), encrypted for them (RFC 8291, RFC 8188) and signed with the key that they
//! subscribed with (VAPID, RFC 8292).

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flightdeck_domain::ports::{MessageBody, Outgoing, SendFailed};
use flightdeck_domain::provider_config::{ConfigFault, CredentialName, SettingsSchema};
use flightdeck_domain::sink::{Notice, PushSubscription, Urgency};
use flightdeck_domain::text::JsonObject;
use flightdeck_domain::time::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use ring::{aead, agreement, hkdf, rand};
use serde::Deserialize;
use serde_json::{Value, json};
use ureq::http::Uri;

use super::{Form, Ways};
use crate::guard::Guard;
use crate::http::post;
use crate::settings::{address, address_fault, missing, needed, read, schema};

pub(super) struct WebPush;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    endpoint: String,
    p256dh: String,
    contact: String,
}

/// The size of the one record, in bytes: what every push service takes (RFC 8291, section 4).
const RECORD: u32 = 4_096;
/// The longest text: the record less its header, its end and its tag.
const LONGEST: usize = 3_900;
/// How long the push service keeps a message for a browser that is away, in seconds: a request for permission from
/// yesterday is of no use.
const TTL: &str = "43200";
/// How long a signature holds, in seconds; at most a day (RFC 8292, section 2).
const SIGNED_FOR: i64 = 12 * 3_600;

impl Form for WebPush {
    fn schema(&self) -> SettingsSchema {
        let properties = json!({
            "endpoint": {"type": "string", "minLength": 1, "maxLength": 2000,
                "description": "the address that the browser's push service gave"},
            "p256dh": {"type": "string", "minLength": 1, "maxLength": 200,
                "description": "the public key of the browser, in base64url"},
            "contact": {"type": "string", "minLength": 1, "maxLength": 1000,
                "description": "whom the push service may turn to: a page or a mail address"},
            "key": {"type": "string", "maxLength": 100,
                "description": "the API key of the subscriber; when it is revoked nothing is sent any more"},
        });
        schema(&["endpoint", "p256dh", "contact", "key"], &properties)
    }

    fn credentials(&self) -> &'static [&'static str] {
        &[PushSubscription::AUTH, PushSubscription::SERVER_KEY]
    }

    fn check(&self, guard: Guard, settings: &JsonObject, credentials: &BTreeSet<CredentialName>) -> Vec<ConfigFault> {
        let key = settings.as_map().get("p256dh").and_then(Value::as_str).unwrap_or_default();
        let wrong = "is not a public key of P-256, uncompressed, in base64url";
        let key = point(key).is_none().then(|| ConfigFault::new("settings.p256dh", wrong));
        let auth = missing(credentials, PushSubscription::AUTH, "16 bytes in base64url, which the browser gave");
        let what = "the key that the browser subscribed with: PKCS #8 in base64url";
        let server_key = missing(credentials, PushSubscription::SERVER_KEY, what);
        let contact = settings.as_map().get("contact").and_then(Value::as_str).unwrap_or_default();
        let reachable = contact.starts_with("mailto:") || contact.starts_with("https://");
        let wrong = "begins neither with mailto: nor with https:// (RFC 8292, section 2.1)";
        let contact = (!reachable).then(|| ConfigFault::new("settings.contact", wrong));
        let endpoint = address_fault(guard, settings, "endpoint");
        [endpoint, key, contact, auth, server_key].into_iter().flatten().collect()
    }

    fn send(&self, ways: &Ways, message: &Outgoing) -> Result<(), SendFailed> {
        let MessageBody::Notice(notice) = &message.body else {
            return Err(SendFailed::new("a browser gets no entries of the audit log").rejected());
        };
        let settings: Settings = read(&message.settings)?;
        let uri = address(ways.guard, &settings.endpoint).map_err(SendFailed::new)?;
        let receiver = point(&settings.p256dh).ok_or_else(|| broken("the key of the browser"))?;
        let auth = bytes(needed(&message.credentials, PushSubscription::AUTH)?);
        let auth = auth.filter(|auth| auth.len() == 16).ok_or_else(|| broken("the secret of the browser"))?;
        let body = encrypted(&receiver, &auth, text(notice, &message.id).as_bytes())?;
        let server_key = needed(&message.credentials, PushSubscription::SERVER_KEY)?;
        let authorization = vapid(server_key, &uri, &settings.contact, message.at)?;
        let urgency = if notice.urgency == Urgency::High { "high" } else { "normal" };
        let headers = [
            ("content-encoding", "aes128gcm"),
            ("ttl", TTL),
            ("urgency", urgency),
            ("authorization", authorization.as_str()),
        ];
        ways.http.send(post(&uri, "application/octet-stream", &headers, body)?)
    }
}

/// What the service worker of the page is told. The tag is the same for the same event, so that a repetition shows nothing
/// twice.
fn text(notice: &Notice, id: &str) -> String {
    let of = |name: &str| notice.data.as_map().get(name).cloned().unwrap_or(Value::Null);
    let text = |lines: &[String]| {
        json!({"title": notice.title, "body": lines.join("\n"), "kind": notice.kind, "tag": id, "at": notice.at,
            "urgent": notice.urgency == Urgency::High, "sessionId": of("sessionId"), "approvalId": of("approvalId"),
            "link": notice.link})
        .to_string()
    };
    let whole = text(&notice.lines);
    if whole.len() <= LONGEST { whole } else { text(&[]) }
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()
}

/// A point of the curve, uncompressed.
fn point(text: &str) -> Option<Vec<u8>> {
    bytes(text).filter(|point| point.len() == 65 && point.first() == Some(&4))
}

fn broken(what: &str) -> SendFailed {
    SendFailed::new(format!("{what} is none; subscribe again"))
}

/// The length of what a key derivation gives.
struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// So many bytes out of a key derivation (RFC 5869).
fn derived<const N: usize>(salt: &[u8], secret: &[u8], info: &[&[u8]]) -> Result<[u8; N], SendFailed> {
    let mut bytes = [0; N];
    let key = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(secret);
    key.expand(info, Length(N)).and_then(|key| key.fill(&mut bytes)).map_err(|_none| broken("a derived key"))?;
    Ok(bytes)
}

/// A text for a browser, in one record (RFC 8291, section 3.4; RFC 8188, section 2). The key of the sender is used once.
fn encrypted(receiver: &[u8], auth: &[u8], text: &[u8]) -> Result<Vec<u8>, SendFailed> {
    let random = SystemRandom::new();
    let failed = |_none| broken("the key of the browser");
    let sender = agreement::EphemeralPrivateKey::generate(&agreement::ECDH_P256, &random).map_err(failed)?;
    let public = sender.compute_public_key().map_err(failed)?;
    let peer = agreement::UnparsedPublicKey::new(&agreement::ECDH_P256, receiver);
    let info: [&[u8]; 3] = [b"WebPush: info\0", receiver, public.as_ref()];
    let agreed = agreement::agree_ephemeral(sender, &peer, |shared| derived::<32>(auth, shared, &info));
    let agreed = agreed.map_err(failed)??;
    let salt: [u8; 16] = rand::generate(&random).map_err(failed)?.expose();
    let key: [u8; 16] = derived(&salt, &agreed, &[b"Content-Encoding: aes128gcm\0"])?;
    let nonce: [u8; 12] = derived(&salt, &agreed, &[b"Content-Encoding: nonce\0"])?;
    let key = aead::UnboundKey::new(&aead::AES_128_GCM, &key).map(aead::LessSafeKey::new).map_err(failed)?;
    let mut record = text.to_vec();
    // The end of the last record.
    record.push(2);
    let nonce = aead::Nonce::assume_unique_for_key(nonce);
    key.seal_in_place_append_tag(nonce, aead::Aad::empty(), &mut record).map_err(failed)?;
    let mut body = salt.to_vec();
    body.extend_from_slice(&RECORD.to_be_bytes());
    body.push(65);
    body.extend_from_slice(public.as_ref());
    body.append(&mut record);
    Ok(body)
}

/// The header that tells the push service who sends (RFC 8292, section 3).
fn vapid(server_key: &str, endpoint: &Uri, contact: &str, at: Timestamp) -> Result<String, SendFailed> {
    let random = SystemRandom::new();
    let wrong = || broken("the key that the browser subscribed with");
    let key = bytes(server_key).ok_or_else(wrong)?;
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &key, &random).map_err(|_none| wrong())?;
    let authority = endpoint.authority().map(ToString::to_string).unwrap_or_default();
    let audience = format!("{}://{authority}", endpoint.scheme_str().unwrap_or("https"));
    let until = at.as_datetime().timestamp().saturating_add(SIGNED_FOR);
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = part(&json!({"typ": "JWT", "alg": "ES256"}));
    let signed = format!("{head}.{}", part(&json!({"aud": audience, "exp": until, "sub": contact})));
    let signature = key.sign(&random, signed.as_bytes()).map_err(|_none| wrong())?;
    let (signature, public) = (URL_SAFE_NO_PAD.encode(signature), URL_SAFE_NO_PAD.encode(key.public_key()));
    Ok(format!("vapid t={signed}.{signature}, k={public}"))
}

#[cfg(test)]
mod tests {
    use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    use super::*;

    /// The receiver's half of RFC 8291, with a key that is used once.
    fn opened(receiver: agreement::EphemeralPrivateKey, public: &[u8], auth: &[u8], body: &[u8]) -> Option<Vec<u8>> {
        let (salt, rest) = body.split_at(16);
        let (head, rest) = rest.split_at(5);
        assert_eq!(head, [0, 0, 16, 0, 65]);
        let (sender, record) = rest.split_at(65);
        let info: [&[u8]; 3] = [b"WebPush: info\0", public, sender];
        let peer = agreement::UnparsedPublicKey::new(&agreement::ECDH_P256, sender);
        let agreed = agreement::agree_ephemeral(receiver, &peer, |shared| derived::<32>(auth, shared, &info));
        let agreed = agreed.expect("a key").expect("derived");
        let key: [u8; 16] = derived(salt, &agreed, &[b"Content-Encoding: aes128gcm\0"]).expect("derived");
        let nonce: [u8; 12] = derived(salt, &agreed, &[b"Content-Encoding: nonce\0"]).expect("derived");
        let key = aead::LessSafeKey::new(aead::UnboundKey::new(&aead::AES_128_GCM, &key).expect("a key"));
        let (nonce, mut record) = (aead::Nonce::assume_unique_for_key(nonce), record.to_vec());
        let text = key.open_in_place(nonce, aead::Aad::empty(), &mut record).ok()?;
        assert_eq!(text.last(), Some(&2));
        Some(text[..text.len() - 1].to_vec())
    }

    #[test]
    fn a_browser_reads_what_is_for_it_and_nobody_else_does() {
        let random = SystemRandom::new();
        let new = || agreement::EphemeralPrivateKey::generate(&agreement::ECDH_P256, &random).expect("a key");
        let receiver = new();
        let public = receiver.compute_public_key().expect("a key");
        let body = encrypted(public.as_ref(), &[7; 16], "h\u{e9}llo".as_bytes()).expect("encrypted");
        assert_eq!(opened(new(), public.as_ref(), &[7; 16], &body), None);
        assert_eq!(opened(receiver, public.as_ref(), &[7; 16], &body).as_deref(), Some("h\u{e9}llo".as_bytes()));
        let again = encrypted(public.as_ref(), &[7; 16], b"x").expect("encrypted");
        assert_ne!(again[..16], body[..16], "a salt is used once");
    }

    #[test]
    fn the_push_service_is_told_who_sends_to_it() {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
        let server_key = URL_SAFE_NO_PAD.encode(pkcs8.as_ref());
        let uri: Uri = "https://push.example:8443/send/abc?d=e".parse().expect("an address");
        let header = vapid(&server_key, &uri, "mailto:ops@deck.example", Timestamp::FIRST).expect("signed");
        let (token, public) = header.strip_prefix("vapid t=").and_then(|rest| rest.split_once(", k=")).expect("both");
        let (signed, signature) = token.rsplit_once('.').expect("three parts");
        let public = bytes(public).expect("base64");
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &public);
        assert_eq!(key.verify(signed.as_bytes(), &bytes(signature).expect("base64")), Ok(()));
        let claims = bytes(signed.split_once('.').expect("two parts").1).expect("base64");
        let claims: Value = serde_json::from_slice(&claims).expect("JSON");
        let until = Timestamp::FIRST.as_datetime().timestamp() + 12 * 3_600;
        let expected = json!({"aud": "https://push.example:8443", "exp": until, "sub": "mailto:ops@deck.example"});
        assert_eq!(claims, expected);
        assert!(vapid("bm90IGEga2V5", &uri, "mailto:a@b", Timestamp::FIRST).is_err());
    }
}
