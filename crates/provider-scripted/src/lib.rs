//! The provider `scripted`: agents that are played in this process from a small script, for the demo, for tests and for
//! load. They cost a task each, speak no network protocol, and obey every command that a real agent has to obey.
//!
//! # The script
//! It comes in the session's `context`, which has these members and no others:
//!
//! | member | means | default | limit |
//! | --- | --- | --- | --- |
//! | `script` | the steps, in order | greet, repeat the prompt, be idle | 1,000 steps |
//! | `repeat` | how often they are played | 1 | 1 to 10,000 |
//! | `pace` | milliseconds between two steps | 0 | 600,000 (ten minutes) |
//! | `usage` | what each text (`say`, `think`) is said to have used, as `{"inputTokens": 9000, "outputTokens": 300, "costUsd": 0.03}`; agents that it spawns use the same, unless they say | nothing | as with any message |
//!
//! A step is an object with exactly one member:
//!
//! | step | what the agent does |
//! | --- | --- |
//! | `{"say": "text"}` | says it: a message with the role `assistant` |
//! | `{"think": "text"}` | the same, with `"type": "thought"` in the metadata |
//! | `{"tool": {"name": "bash", "input": {"cmd": "ls"}, "output": "a.rs", "ms": 800, "failed": false}}` | two messages with the role `tool`: the call and, `ms` milliseconds later (default 0, at most ten minutes), its output. `input`, `ms` and `failed` may be missing; `failed` marks the output as an error |
//! | `{"wait": {"ms": 500}}` | nothing for so long, at most ten minutes |
//! | `{"spawn": {"agentType": "tester", "taskId": "FD-2", "script": […]}}` | starts an agent below itself and goes on without waiting for it. Also takes `taskSource`, `missionId` (default: its own), `prompt`, `repeat`, `pace`, `usage`. When the tree does not take the agent (spawn fence, kill switch), a `system` message says why and the script goes on |
//! | `{"ask": {"title": "Push to main", "detail": {"cmd": "git push"}, "options": ["allow_once", "reject_once"], "expiresInSeconds": 60}}` | asks for permission, is `waiting` until an operator has decided or the deadline has passed, says which, and goes on in either case. `detail`, `options` (default: all four) and `expiresInSeconds` (default: never) may be missing |
//! | `{"turn": "end"}` | ends the turn: idle until the next prompt, which is an injected message; then the script goes on |
//! | `{"idle": true}` | idle for good: answers every prompt with a turn of its own, until killed. Nothing can follow it |
//! | `{"fail": "reason"}` | fails with that reason |
//!
//! A script that ends completes its session. Scripts of spawned agents nest at most 8 deep, and one script starts at most
//! 10,000 agents in all, its repetitions and its descendants' counted.
//!
//! # How such an agent lives
//! - The prompt enters the conversation as its first message, with the role `user`; then the agent reports `running`.
//! - **Inject**: answered by a message that quotes it. `steer` at the next step boundary; `queue` when the turn ends or
//!   the script does; `interrupt` cuts a wait or a tool short and is answered at once. Then the script goes on.
//! - **Interrupt** ends the turn: it takes back what it has asked, and is idle until a message comes; then the script goes on.
//! - **Pause** takes effect between two steps and inside a wait. `paused` is reported once the agent has stopped; after
//!   the resume it goes on where it stood, also within the wait.
//! - **Kill** takes effect at any moment; `killed` is reported once the agent has stopped.
//! - **Receipts**: `delivered` when the agent has taken the command in, `consumed` when it has acted. A command is acted
//!   on once, however often it is delivered. A command that was never handed over is found in the queue, because the
//!   store tells of pending commands with every report.
//! - While the store is away the agent tries again, ever more slowly, and goes on when it is back. When somebody else ends
//!   its session the agent stops.
//!
//! # What does not belong here
//! HTTP, SQL, and rules: what is legal is the domain's to say.

mod agent;
pub mod demo;
mod kind;
mod provider;
mod script;

pub use provider::ScriptedProvider;
