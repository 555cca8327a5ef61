//! `sendOffer`, `sendAnswer`, `sendIceCandidate`: relays a signal to its target.

use std::sync::Arc;

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use domain::Metric;
use domain::relay::{self, Standings};
use gateway::Edge;
use gateway::websocket::Call;
use protocol::signaling::SignalAck;
use push::Push;
use runtime::{Missing, Runtime, settings};
use store::Store;

/// What this function needs.
pub struct Deps {
    edge: Edge,
    store: Store,
    push: Push,
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
            standings: runtime.standings(),
        })
    }
}

/// Answers a frame.
pub async fn handle(
    deps: &Deps,
    event: ApiGatewayWebsocketProxyRequest,
) -> Result<ApiGatewayProxyResponse, lambda_runtime::Error> {
    let call = Call::new(&deps.edge, &event)?;
    let result = relay(deps, &call).await;
    Ok(call.respond(result))
}

async fn relay(deps: &Deps, call: &Call<'_>) -> domain::Result<SignalAck> {
    let frame = call.frame()?;
    let sent = frame.signal()?;
    let (context, identity) = (call.context(), &call.identity);
    deps.standings.check(&deps.store, context, &identity.held).await?;
    let signal = sent.into_signal(context, identity.held.session, identity.held.user, &identity.username)?;
    let delivery = relay::relay(&deps.store, &deps.push, context, &signal).await?;
    call.count(Metric::Relays);
    Ok(SignalAck { delivery: delivery.into(), signal_id: signal.id.to_string() })
}
