//! Seats: taken and freed in one transaction over the session, which counts them, and the participant. Taking one also notes
//! the visit with the user; what was left there of an earlier seat goes into the new one.

use aws_sdk_dynamodb::types::ReturnValue;
use domain::ports::{Again, Guard, Seats, TakenSeat};
use domain::sweep::LEFT_ALONE;
use domain::{
    Departure, Error, Lifetime, Membership, Participant, Person, Policy, Presence, Result, Rights, RoomRef, Rooms,
    Session, SessionId, Timestamp, Untold, UserId,
};

use crate::due::SET_DUE;
use crate::items::{Item, connection_set, expiry, millis, number, text};
use crate::records::{self, ParticipantRecord, SessionRecord};
use crate::requests::{Change, Refusals, Transacted, Written};
use crate::visits::{Found, Left, note_visit};
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
        let mut start = Start {
            at: now,
            attempt: now.millis(),
            given: caller.rights(),
            left: None,
            earlier: None,
            admitted: false,
        };
        for _ in 0..TRIES {
            let transacted = self
                .transact(vec![
                    count_seat(session, caller, now, &start).in_transaction(&self.table)?,
                    sit_down(session, caller, now, lease_until, &start)
                        .due(session, self.due_after(lease_until))
                        .in_transaction(&self.table)?,
                    note_visit(session, caller, now, noted_until, start.left.as_ref(), start.admitted)
                        .in_transaction(&self.table)?,
                ])
                .await?;
            match transacted {
                Transacted::Done => return Ok(TakenSeat::Taken(start.attempt)),
                Transacted::Refused(refusals) => match judge(refusals, start, caller)? {
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
        let stand_up = stand_up(participant, guard, reason, keep_until).happens(now).due(session, now + LEFT_ALONE);
        let items = |uncount: Change| -> Result<_> {
            Ok(vec![uncount.in_transaction(&self.table)?, stand_up.clone().in_transaction(&self.table)?])
        };
        // Most sessions last as long as all do. Of one that does not, the refusal says what is said of it.
        let usual = "seats > :none AND attribute_not_exists(emptySeconds) AND attribute_not_exists(endsAt)";
        let Transacted::Refused(mut refusals) =
            self.transact(items(uncount_seat(session, usual, now, empty_until))?).await?
        else {
            return Ok(true);
        };
        let refused = refusals.at(0) && !refusals.at(1);
        let Some(own) = refusals.take_item(0).filter(|_| refused).map(SessionRecord::from_item).transpose()? else {
            return Ok(false);
        };
        if own.lifetime() == Lifetime::default() {
            return Ok(false);
        }
        let due = due_by_own(&own.into_session()?, now, empty_until);
        Ok(self.transact(items(uncount_seat(session, "seats > :none", now, due))?).await?.is_done())
    }

    async fn rejoin(&self, seen: &Participant, again: Again, now: Timestamp) -> Result<Option<Participant>> {
        let key = keys::participant(seen.session_id, seen.user_id);
        let mut update = "SET rights = :rights".to_owned();
        if again.introduced {
            update.push_str(", introduced = :yes");
        }
        if again.is_news {
            update.push_str(", untold = if_not_exists(untold, :change)");
        }
        update.push_str(" ADD tickets :one");
        let condition = format!("membership = :seated AND joinedAt = :joined AND {}", rights_as_seen(seen.rights));
        let change = Change::to(key, update, condition)
            .with(":one", number(1))
            .with(":seated", text(SEATED))
            .with(":joined", millis(seen.joined_at))
            .with(":seen", number(seen.rights.bits()))
            .with(":rights", number(again.rights.bits()));
        let yes = aws_sdk_dynamodb::types::AttributeValue::Bool(true);
        let change = if again.introduced { change.with(":yes", yes) } else { change };
        let news = |change: Change| change.with(":change", text(words::untold::of(Untold::Change))).happens(now);
        let change = if again.is_news { news(change) } else { change };
        match self.change(change, ReturnValue::AllNew).await? {
            Written::Done(item) => records::participant(item).map(Some),
            Written::Refused(_) => Ok(None),
        }
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

/// One seat less, under that condition. The session is looked at then.
fn uncount_seat(session: SessionId, condition: &str, now: Timestamp, due: Timestamp) -> Change {
    let update = format!("SET seats = seats - :one, touchedAt = :now, {SET_DUE}");
    Change::to(keys::session(session), update, condition)
        .due(session, due)
        .with(":one", number(1))
        .with(":none", number(0))
        .with(":now", millis(now))
}

/// When a session with a lifetime of its own is looked at, if nobody is there from now on.
fn due_by_own(session: &Session, now: Timestamp, usual: Timestamp) -> Timestamp {
    let empty = session.controls.lifetime.empty.map_or(usual, |empty| Policy::due_when_empty(now, empty));
    session.ends_at().map_or(empty, |end| empty.min(end))
}

/// One more seat of an active session that is not full, lies in the scope of the access, and is not locked for whoever comes.
fn count_seat(session: SessionId, caller: &Person, now: Timestamp, start: &Start) -> Change {
    let scope = &caller.scope;
    let open = "attribute_exists(pk) AND attribute_not_exists(endedAt) AND seats < maxSeats \
                AND (attribute_not_exists(endsAt) OR endsAt > :now)";
    let project = if scope.project.is_default() { "attribute_not_exists(projectId)" } else { "projectId = :project" };
    let (room, named) = match &scope.rooms {
        Rooms::Any | Rooms::Only(RoomRef::Session(_)) => ("", None),
        Rooms::Only(RoomRef::Room(name)) => (" AND roomName = :room", Some(name.as_str())),
        Rooms::StartingWith(prefix) => (" AND begins_with(roomName, :room)", Some(prefix.as_str())),
    };
    // An account that created the session is its host; whoever came first into an app's room is not.
    let barriers = [("locked", Barrier::Lock), ("waitingRoom", Barrier::WaitingRoom)];
    let closed = barriers.into_iter().filter(|(_, barrier)| !start.passes(*barrier));
    let open_doors: Vec<_> = closed.map(|(name, _)| format!("attribute_not_exists({name})")).collect();
    let doors = match open_doors.join(" AND ") {
        none if none.is_empty() => none,
        doors if caller.user_id.is_of_app() => format!(" AND {doors}"),
        doors => format!(" AND (({doors}) OR creatorId = :user)"),
    };
    let update = "SET seats = seats + :one, touchedAt = :now";
    let mut change = Change::to(keys::session(session), update, format!("{open} AND {project}{room}{doors}"))
        .with(":one", number(1))
        .with(":now", millis(now));
    if doors.contains(":user") {
        change = change.with(":user", text(caller.user_id.to_string()));
    }
    if !scope.project.is_default() {
        change = change.with(":project", text(scope.project.as_str()));
    }
    named.into_iter().fold(change, |change, named| change.with(":room", text(named)))
}

/// The condition that rights are `:seen`. The usual ones are not noted.
pub(crate) fn rights_as_seen(seen: Rights) -> &'static str {
    match seen == Rights::default() {
        true => "(attribute_not_exists(rights) OR rights = :seen)",
        false => "rights = :seen",
    }
}

/// What a new seat goes on from.
struct Start {
    /// When it is tried.
    at: Timestamp,
    /// The first attempt.
    attempt: u64,
    /// What the access gives.
    given: Rights,
    /// What the visit keeps of an earlier seat.
    left: Option<Left>,
    /// An earlier seat that was left a moment ago, and of which the others were not told yet.
    earlier: Option<Earlier>,
    /// Whether the visit says that they pass the waiting room.
    admitted: bool,
}

/// A seat that was left, and still stands in the roster.
struct Earlier {
    /// The newest attempt that a ticket was given for.
    newest: u64,
    /// What whoever sat there might do.
    rights: Rights,
}

/// What can be in the way of somebody who wants a seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Barrier {
    Lock,
    WaitingRoom,
}

impl Start {
    /// Whether that is not in the way. Whoever steers the session by the access, or is to steer it, is never kept out of it.
    fn passes(&self, barrier: Barrier) -> bool {
        let steers = self.given.moderates() || self.rights().moderates();
        steers || (barrier == Barrier::WaitingRoom && self.admitted)
    }

    /// The rights of the new seat: what was decided on an earlier one goes before what the access gives. What the visit keeps of the
    /// same seat is newer: whoever was removed is held up there.
    fn rights(&self) -> Rights {
        let left = self.left.as_ref().map(|left| (left.newest, left.rights));
        let earlier = self.earlier.as_ref().map(|earlier| (earlier.newest, earlier.rights));
        let last = match (left, earlier) {
            (Some(left), Some(earlier)) if left.0 < earlier.0 => Some(earlier),
            (left, earlier) => left.or(earlier),
        };
        last.map_or(self.given, |(_, rights)| rights.renewed(self.given))
    }

    /// Whether something may be said of whoever comes: by the access, or since an earlier seat.
    fn introduces(&self, caller: &Person) -> bool {
        !caller.introduction.is_empty() || self.left.is_some() || self.earlier.is_some()
    }
}

/// A fresh participant, or a fresh seat for one who had left: its attempts are newer than all of before, and what was not
/// fenced then is still to be fenced.
fn sit_down(session: SessionId, caller: &Person, now: Timestamp, lease_until: Timestamp, start: &Start) -> Change {
    let mut update = "SET username = :username, joinedAt = :now, duePk = :duePart, dueSk = :dueAt, membership = :seated, presence = :disconnected, \
                  attempt = :before, tickets = :first, stay = :first, leaseUntil = :lease, untold = :untold, isMuted = :no, isVideoEnabled = :yes"
        .to_owned();
    // The usual rights are not noted.
    let rights = Some(start.rights()).filter(|rights| *rights != Rights::default());
    if rights.is_some() {
        update.push_str(", rights = :rights");
    }
    let introduced = start.introduces(caller);
    if introduced {
        update.push_str(", introduced = :yes");
    }
    update.push_str(
        " REMOVE liveConnection, loginFamily, connectedAt, expiresAt, unheardLease, catchingUp, catchingOn, waiting, recordings",
    );
    for (noted, attribute) in [(introduced, ", introduced"), (rights.is_some(), ", rights")] {
        if !noted {
            update.push_str(attribute);
        }
    }
    if caller.identity.is_some() {
        update = update.replacen("SET ", "SET appIdentity = :identity, ", 1);
    }
    let unfenced = start.left.as_ref().map(|left| left.unfenced.as_slice()).filter(|unfenced| !unfenced.is_empty());
    if unfenced.is_some() {
        update.push_str(" ADD unfenced :unfenced");
    }
    let condition = match start.earlier {
        None => "attribute_not_exists(pk)",
        Some(_) => "membership <> :seated AND tickets = :newest",
    };
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
    let change = match &start.earlier {
        Some(earlier) => change.with(":newest", number(earlier.newest)),
        None => change,
    };
    let change = match rights {
        Some(rights) => change.with(":rights", number(rights.bits())),
        None => change,
    };
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
    let kept = if reason == Departure::Removed { participant.rights.after_removal() } else { participant.rights };
    let rights = if kept == participant.rights { "" } else { ", rights = :rights" };
    let update =
        format!("{left}{rights}, {SET_DUE} REMOVE liveConnection, loginFamily, catchingUp, catchingOn, waiting");
    let change = Change::to(key, update, condition)
        .with(":seated", text(SEATED))
        .with(":left", text(words::membership::of(Membership::Left)))
        .with(":untold", text(words::untold::of(Untold::Departure(reason))))
        .with(":gone", expiry(keep_until));
    let change = if rights.is_empty() { change } else { change.with(":rights", number(kept.bits())) };
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

/// Holding a seat goes before everything, a ban before the session's being full or locked.
fn judge(mut refusals: Refusals, tried: Start, caller: &Person) -> Result<Refused> {
    let earlier = refusals.take_item(1).map(ParticipantRecord::from_item).transpose()?;
    let membership = earlier.as_ref().map(ParticipantRecord::membership).transpose()?;
    match membership {
        Some(Membership::Seated) => return Ok(Refused::For(TakenSeat::HeldAlready)),
        None if !refusals.at(0) && !refusals.at(2) => {
            return Err(Error::Internal("a seat was refused without a reason".into()));
        }
        Some(Membership::Left | Membership::Ended) | None => {}
    }
    let visit = refusals.take_item(2).map(Found::of).transpose()?;
    if let Some(until) = visit.as_ref().and_then(|visit| visit.banned_until)
        && until > tried.at
    {
        return Ok(Refused::For(TakenSeat::Banned(until)));
    }
    let in_the_way = refusals.take_item(0).and_then(|session| door_closed_to(&session, &tried, caller));
    let (left, admitted) = match visit {
        Some(visit) => (visit.left, visit.admitted),
        None if refusals.at(2) => (None, false),
        None => (tried.left, tried.admitted),
    };
    let earlier = match earlier {
        Some(seat) => Some(Earlier { newest: seat.tickets, rights: records::rights(seat.rights)? }),
        None if refusals.at(1) => None,
        None => tried.earlier,
    };
    let newest = earlier.as_ref().map(|seat| seat.newest).max(left.as_ref().map(|left| left.newest));
    let attempt = newest.map_or(tried.attempt, |newest| tried.attempt.max(newest + 1));
    let next = Start { at: tried.at, attempt, given: tried.given, left, earlier, admitted };
    match in_the_way {
        None if refusals.at(0) => Ok(Refused::For(TakenSeat::Refused)),
        None => Ok(Refused::StartFrom(next)),
        Some(barrier) if next.passes(barrier) => Ok(Refused::StartFrom(next)),
        Some(Barrier::Lock) => Ok(Refused::For(TakenSeat::Locked)),
        Some(Barrier::WaitingRoom) => Ok(Refused::For(TakenSeat::Waits)),
    }
}

/// What was in the way of that try, if it is an active session. An account that created it is its host.
fn door_closed_to(session: &Item, tried: &Start, caller: &Person) -> Option<Barrier> {
    let creator = session.get("creatorId").and_then(|creator| creator.as_s().ok());
    let hosted = !caller.user_id.is_of_app() && creator == Some(&caller.user_id.to_string());
    if hosted || session.contains_key("endedAt") {
        return None;
    }
    let barriers = [("locked", Barrier::Lock), ("waitingRoom", Barrier::WaitingRoom)];
    let mut closed =
        barriers.into_iter().filter(|(name, barrier)| session.contains_key(*name) && !tried.passes(*barrier));
    closed.next().map(|(_, barrier)| barrier)
}
