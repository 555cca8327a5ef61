//! `$disconnect`: turns a participant to reconnecting, and notes how the connection ended.

use std::sync::Arc;

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use delay::DelayQueue;
use domain::leases;
use domain::ports::{Closure, ConnectionLog, Held, Ports};
use domain::standing::JoinedCache;
use gateway::Surroundings;
use gateway::websocket::{Identity, Speaker, conclude};
use protocol::signaling::JsonEncoder;
use push::Push;
use runtime::{Runtime, SettingError};
use store::Store;

/// What this function needs.
pub struct Deps {
    surroundings: Surroundings,
    store: Store,
    push: Push,
    delay: DelayQueue,
    joined: Arc<JoinedCache>,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self {
            surroundings: runtime.get()?,
            store: runtime.get()?,
            push: runtime.get()?,
            delay: runtime.get()?,
            joined: runtime.get()?,
        })
    }
}

/// The longest reason that is kept, in characters.
const REASON: usize = 200;

/// Takes note of the end of a connection. API Gateway discards the answer.
pub async fn handle(
    deps: &Deps,
    event: ApiGatewayWebsocketProxyRequest,
) -> Result<ApiGatewayProxyResponse, lambda_runtime::Error> {
    let now = deps.surroundings.clock.now();
    let context = deps.surroundings.context(now);
    let (user, connection, ticket, known) = match Speaker::of(&event)? {
        Speaker::Own(Identity { held, ticket, .. }) => (held.user, held.connection, ticket, Some(held.session)),
        Speaker::Hub(identity) => (identity.caller.user_id, identity.connection, identity.ticket, None),
    };
    deps.joined.forget(&connection);

    let closure = closure(&event, now);
    let ports = Ports { store: &deps.store, sockets: &deps.push, delays: &deps.delay, encoder: &JsonEncoder, context };
    // First: a join that was overtaken reads it after it has taken over.
    let logged = deps.store.close(user, ticket, &closure).await;
    let session = known.or(logged.as_ref().ok().copied().flatten());
    let lost = match session {
        Some(session) => leases::lose_connection(ports, &Held { session, user, connection }).await,
        None => Ok(()),
    };
    Ok(conclude(&deps.surroundings, &event, now, lost.and(logged.map(drop)), None))
}

fn closure(event: &ApiGatewayWebsocketProxyRequest, at: domain::Timestamp) -> Closure {
    let context = &event.request_context;
    // 1006: the connection was lost without a close frame (RFC 6455, section 7.4.1).
    let code = context.disconnect_status_code.and_then(|code| u16::try_from(code).ok()).unwrap_or(1006);
    let reason = context.disconnect_reason.as_deref().unwrap_or_default();
    Closure { at, code, reason: reason.chars().take(REASON).collect() }
}
