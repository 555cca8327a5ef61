//! What those who steer a session write: rights of a seat, bans with the visit, settings of the session.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::ports::{Ban, ControlsSet, Moderation, SessionChange};
use domain::{Membership, Participant, Result, Rights, SessionId, Timestamp, UserId};

use crate::items::{expiry, millis, number, text};
use crate::records::{self, SessionRecord};
use crate::requests::{Change, Written};
use crate::{Store, keys, words};

impl Moderation for Store {
    async fn set_rights(
        &self,
        participant: &Participant,
        rights: Rights,
        now: Timestamp,
    ) -> Result<Option<Participant>> {
        // A seat with the usual rights has none noted.
        let usual = if participant.rights == Rights::default() { "attribute_not_exists(rights) OR " } else { "" };
        let condition = format!("membership = :seated AND ({usual}rights = :seen)");
        let key = keys::participant(participant.session_id, participant.user_id);
        let change = Change::to(key, "SET rights = :rights", condition)
            .happens(now)
            .with(":seated", text(words::membership::of(Membership::Seated)))
            .with(":seen", number(participant.rights.bits()))
            .with(":rights", number(rights.bits()));
        match self.change(change, ReturnValue::AllNew).await? {
            Written::Done(item) => records::participant(item).map(Some),
            Written::Refused(_) => Ok(None),
        }
    }

    async fn ban(&self, session: SessionId, user: UserId, ban: Ban) -> Result<()> {
        let update =
            "SET bannedUntil = :until, takenAt = if_not_exists(takenAt, :now), expiresAt = :gone REMOVE admitted";
        let key = keys::visit(user, session);
        let change = match ban.shortens {
            // Nothing is in the way of it: an earlier one ends when this one does.
            true => Change::unconditional(key, update),
            false => Change::to(key, update, "attribute_not_exists(bannedUntil) OR bannedUntil < :until"),
        };
        let change = change
            .with(":until", millis(ban.until))
            .with(":now", millis(ban.at))
            .with(":gone", expiry(ban.noted_until));
        self.change(change, ReturnValue::None).await.map(drop)
    }

    async fn hold_up(&self, session: SessionId, user: UserId) -> Result<()> {
        let change = Change::to(keys::visit(user, session), "REMOVE admitted", "attribute_exists(admitted)");
        self.change(change, ReturnValue::None).await.map(drop)
    }

    async fn set_controls(&self, session: SessionId, change: &SessionChange, now: Timestamp) -> Result<ControlsSet> {
        match self.change(control(session, change).happens(now), ReturnValue::AllNew).await? {
            Written::Done(item) => {
                let session = SessionRecord::from_item(item)?.into_session()?;
                Ok(ControlsSet::Set(Box::new(session)))
            }
            Written::Refused(_) => Ok(ControlsSet::Refused),
        }
    }
}

/// The change as one update. A session that was never changed has no version noted.
fn control(session: SessionId, change: &SessionChange) -> Change {
    let mut sets = Vec::new();
    let mut values = Vec::new();
    if let Some(name) = &change.name {
        sets.push("sessionName = :name");
        values.push((":name", text(name.as_str())));
    }
    if let Some(seats) = change.max_participants {
        sets.push("maxSeats = :seats");
        values.push((":seats", number(seats)));
    }
    if change.locked == Some(true) {
        sets.push("locked = :locked");
        values.push((":locked", AttributeValue::Bool(true)));
    }
    if change.waiting_room == Some(true) {
        sets.push("waitingRoom = :waits");
        values.push((":waits", AttributeValue::Bool(true)));
    }
    let mut update = String::new();
    if !sets.is_empty() {
        update = format!("SET {} ", sets.join(", "));
    }
    let flags = [("locked", change.locked), ("waitingRoom", change.waiting_room)];
    let cleared: Vec<_> = flags.into_iter().filter(|(_, flag)| *flag == Some(false)).map(|(name, _)| name).collect();
    if !cleared.is_empty() {
        update.push_str(&format!("REMOVE {} ", cleared.join(", ")));
    }
    update.push_str("ADD version :one");
    values.push((":one", number(1)));
    let mut condition = "attribute_exists(pk) AND attribute_not_exists(endedAt)".to_owned();
    match change.seen {
        None => {}
        Some(0) => condition.push_str(" AND attribute_not_exists(version)"),
        Some(seen) => {
            condition.push_str(" AND version = :seen");
            values.push((":seen", number(seen)));
        }
    }
    let start = Change::to(keys::session(session), update, condition);
    values.into_iter().fold(start, |change, (name, value)| change.with(name, value))
}
