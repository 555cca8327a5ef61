//! The authorizer of `$connect`: tells whom a ticket or a token admits. It reads the table for join tokens alone, for their API key.
//!
//! API Gateway answers 401 to a handshake when an authorizer fails with the text `Unauthorized`, and 403 when its policy denies:
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html>.

use std::error::Error as _;
use std::sync::Arc;

use aws_lambda_events::apigw::{
    ApiGatewayCustomAuthorizerPolicy, ApiGatewayCustomAuthorizerRequestTypeRequest as Request,
    ApiGatewayCustomAuthorizerResponse as Response,
};
use aws_lambda_events::iam::{IamPolicyEffect, IamPolicyStatement};
use domain::{Clock, IdSource, Person, SessionId, TicketId, UserId};
use gateway::Origins;
use gateway::hub::{Admitted, Doorkeeper, Shown};
use gateway::websocket::context_key;
use runtime::{Runtime, SettingError};
use serde_json::{Map, Value, json};
use store::Store;

/// What this function needs.
pub struct Deps {
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    store: Store,
    doorkeeper: Doorkeeper,
    origins: Origins,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self {
            clock: runtime.get()?,
            ids: runtime.get()?,
            store: runtime.get()?,
            doorkeeper: runtime.get()?,
            origins: runtime.get()?,
        })
    }
}

/// The text that API Gateway turns into a 401.
#[derive(Debug, thiserror::Error)]
#[error("Unauthorized")]
pub struct Unauthorized;

/// Answers who may connect.
pub async fn handle(deps: &Deps, event: Request) -> Result<Response, lambda_runtime::Error> {
    let (now, query) = (deps.clock.now(), &event.query_string_parameters);
    let shown = Shown::new(&event.headers, |name| query.first(name));
    let request_id = event.request_context.request_id.as_deref();

    let admitted = match deps.doorkeeper.admit(&deps.store, shown, now).await {
        Ok(admitted) => admitted,
        Err(error) => {
            let cause = error.source().map(tracing::field::display);
            tracing::info!(request.id = request_id, route = "ws_authorizer", outcome = error.code(), cause, "answered");
            return Err(Unauthorized.into());
        }
    };
    let header = |name| event.headers.get(name).and_then(|value| value.to_str().ok());
    let allowed = deps.origins.allow(header("origin"), header("host").unwrap_or_default());
    let outcome = if allowed { "ok" } else { "forbidden" };
    let (user, context) = match admitted {
        Admitted::Own(ticket) => (ticket.user, by_ticket(&ticket, false)),
        Admitted::HubByTicket(ticket) => (ticket.user, by_ticket(&ticket, true)),
        Admitted::HubByToken(caller) => (caller.user_id, by_token(&caller, TicketId::new(&*deps.ids, now))),
        Admitted::HubByJoinToken(caller, token) => {
            let mut context = by_token(&caller, TicketId::new(&*deps.ids, now));
            context.insert(context_key::JOIN_TOKEN.to_owned(), json!(token));
            (caller.user_id, context)
        }
    };
    tracing::info!(request.id = request_id, route = "ws_authorizer", user.id = %user, outcome, "answered");
    Ok(answer(user, context, allowed, event.method_arn.clone().unwrap_or_default()))
}

fn answer(user: UserId, context: Map<String, Value>, allowed: bool, resource: String) -> Response {
    let mut statement = IamPolicyStatement::default();
    statement.action = vec!["execute-api:Invoke".to_owned()];
    statement.effect = if allowed { IamPolicyEffect::Allow } else { IamPolicyEffect::Deny };
    statement.resource = vec![resource];
    let mut policy = ApiGatewayCustomAuthorizerPolicy::default();
    policy.version = Some("2012-10-17".to_owned());
    policy.statement = vec![statement];
    let mut response = Response::default();
    response.principal_id = Some(user.to_string());
    response.policy_document = policy;
    response.context = Value::Object(context);
    response
}

/// What every later event of the connection carries; all of it text, because API Gateway makes it so.
fn by_ticket(ticket: &auth::Ticket, hub: bool) -> Map<String, Value> {
    let caller = Person::account(ticket.user, ticket.username.clone(), ticket.family, ticket.access_expires_at);
    let mut context = of_caller(&caller, ticket.id);
    context.insert(context_key::SESSION_ID.to_owned(), text_of(ticket.session));
    match hub {
        true => context.insert(context_key::HUB.to_owned(), json!("json")),
        false => context.insert(context_key::ATTEMPT.to_owned(), json!(ticket.attempt.to_string())),
    };
    if let Some(identity) = &ticket.identity {
        context.insert(context_key::IDENTITY.to_owned(), json!(identity.as_str()));
    }
    if let Some(place) = ticket.waiting {
        context.insert(context_key::WAITING.to_owned(), json!(place.to_string()));
    }
    context
}

fn text_of(session: SessionId) -> Value {
    json!(session.to_string())
}

/// The same for a token, which names no session. The connection gets a name for the log.
fn by_token(caller: &Person, name: TicketId) -> Map<String, Value> {
    let mut context = of_caller(caller, name);
    context.insert(context_key::HUB.to_owned(), json!("json"));
    context
}

fn of_caller(caller: &Person, ticket: TicketId) -> Map<String, Value> {
    let fields = [
        (context_key::USER_ID, caller.user_id.to_string()),
        (context_key::USERNAME, caller.username.as_str().to_owned()),
        (context_key::TICKET_ID, ticket.to_string()),
        (context_key::FAMILY_ID, caller.family.to_string()),
        (context_key::ACCESS_EXPIRES_AT, caller.expires_at.millis().to_string()),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), Value::String(value))).collect()
}
