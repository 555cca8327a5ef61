//! `/api/webhooks`: the endpoints that an app is told at, their secrets, and what came of telling them.

use auth::{Callers, WebhookSealer};
use domain::webhooks::Endpoint;
use domain::{Result, WebhookId, endpoints};
use gateway::Surroundings;
use gateway::rest::{Answer, RestRequest};
use lambda_http::{Body, Request, Response, http::Method};
use protocol::Page;
use protocol::endpoints::{
    ReplayView, TestView, WebhookDelivery, WebhookView, parse_new_webhook, parse_replay, parse_webhook_change,
};
use protocol::webhooks::{name, test_event};
use runtime::{Runtime, SettingError};
use store::Store;
use webhook::{Poster, Secret, WebhookLines};

/// What this function needs.
pub struct Deps {
    surroundings: Surroundings,
    store: Store,
    lines: WebhookLines,
    sealer: WebhookSealer,
    poster: Poster,
    callers: Callers,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self {
            surroundings: runtime.get()?,
            store: runtime.get()?,
            lines: runtime.get()?,
            sealer: runtime.get()?,
            poster: runtime.get()?,
            callers: runtime.get()?,
        })
    }
}

/// Answers the routes.
pub async fn handle(deps: &Deps, request: Request) -> Response<Body> {
    let request = RestRequest::new(&deps.surroundings, "webhook_endpoints", &request);
    let result = answer(deps, &request).await;
    request.respond(result)
}

/// One request of a project's backend.
struct Asked<'a> {
    deps: &'a Deps,
    request: &'a RestRequest<'a>,
    project: domain::ProjectId,
}

async fn answer(deps: &Deps, request: &RestRequest<'_>) -> Result<Answer> {
    let caller = request.caller(&deps.callers, &deps.store).await?;
    caller.require_project()?;
    let asked = Asked { deps, request, project: caller.scope().project.clone() };
    match (request.method(), request.last_step()) {
        (&Method::POST, "webhooks") => add(&asked).await,
        (_, "webhooks") => list(&asked).await,
        (&Method::POST, "rotate") => rotate(&asked, request.webhook_in_path()?).await,
        (&Method::POST, "test") => test(&asked, request.webhook_in_path()?).await,
        (&Method::POST, "replay") => replay(&asked, request.webhook_in_path()?).await,
        (_, "deliveries") => deliveries(&asked, request.webhook_in_path()?).await,
        (&Method::PATCH, _) => change(&asked, request.webhook_in_path()?).await,
        (&Method::DELETE, _) => remove(&asked, request.webhook_in_path()?).await,
        _ => show(&asked, request.webhook_in_path()?).await,
    }
}

async fn add(asked: &Asked<'_>) -> Result<Answer> {
    let Asked { deps, request, project } = asked;
    let new = parse_new_webhook(request.body()?, deps.poster.allows_local())?;
    let (context, secret) = (request.context(), Secret::random());
    let id = WebhookId::new(context.ids, context.now);
    let endpoint = Endpoint {
        id,
        project: project.as_str().to_owned(),
        url: new.url,
        kinds: new.kinds,
        description: new.description,
        created_at: context.now,
        disabled_at: None,
        slow_until: None,
        secret: deps.sealer.seal(id, secret.as_str()),
        previous: Vec::new(),
    };
    endpoints::add(&deps.store, &endpoint).await?;
    Ok(Answer::created(&WebhookView::new(&endpoint, Some(secret.as_str().to_owned()))))
}

async fn list(asked: &Asked<'_>) -> Result<Answer> {
    let all = endpoints::all(&asked.deps.store, &asked.project).await?;
    Ok(Answer::ok(&all.iter().map(|endpoint| WebhookView::new(endpoint, None)).collect::<Vec<_>>()))
}

async fn show(asked: &Asked<'_>, id: WebhookId) -> Result<Answer> {
    let endpoint = endpoints::find(&asked.deps.store, &asked.project, id).await?;
    Ok(Answer::ok(&WebhookView::new(&endpoint, None)))
}

async fn change(asked: &Asked<'_>, id: WebhookId) -> Result<Answer> {
    let Asked { deps, request, project } = asked;
    let change = parse_webhook_change(request.body()?, deps.poster.allows_local(), request.now())?;
    let changed = endpoints::change(&deps.store, project, id, &change).await?;
    Ok(Answer::ok(&WebhookView::new(&changed, None)))
}

async fn remove(asked: &Asked<'_>, id: WebhookId) -> Result<Answer> {
    endpoints::remove(&asked.deps.store, &asked.project, id).await?;
    Ok(Answer::no_content())
}

async fn rotate(asked: &Asked<'_>, id: WebhookId) -> Result<Answer> {
    let Asked { deps, request, project } = asked;
    let secret = Secret::random();
    let sealed = deps.sealer.seal(id, secret.as_str());
    let rotated = endpoints::rotate(&deps.store, request.context(), project, id, &sealed).await?;
    Ok(Answer::ok(&WebhookView::new(&rotated, Some(secret.as_str().to_owned()))))
}

async fn test(asked: &Asked<'_>, id: WebhookId) -> Result<Answer> {
    let Asked { deps, request, project } = asked;
    let endpoint = endpoints::find_enabled(&deps.store, project, id).await?;
    let (ids, now) = (request.context().ids, request.now());
    let event_id = store::event_id(&id, &WebhookId::new(ids, now).to_string());
    endpoints::send_test(&deps.lines, &endpoint, test_event(&event_id, &endpoint, now)).await?;
    Ok(Answer::accepted(&TestView { event_id }))
}

async fn replay(asked: &Asked<'_>, id: WebhookId) -> Result<Answer> {
    let Asked { deps, request, project } = asked;
    let wanted = parse_replay(request.body()?)?;
    let (replayed, next) =
        endpoints::replay(&deps.store, &deps.lines, request.context(), (project, id), &wanted, name).await?;
    Ok(Answer::accepted(&ReplayView::new(replayed, next.as_ref())))
}

async fn deliveries(asked: &Asked<'_>, id: WebhookId) -> Result<Answer> {
    let Asked { deps, request, project } = asked;
    let page = request.page()?;
    let Page { limit, before } = &page;
    let found = endpoints::deliveries(&deps.store, request.context(), (project, id), *limit, before.as_ref()).await?;
    let next = found.next.map(|last| request.next_page(&page, &last));
    Ok(Answer::ok(&found.items.iter().map(WebhookDelivery::from).collect::<Vec<_>>()).with_link(next))
}
