//! `@connections`: how functions reach open WebSockets
//! ([API Gateway Management API](https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html)).

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use percent_encoding::percent_decode_str;
use serde::Serialize;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::{
    answer::{exception, json_response},
    api::Api,
    events::{self, Identity},
    faults::{Peer, PushFate},
    ids,
    websocket::connections::{Closed, Connection, NotSent},
};

/// Answers a request to `/{stage}/@connections/{connectionId}`.
pub(crate) async fn handle(api: &Api, request: Request<Bytes>) -> Response<Bytes> {
    let Some(id) = connection_id(&api.websocket_stage, request.uri().path()) else {
        return exception(StatusCode::FORBIDDEN, "ForbiddenException", "Forbidden");
    };
    if !ids::is_id(&id) {
        let message = format!("Invalid connectionId: {id}");
        return exception(StatusCode::BAD_REQUEST, "BadRequestException", &message);
    }
    let Some(connection) = api.connections.get(&id) else {
        return gone();
    };
    match *request.method() {
        Method::POST => post(api, &connection, request.into_body()).await,
        Method::GET => describe(&connection),
        Method::DELETE => delete(api, &connection),
        _ => exception(StatusCode::FORBIDDEN, "ForbiddenException", "Forbidden"),
    }
}

/// Whether a path is one of `@connections`, in any stage and with `@` encoded or not.
pub(crate) fn is_connections(path: &str) -> bool {
    decoded(path).contains("/@connections/")
}

fn connection_id(stage: &str, path: &str) -> Option<String> {
    let path = decoded(path);
    let id = path.strip_prefix('/')?.strip_prefix(stage)?.strip_prefix("/@connections/")?;
    Some(id.to_owned())
}

fn decoded(path: &str) -> String {
    percent_decode_str(path).decode_utf8_lossy().into_owned()
}

/// AWS sends no message with it.
fn gone() -> Response<Bytes> {
    exception(StatusCode::GONE, "GoneException", "")
}

fn throttled() -> Response<Bytes> {
    exception(StatusCode::TOO_MANY_REQUESTS, "LimitExceededException", "Too Many Requests")
}

fn sent() -> Response<Bytes> {
    Response::new(Bytes::new())
}

async fn post(api: &Api, connection: &Connection, data: Bytes) -> Response<Bytes> {
    if data.len() > api.limits.message {
        let message = "The data has exceeded the maximum size allowed";
        return exception(StatusCode::PAYLOAD_TOO_LARGE, "PayloadTooLargeException", message);
    }
    let Ok(text) = Utf8Bytes::try_from(data) else {
        return exception(StatusCode::BAD_REQUEST, "BadRequestException", "The data is not UTF-8 text");
    };
    match fate(api, connection) {
        PushFate::Deliver => {}
        PushFate::After(delay) => tokio::time::sleep(delay).await,
        PushFate::Swallow => return sent(),
        PushFate::Gone => return gone(),
        PushFate::Throttled => return throttled(),
    }
    match connection.push(text) {
        Ok(()) => sent(),
        Err(NotSent::Gone) => gone(),
        // "... or the WebSocket client side buffer is full", says AWS of this exception.
        Err(NotSent::BufferFull) => throttled(),
    }
}

fn fate(api: &Api, connection: &Connection) -> PushFate {
    match &api.faults {
        Some(faults) => faults.push(&Peer::of(connection)),
        None => PushFate::Deliver,
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Description<'a> {
    connected_at: String,
    identity: &'a Identity,
    last_active_at: String,
}

fn describe(connection: &Connection) -> Response<Bytes> {
    let description = Description {
        connected_at: connection.connected_at.iso_millis(),
        identity: &connection.identity,
        last_active_at: connection.last_active_at().iso_millis(),
    };
    json_response(StatusCode::OK, events::json(&description))
}

/// Once this returns no push is accepted any more, whatever the client does.
fn delete(api: &Api, connection: &Arc<Connection>) -> Response<Bytes> {
    connection.close(Closed::Deleted);
    api.connections.remove(&connection.id);
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}
