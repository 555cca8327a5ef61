//! The HTTP API's side: what a handler reads from a request, and what it answers.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::OnceLock;
use std::time::Duration;

use auth::{Callers, Presented, Tokens};
use domain::accounts::Grant;
use domain::ports::{IdempotencyKey, Keys, Throttles};
use domain::{
    Caller, Context, Error, FieldError, Identity, InviteId, KeyId, MessageId, Metric, Person, ProjectId, RecordingId,
    Result, RoomRef, Timestamp, UserId, WebhookId, quotas, usage,
};
use http::header::{
    ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, IF_MATCH, LINK, ORIGIN, RETRY_AFTER,
    WWW_AUTHENTICATE,
};
use http::{HeaderName, Method, StatusCode};
use lambda_http::request::RequestContext;
use lambda_http::{Body, Request, RequestExt, Response};
use protocol::captions::MAX_TRANSCRIPT;
use protocol::rest::{Auth, MAX_BODY, parse_ban, parse_version};
use protocol::usage::parse_question;
use protocol::{Page, routes};
use serde::Serialize;

use crate::{Edge, Surroundings, problem};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const IDEMPOTENCY_KEY: &str = "idempotency-key";
const CONTENT_TYPE_OPTIONS: HeaderName = HeaderName::from_static("x-content-type-options");

/// One request while it is being answered.
pub struct RestRequest<'a> {
    surroundings: &'a Surroundings,
    request: &'a Request,
    route: &'static str,
    request_id: String,
    started: Timestamp,
    user: OnceLock<UserId>,
    key: OnceLock<KeyId>,
    metric: OnceLock<Metric>,
}

impl<'a> RestRequest<'a> {
    /// Begins to answer; `route` names the function in the log.
    pub fn new(surroundings: &'a Surroundings, route: &'static str, request: &'a Request) -> Self {
        let request_id = match request.request_context_ref() {
            Some(RequestContext::ApiGatewayV2(context)) => context.request_id.clone().unwrap_or_default(),
            _ => String::new(),
        };
        let started = surroundings.clock.now();
        let (user, key, metric) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        Self { surroundings, request, route, request_id, started, user, key, metric }
    }

    /// What the domain's rules are given.
    pub fn context(&self) -> Context<'a> {
        self.surroundings.context(self.started)
    }

    /// When the request came.
    pub fn now(&self) -> Timestamp {
        self.started
    }

    /// Whose account asks; `Unauthorized` without a good access token.
    pub fn account(&self, tokens: &Tokens) -> Result<Person> {
        let person = tokens.verify_bearer(self.authorization(), self.started)?;
        self.note_user(person.user_id);
        self.require_known_query()?;
        Ok(person)
    }

    /// Who asks: an account, a participant of an app, or an app's backend.
    ///
    /// # Errors
    /// Why the token or the key is refused. A page has no business with a key, so one that comes from a page is `Forbidden`:
    /// whoever puts a secret into a page finds out at once.
    pub async fn caller(&self, callers: &Callers, store: &(impl Keys + Throttles + Sync)) -> Result<Caller> {
        self.presented(callers, store).await?.fresh()
    }

    /// The same where a seat serves as well as a token that has not ended: what was given at the join lasts as long as the seat.
    pub async fn seated_caller(&self, callers: &Callers, store: &(impl Keys + Throttles + Sync)) -> Result<Caller> {
        self.presented(callers, store).await?.seated()
    }

    async fn presented(&self, callers: &Callers, store: &(impl Keys + Throttles + Sync)) -> Result<Presented> {
        let access = self.surroundings.policy.access_token;
        let presented = callers.verify(store, self.authorization(), self.started, access).await?;
        match &presented.caller {
            Caller::Account(person) | Caller::Participant(person) => self.note_user(person.user_id),
            Caller::Backend(backend) => {
                // Set once.
                let _first = self.key.set(backend.key.clone());
                if self.request.headers().contains_key(ORIGIN) {
                    return Err(Error::forbidden("an API key must not be in a web page: call from your server"));
                }
                quotas::count_call(store, self.context(), &backend.scope.project).await?;
            }
        }
        self.require_known_query()?;
        Ok(presented)
    }

    /// Refuses what the query says and the route does not know, by name: a `banSeconds` that is misspelt must not pass for none. So too what
    /// it says more than once: of two nobody knows which one is meant.
    fn require_known_query(&self) -> Result<()> {
        let Some(RequestContext::ApiGatewayV2(context)) = self.request.request_context_ref() else {
            return Ok(());
        };
        let known = routes::query(context.route_key.as_deref().unwrap_or_default());
        let mut given: BTreeMap<&str, usize> = BTreeMap::new();
        for (name, _) in self.request.query_string_parameters_ref().into_iter().flat_map(|query| query.iter()) {
            *given.entry(name).or_default() += 1;
        }
        let refused = |(name, count)| match count {
            _ if !known.contains(&name) => Some(FieldError::new(name, "is not known")),
            1 => None,
            _ => Some(FieldError::new(name, "is there more than once")),
        };
        let errors: Vec<_> = given.into_iter().filter_map(refused).collect();
        if errors.is_empty() { Ok(()) } else { Err(Error::InvalidRequest(errors)) }
    }

    fn authorization(&self) -> Option<&'a str> {
        self.request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok())
    }

    /// Names the user for the log, where no access token does.
    pub fn note_user(&self, user: UserId) {
        // Set once.
        let _first = self.user.set(user);
    }

    /// Has the request counted, in the line that ends it.
    pub fn count(&self, metric: Metric) {
        // Set once.
        let _first = self.metric.set(metric);
    }

    /// The body as text. Where nobody has to say who asks, this is what looks at the query.
    pub fn body(&self) -> Result<&'a str> {
        self.require_known_query()?;
        let bytes: &[u8] = self.request.body();
        if bytes.len() > MAX_BODY {
            return Err(Error::PayloadTooLarge { what: "the body", limit: MAX_BODY });
        }
        std::str::from_utf8(bytes).map_err(|_| Error::field("body", "must be UTF-8"))
    }

    /// The client's network as it is counted: an IPv4 address, or the first half of an IPv6 address.
    pub fn network(&self, edge: &Edge) -> String {
        match self.request.request_context_ref() {
            Some(RequestContext::ApiGatewayV2(context)) => {
                let seen = context.http.source_ip.as_deref();
                network(edge.address(self.request.headers(), seen))
            }
            _ => String::new(),
        }
    }

    /// What the client calls this request, in the header `Idempotency-Key`.
    pub fn idempotency_key(&self) -> Result<Option<IdempotencyKey>> {
        let Some(given) = self.request.headers().get(IDEMPOTENCY_KEY) else {
            return Ok(None);
        };
        let key = IdempotencyKey::parse(given.to_str().unwrap_or_default());
        key.map(Some).map_err(|reason| Error::field(IDEMPOTENCY_KEY, reason))
    }

    /// The host that was asked, with its port.
    pub fn host(&self) -> &'a str {
        self.header("host")
    }

    /// Whether the client came over TLS, as API Gateway says.
    pub fn is_secure(&self) -> bool {
        self.header("x-forwarded-proto") == "https"
    }

    fn header(&self, name: &str) -> &'a str {
        self.request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Why the request finds no route: none has its path, or those that do take other methods.
    pub fn no_route(&self) -> Error {
        match routes::methods(self.request.raw_http_path()).join(", ") {
            none if none.is_empty() => Error::NotFound,
            allowed => Error::MethodNotAllowed { allowed },
        }
    }

    /// The session that the path names, by its identifier or by its room's name. What can be neither names no session.
    pub fn session_in_path(&self) -> Result<RoomRef> {
        let parameters = self.request.path_parameters_ref();
        let named = parameters.and_then(|p| p.first("sessionId"));
        match named.and_then(|text| RoomRef::parse(text).ok()) {
            Some(RoomRef::Room(_)) | None if self.is_elsewhere() => Err(self.no_route()),
            None => Err(Error::SessionNotFound),
            Some(room) => Ok(room),
        }
    }

    /// The user of an app whom the path names as the app does. An identifier names none here: of what it is, no project can be told.
    ///
    /// # Errors
    /// `InvalidRequest`, which names `identity`.
    pub fn identity_in_path(&self, project: &ProjectId) -> Result<UserId> {
        let parameters = self.request.path_parameters_ref();
        let named = parameters.and_then(|p| p.first("identity")).unwrap_or_default();
        let must = |must| Error::field("identity", must);
        let identity = Identity::parse(named).map_err(must)?;
        if identity.reads_as_user(project) {
            return Err(must("must be what the app calls its user, not a userId"));
        }
        Ok(auth::user_of(project, &identity))
    }

    /// The endpoint of webhooks that the path names. What is no identifier names none.
    pub fn webhook_in_path(&self) -> Result<WebhookId> {
        let parameters = self.request.path_parameters_ref();
        let id = parameters.and_then(|p| p.first("webhookId")).and_then(|text| text.parse().ok());
        id.ok_or(Error::WebhookNotFound)
    }

    /// Whether the path names a recording.
    pub fn names_a_recording(&self) -> bool {
        self.request.path_parameters_ref().is_some_and(|parameters| parameters.first("recordingId").is_some())
    }

    /// The recording that the path names. What is no identifier names none.
    pub fn recording_in_path(&self) -> Result<RecordingId> {
        let parameters = self.request.path_parameters_ref();
        let id = parameters.and_then(|p| p.first("recordingId")).and_then(|text| text.parse().ok());
        id.ok_or(Error::RecordingNotFound)
    }

    /// The invitation that the path names, if it names one. What is no identifier names none that there could be.
    pub fn invite_in_path(&self) -> Result<Option<InviteId>> {
        let parameters = self.request.path_parameters_ref();
        let named = parameters.and_then(|p| p.first("inviteId"));
        named.map(|text| InviteId::parse(text).ok_or(Error::InviteNotFound)).transpose()
    }

    /// What is wanted of the thing that the path names: its last step, where that is no name itself.
    pub fn last_step(&self) -> &'a str {
        self.request.raw_http_path().rsplit('/').next().unwrap_or_default()
    }

    /// A parameter of the query.
    pub fn query(&self, name: &str) -> Option<&'a str> {
        self.request.query_string_parameters_ref().and_then(|query| query.first(name))
    }

    /// Whether the path names a user.
    pub fn names_a_user(&self) -> bool {
        self.request.path_parameters_ref().is_some_and(|parameters| parameters.first("userId").is_some())
    }

    /// The user of that project whom the path names, as [`user_named`].
    pub fn user_in_path(&self, project: &ProjectId) -> Result<UserId> {
        let parameters = self.request.path_parameters_ref();
        let named = parameters.and_then(|p| p.first("userId")).unwrap_or_default();
        user_named(project, named).ok_or(Error::ParticipantNotFound)
    }

    /// The same of a parameter of the query, if it is there.
    pub fn user_in_query(&self, name: &str, project: &ProjectId) -> Result<Option<UserId>> {
        let user = |named: &str| user_named(project, named).ok_or_else(|| Error::field(name, "must be a user"));
        self.query(name).map(user).transpose()
    }

    /// The route that was found, without its method: parts of a path that stand for something are in braces.
    pub fn template(&self) -> &'a str {
        let key = match self.request.request_context_ref() {
            Some(RequestContext::ApiGatewayV2(context)) => context.route_key.as_deref(),
            _ => None,
        };
        key.and_then(|key| key.split_once(' ')).map_or("", |(_, path)| path)
    }

    /// Whether the path ends so: for routes of one function that differ in that alone.
    pub fn ends_with(&self, last: &str) -> bool {
        self.request.uri().path().ends_with(last)
    }

    /// The method.
    pub fn method(&self) -> &'a Method {
        self.request.method()
    }

    /// For how long somebody is to be kept out, as the query says.
    pub fn ban(&self) -> Result<Option<Duration>> {
        let query = self.request.query_string_parameters_ref();
        query.and_then(|query| query.first("banSeconds")).map(parse_ban).transpose()
    }

    /// What the query asks of a project's usage.
    pub fn usage(&self) -> Result<usage::Question> {
        let query = self.request.query_string_parameters_ref();
        let named = |name| query.and_then(|query| query.first(name));
        parse_question(named("from"), named("to"), named("group"), self.started)
    }

    /// The version that the client has seen, in the header `If-Match`.
    pub fn if_match(&self) -> Result<Option<u64>> {
        match self.request.headers().get(IF_MATCH) {
            None => Ok(None),
            Some(given) => parse_version(given.to_str().unwrap_or_default()),
        }
    }

    /// API Gateway takes `GET /api/session/join` for a session called `join`, because no route with that path takes GET.
    fn is_elsewhere(&self) -> bool {
        let methods = routes::methods(self.request.raw_http_path());
        !methods.is_empty() && !methods.contains(&self.request.method().as_str())
    }

    /// The page that the query asks for.
    pub fn page<Id: std::str::FromStr + ToString>(&self) -> Result<Page<Id>> {
        let query = self.request.query_string_parameters_ref();
        let (limit, cursor) = (query.and_then(|q| q.first("limit")), query.and_then(|q| q.first("cursor")));
        Page::parse(limit, cursor).map_err(Error::InvalidRequest)
    }

    /// The page of a transcript that the query asks for.
    pub fn transcript_page(&self) -> Result<Page<MessageId>> {
        let (limit, cursor) = (self.query("limit"), self.query("cursor"));
        Page::within(MAX_TRANSCRIPT, MAX_TRANSCRIPT, limit, cursor).map_err(Error::InvalidRequest)
    }

    /// The `Link` header of the page after `last` (RFC 8288), if the page was full.
    pub fn next_page<Id: std::str::FromStr + ToString>(&self, page: &Page<Id>, last: &Id) -> String {
        self.next_page_asked(page, last, "")
    }

    /// The same where a list is asked for something else too: `&name=value`, as often as needed.
    pub fn next_page_asked<Id: std::str::FromStr + ToString>(&self, page: &Page<Id>, last: &Id, asked: &str) -> String {
        let path = self.request.raw_http_path();
        format!("<{path}?limit={}&cursor={}{asked}>; rel=\"next\"", page.limit, Page::cursor(last))
    }

    /// The answer to a login: the grant with an access token made for it.
    pub fn auth(&self, tokens: &Tokens, grant: Grant) -> Auth {
        self.note_user(grant.user.id);
        let lifetime = self.surroundings.policy.access_token;
        let (token, expires_at) = tokens.issue(&grant.user, grant.family, self.started, lifetime);
        Auth::new(grant, token, expires_at)
    }

    /// Ends the request: one line in the log, and the response.
    pub fn respond(self, result: Result<Answer>) -> Response<Body> {
        let elapsed = self.surroundings.clock.now().since(self.started);
        let answer = match result {
            Ok(answer) => {
                self.log(answer.status, "ok", elapsed);
                answer
            }
            Err(error) => {
                let (status, _) = problem::status(&error);
                match error.source() {
                    Some(cause) => self.log_failure(status, &error, cause, elapsed),
                    None => self.log(status, error.code(), elapsed),
                }
                Answer::problem(&error, status, &self.request_id)
            }
        };
        answer.into_response(&self.request_id)
    }

    fn log(&self, status: StatusCode, outcome: &str, elapsed: Duration) {
        tracing::info!(
            request.id = %self.request_id,
            route = self.route,
            user.id = self.user.get().map(tracing::field::display),
            key.id = self.key.get().map(tracing::field::display),
            status = status.as_u16(),
            outcome,
            elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            metric = self.metric.get().map(|metric| metric.name()),
            "answered"
        );
    }

    fn log_failure(&self, status: StatusCode, error: &Error, cause: &dyn std::error::Error, elapsed: Duration) {
        tracing::error!(
            request.id = %self.request_id,
            route = self.route,
            user.id = self.user.get().map(tracing::field::display),
            key.id = self.key.get().map(tracing::field::display),
            status = status.as_u16(),
            outcome = error.code(),
            elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            cause = %crate::websocket::chain(cause),
            "failed"
        );
    }
}

/// Whoever has one IPv6 address has a network of them (RFC 6177), so the network is what is counted.
fn network(address: &str) -> String {
    match address.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V6(address)) => {
            let network = Ipv6Addr::from_bits(address.to_bits() >> 64 << 64);
            format!("{network}/64")
        }
        Ok(IpAddr::V4(address)) => address.to_string(),
        Err(_) => address.to_owned(),
    }
}

/// The user of that project by an identifier, or by what the app calls its user. An app may call its users by UUIDs too; those are
/// identifiers only if they can be. Nobody for what can be neither.
pub fn user_named(project: &ProjectId, name: &str) -> Option<UserId> {
    let identity = Identity::parse(name).ok()?;
    match name.parse() {
        Ok(user) if identity.reads_as_user(project) => Some(user),
        Ok(_) | Err(_) => Some(auth::user_of(project, &identity)),
    }
}

/// What a handler answers when all went well.
pub struct Answer {
    status: StatusCode,
    headers: Vec<(HeaderName, String)>,
    body: Option<(&'static str, String)>,
}

impl Answer {
    /// 200 with that body.
    pub fn ok(body: &impl Serialize) -> Self {
        Self::json(StatusCode::OK, "application/json", body)
    }

    /// 201 with that body.
    pub fn created(body: &impl Serialize) -> Self {
        Self::json(StatusCode::CREATED, "application/json", body)
    }

    /// 202 with that body.
    pub fn accepted(body: &impl Serialize) -> Self {
        Self::json(StatusCode::ACCEPTED, "application/json", body)
    }

    /// 200 with a body that is not JSON.
    pub fn text(content_type: &'static str, body: String) -> Self {
        Self { status: StatusCode::OK, headers: Vec::new(), body: Some((content_type, body)) }
    }

    /// 204.
    pub fn no_content() -> Self {
        Self { status: StatusCode::NO_CONTENT, headers: Vec::new(), body: None }
    }

    /// With a `Link` header, where there is a next page.
    pub fn with_link(mut self, link: Option<String>) -> Self {
        self.headers.extend(link.map(|link| (LINK, link)));
        self
    }

    fn problem(error: &Error, status: StatusCode, request_id: &str) -> Self {
        let mut answer = Self::json(status, "application/problem+json", &problem::document(error, request_id));
        answer.headers.extend(problem::retry_after(error).map(|seconds| (RETRY_AFTER, seconds.to_string())));
        match error {
            _ if problem::challenge(error).is_some() => {
                answer.headers.extend(problem::challenge(error).map(|challenge| (WWW_AUTHENTICATE, challenge)));
            }
            Error::MethodNotAllowed { allowed } => answer.headers.push((ALLOW, allowed.clone())),
            _ => {}
        }
        answer
    }

    fn json(status: StatusCode, content_type: &'static str, body: &impl Serialize) -> Self {
        let text =
            serde_json::to_string(body).expect("the wire types have string keys and nothing that cannot be written");
        Self { status, headers: Vec::new(), body: Some((content_type, text)) }
    }

    fn into_response(self, request_id: &str) -> Response<Body> {
        let (content_type, body) = self.body.map_or((None, Body::Empty), |(kind, text)| (Some(kind), Body::Text(text)));
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Some(kind) = content_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        if let Ok(id) = HeaderValue::from_str(request_id) {
            headers.insert(REQUEST_ID, id);
        }
        for (name, value) in self.headers {
            headers.insert(name, HeaderValue::from_str(&value).expect("cursors and numbers are visible ASCII"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_ipv6_network_count_as_one() {
        for (address, counted) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
            ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
            ("", ""),
        ] {
            assert_eq!(network(address), counted);
        }
    }
}
