//! The connection to the server.

use std::time::Duration;

use flightdeck_client::{Answer, Client};
use flightdeck_domain::ids::SessionId;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// How long one call may take.
const DEADLINE: Duration = Duration::from_secs(20);

/// What came of a call.
pub(crate) enum Told<T> {
    /// The server did it.
    Good(T),
    /// It may do it later: it is away, or busy.
    Later,
    /// The assignment is over, or somebody else's: nothing more of it is taken.
    Over(String),
    /// It will never do it.
    Refused(Refusal),
}

/// Why the server does not do it.
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) why: String,
}

impl<T> Told<T> {
    /// The same with something made of what came back.
    pub(crate) fn map<U>(self, make: impl FnOnce(T) -> U) -> Told<U> {
        match self {
            Self::Good(value) => Told::Good(make(value)),
            Self::Later => Told::Later,
            Self::Over(why) => Told::Over(why),
            Self::Refused(refusal) => Told::Refused(refusal),
        }
    }

    fn of(answer: Option<Answer>, read: impl FnOnce(&Answer) -> Option<T>) -> Self {
        let Some(answer) = answer else { return Self::Later };
        if answer.is_good() {
            return match read(&answer) {
                Some(value) => Self::Good(value),
                None => Self::Refused(Refusal { status: 502, why: "the answer is none of Flightdeck's".to_owned() }),
            };
        }
        if answer.is_passing() {
            return Self::Later;
        }
        let kind = answer.body.get("type").and_then(Value::as_str).unwrap_or_default();
        let why = answer.problem();
        match kind.rsplit(':').next() {
            Some("assignment-over" | "assignment-fenced") => Self::Over(why),
            // What an operator has to mend: the key was revoked, or has expired.
            Some("unauthenticated") => {
                tracing::error!(why, "the server does not accept the key of this runner");
                Self::Later
            }
            _ => Self::Refused(Refusal { status: answer.status, why }),
        }
    }
}

/// The server, seen by the runner, or by one of its assignments.
#[derive(Clone)]
pub(crate) struct Link(Client);

impl Link {
    pub(crate) const fn new(client: Client) -> Self {
        Self(client)
    }

    /// The same for the reports of an assignment.
    pub(crate) fn acting_for(&self, session: SessionId, token: u64) -> Self {
        Self(self.0.with_header("Flightdeck-Assignment", &format!("{session}/{token}")))
    }

    /// Says something, and waits for the answer on a thread of its own.
    pub(crate) async fn say<T: DeserializeOwned + Send + 'static>(
        &self,
        path: String,
        body: String,
        deadline: Duration,
    ) -> Told<T> {
        let client = self.0.clone();
        let call = move || client.say_once(&path, body.as_bytes(), deadline).ok();
        Told::of(tokio::task::spawn_blocking(call).await.ok().flatten(), Answer::read)
    }

    /// The same, where only what became of it counts.
    pub(crate) async fn tell(&self, path: String, body: String) -> Told<()> {
        let client = self.0.clone();
        let call = move || client.say_once(&path, body.as_bytes(), DEADLINE).ok();
        Told::of(tokio::task::spawn_blocking(call).await.ok().flatten(), |_| Some(()))
    }

    /// Joins, or joins again.
    pub(crate) async fn put<T: DeserializeOwned + Send + 'static>(&self, path: String, body: String) -> Told<T> {
        let client = self.0.clone();
        let call = move || client.put_once(&path, body.as_bytes(), DEADLINE).ok();
        Told::of(tokio::task::spawn_blocking(call).await.ok().flatten(), Answer::read)
    }

    /// Asks for something.
    pub(crate) async fn ask<T: DeserializeOwned + Send + 'static>(&self, path: String, deadline: Duration) -> Told<T> {
        let client = self.0.clone();
        let call = move || client.get_once(&path, deadline).ok();
        Told::of(tokio::task::spawn_blocking(call).await.ok().flatten(), Answer::read)
    }
}

/// How long to wait before the server is asked again: it grows.
pub(crate) struct Backoff(Duration);

impl Backoff {
    const FIRST: Duration = Duration::from_millis(100);
    const LAST: Duration = Duration::from_secs(3);

    pub(crate) const fn new() -> Self {
        Self(Self::FIRST)
    }

    pub(crate) const fn reset(&mut self) {
        self.0 = Self::FIRST;
    }

    pub(crate) async fn pause(&mut self) {
        tokio::time::sleep(self.0).await;
        self.0 = Self::LAST.min(self.0 * 2);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{FakeServer, problem};

    #[derive(serde::Deserialize)]
    struct Number {
        #[expect(dead_code, reason = "it is read, and that is all")]
        n: u64,
    }

    #[tokio::test]
    async fn each_answer_says_what_is_to_be_done() {
        let server = FakeServer::new(|asked| match asked.path.as_str() {
            "/good" => (200, json!({"n": 1})),
            "/strange" => (200, json!("no object")),
            "/over" => problem(409, "assignment-over"),
            "/fenced" => problem(409, "assignment-fenced"),
            "/revoked" => problem(401, "unauthenticated"),
            "/busy" => problem(429, "throttled"),
            "/away" => problem(502, "bad-gateway"),
            "/denied" => problem(403, "forbidden"),
            "/connected" => problem(409, "runner-connected"),
            _ => problem(400, "invalid"),
        });
        let deadline = Duration::from_secs(5);
        for (path, expected) in [
            ("/good", "good"),
            ("/strange", "refused 502"),
            ("/over", "over"),
            ("/fenced", "over"),
            ("/revoked", "later"),
            ("/busy", "later"),
            ("/away", "later"),
            ("/denied", "refused 403"),
            ("/connected", "refused 409"),
            ("/wrong", "refused 400"),
        ] {
            let told = match server.link().say::<Number>(path.to_owned(), "{}".to_owned(), deadline).await {
                Told::Good(_) => "good".to_owned(),
                Told::Later => "later".to_owned(),
                Told::Over(_) => "over".to_owned(),
                Told::Refused(refusal) => format!("refused {}", refusal.status),
            };
            assert_eq!(told, expected, "{path}");
        }
        let nobody = Link::new(Client::new("http://127.0.0.1:1", "key"));
        assert!(matches!(nobody.tell("/x".to_owned(), "{}".to_owned()).await, Told::Later), "nobody answers");
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_up_to_a_bound_and_begin_anew() {
        let mut backoff = Backoff::new();
        let mut spans = Vec::new();
        for _ in 0..8 {
            let began = tokio::time::Instant::now();
            backoff.pause().await;
            spans.push(began.elapsed().as_millis());
        }
        assert_eq!(spans, [100, 200, 400, 800, 1_600, 3_000, 3_000, 3_000]);
        backoff.reset();
        let began = tokio::time::Instant::now();
        backoff.pause().await;
        assert_eq!(began.elapsed().as_millis(), 100);
    }
}
