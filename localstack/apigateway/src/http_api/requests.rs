//! The HTTP API: a request becomes an event, a function's answer a response.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::{Bytes, BytesMut};
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode,
    header::{CONTENT_TYPE, COOKIE, EXPECT},
    request::Parts,
};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

use crate::{
    answer::{http_response, json_response},
    api::{Api, admits},
    arrival::{Origin, check_host, domain_name, head_size, is_hop_by_hop, text, user_agent},
    clock::Moment,
    events::{self, HttpContext, HttpDescription, HttpRequest},
    function::{Failure, Function},
    http_api::{cors::Cors, routes::PathParameters},
    ids,
    limits::Limits,
    refusal::{House, Refused},
};

const REQUEST_ID: HeaderName = HeaderName::from_static("apigw-requestid");

/// Why the gateway answers by itself.
#[derive(Debug, Clone, Copy)]
enum Refusal {
    /// No function is asked.
    Refused(Refused),
    NotFound,
    Throttled,
    FunctionFailed,
    FunctionTooSlow,
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl Refusal {
    /// The [messages](https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html)
    /// and statuses are AWS's, but for what the gateway refuses in a way of its own.
    fn response(self, house: &House, request_id: &str) -> Response<Bytes> {
        match self {
            Self::Refused(refused) => house.refuse(refused, request_id, || aws_refusal(refused)),
            Self::NotFound => message(StatusCode::NOT_FOUND, "Not Found"),
            Self::Throttled => message(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests"),
            Self::FunctionFailed => message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
            Self::FunctionTooSlow => message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
        }
    }
}

fn aws_refusal(refused: Refused) -> Response<Bytes> {
    let status = refused.status();
    let text = match refused {
        Refused::BodyTooLarge => "Request Entity Too Large",
        Refused::Malformed
        | Refused::Host
        | Refused::Method { .. }
        | Refused::TooSlow
        | Refused::TargetTooLong
        | Refused::NotAnUpgrade
        | Refused::HeadTooLarge
        | Refused::Overloaded => status.canonical_reason().unwrap_or_default(),
    };
    message(status, text)
}

fn message(status: StatusCode, text: &str) -> Response<Bytes> {
    json_response(status, format!(r#"{{"message":"{text}"}}"#))
}

/// Answers a request to the HTTP API.
pub(crate) async fn handle(api: &Arc<Api>, origin: Origin, request: Request<Incoming>) -> Response<Bytes> {
    let request_id = ids::id();
    let (parts, body) = request.into_parts();
    let answered = answer(api, origin, &parts, body, &request_id).await;
    let mut response = answered.unwrap_or_else(|refusal| refusal.response(&api.house, &request_id));
    if let Some(cors) = &api.cors {
        cors.allow(&parts.headers, response.headers_mut());
    }
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    api.house.name_request(&request_id, response.headers_mut());
    tracing::debug!(
        http.method = %parts.method,
        http.path = parts.uri.path(),
        http.status = response.status().as_u16(),
        request.id = request_id,
        "HTTP request answered"
    );
    response
}

async fn answer(
    api: &Arc<Api>,
    origin: Origin,
    parts: &Parts,
    body: Incoming,
    request_id: &str,
) -> Result<Response<Bytes>, Refusal> {
    check_host(parts)?;
    if head_size(&parts.method, &parts.uri, &parts.headers) > api.limits.headers {
        return Err(Refused::HeadTooLarge.into());
    }
    if let Some(preflight) = api.cors.as_ref().and_then(|cors| cors.preflight(&parts.method, &parts.headers)) {
        return Ok(preflight);
    }
    let path = within_stage(&api.http_stage, parts.uri.path()).ok_or(Refusal::NotFound)?;
    if let Some((route, parameters)) = api.routes.select(&parts.method, path) {
        let call = Call { api, origin, parts, request_id, route_key: &route.key };
        return call.run(&route.function, parameters, body).await;
    }
    if let Some(file) = asset(api, parts).await {
        return Ok(file?);
    }
    let function = api.routes.fallback().ok_or(Refusal::NotFound)?;
    let call = Call { api, origin, parts, request_id, route_key: "$default" };
    call.run(function, PathParameters::new(), body).await
}

/// The path below a named stage; the `$default` stage is at the root.
fn within_stage<'a>(stage: &str, path: &'a str) -> Option<&'a str> {
    if stage == "$default" {
        return Some(path);
    }
    let below = path.strip_prefix('/')?.strip_prefix(stage)?;
    match below {
        "" => Some("/"),
        _ => below.starts_with('/').then_some(below),
    }
}

async fn asset(api: &Api, parts: &Parts) -> Option<Result<Response<Bytes>, Refused>> {
    let assets = api.assets.as_ref()?;
    assets(Request::from_parts(parts.clone(), ())).await
}

/// A request on its way to a function.
struct Call<'a> {
    api: &'a Api,
    origin: Origin,
    parts: &'a Parts,
    request_id: &'a str,
    route_key: &'a str,
}

impl Call<'_> {
    async fn run(
        self,
        function: &Function,
        parameters: PathParameters,
        body: Incoming,
    ) -> Result<Response<Bytes>, Refusal> {
        if !admits(&self.api.http_throttles, self.route_key) {
            return Err(Refusal::Throttled);
        }
        let body = self.read(body).await?;
        let _slot = self.api.request_slots.enter(Instant::now()).await.ok_or(Refused::Overloaded)?;
        let event = self.event(parameters, body);
        let limits = &self.api.limits;
        let answer = self
            .api
            .tasks
            .invoke(function, event, limits.http_integration, limits.overrun)
            .await
            .map_err(|failure| self.failed(&failure))?;
        let mut response = http_response(answer).map_err(|malformed| self.failed(&malformed.into()))?;
        if self.api.cors.is_some() {
            Cors::clear(response.headers_mut());
        }
        Ok(response)
    }

    async fn read(&self, body: Incoming) -> Result<Bytes, Refused> {
        let limits = &self.api.limits;
        let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        let waits_to_send = self.parts.headers.contains_key(EXPECT);
        if announced > limits.body && (waits_to_send || announced > limits.unread_body) {
            return Err(Refused::BodyTooLarge);
        }
        tokio::time::timeout(limits.body_time, collect(body, limits)).await.unwrap_or(Err(Refused::TooSlow))
    }

    fn failed(&self, failure: &Failure) -> Refusal {
        tracing::warn!(
            route.key = self.route_key,
            request.id = self.request_id,
            error = failure as &dyn std::error::Error,
            "HTTP route's function failed"
        );
        match failure {
            Failure::TimedOut => Refusal::FunctionTooSlow,
            Failure::Function(_) | Failure::Panicked | Failure::Malformed(_) => Refusal::FunctionFailed,
        }
    }

    fn event(&self, path_parameters: PathParameters, body: Bytes) -> Bytes {
        let now = Moment::now();
        let headers = &self.parts.headers;
        let uri = &self.parts.uri;
        let domain_name = domain_name(headers);
        let source_ip = self.origin.source_ip();
        let user_agent = user_agent(headers).unwrap_or_default();
        let (body, is_base64_encoded) = body_text(headers, body);
        events::json(&HttpRequest {
            version: "2.0",
            route_key: self.route_key,
            raw_path: uri.path(),
            raw_query_string: uri.query().unwrap_or_default(),
            cookies: cookies(headers),
            headers: event_headers(headers, self.origin, now),
            query_string_parameters: query_parameters(uri.query().unwrap_or_default()),
            request_context: HttpContext {
                account_id: events::ACCOUNT,
                api_id: events::HTTP_API,
                domain_name,
                domain_prefix: domain_name.split('.').next().unwrap_or_default(),
                http: HttpDescription {
                    method: self.parts.method.as_str(),
                    path: uri.path(),
                    protocol: "HTTP/1.1",
                    source_ip: &source_ip,
                    user_agent: &user_agent,
                },
                request_id: self.request_id,
                route_key: self.route_key,
                stage: &self.api.http_stage,
                time: now.common_log(),
                time_epoch: now.epoch_millis(),
            },
            path_parameters,
            body,
            is_base64_encoded,
        })
    }
}

/// Collects a body. Of one that is too large, what is left is thrown away, up to a limit of its own: a client that still
/// sends would not read the answer.
async fn collect(mut body: Incoming, limits: &Limits) -> Result<Bytes, Refused> {
    let (mut kept, mut size) = (BytesMut::new(), 0);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Refused::Malformed)?.into_data() else { continue };
        size += data.len();
        if size > limits.body.max(limits.unread_body) {
            return Err(Refused::BodyTooLarge);
        }
        if size <= limits.body {
            kept.extend_from_slice(&data);
        }
    }
    if size > limits.body { Err(Refused::BodyTooLarge) } else { Ok(kept.freeze()) }
}

/// A body as the event carries it: text for the few types AWS treats so, base64 otherwise.
fn body_text(headers: &HeaderMap, body: Bytes) -> (Option<String>, bool) {
    if body.is_empty() {
        return (None, false);
    }
    let as_text = is_text(headers).then(|| String::from_utf8(body.to_vec()).ok()).flatten();
    match as_text {
        Some(text) => (Some(text), false),
        None => (Some(STANDARD.encode(body)), true),
    }
}

fn is_text(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).map(text).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence.starts_with("text/")
        || matches!(essence.as_str(), "application/json" | "application/xml" | "application/javascript")
}

/// Lower-case names, repeated ones joined by commas; cookies have their own field.
fn event_headers(headers: &HeaderMap, origin: Origin, now: Moment) -> BTreeMap<String, String> {
    let mut shown = BTreeMap::new();
    for (name, value) in headers {
        if name != COOKIE && !is_hop_by_hop(name) {
            join(&mut shown, name.as_str(), &text(value));
        }
    }
    for (name, value) in origin.forwarded(headers, now) {
        shown.insert(name.to_ascii_lowercase(), value);
    }
    shown
}

fn query_parameters(query: &str) -> BTreeMap<String, String> {
    let mut parameters = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        join(&mut parameters, &name, &value);
    }
    parameters
}

fn join(values: &mut BTreeMap<String, String>, name: &str, value: &str) {
    match values.get_mut(name) {
        Some(joined) => {
            joined.push(',');
            joined.push_str(value);
        }
        None => drop(values.insert(name.to_owned(), value.to_owned())),
    }
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(COOKIE).into_iter().map(text);
    lines.flat_map(|line| line.split("; ").map(str::to_owned).collect::<Vec<_>>()).collect()
}
