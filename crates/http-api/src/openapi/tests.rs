//! The rules of the description, so that clients can be generated from it. A new route that breaks one fails here.

use std::collections::{BTreeMap, BTreeSet};

use flightdeck_domain::audit::{AuditOutcome, AuditTarget};
use flightdeck_domain::ids::{ApprovalId, SessionId};
use flightdeck_domain::message::MessageRole;
use flightdeck_domain::provider_config::ConfigName;
use flightdeck_domain::runner::RunnerName;
use flightdeck_domain::sink::SinkName;
use flightdeck_domain::text::{JsonObject, MissionId};
use flightdeck_domain::usage::{Cost, Usage};
use flightdeck_domain::use_cases::{IngestMessages, SearchHistory};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::dto::{
    AcknowledgeBody, AskBody, BudgetBody, ChangeReportBody, ConfigureBody, ControlBody, DecideBody, InjectBody,
    InterruptBody, JoinBody, LeaseBody, LeaveBody, LoginBody, MessageBody, RegisterBody, SpawnBody, StartBody,
    StatusBody, words,
};
use crate::dto::{GuardBody, KeyBody, ProviderBody, PushBody, PushEndBody, ResendBody, RetentionBody, SinkBody};
use crate::extract::decode_value;

fn document() -> Value {
    serde_json::to_value(super::openapi()).expect("JSON")
}

/// Every operation with its method and path.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            all.push((format!("{} {path}", method.to_uppercase()), operation));
        }
    }
    assert!(all.len() > 50, "{} operations", all.len());
    all
}

fn responses(operation: &Value) -> &serde_json::Map<String, Value> {
    operation["responses"].as_object().expect("responses")
}

/// Every object of the document, wherever it stands.
fn objects(document: &Value) -> Vec<&serde_json::Map<String, Value>> {
    let (mut open, mut all) = (vec![document], Vec::new());
    while let Some(value) = open.pop() {
        match value {
            Value::Object(map) => {
                all.push(map);
                open.extend(map.values());
            }
            Value::Array(list) => open.extend(list),
            _ => {}
        }
    }
    all
}

#[test]
fn each_operation_has_a_name_of_its_own_that_begins_with_a_verb() {
    const VERBS: [&str; 42] = [
        "acknowledge",
        "append",
        "cancel",
        "close",
        "configure",
        "create",
        "decide",
        "export",
        "follow",
        "get",
        "handle",
        "inject",
        "interrupt",
        "kill",
        "list",
        "log",
        "open",
        "pause",
        "plan",
        "register",
        "release",
        "drain",
        "lease",
        "leave",
        "remove",
        "report",
        "start",
        "undrain",
        "request",
        "resend",
        "resume",
        "search",
        "send",
        "set",
        "sign",
        "spawn",
        "test",
        "verify",
        "revoke",
        "withdraw",
        "add",
        "delete",
    ];
    let document = document();
    let mut seen = BTreeSet::new();
    for (call, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap_or_default();
        let verb: String = id.chars().take_while(char::is_ascii_lowercase).collect();
        assert!(VERBS.contains(&verb.as_str()), "{call}: {id:?} does not begin with a verb");
        assert!(id.len() > verb.len() && id.chars().all(|c| c.is_ascii_alphanumeric()), "{call}: {id:?}");
        assert!(seen.insert(id.to_owned()), "{call}: {id:?} names another operation, too");
    }
}

#[test]
fn whatever_is_referred_to_is_there() {
    let document = document();
    let references = objects(&document).into_iter().filter_map(|map| map.get("$ref").and_then(Value::as_str));
    let mut count = 0;
    for reference in references {
        let pointer = reference.strip_prefix('#').expect("within the document");
        assert!(document.pointer(pointer).is_some(), "{reference}");
        count += 1;
    }
    assert!(count > 300, "{count} references");
}

#[test]
fn operations_responses_and_parameters_are_described() {
    let document = document();
    for (call, operation) in operations(&document) {
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{call}");
        for (status, response) in responses(operation) {
            assert!(response["description"].as_str().is_some_and(|text| !text.trim().is_empty()), "{call}: {status}");
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let described = parameter["description"].as_str().or(parameter["schema"]["description"].as_str());
            assert!(described.is_some_and(|text| !text.is_empty()), "{call}: {}", parameter["name"]);
            assert_ne!(parameter["schema"]["type"], json!(["string", "null"]), "{call}: {}", parameter["name"]);
        }
    }
}

#[test]
fn tags_are_described_and_used() {
    let document = document();
    let described: BTreeMap<&str, &str> = document["tags"]
        .as_array()
        .expect("tags")
        .iter()
        .filter_map(|tag| Some((tag["name"].as_str()?, tag["description"].as_str()?)))
        .collect();
    let used: BTreeSet<&str> = operations(&document)
        .iter()
        .flat_map(|(_, operation)| operation["tags"].as_array().expect("tags"))
        .filter_map(Value::as_str)
        .collect();
    assert_eq!(described.keys().copied().collect::<BTreeSet<_>>(), used);
    assert!(described.values().all(|text| text.len() > 10), "{described:?}");
}

#[test]
fn every_error_is_a_problem_and_every_route_says_which_it_has() {
    let document = document();
    for (call, operation) in operations(&document) {
        let answers = responses(operation);
        let mut expected = vec!["400", "421", "500"];
        if operation.get("security").is_some() {
            expected.push("401");
        }
        if operation.get("requestBody").is_some() && call != "POST /hooks/claude-code" {
            expected.extend(["408", "413", "415"]);
        }
        let header = |name: &str| {
            operation["parameters"]
                .as_array()
                .into_iter()
                .flatten()
                .any(|it| it["in"] == "header" && it["name"] == name)
        };
        if header("Idempotency-Key") {
            expected.push("422");
        }
        if call.contains("/{agentId}") || call.contains("Id}/") && !call.starts_with("PUT /missions") {
            expected.push("404");
        }
        if header("Last-Event-ID") {
            expected.push("429");
        }
        for status in expected {
            assert!(answers.contains_key(status), "{call}: {status} is missing");
        }
        for (status, answer) in answers.iter().filter(|(status, _)| status.starts_with(['4', '5'])) {
            let content = answer["content"].as_object().expect("content");
            let is_page = call == "GET /login/{token}" && status == "410";
            let kind = if is_page { "text/html" } else { "application/problem+json" };
            let is_otlp = call.starts_with("POST /v1/") && matches!(status.as_str(), "400" | "408" | "413" | "415");
            let kinds: &[&str] = if is_otlp { &["application/json", kind, "application/x-protobuf"] } else { &[kind] };
            let sorted: BTreeSet<&str> = content.keys().map(String::as_str).collect();
            assert_eq!(sorted, kinds.iter().copied().collect(), "{call}: {status}");
            if !is_page {
                assert_eq!(content[kind]["schema"]["$ref"], "#/components/schemas/Problem", "{call}: {status}");
            }
        }
    }
}

/// Their bodies are needed though an empty one is read: it limits nothing, tells of no hook or span, or chooses nothing.
const NEEDED_ALL_THE_SAME: [&str; 8] = [
    "setAgentBudget",
    "setMissionBudget",
    "handleClaudeCodeHook",
    "configureAgent",
    "reportTraces",
    "reportLogs",
    "reportMetrics",
    "setRetention",
];

type Parser = fn(Value) -> Result<(), String>;

fn parse<T: DeserializeOwned>(value: Value) -> Result<(), String> {
    decode_value::<T>(value, "").map(drop).map_err(|error| error.to_string())
}

/// What reads the body of each operation that takes one.
fn parser(operation: &str) -> Option<Parser> {
    Some(match operation {
        "registerAgent" => parse::<RegisterBody>,
        "spawnAgent" => parse::<SpawnBody>,
        "reportStatus" => parse::<StatusBody>,
        "appendMessages" => parse::<MessageBody>,
        "configureAgent" => parse::<ConfigureBody>,
        "injectMessage" => parse::<InjectBody>,
        "pauseAgent"
        | "resumeAgent"
        | "killAgent"
        | "closeAgent"
        | "killAllAgents"
        | "releaseKillSwitch"
        | "cancelCommand"
        | "removeAgentBudget"
        | "removeProvider"
        | "drainRunner"
        | "undrainRunner"
        | "removeRunner"
        | "removeSink"
        | "revokeKey"
        | "testProvider"
        | "testSink"
        | "removeMissionBudget" => parse::<ControlBody>,
        "interruptAgent" => parse::<InterruptBody>,
        "acknowledgeCommand" => parse::<AcknowledgeBody>,
        "requestApproval" => parse::<AskBody>,
        "reportAgentChanges" => parse::<ChangeReportBody>,
        "decideApproval" => parse::<DecideBody>,
        "setAgentBudget" | "setMissionBudget" => parse::<BudgetBody>,
        "setMissionGuard" => parse::<GuardBody>,
        "createKey" => parse::<KeyBody>,
        "createProvider" | "setProvider" => parse::<ProviderBody>,
        "createPushSubscription" => parse::<PushBody>,
        "removePushSubscription" => parse::<PushEndBody>,
        "createSink" | "setSink" => parse::<SinkBody>,
        "setRetention" | "planRetention" => parse::<RetentionBody>,
        "resendDeadLetters" => parse::<ResendBody>,
        "registerRunner" => parse::<JoinBody>,
        "leaseAssignments" => parse::<LeaseBody>,
        "startAssignment" => parse::<StartBody>,
        "leaveRunner" => parse::<LeaveBody>,
        "logIn" => parse::<LoginBody>,
        "handleClaudeCodeHook" | "reportTraces" | "reportLogs" | "reportMetrics" => parse::<JsonObject>,
        _ => return None,
    })
}

#[test]
fn every_body_has_an_example_that_is_read_and_is_optional_when_nothing_in_it_is_needed() {
    let document = document();
    for (call, operation) in operations(&document) {
        let Some(body) = operation.get("requestBody") else { continue };
        let id = operation["operationId"].as_str().expect("an id");
        let parse = parser(id).unwrap_or_else(|| panic!("{call}: say in `parser` what reads the body of {id}"));
        let example = body["content"]["application/json"]["example"].clone();
        assert!(example.is_object(), "{call}: its body has no example");
        parse(example).unwrap_or_else(|error| panic!("{call}: {error}"));
        let needed = body["required"] == true;
        assert_eq!(needed, parse(json!({})).is_err() || NEEDED_ALL_THE_SAME.contains(&id), "{call}");
    }
}

#[test]
fn limits_are_those_that_are_enforced() {
    let document = document();
    let schema = |name: &str| document["components"]["schemas"][name].clone();
    let usage = schema("UsageBody")["properties"].clone();
    for tokens in ["inputTokens", "outputTokens", "cacheReadTokens", "cacheWriteTokens"] {
        assert_eq!(usage[tokens]["maximum"], Usage::MOST_TOKENS, "{tokens}");
    }
    assert_eq!(usage["model"]["maxLength"], Usage::LONGEST_MODEL);
    let most = schema("BudgetBody")["properties"]["maxCostUsd"]["maximum"].as_f64().expect("a number");
    assert!(Cost::try_from(most).is_ok() && Cost::try_from(most + 1.0).is_err());
    assert_eq!(usage["costUsd"]["maximum"].as_f64(), Some(most));
    assert_eq!(schema("AppendBody")["oneOf"][1]["maxItems"], IngestMessages::MAX_BATCH);
    let expires = &schema("AskBody")["properties"]["expiresInSeconds"];
    for (seconds, good) in [(expires["maximum"].as_u64(), true), (expires["maximum"].as_u64().map(|n| n + 1), false)] {
        let body = json!({"title": "x", "expiresInSeconds": seconds});
        let asked: AskBody = decode_value(body, "").expect("read");
        assert_eq!(flightdeck_domain::use_cases::NewApproval::try_from(asked).is_ok(), good, "{seconds:?}");
    }
    let found = operations(&document).into_iter().find(|(call, _)| call == "GET /agents/{agentId}/messages/search");
    let parameters = found.expect("the route").1["parameters"].as_array().expect("parameters").clone();
    let limit = parameters.iter().find(|it| it["name"] == "limit").expect("limit");
    assert_eq!(limit["schema"]["maximum"], SearchHistory::MAX_LIMIT);
}

#[test]
fn the_words_that_are_not_taken_from_the_domain_are_its_own_all_the_same() {
    use utoipa::PartialSchema;
    let enumerated = |schema: utoipa::openapi::RefOr<utoipa::openapi::Schema>| -> BTreeSet<String> {
        let schema = serde_json::to_value(schema).expect("JSON");
        let words = schema["enum"].as_array().expect("an enum").iter();
        words.map(|word| word.as_str().expect("a word").to_owned()).collect()
    };
    let reported = enumerated(words::ReportedRole::schema());
    let read: BTreeSet<_> =
        reported.iter().filter_map(|word| word.parse::<MessageRole>().ok()).map(MessageRole::as_str).collect();
    assert_eq!(
        read,
        MessageRole::ALL.map(MessageRole::as_str).into_iter().filter(|word| *word != "operator").collect()
    );

    let written = |value: Value| value.as_str().expect("a word").to_owned();
    let outcomes = [AuditOutcome::Accepted, AuditOutcome::Refused].map(|outcome| written(json!(outcome)));
    assert_eq!(enumerated(words::AuditOutcome::schema()), outcomes.into());
    let id = uuid::Uuid::nil();
    let targets = [
        AuditTarget::Approval(ApprovalId::new(id)),
        AuditTarget::AuditLog,
        AuditTarget::Fleet,
        AuditTarget::Key(String::new()),
        AuditTarget::Mission(MissionId::new("m").expect("valid")),
        AuditTarget::Provider(ConfigName::new("p").expect("valid")),
        AuditTarget::Runner(RunnerName::new("r").expect("valid")),
        AuditTarget::Session(SessionId::new(id)),
        AuditTarget::Sink(SinkName::new("s").expect("valid")),
    ];
    // A kind more or less does not compile: say it above.
    for target in &targets {
        match target {
            AuditTarget::Approval(_)
            | AuditTarget::AuditLog
            | AuditTarget::Fleet
            | AuditTarget::Key(_)
            | AuditTarget::Mission(_)
            | AuditTarget::Provider(_)
            | AuditTarget::Runner(_)
            | AuditTarget::Session(_)
            | AuditTarget::Sink(_) => {}
        }
    }
    assert_eq!(
        enumerated(words::AuditTargetKind::schema()),
        targets.map(|it| written(json!(it)["kind"].clone())).into()
    );
}
