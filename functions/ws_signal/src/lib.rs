//! `sendOffer`, `sendAnswer`, `sendIceCandidate`: relays a signal to its target.

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use delay::DelayQueue;
use domain::{Metric, relay};
use gateway::JoinedTools;
use gateway::websocket::{FrameRequest, silence};
use protocol::signaling::SignalAck;
use push::Push;
use store::Store;

/// What this function needs.
pub type Deps = JoinedTools<Store, Push, DelayQueue>;

/// Answers a frame.
pub async fn handle(
    deps: &Deps,
    event: ApiGatewayWebsocketProxyRequest,
) -> Result<ApiGatewayProxyResponse, lambda_runtime::Error> {
    let Some(request) = FrameRequest::new(&deps.tools.surroundings, &event)? else {
        return Ok(silence());
    };
    let result = relay(deps, &request).await;
    Ok(request.respond(result))
}

async fn relay(deps: &Deps, request: &FrameRequest<'_>) -> domain::Result<SignalAck> {
    let frame = request.frame()?;
    let sent = frame.signal()?;
    let (context, identity) = (request.context(), &request.identity);
    let standing = deps.check(context, &identity.held).await?;
    sent.check(standing.rights)?;
    let signal = sent.into_signal(context, identity.held.session, &standing.sender)?;
    let delivery = relay::relay(deps.ports(context), &signal).await?;
    request.count(Metric::Relays);
    Ok(SignalAck { delivery: delivery.into(), signal_id: signal.id.to_string() })
}
