//! What forms are set with.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flightdeck_domain::provider_config::CredentialName;
use flightdeck_domain::sink::{PushSubscription, SinkForm};
use serde_json::json;

use super::object;
use crate::forms::form;
use crate::guard::Guard;

#[test]
fn what_a_form_is_set_with_is_published_and_nothing_else_is_taken() {
    for name in SinkForm::ALL {
        let schema = form(name).schema();
        let faults = schema.faults(object(&json!({"nonsense": 1})).as_map());
        assert!(faults.iter().any(|fault| fault.field == "settings.nonsense"), "{name:?}: {faults:?}");
    }
}

#[test]
fn a_browser_is_told_by_a_sink_that_is_set_right() {
    let point = |first: u8| URL_SAFE_NO_PAD.encode([&[first], [7; 64].as_slice()].concat());
    let names = [PushSubscription::AUTH, PushSubscription::SERVER_KEY];
    let credentials: BTreeSet<_> = names.map(|name| CredentialName::new(name).expect("valid")).into();
    let faults = |p256dh: String, contact: &str, credentials: &BTreeSet<CredentialName>| {
        let settings = json!({"endpoint": "https://push.example/a", "p256dh": p256dh, "contact": contact, "key": "k"});
        let (form, settings) = (form(SinkForm::WebPush), object(&settings));
        let mut faults = form.schema().faults(settings.as_map());
        faults.extend(form.check(Guard { allow_private: false }, &settings, credentials));
        faults.into_iter().map(|fault| fault.field).collect::<Vec<_>>()
    };
    assert_eq!(faults(point(4), "mailto:ops@deck.example", &credentials), Vec::<String>::new());
    assert_eq!(faults(point(4), "https://deck.example", &credentials), Vec::<String>::new());
    assert_eq!(faults(point(4), "ops@deck.example", &credentials), ["settings.contact"]);
    assert_eq!(faults(point(2), "mailto:a@b", &credentials), ["settings.p256dh"]);
    assert_eq!(faults(point(4), "mailto:a@b", &BTreeSet::new()), ["credentials.auth", "credentials.server_key"]);
}
