//! What must be found nowhere, and where it is looked for.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Output;

use flightdeck_test_servers::postgres::Place;
use serde_json::Value;

use crate::support::process::told;

pub(crate) const TOKEN: &str = "canary-Zx81-\"0123456789\"";
pub(crate) const OTHER: &str = "canary-Yw92-9876543210";

/// The canaries as they are, in hexadecimal digits and without their ends, which a cut may have taken.
fn is_in(bytes: &[u8]) -> bool {
    ["canary-Zx81", "canary-Yw92"].iter().any(|canary| {
        let hex = canary.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        [*canary, &hex].iter().any(|form| bytes.windows(form.len()).any(|window| window == form.as_bytes()))
    })
}

/// Everything that was answered.
#[derive(Default)]
pub(crate) struct Answers(Vec<(String, String)>);

impl Answers {
    pub(crate) fn ask(
        &mut self,
        server: SocketAddr,
        key: &str,
        method: &str,
        path: &str,
        body: &Value,
    ) -> (u16, Value) {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
        let request = ureq::http::Request::builder().method(method).uri(format!("http://{server}{path}"));
        let request = request.header("X-API-Key", key);
        let response = if body.is_null() {
            agent.run(request.body(()).expect("a request"))
        } else {
            let request = request.header("Content-Type", "application/json");
            agent.run(request.body(body.to_string()).expect("a request"))
        };
        let mut response = response.expect("an answer");
        let head = format!("{:?}", response.headers());
        let bytes = response.body_mut().with_config().limit(u64::MAX).read_to_vec().expect("bytes");
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let answer = (response.status().as_u16(), serde_json::from_str(&text).unwrap_or_default());
        self.0.push((format!("{method} {path}"), format!("{head}{text}")));
        answer
    }

    pub(crate) fn keep(&mut self, output: &Output) {
        let (out, errors) = told(output);
        self.0.push(("a command".to_owned(), format!("{out}{errors}")));
    }

    pub(crate) fn assert_none(&self) {
        for (asked, answer) in &self.0 {
            assert!(!is_in(answer.as_bytes()), "{asked}: {answer}");
        }
    }
}

/// Looks into every file of a folder, but for what agents have noted themselves.
pub(crate) fn assert_none_in(folder: &Path, but: &[&Path]) {
    let mut left = vec![folder.to_owned()];
    let mut seen = Vec::new();
    while let Some(path) = left.pop() {
        if but.contains(&path.as_path()) {
            continue;
        }
        if path.is_dir() {
            left.extend(fs::read_dir(&path).expect("a folder").map(|entry| entry.expect("an entry").path()));
        } else if let Ok(bytes) = fs::read(&path) {
            assert!(!is_in(&bytes), "a canary in {}", path.display());
            seen.push(path.display().to_string());
        }
    }
    for wanted in ["one.log", "two.log", "far/log.txt", "outbox.db", "agent-logs", "admin.key"] {
        assert!(seen.iter().any(|path| path.contains(wanted)), "{wanted} was looked into: {seen:#?}");
    }
}

/// Looks into every row of every table.
pub(crate) async fn assert_none_in_database(place: &Place) {
    let client = place.client().await.expect("a connection");
    let tables = "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables \
                  WHERE schemaname NOT IN ('pg_catalog', 'information_schema')";
    let mut rows = 0;
    for table in client.query(tables, &[]).await.expect("tables") {
        let table: String = table.get(0);
        for row in client.query(&format!("SELECT t::text FROM {table} t"), &[]).await.expect("rows") {
            let text: String = row.get(0);
            assert!(!is_in(text.as_bytes()), "a canary in {table}: {text}");
            rows += 1;
        }
    }
    assert!(rows > 200, "{rows} rows");
}
