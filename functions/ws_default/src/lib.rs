//! `ping` and `$default`: keeps a connection alive, and refuses every action that does not exist.

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use domain::Error;
use domain::presence;
use gateway::Edge;
use gateway::websocket::Call;
use protocol::signaling::Nothing;
use runtime::{Missing, Runtime, settings};
use store::Store;

/// What this function needs.
pub struct Deps {
    edge: Edge,
    store: Store,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, Missing> {
        Ok(Self {
            edge: runtime.edge()?,
            store: Store::new(runtime.aws()?, runtime.settings.required(settings::TABLE)?, runtime.backoff()),
        })
    }
}

/// Answers a frame.
pub async fn handle(
    deps: &Deps,
    event: ApiGatewayWebsocketProxyRequest,
) -> Result<ApiGatewayProxyResponse, lambda_runtime::Error> {
    let call = Call::new(&deps.edge, &event)?;
    let result = answer(deps, &call).await;
    Ok(call.respond(result))
}

async fn answer(deps: &Deps, call: &Call<'_>) -> domain::Result<Nothing> {
    let frame = call.frame()?;
    if frame.action != "ping" {
        return Err(Error::UnknownAction);
    }
    frame.nothing()?;
    presence::ping(&deps.store, call.context(), &call.identity.held).await?;
    Ok(Nothing {})
}
