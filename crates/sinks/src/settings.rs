//! Settings of sinks, read and checked.

use std::collections::BTreeSet;

use flightdeck_domain::ports::SendFailed;
use flightdeck_domain::provider_config::{ConfigFault, CredentialName, Credentials, SettingsSchema};
use flightdeck_domain::text::JsonObject;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use ureq::http::Uri;

use crate::guard::Guard;

/// A schema of an object with these properties.
pub(crate) fn schema(required: &[&str], properties: &Value) -> SettingsSchema {
    let schema = json!({
        "type": "object",
        "required": required,
        "additionalProperties": false,
        "properties": properties,
    });
    SettingsSchema::built_in(schema)
}

/// Reads settings that fit their schema.
pub(crate) fn read<T: DeserializeOwned>(settings: &JsonObject) -> Result<T, SendFailed> {
    let read = T::deserialize(Value::Object(settings.as_map().clone()));
    read.map_err(|error| SendFailed::new(format!("the settings cannot be read: {error}")))
}

/// A credential that has to be there.
pub(crate) fn needed<'a>(credentials: &'a Credentials, name: &str) -> Result<&'a str, SendFailed> {
    given(credentials, name).ok_or_else(|| SendFailed::new(format!("the credential {name} is missing")))
}

/// A credential that may be there.
pub(crate) fn given<'a>(credentials: &'a Credentials, name: &str) -> Option<&'a str> {
    let found = credentials.iter().find(|(found, _)| found.as_str() == name);
    found.map(|(_, secret)| secret.reveal())
}

/// The fault of a credential that is missing.
pub(crate) fn missing(credentials: &BTreeSet<CredentialName>, name: &str, what: &str) -> Option<ConfigFault> {
    let is_there = credentials.iter().any(|found| found.as_str() == name);
    (!is_there).then(|| ConfigFault::new(format!("credentials.{name}"), format!("is missing: {what}")))
}

/// An address that messages are sent to over HTTP.
pub(crate) fn address(guard: Guard, text: &str) -> Result<Uri, String> {
    let wrong = || "is not an address such as https://hooks.example/path".to_owned();
    let uri: Uri = text.parse().map_err(|_error: ureq::http::uri::InvalidUri| wrong())?;
    let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else { return Err(wrong()) };
    match scheme {
        "https" => {}
        "http" if guard.allow_private => {}
        "http" => return Err("must begin with https://, for anybody could read it on its way".to_owned()),
        _ => return Err(wrong()),
    }
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err("has a user or a password; credentials have a place of their own".to_owned());
    }
    guard.admit_host(host).map_err(|refused| refused.to_string())?;
    Ok(uri)
}

/// The fault of a setting that is such an address.
pub(crate) fn address_fault(guard: Guard, settings: &JsonObject, name: &str) -> Option<ConfigFault> {
    let text = settings.as_map().get(name)?.as_str()?;
    let problem = address(guard, text).err()?;
    Some(ConfigFault::new(format!("settings.{name}"), problem))
}

/// The fault of a setting that is a host.
pub(crate) fn host_fault(guard: Guard, settings: &JsonObject, name: &str) -> Option<ConfigFault> {
    let host = settings.as_map().get(name)?.as_str()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']');
    let problem = if host.bytes().all(plain) {
        guard.admit_host(host).err()?.to_string()
    } else {
        "is not the name or the address of a host".to_owned()
    };
    Some(ConfigFault::new(format!("settings.{name}"), problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked_as_far_as_they_show() {
        let told = |allow_private, text| address(Guard { allow_private }, text).err().unwrap_or_default();
        assert_eq!(told(false, "https://hooks.example/a?b=c"), "");
        assert!(told(false, "http://hooks.example").contains("https"));
        assert_eq!(told(true, "http://127.0.0.1:8080/x"), "");
        for (wrong, part) in [
            ("hooks.example", "is not an address"),
            ("ftp://hooks.example", "is not an address"),
            ("https://me:hush@hooks.example", "a user or a password"),
            ("https://127.0.0.1", "private address"),
            ("https://0x7f.1/", "private address"),
            ("https://[::ffff:169.254.169.254]/latest", "nothing is sent to"),
        ] {
            assert!(told(false, wrong).contains(part), "{wrong}: {}", told(false, wrong));
        }
    }
}
