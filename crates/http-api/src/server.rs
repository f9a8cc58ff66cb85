//! The HTTP server.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_http::HttpService;
use actix_http::error::DispatchError;
use actix_service::{IntoServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::dev::{AppConfig, Server};
use actix_web::rt::net::TcpStream;
use actix_web::web::Data;
use actix_web::{App, middleware};
use actix_web_lab::middleware::CatchPanic;
use socket2::SockRef;

use crate::api::Api;
use crate::host::Hosts;
use crate::line::Connection;
use crate::request::identify;
use crate::routes::configure;
use crate::wiring::wire;

/// How long requests in flight may take after the shutdown has begun; streams end at once.
const SHUTDOWN_TIMEOUT: u64 = 5;

/// How long a peer may leave sent bytes unacknowledged, or its window shut, before its connection is dropped.
const SILENCE: Duration = Duration::from_secs(30);

/// Without this limit, a follower that vanished keeps its socket for a quarter of an hour.
fn give_up_on_silent(stream: &TcpStream) {
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
    /// The address.
    pub address: SocketAddr,
}

impl Listening {
    /// Binds the port. With port 0 the system chooses one.
    ///
    /// # Errors
    /// The address is in use, or is not one of this machine.
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
        let mut builder = Server::build()
            .workers(workers.max(1))
            .max_concurrent_connections(100_000)
            .shutdown_timeout(SHUTDOWN_TIMEOUT)
            .disable_signals();
        let stopping = builder.graceful_shutdown_signal();
        let address = self.address;
        builder = builder.listen("http", self.listener, move || {
            let app = App::new()
                .app_data(hosts.clone())
                .configure(|config| given.configure(config))
                .configure(configure)
                .wrap(middleware::from_fn(crate::head::answer))
                .wrap(middleware::from_fn(crate::host::check))
                .wrap(CatchPanic::default())
                .wrap(middleware::from_fn(identify));
            let stopping = stopping.clone();
            let service = HttpService::build()
                .keep_alive(Duration::from_secs(75))
                .client_request_timeout(Duration::from_secs(10))
                // So long is read on what nobody wants, so that the answer is not lost with it.
                .client_disconnect_timeout(Duration::from_secs(1))
                .graceful_shutdown_signal(move || {
                    let stopping = stopping.clone();
                    async move { stopping.notified().await }
                })
                .local_addr(address)
                .on_connect_ext(|connection: &Connection, data| {
                    data.insert(connection.line());
                })
                .h1(map_config(app.into_factory(), |()| AppConfig::default()));
            fn_service(|socket: TcpStream| async move {
                give_up_on_silent(&socket);
                let peer = socket.peer_addr().ok();
                Ok::<_, DispatchError>((Connection::new(socket), peer))
            })
            .and_then(service)
        })?;
        Ok(builder.run())
    }
}
