//! Sessions: creating, joining, leaving and ending them.

use std::time::Duration;

use futures_util::future::{join_all, try_join};
use futures_util::stream::{self, StreamExt};

use crate::about::{self, Seat, introduce};
use crate::accounts::require_live;
use crate::leases::{depart, settle, tell_untold, time_out};
use crate::links::require_invited;
use crate::ports::{
    Abouts, Again, Counted, DelayedMessage, Delays, Emptied, Endings, Families, Guard, IdempotencyKey, Inbox, Invites,
    Knock, Listeners, Live, Members, Ports, RoomNames, Rosters, Seats, SessionMetadata, Sessions, Sockets, TakenSeat,
    Throttles, Users, Verdict, WaitingRoom, Waits,
};
use crate::quotas::{Quotas, admit_session};
use crate::waiting::{Knocked, give_up, knock};
use crate::{
    Attached, Caller, ConnectionId, Context, Controls, Departure, Ending, Error, Event, KeyGrant, Lifetime, Metadata,
    Participant, Person, Policy, Presence, Result, RoomName, RoomRef, Rooms, Roster, Scope, Session, SessionId,
    SessionKind, SessionName, SessionState, Timestamp, UserId, Visibility,
};

/// How long a key of a request to create is remembered.
const KEY_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// What a caller wants to create.
pub struct NewSession {
    /// Its name.
    pub name: SessionName,
    /// Its seats, 2-100.
    pub max_participants: u8,
    /// What it is for.
    pub kind: SessionKind,
    /// Who can find it, where that is said.
    pub visibility: Option<Visibility>,
    /// Whether nobody but hosts and cohosts may join.
    pub locked: bool,
    /// Whether whoever joins waits until a host or a cohost admits them.
    pub waiting_room: bool,
    /// The app's name of it.
    pub room: Option<RoomName>,
    /// How long it lasts.
    pub lifetime: Lifetime,
    /// What is to be kept with it.
    pub metadata: Option<Metadata>,
}

impl NewSession {
    /// A room that a join makes: unlisted, and called as the app calls it.
    fn of_room(room: RoomName, seats: Option<u8>) -> Self {
        Self {
            name: SessionName::of_room(&room),
            max_participants: seats.unwrap_or(DEFAULT_SEATS),
            kind: SessionKind::VideoCall,
            visibility: None,
            room: Some(room),
            locked: false,
            waiting_room: false,
            lifetime: Lifetime::default(),
            metadata: None,
        }
    }

    /// Who can find it. An app hands out links of its own, so its rooms are listed only where it says so.
    fn visibility(&self, policy: &Policy) -> Visibility {
        let usual = if self.room.is_some() { Visibility::Unlisted } else { policy.default_visibility };
        self.visibility.unwrap_or(usual)
    }

    /// The session of that caller that it is to be.
    fn into_session(self, context: Context<'_>, caller: &Caller, tells_messages: bool) -> Session {
        let (creator_id, creator_username) = caller.creator();
        let visibility = self.visibility(context.policy);
        Session {
            id: SessionId::new(context.ids, context.now),
            name: self.name,
            kind: self.kind,
            visibility,
            state: SessionState::Active,
            max_participants: self.max_participants,
            seats_taken: 0,
            created_at: context.now,
            touched_at: context.now,
            project: caller.scope().project.clone(),
            room: self.room,
            creator_id,
            creator_username,
            controls: Controls {
                locked: self.locked,
                waiting_room: self.waiting_room,
                version: 0,
                lifetime: self.lifetime,
                tells_messages,
                recording_requested: false,
            },
            metadata: self.metadata.into(),
        }
    }

    /// May the caller create this?
    fn allowed_to(&self, caller: &Caller) -> Result<()> {
        if !caller.grants().room_create {
            return Err(Error::missing_grant(KeyGrant::Create.name()));
        }
        match (&self.room, caller) {
            (Some(_), Caller::Account(_)) => {
                Err(Error::field("room", "is for apps: it needs an API key or a join token"))
            }
            (Some(room), _) if !caller.scope().allows(room) => {
                Err(Error::forbidden("the token or the key is for other rooms"))
            }
            (None, _) if caller.scope().rooms != Rooms::Any => {
                Err(Error::forbidden("the token or the key is for named rooms: say which in `room`"))
            }
            _ => Ok(()),
        }
    }
}

/// The seats of a session where nothing is said.
pub const DEFAULT_SEATS: u8 = 10;

/// What came of a request to create a session.
#[derive(Debug)]
pub enum Created {
    /// It is new.
    Now(Session),
    /// The room was there, with the same settings.
    Before(Session),
}

impl Created {
    /// The session, whenever it was created.
    pub fn session(self) -> Session {
        match self {
            Self::Now(session) | Self::Before(session) => session,
        }
    }
}

/// Creates a session. Its creator is not joined. With a `key` that the caller has used within 24 hours nothing is created: the
/// answer is the session of then, as it is now. The same goes for the name of a room that is there.
///
/// An account that is being removed marks that first and looks for its sessions then; here the session comes first and the
/// look at the account then, so one of the two sees the other.
pub async fn create(
    store: &(
         impl Sessions + RoomNames + Listeners + SessionMetadata + Rosters + Endings + Users + Families + Throttles + Sync
     ),
    context: Context<'_>,
    caller: &Caller,
    new: NewSession,
    key: Option<&IdempotencyKey>,
) -> Result<Created> {
    require_live(store, context, caller).await?;
    new.allowed_to(caller)?;
    if let Caller::Account(person) | Caller::Participant(person) = caller {
        let counted = Counted::SessionsOf(person.user_id);
        store.hit(&counted, context.policy.sessions_per_user, context.now).await?;
    }
    let tells_messages = store.hears_of_messages(&caller.scope().project).await?;
    let session = new.into_session(context, caller, tells_messages);
    if session.room.is_some() {
        return create_room(store, context, session).await;
    }
    let empty_until = session.due(context.now, context.policy);
    match key {
        None => store.add(&session, empty_until).await?,
        Some(key) => {
            if let Some(earlier) = store.add_once(&session, empty_until, key, context.now + KEY_KEPT).await? {
                return created_before(store, context.now, &session, earlier).await.map(Created::Now);
            }
        }
    }
    if let Err(gone) = require_live(store, context, caller).await {
        let _ended = store.mark_ended(session.id, context.now, Ending::CreatorDeleted, None).await?;
        store.forget_active(&session, context.now).await?;
        return Err(gone);
    }
    Ok(Created::Now(session))
}

/// The session that the same request has created.
async fn created_before(
    store: &(impl Rosters + SessionMetadata + Sync),
    now: Timestamp,
    wanted: &Session,
    earlier: SessionId,
) -> Result<Session> {
    let found = store.roster(earlier, now).await?.ok_or(Error::SessionEnded)?.session;
    let found = with_metadata(store, now, found).await?;
    if differences(&found, wanted).is_empty() { Ok(found) } else { Err(Error::IdempotencyKeyReused) }
}

/// How often a room's name is tried that changes hands at the same time.
const ROOM_TRIES: usize = 4;

/// Creates a room under its name, unless it is there.
async fn create_room(
    store: &(impl RoomNames + SessionMetadata + Rosters + Sync),
    context: Context<'_>,
    session: Session,
) -> Result<Created> {
    let mut over = None;
    for _ in 0..ROOM_TRIES {
        let Some(found) = store.add_room(&session, session.due(context.now, context.policy), over).await? else {
            return Ok(Created::Now(session));
        };
        match store.roster(found, context.now).await? {
            Some(roster) if roster.session.is_active() => {
                let there = with_metadata(store, context.now, roster.session).await?;
                let differ = differences(&there, &session);
                return if differ.is_empty() {
                    Ok(Created::Before(there))
                } else {
                    Err(Error::RoomExists(differ.join(", ")))
                };
            }
            Some(_) | None => over = Some(found),
        }
    }
    Err(Error::Unavailable("a room's name changes hands too fast".into()))
}

/// A session with what is kept with it.
pub(crate) async fn with_metadata(
    store: &(impl SessionMetadata + Sync),
    now: Timestamp,
    session: Session,
) -> Result<Session> {
    let metadata = match session.metadata {
        Attached::Unread => store.metadata_of(session.id, now).await?.into(),
        read => read,
    };
    Ok(Session { metadata, ..session })
}

/// The settings in which two sessions differ.
fn differences(one: &Session, other: &Session) -> Vec<&'static str> {
    let all = [
        ("name", one.name == other.name),
        ("type", one.kind == other.kind),
        ("visibility", one.visibility == other.visibility),
        ("maxParticipants", one.max_participants == other.max_participants),
        ("room", one.room == other.room),
        ("locked", one.controls.locked == other.controls.locked),
        ("waitingRoom", one.controls.waiting_room == other.controls.waiting_room),
        ("emptyTimeoutSeconds", one.controls.lifetime.empty == other.controls.lifetime.empty),
        ("maxDurationSeconds", one.controls.lifetime.longest == other.controls.lifetime.longest),
        ("metadata", one.metadata == other.metadata),
    ];
    all.into_iter().filter(|(_, same)| !same).map(|(setting, _)| setting).collect()
}

/// A seat and the attempt that its ticket names.
pub struct Seated {
    /// The session as it is now.
    pub roster: Roster,
    /// The number of the connection attempt; later ones are larger.
    pub attempt: u64,
}

/// What came of joining.
pub enum Entry {
    /// There is a seat.
    Seated(Seated),
    /// They wait to be admitted.
    Waits(Awaited),
}

/// Somebody who waits to be admitted.
pub struct Awaited {
    /// The session as it is now.
    pub session: Session,
    /// Where they wait.
    pub knock: Knock,
}

impl Entry {
    /// The seat.
    ///
    /// # Errors
    /// `NotAdmitted` for somebody who waits.
    pub fn seated(self) -> Result<Seated> {
        match self {
            Self::Seated(seated) => Ok(seated),
            Self::Waits(_) => Err(Error::NotAdmitted),
        }
    }
}

/// Which session a caller means: what was asked for, or what the token is for.
///
/// # Errors
/// `Forbidden` for another one than the token's, `InvalidRequest` where nothing says which.
pub fn meant(scope: &Scope, asked: Option<RoomRef>) -> Result<RoomRef> {
    match (asked, &scope.rooms) {
        (None, Rooms::Only(own)) => Ok(own.clone()),
        (None, Rooms::Any | Rooms::StartingWith(_)) => Err(Error::field("sessionId", "is missing")),
        (Some(RoomRef::Room(name)), Rooms::Only(RoomRef::Room(own))) if name != *own => Err(another_room()),
        (Some(RoomRef::Session(id)), Rooms::Only(RoomRef::Session(own))) if id != *own => Err(another_room()),
        (Some(asked), _) => Ok(asked),
    }
}

fn another_room() -> Error {
    Error::forbidden("the token is for another room")
}

/// Joins a session: takes a seat, or finds the one already held, which works even when the session is full. Where there is a
/// waiting room, whoever was not admitted yet waits there. A guest needs a link that is good, or a seat.
pub async fn join(
    ports: Ports<
        '_,
        impl Seats + WaitingRoom + Abouts + Members + Rosters + Inbox + Invites + Families + Throttles + Sync,
        impl Sockets + Sync,
        impl Delays + Sync,
    >,
    person: &Person,
    session: SessionId,
) -> Result<Entry> {
    admit(ports.store, ports.context, person).await?;
    require_invited(ports.store, ports.context, person, session).await?;
    join_admitted(ports, person, session).await
}

/// Joins a room by its name. One that is not there is made, where the project or the token allows that.
pub async fn join_room(
    ports: Ports<
        '_,
        impl Seats
        + WaitingRoom
        + Abouts
        + Members
        + Rosters
        + RoomNames
        + Listeners
        + Live
        + Inbox
        + Families
        + Throttles
        + Sync,
        impl Sockets + Sync,
        impl Delays + Sync,
    >,
    quotas: &Quotas,
    person: &Person,
    name: &RoomName,
) -> Result<Entry> {
    admit(ports.store, ports.context, person).await?;
    let mut over = None;
    for _ in 0..ROOM_TRIES {
        let session = find_or_make(ports.store, quotas, ports.context, person, (name, over)).await?;
        match join_admitted(ports, person, session).await {
            // The name still led to a session that is over.
            Err(Error::SessionEnded | Error::SessionNotFound) => over = Some(session),
            joined => return joined,
        }
    }
    Err(Error::Unavailable("a room's name changes hands too fast".into()))
}

/// The session of that room, made if need be. `over` is one that has ended, though the name led there.
async fn find_or_make(
    store: &(impl RoomNames + Listeners + Live + Sync),
    quotas: &Quotas,
    context: Context<'_>,
    person: &Person,
    (name, over): (&RoomName, Option<SessionId>),
) -> Result<SessionId> {
    let project = &person.scope.project;
    let fresh = |found: &SessionId| Some(*found) != over;
    if let Some(found) = store.room(project, name, over.is_some()).await?.filter(fresh) {
        return Ok(found);
    }
    let may_make = person.scope.auto_create || person.grants.room_create;
    if person.identity.is_none() || !may_make {
        // What was read may be older than the room.
        return store.room(project, name, true).await?.filter(fresh).ok_or(Error::SessionNotFound);
    }
    admit_session(store, quotas, context, project, None).await?;
    let new = NewSession::of_room(name.clone(), person.grants.max_participants);
    let tells_messages = store.hears_of_messages(project).await?;
    let session = new.into_session(context, &Caller::from(person.clone()), tells_messages);
    let found = store.add_room(&session, session.due(context.now, context.policy), over).await?;
    Ok(found.unwrap_or(session.id))
}

/// Takes a seat in that session, or finds the one already held, or has its taker wait.
async fn join_admitted(
    ports: Ports<
        '_,
        impl Seats + WaitingRoom + Abouts + Members + Rosters + Inbox + Families + Throttles + Sync,
        impl Sockets + Sync,
        impl Delays + Sync,
    >,
    person: &Person,
    session: SessionId,
) -> Result<Entry> {
    let Ports { store, context, .. } = ports;
    // Before the seat is taken: a function that dies after that leaves no seat that nobody looks at.
    let check = DelayedMessage::CheckLease { session, user: person.user_id };
    ports.delays.after(context.policy.first_connect, &check).await?;
    for _ in 0..KNOCKS {
        let attempt = match take_seat(ports, person, session).await? {
            Door::Taken(attempt) => {
                // Whoever ends logins does that first and looks for their seats then; so one of the two sees the other.
                give_up_if_over(ports, person, session).await?;
                if !person.introduction.is_empty() {
                    let seat = Seat::taken(session, person.user_id, context.now);
                    introduce(store, context, seat, person, attempt).await?;
                }
                attempt
            }
            Door::Held => join_again(ports, person, session).await?,
            Door::Closed(roster) => match knock(ports, person, &roster).await? {
                Knocked::Waits(knock) => return Ok(Entry::Waits(Awaited { session: roster.session, knock: *knock })),
                Knocked::Open => continue,
            },
        };
        let roster = active_roster(store, session, context.now).await?;
        require_access(person, &roster)?;
        return Ok(Entry::Seated(Seated { roster, attempt }));
    }
    Err(Error::Unavailable("a waiting room opens and closes too fast".into()))
}

/// How often a door is tried that opens and closes at the same time.
const KNOCKS: usize = 4;

/// How often a seat is tried to be joined again that changes at the same time.
const REJOINS: usize = 8;

/// Joins again with the seat that is held: the access may be another one. What it gives counts from now on, in the order of the
/// attempts: the attempt and the rights are one write, and so is the note that the others have to be told.
async fn join_again(
    ports: Ports<'_, impl Seats + Abouts + Members + Rosters + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    person: &Person,
    session: SessionId,
) -> Result<u64> {
    let Ports { store, context, .. } = ports;
    for _ in 0..REJOINS {
        let seat = store.member(session, person.user_id).await?.filter(Participant::holds_seat);
        let seat = seat.ok_or(Error::NotInSession)?;
        let rights = seat.rights.renewed(person.rights());
        let introduced = seat.introduced || !person.introduction.is_empty();
        let is_news = !rights.look_as(seat.rights) || (introduced && about::would_change(store, &seat, person).await?);
        let Some(seat) = store.rejoin(&seat, Again { rights, introduced, is_news }, context.now).await? else {
            continue;
        };
        wait_anew(store, context, &seat).await?;
        let attempt = seat.tickets;
        let said = match introduced {
            true => introduce(store, context, Seat::of(&seat), person, attempt).await?,
            false => None,
        };
        match said {
            _ if is_news => drop(settle(ports, session, person.user_id).await?),
            Some(about) => about::tell(ports, &about).await?,
            None => {}
        }
        return Ok(attempt);
    }
    Err(Error::Unavailable("a seat changes too fast".into()))
}

/// What somebody found who wanted a seat.
enum Door {
    /// A seat, whose first attempt has that number.
    Taken(u64),
    /// The seat that they held.
    Held,
    /// The waiting room.
    Closed(Box<Roster>),
}

/// Refuses what the access is not for.
fn require_access(person: &Person, roster: &Roster) -> Result<()> {
    let session = &roster.session;
    if person.scope.project != session.project {
        return Err(Error::SessionNotFound);
    }
    person.scope.holds(session).then_some(()).ok_or_else(another_room)
}

/// The session that a caller names and may see.
///
/// # Errors
/// `SessionNotFound`, also for what lies in another project, `Forbidden` for another room than the token's.
pub async fn find(
    store: &(impl Rosters + RoomNames + Sync),
    context: Context<'_>,
    caller: &Caller,
    room: &RoomRef,
) -> Result<SessionId> {
    let project = &caller.scope().project;
    let id = match meant(caller.scope(), Some(room.clone()))? {
        RoomRef::Session(id) => id,
        RoomRef::Room(name) => {
            let found = store.room(project, &name, true).await?.ok_or(Error::SessionNotFound)?;
            if matches!(&caller.scope().rooms, Rooms::Only(RoomRef::Room(_))) {
                return Ok(found);
            }
            found
        }
    };
    match &caller.scope().rooms {
        // Most often the name leads there; that is cheaper to read than the session.
        Rooms::Only(RoomRef::Room(own)) if store.room(project, own, false).await? == Some(id) => return Ok(id),
        Rooms::Any if matches!(caller, Caller::Account(_)) => return Ok(id),
        Rooms::Any | Rooms::Only(_) | Rooms::StartingWith(_) => {}
    }
    let roster = store.roster(id, context.now).await?.ok_or(Error::SessionNotFound)?;
    caller.require_sight(&roster.session)?;
    Ok(id)
}

/// The same, for whoever still has an account, or a token that was not taken back.
///
/// # Errors
/// The same, and as [`require_live`].
pub async fn find_for(
    store: &(impl Rosters + RoomNames + Users + Families + Sync),
    context: Context<'_>,
    caller: &Caller,
    room: &RoomRef,
) -> Result<SessionId> {
    require_live(store, context, caller).await?;
    find(store, context, caller, room).await
}

/// Whether an app's user does not see who is behind a lock or a waiting room.
fn hides(roster: &Roster, caller: &Caller) -> bool {
    let closed = roster.session.controls.locked || roster.session.controls.waiting_room;
    let outside = |person: &Person| roster.seated(person.user_id).is_none() && !caller.hosts(&roster.session);
    closed && matches!(caller, Caller::Participant(person) if outside(person))
}

/// A session with its participants and its metadata, for whoever may see it.
///
/// # Errors
/// As [`find`]; `NotInSession` for a guest without a seat.
pub async fn show(
    store: &(impl Rosters + RoomNames + SessionMetadata + Sync),
    context: Context<'_>,
    caller: &Caller,
    room: RoomRef,
) -> Result<Roster> {
    let id = match meant(caller.scope(), Some(room))? {
        RoomRef::Session(id) => id,
        RoomRef::Room(name) => store.room(&caller.scope().project, &name, true).await?.ok_or(Error::SessionNotFound)?,
    };
    let roster = store.roster(id, context.now).await?.ok_or(Error::SessionNotFound)?;
    caller.require_sight(&roster.session)?;
    if matches!(caller, Caller::Participant(person) if person.invite().is_some() && roster.seated(person.user_id).is_none())
    {
        return Err(Error::NotInSession);
    }
    let participants = if hides(&roster, caller) { Vec::new() } else { roster.participants };
    let session = with_metadata(store, context.now, roster.session).await?;
    Ok(Roster { session, participants, ..roster })
}

/// That an app's user has a seat in the room of the token: whoever waits before it, or is kept out of it, gets no relay.
///
/// # Errors
/// `NotInSession`, or what reading fails with.
pub async fn require_seat(store: &(impl RoomNames + Members + Sync), caller: &Caller) -> Result<()> {
    let (Caller::Participant(person), Rooms::Only(room)) = (caller, &caller.scope().rooms) else {
        return Ok(());
    };
    let session = match room {
        RoomRef::Session(session) => *session,
        RoomRef::Room(name) => store.room(&person.scope.project, name, true).await?.ok_or(Error::NotInSession)?,
    };
    let member = store.member(session, person.user_id).await?;
    member.filter(Participant::holds_seat).map(drop).ok_or(Error::NotInSession)
}

/// A fresh attempt for a participant whose connection was lost.
pub async fn ticket(
    store: &(impl Seats + Rosters + Families + Throttles + Sync),
    context: Context<'_>,
    person: &Person,
    session: SessionId,
) -> Result<u64> {
    admit(store, context, person).await?;
    match next_attempt(store, context, session, person.user_id).await? {
        Some(attempt) => Ok(attempt),
        None => {
            let roster = active_roster(store, session, context.now).await?;
            require_access(person, &roster).and(Err(Error::NotInSession))
        }
    }
}

/// Frees a seat that was taken while the login behind it ended.
async fn give_up_if_over(
    ports: Ports<'_, impl Seats + Members + Rosters + Families + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    caller: &Person,
    session: SessionId,
) -> Result<()> {
    let Ports { store, context, .. } = ports;
    if store.is_live(caller.user_id, caller.family, context.now).await? {
        return Ok(());
    }
    if let Some(participant) = store.member(session, caller.user_id).await?.filter(Participant::holds_seat) {
        depart(ports, &participant, Guard::Seated, Departure::Removed).await?;
    }
    Err(caller.gone())
}

/// Refuses callers whose login was revoked, and those who ask too often.
async fn admit(store: &(impl Families + Throttles + Sync), context: Context<'_>, caller: &Person) -> Result<()> {
    let counted = Counted::TicketsOf(caller.user_id);
    let (live, ()) = try_join(
        store.is_live(caller.user_id, caller.family, context.now),
        store.hit(&counted, context.policy.tickets_per_user, context.now),
    )
    .await?;
    live.then_some(()).ok_or_else(|| caller.gone())
}

/// Takes a seat. A full session first gives up a seat whose lease ran out; and what an earlier seat left behind is put where it
/// counts.
async fn take_seat(
    ports: Ports<
        '_,
        impl Seats + WaitingRoom + Members + Rosters + Inbox + Sync,
        impl Sockets + Sync,
        impl Delays + Sync,
    >,
    caller: &Person,
    session: SessionId,
) -> Result<Door> {
    let Ports { store, context, .. } = ports;
    let lease = context.now + context.policy.first_connect;
    let noted_until = context.now + context.policy.connection_log;
    // A seat may have to be given up first, and then somebody told of.
    for last_try in [false, false, true] {
        let crowd = match store.take_seat(session, caller, context.now, lease, noted_until).await {
            Ok(TakenSeat::Taken(attempt)) => return Ok(Door::Taken(attempt)),
            Ok(TakenSeat::HeldAlready) => return Ok(Door::Held),
            Ok(TakenSeat::Banned(until)) => return Err(Error::Banned { until }),
            Ok(TakenSeat::Locked) => Some(Error::SessionLocked),
            Ok(TakenSeat::Waits) => Some(Error::NotAdmitted),
            Ok(TakenSeat::Refused) => None,
            // Too many want a seat at once. Whether there is one to come back for, the roster says.
            Err(error @ Error::Unavailable(_)) => Some(error),
            Err(error) => return Err(error),
        };
        let roster = active_roster(store, session, context.now).await?;
        require_access(caller, &roster)?;
        if roster.seated(caller.user_id).is_some() {
            return Ok(Door::Held);
        }
        if let Some(Error::SessionLocked | Error::NotAdmitted) = crowd {
            if !last_try && left_just_now(ports, &roster, caller.user_id).await? {
                continue;
            }
            return match crowd {
                Some(Error::NotAdmitted) => Ok(Door::Closed(Box::new(roster))),
                Some(_) | None => Err(Error::SessionLocked),
            };
        }
        if let Some(crowd) = crowd.filter(|_| roster.has_free_seat()) {
            return Err(crowd);
        }
        if last_try || !free_run_out(ports, &roster).await? {
            return Err(Error::SessionFull { limit: roster.session.max_participants });
        }
    }
    unreachable!("the last try returns")
}

/// Whether somebody left so shortly before that a door may have been closed to them by mistake. What they may is kept where it is
/// found only once the others were told of that: by now, or meanwhile by whoever else did.
async fn left_just_now(
    ports: Ports<'_, impl WaitingRoom + Members + Rosters + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    roster: &Roster,
    user: UserId,
) -> Result<bool> {
    match roster.departed.iter().find(|p| p.user_id == user) {
        Some(departed) => tell_untold(ports, roster, departed).await.map(|()| true),
        None => Ok(ports.store.verdict(roster.session.id, user).await? == Verdict::Passes),
    }
}

/// Frees one seat whose lease ran out; whether there is a free one now.
async fn free_run_out(
    ports: Ports<'_, impl Seats + Members + Rosters + Inbox + Sync, impl Sockets + Sync, impl Delays + Sync>,
    roster: &Roster,
) -> Result<bool> {
    if roster.has_free_seat() {
        return Ok(true);
    }
    for participant in roster.run_out(ports.context.now) {
        if time_out(ports, participant).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The next attempt of somebody who holds a seat. Asking for one shows life, so a seat that waits for a connection
/// waits anew.
async fn next_attempt(
    store: &(impl Seats + Sync),
    context: Context<'_>,
    session: SessionId,
    user: UserId,
) -> Result<Option<u64>> {
    let Some((participant, attempt)) = store.next_attempt(session, user).await? else {
        return Ok(None);
    };
    wait_anew(store, context, &participant).await?;
    Ok(Some(attempt))
}

/// A seat without a connection is kept for as long as a first connection may take.
async fn wait_anew(store: &(impl Seats + Sync), context: Context<'_>, participant: &Participant) -> Result<()> {
    let lease = context.now + context.policy.first_connect;
    if participant.presence != Presence::Connected && participant.lease_until < lease {
        store.extend_wait(participant, lease).await?;
    }
    Ok(())
}

/// The roster of a session that is still active, and whose longest time is not over.
pub async fn active_roster(store: &(impl Rosters + Sync), session: SessionId, now: Timestamp) -> Result<Roster> {
    let roster = store.roster(session, now).await?.ok_or(Error::SessionNotFound)?;
    let goes_on = roster.session.is_active() && !roster.session.has_run_out(now);
    goes_on.then_some(roster).ok_or(Error::SessionEnded)
}

/// Leaves a session over REST: the seat is free, the others are told, the own connections are closed. A repetition finishes
/// what was interrupted; after that the caller is no participant.
pub async fn leave(
    ports: Ports<
        '_,
        impl Seats + WaitingRoom + Members + Rosters + Inbox + Sync,
        impl Sockets + Sync,
        impl Delays + Sync,
    >,
    person: &Person,
    session: SessionId,
) -> Result<()> {
    let user = person.user_id;
    let roster = active_roster(ports.store, session, ports.context.now).await?;
    require_access(person, &roster)?;
    if let Some(participant) = roster.seated(user) {
        depart(ports, participant, Guard::Seated, Departure::Left).await?;
        return close_all(ports.sockets, participant).await;
    }
    if roster.waits(user, ports.context.now).is_some() {
        for own in roster.places_of(user) {
            give_up(ports, &Waits::from(own), &Emptied::Anyway, Departure::Left).await?;
        }
        return Ok(());
    }
    let participant = roster.departed.iter().find(|p| p.user_id == user).ok_or(Error::NotInSession)?;
    tell_untold(ports, &roster, participant).await?;
    close_all(ports.sockets, participant).await
}

/// Closes whatever connections of a participant may be open.
async fn close_all(sockets: &(impl Sockets + Sync), participant: &Participant) -> Result<()> {
    let closed = join_all(participant.unfenced.iter().map(|connection| sockets.close(connection))).await;
    closed.into_iter().collect()
}

/// So many participants are told and cut off at the same time.
const CLOSINGS_AT_ONCE: usize = 16;

/// The rest of an ending: participants are told, cut off and released, and the session leaves the list.
/// The roster is read after the session was marked, so that nobody who took a seat before is overlooked.
/// Safe to run again.
pub async fn finish_ending(
    ports: Ports<'_, impl Rosters + Endings + Sync, impl Sockets + Sync, impl Sync>,
    session: SessionId,
    why: Ending,
) -> Result<()> {
    let Ports { store, sockets, context, .. } = ports;
    let roster = store.roster(session, context.now).await?.ok_or(Error::SessionNotFound)?;
    let keep_until = context.now + context.policy.history;
    let waiting = roster.waiting.iter().filter_map(|knock| knock.connection.clone());
    let connected = roster.participants.iter().filter_map(|p| p.connection.clone()).chain(waiting).collect::<Vec<_>>();
    let ended = &ports.encode(&Event::SessionEnded(why));
    let closings = connected.into_iter().map(|connection: ConnectionId| async move {
        // Best effort: who is cut off asks again, and is told then.
        let _told = sockets.push(&connection, ended).await;
        sockets.close(&connection).await
    });
    let closed: Vec<_> = stream::iter(closings).buffer_unordered(CLOSINGS_AT_ONCE).collect().await;
    closed.into_iter().collect::<Result<()>>()?;

    let seated = roster.participants.iter().filter(|p| p.holds_seat());
    let released = join_all(seated.map(|p| store.release(session, p.user_id, context.now, keep_until))).await;
    released.into_iter().collect::<Result<()>>()?;
    store.forget_active(&roster.session, keep_until).await
}
