//! `POST /hubs/signaling/negotiate`: says how a client of the hub connects.

use domain::{Result, TicketId};
use gateway::Surroundings;
use gateway::hub::{Admitted, Doorkeeper, Shown};
use gateway::rest::{Answer, RestRequest};
use lambda_http::{Body, Request, RequestExt, Response};
use protocol::hub::Negotiation;
use runtime::{Runtime, SettingError};
use store::Store;

/// What this function needs.
pub struct Deps {
    surroundings: Surroundings,
    store: Store,
    doorkeeper: Doorkeeper,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self { surroundings: runtime.get()?, store: runtime.get()?, doorkeeper: runtime.get()? })
    }
}

/// Answers the route.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let query = request.query_string_parameters();
    let shown = Shown::new(request.headers(), |name| query.first(name));
    let version = query.first("negotiateVersion").and_then(|version| version.parse().ok()).unwrap_or(0);
    let request = RestRequest::new(&deps.surroundings, "hub_negotiate", &request);
    let result = negotiate(deps, &request, shown, version).await;
    request.respond(result)
}

/// The names in the answer lead to nothing: API Gateway knows connections by names of its own. That the client shows one when it
/// connects tells that it is one of the hub.
async fn negotiate(deps: &Deps, request: &RestRequest<'_>, shown: Shown<'_>, version: u64) -> Result<Answer> {
    let (context, now) = (request.context(), request.now());
    request.note_user(match deps.doorkeeper.admit_to_hub(&deps.store, shown, now).await? {
        Admitted::Own(ticket) | Admitted::HubByTicket(ticket) => ticket.user,
        Admitted::HubByToken(caller) | Admitted::HubByJoinToken(caller, _) => caller.user_id,
    });
    let [id, token] = [(); 2].map(|()| TicketId::new(context.ids, now).to_string());
    Ok(Answer::ok(&Negotiation::new(version, id, token)))
}
