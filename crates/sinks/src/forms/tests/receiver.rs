//! A receiver on a thread of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use ureq::http::{HeaderMap, HeaderName, HeaderValue};

const PATIENCE: Duration = Duration::from_secs(5);

pub(super) struct Receiver {
    port: u16,
    got: mpsc::Receiver<Vec<u8>>,
    requests: mpsc::Receiver<Request>,
    seen: Arc<AtomicUsize>,
}

#[derive(Debug)]
pub(super) struct Request {
    pub(super) line: String,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Request {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
    }

    pub(super) fn headers(&self) -> HeaderMap {
        let pair = |(name, value): &(String, String)| {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
            (name, HeaderValue::from_str(value).expect("a value"))
        };
        self.headers.iter().map(pair).collect()
    }

    fn read(stream: &TcpStream) -> Option<Self> {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let mut headers = Vec::new();
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).ok()?;
            let Some((name, value)) = header.trim_end().split_once(": ") else { break };
            headers.push((name.to_lowercase(), value.to_owned()));
        }
        let length = headers.iter().find(|(name, _)| name == "content-length").map_or("0", |(_, value)| value);
        let mut body = vec![0; length.parse().ok()?];
        reader.read_exact(&mut body).ok()?;
        Some(Self { line: line.trim_end().to_owned(), headers, body })
    }
}

/// What a receiver does with a request.
#[derive(Clone)]
pub(super) struct Answer {
    bytes: Vec<u8>,
    stays: bool,
}

impl Answer {
    pub(super) fn status(status: u16) -> Self {
        Self { bytes: format!("HTTP/1.1 {status} X\r\nconnection: close\r\n\r\n").into_bytes(), stays: false }
    }

    fn with(self, header: &str) -> Self {
        let text =
            String::from_utf8(self.bytes).expect("text").replacen("\r\n\r\n", &format!("\r\n{header}\r\n\r\n"), 1);
        Self { bytes: text.into_bytes(), ..self }
    }

    pub(super) fn saying(mut self, text: &str) -> Self {
        self.bytes.extend_from_slice(text.as_bytes());
        self
    }

    pub(super) fn to(self, place: &str) -> Self {
        self.with(&format!("location: {place}"))
    }

    pub(super) fn after(self, seconds: u32) -> Self {
        self.with(&format!("retry-after: {seconds}"))
    }

    pub(super) const fn closing() -> Self {
        Self { bytes: Vec::new(), stays: false }
    }

    pub(super) fn garbage() -> Self {
        Self { bytes: b"\x00\x01 what?\r\n\r\n".to_vec(), stays: false }
    }

    pub(super) const fn slow() -> Self {
        Self { bytes: Vec::new(), stays: true }
    }
}

impl Receiver {
    fn start(
        mut serve: impl FnMut(TcpStream, &mpsc::Sender<Vec<u8>>, &mpsc::Sender<Request>) -> bool + Send + 'static,
        count: usize,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let ((told, got), (asked, requests)) = (mpsc::channel(), mpsc::channel());
        let seen = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&seen);
        if count > 0 {
            std::thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    counter.fetch_add(1, Ordering::SeqCst);
                    if !serve(stream, &told, &asked) {
                        break;
                    }
                }
            });
        }
        Self { port, got, requests, seen }
    }

    /// Answers one request after another; it is away when there is no answer left.
    pub(super) fn http<const N: usize>(answers: [Answer; N]) -> Self {
        let mut left = answers.into_iter();
        let mut held = Vec::new();
        let serve = move |mut stream: TcpStream, _: &mpsc::Sender<Vec<u8>>, asked: &mpsc::Sender<Request>| {
            let Some(answer) = left.next() else { return false };
            if let Some(request) = Request::read(&stream) {
                asked.send(request).ok();
            }
            stream.write_all(&answer.bytes).ok();
            if answer.stays {
                held.push(stream);
            } else {
                stream.shutdown(Shutdown::Both).ok();
            }
            left.len() > 0 || answer.stays
        };
        Self::start(serve, N)
    }

    /// Reads streams to their ends.
    pub(super) fn raw(count: usize) -> Self {
        let serve = |mut stream: TcpStream, told: &mpsc::Sender<Vec<u8>>, _: &mpsc::Sender<Request>| {
            let mut bytes = Vec::new();
            stream.read_to_end(&mut bytes).ok();
            told.send(bytes).is_ok()
        };
        Self::start(serve, count)
    }

    /// Takes one mail.
    pub(super) fn smtp() -> Self {
        let serve = |mut stream: TcpStream, told: &mpsc::Sender<Vec<u8>>, _: &mpsc::Sender<Request>| {
            let mut all = String::new();
            stream.write_all(b"220 mail\r\n").ok();
            let mut reader = BufReader::new(stream.try_clone().expect("a handle"));
            let mut in_data = false;
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap_or(0) == 0 {
                    break;
                }
                all.push_str(&line);
                let answer = match (in_data, line.trim_end()) {
                    (true, ".") => {
                        in_data = false;
                        "250 taken\r\n"
                    }
                    (true, _) => continue,
                    (false, "DATA") => {
                        in_data = true;
                        "354 go on\r\n"
                    }
                    (false, "QUIT") => "221 bye\r\n",
                    (false, _) => "250 good\r\n",
                };
                stream.write_all(answer.as_bytes()).ok();
            }
            told.send(all.into_bytes()).is_ok()
        };
        Self::start(serve, 1)
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(super) fn url(&self) -> String {
        format!("{}/hook", self.base())
    }

    pub(super) fn seen(&self) -> usize {
        self.seen.load(Ordering::SeqCst)
    }

    pub(super) fn requests<const N: usize>(&self) -> [Request; N] {
        std::array::from_fn(|_| self.requests.recv_timeout(PATIENCE).expect("a request"))
    }

    pub(super) fn streams(&self, count: usize) -> Vec<Vec<u8>> {
        (0..count).map(|_| self.got.recv_timeout(PATIENCE).expect("a stream")).collect()
    }
}
