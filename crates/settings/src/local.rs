//! What a server leaves in its data folder for commands on the same machine: where it listens, and the first key.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

/// The file with the first admin key.
pub const ADMIN_KEY_FILE: &str = "admin.key";

/// The file in which a running server says where it listens.
pub const SERVER_URL_FILE: &str = "server.url";

/// The first admin key of a data folder, where it can be read.
#[must_use]
pub fn admin_key(data_dir: &Path) -> Option<String> {
    line(data_dir, ADMIN_KEY_FILE).filter(|text| !text.is_empty())
}

/// Where the server of a data folder says that it listens, as the file has it: whoever uses it checks that it is a URL.
#[must_use]
pub fn published_url(data_dir: &Path) -> Option<String> {
    line(data_dir, SERVER_URL_FILE).filter(|text| !text.is_empty())
}

fn line(data_dir: &Path, name: &str) -> Option<String> {
    fs::read_to_string(data_dir.join(name)).ok().map(|text| text.trim().to_owned())
}

/// Where programs on this machine find a server that listens on this address: one that listens on all addresses is found on
/// loopback.
#[must_use]
pub fn local_url(address: SocketAddr) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_listens_everywhere_is_found_on_loopback() {
        let url = |text: &str| local_url(text.parse().expect("an address"));
        assert_eq!(url("127.0.0.1:7600"), "http://127.0.0.1:7600");
        assert_eq!(url("0.0.0.0:80"), "http://127.0.0.1:80");
        assert_eq!(url("[::]:7600"), "http://[::1]:7600");
        assert_eq!(url("10.1.2.3:7600"), "http://10.1.2.3:7600");
    }
}
