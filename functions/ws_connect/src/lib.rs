//! `$connect`: admits a connection, once per ticket, and notes who connected from where.

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use domain::ports::Admission;
use domain::{Metric, Timestamp, admission};
use gateway::websocket::{Identity, conclude};
use gateway::{Edge, Surroundings};
use runtime::{Runtime, SettingError};
use store::Store;

/// What this function needs.
pub struct Deps {
    surroundings: Surroundings,
    store: Store,
    edge: Edge,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self { surroundings: runtime.get()?, store: runtime.get()?, edge: runtime.get()? })
    }
}

/// The longest User-Agent that is kept, in characters.
const USER_AGENT: usize = 200;

/// Answers the handshake: 200, 403 for a ticket that was used, 401 for one whose login has ended.
pub async fn handle(
    deps: &Deps,
    event: ApiGatewayWebsocketProxyRequest,
) -> Result<ApiGatewayProxyResponse, lambda_runtime::Error> {
    let now = deps.surroundings.clock.now();
    let identity = Identity::of(&event)?;
    let result = admit(deps, &event, identity, now).await;
    Ok(conclude(&deps.surroundings, &event, now, result, Some(Metric::Connections)))
}

async fn admit(
    deps: &Deps,
    event: &ApiGatewayWebsocketProxyRequest,
    identity: Identity,
    now: Timestamp,
) -> domain::Result<()> {
    let client = &event.request_context.identity;
    let user_agent = client.user_agent.as_deref().unwrap_or_default();
    let admission = Admission {
        ticket: identity.ticket,
        user: identity.held.user,
        session: identity.held.session,
        family: identity.family,
        connection: identity.held.connection,
        at: now,
        address: deps.edge.address(&event.headers, client.source_ip.as_deref()).to_owned(),
        user_agent: user_agent.chars().take(USER_AGENT).collect(),
    };
    admission::admit(&deps.store, deps.surroundings.context(now), &admission).await
}
