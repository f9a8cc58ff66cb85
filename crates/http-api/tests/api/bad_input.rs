//! Bad input gets a clear fault that names the field, and nothing is lost.

use serde_json::json;

use crate::server::TestServer;

/// Method, path, content type, body; the status, and a word that the answer must contain.
type Case<'a> = (&'a str, String, &'a str, Vec<u8>, u16, &'a str);

#[test]
fn the_table_of_bad_input() {
    let server = TestServer::start();
    let agent = server.session(None);
    let child = server.session(Some(&agent));
    let ended = server.session(None);
    server.post(&format!("/agents/{ended}/status"), &json!({"status": "failed"})).expect(200);
    let unknown = "0198c1f0-7d3e-7c2a-9a51-3f6f0c0e8b11";
    let json = "application/json";
    let messages = format!("/agents/{agent}/messages");
    let status = format!("/agents/{agent}/status");
    let post = |path: &str, body: &str| ("POST", path.to_owned(), json, body.as_bytes().to_vec());
    let put = |path: &str, body: &str| ("PUT", path.to_owned(), json, body.as_bytes().to_vec());
    let used = |usage: &str| format!("{{\"role\":\"user\",\"content\":\"x\",\"usage\":{usage}}}");
    let said_at = |moment: &str| format!("{{\"role\":\"user\",\"content\":\"x\",\"createdAt\":\"{moment}\"}}");
    let get = |path: &str| ("GET", path.to_owned(), "", Vec::new());
    let register = |rest: &str| format!("{{\"taskId\":\"FD-1\",\"agentType\":\"worker\"{rest}}}");
    let large = format!("{{\"role\":\"user\",\"content\":\"{}\"}}", "x".repeat(10 * 1_048_576));
    let long = format!("{{\"role\":\"user\",\"content\":\"{}\"}}", "x".repeat(1_048_577));
    let many = format!("[{}]", vec!["{\"role\":\"user\",\"content\":\"x\"}"; 1_001].join(","));
    let full = |(method, path, kind, body), status, word| -> Case<'_> { (method, path, kind, body, status, word) };
    let cases = [
        full(post("/login", "{}"), 400, "missing field `key`"),
        full(post("/login", "{\"key\":7}"), 400, "/key: invalid type"),
        full(post("/login", "{\"key\":\"x\",\"stay\":true}"), 400, "unknown field `stay`"),
        full(("POST", "/login".to_owned(), "text/plain", b"key=x".to_vec()), 415, "application/json"),
        full(post(&messages, "{"), 400, "not JSON"),
        full(post(&messages, "role=user"), 400, "not JSON"),
        full(post(&messages, ""), 400, "is empty"),
        full(post(&messages, "[]"), 400, "no message in the batch"),
        full(post(&messages, "42"), 400, "invalid type"),
        full(post(&messages, "{\"role\":\"user\",\"content\":\"x\"} trailing"), 400, "not JSON"),
        full(post(&messages, "{\"role\":\"user\"}"), 400, "content"),
        full(post(&messages, "{\"role\":\"user\",\"content\":\"\"}"), 400, "/content: must not be empty"),
        full(post(&messages, "{\"role\":\"user\",\"content\":\" \\n\"}"), 400, "/content: must not be empty"),
        full(post(&messages, "{\"role\":\"user\",\"content\":7}"), 400, "/content: invalid type: integer"),
        full(post(&messages, "{\"role\":\"boss\",\"content\":\"x\"}"), 400, "/role: unknown variant `boss`"),
        full(post(&messages, "{\"role\":\"operator\",\"content\":\"x\"}"), 400, "/inject"),
        full(post(&messages, "{\"role\":\"user\",\"content\":\"x\",\"sqe\":1}"), 400, "unknown field `sqe`"),
        full(post(&messages, "{\"id\":\"7\",\"role\":\"user\",\"content\":\"x\"}"), 400, "/id"),
        full(post(&messages, "{\"role\":\"user\",\"content\":\"x\",\"createdAt\":\"yesterday\"}"), 400, "/createdAt"),
        full(
            post(&messages, &said_at("+10000-01-01T00:00:00Z")),
            400,
            "/createdAt: lies outside of the years 0000 to 9999",
        ),
        full(
            post(&messages, &said_at("-0001-01-01T00:00:00Z")),
            400,
            "/createdAt: lies outside of the years 0000 to 9999",
        ),
        full(post(&messages, &said_at("9999-12-31T23:59:59-00:01")), 400, "/createdAt"),
        full(post(&messages, &said_at("+262143-01-01T00:00:00Z")), 400, "/createdAt"),
        full(post(&messages, "{\"role\":\"user\",\"content\":\"x\",\"metadata\":[]}"), 400, "/metadata"),
        full(post(&messages, "[{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"user\"}]"), 400, "/1"),
        full(post(&messages, &used("{\"input_tokens\":1}")), 400, "unknown field `input_tokens`"),
        full(post(&messages, &used("{}")), 400, "/usage: says nothing"),
        full(post(&messages, &used("{\"costUsd\":-1}")), 400, "/usage/costUsd: -1 is no amount"),
        full(post(&messages, &used("{\"inputTokens\":1},\"metadata\":{\"usage\":1}")), 400, "/0/usage"),
        full(
            put(&format!("/agents/{agent}/budget"), "{\"maxTokens\":9223372036854775808}"),
            400,
            "/maxTokens: is more",
        ),
        full(
            put(&format!("/agents/{agent}/budget"), "{\"maxTokens\":1.5}"),
            400,
            "/maxTokens: 1.5 is not a whole number",
        ),
        full(put(&format!("/agents/{agent}/budget"), "{\"maxTokens\":true}"), 400, "/maxTokens: is not a whole number"),
        full(post(&messages, &used("{\"inputTokens\":1.5}")), 400, "1.5 is not a whole number"),
        full(post(&format!("/agents/{agent}/commands/9223372036854775808/cancel"), "{}"), 400, "seq"),
        full(get(&format!("{messages}?after=9223372036854775808")), 400, "after"),
        full(put(&format!("/agents/{agent}/budget"), "{}"), 400, "limits nothing"),
        full(put(&format!("/agents/{agent}/budget"), "{\"maxTokens\":-1}"), 400, "/maxTokens"),
        full(put(&format!("/agents/{unknown}/budget"), "{\"maxTokens\":1}"), 404, unknown),
        full(get(&format!("/agents/{unknown}/usage")), 404, unknown),
        full(get("/missions/apollo"), 404, "there is no mission apollo"),
        full(get("/missions/%20"), 400, "missionId: must not be empty"),
        full(get("/missions?after=x"), 400, "take it from the page before"),
        full(post(&messages, &many), 400, "at most 1000"),
        full(post(&messages, &long), 400, "/content: is too long"),
        full(post(&messages, &large), 413, "larger than 4194304 bytes"),
        full(
            ("POST", messages.clone(), "text/plain", b"hello".to_vec()),
            415,
            "application/json or application/x-ndjson",
        ),
        full(
            ("POST", messages.clone(), "application/x-ndjson", b"{\"role\":\"user\",\"content\":\"x\"}\n{".to_vec()),
            400,
            "/1: not JSON",
        ),
        full(("POST", messages.clone(), json, vec![0xff, 0xfe]), 400, "not JSON"),
        full(post(&format!("/agents/{unknown}/messages"), "{\"role\":\"user\",\"content\":\"x\"}"), 404, unknown),
        full(post(&format!("/agents/{ended}/messages"), "{\"role\":\"user\",\"content\":\"x\"}"), 409, "is failed"),
        full(get("/agents/42/messages"), 400, "agentId: \"42\" is not a UUID"),
        full(get(&format!("/agents/{unknown}/messages")), 404, unknown),
        full(get(&format!("{messages}?limit=0")), 400, "limit: \"0\" is not a whole number from 1 to 1000"),
        full(get(&format!("{messages}?limit=5000")), 400, "limit"),
        full(get(&format!("{messages}?skip=-1")), 400, "skip"),
        full(get(&format!("{messages}?after=x")), 400, "after"),
        full(get(&format!("{messages}?skip=1&after=1")), 400, "one of the three"),
        full(get(&format!("{messages}?offset=1")), 400, "offset: is not a parameter"),
        full(get(&format!("{messages}/stream?after=99")), 400, "beyond the end"),
        full(get(&format!("/agents/{unknown}/messages/stream")), 404, unknown),
        full(get("/agents/events?type=status,explosion"), 400, "no kind of fleet event"),
        full(get("/agents/events?subtree=top"), 400, "subtree"),
        full(get("/agents/events?activity=maybe"), 400, "neither on nor off"),
        full(get(&format!("/agents/events?subtree={unknown}")), 404, unknown),
        full(get("/agents?cursor=abc"), 400, "cursor"),
        full(get("/agents?status=busy"), 400, "is not a status"),
        full(get("/agents?root=top"), 400, "root"),
        full(get("/agents/tree?limit=ten"), 400, "limit"),
        full(get("/audit?before=0"), 400, "before"),
        full(get("/audit?action=explode"), 400, "is not an audited action"),
        full(get("/audit?operator=bob"), 400, "operator"),
        full(get("/audit?subtree=top"), 400, "subtree"),
        full(get("/audit?from=yesterday"), 400, "is not a moment such as 2026-03-01T10:00:00Z"),
        full(get("/audit?to=2026-13-01T00:00:00Z"), 400, "to: "),
        full(get("/audit?from=%2B10000-01-01T00:00:00Z"), 400, "from: "),
        full(get("/audit?to=9999-12-31T23:59:59-00:01"), 400, "to: "),
        full(get("/audit/export?after=-1"), 400, "after"),
        full(get("/audit/export?before=1"), 400, "before: is not a parameter"),
        full(post("/agents", "{}"), 400, "taskId"),
        full(post("/agents", &register(",\"parentAgentID\":\"x\"")), 400, "unknown field `parentAgentID`"),
        full(post("/agents", &register(&format!(",\"parentSessionId\":\"{unknown}\""))), 400, "/parentSessionId"),
        full(
            post("/agents", &register(&format!(",\"sessionId\":\"{unknown}\",\"parentSessionId\":\"{unknown}\""))),
            400,
            "its own parent",
        ),
        full(
            post("/agents", &register(&format!(",\"sessionId\":\"{agent}\",\"parentSessionId\":\"{child}\""))),
            400,
            "is a descendant",
        ),
        full(post("/agents", &register(&format!(",\"sessionId\":\"{child}\""))), 409, "parentSessionId"),
        full(post("/agents", &register(",\"status\":\"killed\"")), 400, "/status"),
        full(post("/agents", &register(",\"taskSource\":\"\"")), 400, "/taskSource: must not be empty"),
        full(
            post("/agents", "{\"taskId\":\"a\\u001b[2J\",\"agentType\":\"worker\"}"),
            400,
            "/taskId: contains a control character",
        ),
        full(post("/agents/spawn", &register(",\"provider\":\"skynet\"")), 400, "there is no provider \"skynet\""),
        full(
            post("/agents/spawn", &register(",\"provider\":\"scripted\",\"context\":{\"script\":[{\"dance\":1}]}")),
            400,
            "/context/script",
        ),
        full(
            post("/agents/spawn", &register(",\"provider\":\"scripted\",\"options\":{\"cwd\":\"web\"}")),
            400,
            "/options/cwd: unknown field `cwd`",
        ),
        full(
            post("/agents/spawn", &register(",\"provider\":\"scripted\",\"context\":{\"cwd\":\"web\"}")),
            400,
            "/context/cwd: unknown field `cwd`",
        ),
        full(
            post("/agents/spawn", &register(",\"options\":{\"modle\":\"x\"}")),
            400,
            "/options/modle: unknown field `modle`",
        ),
        full(post("/agents/spawn", &register(",\"options\":{\"env\":[7]}")), 400, "/options/env/0: invalid type"),
        full(
            post("/agents/spawn", &register(",\"options\":{\"model\":\"a\"},\"context\":{\"model\":\"a\"}")),
            400,
            "/options/model: is in the context, too (/context/model); give it in one of the two",
        ),
        full(
            post("/agents/spawn", &register(&format!(",\"options\":{{\"model\":\"{}\"}}", "x".repeat(262_144)))),
            400,
            "/options: with the context it is too long",
        ),
        full(post("/agents/spawn", &register(",\"parentAgentId\":7")), 400, "/parentAgentId"),
        full(post(&status, "{\"status\":\"busy\"}"), 400, "/status"),
        full(post(&status, "{\"status\":\"spawning\"}"), 409, "a session that is running cannot become spawning"),
        full(
            post(&format!("/agents/{ended}/status"), "{\"status\":\"running\"}"),
            409,
            "a session that is failed cannot become running",
        ),
        full(post(&format!("/agents/{unknown}/status"), "{\"status\":\"idle\"}"), 404, unknown),
        full(post(&format!("/agents/{agent}/inject"), "{}"), 400, "message"),
        full(post(&format!("/agents/{agent}/inject"), "{\"message\":\"\"}"), 400, "/message: must not be empty"),
        full(post(&format!("/agents/{agent}/inject"), "{\"message\":\"x\",\"delivery\":\"now\"}"), 400, "/delivery"),
        full(post(&format!("/agents/{agent}/pause?wait=1h"), "{}"), 400, "wait"),
        full(post(&format!("/agents/{agent}/pause"), "{\"why\":\"x\"}"), 400, "unknown field `why`"),
        full(post(&format!("/agents/{ended}/pause"), "{}"), 409, "is failed"),
        full(post(&format!("/agents/{ended}/close"), "{}"), 409, "is failed"),
        full(post(&format!("/agents/{agent}/close?wait=1s"), "{}"), 400, "wait"),
        full(post(&format!("/agents/{agent}/commands/x/ack"), "{\"state\":\"consumed\"}"), 400, "seq"),
        full(post(&format!("/agents/{agent}/commands/1/ack"), "{\"state\":\"refused\"}"), 400, "/reason"),
        full(get(&format!("/agents/{agent}/messages/search")), 400, "q: is missing"),
        full(get(&format!("/agents/{agent}/messages/search?q=%20")), 400, "give 1 to 200 characters"),
        full(get(&format!("/agents/{agent}/messages/search?q=x&limit=201")), 400, "a whole number from 1 to 200"),
        full(get(&format!("/agents/{unknown}/messages/search?q=x")), 404, unknown),
        full(get(&format!("/agents/{agent}/messages/rendered?limit=101")), 400, "a whole number from 1 to 100"),
        full(get(&format!("/agents/{agent}/messages/rendered?after=x")), 400, "after"),
        full(get(&format!("/agents/{unknown}/messages/rendered")), 404, unknown),
        full(get(&format!("/agents/{agent}/changes?turn=0")), 400, "a whole number from 1 to"),
        full(get(&format!("/agents/{agent}/changes?path=a%5C")), 400, "a backslash is written twice"),
        full(get(&format!("/agents/{agent}/changes?file=a")), 400, "there are: turn, path"),
        full(get(&format!("/agents/{unknown}/changes")), 404, unknown),
        full(get(&format!("/agents/{agent}/changes")), 409, "has not told what it changed"),
        full(get("/agents/"), 404, "there is nothing at /agents/"),
        full(("DELETE", "/agents".to_owned(), "", Vec::new()), 405, "use GET, HEAD, POST"),
    ];
    for (method, path, kind, body, status, word) in cases {
        let shown = String::from_utf8_lossy(&body).chars().take(80).collect::<String>();
        let reply = server.call(method, &path, kind, &body);
        let case = format!("{method} {path} {shown} -> {}", reply.body);
        assert_eq!(reply.status, status, "{case}");
        assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{case}");
        assert!(reply.body["detail"].as_str().is_some_and(|detail| detail.contains(word)), "no {word:?} in {case}");
        let id = reply.body["requestId"].as_str().expect("a request id");
        assert_eq!(reply.header("x-request-id"), Some(id), "{case}");
        assert!(reply.body["type"].as_str().is_some_and(|kind| kind.starts_with("urn:flightdeck:problem:")), "{case}");
    }
    assert_eq!(server.get(&messages).expect(200)["total"], 0, "nothing bad was written");
}

#[test]
fn keys_that_are_none_are_told_what_is_missing() {
    let server = TestServer::start();
    let other = server.admin.replace("fd_", "fd_0");
    let mut wrong = server.admin.clone();
    wrong.pop();
    wrong.push(if server.admin.ends_with('0') { '1' } else { '0' });
    for (key, word) in
        [("", "is needed"), ("nonsense", "fd_<keyid>_<secret>"), (&other, "fd_<keyid>"), (&wrong, "is not known")]
    {
        let reply = server.get_as(key, "/agents");
        assert_eq!((reply.status, reply.header("www-authenticate")), (401, Some("Bearer")));
        assert!(reply.body["detail"].as_str().is_some_and(|detail| detail.contains(word)), "{}", reply.body);
    }
    let bearer = ureq::get(server.url("/agents")).header("Authorization", format!("Bearer {}", server.admin)).call();
    assert_eq!(bearer.expect("let in").status(), 200);
}

#[test]
fn a_request_may_bring_its_own_id() {
    let server = TestServer::start();
    let ask = |id: &str| {
        let reply = ureq::get(server.url("/health/live")).header("X-Request-Id", id).call().expect("alive");
        reply.headers()["x-request-id"].to_str().expect("a text").to_owned()
    };
    assert_eq!(ask("trace-7"), "trace-7");
    assert_ne!(ask(&"x".repeat(500)), "x".repeat(500));
}

/// What stands in an array in the order of an object's fields is no object, neither as a body nor within one.
#[test]
fn an_array_is_no_object() {
    let server = TestServer::start();
    let agent = server.session(None);
    let key = server.admin.clone();
    let of = |verb: &str| format!("/agents/{agent}/{verb}");
    for (method, path, body, field) in [
        ("PUT", "/missions/m/budget".to_owned(), json!([5, null, null, null, null, null]), ""),
        ("PUT", "/missions/m/budget".to_owned(), json!({"perDay": [5, null]}), "/perDay"),
        ("PUT", of("budget"), json!({"maxTokens": 1, "perMonth": [null, null]}), "/perMonth"),
        ("POST", of("pause"), json!(["why"]), ""),
        ("POST", of("messages"), json!([[null, "user", "x"]]), "/0"),
        ("POST", of("messages"), json!({"role": "user", "content": "x", "usage": ["m", 1]}), "/usage"),
        ("POST", "/sinks".to_owned(), json!({"name": "a", "form": "slack", "filter": [[]]}), "/filter"),
    ] {
        let problem = server.send(&[("X-API-Key", &key)], method, &path, &body).expect(400);
        assert_eq!(problem["errors"][0]["field"], field, "{method} {path}: {problem}");
    }
}

/// What could never be sent to is refused when it comes.
#[test]
fn a_browser_subscribes_with_keys_that_are_some() {
    let server = TestServer::start();
    let described = server.get("/openapi.json").expect(200);
    let example = &described["components"]["schemas"]["PushBody"]["example"];
    let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
    let (auth, key) = (&*text(&example["keys"]["auth"]), &*text(&example["serverKey"]));
    let short = &key[..key.len() - 1];
    for (auth, key, field) in [
        ("BTBZMqHH6r4Tts7J_aSIg=", key, "/keys/auth"),
        ("BTBZMqHH6r4Tts7J_aSI", key, "/keys/auth"),
        (auth, short, "/serverKey"),
        (auth, &"A".repeat(184), "/serverKey"),
        (auth, &key.replace("MIGHAgEA", "MIGHAgE="), "/serverKey"),
    ] {
        let keys = json!({"p256dh": "x", "auth": auth});
        let body = json!({"endpoint": "https://push.example/a", "keys": keys, "serverKey": key});
        let problem = server.post("/push/subscriptions", &body).expect(400);
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
}
