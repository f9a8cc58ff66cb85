//! The line from a command that stands beside an agent to the server.

use std::path::Path;
use std::time::Duration;

use clap::{Arg, ArgMatches};
use serde_json::Value;
use ureq::Agent;

use crate::cli::BoxError;
use crate::client::{is_local, published};

const URL: &str = "FLIGHTDECK_URL";
/// Where the key is found: a key never stands on a command line, where every process can read it.
pub(crate) const KEY: &str = "FLIGHTDECK_API_KEY";
const DATA_DIR: &str = "FLIGHTDECK_DATA_DIR";
const DEFAULT_URL: &str = "http://127.0.0.1:7600";
const DEFAULT_DATA_DIR: &str = "./flightdeck-data";
/// Who does not accept a connection within this is away.
const CONNECT: Duration = Duration::from_secs(3);
/// The largest answer that is read.
const LARGEST: u64 = 16 << 20;

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    #[error("{url} cannot be reached")]
    Unreachable { url: String, source: Box<ureq::Error> },
    #[error("there is no key: set {KEY}, or give --data-dir the folder with the admin.key of a server on this machine")]
    NoKey,
}

/// A server, and the key to it.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    agent: Agent,
    url: String,
    key: String,
}

/// What came back.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answer {
    /// Whether the server did what it was asked.
    pub(crate) const fn is_good(&self) -> bool {
        self.status >= 200 && self.status < 300
    }

    /// Whether it may do so later.
    pub(crate) const fn is_passing(&self) -> bool {
        self.status == 429 || self.status >= 500
    }

    /// What is wrong, in the server's words.
    pub(crate) fn problem(&self) -> String {
        let detail = self.body.get("detail").and_then(Value::as_str).unwrap_or("no reason was given");
        format!("{} ({})", detail, self.status)
    }
}

/// The flags of every such command.
pub(crate) fn flags() -> [Arg; 2] {
    [
        Arg::new("url")
            .long("url")
            .value_name("URL")
            .help(format!("the server; that of the data folder when missing [env: {URL}] [default: {DEFAULT_URL}]")),
        Arg::new("data-dir").long("data-dir").value_name("DIR").help(format!(
            "the data folder of a server on this machine, whose admin.key is used when {KEY} is not set \
             [env: {DATA_DIR}] [default: {DEFAULT_DATA_DIR}]"
        )),
    ]
}

/// Where the server is.
pub(crate) fn url(given: &ArgMatches) -> String {
    let url = given.get_one::<String>("url").cloned().or_else(|| variable(URL));
    let url = url.or_else(|| published(Path::new(&data_dir(given))));
    url.unwrap_or_else(|| DEFAULT_URL.to_owned()).trim_end_matches('/').to_owned()
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

fn key(given: &ArgMatches, url: &str) -> Result<String, LinkError> {
    if let Some(key) = variable(KEY) {
        return Ok(key.trim().to_owned());
    }
    // A key that opens everything on this machine is sent nowhere else.
    let own = is_local(url).then(|| crate::admin_key::read(Path::new(&data_dir(given)))).flatten();
    own.ok_or(LinkError::NoKey)
}

fn data_dir(given: &ArgMatches) -> String {
    let folder = given.get_one::<String>("data-dir").cloned().or_else(|| variable(DATA_DIR));
    folder.unwrap_or_else(|| DEFAULT_DATA_DIR.to_owned())
}

impl Link {
    /// Finds the server and the key.
    pub(crate) fn open(given: &ArgMatches) -> Result<Self, BoxError> {
        let url = url(given);
        let key = key(given, &url)?;
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(CONNECT))
            .user_agent(concat!("flightdeck/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Ok(Self { agent, url, key })
    }

    /// Asks. Blocks the thread.
    pub(crate) fn get(&self, path: &str, deadline: Duration) -> Result<Answer, LinkError> {
        let request = self.agent.get(format!("{}{path}", self.url)).header("X-API-Key", &self.key);
        self.read(request.config().timeout_global(Some(deadline)).build().call())
    }

    /// Says something. Blocks the thread.
    pub(crate) fn post(&self, path: &str, body: &[u8], deadline: Duration) -> Result<Answer, LinkError> {
        let request = self.agent.post(format!("{}{path}", self.url)).header("X-API-Key", &self.key);
        let request = request.content_type("application/json").config().timeout_global(Some(deadline)).build();
        self.read(request.send(body))
    }

    fn read(&self, response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Answer, LinkError> {
        let unreachable = |source| LinkError::Unreachable { url: self.url.clone(), source: Box::new(source) };
        let mut response = response.map_err(unreachable)?;
        let status = response.status().as_u16();
        let bytes = response.body_mut().with_config().limit(LARGEST).read_to_vec().map_err(unreachable)?;
        Ok(Answer { status, body: serde_json::from_slice(&bytes).unwrap_or_default() })
    }
}
