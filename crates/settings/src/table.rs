//! What can be set, once: flags, variables, file keys and `--help` all come from this table.

/// How the layers lie over one another.
pub const ORDER: &str = "Every setting can be given in flightdeck.toml, in the environment and as a flag; \
a flag goes before the environment, and that before the file.";

/// One setting.
pub(crate) struct Setting {
    /// Its key in the file; the flag and the variable follow from it.
    pub(crate) name: &'static str,
    pub(crate) default: Option<&'static str>,
    pub(crate) help: &'static str,
}

impl Setting {
    pub(crate) fn flag(&self) -> String {
        self.name.replace('_', "-")
    }

    pub(crate) fn variable(&self) -> String {
        format!("FLIGHTDECK_{}", self.name.to_uppercase())
    }
}

pub(crate) const SETTINGS: &[Setting] = &[
    Setting { name: "config", default: None, help: "Configuration file; ./flightdeck.toml when there is one" },
    Setting {
        name: "data_dir",
        default: Some("./flightdeck-data"),
        help: "Folder of the database and of the first admin key; made when missing",
    },
    Setting {
        name: "secrets_key_file",
        default: None,
        help: "File with the keys that credentials of providers and sinks are sealed with, for its owner alone; secrets.key in the \
               data folder when missing; FLIGHTDECK_SECRETS_KEY in the environment goes before it",
    },
    Setting {
        name: "labels",
        default: None,
        help: "What this server is labelled with, with commas between: provider configurations can ask for labels",
    },
    Setting {
        name: "public_url",
        default: None,
        help: "Where people open the page, such as https://deck.example: messages of sinks lead there; without it they lead \
               nowhere",
    },
    Setting {
        name: "sinks_allow_private",
        default: Some("off"),
        help: "on: sinks may send to private addresses and to this machine, and without TLS; never to link-local addresses \
               and metadata services",
    },
    Setting {
        name: "sinks_ca_file",
        default: None,
        help: "File in PEM with the authorities that certificates of receivers are checked by, instead of the public ones",
    },
    Setting {
        name: "otlp_url",
        default: None,
        help: "Where spans of requests are sent over OTLP/HTTP, without v1/traces; none are made when missing. Sessions are \
               sent by a sink of the form otlp",
    },
    Setting {
        name: "otlp_headers_file",
        default: None,
        help: "File with the headers for otlp_url, as in OTEL_EXPORTER_OTLP_HEADERS: name=value, with commas between several",
    },
    Setting {
        name: "otlp_share",
        default: Some("1"),
        help: "The share of requests that have a span, from 0 to 1; a caller's own trace is followed as its traceparent says",
    },
    Setting { name: "listen", default: Some("127.0.0.1:7600"), help: "Address and port to listen on" },
    Setting {
        name: "database_url",
        default: None,
        help: "Database: sqlite:///path/to/flightdeck.db, or postgres://user:password@host/database?sslmode=verify-full \
               for several replicas, with host1,host2 for a primary and its standby; SQLite inside the data folder when missing",
    },
    Setting {
        name: "database_connections",
        default: Some("18"),
        help: "With PostgreSQL: the most connections of this replica, at least 4",
    },
    Setting {
        name: "database_pooler",
        default: Some("off"),
        help: "With PostgreSQL: on behind a pooler that shares connections by transaction, such as pgbouncer",
    },
    Setting {
        name: "database_read_url",
        default: None,
        help: "With PostgreSQL: standbys of the database, postgres://user:password@host1,host2/database, which are read for \
               pages of conversations, searches and exports; the database itself when missing",
    },
    Setting {
        name: "database_read_staleness",
        default: Some("5s"),
        help: "With database_read_url: how far behind a standby may be, from 1s to 1h; one that is further is not read",
    },
    Setting {
        name: "archive_url",
        default: None,
        help: "Where conversations go that the retention rules let go: a folder, file:///path or s3://bucket/prefix, the same \
               for all servers of a database; the folder archive in the data folder when missing, with SQLite",
    },
    Setting {
        name: "retention_interval",
        default: Some("1h"),
        help: "How often the server looks for what the retention rules let go: a number of s, min or h, or off",
    },
    Setting {
        name: "valkey_url",
        default: None,
        help: "Valkey or Redis where replicas on one database meet: redis://[[user]:password@]host[:port], or rediss:// \
               for TLS; without it they look for each other's changes every second",
    },
    Setting {
        name: "valkey_prefix",
        default: Some("flightdeck:"),
        help: "What all names in Valkey begin with; deployments that share one need different ones",
    },
    Setting {
        name: "throttle_control",
        default: Some("10/min"),
        help: "How often a key may use each route that steps in (inject, pause, resume, interrupt, close, …): a number per \
               s, min or h, or off",
    },
    Setting {
        name: "throttle_stop",
        default: Some("120/min"),
        help: "How often a key may kill, kill all and release the kill switch; nothing else is counted with these: a \
               number per s, min or h, or off",
    },
    Setting {
        name: "throttle_tree",
        default: Some("200/min"),
        help: "How often a key may read the session tree: a number per s, min or h, or off",
    },
    Setting {
        name: "throttle_login",
        default: Some("20/min"),
        help: "How often an address may try to log in, good keys included: a number per s, min or h, or off",
    },
    Setting {
        name: "secure_cookies",
        default: Some("off"),
        help: "on: a login's cookie is always Secure; off: when the balancer says X-Forwarded-Proto: https",
    },
    Setting {
        name: "allowed_hosts",
        default: None,
        help: "What the server is called besides localhost and 127.0.0.1, for a balancer before it: names without ports, \
               with commas between; requests to another name are refused, beyond loopback only where names are given",
    },
    Setting {
        name: "lease",
        default: Some("120s"),
        help: "How long an agent that reports by itself may be silent before its session is lost, as 120s, 5m or 1h; or off",
    },
    Setting {
        name: "hook_lease",
        default: Some("24h"),
        help: "The same for agents of which only hooks are heard (Claude Code): they are silent while they wait",
    },
    Setting { name: "workers", default: Some("auto"), help: "Threads that answer requests; auto is one a core" },
    Setting { name: "max_streams_per_key", default: Some("20000"), help: "The most streams that a key may have open" },
    Setting {
        name: "checkpoint_interval",
        default: Some("60s"),
        help: "How often the newest entry of the audit log is signed: a number of s, min or h, or off",
    },
    Setting {
        name: "guard_repeats",
        default: Some("30"),
        help: "An agent that makes the same call with the same result so often among its last 200 is paused, and warned \
               after half of them; or off",
    },
    Setting {
        name: "guard_cost_per_hour",
        default: Some("off"),
        help: "An agent that spends so much within an hour is paused, and warned at four fifths: US dollars, or off",
    },
    Setting {
        name: "guard_spared_missions",
        default: None,
        help: "Missions whose agents the guard leaves alone, with commas between",
    },
    Setting {
        name: "log",
        default: Some("info,actix_server=warn"),
        help: "What to log: error, warn, info, debug, trace, or per target as in info,flightdeck_http_api=debug",
    },
    Setting { name: "log_format", default: Some("text"), help: "How to log: text or json, to standard error" },
];

/// Those whose values may hold a password: never shown.
pub(crate) const SECRETS: &[&str] = &["database_url", "database_read_url", "valkey_url"];
