//! The WebSocket API's side: who a connection is, what its frames say, and the answers to them.

use std::error::Error as StdError;
use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use aws_lambda_events::apigw::{
    ApiGatewayProxyResponse, ApiGatewayRequestAuthorizer, ApiGatewayWebsocketProxyRequest as Request,
};
use aws_lambda_events::encodings::Body;
use domain::ports::{Held, Waits};
use domain::{
    ConnectionId, Context, Error, FamilyId, Metric, Person, Result, SessionId, TicketId, Timestamp, UserId, Username,
};
use http::StatusCode;
use protocol::signaling::{self, ClientFrame};
use serde::Serialize;

use crate::{Surroundings, problem};

/// Whom a connection speaks for: what the authorizer put into its context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The session, the user and the connection.
    pub held: Held,
    /// The user's name.
    pub username: Username,
    /// The ticket that admitted the connection.
    pub ticket: TicketId,
    /// The number of the connection attempt.
    pub attempt: u64,
    /// The login behind the ticket.
    pub family: FamilyId,
    /// When the access behind the ticket runs out.
    pub access_expires_at: Timestamp,
    /// Where whoever waits to be admitted does; the connection is for a seat if there is none.
    pub waiting: Option<u8>,
    /// What the app calls its user; an account has none.
    pub app_identity: Option<domain::Identity>,
}

impl Identity {
    /// Who waits, and where; `None` for a connection that is for a seat.
    pub fn waits(&self) -> Option<Waits> {
        let Held { session, user, .. } = self.held;
        self.waiting.map(|place| Waits { session, user, place })
    }
}

/// Whom a connection of the hub speaks for. What it joins is not the authorizer's to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubIdentity {
    /// The user, with the name and the login.
    pub caller: Person,
    /// The connection.
    pub connection: ConnectionId,
    /// What the connection is logged as: its ticket, or a name of that kind.
    pub ticket: TicketId,
    /// What opened the connection, and so what it may join.
    pub door: Door,
}

/// What opened a connection of the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Door {
    /// An access token: it may join what its user may join.
    AccessToken,
    /// A join token, which is asked at each join.
    JoinToken(JoinToken),
    /// A ticket: it admits to the seat in that session that it was made for.
    Ticket(SessionId),
}

/// A join token as it was shown. It is in no log.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinToken(String);

impl JoinToken {
    /// The token, to be verified.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JoinToken")
    }
}

impl Door {
    fn of(fields: &ApiGatewayRequestAuthorizer) -> Result<Self, BadEvent> {
        let has = |key| fields.fields.contains_key(key);
        if has(context_key::JOIN_TOKEN) {
            return read(fields, context_key::JOIN_TOKEN).map(JoinToken).map(Self::JoinToken);
        }
        if has(context_key::SESSION_ID) {
            return read(fields, context_key::SESSION_ID).map(Self::Ticket);
        }
        Ok(Self::AccessToken)
    }
}

/// Whom a connection speaks for, and in which dialect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Speaker {
    /// Our own frames.
    Own(Identity),
    /// SignalR's protocol.
    Hub(HubIdentity),
}

impl Speaker {
    /// Reads the authorizer's context.
    pub fn of(request: &Request) -> Result<Self, BadEvent> {
        let fields = &request.request_context.authorizer;
        if !fields.fields.contains_key(context_key::HUB) {
            return Identity::of(request).map(Self::Own);
        }
        let expires_at = Timestamp::from_millis(read(fields, context_key::ACCESS_EXPIRES_AT)?);
        let (user, family) = (read(fields, context_key::USER_ID)?, read(fields, context_key::FAMILY_ID)?);
        let caller = Person::account(user, username(fields)?, family, expires_at);
        Ok(Self::Hub(HubIdentity {
            caller,
            connection: ConnectionId::hub(gateway_name(request)?),
            ticket: read(fields, context_key::TICKET_ID)?,
            door: Door::of(fields)?,
        }))
    }

    fn user(&self) -> UserId {
        match self {
            Self::Own(identity) => identity.held.user,
            Self::Hub(identity) => identity.caller.user_id,
        }
    }

    fn connection(&self) -> &ConnectionId {
        match self {
            Self::Own(identity) => &identity.held.connection,
            Self::Hub(identity) => &identity.connection,
        }
    }
}

/// An event without the authorizer's context: the API is not set up as the template says.
#[derive(Debug, thiserror::Error)]
#[error("the event's {0} is missing or malformed")]
pub struct BadEvent(&'static str);

/// The names of the authorizer's context, in one place for the function that writes it and those that read it.
pub mod context_key {
    /// The user.
    pub const USER_ID: &str = "userId";
    /// There, for a connection of the hub.
    pub const HUB: &str = "hub";
    /// The user's name.
    pub const USERNAME: &str = "username";
    /// The session.
    pub const SESSION_ID: &str = "sessionId";
    /// The ticket.
    pub const TICKET_ID: &str = "ticketId";
    /// The attempt's number.
    pub const ATTEMPT: &str = "attempt";
    /// The login.
    pub const FAMILY_ID: &str = "familyId";
    /// The join token, for a connection of the hub that was opened by one.
    pub const JOIN_TOKEN: &str = "joinToken";
    /// When the access runs out, in milliseconds since the Unix epoch.
    pub const ACCESS_EXPIRES_AT: &str = "accessExpiresAt";
    /// What the app calls its user.
    pub const IDENTITY: &str = "identity";
    /// The place of somebody who waits to be admitted.
    pub const WAITING: &str = "waiting";
}

impl Identity {
    fn of(request: &Request) -> Result<Self, BadEvent> {
        let fields = &request.request_context.authorizer;
        let user: UserId = read(fields, context_key::USER_ID)?;
        let session: SessionId = read(fields, context_key::SESSION_ID)?;
        let expires: u64 = read(fields, context_key::ACCESS_EXPIRES_AT)?;
        Ok(Self {
            held: Held { session, user, connection: ConnectionId::new(gateway_name(request)?) },
            username: username(fields)?,
            ticket: read(fields, context_key::TICKET_ID)?,
            attempt: read(fields, context_key::ATTEMPT)?,
            family: read(fields, context_key::FAMILY_ID)?,
            access_expires_at: Timestamp::from_millis(expires),
            waiting: if_there(fields, context_key::WAITING)?,
            app_identity: if_there::<String>(fields, context_key::IDENTITY)?
                .map(|text| domain::Identity::parse(&text))
                .transpose()
                .map_err(|_| BadEvent(context_key::IDENTITY))?,
        })
    }
}

fn gateway_name(request: &Request) -> Result<&str, BadEvent> {
    request.request_context.connection_id.as_deref().ok_or(BadEvent("connectionId"))
}

fn username(fields: &ApiGatewayRequestAuthorizer) -> Result<Username, BadEvent> {
    let name: String = read(fields, context_key::USERNAME)?;
    Username::kept(&name).ok_or(BadEvent(context_key::USERNAME))
}

fn read<T: std::str::FromStr>(fields: &ApiGatewayRequestAuthorizer, key: &'static str) -> Result<T, BadEvent> {
    let text = fields.fields.get(key).and_then(serde_json::Value::as_str);
    text.and_then(|text| text.parse().ok()).ok_or(BadEvent(key))
}

/// The same for what not every connection has.
fn if_there<T: std::str::FromStr>(
    fields: &ApiGatewayRequestAuthorizer,
    key: &'static str,
) -> Result<Option<T>, BadEvent> {
    fields.fields.contains_key(key).then(|| read(fields, key)).transpose()
}

/// One frame while it is being answered.
pub struct FrameRequest<'a> {
    surroundings: &'a Surroundings,
    request: &'a Request,
    /// Whom the connection speaks for.
    pub identity: Identity,
    started: Timestamp,
    frame_id: OnceLock<String>,
    metric: OnceLock<Metric>,
}

impl<'a> FrameRequest<'a> {
    /// Begins to answer. Nothing for a connection of the hub: what looks like one of our frames there is a part of a record that
    /// has not ended, and who sends such a thing is not answered.
    pub fn new(surroundings: &'a Surroundings, request: &'a Request) -> Result<Option<Self>, BadEvent> {
        Ok(match Speaker::of(request)? {
            Speaker::Own(identity) => Some(Self::of(surroundings, request, identity)),
            Speaker::Hub(_) => None,
        })
    }

    /// The same where it is known whom the connection speaks for.
    pub fn of(surroundings: &'a Surroundings, request: &'a Request, identity: Identity) -> Self {
        let (started, frame_id, metric) = (surroundings.clock.now(), OnceLock::new(), OnceLock::new());
        Self { surroundings, request, identity, started, frame_id, metric }
    }

    /// What the domain's rules are given.
    pub fn context(&self) -> Context<'a> {
        let access_until = Some(self.identity.access_expires_at);
        Context { access_until, ..self.surroundings.context(self.started) }
    }

    /// When the frame came.
    pub fn now(&self) -> Timestamp {
        self.started
    }

    /// The frame, if the connection may send one now.
    pub fn frame(&self) -> Result<ClientFrame<'a>> {
        let parsed = ClientFrame::parse(self.request.body.as_deref().unwrap_or_default());
        if let Some(id) = parsed.as_ref().map_or_else(|bad| bad.id.as_ref(), |frame| Some(&frame.id)) {
            // Set once.
            let _first = self.frame_id.set(id.clone());
        }
        self.surroundings.frame_rates.take_frame(
            &self.identity.held.connection,
            &self.surroundings.policy,
            self.started,
        )?;
        let frame = parsed.map_err(|bad| bad.error)?;
        if self.identity.access_expires_at <= self.started {
            return Err(Error::Unauthorized);
        }
        if self.identity.waiting.is_some() && !matches!(frame.action.as_str(), "ping" | "leaveSession") {
            return Err(Error::NotAdmitted);
        }
        Ok(frame)
    }

    /// Counts it as a chat message, of which a connection may send fewer.
    pub fn limit_chat(&self) -> Result<()> {
        let surroundings = self.surroundings;
        surroundings.frame_rates.take_chat(&self.identity.held.connection, &surroundings.policy, self.started)
    }

    /// Counts it as a caption, of which a connection may send fewer.
    pub fn limit_captions(&self) -> Result<()> {
        let surroundings = self.surroundings;
        surroundings.frame_rates.take_caption(&self.identity.held.connection, &surroundings.policy, self.started)
    }

    /// Has the frame counted, in the line that ends it.
    pub fn count(&self, metric: Metric) {
        // Set once.
        let _first = self.metric.set(metric);
    }

    /// Ends the request: one line in the log, and the frame that answers.
    pub fn respond<T: Serialize>(self, result: Result<T>) -> ApiGatewayProxyResponse {
        let elapsed = self.surroundings.clock.now().since(self.started);
        self.log(&result.as_ref().map(drop), elapsed);
        let id = self.frame_id.get().map(String::as_str);
        let text = match (&result, id) {
            (Ok(data), Some(id)) => signaling::ack(id, self.started, data),
            (Ok(_), None) => unreachable!("a frame without an id is refused"),
            (Err(error), id) => signaling::error(id, self.started, error),
        };
        say(text)
    }

    fn log(&self, result: &Result<(), &Error>, elapsed: Duration) {
        let context = &self.request.request_context;
        let ended = Ended { result, elapsed, metric: self.metric.get().copied() };
        let speaker = Some((self.identity.held.user, &self.identity.held.connection));
        log(context.request_id.as_deref(), context.route_key.as_deref(), speaker, &ended);
    }
}

/// One frame of a connection of the hub while it is being answered.
pub struct HubRequest<'a> {
    surroundings: &'a Surroundings,
    request: &'a Request,
    /// Whom the connection speaks for.
    pub identity: HubIdentity,
}

impl<'a> HubRequest<'a> {
    /// Begins to answer.
    pub fn new(surroundings: &'a Surroundings, request: &'a Request, identity: HubIdentity) -> Self {
        Self { surroundings, request, identity }
    }

    /// What the domain's rules are given: each record of the frame has its own moment.
    pub fn context(&self) -> Context<'a> {
        let access_until = Some(self.identity.caller.expires_at);
        Context { access_until, ..self.surroundings.context(self.surroundings.clock.now()) }
    }

    /// What the client sent: records, or a part of one.
    pub fn text(&self) -> &'a str {
        self.request.body.as_deref().unwrap_or_default()
    }

    /// Counts a record; refused when there are too many.
    pub fn limit(&self, context: Context<'_>) -> Result<()> {
        let rates = &self.surroundings.frame_rates;
        rates.take_frame(&self.identity.connection, context.policy, context.now)
    }

    /// Counts it as a chat message, of which a connection may send fewer.
    pub fn limit_chat(&self, context: Context<'_>) -> Result<()> {
        self.surroundings.frame_rates.take_chat(&self.identity.connection, context.policy, context.now)
    }

    /// The line in the log for one record: what it was, and how it ended. A success counts as one of `metric`.
    pub fn log<T>(&self, record: &'static str, began: Timestamp, result: &Result<T>, metric: Option<Metric>) {
        let elapsed = self.surroundings.clock.now().since(began);
        let result = &result.as_ref().map(drop);
        let ended = Ended { result, elapsed, metric: metric.filter(|_| result.is_ok()) };
        let speaker = Some((self.identity.caller.user_id, &self.identity.connection));
        log(self.request.request_context.request_id.as_deref(), Some(record), speaker, &ended);
    }
}

/// A frame for the client.
pub fn say(text: String) -> ApiGatewayProxyResponse {
    let mut response = status(StatusCode::OK);
    response.body = Some(Body::Text(text));
    response
}

/// No frame for the client.
pub fn silence() -> ApiGatewayProxyResponse {
    status(StatusCode::OK)
}

/// Ends an event that no frame answers, `$connect` and `$disconnect`: one line in the log, and the status. A success
/// counts as one of `metric`.
pub fn conclude(
    surroundings: &Surroundings,
    request: &Request,
    started: Timestamp,
    result: Result<()>,
    metric: Option<Metric>,
) -> ApiGatewayProxyResponse {
    let context = &request.request_context;
    let speaker = Speaker::of(request).ok();
    let elapsed = surroundings.clock.now().since(started);
    let ended = Ended { result: &result.as_ref().map(drop), elapsed, metric: metric.filter(|_| result.is_ok()) };
    let speaker = speaker.as_ref().map(|speaker| (speaker.user(), speaker.connection()));
    log(context.request_id.as_deref(), context.route_key.as_deref(), speaker, &ended);
    status(result.map_or_else(|error| problem::status(&error).0, |()| StatusCode::OK))
}

fn status(code: StatusCode) -> ApiGatewayProxyResponse {
    let mut response = ApiGatewayProxyResponse::default();
    response.status_code = i64::from(code.as_u16());
    response
}

/// How a request ended.
struct Ended<'a> {
    result: &'a Result<(), &'a Error>,
    elapsed: Duration,
    metric: Option<Metric>,
}

fn log(request_id: Option<&str>, route: Option<&str>, speaker: Option<(UserId, &ConnectionId)>, ended: &Ended<'_>) {
    let elapsed_ms = u64::try_from(ended.elapsed.as_millis()).unwrap_or(u64::MAX);
    let user = speaker.map(|(user, _)| tracing::field::display(user));
    let connection = speaker.map(|(_, connection)| tracing::field::display(connection));
    let outcome = ended.result.map_or_else(Error::code, |()| "ok");
    match ended.result.err().and_then(|error| error.source()) {
        None => tracing::info!(
            request.id = request_id,
            route,
            user.id = user,
            connection.id = connection,
            outcome,
            elapsed_ms,
            metric = ended.metric.map(Metric::name),
            "answered"
        ),
        Some(cause) => tracing::error!(
            request.id = request_id,
            route,
            user.id = user,
            connection.id = connection,
            outcome,
            elapsed_ms,
            cause = %chain(cause),
            "failed"
        ),
    }
}

/// A cause and what caused it, in one line.
pub(crate) fn chain(error: &dyn StdError) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
