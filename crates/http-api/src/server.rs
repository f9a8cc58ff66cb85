//! The HTTP server.

use std::any::Any;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::rt::net::TcpStream;
use actix_web::web::Data;
use actix_web::{App, HttpServer, middleware};
use actix_web_lab::middleware::CatchPanic;
use socket2::SockRef;

use crate::api::Api;
use crate::host::Hosts;
use crate::request::identify;
use crate::routes::configure;
use crate::wiring::wire;

/// How long requests in flight may take to end once the shutdown began; streams end at once.
const SHUTDOWN_TIMEOUT: u64 = 5;

/// How long a peer may leave sent bytes unacknowledged, or its window shut, before its connection is dropped.
const SILENCE: Duration = Duration::from_secs(30);

/// Without this, a follower that vanished without a word holds its socket for a quarter of an hour.
fn give_up_on_silent(connection: &dyn Any) {
    let Some(stream) = connection.downcast_ref::<TcpStream>() else { return };
    let socket = SockRef::from(stream);
    #[cfg(target_os = "linux")]
    if let Err(error) = socket.set_tcp_user_timeout(Some(SILENCE)) {
        tracing::debug!(%error, "cannot set TCP_USER_TIMEOUT");
    }
    // Frames are small and due now.
    if let Err(error) = socket.set_tcp_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
}

/// A server that listens but does not answer yet.
pub struct Listening {
    listener: TcpListener,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Listening {
    /// Takes the port. With port 0 the system chooses one.
    ///
    /// # Errors
    /// The address is not free, or not this machine's.
    pub fn on(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Answers requests until the returned server is stopped. The caller handles signals: it cancels the `shutdown` token
    /// that the [`Api`] was made with, then stops the server by its handle.
    ///
    /// # Errors
    /// The listener cannot be used.
    pub fn serve(self, api: &Api, workers: usize) -> io::Result<Server> {
        let hosts = Data::new(Hosts::of(self.address, &api.options.allowed_hosts));
        let given = wire(api);
        let server = HttpServer::new(move || {
            App::new()
                .app_data(hosts.clone())
                .configure(|config| given.configure(config))
                .configure(configure)
                .wrap(middleware::from_fn(crate::head::answer))
                .wrap(middleware::from_fn(crate::host::check))
                .wrap(CatchPanic::default())
                .wrap(middleware::from_fn(identify))
        })
        .on_connect(|connection, _| give_up_on_silent(connection))
        .workers(workers.max(1))
        .max_connections(100_000)
        .keep_alive(Duration::from_secs(75))
        .client_request_timeout(Duration::from_secs(10))
        .shutdown_timeout(SHUTDOWN_TIMEOUT)
        .disable_signals();
        Ok(server.listen(self.listener)?.run())
    }
}
