//! An operator who steps in all the time, and insists on an answer: each call has an idempotency key, so it is done once.

use serde_json::{Value, json};

use super::Scene;
use crate::support::random::Random;

/// An inject that was answered with success.
pub(crate) struct Inject {
    pub(crate) session: String,
    pub(crate) message_id: String,
    pub(crate) seq: u64,
    pub(crate) content: String,
}

/// What was answered to the operator. Each call had a reason of its own.
#[derive(Default)]
pub(crate) struct Controlled {
    pub(crate) injects: Vec<Inject>,
    /// The other acknowledged calls: the reason and the action's name.
    pub(crate) reasons: Vec<(String, &'static str)>,
    /// Calls that were refused, because the session had ended or was being killed.
    pub(crate) refused: Vec<String>,
    /// The operations that the calls began.
    pub(crate) operations: Vec<String>,
    /// Calls made again because no answer came.
    pub(crate) retries: u64,
}

/// Whom to step in on.
pub(crate) enum Target {
    /// To say something to, pause and resume.
    One(String),
    /// The top of a tree: to pause, resume and kill with all that is below it, too.
    Tree(String),
}

impl Controlled {
    /// What several operators were answered.
    pub(crate) fn all(each: Vec<Self>) -> Self {
        let mut all = Self::default();
        for one in each {
            all.injects.extend(one.injects);
            all.reasons.extend(one.reasons);
            all.refused.extend(one.refused);
            all.operations.extend(one.operations);
            all.retries += one.retries;
        }
        all
    }
}

/// Steps in as long as the load goes on. The number tells operators apart.
pub(crate) fn intervene(
    scene: &Scene,
    operator: u64,
    target: impl Fn(&mut Random) -> Target,
    mut random: Random,
) -> Controlled {
    let _guard = scene.guard();
    let mut controlled = Controlled::default();
    for number in 0_u64.. {
        if !scene.goes_on() {
            break;
        }
        let (session, tree) = match target(&mut random) {
            Target::One(session) => (session, false),
            Target::Tree(session) => (session, true),
        };
        let action = match random.within(0..12) {
            0..=6 => "inject",
            7..=8 => "pause",
            9..=10 => "resume",
            _ if tree => "kill",
            _ => "inject",
        };
        let reason = format!("{action} number {number} of operator {operator}");
        call(scene, (&session, tree), action, reason, &mut controlled, &mut random);
    }
    controlled
}

fn call(
    scene: &Scene,
    (session, tree): (&str, bool),
    action: &'static str,
    reason: String,
    controlled: &mut Controlled,
    random: &mut Random,
) {
    let key = random.uuid().to_string();
    let (path, body) = match (action, tree) {
        ("inject", _) => (format!("/agents/{session}/inject"), json!({"message": reason, "reason": reason})),
        (_, true) => (format!("/agents/{session}/{action}?scope=subtree&wait=0s"), json!({"reason": reason})),
        (_, false) => (format!("/agents/{session}/{action}?wait=0s"), json!({"reason": reason})),
    };
    let answered = scene.post_once(random, &path, &body, &key);
    controlled.retries += answered.retries;
    let reply = answered.reply;
    match answered.status {
        200 if action == "inject" => controlled.injects.push(Inject {
            session: session.to_owned(),
            message_id: text(&reply["messageId"]),
            seq: reply["seq"].as_u64().expect("a seq"),
            content: reason,
        }),
        200 | 202 => {
            // Nothing is begun when there is nobody left to ask.
            controlled.operations.extend(reply["operationId"].as_str().map(str::to_owned));
            controlled.reasons.push((reason, action));
        }
        409 if tree => controlled.refused.push(reason),
        status => panic!("{action}: {status} {reply}"),
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
