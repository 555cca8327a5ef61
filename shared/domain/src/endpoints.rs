//! What an app does with its webhooks: naming endpoints, changing them, exchanging their secrets, and having things told again.

use crate::happenings::Kind;
use crate::ports::{
    Deliveries, Delivery, EndpointChange, EndpointSealer, Endpoints, EventLog, EventPlace, From, KeyAdministration,
    Letter, Lines, Logged, Page,
};
use crate::webhooks::{Announcement, BOTH_SECRETS, Endpoint, MOST_ENDPOINTS, SETTLED};
use crate::{Context, Error, ProjectId, Result, WebhookId};

/// So many secrets of before sign at most, whatever is exchanged how often: each is a signature in the header.
const MOST_PREVIOUS: usize = 3;
/// What else changes an endpoint at the same time is waited for so often.
const TRIES: usize = 4;

/// Adds an endpoint.
///
/// # Errors
/// `TooManyWebhooks` where the project has as many as it may. Two that are added at the same moment may both be the last one.
pub async fn add(store: &(impl Endpoints + Sync), endpoint: &Endpoint) -> Result<()> {
    let there = store.endpoints(&endpoint.project).await?.len();
    if there >= MOST_ENDPOINTS {
        return Err(Error::TooManyWebhooks { limit: MOST_ENDPOINTS });
    }
    store.add_endpoint(endpoint).await
}

/// The endpoints of the project, the oldest first.
pub async fn all(store: &(impl Endpoints + Sync), project: &ProjectId) -> Result<Vec<Endpoint>> {
    store.endpoints(project.as_str()).await
}

/// Removes an endpoint; what waits for it is not told any more. One that is not there is as good as removed.
pub async fn remove(store: &(impl Endpoints + Sync), project: &ProjectId, id: WebhookId) -> Result<()> {
    store.remove_endpoint(project.as_str(), id).await.map(drop)
}

/// An endpoint of the project.
///
/// # Errors
/// `WebhookNotFound`
pub async fn find(store: &(impl Endpoints + Sync), project: &ProjectId, id: WebhookId) -> Result<Endpoint> {
    store.endpoint(project.as_str(), id).await?.ok_or(Error::WebhookNotFound)
}

/// Changes what is given; how it is then.
///
/// # Errors
/// `WebhookNotFound`
pub async fn change(
    store: &(impl Endpoints + Sync),
    project: &ProjectId,
    id: WebhookId,
    change: &EndpointChange,
) -> Result<Endpoint> {
    store.change_endpoint(project.as_str(), id, change).await?.ok_or(Error::WebhookNotFound)
}

/// Puts a new secret in the place of the one that signs; the one of before signs too for a while. So does the one before that, if its
/// time is not over: whoever asks twice, because the first answer was lost, still has a receiver that knows one of them.
///
/// # Errors
/// `WebhookNotFound`
pub async fn rotate(
    store: &(impl Endpoints + Sync),
    context: Context<'_>,
    project: &ProjectId,
    id: WebhookId,
    sealed: &str,
) -> Result<Endpoint> {
    for _ in 0..TRIES {
        let seen = find(store, project, id).await?;
        let mut previous = vec![(seen.secret.clone(), context.now + BOTH_SECRETS)];
        previous.extend(seen.previous.iter().filter(|(_, until)| *until > context.now).cloned());
        // A receiver has the one of a moment ago, or, where answers were lost, one of the oldest.
        if previous.len() > MOST_PREVIOUS {
            previous.remove(1);
        }
        if let Some(rotated) = store.replace_secrets(&seen, sealed, &previous).await? {
            return Ok(rotated);
        }
    }
    Err(Error::Unavailable("a webhook's secrets change too fast".into()))
}

/// Seals every secret of every project's endpoints under the deployment's current secret that still is under the previous one; of how
/// many endpoints. Safe to run again.
pub async fn reseal(
    store: &(impl KeyAdministration + Endpoints + Sync),
    sealer: &impl EndpointSealer,
) -> Result<usize> {
    let keys = store.keys(None).await?;
    let projects = keys.into_iter().map(|key| key.project).chain([ProjectId::default()]);
    let projects: std::collections::BTreeSet<_> = projects.collect();
    let mut count = 0;
    for project in projects {
        for endpoint in store.endpoints(project.as_str()).await? {
            count += usize::from(reseal_one(store, sealer, endpoint).await?);
        }
    }
    Ok(count)
}

async fn reseal_one(
    store: &(impl Endpoints + Sync),
    sealer: &impl EndpointSealer,
    mut endpoint: Endpoint,
) -> Result<bool> {
    for _ in 0..TRIES {
        let secret = sealer.seal_anew(endpoint.id, &endpoint.secret)?;
        // What does not open any more does not sign any more either.
        let again = |sealed: &str| sealer.seal_anew(endpoint.id, sealed).ok();
        let previous: Vec<_> = endpoint
            .previous
            .iter()
            .filter_map(|(sealed, until)| Some((again(sealed)?.unwrap_or_else(|| sealed.clone()), *until)))
            .collect();
        if secret.is_none() && previous == endpoint.previous {
            return Ok(false);
        }
        let sealed = secret.unwrap_or_else(|| endpoint.secret.clone());
        if store.replace_secrets(&endpoint, &sealed, &previous).await?.is_some() {
            return Ok(true);
        }
        // It was exchanged meanwhile, or is gone.
        match store.endpoint(&endpoint.project, endpoint.id).await? {
            Some(now) => endpoint = now,
            None => return Ok(false),
        }
    }
    Err(Error::Unavailable("a webhook's secrets change too fast".into()))
}

/// An endpoint that is told what happens.
///
/// # Errors
/// `WebhookNotFound`, `WebhookDisabled`
pub async fn find_enabled(store: &(impl Endpoints + Sync), project: &ProjectId, id: WebhookId) -> Result<Endpoint> {
    let endpoint = find(store, project, id).await?;
    if endpoint.disabled_at.is_some() { Err(Error::WebhookDisabled) } else { Ok(endpoint) }
}

/// Lines up something that was made for this endpoint alone: a test.
pub async fn send_test(lines: &(impl Lines + Sync), endpoint: &Endpoint, test: Announcement) -> Result<()> {
    lines.line_up(&Letter { endpoint: endpoint.id, announcement: test, replay: None, slow_line: None }).await
}

/// Which part of what happened is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Where to begin.
    pub from: From,
    /// At most so many are looked at.
    pub limit: usize,
    /// Of which kinds, in the words of the wire; of every one if there is no list.
    pub kinds: Option<Vec<&'static str>>,
}

impl Wanted {
    fn holds(&self, logged: &Logged) -> bool {
        self.kinds.as_ref().is_none_or(|kinds| kinds.contains(&logged.announcement.kind.as_str()))
    }
}

/// What happened in a project, in the order of noting, one page, which may hold less than was looked at. `next` is where the
/// following one begins; it stays where it was while nothing new was noted. What was noted a moment ago comes with a later page, so
/// that nothing is left out because of a clock that is a little behind.
pub async fn events(
    store: &(impl EventLog + Sync),
    context: Context<'_>,
    project: &ProjectId,
    wanted: &Wanted,
) -> Result<Page<Logged, EventPlace>> {
    let until = context.now.minus(SETTLED);
    let page = store.events(project.as_str(), &wanted.from, until, wanted.limit).await?;
    let last = page.items.last().map(|last| last.place.clone());
    let next = last.or_else(|| match &wanted.from {
        From::After(place) => Some(place.clone()),
        From::Time(_) => None,
    });
    Ok(Page { items: page.items.into_iter().filter(|logged| wanted.holds(logged)).collect(), next })
}

/// Lines up again what happened until now, of the kinds that are wanted, or else that the endpoint is told, by their names on the
/// wire; how many, and where to go on. A retry of the same call lines them up once more: receivers
/// know them by their identifiers.
///
/// # Errors
/// `WebhookNotFound`, `WebhookDisabled`
pub async fn replay(
    store: &(impl Endpoints + EventLog + Sync),
    lines: &(impl Lines + Sync),
    context: Context<'_>,
    (project, id): (&ProjectId, WebhookId),
    wanted: &Wanted,
    name: impl Fn(Kind) -> &'static str,
) -> Result<(usize, Option<EventPlace>)> {
    let endpoint = find_enabled(store, project, id).await?;
    let told = endpoint.kinds.as_ref().map(|kinds| kinds.iter().map(|kind| name(*kind)).collect());
    let wanted = Wanted { kinds: wanted.kinds.clone().or(told), ..wanted.clone() };
    let Page { items, next } = store.events(project.as_str(), &wanted.from, context.now, wanted.limit).await?;
    let replay = WebhookId::new(context.ids, context.now).to_string();
    let mut count = 0;
    for logged in items.into_iter().filter(|logged| wanted.holds(logged)) {
        let (endpoint, announcement, replay) = (endpoint.id, logged.announcement, Some(replay.clone()));
        lines.line_up(&Letter { endpoint, announcement, replay, slow_line: None }).await?;
        count += 1;
    }
    Ok((count, next))
}

/// What came of telling an endpoint, the newest first, one page.
///
/// # Errors
/// `WebhookNotFound`
pub async fn deliveries(
    store: &(impl Endpoints + Deliveries + Sync),
    context: Context<'_>,
    (project, id): (&ProjectId, WebhookId),
    limit: usize,
    before: Option<&EventPlace>,
) -> Result<Page<Delivery, EventPlace>> {
    let endpoint = find(store, project, id).await?;
    store.deliveries(endpoint.id, limit, before, context.now).await
}
