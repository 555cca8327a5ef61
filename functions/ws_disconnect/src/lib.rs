//! `$disconnect`: turns a participant to reconnecting, and notes how the connection ended.

use std::sync::Arc;

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use delay::DelayQueue;
use domain::connections::{Closure, ConnectionLog};
use domain::presence;
use domain::relay::Standings;
use gateway::Edge;
use gateway::websocket::{Identity, conclude};
use protocol::signaling::Json;
use push::Push;
use runtime::{Missing, Runtime, settings};
use store::Store;

/// What this function needs.
pub struct Deps {
    edge: Edge,
    store: Store,
    push: Push,
    delay: DelayQueue,
    standings: Arc<Standings>,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, Missing> {
        Ok(Self {
            edge: runtime.edge()?,
            store: Store::new(runtime.aws()?, runtime.settings.required(settings::TABLE)?, runtime.backoff()),
            push: Push::new(
                runtime.aws()?,
                runtime.settings.required(settings::CONNECTIONS_ENDPOINT)?,
                runtime.backoff(),
            ),
            delay: DelayQueue::new(runtime.aws()?, runtime.settings.required(settings::DELAY_QUEUE_URL)?),
            standings: runtime.standings(),
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
    let now = deps.edge.clock.now();
    let context = deps.edge.context(now);
    let Identity { held, ticket, .. } = Identity::of(&event)?;
    deps.standings.forget(&held.connection);

    let closure = closure(&event, now);
    let (logged, lost) = tokio::join!(
        deps.store.close(held.user, ticket, &closure),
        presence::lose_connection(&deps.store, &deps.push, &deps.delay, &Json, context, &held),
    );
    Ok(conclude(&deps.edge, &event, now, lost.and(logged), None))
}

fn closure(event: &ApiGatewayWebsocketProxyRequest, at: domain::Timestamp) -> Closure {
    let context = &event.request_context;
    // 1006: the connection was lost without a close frame (RFC 6455, section 7.4.1).
    let code = context.disconnect_status_code.and_then(|code| u16::try_from(code).ok()).unwrap_or(1006);
    let reason = context.disconnect_reason.as_deref().unwrap_or_default();
    Closure { at, code, reason: reason.chars().take(REASON).collect() }
}
