use super::*;

fn told(guard: Guard, host: &str) -> &'static str {
    match guard.admit_host(host) {
        Ok(()) => "good",
        Err(Refused::Private(_)) => "private",
        Err(Refused::Never(_)) => "never",
    }
}

/// The table: each spelling of each address that must not be reached, and its neighbours that may.
const TABLE: &[(&str, &str)] = &[
    // The machine itself.
    ("127.0.0.1", "private"),
    ("127.255.255.254", "private"),
    ("[::1]", "private"),
    ("::1", "private"),
    ("[::ffff:127.0.0.1]", "private"),
    ("[::ffff:7f00:1]", "private"),
    ("0.0.0.0", "never"),
    ("[::]", "never"),
    // Spellings that old resolvers take.
    ("2130706433", "private"),
    ("0x7f000001", "private"),
    ("0X7F.1", "private"),
    ("017700000001", "private"),
    ("127.1", "private"),
    ("127.0.1", "private"),
    ("0177.0.0.01", "private"),
    ("127.0.0.1.", "private"),
    ("0", "never"),
    ("0x", "never"),
    ("2852039166", "never"),
    ("0xa9fea9fe", "never"),
    ("169.254.43518", "never"),
    ("10.1", "private"),
    ("4294967297", "never"),
    // Private networks.
    ("10.0.0.1", "private"),
    ("172.15.255.255", "good"),
    ("172.16.0.1", "private"),
    ("172.31.255.255", "private"),
    ("172.32.0.1", "good"),
    ("192.168.1.1", "private"),
    ("192.169.1.1", "good"),
    ("100.64.0.1", "private"),
    ("100.127.255.255", "private"),
    ("100.128.0.1", "good"),
    ("[fc00::1]", "private"),
    ("[fdff::1]", "private"),
    ("[::ffff:10.0.0.1]", "private"),
    ("[64:ff9b::a00:1]", "private"),
    // Link-local, and services of clouds.
    ("169.254.0.1", "never"),
    ("169.254.169.254", "never"),
    ("[::ffff:169.254.169.254]", "never"),
    ("[64:ff9b::a9fe:a9fe]", "never"),
    ("[2002:a9fe:a9fe::1]", "never"),
    ("[2002:7f00:1::1]", "never"),
    ("[fe80::1]", "never"),
    ("[febf::1]", "never"),
    ("[fec0::1]", "never"),
    ("[fd00:ec2::254]", "never"),
    ("100.100.100.200", "never"),
    ("168.63.129.16", "never"),
    ("192.0.0.192", "never"),
    // What is no host.
    ("224.0.0.1", "never"),
    ("255.255.255.255", "never"),
    ("240.0.0.1", "never"),
    ("192.0.2.1", "never"),
    ("198.18.0.1", "never"),
    ("198.51.100.1", "never"),
    ("203.0.113.1", "never"),
    ("[ff02::1]", "never"),
    ("[2001:db8::1]", "never"),
    ("[2001::1]", "never"),
    ("[3fff::1]", "never"),
    ("[::127.0.0.1]", "never"),
    ("[64:ff9b:1::1]", "never"),
    ("[100::1]", "never"),
    // Hosts somewhere.
    ("1.1.1.1", "good"),
    ("8.8.8.8", "good"),
    ("[2606:4700::1111]", "good"),
    ("[::ffff:1.1.1.1]", "good"),
    ("[2002:101:101::1]", "good"),
    ("hooks.example", "good"),
    ("1.2.3.4.5", "good"),
    ("256.1.1.1", "good"),
    ("0x7f.example", "good"),
];

#[test]
fn nothing_that_only_the_server_can_reach_is_reached() {
    for (host, expected) in TABLE {
        assert_eq!(told(Guard::default(), host), *expected, "{host}");
    }
}

#[test]
fn private_addresses_are_reached_where_the_server_allows_it_and_metadata_services_never() {
    let guard = Guard { allow_private: true };
    for (host, expected) in TABLE {
        let expected = if *expected == "private" { "good" } else { *expected };
        assert_eq!(told(guard, host), expected, "{host}");
    }
}

#[test]
fn a_name_that_stands_for_a_private_address_is_refused_when_it_is_resolved() {
    let refused = Guard::default().resolve("localhost", 80).expect_err("refused");
    assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
    assert!(refused.to_string().contains("private address"), "{refused}");
    let found = Guard { allow_private: true }.resolve("localhost", 80).expect("found");
    assert!(found.iter().all(|address| address.ip().is_loopback()));
    assert_eq!(Guard::default().resolve("0x7f.1", 80).expect_err("refused").kind(), io::ErrorKind::PermissionDenied);
}

#[test]
fn one_private_address_among_others_is_enough() {
    let addresses: Vec<SocketAddr> = ["1.1.1.1:80", "10.0.0.1:80"].map(|it| it.parse().expect("valid")).into();
    assert!(Guard::default().admit_all(&addresses).is_err());
    assert!(Guard::default().admit_all(&addresses[..1]).is_ok());
}
