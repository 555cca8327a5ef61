//! Refresh-token families: one item each, with the newest token's hash and the ones used before it.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::ports::{Families, PresentedRefresh, Rotation};
use domain::{FamilyId, Result, Timestamp, UserId};
use serde::Deserialize;

use crate::Store;
use crate::errors::misfit;
use crate::items::{Item, expiry, expiry_now, is_over, number, text};
use crate::keys;
use crate::requests::{Change, Written};

/// How many used tokens a family remembers, so that a reuse is told from a guess.
const REMEMBERED: usize = 64;

impl Families for Store {
    async fn start(&self, user: UserId, family: FamilyId, hash: &str, expires_at: Timestamp) -> Result<()> {
        let mut item = keys::family(user, family).into_item();
        item.insert("currentHash".to_owned(), text(hash));
        item.insert("expiresAt".to_owned(), expiry(expires_at));
        self.put_item(item).await
    }

    async fn rotate(
        &self,
        presented: &PresentedRefresh,
        next: &str,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<Rotation> {
        let rotation = Step { presented, next, expires_at, now };
        let Some(family) = self.try_rotation(rotation.appending()).await? else {
            return Ok(Rotation::Rotated);
        };
        if family.current_hash != presented.hash || is_over(family.expires_at, now) {
            return Ok(family.judge(&rotation));
        }
        // The newest token was refused only because the memory is full: its older half goes. It cannot have changed since,
        // or the token would not be the newest.
        Ok(match self.try_rotation(rotation.replacing(family.used_hashes)).await? {
            None => Rotation::Rotated,
            Some(family) => family.judge(&rotation),
        })
    }

    async fn is_live(&self, user: UserId, family: FamilyId, now: Timestamp) -> Result<bool> {
        let item = self.get_item(keys::family(user, family), true).await?;
        let record = item.map(FamilyRecord::from_item).transpose()?;
        Ok(record.is_some_and(|family| !is_over(family.expires_at, now)))
    }

    async fn revoke(&self, user: UserId, family: FamilyId) -> Result<()> {
        self.delete_item(keys::family(user, family)).await
    }

    async fn revoke_all(&self, user: UserId, kept: Option<FamilyId>) -> Result<()> {
        let mut families = self.keys_between(keys::user_partition(user), keys::families()).await?;
        families.retain(|key| kept.is_none_or(|kept| keys::family_of(&key.sk) != Some(kept)));
        self.delete_all(families).await
    }
}

impl Store {
    /// Tries one rotation; when it is refused, the family as it is.
    async fn try_rotation(&self, change: Change) -> Result<Option<FamilyRecord>> {
        match self.change(change, ReturnValue::None).await? {
            Written::Done(_) => Ok(None),
            Written::Refused(None) => Ok(Some(FamilyRecord::default())),
            Written::Refused(Some(item)) => FamilyRecord::from_item(item).map(Some),
        }
    }
}

/// One rotation.
struct Step<'a> {
    presented: &'a PresentedRefresh,
    next: &'a str,
    expires_at: Timestamp,
    now: Timestamp,
}

impl Step<'_> {
    /// The usual way: the presented token joins the used ones, as long as there is room.
    fn appending(&self) -> Change {
        let update = "SET currentHash = :next, expiresAt = :end, \
                      usedHashes = list_append(if_not_exists(usedHashes, :none), :used)";
        let condition = "currentHash = :presented AND expiresAt > :now \
                         AND (attribute_not_exists(usedHashes) OR size(usedHashes) < :room)";
        self.values(update, condition)
            .with(":none", AttributeValue::L(Vec::new()))
            .with(":used", AttributeValue::L(vec![text(&self.presented.hash)]))
            .with(":room", number(REMEMBERED as u64))
    }

    /// With the newer half of the used ones and the presented token in their place.
    fn replacing(&self, mut used: Vec<String>) -> Change {
        used.drain(..used.len() / 2);
        used.push(self.presented.hash.clone());
        let update = "SET currentHash = :next, expiresAt = :end, usedHashes = :used";
        self.values(update, "currentHash = :presented AND expiresAt > :now")
            .with(":used", AttributeValue::L(used.into_iter().map(AttributeValue::S).collect()))
    }

    fn values(&self, update: &str, condition: &str) -> Change {
        Change::to(keys::family(self.presented.user, self.presented.family), update, condition)
            .with(":next", text(self.next))
            .with(":end", expiry(self.expires_at))
            .with(":presented", text(&self.presented.hash))
            .with(":now", expiry_now(self.now))
    }
}

/// What is read of a family's item; of an absent one, nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FamilyRecord {
    current_hash: String,
    #[serde(default)]
    used_hashes: Vec<String>,
    expires_at: u64,
}

impl FamilyRecord {
    fn from_item(item: Item) -> Result<Self> {
        serde_dynamo::from_item(item).map_err(misfit)
    }

    /// Why this family refused a rotation.
    fn judge(&self, rotation: &Step<'_>) -> Rotation {
        // Only this very rotation knows `next`: a try whose answer was lost has written it.
        if self.current_hash == rotation.next {
            return Rotation::Rotated;
        }
        if is_over(self.expires_at, rotation.now) || !self.used_hashes.contains(&rotation.presented.hash) {
            return Rotation::Unknown;
        }
        Rotation::Reused
    }
}
