//! The endpoint of webhooks that the server is started with.

use auth::WebhookSealer;
use domain::ports::{EndpointChange, Endpoints, KeyAdministration};
use domain::webhooks::{BOTH_SECRETS, Endpoint};
use domain::{Clock, IdSource, Result, WebhookId};
use store::Store;
use webhook::Secret;

/// How the server knows its own endpoint again.
const OWN: &str = "the endpoint that the server was started with";
/// Where accounts live.
const PROJECT: &str = "default";

/// What an endpoint is made with.
pub struct Surroundings<'a> {
    /// The table.
    pub store: &'a Store,
    /// What seals its secret.
    pub sealer: &'a WebhookSealer,
    /// The present moment.
    pub clock: &'a dyn Clock,
    /// New identifiers.
    pub ids: &'a dyn IdSource,
}

/// Makes the endpoint, or has the one of an earlier start go on: what waits for it is still for it. The secret that it signs with; one
/// that was not given is kept.
pub async fn start_with(with: &Surroundings<'_>, url: &str, secret: Option<Secret>) -> Result<Secret> {
    let earlier = with.store.endpoints(PROJECT).await?.into_iter().find(|endpoint| endpoint.description == OWN);
    match earlier {
        Some(earlier) => go_on(with, &earlier, url, secret).await,
        None => add(with, url, secret.unwrap_or_else(Secret::random)).await,
    }
}

async fn go_on(with: &Surroundings<'_>, earlier: &Endpoint, url: &str, secret: Option<Secret>) -> Result<Secret> {
    let enabled = EndpointChange { url: Some(url.to_owned()), disabled_at: Some(None), ..EndpointChange::default() };
    with.store.change_endpoint(PROJECT, earlier.id, &enabled).await?;
    let kept = with.sealer.open(earlier.id, &earlier.secret).and_then(|text| Secret::parse(&text).ok());
    match (kept, secret) {
        (Some(kept), None) => Ok(kept),
        (Some(kept), Some(given)) if kept.as_str() == given.as_str() => Ok(kept),
        (_, given) => {
            let secret = given.unwrap_or_else(Secret::random);
            let sealed = with.sealer.seal(earlier.id, secret.as_str());
            let before = [(earlier.secret.clone(), with.clock.now() + BOTH_SECRETS)];
            with.store.replace_secrets(earlier, &sealed, &before).await?;
            Ok(secret)
        }
    }
}

async fn add(with: &Surroundings<'_>, url: &str, secret: Secret) -> Result<Secret> {
    let now = with.clock.now();
    let id = WebhookId::new(with.ids, now);
    let endpoint = Endpoint {
        id,
        project: PROJECT.to_owned(),
        url: url.to_owned(),
        kinds: None,
        description: OWN.to_owned(),
        created_at: now,
        disabled_at: None,
        slow_until: None,
        secret: with.sealer.seal(id, secret.as_str()),
        previous: Vec::new(),
    };
    with.store.add_endpoint(&endpoint).await?;
    Ok(secret)
}

/// Whether there is anybody to be told what happens: an endpoint, or an API key, which can ask for it.
pub async fn anybody_asks(store: &Store) -> Result<bool> {
    Ok(!store.keys(None).await?.is_empty() || !store.endpoints(PROJECT).await?.is_empty())
}

/// Takes the endpoint of an earlier start away.
pub async fn forget(store: &Store) -> Result<()> {
    for endpoint in store.endpoints(PROJECT).await?.into_iter().filter(|endpoint| endpoint.description == OWN) {
        store.remove_endpoint(PROJECT, endpoint.id).await?;
    }
    Ok(())
}
