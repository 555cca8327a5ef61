//! `$disconnect`: turns a participant to reconnecting, and notes how the connection ended.

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use delay::DelayQueue;
use domain::ports::{Closure, ConnectionLog, Emptied, Held};
use domain::{Departure, leases, waiting};
use gateway::JoinedTools;
use gateway::websocket::{Identity, Speaker, conclude};
use push::Push;
use store::Store;

/// What this function needs.
pub type Deps = JoinedTools<Store, Push, DelayQueue>;

/// The longest reason that is kept, in characters.
const REASON: usize = 200;

/// Takes note of the end of a connection. API Gateway discards the answer.
pub async fn handle(
    deps: &Deps,
    event: ApiGatewayWebsocketProxyRequest,
) -> Result<ApiGatewayProxyResponse, lambda_runtime::Error> {
    let now = deps.tools.surroundings.clock.now();
    let context = deps.tools.surroundings.context(now);
    let speaker = Speaker::of(&event)?;
    let waits = match &speaker {
        Speaker::Own(identity) => identity.waits(),
        Speaker::Hub(_) => None,
    };
    let (user, connection, ticket, known) = match speaker {
        Speaker::Own(Identity { held, ticket, .. }) => (held.user, held.connection, ticket, Some(held.session)),
        Speaker::Hub(identity) => (identity.caller.user_id, identity.connection, identity.ticket, None),
    };
    deps.joined.forget(&connection);

    let closure = closure(&event, now);
    // First: a join that was overtaken reads it after it has taken over.
    let logged = deps.tools.store.close(user, ticket, &closure).await;
    let session = known.or(logged.as_ref().ok().copied().flatten());
    let ports = deps.ports(context);
    let lost = match (waits, session) {
        (Some(waits), _) => waiting::give_up(ports, &waits, &Emptied::On(connection), Departure::Timeout).await,
        (None, Some(session)) => leases::lose_connection(ports, &Held { session, user, connection }).await,
        (None, None) => Ok(()),
    };
    Ok(conclude(&deps.tools.surroundings, &event, now, lost.and(logged.map(drop)), None))
}

fn closure(event: &ApiGatewayWebsocketProxyRequest, at: domain::Timestamp) -> Closure {
    let context = &event.request_context;
    // 1006: the connection was lost without a close frame (RFC 6455, section 7.4.1).
    let code = context.disconnect_status_code.and_then(|code| u16::try_from(code).ok()).unwrap_or(1006);
    let reason = context.disconnect_reason.as_deref().unwrap_or_default();
    Closure { at, code, reason: reason.chars().take(REASON).collect() }
}
