//! Telemetry over OTLP/HTTP.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use flightdeck_agent_io::mutants::{Numbers, mutant};
use flightdeck_domain::ids::SessionId;
use flightdeck_domain::operator::Role;
use serde_json::{Value, json};

use crate::server::TestServer;

const JSON: &str = "application/json";
const PROTOBUF: &str = "application/x-protobuf";

/// An attribute of OTLP in JSON.
fn attribute(key: &str, value: &Value) -> Value {
    let value = match value {
        Value::String(text) => json!({"stringValue": text}),
        Value::Bool(yes) => json!({"boolValue": yes}),
        Value::Number(number) if number.is_f64() => json!({"doubleValue": number}),
        number => json!({"intValue": number.to_string()}),
    };
    json!({"key": key, "value": value})
}

fn attributes(all: &Value) -> Vec<Value> {
    all.as_object().expect("an object").iter().map(|(key, value)| attribute(key, value)).collect()
}

/// Log records of Claude Code, as version 2.1 sends them.
fn claude(session: &str, records: &[Value]) -> Value {
    let record = |record: &Value| {
        let name = record["event.name"].as_str().expect("a name");
        let mut all = attributes(record);
        all.push(attribute("session.id", &json!(session)));
        json!({"timeUnixNano": "1767225600000000000", "body": {"stringValue": format!("claude_code.{name}")},
            "attributes": all})
    };
    let records: Vec<Value> = records.iter().map(record).collect();
    let scope = json!({"name": "com.anthropic.claude_code.events", "version": "2.1.332"});
    json!({"resourceLogs": [{"resource": {"attributes": [attribute("service.name", &json!("claude-code"))]},
        "scopeLogs": [{"scope": scope, "logRecords": records}]}]})
}

fn api_request(sequence: u64) -> Value {
    json!({"event.name": "api_request", "event.sequence": sequence, "model": "opus", "input_tokens": 100,
        "output_tokens": "10", "cache_read_tokens": 40, "cache_creation_tokens": 5, "cost_usd": 0.000_633})
}

fn tool_result(call: &str) -> Value {
    json!({"event.name": "tool_result", "tool_name": "Bash", "tool_use_id": call, "success": "true", "duration_ms": "53"})
}

/// Spans by the conventions for generative AI.
fn spans(resource: &Value, all: &[(&str, &str, Value)]) -> Value {
    let span = |(id, parent, attrs): &(&str, &str, Value)| {
        json!({"traceId": "5b8efff798038103d269b633813fc60c", "spanId": id, "parentSpanId": parent, "name": "a span",
            "startTimeUnixNano": "1767225600000000000", "endTimeUnixNano": "1767225600250000000",
            "attributes": attributes(attrs)})
    };
    let spans: Vec<Value> = all.iter().map(span).collect();
    json!({"resourceSpans": [{"resource": {"attributes": attributes(resource)}, "scopeSpans": [{"spans": spans}]}]})
}

fn chat(output: u64) -> Value {
    json!({"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt", "gen_ai.usage.input_tokens": 145,
        "gen_ai.usage.cache_read.input_tokens": 40, "gen_ai.usage.output_tokens": output})
}

struct Agent {
    server: TestServer,
    id: String,
    key: String,
}

impl Agent {
    fn start() -> Self {
        let server = TestServer::start();
        let id = server.session(None);
        let key = key_of(&server, &id);
        Self { server, id, key }
    }

    fn logs(&self, body: &Value) -> Value {
        self.server.post_as(&self.key, "/v1/logs", body).expect(200)
    }

    fn traces(&self, body: &Value) -> Value {
        self.server.post_as(&self.key, "/v1/traces", body).expect(200)
    }

    /// Input, output, read from the cache, written to it, and the number of reports.
    fn used(&self, id: &str) -> [u64; 5] {
        let used = self.server.get(&format!("/agents/{id}/usage")).expect(200)["own"].clone();
        ["inputTokens", "outputTokens", "cacheReadTokens", "cacheWriteTokens", "reports"]
            .map(|field| used[field].as_u64().expect("a number"))
    }

    fn tools(&self, id: &str) -> Vec<Value> {
        let page = self.server.get(&format!("/agents/{id}/messages?limit=1000")).expect(200);
        let all = page["messages"].as_array().expect("messages").clone();
        all.into_iter().filter(|message| message["role"] == "tool").collect()
    }
}

fn key_of(server: &TestServer, session: &str) -> String {
    let session: SessionId = session.parse().expect("an id");
    server.key_bound_to(Role::Agent, Some(session)).reveal()
}

/// A request, and the status, content type and bytes of its answer.
fn send(agent: &Agent, path: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, String, Vec<u8>) {
    let request = ureq::http::Request::builder().method("POST").uri(agent.server.url(path));
    let request =
        headers.iter().fold(request.header("X-API-Key", &agent.key), |it, (name, value)| it.header(*name, *value));
    let config = ureq::Agent::config_builder().http_status_as_error(false).build();
    let mut answer = config.new_agent().run(request.body(body).expect("a request")).expect("an answer");
    let kind = answer.headers().get("content-type").map(|kind| kind.to_str().expect("text").to_owned());
    (answer.status().as_u16(), kind.unwrap_or_default(), answer.body_mut().read_to_vec().expect("a body"))
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("written");
    encoder.finish().expect("packed")
}

/// A field of a message in protobuf: its number, and bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut length = bytes.len();
    let mut all = vec![number << 3 | 2];
    while length > 0x7f {
        all.push(u8::try_from(length & 0x7f).expect("seven bits") | 0x80);
        length >>= 7;
    }
    all.push(u8::try_from(length).expect("seven bits"));
    [all, bytes.to_vec()].concat()
}

/// An attribute in protobuf.
fn pair(number: u8, key: &str, value: &[u8]) -> Vec<u8> {
    field(number, &[field(1, key.as_bytes()), field(2, value)].concat())
}

fn protobuf_span(output: u8) -> Vec<u8> {
    protobuf_span_of("service.name", "shop", output)
}

/// A request with one span of a resource with this attribute.
fn protobuf_span_of(key: &str, value: &str, output: u8) -> Vec<u8> {
    let text = |text: &str| field(1, text.as_bytes());
    let int = |number: u8| vec![3 << 3, number];
    let span = [
        field(1, &[7; 16]),
        field(2, &[9; 8]),
        field(5, b"chat gpt"),
        // A link and an event, which are passed over.
        field(13, &field(1, &[7; 16])),
        field(11, &field(2, b"an event")),
        pair(9, "gen_ai.operation.name", &text("chat")),
        pair(9, "gen_ai.request.model", &text("gpt")),
        pair(9, "gen_ai.usage.input_tokens", &int(100)),
        pair(9, "gen_ai.usage.output_tokens", &int(output)),
    ]
    .concat();
    field(1, &[field(1, &pair(1, key, &text(value))), field(2, &field(2, &span))].concat())
}

#[test]
fn what_claude_code_sends_counts_once_for_the_session_of_the_key() {
    let agent = Agent::start();
    let body =
        claude("0b5cbf4e", &[api_request(1), tool_result("c1"), api_request(2), json!({"event.name": "user_prompt"})]);
    assert_eq!(agent.logs(&body), json!({}));
    assert_eq!(agent.logs(&body), json!({}), "sent again");
    assert_eq!(agent.used(&agent.id), [200, 20, 80, 10, 2]);
    let cost = agent.server.get(&format!("/agents/{}/usage", agent.id)).expect(200)["own"]["costUsd"].as_f64();
    assert!(cost.is_some_and(|cost| (cost - 0.001_266).abs() < 1e-9), "{cost:?}");
    let tools = agent.tools(&agent.id);
    assert_eq!(tools.len(), 1);
    assert_eq!(tools[0]["content"], "Bash succeeded after 53 ms");
    assert_eq!((&tools[0]["metadata"]["toolCallId"], &tools[0]["metadata"]["durationMs"]), (&json!("c1"), &json!(53)));

    // Its spans say the same again.
    let resource = json!({"service.name": "claude-code"});
    let call =
        json!({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "Bash", "gen_ai.tool.call.id": "c1"});
    agent.traces(&spans(&resource, &[("0000000000000001", "", chat(10)), ("0000000000000002", "", call)]));
    assert_eq!((agent.used(&agent.id)[4], agent.tools(&agent.id).len()), (2, 1));
}

#[test]
fn what_codex_sends_counts_where_its_event_has_counts() {
    let agent = Agent::start();
    let record = |attrs: Value| json!({"timeUnixNano": "0", "observedTimeUnixNano": "1767225600000000000", "body": null, "attributes": attributes(&attrs)});
    let completed = json!({"event.name": "codex.sse_event", "event.kind": "response.completed", "model": "gpt",
        "conversation.id": "01a2", "event.timestamp": "2026-01-01T00:00:00.000Z"});
    let mut counted = completed.clone();
    for (name, count) in [("input_token_count", "1000"), ("output_token_count", "40"), ("cached_token_count", "300")] {
        counted[name] = json!(count);
    }
    let tool = json!({"event.name": "codex.tool_result", "tool_name": "exec_command", "call_id": "call_1", "success": "false",
        "arguments": "{\"cmd\":\"pwd\"}", "output": "secret"});
    let records = [record(completed), record(counted), record(tool)];
    agent.logs(&json!({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}));
    assert_eq!(agent.used(&agent.id), [700, 40, 300, 0, 1]);
    let tools = agent.tools(&agent.id);
    assert_eq!(tools[0]["metadata"]["failed"], true);
    assert!(!tools[0].to_string().contains("secret"), "neither arguments nor results are kept");
}

#[test]
fn spans_by_the_conventions_count_once_and_not_the_spans_around_them() {
    let agent = Agent::start();
    let around = json!({"gen_ai.operation.name": "invoke_agent", "gen_ai.usage.output_tokens": 1_000});
    let tool = json!({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search"});
    let other = json!({"http.request.method": "GET"});
    let inference = json!({"openinference.span.kind": "LLM", "llm.model_name": "m", "llm.token_count.completion": 3});
    let all = [
        ("0000000000000001", "", around),
        ("0000000000000002", "0000000000000001", chat(10)),
        // Another library watches the same call, below a span of its own.
        ("0000000000000003", "0000000000000002", other),
        ("0000000000000004", "0000000000000003", chat(10)),
        ("0000000000000005", "0000000000000001", tool),
        ("0000000000000006", "0000000000000001", inference),
    ];
    let body = spans(&json!({"service.name": "shop"}), &all);
    assert_eq!(agent.traces(&body), json!({}));
    assert_eq!(agent.traces(&body), json!({}));
    assert_eq!(agent.used(&agent.id), [105, 13, 40, 0, 2]);
    assert_eq!(agent.tools(&agent.id)[0]["content"], "search ended after 250 ms");
}

#[test]
fn protobuf_is_answered_in_protobuf_packed_or_not() {
    let agent = Agent::start();
    let body = protobuf_span(10);
    let plain = send(&agent, "/v1/traces", &[("Content-Type", PROTOBUF)], &body);
    assert_eq!(plain, (200, PROTOBUF.to_owned(), Vec::new()));
    let gzip = [("Content-Type", PROTOBUF), ("Content-Encoding", "gzip")];
    assert_eq!(send(&agent, "/v1/traces", &gzip, &packed(&body)).0, 200);
    assert_eq!(agent.used(&agent.id), [100, 10, 0, 0, 1]);
    let (status, kind, refused) = send(&agent, "/v1/traces", &[("Content-Type", PROTOBUF)], b"\x0a\x05x");
    assert_eq!((status, kind.as_str(), &refused[..2]), (400, PROTOBUF, &[8, 3][..]));
    assert!(String::from_utf8_lossy(&refused).contains("no request of OTLP"));
    // Rejected: field 1 with the number and the reason.
    let nobody = protobuf_span_of("flightdeck.session.id", "nobody", 10);
    let (status, _, told) = send(&agent, "/v1/traces", &[("Content-Type", PROTOBUF)], &nobody);
    assert_eq!((status, told[0], &told[2..4]), (200, 0x0a, &[8, 1][..]));
    assert!(String::from_utf8_lossy(&told).contains("\"nobody\" is not the id of a session"));
}

#[test]
fn bodies_that_cannot_be_read_are_told_by_a_status() {
    let agent = Agent::start();
    let told = |headers: &[(&str, &str)], body: &[u8]| {
        let (status, kind, body) = send(&agent, "/v1/logs", headers, body);
        (status, kind, serde_json::from_slice::<Value>(&body).unwrap_or_default())
    };
    for (body, part) in
        [("", "not JSON"), ("[]", "object with resourceLogs"), (r#"{"resourceLogs":1}"#, "must be a list")]
    {
        let (status, kind, answer) = told(&[("Content-Type", JSON)], body.as_bytes());
        assert_eq!((status, kind.as_str(), &answer["code"]), (400, JSON, &json!(3)), "{body}");
        assert!(answer["message"].as_str().is_some_and(|text| text.contains(part)), "{answer}");
    }
    assert_eq!(told(&[("Content-Type", "text/plain")], b"{}").0, 415);
    assert_eq!(told(&[("Content-Type", JSON), ("Content-Encoding", "br")], b"{}").0, 415);
    assert_eq!(told(&[("Content-Type", JSON), ("Content-Encoding", "gzip")], b"{}").0, 400);
    let bomb = packed(&vec![b' '; 64 << 20]);
    assert!(bomb.len() < 100_000);
    let (status, _, answer) = told(&[("Content-Type", JSON), ("Content-Encoding", "gzip")], &bomb);
    assert_eq!((status, &answer["code"]), (413, &json!(8)));
    assert_eq!(told(&[("Content-Type", JSON)], &vec![b' '; (4 << 20) + 1]).0, 413);
    let groups = [0x0a, 0x00].repeat(1 << 20);
    assert_eq!(send(&agent, "/v1/logs", &[("Content-Type", PROTOBUF)], &groups).0, 413, "empty groups fill the memory");
    agent.server.get("/health/live").expect(200);
}

/// Nothing that is sent is a defect of the server.
#[test]
fn spoilt_requests_are_taken_or_refused() {
    let agent = Agent::start();
    let json =
        spans(&json!({}), &[("0000000000000001", "", chat(1)), ("0000000000000002", "", json!({"tool.name": "x"}))]);
    let (json, protobuf) = (json.to_string().into_bytes(), protobuf_span(1));
    let mut numbers = Numbers::new(7);
    for _ in 0..300 {
        for (kind, whole) in [(JSON, &json), (PROTOBUF, &protobuf)] {
            let spoilt = mutant(whole, &mut numbers);
            for path in ["/v1/traces", "/v1/logs"] {
                let (status, ..) = send(&agent, path, &[("Content-Type", kind)], &spoilt);
                assert!([200, 400, 413].contains(&status), "{status}: {spoilt:?}");
            }
        }
    }
}

#[test]
fn a_report_belongs_to_the_session_that_it_names_within_the_subtree_of_the_key() {
    let agent = Agent::start();
    let (below, outside) = (agent.server.session(Some(&agent.id)), agent.server.session(None));
    let named =
        |session: &str| spans(&json!({"flightdeck.session.id": session}), &[("0000000000000001", "", chat(10))]);
    assert_eq!(agent.traces(&named(&below)), json!({}));
    assert_eq!((agent.used(&below)[1], agent.used(&agent.id)[1]), (10, 0));
    for (session, why) in [(outside.as_str(), "bound to session"), ("7", "not the id of a session")] {
        let answer = agent.traces(&named(session))["partialSuccess"].clone();
        assert_eq!(answer["rejectedSpans"], "1");
        assert!(answer["errorMessage"].as_str().is_some_and(|text| text.contains(why)), "{answer}");
    }
    assert_eq!(agent.used(&outside)[1], 0);

    // By the agent's own id of its conversation.
    let status = json!({"status": "running", "providerSessionId": "thread-7"});
    agent.server.post(&format!("/agents/{below}/status"), &status).expect(200);
    agent.server.post(&format!("/agents/{outside}/status"), &status).expect(200);
    let mut chat = chat(5);
    chat["gen_ai.conversation.id"] = json!("thread-7");
    agent.traces(&spans(&json!({}), &[("0000000000000002", "", chat)]));
    assert_eq!((agent.used(&below)[1], agent.used(&outside)[1]), (15, 0), "the one that the key may touch");
    // A key without a session says nothing by itself.
    let operator = agent.server.key(Role::Operator);
    let answer =
        agent.server.post_as(&operator, "/v1/traces", &spans(&json!({}), &[("0000000000000003", "", self::chat(1))]));
    let answer = answer.expect(200)["partialSuccess"]["errorMessage"].clone();
    assert!(answer.as_str().is_some_and(|text| text.contains("flightdeck.session.id")), "{answer}");
}

#[test]
fn what_a_session_uses_is_counted_from_one_source() {
    let agent = Agent::start();
    let body = |n: u64| claude("x", &[api_request(n), tool_result(&format!("c{n}"))]);
    // It reported usage by itself before: its telemetry adds nothing but tool calls.
    let first = agent.server.session(Some(&agent.id));
    let used = json!({"role": "assistant", "content": "x", "usage": {"outputTokens": 7}});
    agent.server.post(&format!("/agents/{first}/messages"), &used).expect(201);
    let of = |session: &str, n| {
        let mut body = body(n);
        body["resourceLogs"][0]["resource"]["attributes"] =
            json!([attribute("flightdeck.session.id", &json!(session))]);
        body
    };
    for n in 0..3 {
        assert_eq!(agent.logs(&of(&first, n)), json!({}));
    }
    assert_eq!((agent.used(&first), agent.tools(&first).len()), ([0, 7, 0, 0, 1], 3));
    // It did not: from then on its telemetry counts, however long the conversation grows.
    let second = agent.server.session(Some(&agent.id));
    agent.logs(&of(&second, 0));
    agent.server.say(&second, 600);
    agent.logs(&of(&second, 1));
    assert_eq!(agent.used(&second)[4], 2);
    agent.server.post(&format!("/agents/{second}/messages"), &used).expect(201);
    assert_eq!(agent.used(&second)[4], 2, "it tells the same again");
    // Its metadata says that everything comes with messages.
    let third = SessionId::new(uuid::Uuid::from_u128(77)).to_string();
    let new = json!({"sessionId": third, "parentSessionId": agent.id, "taskId": "t", "agentType": "worker",
        "metadata": {"telemetry": "off"}});
    agent.server.post("/agents", &new).expect(201);
    assert_eq!(agent.logs(&of(&third, 0)), json!({}));
    assert_eq!((agent.used(&third)[4], agent.tools(&third).len()), (0, 0));
    // It has ended.
    agent.server.post(&format!("/agents/{second}/status"), &json!({"status": "completed"})).expect(200);
    let answer = agent.logs(&of(&second, 9))["partialSuccess"].clone();
    assert_eq!(answer["rejectedLogRecords"], "2");
    assert!(answer["errorMessage"].as_str().is_some_and(|text| text.contains("is completed")), "{answer}");
}

#[test]
fn a_tool_call_that_is_on_the_record_is_not_written_again() {
    let agent = Agent::start();
    let own = json!({"role": "tool", "content": "the result", "metadata": {"toolCallId": "c1"}});
    agent.server.post(&format!("/agents/{}/messages", agent.id), &own).expect(201);
    agent.logs(&claude("x", &[tool_result("c1"), tool_result("c2"), tool_result("c2")]));
    let tools = agent.tools(&agent.id);
    let said: Vec<&str> = tools.iter().filter_map(|message| message["content"].as_str()).collect();
    assert_eq!(said, ["the result", "Bash succeeded after 53 ms"]);
}

#[test]
fn metrics_are_turned_away_so_that_the_sender_goes_on() {
    let agent = Agent::start();
    let answer = agent.server.post_as(&agent.key, "/v1/metrics", &json!({"resourceMetrics": []})).expect(200);
    assert!(
        answer["partialSuccess"]["errorMessage"].as_str().is_some_and(|text| text.contains("not kept")),
        "{answer}"
    );
    let viewer = agent.server.key(Role::Viewer);
    agent.server.post_as(&viewer, "/v1/metrics", &json!({})).expect(403);
    agent.server.post_as("fd_nonsense", "/v1/logs", &json!({})).expect(401);
}
