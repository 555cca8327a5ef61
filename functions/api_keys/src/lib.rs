//! API keys, for the operator: creating, listing, disabling; sealing anew what is sealed, webhooks' secrets too; and what a TURN server
//! relayed, for the ledger of usage. No route leads here; whoever may invoke the function
//! is trusted with what it does.

use auth::{Sealer, WebhookSealer};
use domain::{Error, Result, endpoints, keys, usage};
use gateway::Surroundings;
use protocol::keys::{KeyAnswer, KeyCommand, KeyView};
use runtime::{Runtime, SettingError};
use serde_json::Value;
use store::Store;

/// What this function needs.
pub struct Deps {
    surroundings: Surroundings,
    store: Store,
    sealer: Sealer,
    webhook_sealer: WebhookSealer,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self {
            surroundings: runtime.get()?,
            store: runtime.get()?,
            sealer: runtime.get()?,
            webhook_sealer: runtime.get()?,
        })
    }
}

/// Does what a command says. Why something was refused is an answer, too: its sender has to read it.
///
/// # Errors
/// None; the signature is that of every function.
pub async fn handle(deps: &Deps, command: Value) -> Result<KeyAnswer, lambda_runtime::Error> {
    let done = act(deps, &command.to_string()).await;
    let outcome = done.as_ref().map_or_else(Error::code, |_| "ok");
    let cause = done.as_ref().err().and_then(std::error::Error::source).map(ToString::to_string);
    tracing::info!(route = "api_keys", outcome, cause, "answered");
    Ok(done.unwrap_or_else(|error| KeyAnswer::Refused(error.to_string())))
}

async fn act(deps: &Deps, command: &str) -> Result<KeyAnswer> {
    let context = deps.surroundings.context(deps.surroundings.clock.now());
    match KeyCommand::parse(command)? {
        KeyCommand::Create(new) => {
            let (key, secret) = keys::create(&deps.store, &deps.sealer, context, new).await?;
            Ok(KeyAnswer::Created(KeyView { secret: Some(secret), ..KeyView::from(&key) }))
        }
        KeyCommand::List(project) => {
            let keys = keys::list(&deps.store, project.as_ref()).await?;
            Ok(KeyAnswer::Keys(keys.iter().map(KeyView::from).collect()))
        }
        KeyCommand::Disable(id) => {
            keys::disable(&deps.store, &id, context.now).await?;
            Ok(KeyAnswer::Disabled(id.to_string()))
        }
        KeyCommand::Reseal => {
            let keys = keys::reseal(&deps.store, &deps.sealer).await?;
            let webhooks = endpoints::reseal(&deps.store, &deps.webhook_sealer).await?;
            Ok(KeyAnswer::Resealed(keys + webhooks))
        }
        KeyCommand::TurnUsage(relays) => usage::note_relays(&deps.store, &relays).await.map(KeyAnswer::Noted),
    }
}
