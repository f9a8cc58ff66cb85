//! An operator who steps in all the time.

use std::thread;

use serde_json::json;

use crate::support::random::Random;
use crate::{PATIENCE, Scene};

/// An inject that was answered with success.
pub(crate) struct Inject {
    pub(crate) message_id: String,
    pub(crate) seq: u64,
    pub(crate) content: String,
}

/// What was acknowledged to the operator. A call without an answer is not made again: an inject has no id of the caller's,
/// so it may be there or not.
#[derive(Default)]
pub(crate) struct Controlled {
    pub(crate) injects: Vec<Inject>,
    /// The reasons of acknowledged pauses and resumes, each used once, with the action's name.
    pub(crate) reasons: Vec<(String, &'static str)>,
    /// Injects without an answer.
    pub(crate) unanswered_injects: u64,
}

pub(crate) fn intervene(scene: &Scene, mut random: Random) -> Controlled {
    let mut controlled = Controlled::default();
    let path = format!("/agents/{}", scene.shared);
    let mut number = 0_u64;
    while scene.goes_on() {
        number += 1;
        if random.one_in(3) {
            let action = if random.one_in(2) { "pause" } else { "resume" };
            let reason = format!("{action} number {number}");
            match scene.client.try_post(&format!("{path}/{action}?wait=0s"), &json!({"reason": reason})) {
                Ok((200 | 202, _)) => controlled.reasons.push((reason, action)),
                Ok((status, reply)) => panic!("{action}: {status} {reply}"),
                Err(_) => thread::sleep(PATIENCE),
            }
            continue;
        }
        let content = format!("inject number {number}");
        match scene.client.try_post(&format!("{path}/inject"), &json!({"message": content, "reason": content})) {
            Ok((200, reply)) => controlled.injects.push(Inject {
                message_id: reply["messageId"].as_str().expect("an id").to_owned(),
                seq: reply["seq"].as_u64().expect("a seq"),
                content,
            }),
            Ok((status, reply)) => panic!("inject: {status} {reply}"),
            Err(_) => {
                controlled.unanswered_injects += 1;
                thread::sleep(PATIENCE);
            }
        }
    }
    controlled
}
