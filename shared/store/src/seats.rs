//! Seats: taken and freed in one transaction over the session, which counts them, and the participant. Taking one also notes
//! the visit with the user.

use aws_sdk_dynamodb::types::ReturnValue;
use domain::ports::{Guard, Seats, TakenSeat};
use domain::{
    Caller, Departure, Error, Membership, Participant, Presence, Result, SessionId, Timestamp, Untold, UserId,
};

use crate::items::{Item, expiry, millis, number, text};
use crate::records::ParticipantRecord;
use crate::requests::{Change, Refusals, Transacted, Written};
use crate::{Store, keys, words};

const SEATED: &str = words::membership::of(Membership::Seated);

impl Seats for Store {
    async fn take_seat(
        &self,
        session: SessionId,
        caller: &Caller,
        now: Timestamp,
        lease_until: Timestamp,
        noted_until: Timestamp,
    ) -> Result<TakenSeat> {
        let mut first = now.millis();
        loop {
            let transacted = self
                .transact(vec![
                    count_seat(session, now).in_transaction(&self.table)?,
                    sit_down(session, caller, now, lease_until, first).in_transaction(&self.table)?,
                    self.putting(visit(session, caller, now, noted_until))?,
                ])
                .await?;
            match transacted {
                Transacted::Done => return Ok(TakenSeat::Taken(first)),
                Transacted::Refused(refusals) => match judge(refusals, first)? {
                    Refused::For(taken) => return Ok(taken),
                    Refused::BelowAttempt(next) => first = next,
                },
            }
        }
    }

    async fn free_seat(
        &self,
        participant: &Participant,
        guard: Guard,
        reason: Departure,
        now: Timestamp,
        keep_until: Timestamp,
    ) -> Result<bool> {
        let uncount = Change::to(
            keys::session(participant.session_id),
            "SET seats = seats - :one, touchedAt = :now",
            "seats > :none",
        )
        .with(":one", number(1))
        .with(":none", number(0))
        .with(":now", millis(now));
        let stand_up = stand_up(participant, guard, reason, keep_until);
        let items = vec![uncount.in_transaction(&self.table)?, stand_up.in_transaction(&self.table)?];
        Ok(self.transact(items).await?.is_done())
    }

    async fn next_attempt(&self, session: SessionId, user: UserId) -> Result<Option<(Participant, u64)>> {
        let change = Change::to(keys::participant(session, user), "ADD tickets :one", "membership = :seated")
            .with(":one", number(1))
            .with(":seated", text(SEATED));
        match self.change(change, ReturnValue::AllNew).await? {
            Written::Refused(_) => Ok(None),
            Written::Done(item) => {
                let record = ParticipantRecord::from_item(item)?;
                let attempt = record.tickets;
                Ok(Some((record.into_participant()?, attempt)))
            }
        }
    }

    async fn extend_wait(&self, participant: &Participant, lease_until: Timestamp) -> Result<()> {
        let condition = "membership = :seated AND presence <> :connected AND leaseUntil < :lease";
        let key = keys::participant(participant.session_id, participant.user_id);
        let change = Change::to(key, "SET leaseUntil = :lease", condition)
            .with(":seated", text(SEATED))
            .with(":connected", text(words::presence::of(Presence::Connected)))
            .with(":lease", millis(lease_until));
        self.change(change, ReturnValue::None).await.map(drop)
    }
}

/// One more seat of an active session that is not full.
fn count_seat(session: SessionId, now: Timestamp) -> Change {
    let condition = "attribute_exists(pk) AND attribute_not_exists(endedAt) AND seats < maxSeats";
    Change::to(keys::session(session), "SET seats = seats + :one, touchedAt = :now", condition)
        .with(":one", number(1))
        .with(":now", millis(now))
}

/// A fresh participant, or a fresh seat for one who had left: its attempts are newer than all of before, and what was not
/// fenced then is still to be fenced.
fn sit_down(session: SessionId, caller: &Caller, now: Timestamp, lease_until: Timestamp, first_attempt: u64) -> Change {
    let update = "SET username = :username, joinedAt = :now, membership = :seated, presence = :disconnected, \
                  attempt = :before, tickets = :first, leaseUntil = :lease, untold = :untold, isMuted = :no, isVideoEnabled = :yes \
                  REMOVE liveConnection, loginFamily, expiresAt";
    let condition = "attribute_not_exists(pk) OR (membership <> :seated AND tickets < :first)";
    Change::to(keys::participant(session, caller.user_id), update, condition)
        .with(":username", text(caller.username.as_str()))
        .with(":now", millis(now))
        .with(":seated", text(SEATED))
        .with(":disconnected", text(words::presence::of(Presence::Disconnected)))
        .with(":before", number(first_attempt.saturating_sub(1)))
        .with(":first", number(first_attempt))
        .with(":lease", millis(lease_until))
        .with(":untold", text(words::untold::of(Untold::Join)))
        .with(":no", aws_sdk_dynamodb::types::AttributeValue::Bool(false))
        .with(":yes", aws_sdk_dynamodb::types::AttributeValue::Bool(true))
}

/// What the user's partition says of the seat: whoever ends logins or deletes the account finds it there.
fn visit(session: SessionId, caller: &Caller, now: Timestamp, noted_until: Timestamp) -> Item {
    let mut item = keys::visit(caller.user_id, session).into_item();
    item.insert("familyId".to_owned(), text(caller.family.to_string()));
    item.insert("takenAt".to_owned(), millis(now));
    item.insert("expiresAt".to_owned(), expiry(noted_until));
    item
}

/// The end of a membership. The item stays for a while: its attempts go on where they stopped, and what is unfenced is
/// remembered.
fn stand_up(participant: &Participant, guard: Guard, reason: Departure, keep_until: Timestamp) -> Change {
    let condition = match guard {
        Guard::Seated => "membership = :seated",
        Guard::SameAttempt => "membership = :seated AND attempt = :attempt",
        Guard::SameLease => "membership = :seated AND attempt = :attempt AND leaseUntil = :lease",
    };
    let key = keys::participant(participant.session_id, participant.user_id);
    let update = "SET membership = :left, expiresAt = :gone, untold = :untold REMOVE liveConnection, loginFamily";
    let change = Change::to(key, update, condition)
        .with(":seated", text(SEATED))
        .with(":left", text(words::membership::of(Membership::Left)))
        .with(":untold", text(words::untold::of(Untold::Departure(reason))))
        .with(":gone", expiry(keep_until));
    match guard {
        Guard::Seated => change,
        Guard::SameAttempt => change.with(":attempt", number(participant.attempt)),
        Guard::SameLease => {
            change.with(":attempt", number(participant.attempt)).with(":lease", millis(participant.lease_until))
        }
    }
}

/// Why a seat was not taken.
enum Refused {
    For(TakenSeat),
    /// An earlier membership has got as far as that by a clock that was ahead: the next attempt to start from.
    BelowAttempt(u64),
}

/// Holding a seat goes before the session's being full.
fn judge(refusals: Refusals, first: u64) -> Result<Refused> {
    let session_refused = refusals.at(0);
    let Some(item) = refusals.into_item(1) else {
        return match session_refused {
            true => Ok(Refused::For(TakenSeat::Refused)),
            false => Err(Error::Internal("a seat was refused without a reason".into())),
        };
    };
    let record = ParticipantRecord::from_item(item)?;
    match record.membership()? {
        Membership::Seated => Ok(Refused::For(TakenSeat::HeldAlready)),
        Membership::Left | Membership::Ended if session_refused => Ok(Refused::For(TakenSeat::Refused)),
        Membership::Left | Membership::Ended => Ok(Refused::BelowAttempt(record.tickets.max(first) + 1)),
    }
}
