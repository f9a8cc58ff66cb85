//! The schema of a kind's settings, and settings that are checked against it.

use serde_json::{Map, Value};

/// What is wrong with one field of a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct ConfigFault {
    /// Where, with dots between the names: `settings.command`.
    pub field: String,
    /// What is wrong, and what would be right.
    pub problem: String,
}

impl ConfigFault {
    /// A fault of a field.
    pub fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { field: field.into(), problem: problem.into() }
    }
}

/// A JSON Schema (2020-12) of settings. It is checked here with the part of the vocabulary that settings need; a schema
/// with any other word is refused when it is made, so that what is published is what is checked.
#[derive(Clone, Debug, PartialEq)]
pub struct SettingsSchema(Value);

/// A schema that uses a word that is not checked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the schema uses {0:?}, which is not checked")]
pub struct UncheckedWord(pub String);

/// The words that say something about a value without limiting it.
const ANNOTATIONS: [&str; 5] = ["$schema", "title", "description", "default", "examples"];
/// The words that are checked.
const CHECKED: [&str; 12] = [
    "type",
    "enum",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "maxItems",
    "propertyNames",
];

impl SettingsSchema {
    /// Takes a schema.
    ///
    /// # Errors
    /// It uses a word that is not checked.
    pub fn new(schema: Value) -> Result<Self, UncheckedWord> {
        known(&schema)?;
        Ok(Self(schema))
    }

    /// Takes a schema that is part of the program. With a word that is not checked it would allow nothing, which a debug
    /// build, and so any test that asks for it, does not let pass.
    #[must_use]
    pub fn built_in(schema: Value) -> Self {
        let taken = Self::new(schema);
        debug_assert!(taken.is_ok(), "{taken:?}");
        taken.unwrap_or_else(|_unchecked| Self::empty())
    }

    /// The schema of a kind without settings: an empty object.
    #[must_use]
    pub fn empty() -> Self {
        Self(serde_json::json!({"type": "object", "properties": {}, "additionalProperties": false}))
    }

    /// The schema, to be published.
    #[must_use]
    pub const fn as_value(&self) -> &Value {
        &self.0
    }

    /// Everything that is wrong with settings, each with its field below `settings`.
    #[must_use]
    pub fn faults(&self, settings: &Map<String, Value>) -> Vec<ConfigFault> {
        let mut faults = Vec::new();
        check("settings", &self.0, &Value::Object(settings.clone()), &mut faults);
        faults
    }
}

fn known(schema: &Value) -> Result<(), UncheckedWord> {
    let Value::Object(words) = schema else { return Ok(()) };
    for (word, value) in words {
        match word.as_str() {
            "properties" => value.as_object().into_iter().flat_map(Map::values).try_for_each(known)?,
            "items" | "additionalProperties" | "propertyNames" => known(value)?,
            word if CHECKED.contains(&word) || ANNOTATIONS.contains(&word) => {}
            word => return Err(UncheckedWord(word.to_owned())),
        }
    }
    Ok(())
}

fn check(field: &str, schema: &Value, value: &Value, faults: &mut Vec<ConfigFault>) {
    let words = match schema {
        Value::Bool(false) => return faults.push(ConfigFault::new(field, "is not known here")),
        Value::Object(words) => words,
        _ => return,
    };
    if let Some(types) = words.get("type") {
        let types: Vec<&str> = match types {
            Value::String(one) => vec![one],
            Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        if !types.iter().any(|name| is_of(name, value)) {
            return faults.push(ConfigFault::new(field, format!("must be of the type {}", types.join(" or "))));
        }
    }
    if let Some(Value::Array(allowed)) = words.get("enum")
        && !allowed.contains(value)
    {
        let allowed: Vec<String> = allowed.iter().map(ToString::to_string).collect();
        faults.push(ConfigFault::new(field, format!("must be one of {}", allowed.join(", "))));
    }
    match value {
        Value::String(text) => of_text(field, words, text, faults),
        Value::Number(number) => of_number(field, words, number, faults),
        Value::Array(items) => of_array(field, words, items, faults),
        Value::Object(members) => of_object(field, words, members, faults),
        Value::Null | Value::Bool(_) => {}
    }
}

fn is_of(name: &str, value: &Value) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        _ => false,
    }
}

fn limit(words: &Map<String, Value>, word: &str) -> Option<usize> {
    words.get(word)?.as_u64().and_then(|limit| usize::try_from(limit).ok())
}

fn of_text(field: &str, words: &Map<String, Value>, text: &str, faults: &mut Vec<ConfigFault>) {
    let length = text.chars().count();
    if let Some(least) = limit(words, "minLength").filter(|least| length < *least) {
        let problem = if least == 1 { "must not be empty".to_owned() } else { format!("is shorter than {least}") };
        faults.push(ConfigFault::new(field, problem));
    }
    if let Some(most) = limit(words, "maxLength").filter(|most| length > *most) {
        faults.push(ConfigFault::new(field, format!("is longer than {most} characters")));
    }
}

fn of_number(field: &str, words: &Map<String, Value>, number: &serde_json::Number, faults: &mut Vec<ConfigFault>) {
    let value = number.as_f64().unwrap_or(f64::NAN);
    let bound = |word: &str| words.get(word).and_then(Value::as_f64);
    let low = bound("minimum").filter(|least| value < *least);
    let high = bound("maximum").filter(|most| value > *most);
    if low.is_some() || high.is_some() {
        let problem = match (words.get("minimum"), words.get("maximum")) {
            (Some(least), Some(most)) => format!("is {number}; {least} to {most} is allowed"),
            (Some(least), None) => format!("is {number}; it must be at least {least}"),
            (_, most) => format!("is {number}; it must be at most {}", most.unwrap_or(&Value::Null)),
        };
        faults.push(ConfigFault::new(field, problem));
    }
}

fn of_array(field: &str, words: &Map<String, Value>, items: &[Value], faults: &mut Vec<ConfigFault>) {
    if let Some(most) = limit(words, "maxItems").filter(|most| items.len() > *most) {
        faults.push(ConfigFault::new(field, format!("has more than {most} elements")));
    }
    if let Some(schema) = words.get("items") {
        for (place, item) in items.iter().enumerate() {
            check(&format!("{field}.{place}"), schema, item, faults);
        }
    }
}

fn of_object(field: &str, words: &Map<String, Value>, members: &Map<String, Value>, faults: &mut Vec<ConfigFault>) {
    let properties = words.get("properties").and_then(Value::as_object);
    let required = words.get("required").and_then(Value::as_array);
    for name in required.into_iter().flatten().filter_map(Value::as_str) {
        if !members.contains_key(name) {
            faults.push(ConfigFault::new(format!("{field}.{name}"), "is missing"));
        }
    }
    for (name, value) in members {
        let below = format!("{field}.{name}");
        if let Some(names) = words.get("propertyNames") {
            check(&below, names, &Value::String(name.clone()), faults);
        }
        match (properties.and_then(|properties| properties.get(name)), words.get("additionalProperties")) {
            (Some(schema), _) => check(&below, schema, value, faults),
            (None, Some(Value::Bool(false))) => {
                let known: Vec<&str> = properties.into_iter().flat_map(Map::keys).map(String::as_str).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                faults.push(ConfigFault::new(below, format!("is not known here; known are {known}")));
            }
            (None, Some(schema)) => check(&below, schema, value, faults),
            (None, None) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(settings: &Value) -> Vec<String> {
        let schema = SettingsSchema::new(json!({
            "type": "object", "required": ["command"], "additionalProperties": false,
            "properties": {
                "command": {"type": "string", "minLength": 1, "maxLength": 5},
                "args": {"type": "array", "items": {"type": "string"}, "maxItems": 2},
                "many": {"type": "integer", "minimum": 1, "maximum": 9},
                "least": {"type": "number", "minimum": 0.5},
                "how": {"enum": ["turn", "freeze"]},
                "env": {"type": "object", "propertyNames": {"minLength": 1}, "additionalProperties": {"type": "string"}},
                "either": {"type": ["string", "boolean"]},
            },
        }));
        let settings = settings.as_object().expect("an object");
        schema.expect("known words").faults(settings).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_fits_has_no_fault() {
        let full = json!({"command": "c", "args": ["a"], "many": 9, "least": 0.5, "how": "turn", "env": {"A": "1"},
            "either": true});
        assert_eq!(told(&full), Vec::<String>::new());
    }

    #[test]
    fn each_fault_names_its_field_and_what_would_be_right() {
        for (settings, expected) in [
            (json!({}), "settings.command: is missing"),
            (json!({"command": ""}), "settings.command: must not be empty"),
            (json!({"command": 7}), "settings.command: must be of the type string"),
            (json!({"command": "123456"}), "settings.command: is longer than 5 characters"),
            (json!({"command": "c", "args": ["a", 1]}), "settings.args.1: must be of the type string"),
            (json!({"command": "c", "args": ["a", "b", "c"]}), "settings.args: has more than 2 elements"),
            (json!({"command": "c", "many": 0}), "settings.many: is 0; 1 to 9 is allowed"),
            (json!({"command": "c", "many": 1.5}), "settings.many: must be of the type integer"),
            (json!({"command": "c", "least": 0.1}), "settings.least: is 0.1; it must be at least 0.5"),
            (json!({"command": "c", "how": "x"}), "settings.how: must be one of \"turn\", \"freeze\""),
            (json!({"command": "c", "env": {"A": 1}}), "settings.env.A: must be of the type string"),
            (json!({"command": "c", "env": {"": "x"}}), "settings.env.: must not be empty"),
            (json!({"command": "c", "either": 1}), "settings.either: must be of the type string or boolean"),
        ] {
            assert_eq!(told(&settings), [expected], "{settings}");
        }
        let two = told(&json!({"comand": "c"}));
        assert_eq!(two.len(), 2);
        assert!(two[1].starts_with("settings.comand: is not known here; known are command, args"), "{two:?}");
    }

    #[test]
    fn a_schema_says_nothing_that_is_not_checked() {
        let wrong = json!({"properties": {"a": {"items": {"pattern": "^x"}}}});
        assert_eq!(SettingsSchema::new(wrong), Err(UncheckedWord("pattern".to_owned())));
        assert!(SettingsSchema::new(json!({"properties": {"pattern": {"description": "x"}}})).is_ok());
        let none = SettingsSchema::empty().faults(json!({"a": 1}).as_object().expect("an object"));
        assert_eq!(none[0].to_string(), "settings.a: is not known here; known are none");
    }
}
