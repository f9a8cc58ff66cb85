//! A PostgreSQL to test with.

mod pair;
mod private;
mod throw_away;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio_postgres::{Client, Config, NoTls};

pub use self::pair::Pair;
pub use self::private::Private;
use self::throw_away::ThrowAway;
use crate::NoServer;

/// The variable that names a server, as a URL of a user who may make schemas and databases.
pub const URL_VARIABLE: &str = "FLIGHTDECK_TEST_POSTGRES_URL";

/// A server. The one that `FLIGHTDECK_TEST_POSTGRES_URL` names, else the one at the standard port of this machine if it
/// lets us in, else one that is started for the tests and removed after them.
#[derive(Debug)]
pub struct PostgresServer {
    url: String,
    throw_away: Mutex<Option<ThrowAway>>,
}

impl PostgresServer {
    /// Finds or starts one. Blocks; must not be called inside of a runtime.
    ///
    /// # Errors
    /// There is none; the text says what was tried.
    pub fn find() -> Result<Self, NoServer> {
        let runtime = runtime()?;
        if let Ok(url) = std::env::var(URL_VARIABLE) {
            let found = runtime.block_on(client(&url)).map(|_| ());
            return match found {
                Ok(()) => Ok(Self { url, throw_away: Mutex::new(None) }),
                Err(error) => Err(NoServer(format!("the PostgreSQL that {URL_VARIABLE} names: {error}"))),
            };
        }
        let mut tried = Vec::new();
        let user = std::env::var("USER").ok();
        for user in ["postgres", "root"].into_iter().chain(user.as_deref()) {
            let url = format!("postgres://{user}@127.0.0.1:5432/postgres");
            match runtime.block_on(client(&url)) {
                Ok(_) => return Ok(Self { url, throw_away: Mutex::new(None) }),
                Err(error) => tried.push(format!("{user}@127.0.0.1:5432: {error}")),
            }
        }
        match ThrowAway::start(&|url| runtime.block_on(client(url)).is_ok()) {
            Ok(started) => Ok(Self { url: started.url(), throw_away: Mutex::new(Some(started)) }),
            Err(error) => Err(NoServer(format!("no PostgreSQL ({}; a new one: {error})", tried.join("; ")))),
        }
    }

    /// A URL of its maintenance database.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// An empty schema of the caller's own in a database that others use too. Dropping it removes it.
    ///
    /// # Errors
    /// The server does not let us.
    pub async fn schema(&self) -> Result<Place, NoServer> {
        let name = unique();
        execute(&self.url, &format!("CREATE SCHEMA {name}")).await?;
        let joint = if self.url.contains('?') { '&' } else { '?' };
        let url = format!("{}{joint}options=-c%20search_path%3D{name}", self.url);
        Ok(Place { admin: self.url.clone(), url, removal: format!("DROP SCHEMA {name} CASCADE") })
    }

    /// An empty database of the caller's own, for what a schema does not keep apart. Dropping it removes it.
    ///
    /// # Errors
    /// The server does not let us.
    pub async fn database(&self) -> Result<Place, NoServer> {
        let name = unique();
        execute(&self.url, &format!("CREATE DATABASE {name}")).await?;
        let (address, query) = self.url.split_once('?').map_or((self.url.as_str(), None), |(a, q)| (a, Some(q)));
        let address = address.rsplit_once('/').map_or(address, |(server, _)| server);
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        let url = format!("{address}/{name}{query}");
        Ok(Place { admin: self.url.clone(), url, removal: format!("DROP DATABASE {name} WITH (FORCE)") })
    }

    /// Stops a server that was started for the tests; any other runs on.
    pub fn stop(&self) {
        drop(self.throw_away.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

/// Somewhere to put tables.
#[derive(Debug)]
pub struct Place {
    admin: String,
    url: String,
    removal: String,
}

impl Place {
    /// How to connect to it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A connection to it, beside those of what is tested.
    ///
    /// # Errors
    /// The server does not answer.
    pub async fn client(&self) -> Result<Client, NoServer> {
        client(&self.url).await
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let (admin, removal) = (self.admin.clone(), self.removal.clone());
        // Dropping may happen in the middle of a runtime, where one cannot wait.
        let thread = std::thread::spawn(move || {
            let Ok(runtime) = runtime() else { return };
            // What a test left behind must not hold up those after it; it lies in a place that nobody uses.
            let _ = runtime.block_on(execute(&admin, &format!("SET lock_timeout = '10s'; {removal}")));
        });
        let _ = thread.join();
    }
}

/// Connects. What speaks with the server is a task of the runtime that this is called in.
async fn client(url: &str) -> Result<Client, NoServer> {
    let mut config: Config = url.parse().map_err(|error| no_server(&error))?;
    config.connect_timeout(Duration::from_secs(5));
    let (client, connection) = config.connect(NoTls).await.map_err(|error| no_server(&error))?;
    tokio::spawn(connection);
    Ok(client)
}

async fn execute(url: &str, sql: &str) -> Result<(), NoServer> {
    let client = client(url).await?;
    // One by one: a database is neither made nor removed together with anything else.
    for statement in sql.split("; ") {
        client.batch_execute(statement).await.map_err(|error| no_server(&error))?;
    }
    Ok(())
}

fn no_server(error: &tokio_postgres::Error) -> NoServer {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    NoServer(format!("{error}{cause}"))
}

fn runtime() -> Result<Runtime, NoServer> {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    built.map_err(|error| NoServer(format!("no runtime: {error}")))
}

/// A name that no other test of this machine has.
fn unique() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    format!("fd_test_{}_{}_{}", std::process::id(), now.as_nanos(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Where a program is: in `PATH`, or where Debian puts the programs of each version.
#[must_use]
pub fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.extend(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        let mut versions: Vec<PathBuf> = versions.flatten().map(|entry| entry.path().join("bin")).collect();
        versions.sort();
        folders.extend(versions.into_iter().rev());
    }
    folders.into_iter().map(|folder| folder.join(name)).find(|file| file.is_file())
}
