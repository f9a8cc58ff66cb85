//! Chats of a Telegram bot.

use std::collections::BTreeSet;

use flightdeck_domain::ports::{MessageBody, Outgoing, SendFailed};
use flightdeck_domain::provider_config::{ConfigFault, CredentialName, SettingsSchema};
use flightdeck_domain::sink::Notice;
use flightdeck_domain::text::JsonObject;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Form, Ways, text};
use crate::guard::Guard;
use crate::http::post_json;
use crate::settings::{address, address_fault, missing, needed, read, schema};

pub(super) struct Telegram;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    #[serde(default = "public_server")]
    server: String,
    chat_id: Value,
}

fn public_server() -> String {
    "https://api.telegram.org".to_owned()
}

const TOKEN: &str = "token";

impl Form for Telegram {
    fn schema(&self) -> SettingsSchema {
        let properties = json!({
            "chatId": {"type": ["integer", "string"], "maxLength": 100, "description": "the chat: its number, or @name of a channel"},
            "server": {"type": "string", "maxLength": 2000, "default": public_server(), "description": "the Bot API server"},
        });
        schema(&["chatId"], &properties)
    }

    fn credentials(&self) -> &'static [&'static str] {
        &[TOKEN]
    }

    fn check(&self, guard: Guard, settings: &JsonObject, credentials: &BTreeSet<CredentialName>) -> Vec<ConfigFault> {
        let token = missing(credentials, TOKEN, "the token of the bot");
        address_fault(guard, settings, "server").into_iter().chain(token).collect()
    }

    fn send(&self, ways: &Ways, message: &Outgoing) -> Result<(), SendFailed> {
        let MessageBody::Notice(notice) = &message.body else {
            return Err(SendFailed::new("telegram sends no entries of the audit log").rejected());
        };
        let settings: Settings = read(&message.settings)?;
        let token = needed(&message.credentials, TOKEN)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'_' | b'-');
        if !token.bytes().all(plain) {
            return Err(SendFailed::new("the credential token is not the token of a bot"));
        }
        let server = settings.server.trim_end_matches('/');
        let uri = address(ways.guard, &format!("{server}/bot{token}/sendMessage")).map_err(SendFailed::new)?;
        ways.http.send(post_json(&uri, &[], &body(&settings.chat_id, notice))?)
    }
}

/// Plain text: there is no mode of markup.
pub(super) fn body(chat: &Value, notice: &Notice) -> Value {
    let mut lines = vec![notice.title.clone()];
    let text = text(notice);
    lines.extend(Some(text).filter(|text| !text.is_empty()));
    // Telegram refuses a message with a button to an address that it does not take for one of the internet.
    let (buttons, bare): (Vec<_>, Vec<_>) = notice.links.iter().partition(|link| link.url.starts_with("https://"));
    lines.extend(bare.first().map(|link| link.url.clone()));
    let mut body = json!({
        "chat_id": chat,
        "text": lines.join("\n").chars().take(4_000).collect::<String>(),
        "link_preview_options": {"is_disabled": true},
    });
    let buttons: Vec<Value> = buttons.into_iter().map(|link| json!({"text": link.label, "url": link.url})).collect();
    if let (false, Some(body)) = (buttons.is_empty(), body.as_object_mut()) {
        body.insert("reply_markup".to_owned(), json!({"inline_keyboard": [buttons]}));
    }
    body
}
