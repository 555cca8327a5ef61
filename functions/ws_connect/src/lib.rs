//! `$connect`: admits a connection, once per ticket, and notes who connected from where.

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use domain::ports::{Admission, Held};
use domain::{Metric, Timestamp, admission};
use gateway::websocket::{HubIdentity, Identity, Speaker, conclude};
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
    let speaker = Speaker::of(&event)?;
    let result = admit(deps, &event, speaker, now).await;
    Ok(conclude(&deps.surroundings, &event, now, result, Some(Metric::Connections)))
}

async fn admit(
    deps: &Deps,
    event: &ApiGatewayWebsocketProxyRequest,
    speaker: Speaker,
    now: Timestamp,
) -> domain::Result<()> {
    let client = &event.request_context.identity;
    let user_agent = client.user_agent.as_deref().unwrap_or_default();
    let address = deps.edge.address(&event.headers, client.source_ip.as_deref()).to_owned();
    let user_agent = user_agent.chars().take(USER_AGENT).collect();
    let admission = match speaker {
        Speaker::Own(Identity { held: Held { session, user, connection }, ticket, family, .. }) => {
            Admission { ticket, user, session: Some(session), family, connection, at: now, address, user_agent }
        }
        Speaker::Hub(HubIdentity { caller, connection, ticket, .. }) => {
            let (user, family) = (caller.user_id, caller.family);
            Admission { ticket, user, session: None, family, connection, at: now, address, user_agent }
        }
    };
    admission::admit(&deps.store, deps.surroundings.context(now), &admission).await
}
