//! Streams and datagrams to hosts that may be reached.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::guard::Guard;
use crate::trust::Trust;

/// How long the receiver may take to accept a connection, and to take what is written.
const PATIENCE: Duration = Duration::from_secs(4);
/// How long the end of the stream is waited for. Who does not close says nothing against it.
const END: Duration = Duration::from_secs(1);

fn connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in addresses.iter().take(2) {
        match TcpStream::connect_timeout(address, PATIENCE) {
            Ok(stream) => {
                stream.set_write_timeout(Some(PATIENCE))?;
                stream.set_read_timeout(Some(PATIENCE))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Writes bytes to a receiver over TCP, and sees that it has not broken the stream off.
pub(crate) fn over_tcp(guard: Guard, host: &str, port: u16, bytes: &[u8]) -> io::Result<()> {
    let mut stream = connect(&guard.resolve(host, port)?)?;
    stream.write_all(bytes)?;
    stream.shutdown(std::net::Shutdown::Write)?;
    stream.set_read_timeout(Some(END))?;
    until_end(&mut stream)
}

/// The same over TLS.
pub(crate) fn over_tls(guard: Guard, trust: &Trust, host: &str, port: u16, bytes: &[u8]) -> io::Result<()> {
    let wrong = |_error| io::Error::new(io::ErrorKind::InvalidInput, "is not the name of a host");
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let name = ServerName::try_from(bare.to_owned()).map_err(wrong)?;
    let stream = connect(&guard.resolve(host, port)?)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(trust.roots())
        .with_no_client_auth();
    let session = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(session, stream);
    stream.write_all(bytes)?;
    stream.conn.send_close_notify();
    stream.flush()?;
    stream.sock.shutdown(std::net::Shutdown::Write)?;
    stream.sock.set_read_timeout(Some(END))?;
    until_end(&mut stream)
}

/// Sends one datagram. Nobody says whether it arrives.
pub(crate) fn over_udp(guard: Guard, host: &str, port: u16, bytes: &[u8]) -> io::Result<()> {
    let addresses = guard.resolve(host, port)?;
    let Some(address) = addresses.first() else { return Ok(()) };
    let socket = match address {
        SocketAddr::V4(_) => UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?,
        SocketAddr::V6(_) => UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0))?,
    };
    socket.send_to(bytes, address).map(drop)
}

/// Reads until the receiver closes. A stream that it breaks off may have lost what was written.
fn until_end(stream: &mut impl Read) -> io::Result<()> {
    let mut buffer = [0; 512];
    for _ in 0..16 {
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => return Ok(()),
            // Many close a TLS stream without a word.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
