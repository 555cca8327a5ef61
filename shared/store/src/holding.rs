//! Which connection holds a participant: every step is one conditional update.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::ports::{Attempt, Catching, Finished, Held, Holding, Status, TakeOver};
use domain::{ConnectionId, Membership, Participant, Presence, Result, SessionId, Timestamp, UserId};

use crate::due::SET_DUE;
use crate::items::{connection_set, millis, number, text};
use crate::records::participant;
use crate::requests::{Change, Written};
use crate::{Store, keys, words};

/// What makes a connection the live one.
const TAKEN: &str = "SET liveConnection = :connection, loginFamily = :family, attempt = :attempt, presence = :connected, \
                     connectedAt = if_not_exists(connectedAt, :happened), leaseUntil = :lease";

/// Keeps the end of the lease that ran when something may first have been missed.
const UNHEARD: &str = "unheardLease = if_not_exists(unheardLease, leaseUntil)";

/// What an attempt that catches up is noted by.
const CATCHING: &str = "catchingUp, catchingOn, waiting";

const HELD: &str = "membership = :seated AND liveConnection = :connection";

impl Holding for Store {
    async fn take_over(&self, attempt: &Attempt, now: Timestamp, lease_until: Timestamp) -> Result<TakeOver> {
        let connection = &attempt.held.connection;
        let update = format!("{TAKEN}, {UNHEARD}, {SET_DUE} REMOVE {CATCHING} ADD unfenced :connections");
        let change = self.taking(attempt, &update, "membership = :seated AND attempt < :attempt", now, lease_until);
        match self.change(change, ReturnValue::AllOld).await? {
            Written::Done(before) => Ok(TakeOver::Taken(Box::new(participant(before)?))),
            Written::Refused(None) => Ok(TakeOver::NotSeated(None)),
            Written::Refused(Some(item)) => Ok(refused_to(connection, participant(item)?)),
        }
    }

    async fn unfence(&self, session: SessionId, user: UserId, fenced: &[ConnectionId]) -> Result<()> {
        if fenced.is_empty() {
            return Ok(());
        }
        let change = Change::to(
            keys::participant(session, user),
            "DELETE unfenced :fenced REMOVE unheardLease",
            "attribute_exists(pk)",
        )
        .with(":fenced", connection_set(fenced));
        self.change(change, ReturnValue::None).await.map(drop)
    }

    async fn lose(&self, held: &Held, now: Timestamp, lease_until: Timestamp) -> Result<Option<Participant>> {
        let update =
            format!("SET presence = :reconnecting, leaseUntil = :lease, {UNHEARD}, {SET_DUE} REMOVE liveConnection");
        let change = of_connection(held, &update, HELD)
            .happens(now)
            .due(held.session, self.due_after(lease_until))
            .with(":reconnecting", text(words::presence::of(Presence::Reconnecting)))
            .with(":lease", millis(lease_until));
        match self.change(change, ReturnValue::AllNew).await? {
            Written::Done(lost) => participant(lost).map(Some),
            Written::Refused(item) => {
                let found = item.map(participant).transpose()?;
                Ok(found.filter(|found| was_lost_here(found, held, lease_until)))
            }
        }
    }

    async fn renew(&self, held: &Held, now: Timestamp, lease_until: Timestamp) -> Result<bool> {
        let running = format!("{HELD} AND leaseUntil > :now");
        let change = of_connection(held, &format!("SET leaseUntil = :lease, {SET_DUE}"), &running)
            .due(held.session, self.due_after(lease_until))
            .with(":now", millis(now))
            .with(":lease", millis(lease_until));
        Ok(self.change(change, ReturnValue::None).await?.is_done())
    }

    async fn set_status(&self, held: &Held, status: Status, lease_until: Timestamp) -> Result<Option<Participant>> {
        let update = format!("SET isMuted = :muted, isVideoEnabled = :video, leaseUntil = :lease, {SET_DUE}");
        let change = of_connection(held, &update, HELD)
            .due(held.session, self.due_after(lease_until))
            .with(":muted", AttributeValue::Bool(status.is_muted))
            .with(":video", AttributeValue::Bool(status.is_video_enabled))
            .with(":lease", millis(lease_until));
        match self.change(change, ReturnValue::AllNew).await? {
            Written::Done(set) => participant(set).map(Some),
            Written::Refused(_) => Ok(None),
        }
    }
}

impl Catching for Store {
    async fn begin(&self, attempt: &Attempt, lease_until: Timestamp) -> Result<TakeOver> {
        let update = format!(
            "SET catchingUp = :attempt, catchingOn = :connection, waiting = :none, leaseUntil = :lease, {UNHEARD}, {SET_DUE} REMOVE liveConnection"
        );
        let newer = "attempt < :attempt AND (attribute_not_exists(catchingUp) OR catchingUp < :attempt)";
        let other = "(attribute_not_exists(liveConnection) OR liveConnection <> :connection)";
        let condition = format!("membership = :seated AND {newer} AND {other}");
        let change = of_connection(&attempt.held, &update, &condition)
            .due(attempt.held.session, self.due_after(lease_until))
            .with(":attempt", number(attempt.number))
            .with(":none", number(0))
            .with(":lease", millis(lease_until));
        match self.change(change, ReturnValue::AllOld).await? {
            Written::Done(before) => Ok(TakeOver::Taken(Box::new(participant(before)?))),
            Written::Refused(None) => Ok(TakeOver::NotSeated(None)),
            Written::Refused(Some(item)) => Ok(refused_to(&attempt.held.connection, participant(item)?)),
        }
    }

    async fn finish(&self, attempt: &Attempt, told: u64, now: Timestamp, lease_until: Timestamp) -> Result<Finished> {
        let update = format!("{TAKEN}, {SET_DUE} REMOVE unheardLease, {CATCHING} ADD unfenced :connections");
        let condition = "membership = :seated AND attempt < :attempt AND catchingUp = :attempt AND waiting = :told";
        let change = self.taking(attempt, &update, condition, now, lease_until).with(":told", number(told));
        match self.change(change, ReturnValue::AllOld).await? {
            Written::Done(before) => Ok(Finished::As(TakeOver::Taken(Box::new(participant(before)?)))),
            Written::Refused(None) => Ok(Finished::As(TakeOver::NotSeated(None))),
            Written::Refused(Some(item)) => Ok(unfinished(attempt, participant(item)?)),
        }
    }
}

impl Store {
    /// A change by which an attempt becomes the live one.
    fn taking(
        &self,
        attempt: &Attempt,
        update: &str,
        condition: &str,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Change {
        of_connection(&attempt.held, update, condition)
            .happens(now)
            .due(attempt.held.session, self.due_after(lease_until))
            .with(":family", text(attempt.family.to_string()))
            .with(":attempt", number(attempt.number))
            .with(":connected", text(words::presence::of(Presence::Connected)))
            .with(":lease", millis(lease_until))
            .with(":connections", connection_set(std::slice::from_ref(&attempt.held.connection)))
    }
}

/// Why an attempt that was told what was missed is not the live one.
fn unfinished(attempt: &Attempt, found: Participant) -> Finished {
    let seated = found.holds_seat() && !found.is_on(&attempt.held.connection);
    match &found.catching_up {
        Some(catching) if seated && catching.attempt == attempt.number && found.attempt < attempt.number => {
            Finished::MoreWaits(catching.waiting)
        }
        None if seated && found.attempt < attempt.number => Finished::Interrupted,
        Some(_) | None => Finished::As(refused_to(&attempt.held.connection, found)),
    }
}

/// A change to a participant by a connection.
fn of_connection(held: &Held, update: &str, condition: &str) -> Change {
    Change::to(keys::participant(held.session, held.user), update, condition)
        .with(":seated", text(words::membership::of(Membership::Seated)))
        .with(":connection", text(held.connection.as_str()))
}

/// Why a participant was not taken over.
fn refused_to(connection: &ConnectionId, found: Participant) -> TakeOver {
    match found.membership {
        Membership::Left | Membership::Ended => TakeOver::NotSeated(Some(found.membership)),
        Membership::Seated if found.is_on(connection) => TakeOver::HeldAlready(Box::new(found)),
        Membership::Seated if found.catching_up.as_ref().is_some_and(|other| other.connection == *connection) => {
            TakeOver::Underway
        }
        Membership::Seated => TakeOver::Superseded,
    }
}

/// Whether this very loss was already written by a retried request. If so, its lease check still has to be queued.
fn was_lost_here(found: &Participant, held: &Held, lease_until: Timestamp) -> bool {
    found.presence == Presence::Reconnecting
        && found.holds_seat()
        && found.lease_until == lease_until
        && found.unfenced.contains(&held.connection)
}
