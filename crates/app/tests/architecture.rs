//! The arrows between the crates are those of `docs/architecture.md`, and no others; inside a crate modules form no large
//! circles.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "architecture/modules.rs"]
mod modules;
#[path = "architecture/paths.rs"]
mod paths;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Who may build on whom.
const ARROWS: &[(&str, &[&str])] = &[
    ("flightdeck-agent-io", &[]),
    ("flightdeck-bench", &[]),
    ("flightdeck-domain", &[]),
    ("flightdeck-store-memory", &["flightdeck-domain"]),
    (
        "flightdeck-store-postgres",
        &["flightdeck-domain", "flightdeck-metrics", "flightdeck-store-sql", "flightdeck-vitals"],
    ),
    ("flightdeck-store-sql", &["flightdeck-domain"]),
    (
        "flightdeck-store-sqlite",
        &["flightdeck-domain", "flightdeck-metrics", "flightdeck-store-sql", "flightdeck-vitals"],
    ),
    ("flightdeck-store-contract", &["flightdeck-domain"]),
    ("flightdeck-test-servers", &[]),
    ("flightdeck-live", &["flightdeck-domain", "flightdeck-vitals"]),
    ("flightdeck-processes", &["flightdeck-agent-io", "flightdeck-vitals"]),
    (
        "flightdeck-provider-acp",
        &["flightdeck-agent-io", "flightdeck-domain", "flightdeck-processes", "flightdeck-uplink", "flightdeck-vitals"],
    ),
    ("flightdeck-provider-claude-code", &["flightdeck-agent-io", "flightdeck-domain"]),
    ("flightdeck-provider-contract", &["flightdeck-domain"]),
    ("flightdeck-provider-scripted", &["flightdeck-domain", "flightdeck-uplink", "flightdeck-vitals"]),
    ("flightdeck-uplink", &["flightdeck-agent-io", "flightdeck-domain"]),
    ("flightdeck-metrics", &[]),
    ("flightdeck-render", &[]),
    ("flightdeck-vitals", &[]),
    ("flightdeck-wakeup-valkey", &["flightdeck-domain", "flightdeck-vitals"]),
    (
        "flightdeck-http-api",
        &[
            "flightdeck-agent-io",
            "flightdeck-domain",
            "flightdeck-live",
            "flightdeck-metrics",
            "flightdeck-render",
            "flightdeck-telemetry",
            "flightdeck-vitals",
        ],
    ),
    ("flightdeck-telemetry", &["flightdeck-agent-io", "flightdeck-domain"]),
    ("flightdeck-terminal", &["flightdeck-domain"]),
    ("flightdeck-archive", &["flightdeck-domain"]),
    ("flightdeck-changes", &["flightdeck-agent-io", "flightdeck-domain"]),
    ("flightdeck-sealing", &["flightdeck-domain"]),
    ("flightdeck-sinks", &["flightdeck-domain", "flightdeck-telemetry"]),
    ("flightdeck-settings", &[]),
    ("flightdeck-client", &["flightdeck-domain", "flightdeck-settings"]),
    (
        "flightdeck-storage",
        &[
            "flightdeck-archive",
            "flightdeck-domain",
            "flightdeck-settings",
            "flightdeck-store-postgres",
            "flightdeck-store-sqlite",
        ],
    ),
    ("flightdeck-cli", &["flightdeck-client", "flightdeck-settings", "flightdeck-terminal"]),
    (
        "flightdeck-attach",
        &[
            "flightdeck-agent-io",
            "flightdeck-client",
            "flightdeck-domain",
            "flightdeck-processes",
            "flightdeck-terminal",
        ],
    ),
    (
        "flightdeck-admin",
        &[
            "flightdeck-archive",
            "flightdeck-domain",
            "flightdeck-provider-acp",
            "flightdeck-sealing",
            "flightdeck-settings",
            "flightdeck-storage",
            "flightdeck-store-postgres",
            "flightdeck-store-sqlite",
            "flightdeck-terminal",
            "flightdeck-wakeup-valkey",
        ],
    ),
    (
        "flightdeck-runner",
        &[
            "flightdeck-changes",
            "flightdeck-client",
            "flightdeck-domain",
            "flightdeck-processes",
            "flightdeck-provider-acp",
            "flightdeck-provider-scripted",
            "flightdeck-terminal",
            "flightdeck-uplink",
        ],
    ),
    (
        "flightdeck",
        &[
            "flightdeck-admin",
            "flightdeck-attach",
            "flightdeck-changes",
            "flightdeck-cli",
            "flightdeck-domain",
            "flightdeck-http-api",
            "flightdeck-live",
            "flightdeck-processes",
            "flightdeck-provider-acp",
            "flightdeck-provider-claude-code",
            "flightdeck-provider-scripted",
            "flightdeck-runner",
            "flightdeck-sealing",
            "flightdeck-settings",
            "flightdeck-sinks",
            "flightdeck-storage",
            "flightdeck-terminal",
            "flightdeck-vitals",
            "flightdeck-wakeup-valkey",
        ],
    ),
];

/// What tests may use besides: the suites that every store and every provider must pass, the store that needs nothing, and
/// real servers.
const TEST_ARROWS: &[(&str, &[&str])] = &[
    ("flightdeck-domain", &["flightdeck-domain"]),
    ("flightdeck-store-memory", &["flightdeck-store-contract"]),
    ("flightdeck-store-postgres", &["flightdeck-store-contract", "flightdeck-test-servers"]),
    ("flightdeck-store-sqlite", &["flightdeck-store-contract", "flightdeck-store-memory"]),
    ("flightdeck-provider-acp", &["flightdeck-provider-contract", "flightdeck-store-memory"]),
    ("flightdeck-provider-claude-code", &["flightdeck-domain", "flightdeck-store-memory"]),
    ("flightdeck-provider-scripted", &["flightdeck-provider-contract", "flightdeck-store-memory"]),
    ("flightdeck-http-api", &["flightdeck-provider-scripted", "flightdeck-store-memory"]),
    ("flightdeck-live", &["flightdeck-store-memory"]),
    ("flightdeck-wakeup-valkey", &["flightdeck-test-servers"]),
    (
        "flightdeck",
        &["flightdeck-agent-io", "flightdeck-provider-contract", "flightdeck-store-memory", "flightdeck-test-servers"],
    ),
];

/// Libraries that a crate must not know, whatever the reason.
const BANNED: &[(&str, &[&str])] = &[
    ("flightdeck", &["diesel", "libsqlite3-sys", "ureq"]),
    ("flightdeck-admin", &["actix-web", "diesel", "ureq"]),
    ("flightdeck-agent-io", &["diesel", "actix-web", "tokio"]),
    ("flightdeck-attach", &["actix-web", "diesel", "libsqlite3-sys", "ureq"]),
    ("flightdeck-bench", &["actix-http", "actix-web"]),
    ("flightdeck-changes", &["actix-web", "diesel", "libsqlite3-sys"]),
    ("flightdeck-cli", &["actix-web", "diesel", "libsqlite3-sys", "tokio", "ureq"]),
    ("flightdeck-client", &["actix-web", "crossterm", "diesel", "libsqlite3-sys", "tokio"]),
    ("flightdeck-domain", &["diesel", "actix-web", "tokio", "libsqlite3-sys", "tracing"]),
    ("flightdeck-live", &["diesel", "actix-web", "libsqlite3-sys"]),
    ("flightdeck-http-api", &["diesel", "libsqlite3-sys"]),
    ("flightdeck-processes", &["diesel", "actix-web", "libsqlite3-sys"]),
    ("flightdeck-provider-acp", &["diesel", "actix-web", "libsqlite3-sys"]),
    ("flightdeck-provider-claude-code", &["diesel", "actix-web", "libsqlite3-sys"]),
    ("flightdeck-provider-scripted", &["diesel", "actix-web", "libsqlite3-sys"]),
    ("flightdeck-settings", &["actix-web", "diesel", "libsqlite3-sys", "tokio", "ureq"]),
    ("flightdeck-storage", &["actix-web", "diesel", "libsqlite3-sys", "ureq"]),
    ("flightdeck-store-memory", &["diesel", "actix-web", "libsqlite3-sys"]),
    ("flightdeck-store-postgres", &["actix-web", "libsqlite3-sys"]),
    ("flightdeck-store-sql", &["actix-web", "tokio"]),
    ("flightdeck-store-sqlite", &["actix-web"]),
    ("flightdeck-terminal", &["actix-web", "diesel", "libsqlite3-sys", "tokio", "ureq"]),
    ("flightdeck-vitals", &["diesel", "actix-web", "libsqlite3-sys"]),
    ("flightdeck-wakeup-valkey", &["diesel", "actix-web", "libsqlite3-sys"]),
];

fn listed(table: &'static [(&str, &[&str])], name: &str) -> BTreeSet<&'static str> {
    let row = table.iter().find(|(crate_name, _)| *crate_name == name);
    row.map(|(_, names)| names.iter().copied().collect()).unwrap_or_default()
}

#[test]
fn crates_build_on_each_other_only_as_drawn() {
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo metadata");
    let mut seen = BTreeSet::new();
    for package in &metadata.packages {
        let name = package.name.as_str();
        seen.insert(name.to_owned());
        for dependency in &package.dependencies {
            let test = dependency.kind == DependencyKind::Development;
            let banned = listed(BANNED, name);
            assert!(test || !banned.contains(dependency.name.as_str()), "{name} must not know {}", dependency.name);
            if !dependency.name.starts_with("flightdeck") {
                continue;
            }
            let drawn = listed(ARROWS, name).contains(dependency.name.as_str());
            let for_tests = test && listed(TEST_ARROWS, name).contains(dependency.name.as_str());
            assert!(drawn || for_tests, "{name} -> {} is not drawn in docs/architecture.md", dependency.name);
        }
    }
    let drawn: BTreeSet<String> = ARROWS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(seen, drawn, "a crate that is not drawn, or drawn and not there");
}

/// Crates whose modules form no circle of more than [`LARGEST_CIRCLE`] files.
const UNTIED: &[&str] =
    &["admin", "app", "attach", "cli", "client", "domain", "http-api", "settings", "storage", "terminal"];

/// Two or three files may know each other: a table and its rows, a worker and its queue.
const LARGEST_CIRCLE: usize = 3;

#[test]
fn modules_form_no_large_circles() {
    let mut found = String::new();
    for name in UNTIED {
        for circle in modules::circles(&source_of(name)).iter().filter(|circle| circle.len() > LARGEST_CIRCLE) {
            writeln!(found, "{name}: {} files: {}", circle.len(), circle.join(" ")).expect("written");
        }
    }
    assert!(found.is_empty(), "modules that know each other in a circle:\n{found}");
}

/// Where a crate has layers, from the lowest on: none knows one above it.
const LAYERS: &[(&str, &[&str])] = &[
    ("app", &["config", "logging", "server", "command_line", "main"]),
    ("attach", &["grammar", "lib"]),
    ("cli", &["error", "grammar", "ask", "ids", "watch", "commands", "lib"]),
];

#[test]
fn lower_modules_do_not_know_upper_ones() {
    for (name, layers) in LAYERS {
        let place = |file: &str| layers.iter().position(|layer| file.split(['/', '.']).next() == Some(*layer));
        let arrows = modules::arrows(&source_of(name));
        assert!(!arrows.is_empty(), "{name} has modules");
        for (from, to) in &arrows {
            let upwards = place(from).zip(place(to)).is_some_and(|(from, to)| from < to);
            assert!(!upwards, "{name}: {from} knows {to}, which is above it");
        }
    }
}

fn source_of(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the folder of crates").join(name).join("src")
}
