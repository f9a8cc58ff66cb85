//! Ports for servers that stop and come back.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{SocketAddr, TcpListener};

/// A free port below those that the system gives to outgoing connections: else a client that retries while the server is
/// stopped could take the port, or even connect to itself.
pub(crate) fn free_address() -> SocketAddr {
    const LOWEST: u64 = 15_000;
    const PORTS: u64 = 17_000;
    loop {
        // Each state of the hasher is another random one.
        let random = RandomState::new().build_hasher().finish() % PORTS;
        let port = u16::try_from(LOWEST + random).unwrap_or_default();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}
