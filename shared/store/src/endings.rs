//! Ending sessions.

use aws_sdk_dynamodb::types::ReturnValue;
use domain::ports::Endings;
use domain::sweep::LEFT_ALONE;
use domain::{Ending, Membership, Result, Session, SessionId, Timestamp, UserId};

use crate::due::{NOT_DUE, SET_DUE};
use crate::items::{expiry, millis, number, text};
use crate::requests::Change;
use crate::{Store, keys, words};

impl Endings for Store {
    async fn mark_ended(
        &self,
        session: SessionId,
        at: Timestamp,
        why: Ending,
        unless_touched_after: Option<Timestamp>,
    ) -> Result<bool> {
        let active = "attribute_exists(pk) AND attribute_not_exists(endedAt)";
        let (key, update) = (keys::session(session), format!("SET endedAt = :at, ending = :why, {SET_DUE}"));
        let change = match unless_touched_after {
            None => Change::to(key, update, active),
            Some(seen) => Change::to(key, update, format!("{active} AND touchedAt <= :seen AND seats = :none"))
                .with(":seen", millis(seen))
                .with(":none", number(0)),
        };
        let change = change.happens(at).due(session, at + LEFT_ALONE).with(":at", millis(at));
        let change = change.with(":why", text(words::ending::of(why)));
        Ok(self.change(change, ReturnValue::None).await?.is_done())
    }

    async fn release(&self, session: SessionId, user: UserId, now: Timestamp, keep_until: Timestamp) -> Result<()> {
        let update = format!("SET membership = :ended, expiresAt = :gone REMOVE liveConnection, {NOT_DUE}");
        let change = Change::to(keys::participant(session, user), update, "membership = :seated")
            .happens(now)
            .with(":ended", text(words::membership::of(Membership::Ended)))
            .with(":seated", text(words::membership::of(Membership::Seated)))
            .with(":gone", expiry(keep_until));
        // Refused when they left meanwhile, or were released before.
        self.change(change, ReturnValue::None).await.map(drop)
    }

    async fn forget_active(&self, session: &Session, keep_until: Timestamp) -> Result<()> {
        let (key, ended) = (keys::session(session.id), "attribute_exists(endedAt)");
        let gone = expiry(keep_until);
        let update = "SET expiresAt = if_not_exists(expiresAt, :gone) REMOVE activePk, activeSk";
        let kept = Change::to(key.clone(), update, ended).with(":gone", gone.clone());
        if !self.change(kept, ReturnValue::None).await?.is_done() {
            // It is active after all, or was erased meanwhile.
            return Ok(());
        }
        // Refused when the creator's account was deleted, and this with it.
        let update = "SET expiresAt = :gone REMOVE activePk, activeSk";
        let unlisted = Change::to(keys::created(session.creator_id, session.id), update, "attribute_exists(pk)");
        self.change(unlisted.with(":gone", gone), ReturnValue::None).await?;
        self.forget_metadata(session, expiry(keep_until)).await?;
        if let Some(room) = &session.room {
            self.free_name(session, room).await?;
        }
        // Last, so that the sweep finishes what was interrupted.
        self.change(Change::to(key, format!("REMOVE {NOT_DUE}"), ended), ReturnValue::None).await.map(drop)
    }
}
