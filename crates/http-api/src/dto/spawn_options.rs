//! What an agent is started with, as fields of their own.

use flightdeck_domain::text::JsonObject;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::texts;
use crate::problem::ApiError;

/// How an agent is set for this session, instead of as its configuration says. Each of them is put into the context under the
/// same name; a provider that does not take one refuses it.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SpawnOptions {
    /// The model, by the agent's name of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    /// The mode, by the agent's name of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<String>,
    /// More servers of tools: `name`, `url`, `type` and `headers` of each. They are stored and shown, so they are no place for
    /// secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<texts::JsonObject>>)]
    mcp_servers: Option<Vec<JsonObject>>,
    /// The names of the configuration's credentials that the agent is given; all of them when missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    env: Option<Vec<String>>,
    /// The folder that it works in: within one of the configuration's `roots`, absolute or relative to the configuration's
    /// `cwd`.
    #[serde(skip_serializing_if = "Option::is_none")]
    cwd: Option<String>,
    /// Whether it gets a git worktree of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    worktree: Option<bool>,
}

impl SpawnOptions {
    /// Puts the options that are given into a context, and says which they are.
    ///
    /// # Errors
    /// One is in the context, too, or the context becomes too long by them.
    pub(crate) fn put_into(&self, context: JsonObject) -> Result<(JsonObject, Vec<String>), ApiError> {
        let given = match serde_json::to_value(self) {
            Ok(Value::Object(given)) => given,
            Ok(_) => return Ok((context, Vec::new())),
            Err(error) => return Err(ApiError::field("/options", error.to_string())),
        };
        let mut members = context.as_map().clone();
        if let Some(twice) = given.keys().find(|name| members.contains_key(*name)) {
            let problem = format!("is in the context, too (/context/{twice}); give it in one of the two");
            return Err(ApiError::field(format!("/options/{twice}"), problem));
        }
        let names = given.keys().cloned().collect();
        members.extend(given);
        let context = JsonObject::new(members)
            .map_err(|error| ApiError::field("/options", format!("with the context it {error}")))?;
        Ok((context, names))
    }
}
