//! The database: whether it is there, up to date, and safe.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use flightdeck_domain::api_key::ApiKey;
use flightdeck_domain::ports::{Clock, StoreUnavailable, TransferPage, TransferSource};
use flightdeck_domain::system::SystemClock;
use flightdeck_settings::{DatabaseUrl, ReadSettings, StorageSettings};
use flightdeck_storage::postgres_options;
use flightdeck_store_postgres::{
    Findings, MessageLayout, MessageParts, PostgresTransfer, StandbyFindings, examine as look, examine_standbys,
};
use flightdeck_store_sqlite::{SqliteStore, SqliteTransfer};
use tokio::runtime::Handle;

use super::report::Check;
use super::whole::whole;
use crate::partition::told;

/// What is known to have every feature that the store uses.
const OLDEST_POSTGRES: i64 = 130_000;
/// Times of two machines that differ by more than this confuse whoever reads them.
const SKEW_MICROS: i64 = 2_000_000;

pub(super) async fn examine(settings: &StorageSettings) -> Vec<Check> {
    match &settings.database {
        DatabaseUrl::Sqlite(path) if !path.exists() => {
            let advice = "name another folder with --data-dir, or start the server, which makes it";
            vec![Check::warning("database", format!("{} is not there", settings.database), advice)]
        }
        DatabaseUrl::Sqlite(path) => match SqliteStore::pending(path) {
            Ok(pending) => vec![reachable(settings), pages(path), migrations(&pending)],
            Err(error) => vec![Check::failed("database", whole(&error), "restore a backup, or name another")],
        },
        DatabaseUrl::Postgres(url) => {
            match look(url, &postgres_options(settings), Handle::current(), &SystemClock).await {
                Ok(found) => {
                    let mut checks = vec![reachable(settings), migrations(&found.pending)];
                    checks.extend(postgres(settings, &found));
                    checks.extend(standbys(settings, url).await);
                    if found.pending.is_empty() {
                        checks.push(messages(settings, url).await);
                    }
                    checks
                }
                Err(error) => {
                    let advice = "start the server, or correct database_url";
                    vec![Check::failed("database", whole(&error), advice)]
                }
            }
        }
    }
}

fn reachable(settings: &StorageSettings) -> Check {
    Check::ok("database", format!("{} answers", settings.database))
}

/// Whether SQLite can read all of it.
fn pages(path: &Path) -> Check {
    let advice = "keep a copy of it, stop the server, and restore a backup (docs/operations.md)";
    match SqliteStore::faults(path) {
        Ok(faults) if faults.is_empty() => Check::ok("database pages", "every one is whole"),
        Ok(faults) => Check::failed("database pages", format!("damaged: {}", faults.join("; ")), advice),
        Err(error) => Check::failed("database pages", whole(&error), advice),
    }
}

fn migrations(pending: &[String]) -> Check {
    if pending.is_empty() {
        return Check::ok("migrations", "all are applied");
    }
    let found = format!("{} are not applied: {}", pending.len(), pending.join(", "));
    Check::warning("migrations", found, "run `flightdeck migrate`, or start the server, which applies them")
}

fn postgres(settings: &StorageSettings, found: &Findings) -> Vec<Check> {
    let version = format!("PostgreSQL {}.{}", found.version / 10_000, found.version % 10_000);
    let version = if found.version < OLDEST_POSTGRES {
        Check::failed("version", version, "upgrade PostgreSQL to 13 or newer")
    } else {
        Check::ok("version", version)
    };
    vec![version, durability(found), connections(settings, found), clock(found)]
}

/// How the messages are stored.
async fn messages(settings: &StorageSettings, url: &str) -> Check {
    let options = postgres_options(settings);
    let layout = match MessageParts::open(url, &options, Handle::current()).await {
        Ok(parts) => parts.layout().await.map_err(|error| whole(&error)),
        Err(error) => Err(whole(&error)),
    };
    match layout {
        Ok(MessageLayout::Moving(progress)) => Check::warning(
            "messages",
            told(&MessageLayout::Moving(progress)),
            "let `flightdeck partition-messages` run to its end, or undo it with --undo: until then each message is written twice",
        ),
        Ok(layout) => Check::ok("messages", told(&layout)),
        Err(why) => Check::warning("messages", why, "mend the database first"),
    }
}

/// Whether what `database_read_url` names can be read. Without it the database is.
async fn standbys(settings: &StorageSettings, primary: &str) -> Vec<Check> {
    let Some(ReadSettings { url: DatabaseUrl::Postgres(url), staleness }) = &settings.database_read else {
        return Vec::new();
    };
    match examine_standbys(primary, url, &postgres_options(settings), Handle::current()).await {
        Ok(found) => found.iter().map(|standby| judged(standby, *staleness)).collect(),
        Err(error) => vec![Check::failed("read standbys", whole(&error), "correct database_read_url")],
    }
}

fn judged(standby: &StandbyFindings, staleness: Duration) -> Check {
    match &standby.behind {
        Ok(0) => Check::ok("read standbys", format!("{} is up to date", standby.name)),
        Ok(bytes) => {
            let found = format!("{} has yet to replay {bytes} bytes of the log", standby.name);
            Check::ok(
                "read standbys",
                format!("{found}; it is read while that takes at most {} s", staleness.as_secs()),
            )
        }
        Err(why) => Check::warning(
            "read standbys",
            format!("{} is not read: {why}", standby.name),
            "mend it, or correct database_read_url; until then the database itself is read",
        ),
    }
}

fn durability(found: &Findings) -> Check {
    let mut off = Vec::new();
    off.extend((!found.fsync).then_some("fsync"));
    off.extend((!found.full_page_writes).then_some("full_page_writes"));
    off.extend((found.synchronous_commit == "off").then_some("synchronous_commit"));
    if off.is_empty() {
        let synchronous = &found.synchronous_commit;
        let found = format!("fsync on, full_page_writes on, synchronous_commit {synchronous}");
        return Check::ok("durability", found);
    }
    let found = format!("{} off: what is acknowledged can be lost", off.join(" and "));
    Check::failed("durability", found, "turn them on in postgresql.conf, and for this role and database")
}

fn connections(settings: &StorageSettings, found: &Findings) -> Check {
    let (wanted, most) = (i64::from(settings.database_connections), found.connections);
    let told = format!("each replica takes {wanted} of the {most} that PostgreSQL gives");
    if settings.database_pooler {
        Check::ok("connections", format!("each replica takes {wanted}, from a pooler"))
    } else if wanted > most {
        Check::failed("connections", told, "lower database_connections, or raise max_connections")
    } else if wanted.saturating_mul(2) > most {
        Check::warning(
            "connections",
            told,
            "a second replica finds none: raise max_connections, or lower database_connections",
        )
    } else {
        Check::ok("connections", told)
    }
}

fn clock(found: &Findings) -> Check {
    let told = format!("the database's is {} ms ahead of this machine's", found.clock_ahead / 1_000);
    if found.clock_ahead.saturating_abs() > SKEW_MICROS {
        Check::warning("clock", told, "set both by NTP: times and leases are compared across machines")
    } else {
        Check::ok("clock", told)
    }
}

/// Whether a server would listen to others without anybody being able to prove who they are.
pub(super) async fn open_door(settings: &StorageSettings, address: SocketAddr) -> Check {
    if address.ip().is_loopback() {
        return Check::ok("listen", format!("{address}, for this machine alone"));
    }
    let now = SystemClock.now();
    match keys(settings).await {
        // The server makes the first one before it listens.
        Ok(keys) if keys.is_empty() => Check::ok("listen", format!("{address}; the first start makes an admin key")),
        Ok(keys) if keys.iter().any(|key| key.usable_at(now).is_ok()) => {
            Check::ok("listen", format!("{address}, with keys; put TLS before it"))
        }
        Ok(_) => Check::failed(
            "listen",
            format!("{address} is open to others, and no API key is usable"),
            "make one with `flightdeck keys create --role admin`, or listen on 127.0.0.1",
        ),
        Err(problem) => Check::warning(
            "listen",
            format!("{address} is open to others, and the API keys cannot be read: {problem}"),
            "mend the database first",
        ),
    }
}

/// The records, to be read without changing anything; `None` where there is no database yet.
pub(super) async fn source(settings: &StorageSettings) -> Result<Option<Box<dyn TransferSource>>, String> {
    match &settings.database {
        DatabaseUrl::Sqlite(path) if !path.exists() => Ok(None),
        DatabaseUrl::Sqlite(path) => Ok(Some(SqliteTransfer::look(path).map_err(|error| whole(&error))?)),
        DatabaseUrl::Postgres(url) => {
            let source = PostgresTransfer::source(url, &postgres_options(settings), Handle::current()).await;
            Ok(Some(source.map_err(|error| whole(&error))?))
        }
    }
}

/// All keys.
async fn keys(settings: &StorageSettings) -> Result<Vec<ApiKey>, String> {
    let Some(mut source) = source(settings).await? else { return Ok(Vec::new()) };
    let unreadable = |error: StoreUnavailable| whole(&error);
    let mut all = Vec::new();
    let mut page = TransferPage::Keys(Vec::new());
    loop {
        page = source.following(&page).await.map_err(unreadable)?;
        match &page {
            TransferPage::Keys(keys) if !keys.is_empty() => all.extend(keys.iter().cloned()),
            _ => return Ok(all),
        }
    }
}

#[cfg(test)]
mod tests {
    use flightdeck_settings::{Flags, Settings};

    use super::*;
    use crate::doctor::report::State;

    fn findings() -> Findings {
        Findings {
            version: 150_004,
            fsync: true,
            full_page_writes: true,
            synchronous_commit: "on".to_owned(),
            connections: 97,
            clock_ahead: -3_000,
            pending: Vec::new(),
        }
    }

    fn settings(database_url: &str) -> StorageSettings {
        let flags = Flags::default().with("database_url", Some(database_url.to_owned()));
        let layers = Settings::load(&flags, &std::collections::BTreeMap::new()).expect("valid");
        StorageSettings::read(&layers).expect("valid")
    }

    #[test]
    fn a_server_that_loses_what_it_acknowledged_is_no_server() {
        assert_eq!(durability(&findings()).state, State::Ok);
        for (found, named) in [
            (Findings { fsync: false, ..findings() }, "fsync off"),
            (Findings { full_page_writes: false, ..findings() }, "full_page_writes off"),
            (Findings { synchronous_commit: "off".to_owned(), ..findings() }, "synchronous_commit off"),
        ] {
            let check = durability(&found);
            assert!(check.state == State::Failed && check.found.starts_with(named), "{check:?}");
        }
    }

    #[test]
    fn a_standby_that_is_not_read_is_a_warning() {
        let judged = |behind| {
            let standby = StandbyFindings { name: "db2".to_owned(), behind };
            let check = super::judged(&standby, Duration::from_secs(5));
            (check.state, check.found)
        };
        assert_eq!(judged(Ok(0)), (State::Ok, "db2 is up to date".to_owned()));
        let (state, found) = judged(Ok(77));
        assert!(state == State::Ok && found.contains("77 bytes") && found.ends_with("5 s"), "{found}");
        assert_eq!(judged(Err("gone".to_owned())), (State::Warning, "db2 is not read: gone".to_owned()));
    }

    #[test]
    fn versions_connections_and_clocks_have_limits() {
        let settings = settings("postgres://me:hush@db/flightdeck");
        let state = |found: &Findings, name: &str| {
            postgres(&settings, found).into_iter().find(|check| check.name == name).expect("looked at").state
        };
        let version = |version| state(&Findings { version, ..findings() }, "version");
        assert_eq!((version(129_999), version(130_000)), (State::Failed, State::Ok));
        let connections = |connections| state(&Findings { connections, ..findings() }, "connections");
        assert_eq!([17, 18, 35, 36].map(connections), [State::Failed, State::Warning, State::Warning, State::Ok]);
        let clock = |clock_ahead| state(&Findings { clock_ahead, ..findings() }, "clock");
        assert_eq!(
            [-2_000_001, -2_000_000, 2_000_000, 2_000_001].map(clock),
            [State::Warning, State::Ok, State::Ok, State::Warning]
        );
        assert_eq!(reachable(&settings).found, "postgres://db/flightdeck answers");
        assert_eq!(migrations(&["b".to_owned()]).state, State::Warning);
    }
}
