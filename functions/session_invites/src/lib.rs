//! `/api/session/{sessionId}/invites`: the links by which a host lets guests in.

use auth::{Callers, Invitations};
use domain::{Caller, Result, SessionId, invites, sessions};
use gateway::Surroundings;
use gateway::rest::{Answer, RestRequest};
use gateway::views::SignalingUrl;
use lambda_http::{Body, Request, Response, http::Method};
use protocol::invites::{InviteView, parse_new_invite};
use runtime::{Runtime, SettingError};
use store::Store;

/// What this function needs.
pub struct Deps {
    surroundings: Surroundings,
    store: Store,
    callers: Callers,
    invitations: Invitations,
    signaling_url: SignalingUrl,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self {
            surroundings: runtime.get()?,
            store: runtime.get()?,
            callers: runtime.get()?,
            invitations: runtime.get()?,
            signaling_url: runtime.get()?,
        })
    }
}

/// Answers the routes.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let request = RestRequest::new(&deps.surroundings, "session_invites", &request);
    let result = answer(deps, &request).await;
    request.respond(result)
}

async fn answer(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    let caller = request.seated_caller(&deps.callers, &deps.store).await?;
    let room = request.session_in_path()?;
    let session = sessions::find_for(&deps.store, request.context(), &caller, &room).await?;
    match *request.method() {
        Method::POST => create(deps, request, &caller, session).await,
        Method::DELETE => {
            let only = request.invite_in_path()?;
            invites::revoke(&deps.store, request.context(), &caller, session, only.as_ref()).await?;
            Ok(Answer::no_content())
        }
        _ => {
            let all = invites::all(&deps.store, request.context(), &caller, session).await?;
            Ok(Answer::ok(&all.iter().map(|invite| InviteView::new(invite, None)).collect::<Vec<_>>()))
        }
    }
}

async fn create(deps: &Deps, request: &RestRequest<'_>, caller: &Caller, session: SessionId) -> Result<Answer> {
    let new = parse_new_invite(request.body()?)?;
    let context = request.context();
    let (invite, code) = invites::create(&deps.store, &deps.invitations, context, caller, session, new).await?;
    let url = deps.signaling_url.invitation(request, &code);
    Ok(Answer::created(&InviteView::new(&invite, Some((code, url)))))
}
