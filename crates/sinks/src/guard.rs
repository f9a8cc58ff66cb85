//! Which addresses may be reached.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};

/// Decides which addresses may be reached. Whoever sets up a sink chooses its address, and must not reach by it what only
/// the server can reach: other services of its network, the server itself, or the metadata service of a cloud.
#[derive(Clone, Copy, Debug, Default)]
pub struct Guard {
    /// Whether private addresses and those of the machine itself may be reached. Link-local addresses and metadata
    /// services never are.
    pub allow_private: bool,
}

/// An address that may not be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is private, or of the machine itself.
    Private(IpAddr),
    /// It is no address of a host somewhere, or one of a metadata service.
    Never(IpAddr),
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Private(address) => write!(
                f,
                "{address} is a private address, and this server does not send to such; see sinks_allow_private"
            ),
            Self::Never(address) => write!(f, "{address} is an address that nothing is sent to"),
        }
    }
}

impl std::error::Error for Refused {}

/// What an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Public,
    Private,
    Never,
}

impl Guard {
    /// Whether an address may be reached.
    ///
    /// # Errors
    /// It may not.
    pub fn admit(self, address: IpAddr) -> Result<(), Refused> {
        match reach(address) {
            Reach::Public => Ok(()),
            Reach::Private if self.allow_private => Ok(()),
            Reach::Private => Err(Refused::Private(address)),
            Reach::Never => Err(Refused::Never(address)),
        }
    }

    /// Whether a host may be reached, as far as that shows without asking anybody: an address in any spelling that some
    /// resolver takes for one.
    ///
    /// # Errors
    /// It may not.
    pub fn admit_host(self, host: &str) -> Result<(), Refused> {
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        match bare.parse::<IpAddr>().ok().or_else(|| spelled(bare).map(IpAddr::V4)) {
            Some(address) => self.admit(address),
            None => Ok(()),
        }
    }

    /// Asks for the addresses of a host. All of them may be reached, or none is given: who answers for a name must not
    /// choose between them by chance.
    ///
    /// # Errors
    /// The host is not known, or may not be reached.
    pub fn resolve(self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let denied = |refused: Refused| io::Error::new(io::ErrorKind::PermissionDenied, refused);
        self.admit_host(host).map_err(denied)?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let addresses: Vec<SocketAddr> = (bare, port).to_socket_addrs()?.collect();
        self.admit_all(&addresses).map_err(denied)?;
        if addresses.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the host has no address"));
        }
        Ok(addresses)
    }

    /// Whether all of these addresses may be reached.
    ///
    /// # Errors
    /// One may not.
    pub fn admit_all(self, addresses: &[SocketAddr]) -> Result<(), Refused> {
        addresses.iter().try_for_each(|address| self.admit(address.ip()))
    }
}

/// An IPv4 address in the spellings that old resolvers take: one to four numbers, decimal, octal or hexadecimal, the last
/// of which fills what is left.
fn spelled(host: &str) -> Option<Ipv4Addr> {
    let host = host.strip_suffix('.').unwrap_or(host);
    let number = |part: &str| {
        let (digits, radix) = match part.as_bytes() {
            [b'0', b'x' | b'X', ..] => (part.get(2..)?, 16),
            [b'0', _, ..] => (part.get(1..)?, 8),
            _ => (part, 10),
        };
        let is_number = digits.bytes().all(|byte| char::from(byte).is_digit(radix));
        if digits.is_empty() { Some(0) } else { u64::from_str_radix(digits, radix).ok().filter(|_| is_number) }
    };
    let parts: Vec<u64> = host.split('.').map(number).collect::<Option<_>>()?;
    let (last, firsts) = parts.split_last()?;
    if host.is_empty() || firsts.len() > 3 || firsts.iter().any(|part| *part > 255) {
        return None;
    }
    let mut address: u64 = 0;
    for part in firsts {
        address = address * 256 + part;
    }
    let left = u32::try_from(4 - firsts.len()).ok()?;
    let room = 256_u64.checked_pow(left)?;
    // Some cut off what is too large.
    let whole = address.checked_mul(room)?.checked_add(last % room)?;
    u32::try_from(whole).ok().map(Ipv4Addr::from)
}

fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(address) => reach_v4(address),
        IpAddr::V6(address) => reach_v6(address),
    }
}

fn reach_v4(address: Ipv4Addr) -> Reach {
    let [a, b, c, d] = address.octets();
    match [a, b, c, d] {
        // Private networks, those of carriers, and the machine itself.
        [10 | 127, ..] | [172, 16..=31, ..] | [192, 168, ..] => Reach::Private,
        // A metadata service within the addresses of carriers, and one among the public ones.
        [100, 100, 100, 200] | [168, 63, 129, 16] => Reach::Never,
        [100, 64..=127, ..] => Reach::Private,
        // This network, link-local, protocol assignments, documentation, relays, measurements, multicast, reserved.
        [0 | 224..=255, ..]
        | [169, 254, ..]
        | [192, 0, 0 | 2, _]
        | [192, 88, 99, _]
        | [198, 18..=19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _] => Reach::Never,
        _ => Reach::Public,
    }
}

fn reach_v6(address: Ipv6Addr) -> Reach {
    let embedded = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        Ipv4Addr::new(a, b, c, d)
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => Reach::Private,
        // An IPv4 address in another dress is what it is: mapped, translated, or tunnelled.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => reach_v4(embedded(high, low)),
        [0x2002, high, low, ..] => match reach_v4(embedded(high, low)) {
            Reach::Public => Reach::Public,
            // Nothing answers there.
            Reach::Private | Reach::Never => Reach::Never,
        },
        // The metadata service of a cloud within the private addresses.
        [0xfd00, 0x0ec2, ..] => Reach::Never,
        [0xfc00..=0xfdff, ..] => Reach::Private,
        // Protocol assignments with tunnels, and documentation.
        [0x2001, 0..=0x01ff | 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => Reach::Never,
        // What is assigned to hosts somewhere.
        [0x2000..=0x3fff, ..] => Reach::Public,
        _ => Reach::Never,
    }
}

#[cfg(test)]
mod tests;
