//! Attributes, found by their names.

use std::collections::HashMap;

use flightdeck_domain::usage::Cost;

use crate::proto::{KeyValue, Resource, Value};

/// The attributes of one span or record, and those of its resource. The first of several with one name counts.
pub(crate) struct Attributes<'a> {
    own: HashMap<&'a str, &'a Value>,
    resource: &'a HashMap<&'a str, &'a Value>,
}

pub(crate) fn by_name(all: &[KeyValue]) -> HashMap<&str, &Value> {
    let mut found = HashMap::new();
    for pair in all {
        if let Some(value) = pair.value.as_ref().and_then(|value| value.value.as_ref()) {
            found.entry(pair.key.as_str()).or_insert(value);
        }
    }
    found
}

pub(crate) fn of_resource(resource: Option<&Resource>) -> HashMap<&str, &Value> {
    resource.map(|resource| by_name(&resource.attributes)).unwrap_or_default()
}

impl<'a> Attributes<'a> {
    pub(crate) fn new(own: &'a [KeyValue], resource: &'a HashMap<&'a str, &'a Value>) -> Self {
        Self { own: by_name(own), resource }
    }

    /// A value of the span or record itself.
    fn get(&self, name: &str) -> Option<&'a Value> {
        self.own.get(name).copied()
    }

    /// A text that is not empty.
    pub(crate) fn text(&self, name: &str) -> Option<&'a str> {
        as_text(self.get(name)?)
    }

    /// The first of these that is there.
    pub(crate) fn first(&self, names: &[&str]) -> Option<&'a str> {
        names.iter().find_map(|name| self.text(name))
    }

    /// A text of the span or record, or of its resource.
    pub(crate) fn anywhere(&self, name: &str) -> Option<&'a str> {
        self.text(name).or_else(|| as_text(self.resource.get(name)?))
    }

    /// A count. Programs write it as a number or as a text.
    pub(crate) fn count(&self, name: &str) -> Option<u64> {
        match self.get(name)? {
            Value::Int(number) => u64::try_from(*number).ok(),
            Value::Text(text) => text.trim().parse().ok(),
            Value::Double(number) if number.fract().abs() < f64::EPSILON => format!("{number:.0}").parse().ok(),
            Value::Double(_) | Value::Bool(_) => None,
        }
    }

    /// The first count of these that is there.
    pub(crate) fn first_count(&self, names: &[&str]) -> Option<u64> {
        names.iter().find_map(|name| self.count(name))
    }

    /// An amount of US dollars.
    pub(crate) fn cost(&self, name: &str) -> Option<Cost> {
        let dollars = match self.get(name)? {
            Value::Double(dollars) => *dollars,
            Value::Int(dollars) => dollars.to_string().parse().ok()?,
            Value::Text(text) => text.trim().parse().ok()?,
            Value::Bool(_) => return None,
        };
        Cost::try_from(dollars).ok()
    }

    /// Yes or no, also as a text.
    pub(crate) fn is(&self, name: &str) -> Option<bool> {
        match self.get(name)? {
            Value::Bool(yes) => Some(*yes),
            Value::Text(text) => text.parse().ok(),
            Value::Int(_) | Value::Double(_) => None,
        }
    }
}

fn as_text(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::AnyValue;

    fn pair(key: &str, value: Value) -> KeyValue {
        KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }) }
    }

    #[test]
    fn numbers_are_read_however_a_program_writes_them() {
        let own = [
            pair("text", Value::Text("12".to_owned())),
            pair("int", Value::Int(12)),
            pair("double", Value::Double(12.0)),
            pair("half", Value::Double(0.5)),
            pair("negative", Value::Int(-1)),
            pair("nan", Value::Double(f64::NAN)),
            pair("yes", Value::Text("true".to_owned())),
            pair("empty", Value::Text(String::new())),
        ];
        let (none, from) = (HashMap::new(), [pair("of", Value::Text("r".to_owned()))]);
        let all = Attributes::new(&own, &none);
        for name in ["text", "int", "double"] {
            assert_eq!(all.count(name), Some(12), "{name}");
            assert_eq!(all.cost(name).map(Cost::nanos), Some(12_000_000_000), "{name}");
        }
        for name in ["half", "negative", "nan", "yes", "nothing"] {
            assert_eq!(all.count(name), None, "{name}");
        }
        assert_eq!(
            (all.cost("half").map(Cost::nanos), all.cost("negative"), all.cost("nan")),
            (Some(500_000_000), None, None)
        );
        assert_eq!((all.is("yes"), all.is("int"), all.text("empty")), (Some(true), None, None));
        let resource = by_name(&from);
        let all = Attributes::new(&own, &resource);
        assert_eq!((all.text("of"), all.anywhere("of")), (None, Some("r")));
    }
}
