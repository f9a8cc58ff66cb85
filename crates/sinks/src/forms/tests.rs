//! Each form against a receiver that reads what comes and answers as it is told.

mod receiver;
mod settings;
mod tls;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use flightdeck_domain::action::{ActionName, Origin};
use flightdeck_domain::audit::{AuditHead, AuditOutcome, AuditTarget, ChainVerifier, SealedAuditEntry};
use flightdeck_domain::operator::Actor;
use flightdeck_domain::ports::{Clock, MessageBody};
use flightdeck_domain::provider_config::{Credentials, Secret};
use flightdeck_domain::sink::{Link, SinkName, Urgency};
use flightdeck_domain::system::SystemClock;
use flightdeck_domain::telemetry::trace::{EndState, Span, SpanId, TraceId};
use flightdeck_domain::time::Timestamp;
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use self::receiver::{Answer, Receiver, Request};
use super::*;

const SECRET: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz";
const PREVIOUS: &str = "whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4";

fn ways() -> Ways {
    let guard = Guard { allow_private: true };
    let trust = Trust::default();
    Ways { guard, http: Http::new(guard, &trust, Duration::from_millis(700)), trust }
}

fn object(value: &Value) -> JsonObject {
    JsonObject::new(value.as_object().expect("an object").clone()).expect("small")
}

fn notice() -> Notice {
    let link = |label, path: &str| Link { label, url: format!("https://deck.example/#{path}") };
    Notice {
        kind: "approval.opened".to_owned(),
        at: Timestamp::FIRST,
        title: "worker <FD-1> asks & waits".to_owned(),
        lines: vec!["Mission apollo".to_owned()],
        urgency: Urgency::High,
        link: Some("https://deck.example/#approvals".to_owned()),
        links: vec![link("Decide", "approvals"), link("Watch", "fleet")],
        data: object(&json!({"position": 9, "sessionId": "s"})),
    }
}

fn message(form: SinkForm, settings: &Value, credentials: &[(&str, &str)], body: MessageBody) -> Outgoing {
    let credential = |(name, text): &(&str, &str)| {
        (CredentialName::new(*name).expect("valid"), Secret::new((*text).to_owned()).expect("valid"))
    };
    let credentials: Credentials = credentials.iter().map(credential).collect::<BTreeMap<_, _>>();
    let sink = SinkName::new("ops").expect("valid");
    Outgoing {
        sink,
        form,
        settings: object(settings),
        credentials,
        id: "event-1-9-ops".to_owned(),
        at: SystemClock.now(),
        body,
    }
}

fn webhook(url: &str) -> Outgoing {
    message(SinkForm::Webhook, &json!({"url": url}), &[("secret", SECRET)], MessageBody::Notice(notice()))
}

fn send(message: &Outgoing) -> Result<(), SendFailed> {
    form(message.form).send(&ways(), message)
}

/// Two entries of a chain.
fn entries() -> [SealedAuditEntry; 2] {
    let draft = |action, outcome| {
        let by = Origin::new(Actor::local_cli(), "req-1".parse().expect("valid")).at(Timestamp::FIRST);
        by.audit(action, AuditTarget::AuditLog, outcome, [("a".to_owned(), "\u{e9}\n\"".to_owned())].into())
    };
    let first = draft(ActionName::AuditRead, AuditOutcome::Accepted).seal(AuditHead::EMPTY);
    let second = draft(ActionName::Kill, AuditOutcome::Refused).seal(first.head());
    [first, second]
}

/// What a receiver of the audit log can do with the bytes and the hashes that it got.
fn verify(received: Vec<(Vec<u8>, String)>) {
    let mut verifier = ChainVerifier::default();
    for ((bytes, hash), sent) in received.into_iter().zip(entries()) {
        assert_eq!(hash, sent.hash.to_string());
        verifier.next(&SealedAuditEntry { bytes, ..sent }).expect("the chain holds");
    }
}

fn json_of(request: &Request) -> Value {
    serde_json::from_slice(&request.body).expect("JSON")
}

#[test]
fn a_webhook_is_signed_and_an_old_secret_is_good_for_a_while() {
    let receiver = Receiver::http([Answer::status(200), Answer::status(204)]);
    send(&webhook(&receiver.url())).expect("accepted");
    let both = [("secret", SECRET), ("previous_secret", PREVIOUS), ("authorization", "Bearer hush")];
    let settings = json!({"url": receiver.url()});
    send(&message(SinkForm::Webhook, &settings, &both, MessageBody::Notice(notice()))).expect("accepted");
    let [one, two] = receiver.requests::<2>();
    assert_eq!((one.line.as_str(), one.header("webhook-id")), ("POST /hook HTTP/1.1", "event-1-9-ops"));
    assert_eq!(one.header("content-type"), "application/json");
    let verified = |secret, request: &Request| {
        Webhook::new(secret).expect("a secret").verify(&request.body, &request.headers()).is_ok()
    };
    assert!(verified(SECRET, &one) && !verified(PREVIOUS, &one));
    assert!(verified(SECRET, &two) && verified(PREVIOUS, &two));
    assert_eq!((one.header("authorization"), two.header("authorization")), ("", "Bearer hush"));
    let body = json_of(&one);
    assert_eq!((&body["type"], &body["data"]["event"]["position"]), (&json!("approval.opened"), &json!(9)));
    let mut forged = one;
    forged.body.push(b' ');
    assert!(!verified(SECRET, &forged));
}

#[test]
fn a_receiver_that_is_away_slow_broken_or_elsewhere_has_not_accepted() {
    let away = {
        let receiver = Receiver::http([]);
        receiver.url()
    };
    let told = |failed: Result<(), SendFailed>| failed.expect_err("not accepted");
    assert!(told(send(&webhook(&away))).what.contains("the connection to the receiver failed"));
    let receiver = Receiver::http([
        Answer::status(500).saying("oh\u{1b}no"),
        Answer::status(302).to("http://127.0.0.1:1/elsewhere"),
        Answer::closing(),
        Answer::garbage(),
        Answer::status(422).saying("no such field"),
        Answer::status(429).after(17),
        Answer::slow(),
    ]);
    let url = receiver.url();
    let failed = told(send(&webhook(&url)));
    assert!(failed.what.contains("500") && failed.what.contains("no") && !failed.rejected, "{failed:?}");
    let failed = told(send(&webhook(&url)));
    assert!(failed.what.contains("redirects are not followed"), "{failed:?}");
    assert!(!told(send(&webhook(&url))).rejected);
    assert!(!told(send(&webhook(&url))).rejected);
    let failed = told(send(&webhook(&url)));
    assert!(failed.rejected && failed.what.contains("no such field"), "{failed:?}");
    assert_eq!(told(send(&webhook(&url))).retry_after, Some(Duration::from_secs(17)));
    let begun = Instant::now();
    assert_eq!(told(send(&webhook(&url))).what, "the receiver does not answer in time");
    assert!(begun.elapsed() < Duration::from_secs(5));
    receiver.requests::<7>();
}

#[test]
fn private_addresses_are_not_reached_without_the_servers_word() {
    let receiver = Receiver::http([Answer::status(200)]);
    let guard = Guard::default();
    let trust = Trust::default();
    let strict = Ways { guard, http: Http::new(guard, &trust, Duration::from_secs(2)), trust };
    // Past the check of the settings, as a name would be that answers with another address later.
    let request = crate::http::post_json(&receiver.url().parse().expect("a URI"), &[], &json!({})).expect("a request");
    let failed = strict.http.send(request).expect_err("refused");
    assert!(failed.what.contains("private address"), "{failed:?}");
    let by_name = receiver.url().replace("127.0.0.1", "localhost");
    let request = crate::http::post_json(&by_name.parse().expect("a URI"), &[], &json!({})).expect("a request");
    let failed = strict.http.send(request).expect_err("refused");
    assert!(failed.what.contains("private address"), "{failed:?}");
    assert_eq!(receiver.seen(), 0, "nobody has connected");
}

#[test]
fn chats_have_plain_text_and_buttons_that_open_the_page() {
    let receiver = Receiver::http([Answer::status(200), Answer::status(200), Answer::status(200)]);
    let (url, base) = (receiver.url(), receiver.base());
    let body = || MessageBody::Notice(notice());
    send(&message(SinkForm::Slack, &json!({}), &[("url", &url)], body())).expect("accepted");
    let settings = json!({"server": base, "topic": "ops"});
    send(&message(SinkForm::Ntfy, &settings, &[("token", "tk_hush")], body())).expect("accepted");
    let settings = json!({"server": base, "chatId": -100_123});
    send(&message(SinkForm::Telegram, &settings, &[("token", "12:hush")], body())).expect("accepted");
    let [slack, ntfy, telegram] = receiver.requests::<3>();
    let body = json_of(&slack);
    assert_eq!(body["text"], "worker &lt;FD-1&gt; asks &amp; waits");
    assert_eq!(body["blocks"][0]["text"]["type"], "plain_text");
    assert_eq!(body["blocks"][2]["elements"][0]["url"], "https://deck.example/#approvals");
    let body = json_of(&ntfy);
    assert_eq!(ntfy.header("authorization"), "Bearer tk_hush");
    assert_eq!(
        (&body["topic"], &body["priority"], &body["message"]),
        (&json!("ops"), &json!(4), &json!("Mission apollo"))
    );
    assert_eq!(
        (&body["actions"][0]["label"], &body["click"]),
        (&json!("Decide"), &json!("https://deck.example/#approvals"))
    );
    let body = json_of(&telegram);
    assert_eq!(telegram.line, "POST /bot12:hush/sendMessage HTTP/1.1");
    assert_eq!(
        (&body["chat_id"], &body["text"]),
        (&json!(-100_123), &json!("worker <FD-1> asks & waits\nMission apollo"))
    );
    assert_eq!(body["reply_markup"]["inline_keyboard"][0][0]["text"], "Decide");
}

#[test]
fn the_audit_log_arrives_byte_for_byte_as_cloud_events() {
    let receiver = Receiver::http([Answer::status(200), Answer::status(200)]);
    let settings = json!({"url": receiver.url()});
    for entry in entries() {
        send(&message(SinkForm::CloudEvents, &settings, &[], MessageBody::Audit(entry))).expect("accepted");
    }
    let requests = receiver.requests::<2>();
    let [one, two] = &requests;
    assert_eq!((one.header("ce-specversion"), one.header("ce-auditseq")), ("1.0", "1"));
    assert_eq!(one.header("ce-audithash"), two.header("ce-auditprevious"));
    assert_eq!((two.header("ce-type"), two.header("ce-subject")), ("flightdeck.audit.entry", "kill"));
    verify(requests.map(|it| (it.body.clone(), it.header("ce-audithash").to_owned())).into());
}

/// The parts of a message of RFC 5424 that a receiver needs.
fn parsed(line: &[u8]) -> (String, Vec<u8>, String) {
    let text = String::from_utf8(line.into()).expect("UTF-8");
    let (head, rest) = text.split_once(" [").expect("data");
    let (data, bytes) = rest.split_once("] ").expect("a message");
    let hash = data.split("hash=\"").nth(1).and_then(|it| it.split('"').next()).expect("a hash");
    (head.to_owned(), bytes.as_bytes().to_vec(), hash.to_owned())
}

#[test]
fn the_audit_log_arrives_byte_for_byte_over_syslog() {
    let receiver = Receiver::raw(2);
    let settings = json!({"host": "127.0.0.1", "port": receiver.port(), "transport": "tcp"});
    for entry in entries() {
        send(&message(SinkForm::Syslog, &settings, &[], MessageBody::Audit(entry))).expect("accepted");
    }
    let mut arrived = Vec::new();
    for (bytes, severity) in receiver.streams(2).into_iter().zip(["<109>1", "<108>1"]) {
        let space = bytes.iter().position(|byte| *byte == b' ').expect("a count");
        let count: usize = String::from_utf8_lossy(&bytes[..space]).parse().expect("a number");
        assert_eq!(bytes.len(), space + 1 + count, "octets are counted");
        let (head, message, hash) = parsed(&bytes[space + 1..]);
        assert!(head.starts_with(severity) && head.contains(" flightdeck - "), "{head}");
        arrived.push((message, hash));
    }
    verify(arrived);
}

#[test]
fn the_audit_log_arrives_in_datagrams_too() {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.set_read_timeout(Some(Duration::from_secs(5))).expect("set");
    let port = socket.local_addr().expect("bound").port();
    let settings = json!({"host": "127.0.0.1", "port": port, "transport": "udp"});
    let mut received = Vec::new();
    for entry in entries() {
        send(&message(SinkForm::Syslog, &settings, &[], MessageBody::Audit(entry))).expect("sent");
        let mut buffer = vec![0; 70_000];
        let length = socket.recv(&mut buffer).expect("a datagram");
        let (_, message, hash) = parsed(&buffer[..length]);
        received.push((message, hash));
    }
    verify(received);
}

#[test]
fn a_syslog_receiver_that_is_away_or_speaks_no_tls_has_not_accepted() {
    let closed = Receiver::raw(0).port();
    let [entry, _] = entries();
    let settings = json!({"host": "127.0.0.1", "port": closed, "transport": "tcp"});
    let failed = send(&message(SinkForm::Syslog, &settings, &[], MessageBody::Audit(entry.clone())));
    assert!(failed.expect_err("away").what.contains("cannot be reached"));
    let receiver = Receiver::http([Answer::garbage()]);
    let settings = json!({"host": "127.0.0.1", "port": receiver.port()});
    send(&message(SinkForm::Syslog, &settings, &[], MessageBody::Audit(entry))).expect_err("no TLS");
}

#[test]
fn a_mail_has_an_id_that_stays() {
    let receiver = Receiver::smtp();
    let settings = json!({"host": "127.0.0.1", "port": receiver.port(), "security": "none",
        "from": "Flightdeck <deck@example.org>", "to": ["ann@example.org", "bob@example.org"]});
    send(&message(SinkForm::Email, &settings, &[], MessageBody::Notice(notice()))).expect("accepted");
    let mail = String::from_utf8(receiver.streams(1).remove(0)).expect("UTF-8");
    for part in [
        "RCPT TO:<ann@example.org>",
        "RCPT TO:<bob@example.org>",
        "Message-ID: <event-1-9-ops@example.org>",
        "Subject: worker <FD-1> asks & waits",
        "Mission apollo",
        "Decide: https://deck.example/#approvals",
    ] {
        assert!(mail.contains(part), "{part} is missing:\n{mail}");
    }
}

#[test]
fn settings_are_checked_at_the_field() {
    let told = |wanted, settings: &Value, names: &[&str], allow_private| {
        let names = names.iter().filter_map(|name| CredentialName::new(*name).ok()).collect();
        let faults = form(wanted).schema().faults(settings.as_object().expect("an object"));
        if !faults.is_empty() {
            return faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        }
        let faults = form(wanted).check(Guard { allow_private }, &object(settings), &names);
        faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    let (mail, none): (Value, &[&str]) =
        (json!({"host": "mail.example", "from": "a@b.example", "to": ["nobody"]}), &[]);
    for (wanted, settings, names, part) in [
        (SinkForm::Webhook, json!({"url": "https://x.example"}), none, "credentials.secret: is missing"),
        (SinkForm::Webhook, json!({}), &["secret"][..], "settings.url: is missing"),
        (SinkForm::Webhook, json!({"url": "https://10.0.0.1"}), &["secret"][..], "settings.url: 10.0.0.1 is a private"),
        (SinkForm::Ntfy, json!({"topic": ""}), none, "settings.topic: must not be empty"),
        (SinkForm::Slack, json!({}), none, "credentials.url: is missing"),
        (SinkForm::Telegram, json!({"chatId": 5}), none, "credentials.token: is missing"),
        (SinkForm::Email, mail, none, "settings.to.0: is not a mail address"),
        (SinkForm::Email, json!({"host": "m.example", "from": "a@b.example", "to": []}), none, "has nobody to send to"),
        (SinkForm::Syslog, json!({"host": "log.example", "transport": "udp"}), none, "settings.transport: must be tls"),
        (SinkForm::Otlp, json!({"url": "http://127.0.0.1:4318"}), none, "settings.url: must begin with https"),
        (SinkForm::Syslog, json!({"host": "a b"}), none, "settings.host: is not the name"),
        (
            SinkForm::CloudEvents,
            json!({"url": "https://x.example", "source": "a b"}),
            none,
            "settings.source: is not a URI",
        ),
    ] {
        let told = told(wanted, &settings, names, false);
        assert!(told.contains(part), "{wanted}: {told}");
    }
    for (wanted, settings, names) in [
        (SinkForm::Webhook, json!({"url": "https://x.example/a"}), &["secret"][..]),
        (SinkForm::Ntfy, json!({"topic": "ops"}), none),
        (SinkForm::Email, json!({"host": "m.example", "from": "a@b.example", "to": ["c@d.example"]}), none),
        (SinkForm::Otlp, json!({"url": "https://otel.example"}), none),
        (SinkForm::Syslog, json!({"host": "log.example"}), none),
        (SinkForm::CloudEvents, json!({"url": "https://x.example"}), none),
    ] {
        assert_eq!(told(wanted, &settings, names, false), "", "{wanted}");
    }
}

#[test]
fn spans_go_to_the_receiver_with_its_headers_and_many_in_several_requests() {
    let receiver = Receiver::http([Answer::status(200), Answer::status(200), Answer::status(200)]);
    let settings = json!({"url": format!("{}/base/", receiver.url()), "serviceName": "fleet"});
    let headers = &[("headers", "x-api-key=a%20b, tenant=7")][..];
    let span = Span {
        trace: TraceId([1; 16]),
        id: SpanId([2; 8]),
        parent: None,
        name: "turn".to_owned(),
        begin: Timestamp::FIRST,
        end: Timestamp::FIRST,
        end_state: EndState::Unknown,
        attributes: vec![("gen_ai.tool.name", "Bash".into())],
    };
    let of = |spans: Vec<Span>| message(SinkForm::Otlp, &settings, headers, MessageBody::Trace(spans));
    send(&of(vec![span.clone(); 1_001])).expect("accepted");
    send(&of(Vec::new())).expect("nothing to send");
    send(&message(SinkForm::Otlp, &settings, &[], MessageBody::Notice(notice()))).expect("a trial");
    let [first, second, third] = receiver.requests::<3>();
    assert_eq!(first.line, "POST /hook/base/v1/traces HTTP/1.1");
    assert_eq!((first.header("content-type"), first.header("x-api-key")), ("application/x-protobuf", "a b"));
    assert_eq!(first.header("tenant"), "7");
    assert!(first.body.len() > 100 * second.body.len(), "a thousand, then one");
    let told = String::from_utf8_lossy(&second.body).into_owned();
    assert!(["fleet", "turn", "gen_ai.tool.name", "Bash"].iter().all(|part| told.contains(part)), "{told:?}");
    assert!(String::from_utf8_lossy(&third.body).contains("worker <FD-1>"));
    let wrong = message(SinkForm::Otlp, &settings, &[("headers", "nonsense")], MessageBody::Trace(vec![span]));
    assert!(send(&wrong).expect_err("refused").what.contains("name=value"));
}

#[test]
fn every_credential_has_a_name_that_is_one() {
    for wanted in SinkForm::ALL {
        assert!(form(wanted).credentials().iter().all(|name| CredentialName::new(*name).is_ok()), "{wanted}");
        assert_ne!(form(wanted).schema(), SettingsSchema::new(json!({})).expect("known words"));
    }
}
