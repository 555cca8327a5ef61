//! The authorizer of `$connect`: tells whom a ticket admits, without touching the table.
//!
//! API Gateway answers 401 to a handshake when an authorizer fails with the text `Unauthorized`, and 403 when its policy denies:
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html>.

use std::sync::Arc;

use auth::{Ticket, Tickets};
use aws_lambda_events::apigw::{
    ApiGatewayCustomAuthorizerPolicy, ApiGatewayCustomAuthorizerRequestTypeRequest as Request,
    ApiGatewayCustomAuthorizerResponse as Response,
};
use aws_lambda_events::iam::{IamPolicyEffect, IamPolicyStatement};
use domain::Clock;
use gateway::Origins;
use gateway::websocket::context_key;
use runtime::{Runtime, SettingError};
use serde_json::{Value, json};

/// What this function needs.
pub struct Deps {
    clock: Arc<dyn Clock>,
    tickets: Tickets,
    origins: Origins,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self { clock: runtime.get()?, tickets: runtime.get()?, origins: runtime.get()? })
    }
}

/// The text that API Gateway turns into a 401.
#[derive(Debug, thiserror::Error)]
#[error("Unauthorized")]
pub struct Unauthorized;

/// Answers who may connect.
pub async fn handle(deps: &Deps, event: Request) -> Result<Response, lambda_runtime::Error> {
    let origin = event.headers.get("origin").and_then(|value| value.to_str().ok());
    let presented = event.query_string_parameters.first("ticket").unwrap_or_default();
    let request_id = event.request_context.request_id.as_deref();
    let resource = event.method_arn.clone().unwrap_or_default();

    let Ok(ticket) = deps.tickets.verify(presented, deps.clock.now()) else {
        tracing::info!(request.id = request_id, route = "ws_authorizer", outcome = "unauthorized", "answered");
        return Err(Unauthorized.into());
    };
    let host = event.headers.get("host").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let allowed = deps.origins.allow(origin, host);
    let outcome = if allowed { "ok" } else { "forbidden" };
    tracing::info!(request.id = request_id, route = "ws_authorizer", user.id = %ticket.user, outcome, "answered");
    Ok(answer(&ticket, allowed, resource))
}

fn answer(ticket: &Ticket, allowed: bool, resource: String) -> Response {
    let mut statement = IamPolicyStatement::default();
    statement.action = vec!["execute-api:Invoke".to_owned()];
    statement.effect = if allowed { IamPolicyEffect::Allow } else { IamPolicyEffect::Deny };
    statement.resource = vec![resource];
    let mut policy = ApiGatewayCustomAuthorizerPolicy::default();
    policy.version = Some("2012-10-17".to_owned());
    policy.statement = vec![statement];
    let mut response = Response::default();
    response.principal_id = Some(ticket.user.to_string());
    response.policy_document = policy;
    response.context = context(ticket);
    response
}

/// What every later event of the connection carries; all of it text, because API Gateway makes it so.
fn context(ticket: &Ticket) -> Value {
    json!({
        context_key::USER_ID: ticket.user.to_string(),
        context_key::USERNAME: ticket.username.as_str(),
        context_key::SESSION_ID: ticket.session.to_string(),
        context_key::TICKET_ID: ticket.id.to_string(),
        context_key::ATTEMPT: ticket.attempt.to_string(),
        context_key::FAMILY_ID: ticket.family.to_string(),
        context_key::ACCESS_EXPIRES_AT: ticket.access_expires_at.millis().to_string(),
    })
}
