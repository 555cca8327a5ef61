//! API keys, and which tokens of apps' users were taken back.

use std::time::Duration;

use aws_sdk_dynamodb::types::ReturnValue;
use domain::ports::{KeyAdministration, Keys, Revocations};
use domain::{AppKey, FamilyId, KeyGrant, KeyId, KeyLimits, ProjectId, Result, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::Store;
use crate::errors::{Malformed, misfit};
use crate::items::{Item, expiry, millis, text};
use crate::keys;
use crate::requests::{Change, Transacted};

/// An API key's item. Whatever ends a key is no `expiresAt`: nothing deletes it, so that a list shows what there was.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeyRecord {
    pk: String,
    sk: String,
    key_id: String,
    project: String,
    sealed: String,
    created_at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled_at: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_at: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grants: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    room_prefix: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    longest_life_seconds: Option<u64>,
    auto_create: bool,
}

impl KeyRecord {
    fn of(key: &AppKey) -> Self {
        let keys::Key { pk, sk } = keys::app_key(&key.id);
        let limits = &key.limits;
        Self {
            pk,
            sk,
            key_id: key.id.as_str().to_owned(),
            project: key.project.as_str().to_owned(),
            sealed: key.sealed.clone(),
            created_at: key.created_at.millis(),
            disabled_at: key.disabled_at.map(Timestamp::millis),
            ends_at: limits.ends_at.map(Timestamp::millis),
            grants: limits.grants.as_ref().map(|grants| grants.iter().map(|grant| grant.name().to_owned()).collect()),
            room_prefix: limits.room_prefix.clone(),
            longest_life_seconds: limits.longest_life.map(|life| life.as_secs()),
            auto_create: key.auto_create,
        }
    }

    fn into_key(self) -> Result<AppKey> {
        let grant = |name: String| KeyGrant::named(&name).ok_or(Malformed("key's grant"));
        let grants = self.grants.map(|grants| grants.into_iter().map(grant).collect::<Result<_, _>>()).transpose()?;
        Ok(AppKey {
            id: KeyId::parse(&self.key_id).ok_or(Malformed("key's identifier"))?,
            project: ProjectId::parse(&self.project).map_err(|_| Malformed("key's project"))?,
            sealed: self.sealed,
            created_at: Timestamp::from_millis(self.created_at),
            disabled_at: self.disabled_at.map(Timestamp::from_millis),
            limits: KeyLimits {
                grants,
                room_prefix: self.room_prefix,
                longest_life: self.longest_life_seconds.map(Duration::from_secs),
                ends_at: self.ends_at.map(Timestamp::from_millis),
            },
            auto_create: self.auto_create,
        })
    }
}

fn app_key(item: Item) -> Result<AppKey> {
    serde_dynamo::from_item::<_, KeyRecord>(item).map_err(misfit)?.into_key()
}

impl Keys for Store {
    async fn key(&self, id: &KeyId) -> Result<Option<AppKey>> {
        self.get_item(keys::app_key(id), false).await?.map(app_key).transpose()
    }
}

impl KeyAdministration for Store {
    async fn add_key(&self, key: &AppKey) -> Result<bool> {
        let item = serde_dynamo::to_item(KeyRecord::of(key)).map_err(misfit)?;
        let listed = keys::listed_key(&key.project, &key.id).into_item();
        match self.transact(vec![self.putting_new(item)?, self.putting_new(listed)?]).await? {
            Transacted::Done => Ok(true),
            Transacted::Refused(_) => Ok(false),
        }
    }

    async fn keys(&self, project: Option<&ProjectId>) -> Result<Vec<AppKey>> {
        let listed = match project {
            Some(project) => self.keys_between(keys::KEYS.to_owned(), keys::listed_keys(project)).await?,
            // DynamoDB takes no empty text for the beginning of a range.
            None => self.keys_of(keys::KEYS.to_owned()).await?,
        };
        let ids = listed.into_iter().filter_map(|key| keys::listed_key_of(&key.sk));
        let found = self.get_all(ids.map(|id| keys::app_key(&id)).collect()).await?;
        let mut items: Vec<_> = found.into_iter().map(app_key).collect::<Result<_>>()?;
        items.sort_by(|one, other| {
            (&one.project, one.created_at, &one.id).cmp(&(&other.project, other.created_at, &other.id))
        });
        Ok(items)
    }

    async fn disable_key(&self, id: &KeyId, at: Timestamp) -> Result<bool> {
        let update = "SET disabledAt = if_not_exists(disabledAt, :at)";
        let change = Change::to(keys::app_key(id), update, "attribute_exists(pk)").with(":at", millis(at));
        Ok(self.change(change, ReturnValue::None).await?.is_done())
    }

    async fn reseal(&self, key: &AppKey, sealed: &str) -> Result<()> {
        let change = Change::to(keys::app_key(&key.id), "SET sealed = :new", "sealed = :old")
            .with(":new", text(sealed))
            .with(":old", text(&key.sealed));
        self.change(change, ReturnValue::None).await.map(drop)
    }
}

/// Since when tokens are good.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Revoked {
    revoked_before: u64,
}

impl Revocations for Store {
    async fn revoke_tokens(&self, user: UserId, before: Timestamp, keep_until: Timestamp) -> Result<()> {
        let condition = "attribute_not_exists(pk) OR revokedBefore < :before";
        let change = Change::to(keys::revoked(user), "SET revokedBefore = :before, expiresAt = :gone", condition)
            .with(":before", millis(before))
            .with(":gone", expiry(keep_until));
        // Refused where later ones were taken back: these too, then.
        self.change(change, ReturnValue::None).await.map(drop)
    }
}

impl Store {
    /// Whether the token behind that identifier was not taken back. What is no longer kept took back what is long over.
    pub(crate) async fn is_unrevoked(&self, user: UserId, token: FamilyId) -> Result<bool> {
        let item = self.get_item(keys::revoked(user), true).await?;
        let revoked: Option<Revoked> = item.map(serde_dynamo::from_item).transpose().map_err(misfit)?;
        Ok(revoked.is_none_or(|revoked| token.timestamp().millis() >= revoked.revoked_before))
    }
}
