//! Credentials that are written and never read back.

use std::collections::BTreeMap;

use flightdeck_domain::provider_config::{CredentialName, Secret};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::problem::FieldFault;

/// Credentials in clear text. A fault of them must not repeat them, as those of serde would.
#[derive(Default)]
pub(super) struct CredentialsBody {
    pub(super) given: BTreeMap<CredentialName, Option<Secret>>,
    pub(super) faults: Vec<FieldFault>,
}

impl<'de> Deserialize<'de> for CredentialsBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut read = Self::default();
        let fault = |field: String, detail: String| FieldFault { field, detail };
        let members = match Value::deserialize(deserializer)? {
            Value::Object(members) => members,
            Value::Null => return Ok(read),
            _ => {
                read.faults
                    .push(fault("/credentials".to_owned(), "must be an object: a text for each name".to_owned()));
                return Ok(read);
            }
        };
        for (name, value) in members {
            let field = format!("/credentials/{}", name.replace('~', "~0").replace('/', "~1"));
            let secret = match value {
                Value::Null => Ok(None),
                Value::String(text) => Secret::new(text).map(Some).map_err(|error| error.to_string()),
                _ => Err("must be a text, or null to remove it".to_owned()),
            };
            match (CredentialName::new(name), secret) {
                (Ok(name), Ok(secret)) => {
                    read.given.insert(name, secret);
                }
                (Err(error), _) => read.faults.push(fault("/credentials".to_owned(), error.to_string())),
                (_, Err(problem)) => read.faults.push(fault(field, problem)),
            }
        }
        Ok(read)
    }
}
