//! A store over a place of its own.
#![allow(dead_code, reason = "each file of tests uses a part")]

use std::error::Error;
use std::sync::{Arc, OnceLock};

use flightdeck_store_postgres::{Options, PostgresStore};
use flightdeck_test_servers::postgres::{Place, PostgresServer};
use flightdeck_test_servers::{NoServer, trial};
use libtest_mimic::Trial;
use tokio::runtime::Handle;
use tokio_postgres::Client;

static SERVER: OnceLock<Result<PostgresServer, NoServer>> = OnceLock::new();

/// The server of this test program, or why there is none.
pub(crate) fn found() -> &'static Result<PostgresServer, NoServer> {
    SERVER.get_or_init(PostgresServer::find)
}

pub(crate) fn server() -> &'static PostgresServer {
    found().as_ref().expect("a server")
}

/// Few connections: tests run side by side, and a server does not have many.
pub(crate) fn options() -> Options {
    Options { writers: 4, readers: 3, append_shards: 2, ..Options::default() }
}

pub(crate) struct Bench {
    pub(crate) store: Arc<PostgresStore>,
    // Removed after the store is closed.
    pub(crate) place: Place,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Self::with(options()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        Self::over(server().schema().await.expect("a schema"), options).await
    }

    pub(crate) async fn over(place: Place, options: Options) -> Self {
        let store = PostgresStore::open(place.url(), options, Handle::current()).await.expect("opened");
        Self { store: Arc::new(store), place }
    }

    /// A connection beside those of the store.
    pub(crate) async fn client(&self) -> Client {
        self.place.client().await.expect("connected")
    }

    pub(crate) async fn execute(&self, sql: &str) {
        self.client().await.batch_execute(sql).await.expect("done");
    }

    /// Statistics of the tables of this schema alone: other tests have theirs in the same database, and two runs of
    /// `ANALYZE` over all of it wait for each other's locks.
    pub(crate) async fn analyze(&self) {
        let client = self.client().await;
        let names =
            "SELECT string_agg(quote_ident(tablename), ', ') FROM pg_tables WHERE schemaname = current_schema()";
        let tables: String = client.query_one(names, &[]).await.expect("named").get(0);
        client.batch_execute(&format!("ANALYZE {tables}")).await.expect("counted");
    }
}

/// The chain of causes, as a log would show it.
pub(crate) fn told(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}

pub(crate) fn is_root() -> bool {
    std::process::Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// A test over an async function.
pub(crate) fn case<F>(name: &str, run: fn() -> F) -> Trial
where
    F: Future<Output = ()> + 'static,
{
    case_on(name, found(), run)
}

/// A test that needs something besides.
pub(crate) fn case_on<S, F>(name: &str, available: &Result<S, NoServer>, run: fn() -> F) -> Trial
where
    F: Future<Output = ()> + 'static,
{
    trial(name, available, move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        runtime.expect("a runtime").block_on(run());
    })
}

/// Makes tests of functions, named as they are.
#[macro_export]
macro_rules! cases {
    ($($file:ident: $($case:ident)*;)*) => {
        vec![$($($crate::bench::case(concat!(stringify!($file), "::", stringify!($case)), $file::$case),)*)*]
    };
}

/// Runs them, and stops a server that was started for them.
pub(crate) fn main(trials: Vec<Trial>, arguments: &libtest_mimic::Arguments) -> ! {
    let conclusion = libtest_mimic::run(arguments, trials);
    if let Ok(server) = found() {
        server.stop();
    }
    conclusion.exit()
}
