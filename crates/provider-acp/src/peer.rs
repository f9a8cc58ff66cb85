//! The other side of the protocol: one agent over its standard input and output.

use std::io;
use std::path::PathBuf;

use agent_client_protocol::schema::ProtocolVersion;
use agent_client_protocol::v1::schema::{
    CancelNotification, ContentBlock, Implementation, InitializeRequest, LoadSessionRequest, NewSessionRequest,
    PromptRequest, RequestPermissionOutcome, RequestPermissionRequest, RequestPermissionResponse, SessionId,
    SessionNotification, SessionUpdate, StopReason, TextContent,
};
use agent_client_protocol::v1::{ConnectionTo, Responder};
use agent_client_protocol::{Agent, Client, Error, Lines, on_receive_notification, on_receive_request};
use futures_util::{SinkExt, StreamExt, stream};
use tokio::net::unix::pipe;
use tokio::sync::mpsc;
use tokio_util::codec::{FramedRead, FramedWrite, LinesCodec, LinesCodecError};

/// The session of the message that stands for the end of an agent's output.
const END: &str = "\u{0}end";
/// A longer line is no message of an agent that means well.
const LONGEST_LINE: usize = 16 << 20;
/// So many things that an agent said may wait; then its output is not read on, so it has to wait.
const AHEAD: usize = 64;

/// What an agent said, in its order.
pub(crate) enum Heard {
    /// It is ready for prompts.
    Ready(Box<Introduction>),
    Update(Box<SessionUpdate>),
    Asks(Box<RequestPermissionRequest>, Answer),
    /// A prompt is answered; the number is that of the prompt. The error is a sentence.
    Stopped(u64, Result<StopReason, String>),
    /// It has closed its output. Answers to prompts may still be on their way.
    Closed,
    /// It broke the protocol, or could not be made ready. The last that is heard of it.
    Broken(String),
}

/// How an agent introduces itself.
pub(crate) struct Introduction {
    /// Its own id of the session.
    pub(crate) session: String,
    /// Its name and version, where it says so.
    pub(crate) agent: Option<String>,
    pub(crate) resumed: bool,
}

/// The way a decision goes back.
pub(crate) struct Answer(Responder<RequestPermissionResponse>);

impl Answer {
    /// An agent that is gone does not need it any more.
    pub(crate) fn give(self, outcome: RequestPermissionOutcome) {
        let _ = self.0.respond(RequestPermissionResponse::new(outcome));
    }

    /// Nobody will decide.
    pub(crate) fn cancel(self) {
        self.give(RequestPermissionOutcome::Cancelled);
    }
}

enum Wish {
    Prompt(u64, String),
    Cancel,
}

/// What can be asked of an agent. Nothing here waits; what comes of it is heard.
pub(crate) struct Peer {
    wishes: mpsc::UnboundedSender<Wish>,
}

impl Peer {
    pub(crate) fn prompt(&self, number: u64, text: String) {
        let _ = self.wishes.send(Wish::Prompt(number, text));
    }

    pub(crate) fn cancel(&self) {
        let _ = self.wishes.send(Wish::Cancel);
    }
}

/// Begins to talk to an agent. What it says ends when it has closed its output, or when nobody listens any more.
pub(crate) fn connect(
    input: pipe::Sender,
    output: pipe::Receiver,
    cwd: PathBuf,
    resume: Option<String>,
) -> (Peer, mpsc::Receiver<Heard>) {
    let (wishes, queue) = mpsc::unbounded_channel();
    let (says, heard) = mpsc::channel(AHEAD);
    tokio::spawn(async move {
        if let Err(error) = talk(input, output, cwd, resume, queue, says.clone()).await {
            let _ = says.send(Heard::Broken(told(&error))).await;
        }
    });
    (Peer { wishes }, heard)
}

async fn talk(
    input: pipe::Sender,
    output: pipe::Receiver,
    cwd: PathBuf,
    resume: Option<String>,
    mut queue: mpsc::UnboundedReceiver<Wish>,
    says: mpsc::Sender<Heard>,
) -> Result<(), Error> {
    let codec = || LinesCodec::new_with_max_length(LONGEST_LINE);
    let outgoing = SinkExt::<String>::sink_map_err(FramedWrite::new(input, codec()), io_error);
    // Programs print all sorts of things; what is no JSON object is no message.
    let incoming = FramedRead::new(output, codec()).filter_map(async |line| match line {
        Ok(line) if line.trim_start().starts_with('{') => Some(Ok(line)),
        Ok(line) => {
            tracing::debug!(length = line.len(), "an agent wrote a line that is no message");
            None
        }
        Err(LinesCodecError::MaxLineLengthExceeded) => {
            tracing::warn!(longest = LONGEST_LINE, "an agent wrote a line that is too long");
            None
        }
        Err(LinesCodecError::Io(error)) => Some(Err(error)),
    });
    // The end comes through the same queue as everything before it, so it overtakes nothing.
    let incoming = incoming.chain(stream::once(async { Ok(the_end()) }));
    let (updates, asks) = (says.clone(), says.clone());
    Client
        .v1()
        .name("flightdeck")
        .on_receive_notification(
            async move |said: SessionNotification, _connection| {
                let heard =
                    if &*said.session_id.0 == END { Heard::Closed } else { Heard::Update(Box::new(said.update)) };
                let _ = updates.send(heard).await;
                Ok(())
            },
            on_receive_notification!(),
        )
        .on_receive_request(
            async move |asked: RequestPermissionRequest, responder, _connection| {
                let _ = asks.send(Heard::Asks(Box::new(asked), Answer(responder))).await;
                Ok(())
            },
            on_receive_request!(),
        )
        .connect_with(Lines::new(outgoing, Box::pin(incoming)), async move |connection: ConnectionTo<Agent>| {
            let (session, introduction) = introduce(&connection, cwd, resume).await?;
            let _ = says.send(Heard::Ready(Box::new(introduction))).await;
            while let Some(wish) = queue.recv().await {
                match wish {
                    Wish::Cancel => connection.send_notification(CancelNotification::new(session.clone()))?,
                    Wish::Prompt(number, text) => {
                        let content = vec![ContentBlock::Text(TextContent::new(text))];
                        let request = connection.send_request(PromptRequest::new(session.clone(), content));
                        let says = says.clone();
                        // To wait here would keep a cancel from the agent.
                        connection.spawn(async move {
                            let answer = request.block_task().await;
                            let stop = answer.map(|answer| answer.stop_reason).map_err(|error| told(&error));
                            let _ = says.send(Heard::Stopped(number, stop)).await;
                            Ok(())
                        })?;
                    }
                }
            }
            Ok(())
        })
        .await
}

/// What is read when there is nothing more to read.
fn the_end() -> String {
    let nothing = serde_json::json!({"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": ""}});
    let params = serde_json::json!({"sessionId": END, "update": nothing});
    serde_json::json!({"jsonrpc": "2.0", "method": "session/update", "params": params}).to_string()
}

async fn introduce(
    connection: &ConnectionTo<Agent>,
    cwd: PathBuf,
    resume: Option<String>,
) -> Result<(SessionId, Introduction), Error> {
    let hello = InitializeRequest::new(ProtocolVersion::V1)
        .client_info(Implementation::new("flightdeck", env!("CARGO_PKG_VERSION")));
    let hello = connection.send_request(hello).block_task().await?;
    let agent = hello.agent_info.map(|agent| format!("{} {}", agent.name, agent.version));
    let resumed = resume.is_some();
    let session = match resume {
        None => connection.send_request(NewSessionRequest::new(cwd)).block_task().await?.session_id,
        Some(_) if !hello.agent_capabilities.load_session => {
            return Err(Error::invalid_params().data("this agent cannot take up an earlier session"));
        }
        Some(earlier) => {
            let earlier = SessionId::new(earlier);
            connection.send_request(LoadSessionRequest::new(earlier.clone(), cwd)).block_task().await?;
            earlier
        }
    };
    let introduction = Introduction { session: session.to_string(), agent, resumed };
    Ok((session, introduction))
}

fn io_error(error: LinesCodecError) -> io::Error {
    match error {
        LinesCodecError::Io(error) => error,
        LinesCodecError::MaxLineLengthExceeded => io::Error::other("a message is too long"),
    }
}

/// In a sentence; what the agent says of it besides, shortened.
fn told(error: &Error) -> String {
    let more = error.data.as_ref().map(|data| format!(": {data}")).unwrap_or_default();
    let more: String = more.chars().take(500).collect();
    format!("{}{more}", error.message)
}
