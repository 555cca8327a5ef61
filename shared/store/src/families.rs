//! Refresh-token families: one item each, with the newest token's hash and the ones used before it.

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::accounts::REFRESH_GRACE;
use domain::ports::{Families, PresentedRefresh, Rotation};
use domain::{FamilyId, Result, Timestamp, UserId};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde::Deserialize;

use crate::Store;
use crate::errors::misfit;
use crate::items::{Item, expiry, expiry_now, is_over, millis, number, text};
use crate::keys::{self, Key};
use crate::requests::{Change, Written};

/// How many used tokens a family remembers, so that a reuse is told from a guess.
const REMEMBERED: usize = 64;
/// How long a family is kept after its end: longer than any connection of it lives.
const REMEMBERED_END: Duration = Duration::from_secs(24 * 3600);
/// So many families are ended at the same time.
const AT_ONCE: usize = 8;

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
        if family.current_hash != presented.hash || !family.is_live(now) {
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
        if user.is_of_app() {
            return self.is_unrevoked(user, family).await;
        }
        let item = self.get_item(keys::family(user, family), true).await?;
        let record = item.map(FamilyRecord::from_item).transpose()?;
        Ok(record.is_some_and(|family| family.is_live(now)))
    }

    async fn reissue(
        &self,
        user: UserId,
        family: FamilyId,
        next: &str,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool> {
        // Tokens from before are forgotten: they are good for nothing any more, not even for ending the family.
        let update = "SET currentHash = :next, rotatedAt = :at, expiresAt = :end REMOVE usedHashes";
        let live = "expiresAt > :now AND attribute_not_exists(revokedAt)";
        let change = Change::to(keys::family(user, family), update, live)
            .with(":next", text(next))
            .with(":at", millis(now))
            .with(":end", expiry(expires_at))
            .with(":now", expiry_now(now));
        Ok(self.change(change, ReturnValue::None).await?.is_done())
    }

    async fn end(&self, presented: &PresentedRefresh, now: Timestamp) -> Result<bool> {
        let known = "expiresAt > :second AND (currentHash = :hash OR contains(usedHashes, :hash))";
        let change = revocation(keys::family(presented.user, presented.family), known, now)
            .with(":second", expiry_now(now))
            .with(":hash", text(&presented.hash));
        Ok(self.change(change, ReturnValue::None).await?.is_done())
    }

    async fn revoke(&self, user: UserId, family: FamilyId, now: Timestamp) -> Result<()> {
        let change = revocation(keys::family(user, family), "attribute_exists(pk)", now);
        // Refused when it is gone: it is over then too.
        self.change(change, ReturnValue::None).await.map(drop)
    }

    async fn revoke_all(&self, user: UserId, kept: Option<FamilyId>, now: Timestamp) -> Result<()> {
        let families = self.keys_between(keys::user_partition(user), keys::families()).await?;
        let families: Vec<FamilyId> = families.into_iter().filter_map(|key| keys::family_of(&key.sk)).collect();
        let ended = families.into_iter().filter(|family| Some(*family) != kept);
        let revoked = ended.map(|family| self.revoke(user, family, now));
        stream::iter(revoked).buffer_unordered(AT_ONCE).try_collect().await
    }
}

/// Ends a family, and remembers that for a while.
fn revocation(key: Key, condition: &str, now: Timestamp) -> Change {
    let update = "SET revokedAt = if_not_exists(revokedAt, :now), expiresAt = :gone";
    Change::to(key, update, condition).with(":now", millis(now)).with(":gone", expiry(now + REMEMBERED_END))
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
        let update = "SET currentHash = :next, rotatedAt = :at, expiresAt = :end, \
                      usedHashes = list_append(if_not_exists(usedHashes, :none), :used)";
        let condition = "currentHash = :presented AND expiresAt > :now AND attribute_not_exists(revokedAt) \
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
        let update = "SET currentHash = :next, rotatedAt = :at, expiresAt = :end, usedHashes = :used";
        self.values(update, "currentHash = :presented AND expiresAt > :now AND attribute_not_exists(revokedAt)")
            .with(":used", AttributeValue::L(used.into_iter().map(AttributeValue::S).collect()))
    }

    fn values(&self, update: &str, condition: &str) -> Change {
        Change::to(keys::family(self.presented.user, self.presented.family), update, condition)
            .with(":next", text(self.next))
            .with(":end", expiry(self.expires_at))
            .with(":at", millis(self.now))
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
    rotated_at: Option<u64>,
    revoked_at: Option<u64>,
}

impl FamilyRecord {
    fn from_item(item: Item) -> Result<Self> {
        serde_dynamo::from_item(item).map_err(misfit)
    }

    /// Whether it is neither revoked nor expired.
    fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && !is_over(self.expires_at, now)
    }

    /// Why this family refused a rotation.
    fn judge(&self, rotation: &Step<'_>) -> Rotation {
        if !self.is_live(rotation.now) || !self.used_hashes.contains(&rotation.presented.hash) {
            return Rotation::Unknown;
        }
        let rotated_at = Timestamp::from_millis(self.rotated_at.unwrap_or_default());
        // Only the presented token leads to `next`: it was presented before, a moment ago.
        if self.current_hash == rotation.next && rotation.now.since(rotated_at) < REFRESH_GRACE {
            return Rotation::Repeated(Timestamp::from_millis(self.expires_at * 1000));
        }
        Rotation::Reused
    }
}
