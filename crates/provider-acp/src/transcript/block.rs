//! What a content block shows in a text.

use serde_json::Value;

/// The text of a block, of a text alone, or of a list of these.
pub(crate) fn shown(block: &Value) -> String {
    match block {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(blocks) => blocks.iter().map(shown).collect(),
        Value::Object(_) => of_object(block),
        other => other.to_string(),
    }
}

fn of_object(block: &Value) -> String {
    let word = |name: &str| block.get(name).and_then(Value::as_str);
    match (word("type"), word("text")) {
        (Some("text") | None, Some(text)) => text.to_owned(),
        (Some("image"), _) => format!("[image, {}]", word("mimeType").unwrap_or("of some kind")),
        (Some("audio"), _) => format!("[sound, {}]", word("mimeType").unwrap_or("of some kind")),
        (Some("resource_link"), _) => {
            let uri = word("uri").unwrap_or_default();
            format!("[{}]({uri})", word("name").unwrap_or(uri))
        }
        (Some("resource"), _) => {
            let resource = block.get("resource").unwrap_or(&Value::Null);
            let inner = |name: &str| resource.get(name).and_then(Value::as_str);
            match (inner("text"), inner("uri")) {
                (Some(text), _) => text.to_owned(),
                (None, Some(uri)) => format!("[an embedded resource, {uri}]"),
                (None, None) => "[an embedded resource]".to_owned(),
            }
        }
        (Some("content"), _) => shown(block.get("content").unwrap_or(&Value::Null)),
        (_, Some(text)) => text.to_owned(),
        // Unknown, and better shown as it came than not at all.
        _ => block.to_string(),
    }
}
