//! How an agent's model, mode and options are set, when its session is opened and later.

use flightdeck_domain::session::Choice;
use serde_json::{Value, json};

use super::calls::Calls;
use super::opening::{Failed, Opening};

/// Sets the model, the mode and the options of a session that is opened. What cannot be set ends the opening: an agent in
/// another mode may do what it should not.
pub(super) async fn set(calls: &Calls, opening: &Opening) -> Result<(), Failed> {
    if let Some(model) = &opening.model {
        set_model(calls, model).await?;
    }
    if let Some(mode) = &opening.mode {
        set_mode(calls, mode).await?;
    }
    for (option, value) in &opening.options {
        let mut params = json!({"configId": option, "value": value});
        if value.is_boolean()
            && let Value::Object(params) = &mut params
        {
            params.insert("type".to_owned(), "boolean".into());
        }
        let state = calls.offered();
        let known = options(&state).filter_map(|option| option.get("id")?.as_str()).collect();
        change(calls, "session/set_config_option", params, &format!("option {option} = {value}"), known).await?;
    }
    Ok(())
}

/// Sets what an operator chooses of an agent at work. The error is a sentence; `None` when the agent is gone.
pub(super) async fn choose(calls: &Calls, choice: &Choice) -> Result<(), Option<String>> {
    let told = |failed| match failed {
        Failed::Gone => None,
        Failed::Because(problem) => Some(problem),
    };
    if let Some(model) = &choice.model {
        set_model(calls, model.as_str()).await.map_err(told)?;
    }
    if let Some(mode) = &choice.mode {
        set_mode(calls, mode.as_str()).await.map_err(told).map_err(|problem| {
            let before =
                choice.model.as_ref().map(|model| format!("; model {model} was set before")).unwrap_or_default();
            problem.map(|problem| format!("{problem}{before}"))
        })?;
    }
    Ok(())
}

async fn set_model(calls: &Calls, model: &str) -> Result<(), Failed> {
    let state = calls.offered();
    let (method, params) = match (config_option(&state, "model"), state.get("models").filter(|m| !m.is_null())) {
        (Some(option), _) => ("session/set_config_option", json!({"configId": option, "value": model})),
        (None, Some(_)) => ("session/set_model", json!({"modelId": model})),
        (None, None) => return Err(Failed::Because("it lets nobody choose its model".to_owned())),
    };
    change(calls, method, params, &format!("model {model}"), models(&state)).await
}

async fn set_mode(calls: &Calls, mode: &str) -> Result<(), Failed> {
    let state = calls.offered();
    let (method, params) = match (state.get("modes").filter(|m| !m.is_null()), config_option(&state, "mode")) {
        (Some(_), _) => ("session/set_mode", json!({"modeId": mode})),
        (None, Some(option)) => ("session/set_config_option", json!({"configId": option, "value": mode})),
        (None, None) => return Err(Failed::Because("it has no modes".to_owned())),
    };
    change(calls, method, params, &format!("mode {mode}"), modes(&state)).await
}

async fn change(calls: &Calls, method: &str, mut params: Value, what: &str, known: Vec<&str>) -> Result<(), Failed> {
    if let Value::Object(params) = &mut params {
        params.insert("sessionId".to_owned(), calls.session().into());
    }
    let hint = if known.is_empty() { String::new() } else { format!("; it offers {}", known.join(", ")) };
    match calls.call(method, params).await {
        Ok(answer) => {
            // An option may change which others there are, and the answer has them all.
            if let Some(options) = answer.get("configOptions").filter(|options| options.is_array()) {
                calls.offers_options(options.clone());
            }
            Ok(())
        }
        Err(error) => Err(Failed::because(&format!("{what} was refused"), &error, &hint)),
    }
}

fn options(state: &Value) -> impl Iterator<Item = &Value> {
    state.get("configOptions").and_then(Value::as_array).into_iter().flatten()
}

/// The option of this category, or of this name.
fn config_option<'a>(state: &'a Value, category: &str) -> Option<&'a str> {
    let is = |option: &&Value, name: &str| option.get(name).and_then(Value::as_str) == Some(category);
    let found = options(state).find(|option| is(option, "category")).or_else(|| options(state).find(|o| is(o, "id")));
    found?.get("id")?.as_str()
}

/// The values that an option offers, also where they are in groups.
fn values<'a>(state: &'a Value, category: &str) -> Vec<&'a str> {
    let id = config_option(state, category);
    let option = options(state).find(|option| option.get("id").and_then(Value::as_str) == id);
    let offered = option.and_then(|option| option.get("options")).and_then(Value::as_array).into_iter().flatten();
    let flat = offered.flat_map(|one| match one.get("options").and_then(Value::as_array) {
        Some(group) => group.iter().collect::<Vec<_>>(),
        None => vec![one],
    });
    flat.filter_map(|one| one.get("value")?.as_str()).collect()
}

fn ids<'a>(state: &'a Value, of: &str, list: &str, id: &str) -> Vec<&'a str> {
    let list = state.get(of).and_then(|of| of.get(list)).and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|one| one.get(id)?.as_str()).collect()
}

fn models(state: &Value) -> Vec<&str> {
    let known = values(state, "model");
    if known.is_empty() { ids(state, "models", "availableModels", "modelId") } else { known }
}

fn modes(state: &Value) -> Vec<&str> {
    let known = ids(state, "modes", "availableModes", "id");
    if known.is_empty() { values(state, "mode") } else { known }
}
