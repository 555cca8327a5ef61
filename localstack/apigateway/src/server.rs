//! Listening, and stopping without leaving anything half done.

use std::{convert::Infallible, future::Future, net::IpAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::{
    answer::exception,
    api::{Api, Gateway, Streamed},
    arrival::{FirstHead, Origin, Recorder},
    http_api::requests,
    limits::Limits,
    websocket::{connections::Closed, handshake},
};

/// Above this a request's head is not even read.
const HEAD_BUFFER: usize = 64 * 1024;
/// How long accepting pauses when the process runs out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

impl Gateway {
    /// Serves the HTTP and the WebSocket API on a listener and runs the schedules, until
    /// `shutdown` resolves. Then it stops accepting, closes every WebSocket with 1001, delivers
    /// `$disconnect` for each, and lets requests and functions finish, for up to
    /// [`Limits::drain`](crate::Limits::drain). Call it once: a gateway that was shut down stays so.
    pub async fn serve(&self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        let api = &self.api;
        start_sources(api);
        let accept = accept(&listener, |stream, origin| {
            let api = Arc::clone(api);
            api.clone().tasks.spawn(public(api, stream, origin));
        });
        tokio::select! {
            () = accept => {}
            () = shutdown => {}
        }
        drop(listener);
        drain(api).await;
    }

    /// Serves the control plane, `@connections` and SQS, on a listener of its own until
    /// `shutdown` resolves. Whoever runs it should stop it after the public one.
    pub async fn serve_control(&self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        let stopping = watch::Sender::new(false);
        let accept = accept(&listener, |stream, _arrival| {
            tokio::spawn(internal(self.clone(), stream, stopping.subscribe()));
        });
        tokio::select! {
            () = accept => {}
            () = shutdown => {}
        }
        drop(listener);
        stopping.send_replace(true);
        // Resolves when every connection has let go of its receiver.
        drop(tokio::time::timeout(self.api.limits.drain, stopping.closed()).await);
    }
}

/// Starts what invokes functions besides clients: queues, streams and schedules.
fn start_sources(api: &Api) {
    for queue in api.queues.values() {
        let stop = stopped(api.stopping.subscribe());
        tokio::spawn(Arc::clone(queue).deliver(api.limits.clone(), api.tasks.clone(), stop));
    }
    for stream in &api.streams {
        let stop = stopped(api.stopping.subscribe());
        tokio::spawn(Arc::clone(stream).deliver(api.limits.clone(), api.tasks.clone(), stop));
    }
    for schedule in &api.schedules {
        let stop = stopped(api.stopping.subscribe());
        tokio::spawn(Arc::clone(schedule).run(api.limits.clone(), api.tasks.clone(), stop));
    }
}

/// Who opened a TCP connection, and to which port.
#[derive(Debug, Clone, Copy)]
struct Arrival {
    peer: IpAddr,
    port: u16,
}

async fn accept(listener: &TcpListener, serve: impl Fn(TcpStream, Arrival)) {
    let port = listener.local_addr().map_or(0, |address| address.port());
    loop {
        match listener.accept().await {
            Ok((stream, client)) => {
                // A relay is made of small frames; none may wait for a full segment.
                if stream.set_nodelay(true).is_ok() {
                    serve(stream, Arrival { peer: client.ip(), port });
                }
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "connection not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn server(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(limits.head_time).max_buf_size(HEAD_BUFFER);
    builder
}

/// One TCP connection to the public listener.
async fn public(api: Arc<Api>, stream: TcpStream, arrival: Arrival) {
    let (recorder, head) = Recorder::new(stream, Arc::clone(&api.house));
    let stopping = api.stopping.subscribe();
    let service = service_fn(|request| route(&api, arrival, &head, request));
    let connection = server(&api.limits).serve_connection(TokioIo::new(recorder), service).with_upgrades();
    tokio::pin!(connection);
    tokio::select! {
        served = connection.as_mut() => log(served),
        () = stopped(stopping) => {
            connection.as_mut().graceful_shutdown();
            log(connection.await);
        }
    }
}

async fn route(
    api: &Arc<Api>,
    arrival: Arrival,
    head: &FirstHead,
    request: Request<Incoming>,
) -> Result<Response<Streamed>, Infallible> {
    let names = head.take_names();
    if let Some(beside) = api.beside.as_ref().filter(|beside| (beside.has)(request.uri().path())) {
        return Ok((beside.answer)(request).await);
    }
    let client = api.proxies.client(arrival.peer, request.headers());
    let origin = Origin { peer: arrival.peer, client, port: arrival.port };
    let response = if api.websocket_paths.iter().any(|path| path == request.uri().path()) {
        handshake::handle(api, origin, names, request).await
    } else {
        requests::handle(api, origin, request).await
    };
    Ok(response.map(|body| Full::new(body).map_err(|never| match never {}).boxed_unsync()))
}

/// One TCP connection to the control listener.
async fn internal(gateway: Gateway, stream: TcpStream, stopping: watch::Receiver<bool>) {
    let service = service_fn(|request| answer_control(&gateway, request));
    let connection = server(&gateway.api.limits).serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        served = connection.as_mut() => log(served),
        () = stopped(stopping.clone()) => {
            connection.as_mut().graceful_shutdown();
            log(connection.await);
        }
    }
}

async fn answer_control(gateway: &Gateway, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let response = match Limited::new(body, gateway.api.limits.body).collect().await {
        Ok(body) => gateway.control(Request::from_parts(parts, body.to_bytes())).await,
        Err(_) => exception(StatusCode::PAYLOAD_TOO_LARGE, "PayloadTooLargeException", "Too large"),
    };
    Ok(response.map(Full::new))
}

async fn stopped(mut stopping: watch::Receiver<bool>) {
    // A dropped sender is the end, too.
    drop(stopping.wait_for(|stopping| *stopping).await);
}

fn log(served: Result<(), hyper::Error>) {
    if let Err(error) = served {
        tracing::debug!(error = &error as &dyn std::error::Error, "connection ended early");
    }
}

/// Ends what is open and waits for what runs.
async fn drain(api: &Api) {
    api.stopping.send_replace(true);
    for connection in api.connections.all() {
        connection.close(Closed::GoingAway);
    }
    if tokio::time::timeout(api.limits.drain, api.tasks.finished()).await.is_err() {
        tracing::warn!("shutdown did not wait for functions that are still running");
    }
}

/// What a test may do to single connections. Only code that holds the [`Gateway`] reaches this.
impl Gateway {
    /// The ids of all open WebSockets.
    pub fn connection_ids(&self) -> Vec<String> {
        self.api.connections.all().iter().map(|connection| connection.id.to_string()).collect()
    }

    /// Makes an open connection a black hole; false when there is no such connection.
    pub fn black_hole(&self, connection_id: &str) -> bool {
        let connection = self.api.connections.get(connection_id);
        connection.map(|connection| connection.become_black_hole()).is_some()
    }

    /// Drops the TCP connection of a WebSocket without a close frame; false when there is none.
    pub fn sever(&self, connection_id: &str) -> bool {
        let connection = self.api.connections.get(connection_id);
        connection.map(|connection| connection.close(Closed::Severed)).is_some()
    }
}
