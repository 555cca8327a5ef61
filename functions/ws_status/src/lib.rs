//! `updateStatus`: tells the others about microphone and camera.

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use domain::presence;
use gateway::Edge;
use gateway::websocket::Call;
use protocol::signaling::{Json, Nothing};
use push::Push;
use runtime::{Missing, Runtime, settings};
use store::Store;

/// What this function needs.
pub struct Deps {
    edge: Edge,
    store: Store,
    push: Push,
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
        })
    }
}

/// Answers a frame.
pub async fn handle(
    deps: &Deps,
    event: ApiGatewayWebsocketProxyRequest,
) -> Result<ApiGatewayProxyResponse, lambda_runtime::Error> {
    let call = Call::new(&deps.edge, &event)?;
    let result = update(deps, &call).await;
    Ok(call.respond(result))
}

async fn update(deps: &Deps, call: &Call<'_>) -> domain::Result<Nothing> {
    let status = call.frame()?.status()?;
    let held = &call.identity.held;
    presence::update_status(&deps.store, &deps.push, &Json, call.context(), held, status).await?;
    Ok(Nothing {})
}
