//! The opening of a WebSocket: quotas, authorizer, `$connect`, and then the switch of protocols
//! ([connected routes](https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-route-keys-connect-disconnect.html)).

use std::{collections::BTreeMap, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version,
    header::{
        CONNECTION, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
        UPGRADE,
    },
    request::Parts,
};
use hyper::{body::Incoming, upgrade::OnUpgrade};
use serde_json::value::RawValue;
use tokio_tungstenite::tungstenite::{handshake::derive_accept_key, protocol::frame::coding::CloseCode};

use crate::{
    answer::{Malformed, ProxyAnswer, gateway_message, json_response},
    api::{Api, admits},
    arrival::{self, Origin, WrittenNames},
    clock::Moment,
    events::{self, AuthorizerRequest, EventType, Handshake, Identity, Lifecycle, WebSocketContext},
    faults::Peer,
    function::Failure,
    ids,
    refusal::Refused,
    websocket::{
        authorizer::{Authorizer, Denied, authorize},
        connections::Connection,
        messages, socket,
    },
};

/// Bytes of a handshake's key before they are written in base64.
const KEY_LENGTH: usize = 16;

/// Answers a request to the WebSocket path.
///
/// The handshake runs in a task of its own: a client that goes away meanwhile must not leave a
/// `$connect` behind that never gets its `$disconnect`.
pub(crate) async fn handle(
    api: &Arc<Api>,
    origin: Origin,
    names: WrittenNames,
    mut request: Request<Incoming>,
) -> Response<Bytes> {
    let upgrade = hyper::upgrade::on(&mut request);
    let (parts, _body) = request.into_parts();
    let attempt = Attempt::new(Arc::clone(api), origin, &names, &parts);
    let handshake = async move {
        let admitted = attempt.admit(&parts, upgrade).await;
        admitted.unwrap_or_else(|refusal| attempt.refuse(refusal))
    };
    let answered = api.tasks.spawn(handshake).await;
    answered.unwrap_or_else(|_panicked| json_response(StatusCode::INTERNAL_SERVER_ERROR, Bytes::new()))
}

/// Why a handshake is refused.
#[derive(Debug)]
enum Refusal {
    /// No function is asked.
    Refused(Refused),
    TooManyConnects,
    Unauthorized,
    Forbidden,
    /// `$connect` answered with another status than 2xx.
    Connect(StatusCode),
    /// The authorizer or `$connect` failed, which shows as this status.
    Failed(StatusCode, Failure),
    ShuttingDown,
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::Refused(refused) => refused.status(),
            Self::TooManyConnects => StatusCode::TOO_MANY_REQUESTS,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::Connect(status) | Self::Failed(status, _) => *status,
            Self::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn failure(&self) -> Option<&Failure> {
        if let Self::Failed(_, failure) = self { Some(failure) } else { None }
    }

    fn message(&self) -> &'static str {
        match self.failure() {
            Some(_) => "Internal server error",
            None => self.status().canonical_reason().unwrap_or("Forbidden"),
        }
    }
}

/// A failed `$connect`.
fn connect_failed(failure: impl Into<Failure>) -> Refusal {
    let failure = failure.into();
    let is_late = matches!(failure, Failure::TimedOut);
    Refusal::Failed(if is_late { StatusCode::GATEWAY_TIMEOUT } else { StatusCode::BAD_GATEWAY }, failure)
}

/// One client's try to connect.
struct Attempt {
    api: Arc<Api>,
    connection_id: Box<str>,
    request_id: String,
    at: Moment,
    domain_name: Box<str>,
    identity: Identity,
    shown: Handshake,
}

impl Attempt {
    fn new(api: Arc<Api>, origin: Origin, names: &WrittenNames, parts: &Parts) -> Self {
        let at = Moment::now();
        Self {
            api,
            connection_id: ids::id().into(),
            request_id: ids::id(),
            at,
            domain_name: arrival::domain_name(&parts.headers).into(),
            identity: Identity {
                user_agent: arrival::user_agent(&parts.headers).map(Into::into),
                source_ip: origin.source_ip().into(),
            },
            shown: shown(parts, origin, names, at),
        }
    }

    async fn admit(&self, parts: &Parts, upgrade: OnUpgrade) -> Result<Response<Bytes>, Refusal> {
        let accept = self.check(parts)?;
        let authorizer = match &self.api.authorizer {
            Some(authorizer) => Some(self.authorize(authorizer).await?),
            None => None,
        };
        let protocol = self.connect(authorizer.as_deref()).await?;
        let response = switching(&accept, protocol.as_deref())?;
        self.establish(authorizer, upgrade)?;
        Ok(response)
    }

    /// Quotas and the protocol; gives the value of `Sec-WebSocket-Accept`.
    fn check(&self, parts: &Parts) -> Result<String, Refusal> {
        arrival::check_host(parts)?;
        let key = websocket_key(parts)?;
        let limits = &self.api.limits;
        if parts.uri.path_and_query().is_some_and(|target| target.as_str().len() > limits.url) {
            return Err(Refused::TargetTooLong.into());
        }
        if arrival::head_size(&parts.method, &parts.uri, &parts.headers) > limits.headers {
            return Err(Refused::HeadTooLarge.into());
        }
        if *self.api.stopping.borrow() {
            return Err(Refusal::ShuttingDown);
        }
        match self.api.throttle.admits() && admits(&self.api.websocket_throttles, "$connect") {
            true => Ok(derive_accept_key(key)),
            false => Err(Refusal::TooManyConnects),
        }
    }

    async fn authorize(&self, authorizer: &Authorizer) -> Result<Box<RawValue>, Refusal> {
        if authorizer.source.as_ref().is_some_and(|source| !source.is_in(&self.shown)) {
            return Err(Refusal::Unauthorized);
        }
        let method_arn = format!(
            "arn:aws:execute-api:{}:{}:{}/{}/$connect",
            events::REGION,
            events::ACCOUNT,
            events::WEBSOCKET_API,
            self.api.websocket_stage,
        );
        let event = events::json(&AuthorizerRequest {
            r#type: "REQUEST",
            method_arn: &method_arn,
            handshake: &self.shown,
            request_context: self.context(None),
        });
        let decision = authorize(&self.api.tasks, &self.api.limits, authorizer, &method_arn, event).await;
        decision.map_err(|denied| match denied {
            Denied::Unauthorized => Refusal::Unauthorized,
            Denied::Forbidden => Refusal::Forbidden,
            Denied::Failed(failure) => Refusal::Failed(StatusCode::INTERNAL_SERVER_ERROR, failure),
        })
    }

    /// Runs `$connect`; gives the subprotocol it chose.
    async fn connect(&self, authorizer: Option<&RawValue>) -> Result<Option<String>, Refusal> {
        let Some(route) = self.api.websocket_routes.get("$connect") else {
            return Ok(None);
        };
        let event = events::json(&Lifecycle {
            handshake: &self.shown,
            request_context: self.context(authorizer),
            is_base64_encoded: false,
        });
        let limits = &self.api.limits;
        let answer = self
            .api
            .tasks
            .invoke(&route.function, event, limits.websocket_integration, limits.overrun)
            .await
            .map_err(connect_failed)?;
        let (status, answer) = ProxyAnswer::of_websocket(&answer).map_err(connect_failed)?;
        match status.is_success() {
            true => Ok(answer.header(SEC_WEBSOCKET_PROTOCOL.as_str()).map(str::to_owned)),
            false => Err(Refusal::Connect(status)),
        }
    }

    fn context<'a>(&'a self, authorizer: Option<&'a RawValue>) -> WebSocketContext<'a> {
        WebSocketContext {
            route_key: "$connect",
            disconnect_status_code: None,
            authorizer,
            message_id: None,
            event_type: EventType::Connect,
            extended_request_id: &self.request_id,
            request_time: self.at.common_log(),
            message_direction: "IN",
            disconnect_reason: None,
            stage: &self.api.websocket_stage,
            connected_at: self.at.epoch_millis(),
            request_time_epoch: self.at.epoch_millis(),
            identity: &self.identity,
            request_id: &self.request_id,
            domain_name: &self.domain_name,
            connection_id: &self.connection_id,
            api_id: events::WEBSOCKET_API,
        }
    }

    /// From here on the connection takes pushes, and its `$disconnect` will come.
    fn establish(&self, authorizer: Option<Box<RawValue>>, upgrade: OnUpgrade) -> Result<(), Refusal> {
        let identity =
            Identity { user_agent: self.identity.user_agent.clone(), source_ip: self.identity.source_ip.clone() };
        let connection = Arc::new(Connection::new(
            self.connection_id.clone(),
            identity,
            self.domain_name.clone(),
            self.at,
            authorizer,
            self.api.limits.outbox,
        ));
        if self.api.faults.as_ref().is_some_and(|faults| faults.is_black_hole(&Peer::of(&connection))) {
            connection.become_black_hole();
        }
        self.api.connections.insert(Arc::clone(&connection));
        // A shutdown that began meanwhile may have gone through the open connections already, and
        // the HTTP server switches protocols no more.
        if *self.api.stopping.borrow() {
            self.api.connections.remove(&self.connection_id);
            messages::disconnect(&self.api, &connection, CloseCode::Away.into(), "Going away");
            return Err(Refusal::ShuttingDown);
        }
        tracing::debug!(connection.id = &*self.connection_id, "WebSocket opened");
        self.api.tasks.spawn(socket::serve(Arc::clone(&self.api), connection, upgrade));
        Ok(())
    }

    fn refuse(&self, refusal: Refusal) -> Response<Bytes> {
        match refusal.failure() {
            Some(failure) => tracing::warn!(
                connection.id = &*self.connection_id,
                request.id = self.request_id,
                error = failure as &dyn std::error::Error,
                "WebSocket handshake failed"
            ),
            None => tracing::debug!(
                connection.id = &*self.connection_id,
                http.status = refusal.status().as_u16(),
                "WebSocket handshake refused"
            ),
        }
        let aws = || {
            let body = gateway_message(refusal.message(), &self.connection_id, &self.request_id);
            json_response(refusal.status(), body)
        };
        let mut response = match refusal {
            Refusal::Refused(refused) => self.api.house.refuse(refused, &self.request_id, aws),
            _ => aws(),
        };
        self.api.house.name_request(&self.request_id, response.headers_mut());
        if let Ok(request_id) = HeaderValue::from_str(&self.request_id) {
            response.headers_mut().insert("x-amzn-requestid", request_id);
        }
        response
    }
}

/// The client's key when the request is a WebSocket handshake of the one version there is
/// ([RFC 6455, 4.2.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.2.1)).
fn websocket_key(parts: &Parts) -> Result<&[u8], Refused> {
    let names = |name, token: &str| {
        let values = parts.headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
        let mut tokens = values.flat_map(|value| value.split(','));
        tokens.any(|part| part.trim().eq_ignore_ascii_case(token))
    };
    if ![Method::GET, Method::HEAD].contains(&parts.method) {
        return Err(Refused::Method { allowed: "GET" });
    }
    let is_upgrade = names(CONNECTION, "upgrade") && names(UPGRADE, "websocket") && names(SEC_WEBSOCKET_VERSION, "13");
    if !is_upgrade || parts.method == Method::HEAD {
        return Err(Refused::NotAnUpgrade);
    }
    let key = single(&parts.headers, SEC_WEBSOCKET_KEY)?.ok_or(Refused::Malformed)?.as_bytes();
    // Which of two a function saw would be chance.
    single(&parts.headers, ORIGIN)?;
    let is_key = STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == KEY_LENGTH);
    if is_key && parts.version == Version::HTTP_11 { Ok(key) } else { Err(Refused::Malformed) }
}

/// A header that may be there once.
fn single(headers: &HeaderMap, name: HeaderName) -> Result<Option<&HeaderValue>, Refused> {
    let mut values = headers.get_all(name).into_iter();
    let first = values.next();
    if values.next().is_none() { Ok(first) } else { Err(Refused::Malformed) }
}

fn switching(accept: &str, protocol: Option<&str>) -> Result<Response<Bytes>, Refusal> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    let malformed = || connect_failed(Malformed);
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept.parse().map_err(|_| malformed())?);
    if let Some(protocol) = protocol {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, protocol.parse().map_err(|_| malformed())?);
    }
    Ok(response)
}

fn shown(parts: &Parts, origin: Origin, names: &WrittenNames, at: Moment) -> Handshake {
    let multi_value_headers = multi_value_headers(&parts.headers, origin, names, at);
    let query = parts.uri.query().unwrap_or_default();
    let mut multi_value_query_string_parameters: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()).into_owned() {
        multi_value_query_string_parameters.entry(name).or_default().push(value);
    }
    Handshake {
        headers: last_values(&multi_value_headers),
        multi_value_headers,
        query_string_parameters: last_values(&multi_value_query_string_parameters),
        multi_value_query_string_parameters,
    }
}

fn multi_value_headers(
    headers: &HeaderMap,
    origin: Origin,
    names: &WrittenNames,
    at: Moment,
) -> BTreeMap<String, Vec<String>> {
    let mut shown: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in headers.iter().filter(|(name, _)| !arrival::is_hop_by_hop(name)) {
        shown.entry(names.written(name)).or_default().push(arrival::text(value));
    }
    for (name, value) in origin.forwarded(headers, at) {
        shown.retain(|own, _| !own.eq_ignore_ascii_case(name));
        shown.insert(name.to_owned(), vec![value]);
    }
    shown
}

fn last_values(all: &BTreeMap<String, Vec<String>>) -> BTreeMap<String, String> {
    let last = |(name, values): (&String, &Vec<String>)| Some((name.clone(), values.last()?.clone()));
    all.iter().filter_map(last).collect()
}
