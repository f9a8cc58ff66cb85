use flightdeck_domain::telemetry::ToolCall;
use flightdeck_domain::usage::{Cost, Reading};
use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::proto::{
    AnyValue, KeyValue, LogsRequest, Resource, ResourceLogs, ResourceSpans, Scope, ScopeLogs, ScopeSpans,
};
use crate::proto::{STATUS_ERROR, Status, TracesRequest};

fn attributes(all: &[(&str, Value)]) -> Vec<KeyValue> {
    let pair = |(key, value): &(&str, Value)| KeyValue {
        key: (*key).to_owned(),
        value: Some(AnyValue { value: Some(value.clone()) }),
    };
    all.iter().map(pair).collect()
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn told_by_record(body: &str, all: &[(&str, Value)]) -> Option<Report> {
    let body = Some(AnyValue { value: Some(text(body)) });
    let record = LogRecord { body, attributes: attributes(all), time_unix_nano: 1_000, ..LogRecord::default() };
    let scope_logs = vec![ScopeLogs { scope: None, log_records: vec![record] }];
    let request = LogsRequest { resource_logs: vec![ResourceLogs { resource: None, scope_logs }] };
    let told = logs(&request.encode_to_vec(), Encoding::Protobuf).expect("read");
    assert_eq!(told.records, 1);
    told.reports.into_iter().next()
}

fn span(id: u8, parent: u8, all: &[(&str, Value)]) -> Span {
    let id_of = |id: u8| if id == 0 { Vec::new() } else { vec![id; 8] };
    Span {
        trace_id: vec![1; 16],
        span_id: id_of(id),
        parent_span_id: id_of(parent),
        name: "execute_tool read".to_owned(),
        start_time_unix_nano: 1_000_000_000,
        end_time_unix_nano: 1_250_000_000,
        attributes: attributes(all),
        ..Span::default()
    }
}

fn told_by_spans(resource: &[(&str, Value)], scopes: Vec<(&str, Vec<Span>)>) -> Vec<Report> {
    let of_scope = |(name, spans): (&str, Vec<Span>)| ScopeSpans {
        scope: Some(Scope { name: name.to_owned(), version: String::new() }),
        spans,
        schema_url: String::new(),
    };
    let group = ResourceSpans {
        resource: Some(Resource { attributes: attributes(resource) }),
        scope_spans: scopes.into_iter().map(of_scope).collect(),
    };
    let request = TracesRequest { resource_spans: vec![group] };
    traces(&request.encode_to_vec(), Encoding::Protobuf).expect("read").reports
}

fn reading(model: &str, [input, output, read, write]: [Option<u64>; 4]) -> What {
    What::Usage(Reading {
        model: Some(model.to_owned()),
        input_tokens: input,
        output_tokens: output,
        cache_read_tokens: read,
        cache_write_tokens: write,
        cost_usd: None,
    })
}

#[test]
fn events_of_claude_code() {
    let all = [
        ("session.id", text("f087")),
        ("model", text("opus")),
        ("input_tokens", Value::Int(100)),
        ("output_tokens", text("10")),
        ("cache_read_tokens", Value::Int(40)),
        ("cache_creation_tokens", Value::Int(5)),
        ("cost_usd", Value::Double(0.000_633)),
    ];
    let report = told_by_record("claude_code.api_request", &all).expect("told");
    let What::Usage(used) = &report.what else { panic!("{report:?}") };
    assert_eq!((used.input_tokens, used.output_tokens), (Some(100), Some(10)), "the input is without the cached parts");
    assert_eq!((used.cache_read_tokens, used.cache_write_tokens), (Some(40), Some(5)));
    assert_eq!(used.cost_usd.map(Cost::nanos), Some(633_000));
    assert_eq!(report.session, SessionHint { named: None, own: Some("f087".to_owned()) });
    assert_eq!(report.at.map(|at| at.as_micros()), Some(1));

    let all = [("tool_name", text("Bash")), ("tool_use_id", text("t1")), ("success", text("false"))];
    let report = told_by_record("claude_code.tool_result", &all).expect("told");
    let call = ToolCall { call: Some("t1".to_owned()), name: "Bash".to_owned(), ok: Some(false), duration_ms: None };
    assert_eq!(report.what, What::Tool(call));
    for other in ["claude_code.user_prompt", "claude_code.tool_decision", "api_request", "my own words"] {
        assert_eq!(told_by_record(other, &all), None, "{other}");
    }
}

#[test]
fn events_of_codex() {
    let counts =
        [("input_token_count", text("1000")), ("output_token_count", text("40")), ("cached_token_count", text("300"))];
    let about =
        [("event.name", text("codex.sse_event")), ("event.kind", text("response.completed")), ("model", text("gpt"))];
    let report = told_by_record("", &[&about[..], &counts[..]].concat()).expect("told");
    assert_eq!(report.what, reading("gpt", [Some(700), Some(40), Some(300), None]));
    assert_eq!(told_by_record("", &about), None, "the first event of a response has no counts");
    let other = [("event.name", text("codex.sse_event")), ("event.kind", text("response.created"))];
    assert_eq!(told_by_record("", &[&other[..], &counts[..]].concat()), None);
    let all = [
        ("event.name", text("codex.tool_result")),
        ("tool_name", text("exec_command")),
        ("call_id", text("call_1")),
        ("conversation.id", text("01a2")),
        ("output", text("a secret")),
    ];
    let report = told_by_record("", &all).expect("told");
    let call =
        ToolCall { call: Some("call_1".to_owned()), name: "exec_command".to_owned(), ok: None, duration_ms: None };
    assert_eq!((report.what, report.session.own.as_deref()), (What::Tool(call), Some("01a2")));
}

#[test]
fn spans_in_the_spellings_of_several_conventions() {
    let int = Value::Int;
    let op = |name: &str| ("gen_ai.operation.name", text(name));
    for (all, expected) in [
        (
            vec![
                op("chat"),
                ("gen_ai.response.model", text("m")),
                ("gen_ai.usage.input_tokens", int(145)),
                ("gen_ai.usage.cache_read.input_tokens", int(40)),
                ("gen_ai.usage.cache_write.input_tokens", int(5)),
                ("gen_ai.usage.output_tokens", int(10)),
            ],
            Some(reading("m", [Some(100), Some(10), Some(40), Some(5)])),
        ),
        (
            vec![op("embeddings"), ("gen_ai.request.model", text("e")), ("gen_ai.usage.input_tokens", int(3))],
            Some(reading("e", [Some(3), None, None, None])),
        ),
        (
            vec![
                ("llm.request.type", text("chat")),
                ("gen_ai.request.model", text("m")),
                ("gen_ai.usage.prompt_tokens", int(1)),
                ("gen_ai.usage.completion_tokens", int(2)),
            ],
            Some(reading("m", [Some(1), Some(2), None, None])),
        ),
        (
            vec![
                ("openinference.span.kind", text("LLM")),
                ("llm.model_name", text("m")),
                ("llm.token_count.prompt", int(1)),
                ("llm.token_count.completion", int(2)),
            ],
            Some(reading("m", [Some(1), Some(2), None, None])),
        ),
        (vec![op("invoke_agent"), ("gen_ai.request.model", text("m")), ("gen_ai.usage.output_tokens", int(9))], None),
        (vec![op("chat"), ("gen_ai.request.model", text("m"))], None),
        (vec![("gen_ai.usage.output_tokens", int(9))], None),
        (vec![("http.request.method", text("GET"))], None),
    ] {
        let told = told_by_spans(&[], vec![("x", vec![span(1, 0, &all)])]);
        assert_eq!(told.into_iter().next().map(|report| report.what), expected, "{all:?}");
    }
    let tool = |all: &[(&str, Value)], status| {
        let span = Span { status, ..span(1, 0, all) };
        let report = told_by_spans(&[], vec![("x", vec![span])]).into_iter().next();
        match report.map(|report| report.what) {
            Some(What::Tool(tool)) => (tool.name, tool.call, tool.ok, tool.duration_ms),
            other => panic!("{other:?}"),
        }
    };
    let failed = Some(Status { code: STATUS_ERROR, message: String::new() });
    let all = [op("execute_tool"), ("gen_ai.tool.name", text("search")), ("gen_ai.tool.call.id", text("c"))];
    assert_eq!(tool(&all, failed), ("search".to_owned(), Some("c".to_owned()), Some(false), Some(250)));
    assert_eq!(tool(&[op("execute_tool")], None), ("read".to_owned(), None, None, Some(250)));
    assert_eq!(tool(&[("openinference.span.kind", text("TOOL")), ("tool.name", text("w"))], None).0, "w");
    assert_eq!(tool(&[("traceloop.span.kind", text("tool")), ("traceloop.entity.name", text("z"))], None).0, "z");
}

#[test]
fn one_call_counts_once_however_many_libraries_and_signals_tell_of_it() {
    let chat = [("gen_ai.operation.name", text("chat")), ("gen_ai.usage.output_tokens", Value::Int(1))];
    let between = [("http.request.method", text("POST"))];
    let scopes = || {
        vec![
            ("langchain", vec![span(1, 9, &chat)]),
            ("http", vec![span(2, 1, &between)]),
            ("openai", vec![span(3, 2, &chat)]),
        ]
    };
    let told = told_by_spans(&[("service.name", text("shop"))], scopes());
    assert_eq!(
        told.iter().map(|report| report.once.as_str()).collect::<Vec<_>>(),
        [format!("span/{}/{}", "01".repeat(16), "01".repeat(8))]
    );
    let loops = vec![("x", vec![span(1, 2, &chat), span(2, 1, &between), span(3, 3, &chat)])];
    assert_eq!(told_by_spans(&[], loops).len(), 2, "spans around themselves");
    for name in ["claude-code", "codex_exec", "codex_cli_rs"] {
        assert_eq!(told_by_spans(&[("service.name", text(name))], scopes()), [], "{name} tells in its logs");
    }
}

#[test]
fn the_session_stands_at_the_span_or_at_the_resource() {
    let chat = |more: &[(&str, Value)]| {
        let all = [("gen_ai.operation.name", text("chat")), ("gen_ai.usage.output_tokens", Value::Int(1))];
        vec![("x", vec![span(1, 0, &[&all[..], more].concat())])]
    };
    let hint = |resource: &[(&str, Value)], own: &[(&str, Value)]| {
        let report = told_by_spans(resource, chat(own)).into_iter().next().expect("told");
        (report.session.named.unwrap_or_default(), report.session.own.unwrap_or_default())
    };
    let of = |named: &str, own: &str| (named.to_owned(), own.to_owned());
    assert_eq!(hint(&[("flightdeck.session.id", text("s1"))], &[]), of("s1", ""));
    assert_eq!(hint(&[("flightdeck.session.id", text("s1"))], &[("flightdeck.session.id", text("s2"))]), of("s2", ""));
    assert_eq!(hint(&[("session.id", text("r"))], &[("gen_ai.conversation.id", text("c"))]), of("", "r"));
    assert_eq!(hint(&[("service.name", text("r"))], &[("conversation.id", text("c"))]), of("", "c"));
}

#[test]
fn a_record_is_the_same_when_it_is_sent_again_and_another_with_any_difference() {
    let once = |all: &[(&str, Value)]| {
        let named = [("tool_name", text("Bash"))];
        told_by_record("claude_code.tool_result", &[&named[..], all].concat()).expect("told").once
    };
    let first = once(&[("event.sequence", Value::Int(1))]);
    assert_eq!(first, once(&[("event.sequence", Value::Int(1))]));
    assert_ne!(first, once(&[("event.sequence", Value::Int(2))]));
    assert_ne!(first, once(&[("event.sequence", text("1"))]));
    assert_ne!(once(&[("a", text("bc"))]), once(&[("ab", text("c"))]));
}

proptest! {
    #[test]
    fn no_bytes_are_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        for encoding in [Encoding::Protobuf, Encoding::Json] {
            let _any = (traces(&bytes, encoding), logs(&bytes, encoding));
        }
        let _any = crate::unpacked(&bytes, 1_000);
    }

    #[test]
    fn no_spoilt_request_is_a_panic(place in 0_usize..4_000, byte in any::<u8>(), cut in any::<bool>()) {
        let all = [("gen_ai.operation.name", text("chat")), ("gen_ai.usage.output_tokens", Value::Double(f64::NAN))];
        let scope_spans = vec![ScopeSpans { scope: None, spans: vec![span(1, 2, &all); 20], schema_url: String::new() }];
        let resource = Some(Resource { attributes: attributes(&all) });
        let mut bytes = TracesRequest { resource_spans: vec![ResourceSpans { resource, scope_spans }] }.encode_to_vec();
        let place = place % bytes.len();
        if cut { bytes.truncate(place) } else { bytes[place] = byte }
        let _any = (traces(&bytes, Encoding::Protobuf), logs(&bytes, Encoding::Protobuf));
    }
}
