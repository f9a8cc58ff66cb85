//! Behaviours as scripts of the provider `scripted`.

use serde_json::{Value, json};

use crate::fixture::{BYE, Behaviour, FAULT, LINES, MANY, TICK, TITLE};

/// The context of an agent that plays a script, for fixtures whose agents do: those of the provider `scripted`, here or at a
/// runner. What such agents cannot do (they write no bytes and ignore no signal) is an ordinary turn.
#[must_use]
pub fn script(behaviour: Behaviour) -> Value {
    let say = |text: &str| json!({ "say": text });
    let wait = |ms: u64| json!({"wait": {"ms": ms}});
    let idle = || json!({"idle": true});
    match behaviour {
        Behaviour::Says => {
            let lines = LINES.iter().flat_map(|line| [say(line), wait(50)]);
            json!({"script": lines.chain([idle()]).collect::<Vec<_>>()})
        }
        Behaviour::Works => json!({"script": [say(TICK)], "pace": 20, "repeat": 10_000}),
        Behaviour::Asks => {
            let ask = json!({"ask": {"title": TITLE, "options": ["allow_once", "reject_once"]}});
            json!({"script": [ask, idle()]})
        }
        Behaviour::Delegates => {
            let works = json!([say(TICK)]);
            let below = json!({"agentType": "worker", "taskId": "FD-2", "script": works, "pace": 20, "repeat": 10_000});
            json!({"script": [{"spawn": below}, idle()]})
        }
        Behaviour::Ends => json!({"script": [say(BYE)]}),
        Behaviour::Fails => json!({"script": [{"fail": FAULT}]}),
        Behaviour::CannotStart => json!({"script": [{"sing": "la"}]}),
        Behaviour::SaysMuch => {
            let numbers: Vec<Value> = (0..100).map(|number| say(&format!("#{number};"))).collect();
            json!({"script": numbers, "repeat": MANY / 100})
        }
        Behaviour::WritesGarbage | Behaviour::Stubborn => json!({"script": [say(BYE), idle()]}),
    }
}
