//! Incoming webhooks of Slack.

use std::collections::BTreeSet;

use flightdeck_domain::ports::{MessageBody, Outgoing, SendFailed};
use flightdeck_domain::provider_config::{ConfigFault, CredentialName, SettingsSchema};
use flightdeck_domain::sink::{Notice, Urgency};
use flightdeck_domain::text::JsonObject;
use serde_json::{Value, json};

use super::{Form, Ways, text};
use crate::guard::Guard;
use crate::http::post_json;
use crate::settings::{address, missing, needed, schema};

pub(super) struct Slack;

/// The address is the secret.
const URL: &str = "url";

impl Form for Slack {
    fn schema(&self) -> SettingsSchema {
        schema(&[], &json!({}))
    }

    fn credentials(&self) -> &'static [&'static str] {
        &[URL]
    }

    fn check(&self, _guard: Guard, _settings: &JsonObject, credentials: &BTreeSet<CredentialName>) -> Vec<ConfigFault> {
        missing(credentials, URL, "the address of an incoming webhook of Slack").into_iter().collect()
    }

    fn send(&self, ways: &Ways, message: &Outgoing) -> Result<(), SendFailed> {
        let MessageBody::Notice(notice) = &message.body else {
            return Err(SendFailed::new("slack sends no entries of the audit log").rejected());
        };
        let uri = address(ways.guard, needed(&message.credentials, URL)?);
        let uri = uri.map_err(|problem| SendFailed::new(format!("the credential {URL} {problem}")))?;
        ways.http.send(post_json(&uri, &[], &body(notice))?)
    }
}

/// Blocks of plain text: nothing in it is markup, mentions nobody, and becomes no link.
pub(super) fn body(notice: &Notice) -> Value {
    let plain = |text: &str| json!({"type": "plain_text", "text": text, "emoji": false});
    let sign = if notice.urgency == Urgency::High { "\u{26a0}\u{fe0f} " } else { "" };
    let mut blocks = vec![json!({"type": "section", "text": plain(&format!("{sign}{}", notice.title))})];
    let text = text(notice);
    if !text.is_empty() {
        let text: String = text.chars().take(2_900).collect();
        blocks.push(json!({"type": "context", "elements": [plain(&text)]}));
    }
    let buttons = notice.links.iter().enumerate().map(|(place, link)| {
        let mut button = json!({"type": "button", "text": plain(link.label), "url": link.url, "action_id": link.label});
        if let (0, Some(button)) = (place, button.as_object_mut()) {
            button.insert("style".to_owned(), json!("primary"));
        }
        button
    });
    let buttons: Vec<Value> = buttons.collect();
    if !buttons.is_empty() {
        blocks.push(json!({"type": "actions", "elements": buttons}));
    }
    // What notifications show is markup.
    let title = notice.title.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    json!({"text": title, "blocks": blocks})
}
