//! What those who steer a session write: rights of a seat, bans with the visit, settings of the session.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::ports::{Ban, ControlsSet, Moderation, SessionChange};
use domain::{
    Attached, Error, Membership, Metadata, Participant, Result, Rights, SessionId, Timestamp, UserId, Username,
};

use crate::items::{expiry, millis, number, text};
use crate::records::{self, SessionRecord};
use crate::requests::{Change, Transacted, Written};
use crate::seats::rights_as_seen;
use crate::visits::Found;
use crate::{Store, keys, words};

/// How often a visit is tried that changes at the same time.
const TRIES: usize = 4;

impl Moderation for Store {
    async fn change_seat(
        &self,
        seen: &Participant,
        rights: Rights,
        username: &Username,
        now: Timestamp,
    ) -> Result<Option<Participant>> {
        let condition = format!("membership = :seated AND joinedAt = :joined AND {}", rights_as_seen(seen.rights));
        let key = keys::participant(seen.session_id, seen.user_id);
        let change = Change::to(key, "SET rights = :rights, username = :username", condition)
            .happens(now)
            .with(":seated", text(words::membership::of(Membership::Seated)))
            .with(":joined", millis(seen.joined_at))
            .with(":seen", number(seen.rights.bits()))
            .with(":rights", number(rights.bits()))
            .with(":username", text(username.as_str()));
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

    async fn lift_ban(&self, session: SessionId, user: UserId) -> Result<()> {
        let change = Change::to(keys::visit(user, session), "REMOVE bannedUntil", "attribute_exists(bannedUntil)");
        self.change(change, ReturnValue::None).await.map(drop)
    }

    async fn hold_up(&self, session: SessionId, user: UserId) -> Result<()> {
        for _ in 0..TRIES {
            let Some(item) = self.get_item(keys::visit(user, session), true).await? else {
                return Ok(());
            };
            let found = Found::of(item)?;
            if self.change(held_up(session, user, &found), ReturnValue::None).await?.is_done() {
                return Ok(());
            }
        }
        Err(Error::Unavailable("a visit changes too fast".into()))
    }

    async fn set_controls(&self, session: SessionId, change: &SessionChange, now: Timestamp) -> Result<ControlsSet> {
        let control = control(session, change).happens(now);
        let written = match &change.metadata {
            None => self.change(control, ReturnValue::AllNew).await?,
            Some(metadata) => self.control_with(session, control, metadata.as_ref()).await?,
        };
        match written {
            Written::Done(item) => {
                let mut session = SessionRecord::from_item(item)?.into_session()?;
                if let Some(metadata) = &change.metadata {
                    session.metadata = metadata.clone().map_or(Attached::Removed, Attached::This);
                }
                Ok(ControlsSet::Set(Box::new(session)))
            }
            Written::Refused(_) => Ok(ControlsSet::Refused),
        }
    }
}

/// A visit of somebody who was removed, if it is as it was found.
fn held_up(session: SessionId, user: UserId, found: &Found) -> Change {
    let key = keys::visit(user, session);
    let Some(left) = &found.left else {
        let not_left = "attribute_exists(pk) AND attribute_not_exists(newestAttempt)";
        return Change::to(key, "SET removed = :yes REMOVE admitted", not_left)
            .with(":yes", AttributeValue::Bool(true));
    };
    Change::to(key, "SET rights = :rights, removed = :yes REMOVE admitted", "newestAttempt = :newest")
        .with(":yes", AttributeValue::Bool(true))
        .with(":rights", number(left.rights.after_removal().bits()))
        .with(":newest", number(left.newest))
}

impl Store {
    /// The change with other metadata, in one step; the session as it is then.
    async fn control_with(&self, session: SessionId, control: Change, metadata: Option<&Metadata>) -> Result<Written> {
        let control = control.in_transaction(&self.table)?;
        match self.transact(vec![control, self.replacing(session, metadata)?]).await? {
            Transacted::Done => {
                Ok(self.get_item(keys::session(session), true).await?.map_or(Written::Refused(None), Written::Done))
            }
            Transacted::Refused(_) => Ok(Written::Refused(None)),
        }
    }
}

/// The change as one update. A session that was never changed has no version noted.
fn control(session: SessionId, change: &SessionChange) -> Change {
    let (mut sets, mut removes, mut values) = (Vec::new(), Vec::new(), Vec::new());
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
    match change.metadata {
        Some(Some(_)) => {
            sets.push("hasMetadata = :metadata");
            values.push((":metadata", AttributeValue::Bool(true)));
        }
        Some(None) => removes.push("hasMetadata"),
        None => {}
    }
    let mut update = String::new();
    if !sets.is_empty() {
        update = format!("SET {} ", sets.join(", "));
    }
    let flags = [("locked", change.locked), ("waitingRoom", change.waiting_room)];
    removes.extend(flags.into_iter().filter(|(_, flag)| *flag == Some(false)).map(|(name, _)| name));
    if !removes.is_empty() {
        update.push_str(&format!("REMOVE {} ", removes.join(", ")));
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
