//! What happens on an open WebSocket: a message selects a route, its function runs, and with a
//! route response the client gets an answer
//! ([routing](https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-develop-routes.html)).

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::value::RawValue;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::{
    answer::{Malformed, ProxyAnswer, gateway_message},
    api::{Api, WebSocketRoute, admits},
    clock::Moment,
    events::{self, EventType, Handshake, Lifecycle, WebSocketContext},
    faults::{DisconnectFate, Peer},
    function::Failure,
    ids,
    websocket::{connections::Connection, order::Turn},
};

/// Takes a client's message; its function runs in a task of its own.
pub(crate) fn receive(api: &Arc<Api>, connection: &Arc<Connection>, mut turn: Turn, text: Utf8Bytes) {
    let in_flight = connection.run_message();
    let delay = match &api.faults {
        Some(faults) => faults.message_delay(&Peer::of(connection)),
        None => Duration::ZERO,
    };
    let (api, connection) = (Arc::clone(api), Arc::clone(connection));
    let came = Instant::now() + delay;
    Arc::clone(&api).tasks.spawn(async move {
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        turn.come().await;
        if let Some(answer) = run(&api, &connection, &text, came).await {
            connection.answer(answer);
        }
        turn.finish();
        drop(in_flight);
    });
}

/// Runs a message's function once it may run; the answer, if the client gets one.
async fn run(api: &Api, connection: &Connection, text: &str, came: Instant) -> Option<Utf8Bytes> {
    match api.message_slots.enter(came).await {
        Some(slot) => slot.hold(run_now(api, connection, text)).await,
        None => Some(match &api.overloaded {
            Some(overloaded) => overloaded(text).into(),
            None => gateway_message("Service Unavailable", &connection.id, &ids::passing_id()).into(),
        }),
    }
}

async fn run_now(api: &Api, connection: &Connection, text: &str) -> Option<Utf8Bytes> {
    let request_id = ids::passing_id();
    let say = |message| Some(gateway_message(message, &connection.id, &request_id).into());
    let Some((key, route)) = select(api, text) else {
        return say("Forbidden");
    };
    if !admits(&api.websocket_throttles, key) {
        return say("Too Many Requests");
    }
    let message_id = ids::passing_id();
    let event = events::json(&events::Message {
        request_context: WebSocketContext {
            message_id: Some(&message_id),
            ..context(api, connection, EventType::Message, key, &request_id)
        },
        body: text,
        is_base64_encoded: false,
    });
    match invoke(api, route, event).await {
        Ok(answer) => answer.filter(|_| route.responds).map(Utf8Bytes::from),
        Err(failure) => {
            tracing::warn!(
                route.key = key,
                connection.id = &*connection.id,
                request.id = request_id,
                error = &failure as &dyn std::error::Error,
                "WebSocket route's function failed"
            );
            say(match failure {
                Failure::TimedOut => "Endpoint request timed out",
                Failure::Function(_) | Failure::Panicked | Failure::Malformed(_) => "Internal server error",
            })
        }
    }
}

/// Runs a route's function; gives the `body` it returned.
async fn invoke(api: &Api, route: &WebSocketRoute, event: bytes::Bytes) -> Result<Option<String>, Failure> {
    let limits = &api.limits;
    let answer = api.tasks.invoke_here(&route.function, event, limits.websocket_integration, limits.overrun).await?;
    let (_status, answer) = ProxyAnswer::of_websocket(&answer)?;
    match answer.body {
        Some(body) if body.len() > limits.message => Err(Malformed.into()),
        body => Ok(body),
    }
}

/// The route a message selects: the one its JSON names, or else `$default`.
fn select<'a>(api: &'a Api, text: &str) -> Option<(&'a str, &'a WebSocketRoute)> {
    let named = selected_key(text, &api.route_selection).filter(|key| !key.starts_with('$'));
    let route = named.and_then(|key| api.websocket_routes.get_key_value(&key));
    let (key, route) = route.or_else(|| api.websocket_routes.get_key_value("$default"))?;
    Some((key, route))
}

/// Follows the route selection expression into a message's JSON.
fn selected_key(text: &str, path: &[String]) -> Option<String> {
    let mut value: &RawValue = serde_json::from_str(text).ok()?;
    for name in path {
        let object: BTreeMap<std::borrow::Cow<'_, str>, &RawValue> = serde_json::from_str(value.get()).ok()?;
        value = object.get(name.as_str())?;
    }
    serde_json::from_str(value.get()).ok()
}

/// Tells `$disconnect` that a connection ended, unless an injected fault keeps it from that.
pub(crate) fn disconnect(api: &Arc<Api>, connection: &Arc<Connection>, code: u16, reason: &str) {
    let fate = match &api.faults {
        Some(faults) => faults.disconnect(&Peer::of(connection)),
        None => DisconnectFate::Deliver,
    };
    let delay = match fate {
        DisconnectFate::Lose => return,
        DisconnectFate::Deliver => Duration::ZERO,
        DisconnectFate::After(delay) => delay,
    };
    if !admits(&api.websocket_throttles, "$disconnect") {
        tracing::warn!(connection.id = &*connection.id, "$disconnect was throttled and is lost");
        return;
    }
    let Some(function) = api.websocket_routes.get("$disconnect").map(|route| Arc::clone(&route.function)) else {
        return;
    };
    let event = disconnect_event(api, connection, code, reason);
    let api = Arc::clone(api);
    Arc::clone(&api).tasks.spawn(async move {
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let limits = &api.limits;
        let told = api.tasks.invoke_here(&function, event, limits.websocket_integration, limits.overrun).await;
        if let Err(failure) = told {
            tracing::warn!(error = &failure as &dyn std::error::Error, "$disconnect's function failed");
        }
    });
}

/// AWS shows these four headers there, whatever the handshake had.
fn disconnect_event(api: &Api, connection: &Connection, code: u16, reason: &str) -> bytes::Bytes {
    let headers: BTreeMap<String, String> =
        [("Host", &*connection.domain_name), ("X-Forwarded-For", ""), ("x-api-key", ""), ("x-restapi", "")]
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
    let request_id = ids::id();
    events::json(&Lifecycle {
        handshake: &Handshake {
            multi_value_headers: headers.iter().map(|(name, value)| (name.clone(), vec![value.clone()])).collect(),
            headers,
            query_string_parameters: BTreeMap::new(),
            multi_value_query_string_parameters: BTreeMap::new(),
        },
        request_context: WebSocketContext {
            disconnect_status_code: Some(code),
            disconnect_reason: Some(reason),
            ..context(api, connection, EventType::Disconnect, "$disconnect", &request_id)
        },
        is_base64_encoded: false,
    })
}

fn context<'a>(
    api: &'a Api,
    connection: &'a Connection,
    event_type: EventType,
    route_key: &'a str,
    request_id: &'a str,
) -> WebSocketContext<'a> {
    let now = Moment::now();
    WebSocketContext {
        route_key,
        disconnect_status_code: None,
        authorizer: connection.authorizer.as_deref(),
        message_id: None,
        event_type,
        extended_request_id: request_id,
        request_time: now.common_log(),
        message_direction: "IN",
        disconnect_reason: None,
        stage: &api.websocket_stage,
        connected_at: connection.connected_at.epoch_millis(),
        request_time_epoch: now.epoch_millis(),
        identity: &connection.identity,
        request_id,
        domain_name: &connection.domain_name,
        connection_id: &connection.id,
        api_id: events::WEBSOCKET_API,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str, path: &[&str]) -> Option<String> {
        selected_key(text, &path.iter().map(|&name| name.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn the_route_key_is_read_from_the_messages_json() {
        assert_eq!(key(r#"{"action":"join"}"#, &["action"]).as_deref(), Some("join"));
        assert_eq!(key(r#"{"a\u0063tion":"j\u006fin"}"#, &["action"]).as_deref(), Some("join"));
        assert_eq!(key(r#"{"a":{"b":"join"}}"#, &["a", "b"]).as_deref(), Some("join"));
    }

    #[test]
    fn a_message_without_a_readable_key_selects_none() {
        for text in ["", "hello", "[1]", "{}", r#"{"action":1}"#, r#"{"action":"join""#, "null"] {
            assert_eq!(key(text, &["action"]), None, "{text}");
        }
    }
}
