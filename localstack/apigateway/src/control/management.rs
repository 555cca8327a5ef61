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
    api::{Api, Gateway},
    events::{self, Identity},
    faults::{Peer, PushFate},
    ids,
    websocket::connections::{Closed, Connection, NotSent},
};

/// Why a call to `@connections` was refused.
#[derive(Debug, thiserror::Error)]
#[error("{kind}: {message}")]
pub struct Exception {
    /// Its status.
    pub status: StatusCode,
    /// Its name in AWS's documentation.
    pub kind: &'static str,
    message: String,
}

impl Exception {
    fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, message: message.into() }
    }

    /// AWS sends no message with it.
    fn gone() -> Self {
        Self::new(StatusCode::GONE, "GoneException", "")
    }

    fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "ForbiddenException", "Forbidden")
    }

    fn throttled() -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "LimitExceededException", "Too Many Requests")
    }
}

impl Gateway {
    /// `PostToConnection`, called inside the process instead of asked over HTTP ([`Gateway::control`]).
    ///
    /// # Errors
    /// What API Gateway would answer.
    pub async fn post_to_connection(&self, id: &str, text: &str) -> Result<(), Exception> {
        let connection = find(&self.api, id)?;
        post(&self.api, &connection, Bytes::copy_from_slice(text.as_bytes())).await
    }

    /// `DeleteConnection`, the same way.
    ///
    /// # Errors
    /// What API Gateway would answer.
    pub fn delete_connection(&self, id: &str) -> Result<(), Exception> {
        let connection = find(&self.api, id)?;
        delete(&self.api, &connection);
        Ok(())
    }
}

/// Answers a request to `/{stage}/@connections/{connectionId}`.
pub(crate) async fn handle(api: &Api, request: Request<Bytes>) -> Response<Bytes> {
    answer(api, request).await.unwrap_or_else(|refused| exception(refused.status, refused.kind, &refused.message))
}

async fn answer(api: &Api, request: Request<Bytes>) -> Result<Response<Bytes>, Exception> {
    let id = connection_id(&api.websocket_stage, request.uri().path()).ok_or_else(Exception::forbidden)?;
    let connection = find(api, &id)?;
    match *request.method() {
        Method::POST => {
            post(api, &connection, request.into_body()).await?;
            Ok(Response::new(Bytes::new()))
        }
        Method::GET => Ok(describe(&connection)),
        Method::DELETE => {
            delete(api, &connection);
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = StatusCode::NO_CONTENT;
            Ok(response)
        }
        _ => Err(Exception::forbidden()),
    }
}

fn find(api: &Api, id: &str) -> Result<Arc<Connection>, Exception> {
    if !ids::is_id(id) {
        let message = format!("Invalid connectionId: {id}");
        return Err(Exception::new(StatusCode::BAD_REQUEST, "BadRequestException", message));
    }
    api.connections.get(id).ok_or_else(Exception::gone)
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

async fn post(api: &Api, connection: &Connection, data: Bytes) -> Result<(), Exception> {
    if data.len() > api.limits.message {
        let message = "The data has exceeded the maximum size allowed";
        return Err(Exception::new(StatusCode::PAYLOAD_TOO_LARGE, "PayloadTooLargeException", message));
    }
    let Ok(text) = Utf8Bytes::try_from(data) else {
        return Err(Exception::new(StatusCode::BAD_REQUEST, "BadRequestException", "The data is not UTF-8 text"));
    };
    match fate(api, connection) {
        PushFate::Deliver => {}
        PushFate::After(delay) => tokio::time::sleep(delay).await,
        PushFate::Swallow => return Ok(()),
        PushFate::Gone => return Err(Exception::gone()),
        PushFate::Throttled => return Err(Exception::throttled()),
    }
    connection.push(text).map_err(|refused| match refused {
        NotSent::Gone => Exception::gone(),
        // "... or the WebSocket client side buffer is full", says AWS of this exception.
        NotSent::BufferFull => Exception::throttled(),
    })
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
fn delete(api: &Api, connection: &Connection) {
    connection.close(Closed::Deleted);
    api.connections.remove(&connection.id);
}
