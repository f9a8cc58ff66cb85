//! Receivers behind TLS, with certificates of an authority of their own.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::*;

/// An authority, and a certificate of it for this machine.
struct Authority {
    file: tempfile::NamedTempFile,
    config: Arc<ServerConfig>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let key = KeyPair::generate().expect("a key");
        let certificate = CertificateParams::new(names).expect("names").signed_by(&key, &issuer).expect("signed");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let chain: Vec<CertificateDer<'static>> = vec![certificate.der().clone()];
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(chain, PrivatePkcs8KeyDer::from(key.serialize_der()).into())
            .expect("a certificate");
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), issuer.pem()).expect("written");
        Self { file, config: Arc::new(config) }
    }

    /// The port of a door to a plain receiver: TLS from the beginning, or after `STARTTLS`.
    fn door(&self, to: u16, starttls: bool) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let config = Arc::clone(&self.config);
        std::thread::spawn(move || {
            for mut outside in listener.incoming().flatten() {
                let inside = TcpStream::connect(("127.0.0.1", to)).expect("the receiver");
                if starttls {
                    begin_tls(&mut outside, &inside);
                }
                let session = ServerConnection::new(Arc::clone(&config)).expect("a session");
                relay(StreamOwned::new(session, outside), inside);
            }
        });
        port
    }

    fn trusting(&self) -> Ways {
        let (guard, trust) = (Guard { allow_private: true }, Trust::only(self.file.path()).expect("a file"));
        Ways { guard, http: Http::new(guard, &trust, Duration::from_secs(5)), trust }
    }
}

/// What a mail server says before TLS begins. The greeting of the receiver behind is not passed on.
fn begin_tls(outside: &mut TcpStream, inside: &TcpStream) {
    let mut greeting = String::new();
    BufReader::with_capacity(1, inside.try_clone().expect("a handle")).read_line(&mut greeting).expect("a greeting");
    outside.write_all(greeting.as_bytes()).expect("written");
    let mut reader = BufReader::with_capacity(1, outside.try_clone().expect("a handle"));
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a line");
        if line.trim_end() == "STARTTLS" {
            outside.write_all(b"220 go\r\n").expect("written");
            return;
        }
        assert!(line.starts_with("EHLO"), "{line:?} before TLS");
        outside.write_all(b"250-mail\r\n250 STARTTLS\r\n").expect("written");
    }
}

/// Passes bytes on in both directions until one side ends.
fn relay(mut outside: StreamOwned<ServerConnection, TcpStream>, mut inside: TcpStream) {
    let mut buffer = [0; 16_384];
    outside.sock.set_read_timeout(Some(Duration::from_millis(5))).expect("set");
    inside.set_read_timeout(Some(Duration::from_millis(5))).expect("set");
    let waits = |error: &std::io::Error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
    loop {
        match outside.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => inside.write_all(&buffer[..length]).expect("written"),
            Err(error) if waits(&error) => {}
            Err(_) => break,
        }
        match inside.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => outside.write_all(&buffer[..length]).expect("written"),
            Err(error) if waits(&error) => {}
            Err(_) => break,
        }
    }
    outside.conn.send_close_notify();
    outside.flush().ok();
    inside.shutdown(Shutdown::Write).ok();
    outside.sock.shutdown(Shutdown::Both).ok();
}

#[test]
fn who_vouches_for_receivers_is_named_by_a_file() {
    let authority = Authority::new();
    let receiver = Receiver::http([Answer::status(200), Answer::status(200), Answer::status(200)]);
    let url = format!("https://localhost:{}/hook", authority.door(receiver.port(), false));
    let failed = send(&webhook(&url)).expect_err("nobody vouches for it");
    assert!(failed.what.contains("invalid peer certificate"), "{failed:?}");
    form(SinkForm::Webhook).send(&authority.trusting(), &webhook(&url)).expect("accepted");
    let failed = form(SinkForm::Webhook).send(&Authority::new().trusting(), &webhook(&url));
    assert!(failed.expect_err("another authority").what.contains("invalid peer certificate"));
}

#[test]
fn the_audit_log_arrives_over_tls() {
    let authority = Authority::new();
    let receiver = Receiver::raw(1);
    let settings = json!({"host": "localhost", "port": authority.door(receiver.port(), false)});
    let [entry, _] = entries();
    let entry = message(SinkForm::Syslog, &settings, &[], MessageBody::Audit(entry));
    form(SinkForm::Syslog).send(&authority.trusting(), &entry).expect("accepted");
    let arrived = String::from_utf8(receiver.streams(1).remove(0)).expect("UTF-8");
    assert!(arrived.contains(" <109>1 ") && arrived.ends_with('}'), "{arrived}");
    assert!(send(&entry).expect_err("nobody vouches for it").what.contains("cannot be reached"));
}

#[test]
fn mail_is_sent_over_tls_in_both_ways() {
    let authority = Authority::new();
    for (security, starttls) in [("tls", false), ("starttls", true)] {
        let receiver = Receiver::smtp();
        let settings = json!({"host": "localhost", "port": authority.door(receiver.port(), starttls),
            "security": security, "from": "deck@example.org", "to": ["ann@example.org"]});
        let mail = message(SinkForm::Email, &settings, &[], MessageBody::Notice(notice()));
        form(SinkForm::Email).send(&authority.trusting(), &mail).expect("accepted");
        let mail = String::from_utf8(receiver.streams(1).remove(0)).expect("UTF-8");
        assert!(mail.contains("RCPT TO:<ann@example.org>") && mail.contains("Mission apollo"), "{security}: {mail}");
    }
}

#[test]
fn a_file_without_authorities_is_refused() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    for (text, part) in [
        ("", "has no certificate"),
        ("no PEM", "has no certificate"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "BadEncoding"),
    ] {
        std::fs::write(file.path(), text).expect("written");
        let told = Trust::only(file.path()).expect_err("nobody");
        assert!(told.contains(part) && told.contains(&file.path().display().to_string()), "{told}");
    }
    assert!(Trust::only("nowhere.pem".as_ref()).expect_err("none").starts_with("nowhere.pem: "));
}
