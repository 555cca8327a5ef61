//! The WebSocket API's side: who a connection is, what its frames say, and the answers to them.

use std::error::Error as StdError;
use std::sync::OnceLock;
use std::time::Duration;

use aws_lambda_events::apigw::{
    ApiGatewayProxyResponse, ApiGatewayRequestAuthorizer, ApiGatewayWebsocketProxyRequest as Request,
};
use aws_lambda_events::encodings::Body;
use domain::ports::Held;
use domain::{
    ConnectionId, Context, Error, FamilyId, Metric, Result, SessionId, TicketId, Timestamp, UserId, Username,
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
}

/// An event without the authorizer's context: the API is not set up as the template says.
#[derive(Debug, thiserror::Error)]
#[error("the event's {0} is missing or malformed")]
pub struct BadEvent(&'static str);

/// The names of the authorizer's context, in one place for the function that writes it and those that read it.
pub mod context_key {
    /// The user.
    pub const USER_ID: &str = "userId";
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
    /// When the access runs out, in milliseconds since the Unix epoch.
    pub const ACCESS_EXPIRES_AT: &str = "accessExpiresAt";
}

impl Identity {
    /// Reads the authorizer's context.
    pub fn of(request: &Request) -> Result<Self, BadEvent> {
        let context = &request.request_context;
        let connection = context.connection_id.clone().ok_or(BadEvent("connectionId"))?;
        let fields = &context.authorizer;
        let user: UserId = read(fields, context_key::USER_ID)?;
        let session: SessionId = read(fields, context_key::SESSION_ID)?;
        let name: String = read(fields, context_key::USERNAME)?;
        let expires: u64 = read(fields, context_key::ACCESS_EXPIRES_AT)?;
        Ok(Self {
            held: Held { session, user, connection: ConnectionId::new(connection) },
            username: Username::kept(&name).ok_or(BadEvent(context_key::USERNAME))?,
            ticket: read(fields, context_key::TICKET_ID)?,
            attempt: read(fields, context_key::ATTEMPT)?,
            family: read(fields, context_key::FAMILY_ID)?,
            access_expires_at: Timestamp::from_millis(expires),
        })
    }
}

fn read<T: std::str::FromStr>(fields: &ApiGatewayRequestAuthorizer, key: &'static str) -> Result<T, BadEvent> {
    let text = fields.fields.get(key).and_then(serde_json::Value::as_str);
    text.and_then(|text| text.parse().ok()).ok_or(BadEvent(key))
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
    /// Begins to answer.
    pub fn new(surroundings: &'a Surroundings, request: &'a Request) -> Result<Self, BadEvent> {
        let identity = Identity::of(request)?;
        let (started, frame_id, metric) = (surroundings.clock.now(), OnceLock::new(), OnceLock::new());
        Ok(Self { surroundings, request, identity, started, frame_id, metric })
    }

    /// What the domain's rules are given.
    pub fn context(&self) -> Context<'a> {
        self.surroundings.context(self.started)
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
        Ok(frame)
    }

    /// Counts it as a chat message, of which a connection may send fewer.
    pub fn limit_chat(&self) -> Result<()> {
        let surroundings = self.surroundings;
        surroundings.frame_rates.take_chat(&self.identity.held.connection, &surroundings.policy, self.started)
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
        let mut response = status(StatusCode::OK);
        response.body = Some(Body::Text(text));
        response
    }

    fn log(&self, result: &Result<(), &Error>, elapsed: Duration) {
        let context = &self.request.request_context;
        let ended = Ended { result, elapsed, metric: self.metric.get().copied() };
        log(context.request_id.as_deref(), context.route_key.as_deref(), Some(&self.identity), &ended);
    }
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
    let identity = Identity::of(request).ok();
    let elapsed = surroundings.clock.now().since(started);
    let ended = Ended { result: &result.as_ref().map(drop), elapsed, metric: metric.filter(|_| result.is_ok()) };
    log(context.request_id.as_deref(), context.route_key.as_deref(), identity.as_ref(), &ended);
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

fn log(request_id: Option<&str>, route: Option<&str>, identity: Option<&Identity>, ended: &Ended<'_>) {
    let elapsed_ms = u64::try_from(ended.elapsed.as_millis()).unwrap_or(u64::MAX);
    let user = identity.map(|identity| tracing::field::display(identity.held.user));
    let connection = identity.map(|identity| tracing::field::display(identity.held.connection.clone()));
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
