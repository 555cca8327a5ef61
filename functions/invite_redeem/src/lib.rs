//! `POST /api/invites/lookup` and `/redeem`: where a link leads, and becoming a guest by it.

use auth::{GuestTokens, Invitations};
use domain::{FamilyId, Result, invites};
use gateway::rest::{Answer, RestRequest};
use gateway::{Edge, Surroundings};
use lambda_http::{Body, Request, Response};
use protocol::invites::{GuestView, InvitationView, parse_code, parse_redemption};
use runtime::{Runtime, SettingError};
use store::Store;

/// What this function needs.
pub struct Deps {
    surroundings: Surroundings,
    edge: Edge,
    store: Store,
    invitations: Invitations,
    tokens: GuestTokens,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self {
            surroundings: runtime.get()?,
            edge: runtime.get()?,
            store: runtime.get()?,
            invitations: runtime.get()?,
            tokens: runtime.get()?,
        })
    }
}

/// Answers the routes.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let request = RestRequest::new(&deps.surroundings, "invite_redeem", &request);
    let result = match request.last_step() {
        "lookup" => look_up(deps, &request).await,
        _ => redeem(deps, &request).await,
    };
    request.respond(result)
}

async fn look_up(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    let presented = Invitations::parse(&parse_code(request.body()?)?);
    let address = request.network(&deps.edge);
    let invitation = invites::look_up(&deps.store, request.context(), presented.as_ref(), address).await?;
    Ok(Answer::ok(&InvitationView::from(&invitation)))
}

async fn redeem(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    let (code, name) = parse_redemption(request.body()?)?;
    let (presented, address, context) = (Invitations::parse(&code), request.network(&deps.edge), request.context());
    let guest = invites::redeem(&deps.store, &deps.invitations, context, presented.as_ref(), &name, address).await?;
    request.note_user(guest.user_id);
    let family = FamilyId::new(context.ids, context.now);
    let (token, expires_at) = deps.tokens.issue(&guest, family, context.now);
    Ok(Answer::ok(&GuestView::new(&guest, token, expires_at)))
}
