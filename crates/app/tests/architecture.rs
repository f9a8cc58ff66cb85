//! The arrows between the crates are those of `docs/architecture.md`, and no others.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Who may build on whom.
const ARROWS: &[(&str, &[&str])] = &[
    ("flightdeck-agent-io", &[]),
    ("flightdeck-bench", &[]),
    ("flightdeck-domain", &[]),
    ("flightdeck-store-memory", &["flightdeck-domain"]),
    ("flightdeck-store-postgres", &["flightdeck-domain", "flightdeck-store-sql", "flightdeck-vitals"]),
    ("flightdeck-store-sql", &["flightdeck-domain"]),
    ("flightdeck-store-sqlite", &["flightdeck-domain", "flightdeck-store-sql", "flightdeck-vitals"]),
    ("flightdeck-store-contract", &["flightdeck-domain"]),
    ("flightdeck-test-servers", &[]),
    ("flightdeck-live", &["flightdeck-domain", "flightdeck-vitals"]),
    ("flightdeck-processes", &["flightdeck-vitals"]),
    (
        "flightdeck-provider-acp",
        &["flightdeck-agent-io", "flightdeck-domain", "flightdeck-processes", "flightdeck-uplink", "flightdeck-vitals"],
    ),
    ("flightdeck-provider-claude-code", &["flightdeck-agent-io", "flightdeck-domain"]),
    ("flightdeck-provider-scripted", &["flightdeck-domain", "flightdeck-uplink", "flightdeck-vitals"]),
    ("flightdeck-uplink", &["flightdeck-domain"]),
    ("flightdeck-vitals", &[]),
    ("flightdeck-wakeup-valkey", &["flightdeck-domain", "flightdeck-vitals"]),
    ("flightdeck-http-api", &["flightdeck-agent-io", "flightdeck-domain", "flightdeck-live", "flightdeck-vitals"]),
    (
        "flightdeck",
        &[
            "flightdeck-agent-io",
            "flightdeck-domain",
            "flightdeck-http-api",
            "flightdeck-live",
            "flightdeck-processes",
            "flightdeck-provider-acp",
            "flightdeck-provider-claude-code",
            "flightdeck-provider-scripted",
            "flightdeck-store-postgres",
            "flightdeck-store-sqlite",
            "flightdeck-vitals",
            "flightdeck-wakeup-valkey",
        ],
    ),
];

/// What tests may use besides: the suite that every store must pass, the store that needs nothing, and real servers.
const TEST_ARROWS: &[(&str, &[&str])] = &[
    ("flightdeck-domain", &["flightdeck-domain"]),
    ("flightdeck-store-memory", &["flightdeck-store-contract"]),
    ("flightdeck-store-postgres", &["flightdeck-store-contract", "flightdeck-test-servers"]),
    ("flightdeck-store-sqlite", &["flightdeck-store-contract", "flightdeck-store-memory"]),
    ("flightdeck-provider-acp", &["flightdeck-store-memory"]),
    ("flightdeck-provider-claude-code", &["flightdeck-domain", "flightdeck-store-memory"]),
    ("flightdeck-provider-scripted", &["flightdeck-store-memory"]),
    ("flightdeck-http-api", &["flightdeck-provider-scripted", "flightdeck-store-memory"]),
    ("flightdeck-live", &["flightdeck-store-memory"]),
    ("flightdeck-wakeup-valkey", &["flightdeck-test-servers"]),
    ("flightdeck", &["flightdeck-test-servers"]),
];

/// Libraries that a crate must not know, whatever the reason.
const BANNED: &[(&str, &[&str])] = &[
    ("flightdeck-agent-io", &["diesel", "actix-web", "tokio"]),
    ("flightdeck-bench", &["actix-http", "actix-web"]),
    ("flightdeck-domain", &["diesel", "actix-web", "tokio", "libsqlite3-sys", "tracing"]),
    ("flightdeck-live", &["diesel", "actix-web", "libsqlite3-sys"]),
    ("flightdeck-http-api", &["diesel", "libsqlite3-sys"]),
    ("flightdeck-processes", &["diesel", "actix-web", "libsqlite3-sys"]),
    ("flightdeck-provider-acp", &["diesel", "actix-web", "libsqlite3-sys"]),
    ("flightdeck-provider-claude-code", &["diesel", "actix-web", "libsqlite3-sys"]),
    ("flightdeck-provider-scripted", &["diesel", "actix-web", "libsqlite3-sys"]),
    ("flightdeck-store-memory", &["diesel", "actix-web", "libsqlite3-sys"]),
    ("flightdeck-store-postgres", &["actix-web", "libsqlite3-sys"]),
    ("flightdeck-store-sql", &["actix-web", "tokio"]),
    ("flightdeck-store-sqlite", &["actix-web"]),
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
