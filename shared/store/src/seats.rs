//! Seats: taken and freed in one transaction over the session, which counts them, and the participant. Taking one also notes
//! the visit with the user; what was left there of an earlier seat goes into the new one.

use aws_sdk_dynamodb::types::ReturnValue;
use domain::ports::{Guard, Seats, TakenSeat};
use domain::sweep::LEFT_ALONE;
use domain::{
    Departure, Error, Membership, Participant, Person, Presence, Result, RoomRef, Rooms, Scope, SessionId, Timestamp,
    Untold, UserId,
};

use crate::due::SET_DUE;
use crate::items::{connection_set, expiry, millis, number, text};
use crate::records::ParticipantRecord;
use crate::requests::{Change, Refusals, Transacted, Written};
use crate::visits::{Left, note_visit};
use crate::{Store, keys, words};

/// How often a seat is tried for that changes at the same time.
const TRIES: usize = 8;

const SEATED: &str = words::membership::of(Membership::Seated);

impl Seats for Store {
    async fn take_seat(
        &self,
        session: SessionId,
        caller: &Person,
        now: Timestamp,
        lease_until: Timestamp,
        noted_until: Timestamp,
    ) -> Result<TakenSeat> {
        let mut start = Start { attempt: now.millis(), left: None };
        for _ in 0..TRIES {
            let transacted = self
                .transact(vec![
                    count_seat(session, &caller.scope, now).in_transaction(&self.table)?,
                    sit_down(session, caller, now, lease_until, &start)
                        .due(session, self.due_after(lease_until))
                        .in_transaction(&self.table)?,
                    note_visit(session, caller, now, noted_until, start.left.as_ref()).in_transaction(&self.table)?,
                ])
                .await?;
            match transacted {
                Transacted::Done => return Ok(TakenSeat::Taken(start.attempt)),
                Transacted::Refused(refusals) => match judge(refusals, start)? {
                    Refused::For(taken) => return Ok(taken),
                    Refused::StartFrom(next) => start = next,
                },
            }
        }
        Err(Error::Unavailable("a seat changes too fast".into()))
    }

    async fn free_seat(
        &self,
        participant: &Participant,
        guard: Guard,
        reason: Departure,
        now: Timestamp,
        keep_until: Timestamp,
        empty_until: Timestamp,
    ) -> Result<bool> {
        let session = participant.session_id;
        let update = format!("SET seats = seats - :one, touchedAt = :now, {SET_DUE}");
        let uncount = Change::to(keys::session(session), update, "seats > :none")
            .due(session, empty_until)
            .with(":one", number(1))
            .with(":none", number(0))
            .with(":now", millis(now));
        let stand_up = stand_up(participant, guard, reason, keep_until).happens(now).due(session, now + LEFT_ALONE);
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
        let change = Change::to(key, format!("SET leaseUntil = :lease, {SET_DUE}"), condition)
            .due(participant.session_id, self.due_after(lease_until))
            .with(":seated", text(SEATED))
            .with(":connected", text(words::presence::of(Presence::Connected)))
            .with(":lease", millis(lease_until));
        self.change(change, ReturnValue::None).await.map(drop)
    }
}

/// One more seat of an active session that is not full and lies in the scope of the access.
fn count_seat(session: SessionId, scope: &Scope, now: Timestamp) -> Change {
    let open = "attribute_exists(pk) AND attribute_not_exists(endedAt) AND seats < maxSeats";
    let project = if scope.project.is_default() { "attribute_not_exists(projectId)" } else { "projectId = :project" };
    let (room, named) = match &scope.rooms {
        Rooms::Any | Rooms::Only(RoomRef::Session(_)) => ("", None),
        Rooms::Only(RoomRef::Room(name)) => (" AND roomName = :room", Some(name.as_str())),
        Rooms::StartingWith(prefix) => (" AND begins_with(roomName, :room)", Some(prefix.as_str())),
    };
    let update = "SET seats = seats + :one, touchedAt = :now";
    let mut change = Change::to(keys::session(session), update, format!("{open} AND {project}{room}"))
        .with(":one", number(1))
        .with(":now", millis(now));
    if !scope.project.is_default() {
        change = change.with(":project", text(scope.project.as_str()));
    }
    named.into_iter().fold(change, |change, named| change.with(":room", text(named)))
}

/// What a new seat goes on from.
struct Start {
    /// The first attempt.
    attempt: u64,
    /// What the visit keeps of an earlier seat.
    left: Option<Left>,
}

/// A fresh participant, or a fresh seat for one who had left: its attempts are newer than all of before, and what was not
/// fenced then is still to be fenced.
fn sit_down(session: SessionId, caller: &Person, now: Timestamp, lease_until: Timestamp, start: &Start) -> Change {
    let mut update = "SET username = :username, joinedAt = :now, duePk = :duePart, dueSk = :dueAt, membership = :seated, presence = :disconnected, \
                  attempt = :before, tickets = :first, stay = :first, leaseUntil = :lease, untold = :untold, isMuted = :no, isVideoEnabled = :yes \
                  REMOVE liveConnection, loginFamily, connectedAt, expiresAt, unheardLease, catchingUp, catchingOn, waiting"
        .to_owned();
    if caller.identity.is_some() {
        update = update.replacen("SET ", "SET appIdentity = :identity, ", 1);
    }
    let unfenced = start.left.as_ref().map(|left| left.unfenced.as_slice()).filter(|unfenced| !unfenced.is_empty());
    if unfenced.is_some() {
        update.push_str(" ADD unfenced :unfenced");
    }
    let condition = "attribute_not_exists(pk) OR (membership <> :seated AND tickets < :first)";
    let change = Change::to(keys::participant(session, caller.user_id), update, condition)
        .with(":username", text(caller.username.as_str()))
        .with(":now", millis(now))
        .with(":seated", text(SEATED))
        .with(":disconnected", text(words::presence::of(Presence::Disconnected)))
        .with(":before", number(start.attempt.saturating_sub(1)))
        .with(":first", number(start.attempt))
        .with(":lease", millis(lease_until))
        .with(":untold", text(words::untold::of(Untold::Join)))
        .with(":no", aws_sdk_dynamodb::types::AttributeValue::Bool(false))
        .with(":yes", aws_sdk_dynamodb::types::AttributeValue::Bool(true));
    let change = match &caller.identity {
        Some(identity) => change.with(":identity", text(identity.as_str())),
        None => change,
    };
    match unfenced {
        Some(unfenced) => change.with(":unfenced", connection_set(unfenced)),
        None => change,
    }
}

/// The end of a membership. The item stays until the others were told; if whoever does this dies first, the sweep does.
fn stand_up(participant: &Participant, guard: Guard, reason: Departure, keep_until: Timestamp) -> Change {
    let condition = match guard {
        Guard::Seated => "membership = :seated",
        Guard::SameAttempt => "membership = :seated AND attempt = :attempt",
        Guard::SameLease => "membership = :seated AND attempt = :attempt AND leaseUntil = :lease",
    };
    let key = keys::participant(participant.session_id, participant.user_id);
    let left = "SET membership = :left, expiresAt = :gone, untold = :untold";
    let update = format!("{left}, {SET_DUE} REMOVE liveConnection, loginFamily, catchingUp, catchingOn, waiting");
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
    /// There was an earlier seat, which this one has to go on from.
    StartFrom(Start),
}

/// Holding a seat goes before the session's being full.
fn judge(mut refusals: Refusals, tried: Start) -> Result<Refused> {
    let earlier = refusals.take_item(1).map(ParticipantRecord::from_item).transpose()?;
    let membership = earlier.as_ref().map(ParticipantRecord::membership).transpose()?;
    match membership {
        Some(Membership::Seated) => return Ok(Refused::For(TakenSeat::HeldAlready)),
        Some(Membership::Left | Membership::Ended) | None if refusals.at(0) => {
            return Ok(Refused::For(TakenSeat::Refused));
        }
        None if !refusals.at(2) => return Err(Error::Internal("a seat was refused without a reason".into())),
        Some(Membership::Left | Membership::Ended) | None => {}
    }
    let left = match refusals.at(2) {
        true => refusals.take_item(2).map(Left::of).transpose()?.flatten(),
        false => tried.left,
    };
    let newest = earlier.map(|seat| seat.tickets).max(left.as_ref().map(|left| left.newest));
    let attempt = newest.map_or(tried.attempt, |newest| tried.attempt.max(newest + 1));
    Ok(Refused::StartFrom(Start { attempt, left }))
}
