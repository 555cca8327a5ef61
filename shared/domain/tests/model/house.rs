//! The ports, over one [`World`]. Each call is a scheduling point before and after it takes effect.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use domain::ports::{
    About, Abouts, Admission, Again, Attempt, ChatLog, ChatMessage, Closure, ConnectionLog, Counted, DelayedMessage,
    Delays, Due, DueTimes, Endings, Families, Guard, Held, Holding, Inbox, Invites, Log, LoggedConnection, Members,
    Page, Ports, PresentedRefresh, Pushed, Rosters, Rotation, Seats, Signal, Sockets, Status, TakeOver, TakenSeat,
    Throttles, Visit,
};
use domain::standing::JoinedCache;
use domain::{
    Attached, Clock, ConnectionId, Context, Controls, Departure, Ending, Error, Event, EventEncoder, FamilyId, Frame,
    Grants, IdSource, Introduction, Invite, InviteId, Membership, MessageId, Participant, Person, Policy, Presence,
    ProjectId, Result, Rights, Roster, Session, SessionId, SessionKind, SessionName, SessionState, SignalId, Throttle,
    TicketId, Timestamp, Untold, UserId, Username, Visibility,
};
use uuid::{Builder, Uuid};

use crate::rule::Broken;
use crate::world::{DAWN, Left, Noted, Parcel, Stored, World};

/// What a token gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Token {
    /// What everybody may.
    Usual,
    /// To hear and to write.
    Silent,
    /// To steer the session.
    Admin,
}

impl Token {
    pub const ALL: [Self; 3] = [Self::Usual, Self::Silent, Self::Admin];

    /// What it says of its holder: nothing, if it is the usual one.
    pub fn introduction(self) -> Introduction {
        let said = Some(("token".to_owned(), format!("{self:?}"))).filter(|_| self != Self::Usual);
        Introduction { metadata: None, attributes: said.into_iter().collect() }
    }

    fn grants(self) -> Grants {
        match self {
            Self::Usual => Grants::ACCOUNT,
            Self::Silent => Grants { publish_audio: false, publish_video: false, ..Grants::ACCOUNT },
            Self::Admin => Grants { room_admin: true, ..Grants::ACCOUNT },
        }
    }
}

/// The world, one at a time.
struct Shared(Mutex<World>);

/// One deployment: the ports of every function, and what they share.
pub struct House {
    world: Shared,
    pub policy: Policy,
    pub joined: JoinedCache,
    pub session: Session,
    pub users: Vec<UserId>,
    pub family: FamilyId,
    /// Whether tokens may be taken back. Where they are not, asking for it is no step of its own.
    tokens_end: bool,
    broken: Option<Broken>,
}

impl House {
    pub fn new(seed: u64, users: usize, policy: Policy, broken: Option<Broken>) -> Arc<Self> {
        let seats = u8::try_from(users).expect("a few").max(2);
        Arc::new(Self::with_seats(seed, users, seats, policy, broken))
    }

    /// Where more people want seats than there are, and are let in and kept out.
    pub fn with_doors(seed: u64, users: usize, seats: u8, broken: Option<Broken>) -> Arc<Self> {
        Arc::new(Self { tokens_end: true, ..Self::with_seats(seed, users, seats, Policy::default(), broken) })
    }

    fn with_seats(seed: u64, users: usize, seats: u8, policy: Policy, broken: Option<Broken>) -> Self {
        let ids = Shared(Mutex::new(World::new(seed, 0, policy.lease_step())));
        let users: Vec<_> = (0..users).map(|_| UserId::new(&ids, DAWN)).collect();
        let session = session(SessionId::new(&ids, DAWN), users[0], seats);
        Self {
            world: Shared(Mutex::new(World::new(seed, users.len(), policy.lease_step()))),
            policy,
            joined: JoinedCache::default(),
            session,
            family: FamilyId::new(&ids, DAWN),
            users,
            tokens_end: false,
            broken,
        }
    }

    pub fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock()
    }

    /// What a function is given that starts now; the clocks of its hosts differ a little.
    pub fn context(&self, now: Timestamp) -> Context<'_> {
        Context { policy: &self.policy, ids: &self.world, now, access_until: None }
    }

    /// The ports of a function that starts now.
    pub fn ports(&self, now: Timestamp) -> Ports<'_, Self, Self, Self> {
        Ports { store: self, sockets: self, delays: self, encoder: self, context: self.context(now) }
    }

    pub fn is_broken(&self, rule: Broken) -> bool {
        self.broken == Some(rule)
    }

    pub fn caller(&self, user: usize) -> Person {
        self.caller_with(user, self.family)
    }

    /// The same with another token, of those that an app mints.
    pub fn caller_by(&self, user: usize, family: FamilyId, token: Token) -> Person {
        Person { grants: token.grants(), introduction: token.introduction(), ..self.caller_with(user, family) }
    }

    /// The same with that login.
    pub fn caller_with(&self, user: usize, family: FamilyId) -> Person {
        let expires_at = DAWN + self.policy.access_token;
        Person::account(self.users[user], name(user), family, expires_at)
    }

    pub fn held(&self, user: usize, connection: &ConnectionId) -> Held {
        Held { session: self.session.id, user: self.users[user], connection: connection.clone() }
    }

    /// Where a user stands in the list.
    pub fn place(&self, user: UserId) -> usize {
        self.users.iter().position(|u| *u == user).expect("every user has a row")
    }

    /// One call of a port: others may run before and after its effect. It may fail before it takes effect, and its
    /// answer may get lost after that.
    pub async fn call<T>(&self, effect: impl FnOnce(&mut World) -> T + Send) -> Result<T> {
        let before = 1 + self.lock().chance.below(3);
        pause(before).await;
        let (result, after) = {
            let mut world = self.lock();
            let fate = if world.faulty { world.chance.below(200) } else { usize::MAX };
            let result = if fate == 0 { Err(failed()) } else { Ok(effect(&mut world)) };
            (if fate == 1 { Err(failed()) } else { result }, 1 + world.chance.below(2))
        };
        pause(after).await;
        result
    }

    /// Changes a row by one conditional update; what the update made of it, if its condition held.
    pub async fn update(
        &self,
        user: UserId,
        change: impl FnOnce(&mut Participant) -> bool + Send,
    ) -> Result<Option<Participant>> {
        let user = self.place(user);
        self.call(move |world| {
            let mut row = world.row(user)?.clone();
            change(&mut row).then(|| {
                world.write(user, row.clone());
                row
            })
        })
        .await
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn failed() -> Error {
    Error::Unavailable("the call was told to fail".into())
}

/// Lets others run so many times.
async fn pause(mut times: usize) {
    poll_fn(|context| {
        if times == 0 {
            return Poll::Ready(());
        }
        times -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn name(user: usize) -> Username {
    Username::parse(&format!("user{user}")).expect("a name")
}

fn session(id: SessionId, creator: UserId, seats: u8) -> Session {
    Session {
        id,
        name: SessionName::parse("model").expect("a name"),
        kind: SessionKind::VideoCall,
        visibility: Visibility::Public,
        state: SessionState::Active,
        max_participants: seats,
        seats_taken: 0,
        created_at: DAWN,
        touched_at: DAWN,
        project: ProjectId::default(),
        room: None,
        creator_id: creator,
        creator_username: name(0),
        controls: Controls::default(),
        metadata: Attached::Nothing,
    }
}

impl IdSource for Shared {
    /// Nothing but the time orders them: identifiers come from many hosts.
    fn next(&self, now: Timestamp) -> Uuid {
        let mut world = self.lock();
        let mut random = [0; 10];
        random[..8].copy_from_slice(&world.chance.bits().to_be_bytes());
        Builder::from_unix_timestamp_millis(now.millis(), &random).into_uuid()
    }
}

impl EventEncoder for House {
    /// `<milliseconds> m <messageId>` for chat, `<milliseconds> j <user> <joinedAt>` for a join, `u` for a status, `l` for a
    /// departure, and
    /// `<milliseconds> e` for every other event.
    fn encode(&self, event: &Event<'_>, at: Timestamp) -> Frame {
        match event {
            Event::ReceiveMessage(message) => Frame(format!("{} m {}", at.millis(), message.id)),
            Event::UserJoined(participant) => {
                let (user, joined) = (self.place(participant.user_id), participant.joined_at.millis());
                Frame(format!("{} j {user} {joined}", at.millis()))
            }
            Event::UserLeft { user_id, .. } => {
                let user = self.place(*user_id);
                // Where they took a seat again meanwhile, their join tells the rest.
                let joined = self.lock().last_row(user).map_or(0, |row| row.joined_at.millis());
                Frame(format!("{} l {user} {joined}", at.millis()))
            }
            Event::UserStatusUpdated(participant) => {
                let (user, joined) = (self.place(participant.user_id), participant.joined_at.millis());
                Frame(format!("{} u {user} {joined}", at.millis()))
            }
            Event::SessionEnded(_)
            | Event::Replaced
            | Event::ParticipantUpdated { .. }
            | Event::SessionUpdated(_)
            | Event::MuteRequested { .. }
            | Event::ParticipantWaiting(_)
            | Event::ReceiveData(_)
            | Event::ReceiveCaption { .. }
            | Event::ReceiveRpc(_)
            | Event::ReceiveRpcAnswer(_)
            | Event::Admitted(_)
            | Event::Denied { .. }
            | Event::RecordingStarted(_)
            | Event::RecordingStopped(_)
            | Event::RecordingReady(_)
            | Event::RecordingRequested { .. }
            | Event::Removed { .. } => Frame(format!("{} e", at.millis())),
        }
    }
}

impl Inbox for House {
    async fn put(&self, signal: &Signal, keep_until: Timestamp) -> Result<()> {
        let to = self.place(signal.to);
        self.call(|world| {
            let stored = Stored { id: signal.id, frame: signal.frame.clone(), keep_until, at_step: world.step };
            world.note(|| format!("put {:?} for user {to}", signal.frame.0));
            match self.is_broken(Broken::PushBeforeWrite) {
                true => world.late_puts.push((to, stored)),
                false => world.inboxes[to].push(stored),
            }
        })
        .await
    }

    async fn take_back(&self, signal: &Signal) -> Result<()> {
        let to = self.place(signal.to);
        self.call(|world| world.inboxes[to].retain(|stored| stored.id != signal.id)).await
    }

    async fn signal(&self, _: SessionId, user: UserId, id: SignalId, now: Timestamp) -> Result<Option<Frame>> {
        let user = self.place(user);
        self.call(|world| {
            let kept = world.inboxes[user].iter().find(|stored| stored.id == id && stored.keep_until > now);
            kept.map(|stored| stored.frame.clone())
        })
        .await
    }

    async fn signals(
        &self,
        _: SessionId,
        user: UserId,
        from: SignalId,
        now: Timestamp,
    ) -> Result<Page<Frame, SignalId>> {
        let user = self.place(user);
        self.call(|world| {
            let mut found = self.read(world, user, from, now);
            world.note(|| format!("read {} signals of user {user} from {:?} on", found.len(), from.timestamp()));
            found.sort_by_key(|(id, _)| *id);
            world.cursors[user] = world.cursors[user].max(found.last().map(|(id, _)| *id));
            page(found, SignalId::successor)
        })
        .await
    }
}

/// So few make a page that most replays have several.
const PAGE: usize = 2;

/// The first page of what was found, in order.
fn page<T, I: Copy>(mut found: Vec<(I, T)>, successor: fn(I) -> I) -> Page<T, I> {
    let more = found.len() > PAGE;
    found.truncate(PAGE);
    let next = found.last().filter(|_| more).map(|(id, _)| successor(*id));
    Page { items: found.into_iter().map(|(_, item)| item).collect(), next }
}

impl House {
    /// What an inbox holds for a replay.
    fn read(&self, world: &mut World, user: usize, from: SignalId, now: Timestamp) -> Vec<(SignalId, Frame)> {
        if let Some(early) = world.early_reads[user].take() {
            return early;
        }
        let first = match self.is_broken(Broken::OnlyFromSince) {
            true => SignalId::first_at(world.asked[user].minus(self.policy.replay_margin)),
            false => from,
        };
        let seen = world.cursors[user].filter(|_| self.is_broken(Broken::ServerCursor));
        let as_of = match self.is_broken(Broken::OldInboxRead) {
            true => world.step.saturating_sub(world.chance.below(200)),
            false => world.step,
        };
        let wanted = |s: &&Stored| s.id >= first && s.keep_until > now && s.at_step <= as_of && Some(s.id) > seen;
        world.inboxes[user].iter().filter(wanted).map(|s| (s.id, s.frame.clone())).collect()
    }
}

impl ChatLog for House {
    async fn append(&self, message: &ChatMessage, _: Timestamp) -> Result<ChatMessage> {
        self.call(|world| world.chat.push(message.clone())).await?;
        Ok(message.clone())
    }

    async fn message(&self, _: SessionId, _: Log, id: MessageId, _: Timestamp) -> Result<Option<ChatMessage>> {
        self.call(|world| world.chat.iter().find(|message| message.id == id).cloned()).await
    }

    async fn tell_of(&self, _: &ChatMessage, _: Timestamp) -> Result<()> {
        Ok(())
    }

    async fn take_back_message(&self, message: &ChatMessage) -> Result<()> {
        self.call(|world| world.chat.retain(|kept| kept.id != message.id)).await
    }

    async fn messages_since(
        &self,
        _: SessionId,
        log: Log,
        from: MessageId,
        _: Timestamp,
    ) -> Result<Page<ChatMessage, MessageId>> {
        self.call(|world| {
            let wanted = world.chat.iter().filter(|m| m.log() == log && m.id >= from);
            let mut found: Vec<_> = wanted.map(|m| (m.id, m.clone())).collect();
            found.sort_by_key(|(id, _)| *id);
            page(found, MessageId::successor)
        })
        .await
    }
}

impl ConnectionLog for House {
    async fn open(&self, _: &Admission, _: Timestamp) -> Result<bool> {
        Ok(true)
    }

    async fn close(&self, _: UserId, ticket: TicketId, _: &Closure) -> Result<Option<SessionId>> {
        self.call(|world| {
            world.closed.insert(ticket);
            Some(self.session.id)
        })
        .await
    }

    async fn forget(&self, _: UserId, _: TicketId) -> Result<()> {
        Ok(())
    }

    async fn is_closed(&self, _: UserId, ticket: TicketId) -> Result<bool> {
        self.call(|world| world.closed.contains(&ticket)).await
    }

    async fn of_user(&self, _: UserId, _: Timestamp) -> Result<Vec<LoggedConnection>> {
        Ok(Vec::new())
    }
}

/// Nobody says anything of themselves in the model; tokens do.
impl Abouts for House {
    async fn abouts(&self, _: SessionId, _: Timestamp) -> Result<Vec<About>> {
        unreachable!("nobody asks for all of them")
    }

    async fn set_about(&self, about: &About, seen: Option<u64>, _: Timestamp) -> Result<bool> {
        let user = self.place(about.user);
        self.call(|world| {
            let kept = &mut world.abouts[user];
            let as_seen = kept.as_ref().map(|about| about.version) == seen;
            if as_seen {
                *kept = Some(about.clone());
            }
            as_seen
        })
        .await
    }
}

impl Members for House {
    async fn about(&self, _: SessionId, user: UserId) -> Result<Option<About>> {
        let user = self.place(user);
        self.call(|world| world.abouts[user].clone()).await
    }

    async fn member(&self, _: SessionId, user: UserId) -> Result<Option<Participant>> {
        let user = self.place(user);
        self.call(|world| match self.is_broken(Broken::OldReadDecides) {
            true => world.old_row(user),
            false => world.row(user).cloned(),
        })
        .await
    }

    async fn told(&self, participant: &Participant, _: Timestamp) -> Result<()> {
        if participant.membership != Membership::Left {
            let clear = |row: &mut Participant| {
                let as_told = row.untold == participant.untold && row.joined_at == participant.joined_at;
                row.untold = None;
                as_told
            };
            return self.update(participant.user_id, clear).await.map(drop);
        }
        if self.is_broken(Broken::TakenOutFirst) {
            self.take_out(participant).await?;
            return self.keep_left(participant).await;
        }
        if !self.is_broken(Broken::LeftIsForgotten) {
            self.keep_left(participant).await?;
        }
        self.take_out(participant).await
    }

    async fn was_left(&self, held: &Held) -> Result<bool> {
        let user = self.place(held.user);
        self.call(|world| world.left[user].as_ref().is_some_and(|left| left.unfenced.contains(&held.connection))).await
    }

    /// Every client here puts frames in order itself, so nobody catches up.
    async fn note_waiting(&self, _: SessionId, _: UserId) -> Result<bool> {
        Ok(false)
    }

    async fn member_hint(&self, _: SessionId, user: UserId) -> Result<Option<Participant>> {
        let user = self.place(user);
        self.call(|world| world.old_row(user)).await
    }
}

/// The two steps by which somebody who left goes out of the roster.
impl House {
    async fn keep_left(&self, participant: &Participant) -> Result<()> {
        let user = self.place(participant.user_id);
        let admits = !self.is_broken(Broken::AdmissionIsForgotten);
        self.call(|world| world.keep_left(user, participant, admits)).await
    }

    async fn take_out(&self, participant: &Participant) -> Result<()> {
        let user = self.place(participant.user_id);
        self.call(|world| {
            let as_told = |row: &Participant| {
                let Participant { membership, tickets, untold, .. } = participant;
                (row.membership, row.tickets, row.untold) == (*membership, *tickets, *untold)
            };
            if world.row(user).is_some_and(as_told) {
                world.take_out(user);
            }
        })
        .await
    }
}

impl Rosters for House {
    async fn roster(&self, _: SessionId, _: Timestamp) -> Result<Option<Roster>> {
        self.call(|world| {
            let rows = (0..world.rows.len()).filter_map(|user| world.row(user).cloned());
            let (participants, others): (Vec<_>, Vec<_>) = rows.partition(Participant::takes_part);
            let departed = others.into_iter().filter(Participant::has_untold_departure).collect();
            let seats_taken = seats_taken(world);
            let session = Session { seats_taken, controls: world.doors.controls, ..self.session.clone() };
            Some(Roster::new(session, participants, departed).with_waiting(world.doors.waiting.clone()))
        })
        .await
    }

    async fn banned_until(&self, _: SessionId, user: UserId) -> Result<Option<Timestamp>> {
        let user = self.place(user);
        self.call(|world| world.doors.noted[user].banned_until).await
    }
}

/// Of the one session, which nobody ends, the seats alone.
impl DueTimes for House {
    async fn due(&self, part: u8, now: Timestamp, last: Option<&Due>) -> Result<Page<Due, Due>> {
        if part != 0 {
            return Ok(Page { items: Vec::new(), next: None });
        }
        self.call(|world| {
            let of = |user: usize| {
                let at = world.due[user].filter(|at| *at <= now)?;
                Some(Due { session: self.session.id, seat: Some(self.users[user]), at })
            };
            let mut found: Vec<_> = (0..self.users.len()).filter_map(of).collect();
            found.sort_by_key(|due| (due.at, due.seat));
            found.retain(|due| last.is_none_or(|last| (due.at, due.seat) > (last.at, last.seat)));
            let more = found.len() > PAGE;
            found.truncate(PAGE);
            let next = found.last().filter(|_| more).copied();
            Page { items: found, next }
        })
        .await
    }

    async fn put_off(&self, due: &Due, until: Option<Timestamp>) -> Result<()> {
        let user = self.place(due.seat.expect("only seats are due"));
        self.call(|world| {
            if world.due[user] == Some(due.at) {
                world.due[user] = until;
            }
        })
        .await
    }

    async fn note_due(&self, _: &Due) -> Result<()> {
        Ok(())
    }
}

impl Endings for House {
    async fn mark_ended(&self, _: SessionId, _: Timestamp, _: Ending, _: Option<Timestamp>) -> Result<bool> {
        Ok(false)
    }

    async fn release(&self, _: SessionId, _: UserId, _: Timestamp, _: Timestamp) -> Result<()> {
        Ok(())
    }

    async fn forget_active(&self, _: &Session, _: Timestamp) -> Result<()> {
        Ok(())
    }
}

impl Clock for House {
    fn now(&self) -> Timestamp {
        self.lock().now
    }
}

impl Holding for House {
    async fn take_over(&self, attempt: &Attempt, _: Timestamp, lease_until: Timestamp) -> Result<TakeOver> {
        let user = self.place(attempt.held.user);
        self.call(|world| self.hold(world, user, attempt, lease_until)).await
    }

    async fn unfence(&self, _: SessionId, user: UserId, fenced: &[ConnectionId]) -> Result<()> {
        let remove = |row: &mut Participant| {
            row.unfenced.retain(|connection| !fenced.contains(connection));
            true
        };
        self.update(user, remove).await.map(drop)
    }

    async fn lose(&self, held: &Held, _: Timestamp, lease_until: Timestamp) -> Result<Option<Participant>> {
        self.update(held.user, |row| {
            let live = row.holds_seat() && row.is_on(&held.connection);
            (row.presence, row.lease_until, row.connection) = (Presence::Reconnecting, lease_until, None);
            live
        })
        .await
    }

    async fn renew(&self, held: &Held, now: Timestamp, lease_until: Timestamp) -> Result<bool> {
        let renewed = self.update(held.user, |row| {
            let running = row.is_present(now) && row.is_on(&held.connection);
            row.lease_until = lease_until;
            running
        });
        renewed.await.map(|row| row.is_some())
    }

    async fn set_status(&self, held: &Held, status: Status, lease_until: Timestamp) -> Result<Option<Participant>> {
        self.update(held.user, |row| {
            (row.is_muted, row.is_video_enabled) = (status.is_muted, status.is_video_enabled);
            row.lease_until = lease_until;
            row.holds_seat() && row.is_on(&held.connection)
        })
        .await
    }
}

impl House {
    fn hold(&self, world: &mut World, user: usize, attempt: &Attempt, lease_until: Timestamp) -> TakeOver {
        let connection = &attempt.held.connection;
        let Some(before) = world.row(user).cloned() else {
            return TakeOver::NotSeated(None);
        };
        if !before.holds_seat() {
            return TakeOver::NotSeated(Some(before.membership));
        }
        if before.is_on(connection) {
            return TakeOver::HeldAlready(Box::new(before));
        }
        if before.attempt >= attempt.number && !self.is_broken(Broken::AnyAttemptWins) {
            return TakeOver::Superseded;
        }
        let mut row = before.clone();
        if self.is_broken(Broken::UnfencedTooEarly) {
            row.unfenced.clear();
        }
        row.unfenced.push(connection.clone());
        (row.connection, row.attempt, row.family) = (Some(connection.clone()), attempt.number, Some(attempt.family));
        (row.presence, row.lease_until) = (Presence::Connected, lease_until);
        world.write(user, row);
        if self.is_broken(Broken::ReadBeforeFence) {
            let stored = world.inboxes[user].iter().map(|s| (s.id, s.frame.clone()));
            world.early_reads[user] = Some(stored.collect());
        }
        TakeOver::Taken(Box::new(match self.is_broken(Broken::LastIsFencedAlone) {
            true => Participant { unfenced: before.connection.iter().cloned().collect(), ..before },
            false => before,
        }))
    }
}

impl Seats for House {
    async fn take_seat(
        &self,
        session: SessionId,
        caller: &Person,
        now: Timestamp,
        lease_until: Timestamp,
        _: Timestamp,
    ) -> Result<TakenSeat> {
        let user = self.place(caller.user_id);
        let mut start = Start::default();
        let seen = Seen::of(&self.lock(), user);
        loop {
            let fresh = seated(session, caller, now, lease_until);
            let sat = self.call(|world| self.sit_down(world, caller, fresh, &start, &seen)).await?;
            match sat {
                Ok(taken) => return Ok(taken),
                Err(next) => start = next,
            }
        }
    }

    async fn free_seat(
        &self,
        participant: &Participant,
        guard: Guard,
        reason: Departure,
        _: Timestamp,
        _: Timestamp,
        _: Timestamp,
    ) -> Result<bool> {
        let freed = self.update(participant.user_id, |row| {
            let as_wanted = match guard {
                Guard::Seated => true,
                Guard::SameAttempt => row.attempt == participant.attempt,
                Guard::SameLease => row.attempt == participant.attempt && row.lease_until == participant.lease_until,
            };
            let was_seated = row.holds_seat();
            (row.membership, row.connection, row.family) = (Membership::Left, None, None);
            row.untold = (!self.is_broken(Broken::NothingIsNoted)).then_some(Untold::Departure(reason));
            if reason == Departure::Removed {
                row.rights = row.rights.after_removal();
            }
            was_seated && as_wanted
        });
        freed.await.map(|row| row.is_some())
    }

    async fn rejoin(&self, seen: &Participant, again: Again, _: Timestamp) -> Result<Option<Participant>> {
        if self.is_broken(Broken::RightsFollowLater) {
            // The attempt is counted first, and the rights are set whenever that comes.
            let row = self.next_attempt(seen.session_id, seen.user_id).await?.map(|(row, _)| row);
            self.update(seen.user_id, |row| {
                row.rights = again.rights;
                row.holds_seat()
            })
            .await?;
            return Ok(row.map(|row| Participant { tickets: row.tickets + 1, ..row }));
        }
        self.update(seen.user_id, |row| {
            let as_seen = row.holds_seat() && (row.joined_at, row.rights) == (seen.joined_at, seen.rights);
            row.tickets += 1;
            row.introduced |= again.introduced;
            if !self.is_broken(Broken::RightsStay) {
                row.rights = again.rights;
            }
            if again.is_news && !self.is_broken(Broken::NothingIsNoted) {
                row.untold = row.untold.or(Some(Untold::Change));
            }
            as_seen
        })
        .await
    }

    async fn next_attempt(&self, _: SessionId, user: UserId) -> Result<Option<(Participant, u64)>> {
        let user = self.place(user);
        self.call(|world| {
            let row = world.row(user).filter(|row| row.holds_seat()).cloned()?;
            let tickets = row.tickets + 1;
            world.write(user, Participant { tickets, ..row.clone() });
            Some((row, tickets))
        })
        .await
    }

    async fn extend_wait(&self, participant: &Participant, lease_until: Timestamp) -> Result<()> {
        let extend = |row: &mut Participant| {
            let waits = row.holds_seat() && row.presence != Presence::Connected && row.lease_until < lease_until;
            row.lease_until = lease_until;
            waits
        };
        self.update(participant.user_id, extend).await.map(drop)
    }
}

/// How many hold a seat.
fn seats_taken(world: &World) -> u8 {
    let seated = (0..world.rows.len()).filter(|user| world.row(*user).is_some_and(Participant::holds_seat));
    u8::try_from(seated.count()).expect("no more than the seats of a session")
}

/// What a new seat goes on from.
#[derive(PartialEq, Eq)]
struct Start {
    attempt: u64,
    left: Option<Left>,
    admitted: bool,
}

impl Default for Start {
    fn default() -> Self {
        Self { attempt: 1, left: None, admitted: false }
    }
}

/// What a broken rule judges by: the doors as they were when the try to take a seat began.
struct Seen {
    controls: Controls,
    noted: Noted,
    seats: u8,
}

impl Seen {
    fn of(world: &World, user: usize) -> Self {
        let (controls, noted) = (world.doors.controls, world.doors.noted[user].clone());
        Self { controls, noted, seats: seats_taken(world) }
    }
}

impl House {
    /// One transaction: the seat with that first attempt and with what was left of the one before; or where to start from
    /// instead. Holding a seat goes before everything, a ban before the session's being locked or full.
    fn sit_down(
        &self,
        world: &mut World,
        caller: &Person,
        fresh: Participant,
        start: &Start,
        seen: &Seen,
    ) -> Result<TakenSeat, Start> {
        let user = self.place(caller.user_id);
        let before = world.row(user).cloned();
        if before.as_ref().is_some_and(Participant::holds_seat) {
            return Ok(TakenSeat::HeldAlready);
        }
        let (judged, left) = (self.judged(world, user, seen), world.left[user].clone());
        let now = fresh.joined_at;
        if let Some(until) =
            judged.noted.banned_until.filter(|until| *until > now || self.is_broken(Broken::BansNeverEnd))
        {
            return Ok(TakenSeat::Banned(until));
        }
        let newest = before.as_ref().map(|row| row.tickets).max(left.as_ref().map(|left| left.newest));
        let attempt = start.attempt.max(newest.map_or(1, |newest| newest + 1));
        let next = Start { attempt, left, admitted: world.doors.noted[user].admitted };
        let rights = self.rights_of(before.as_ref(), &next, caller);
        let steers = rights.moderates() || caller.rights().moderates();
        let host = self.session.is_hosted_by(caller.user_id) || steers;
        if judged.controls.locked && (!host || self.is_broken(Broken::HostsAreLockedOut)) {
            return Ok(TakenSeat::Locked);
        }
        if judged.controls.waiting_room && !host && !next.admitted {
            return Ok(TakenSeat::Waits);
        }
        if judged.seats >= self.session.max_participants {
            return Ok(TakenSeat::Refused);
        }
        if next != *start {
            return Err(next);
        }
        self.take_place(world, caller, fresh, &next, before);
        Ok(TakenSeat::Taken(next.attempt))
    }

    /// The rights of a new seat: as the access gives them, and what was decided on the one before.
    fn rights_of(&self, before: Option<&Participant>, start: &Start, caller: &Person) -> Rights {
        let left = start.left.as_ref().map(|left| (left.newest, left.rights));
        let row = before.map(|row| (row.tickets, row.rights));
        let last = match (left, row) {
            (Some(left), Some(row)) if left.0 < row.0 => Some(row),
            (left, row) => left.or(row),
        };
        let last = last.filter(|_| !self.is_broken(Broken::DecisionsAreForgotten));
        last.map_or(caller.rights(), |(_, rights)| rights.renewed(caller.rights()))
    }

    /// What the transaction's conditions are about: how things are, unless a rule is broken.
    fn judged(&self, world: &World, user: usize, seen: &Seen) -> Seen {
        let mut judged = Seen::of(world, user);
        if self.is_broken(Broken::BanIsNoCondition) {
            judged.noted.banned_until = seen.noted.banned_until;
        }
        if self.is_broken(Broken::LockIsNoCondition) {
            judged.controls.locked = seen.controls.locked;
        }
        if self.is_broken(Broken::WaitingRoomIsNoCondition) {
            judged.controls.waiting_room = seen.controls.waiting_room;
        }
        if self.is_broken(Broken::SeatsAreNoCondition) {
            judged.seats = seen.seats;
        }
        judged
    }

    fn take_place(
        &self,
        world: &mut World,
        caller: &Person,
        fresh: Participant,
        start: &Start,
        before: Option<Participant>,
    ) {
        let user = self.place(caller.user_id);
        let mut unfenced: BTreeSet<_> = start.left.as_ref().map(|left| left.unfenced.clone()).unwrap_or_default();
        let rights = self.rights_of(before.as_ref(), start, caller);
        let introduced = fresh.introduced || start.left.is_some() || before.is_some();
        unfenced.extend(before.map(|before| before.unfenced).unwrap_or_default());
        world.left[user] = None;
        let visit = Visit { session: fresh.session_id, family: Some(caller.family), at: fresh.joined_at };
        let noted = &mut world.doors.noted[user];
        (noted.visit, noted.banned_until) = (Some(visit), None);
        world.doors.entries.push(user);
        let untold = fresh.untold.filter(|_| !self.is_broken(Broken::NothingIsNoted));
        let unfenced = unfenced.into_iter().collect();
        let (attempt, tickets) = (start.attempt - 1, start.attempt);
        world.write(user, Participant { attempt, tickets, unfenced, untold, rights, introduced, ..fresh });
    }
}

fn seated(session_id: SessionId, caller: &Person, joined_at: Timestamp, lease_until: Timestamp) -> Participant {
    Participant {
        session_id,
        user_id: caller.user_id,
        username: caller.username.clone(),
        identity: caller.identity.clone(),
        joined_at,
        connected_at: None,
        introduced: !caller.introduction.is_empty(),
        membership: Membership::Seated,
        presence: Presence::Disconnected,
        connection: None,
        family: None,
        attempt: 0,
        tickets: 0,
        unfenced: Vec::new(),
        lease_until,
        unheard: None,
        catching_up: None,
        untold: Some(Untold::Join),
        is_recording: false,
        is_muted: false,
        is_video_enabled: true,
        rights: Rights::default(),
    }
}

/// Nobody comes by a link here.
impl Invites for House {
    async fn add_invite(&self, _: &Invite) -> Result<()> {
        unreachable!("nobody invites")
    }

    async fn invite(&self, _: SessionId, _: &InviteId, _: Timestamp) -> Result<Option<Invite>> {
        unreachable!("nobody is a guest")
    }

    async fn invites(&self, _: SessionId, _: Timestamp) -> Result<Vec<Invite>> {
        unreachable!("nobody invites")
    }

    async fn remove_invite(&self, _: SessionId, _: &InviteId) -> Result<()> {
        unreachable!("nobody invites")
    }

    async fn remove_invites(&self, _: SessionId) -> Result<()> {
        unreachable!("nobody invites")
    }
}

impl Sockets for House {
    async fn push(&self, connection: &ConnectionId, frame: &Frame) -> Result<Pushed> {
        let pushed = self.call(|world| {
            if world.faulty && world.chance.one_in(40) {
                return Err(failed());
            }
            if !world.connection(connection).open {
                return Ok(if self.is_broken(Broken::GoneIsTheEnd) { Pushed::Accepted } else { Pushed::Gone });
            }
            world.note(|| format!("push {:?} to {connection}", frame.0));
            note_cursor(world, connection, frame);
            world.hand_over(connection, Parcel::Event(frame.clone()));
            Ok(Pushed::Accepted)
        });
        let pushed = pushed.await.and_then(|pushed| pushed);
        if self.is_broken(Broken::FailedPushIsForgotten) && pushed.is_err() {
            return Ok(Pushed::Accepted);
        }
        pushed
    }

    async fn close(&self, connection: &ConnectionId) -> Result<()> {
        self.call(|world| match self.is_broken(Broken::NoFence) {
            true => {}
            false => world.end(connection),
        })
        .await
    }
}

/// Remembers the newest signal that a connection took.
fn note_cursor(world: &mut World, connection: &ConnectionId, frame: &Frame) {
    let user = world.connection(connection).user;
    let pushed = world.inboxes[user].iter().find(|stored| stored.frame == *frame).map(|stored| stored.id);
    world.cursors[user] = world.cursors[user].max(pushed);
}

impl Delays for House {
    async fn after(&self, delay: Duration, message: &DelayedMessage) -> Result<()> {
        let dropped = matches!(message, DelayedMessage::Nudge { .. }) && self.is_broken(Broken::NobodyIsNudged);
        self.call(|world| {
            if dropped {
                return;
            }
            let due = world.now + delay;
            world.delayed.push((due, message.clone()));
        })
        .await
    }
}

impl Throttles for House {
    async fn hit(&self, _: &Counted, _: Throttle, _: Timestamp) -> Result<()> {
        Ok(())
    }

    async fn refund(&self, _: &Counted, _: Timestamp) -> Result<()> {
        Ok(())
    }
}

/// Logins end by being taken back; how they begin is not what this model is about.
impl Families for House {
    async fn start(&self, _: UserId, _: FamilyId, _: &str, _: Timestamp) -> Result<()> {
        Ok(())
    }

    async fn rotate(&self, _: &PresentedRefresh, _: &str, _: Timestamp, _: Timestamp) -> Result<Rotation> {
        Ok(Rotation::Rotated)
    }

    async fn is_live(&self, user: UserId, family: FamilyId, _: Timestamp) -> Result<bool> {
        if !self.tokens_end {
            return Ok(true);
        }
        let user = self.place(user);
        self.call(|world| {
            let sits = world.row(user).is_some_and(Participant::holds_seat);
            (sits && self.is_broken(Broken::TokensAreAskedForOnce))
                || world.doors.valid_since[user].is_none_or(|since| family.timestamp() >= since)
        })
        .await
    }

    async fn reissue(&self, _: UserId, _: FamilyId, _: &str, _: Timestamp, _: Timestamp) -> Result<bool> {
        Ok(true)
    }

    async fn end(&self, _: &PresentedRefresh, _: Timestamp) -> Result<bool> {
        Ok(true)
    }

    async fn revoke(&self, _: UserId, _: FamilyId, _: Timestamp) -> Result<()> {
        Ok(())
    }

    async fn revoke_all(&self, _: UserId, _: Option<FamilyId>, _: Timestamp) -> Result<()> {
        Ok(())
    }
}
