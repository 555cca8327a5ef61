//! `sendOffer`, `sendAnswer`, `sendIceCandidate`: relays a signal to its target.

use std::sync::Arc;

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use delay::DelayQueue;
use domain::ports::Ports;
use domain::standing::JoinedCache;
use domain::{Metric, relay};
use gateway::Surroundings;
use gateway::websocket::{FrameRequest, silence};
use protocol::signaling::{JsonEncoder, SignalAck};
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

/// Answers a frame.
pub async fn handle(
    deps: &Deps,
    event: ApiGatewayWebsocketProxyRequest,
) -> Result<ApiGatewayProxyResponse, lambda_runtime::Error> {
    let Some(request) = FrameRequest::new(&deps.surroundings, &event)? else {
        return Ok(silence());
    };
    let result = relay(deps, &request).await;
    Ok(request.respond(result))
}

async fn relay(deps: &Deps, request: &FrameRequest<'_>) -> domain::Result<SignalAck> {
    let frame = request.frame()?;
    let sent = frame.signal()?;
    let (context, identity) = (request.context(), &request.identity);
    let standing = deps.joined.check(&deps.store, context, &identity.held).await?;
    sent.check(standing.rights)?;
    let signal = sent.into_signal(context, identity.held.session, identity.held.user, &identity.username)?;
    let ports = Ports { store: &deps.store, sockets: &deps.push, delays: &deps.delay, encoder: &JsonEncoder, context };
    let delivery = relay::relay(ports, &signal).await?;
    request.count(Metric::Relays);
    Ok(SignalAck { delivery: delivery.into(), signal_id: signal.id.to_string() })
}
