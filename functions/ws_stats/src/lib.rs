//! `reportStats`: keeps what a client saw of a call in a minute.

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use domain::quality::{self, Reporter};
use domain::{Result, RoomRef};
use gateway::Surroundings;
use gateway::websocket::{FrameRequest, silence};
use protocol::signaling::Nothing;
use runtime::{Runtime, SettingError};
use store::Store;

/// What this function needs.
pub struct Deps {
    surroundings: Surroundings,
    store: Store,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self { surroundings: runtime.get()?, store: runtime.get()? })
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
    let result = keep(deps, &request).await;
    Ok(request.respond(result))
}

async fn keep(deps: &Deps, request: &FrameRequest<'_>) -> Result<Nothing> {
    let frame = request.frame()?;
    let context = request.context();
    if context.policy.call_quality {
        let (report, identity) = (frame.report(request.now())?, &request.identity);
        let from = Reporter {
            user: identity.held.user,
            username: &identity.username,
            identity: identity.app_identity.as_ref(),
            scope: None,
        };
        quality::report(&deps.store, context, from, &RoomRef::Session(identity.held.session), &report).await?;
    }
    Ok(Nothing {})
}
