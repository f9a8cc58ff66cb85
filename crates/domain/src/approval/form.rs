//! A permission request can be a question with a form. An operator who allows it fills in the form.

use serde_json::{Map, Value};

use super::Approval;
use crate::text::JsonObject;

/// The fields that a request asks for: a JSON Schema of one object whose members are texts, numbers, booleans, or lists
/// of choices, as in the elicitation of the Agent Client Protocol. It is in the request's detail under [`Form::KEY`].
#[derive(Clone, Copy, Debug)]
pub struct Form<'a> {
    properties: &'a Map<String, Value>,
    required: &'a [Value],
}

/// Why an answer does not fit the form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{problem}", field.as_ref().map(|field| format!("{field}: ")).unwrap_or_default())]
pub struct InvalidAnswer {
    /// The field at fault; `None` when it is the answer as a whole.
    pub field: Option<String>,
    /// What is wrong, and what would be right.
    pub problem: String,
}

impl InvalidAnswer {
    fn whole(problem: impl Into<String>) -> Self {
        Self { field: None, problem: problem.into() }
    }
}

impl Approval {
    /// The form that an operator has to fill in to allow the request, if it has one.
    #[must_use]
    pub fn form(&self) -> Option<Form<'_>> {
        let form = self.detail.as_map().get(Form::KEY)?;
        let properties = form.get("properties")?.as_object()?;
        let required = form.get("required").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        Some(Form { properties, required })
    }

    /// Checks the answer to this request, for an option that allows it or one that does not.
    pub(super) fn check_answer(&self, allows: bool, answer: Option<&JsonObject>) -> Result<(), InvalidAnswer> {
        match (self.form(), answer) {
            (None, None) => Ok(()),
            (None, Some(_)) => Err(InvalidAnswer::whole("the request has no form; leave the answer out")),
            (Some(_), None) if !allows => Ok(()),
            (Some(_), Some(_)) if !allows => Err(InvalidAnswer::whole("only who allows the request answers it")),
            (Some(form), answer) => form.check(answer.map(JsonObject::as_map)),
        }
    }
}

impl Form<'_> {
    /// The key in a request's detail.
    pub const KEY: &'static str = "form";
    /// The longest answer, in bytes of JSON.
    pub const LONGEST_ANSWER: usize = 16 << 10;

    fn check(&self, answer: Option<&Map<String, Value>>) -> Result<(), InvalidAnswer> {
        let nothing = Map::new();
        let answer = answer.unwrap_or(&nothing);
        if Value::Object(answer.clone()).to_string().len() > Self::LONGEST_ANSWER {
            return Err(InvalidAnswer::whole(format!("is longer than {} bytes", Self::LONGEST_ANSWER)));
        }
        let wrong = |field: &str, problem: String| Err(InvalidAnswer { field: Some(field.to_owned()), problem });
        if let Some(missing) =
            self.required.iter().filter_map(Value::as_str).find(|name| answer.get(*name).is_none_or(Value::is_null))
        {
            return wrong(missing, "is missing".to_owned());
        }
        for (name, value) in answer {
            let Some(schema) = self.properties.get(name) else {
                let known: Vec<&str> = self.properties.keys().map(String::as_str).collect();
                return wrong(name, format!("is not asked for; the form has {}", known.join(", ")));
            };
            if let Err(problem) = fits(schema, value) {
                return wrong(name, problem);
            }
        }
        Ok(())
    }
}

fn fits(schema: &Value, value: &Value) -> Result<(), String> {
    let number = |name: &str| schema.get(name).and_then(Value::as_f64);
    let length = |name: &str| schema.get(name).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
    match schema.get("type").and_then(Value::as_str).unwrap_or("string") {
        "boolean" if !value.is_boolean() => return Err("must be true or false".to_owned()),
        "integer" if !(value.is_i64() || value.is_u64()) => return Err("must be a whole number".to_owned()),
        "number" | "integer" => {
            let Some(given) = value.as_f64() else { return Err("must be a number".to_owned()) };
            if let Some(least) = number("minimum").filter(|least| given < *least) {
                return Err(format!("must be at least {least}"));
            }
            if let Some(most) = number("maximum").filter(|most| given > *most) {
                return Err(format!("must be at most {most}"));
            }
        }
        "array" => {
            let Some(values) = value.as_array() else { return Err("must be a list".to_owned()) };
            let choices = schema.get("items").map(choices).unwrap_or_default();
            if let Some(strange) = values.iter().find(|value| !choices.is_empty() && !choices.contains(value)) {
                return Err(format!("{strange} is no choice; there are {}", told(&choices)));
            }
            if length("minItems").is_some_and(|least| values.len() < least)
                || length("maxItems").is_some_and(|most| values.len() > most)
            {
                return Err("has too few or too many choices".to_owned());
            }
        }
        "string" => {
            let Some(text) = value.as_str() else { return Err("must be a text".to_owned()) };
            let count = text.chars().count();
            if let Some(least) = length("minLength").filter(|least| count < *least) {
                return Err(format!("must have at least {least} characters"));
            }
            if let Some(most) = length("maxLength").filter(|most| count > *most) {
                return Err(format!("must have at most {most} characters"));
            }
        }
        _ => {}
    }
    let choices = choices(schema);
    if choices.is_empty() || choices.contains(&value) {
        Ok(())
    } else {
        Err(format!("{value} is no choice; there are {}", told(&choices)))
    }
}

/// The values that a schema lists, in either of the two ways that there are.
fn choices(schema: &Value) -> Vec<&Value> {
    let listed = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
    let titled = ["oneOf", "anyOf"].into_iter().filter_map(|name| schema.get(name)?.as_array()).flatten();
    listed.chain(titled.filter_map(|choice| choice.get("const"))).collect()
}

fn told(choices: &[&Value]) -> String {
    let words: Vec<String> = choices.iter().map(ToString::to_string).collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixtures::approval;

    fn asked() -> Approval {
        let form = json!({"type": "object", "required": ["branch"], "properties": {
            "branch": {"type": "string", "minLength": 2, "maxLength": 10},
            "count": {"type": "integer", "minimum": 1, "maximum": 3},
            "force": {"type": "boolean"},
            "how": {"type": "string", "oneOf": [{"const": "merge", "title": "Merge"}, {"const": "rebase"}]},
            "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 1},
        }});
        Approval { detail: JsonObject::trusted(json!({"form": form})), ..approval(1) }
    }

    fn checked(answer: Value) -> Result<(), String> {
        asked().check_answer(true, Some(&JsonObject::trusted(answer))).map_err(|error| error.to_string())
    }

    #[test]
    fn an_answer_fits_the_form() {
        assert_eq!(checked(json!({"branch": "main"})), Ok(()));
        let all = json!({"branch": "main", "count": 3, "force": true, "how": "rebase", "tags": ["b"]});
        assert_eq!(checked(all), Ok(()));
        for (answer, problem) in [
            (json!({}), "branch: is missing"),
            (json!({"branch": null}), "branch: is missing"),
            (json!({"branch": 7}), "branch: must be a text"),
            (json!({"branch": "x"}), "branch: must have at least 2 characters"),
            (json!({"branch": "main", "count": 1.5}), "count: must be a whole number"),
            (json!({"branch": "main", "count": 4}), "count: must be at most 3"),
            (json!({"branch": "main", "force": "yes"}), "force: must be true or false"),
            (
                json!({"branch": "main", "how": "squash"}),
                "how: \"squash\" is no choice; there are \"merge\", \"rebase\"",
            ),
            (json!({"branch": "main", "tags": ["c"]}), "tags: \"c\" is no choice; there are \"a\", \"b\""),
            (json!({"branch": "main", "tags": ["a", "b"]}), "tags: has too few or too many choices"),
            (
                json!({"branch": "main", "other": 1}),
                "other: is not asked for; the form has branch, count, force, how, tags",
            ),
        ] {
            assert_eq!(checked(answer), Err(problem.to_owned()));
        }
    }

    #[test]
    fn who_allows_answers_and_nobody_else() {
        let answer = JsonObject::trusted(json!({"branch": "main"}));
        assert!(asked().check_answer(true, None).is_err(), "a form has to be filled in");
        assert_eq!(asked().check_answer(false, None), Ok(()));
        assert!(asked().check_answer(false, Some(&answer)).is_err());
        assert!(approval(1).check_answer(true, Some(&answer)).is_err(), "there is no form");
        assert_eq!(approval(1).check_answer(true, None), Ok(()));
        let long = JsonObject::trusted(json!({"branch": "x".repeat(Form::LONGEST_ANSWER)}));
        assert!(asked().check_answer(true, Some(&long)).expect_err("too long").to_string().contains("longer"));
    }
}
