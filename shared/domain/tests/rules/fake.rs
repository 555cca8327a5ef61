//! Every port over plain memory, with a journal of what was asked of it, and faults where a test wants them.
//!
//! Its own small fakes, not those of `testkit`: those come with an embedded database, and the domain knows none.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::ports::{
    About, Abouts, Admission, Again, Attempt, Ban, Begun, Catching, ChatHistory, ChatLog, ChatMessage, Closure,
    ConnectionLog, ControlsSet, Counted, DUE_PARTS, DelayedMessage, Delays, Due, DueTimes, Emptied, Endings, Erasures,
    Families, Finished, Guard, GuestMint, Held, Holding, IdempotencyKey, Inbox, Invites, Knock, Listeners, Log,
    LoggedConnection, Members, MintedGuest, MintedInvite, MintedRefresh, Moderation, Outcome, Page, PasswordHasher,
    Ports, PresentedRefresh, Pushed, RecordedSessions, RecordingQueue, Recordings, RefreshMint, RoomNames, Rosters,
    Rotation, Seats, SessionChange, SessionMetadata, Sessions, Signal, Sockets, Status, TakeOver, TakenSeat, Tended,
    Throttles, Users, Verdict, Visit, Visits, WaitingRoom, Waits,
};
use domain::recording::Recording;
use domain::sweep::LEFT_ALONE;
use domain::{
    Attached, CatchingUp, ConnectionId, Context, Controls, Departure, Email, Ending, Error, Event, EventEncoder,
    FamilyId, Frame, IdSource, Identity, Invite, InviteId, Membership, MessageId, Metadata, Participant, Password,
    PasswordHash, Person, Policy, Presence, ProjectId, RecordingId, Result, Rights, RoomName, Roster, Session,
    SessionId, SessionKind, SessionName, SessionState, SignalId, Throttle, TicketId, Timestamp, Untold, User, UserId,
    Username, Visibility,
};
use uuid::{Builder, Uuid};

/// When every test begins.
pub const START: Timestamp = Timestamp::from_millis(1_795_000_000_000);

/// So many seconds after the start.
pub fn at(seconds: u64) -> Timestamp {
    START + Duration::from_secs(seconds)
}

/// The ports.
#[derive(Default)]
pub struct Fake {
    state: Mutex<State>,
    ids: Ids,
    pub policy: Policy,
}

/// What the ports remember.
#[derive(Default)]
pub struct State {
    /// Which session has which room's name.
    pub rooms: BTreeMap<(ProjectId, String), SessionId>,
    pub sessions: Vec<Session>,
    /// The keys under which sessions were created: whose, which and for what.
    creations: Vec<(UserId, String, SessionId)>,
    pub participants: Vec<Participant>,
    /// What is said of them.
    pub abouts: Vec<About>,
    tickets: BTreeMap<UserId, u64>,
    /// Connections and rights of seats that were left, as long as no new one is taken there.
    left: BTreeMap<(SessionId, UserId), (Vec<ConnectionId>, Rights)>,
    /// What became of those who waited, in order.
    pub outcomes: Vec<(UserId, Outcome)>,
    /// Who is kept out until when.
    pub bans: BTreeMap<(SessionId, UserId), Timestamp>,
    /// What the cheap read finds, where it is not what is there.
    pub hints: BTreeMap<UserId, Option<Participant>>,
    pub inbox: Vec<(Signal, Timestamp)>,
    pub chat: Vec<ChatMessage>,
    pub users: Vec<User>,
    /// The hashes of each family, the newest last.
    pub families: BTreeMap<(UserId, FamilyId), Vec<String>>,
    /// The families that ended by their own token.
    pub ended: BTreeMap<(UserId, FamilyId), Vec<String>>,
    /// Accounts that are being removed.
    pub going: BTreeSet<UserId>,
    pub hits: BTreeMap<String, u32>,
    pub invites: Vec<Invite>,
    pub connections: Vec<LoggedConnection>,
    /// Sessions whose ending is done.
    pub unlisted: BTreeSet<SessionId>,
    /// What the index still says though it was changed.
    pub found: Vec<Due>,
    /// Whoever passes the waiting room.
    pub passing: BTreeSet<(SessionId, UserId)>,
    /// Whoever waits to be admitted.
    pub waiting: Vec<Knock>,
    /// What is not due any more, and when it is instead.
    pub put_off: Vec<(Due, Option<Timestamp>)>,
    /// Connections that are gone.
    pub gone: BTreeSet<ConnectionId>,
    /// Calls that fail, as the journal writes them.
    pub failing: BTreeSet<String>,
    /// Seats are refused without looking who holds one: of two reasons, DynamoDB may tell the other.
    pub refusing_seats: bool,
    /// While a new password is hashed, another one is set.
    pub overtaken: bool,
    /// Where it is not 0, calls wait for turns of others, as many as are drawn from it.
    pub seed: u64,
    /// The seats that were taken, and by whom.
    pub visits: Vec<(UserId, Visit)>,
    /// Connections that are closed once their last answer has arrived.
    pub closing: BTreeSet<ConnectionId>,
    pub recordings: Vec<Recording>,
    pub journal: Vec<String>,
}

#[derive(Default)]
pub struct Ids(Mutex<u64>);

impl IdSource for Ids {
    fn next(&self, now: Timestamp) -> Uuid {
        let mut count = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *count += 1;
        let mut random = [0; 10];
        random[2..].copy_from_slice(&count.to_be_bytes());
        Builder::from_unix_timestamp_millis(now.millis(), &random).into_uuid()
    }
}

impl Fake {
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a rule is given that runs so many seconds after the start.
    pub fn context(&self, seconds: u64) -> Context<'_> {
        Context { policy: &self.policy, ids: &self.ids, now: at(seconds), access_until: None }
    }

    /// The ports of a rule that runs so many seconds after the start.
    pub fn ports(&self, seconds: u64) -> Ports<'_, Self, Self, Self> {
        Ports { store: self, sockets: self, delays: self, encoder: self, context: self.context(seconds) }
    }

    /// What was asked of the ports since the last look.
    pub fn journal(&self) -> Vec<String> {
        std::mem::take(&mut self.state().journal)
    }

    /// From now on that call fails.
    pub fn fail(&self, call: &str) {
        self.state().failing.insert(call.to_owned());
    }

    /// Lets whatever else runs go on, where a test lets several rules run at once.
    async fn pause(&self) {
        let turns = self.state().turns();
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
    }

    /// One step of a rule among those of others.
    async fn step(&self, call: impl Into<String>) -> Result<MutexGuard<'_, State>> {
        self.pause().await;
        self.called(call.into())
    }

    /// Notes a call; an error if it is to fail.
    fn called(&self, call: String) -> Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        let fails = state.failing.contains(&call);
        state.journal.push(call);
        if fails { Err(Error::Unavailable("it was told to fail".into())) } else { Ok(state) }
    }

    /// An account that calls, with a login of its own.
    pub fn caller(&self, name: &str) -> Person {
        let user_id = UserId::new(&self.ids, START);
        let family = FamilyId::new(&self.ids, START);
        self.state().families.insert((user_id, family), vec![format!("{name}-1")]);
        let username = Username::parse(name).expect("valid");
        let email = Email::parse(&format!("{name}@example.org")).expect("valid");
        let password = PasswordHash(format!("{name}'s password"));
        let user =
            User { id: user_id, username: username.clone(), email, password, created_at: START, last_login_at: None };
        self.state().users.push(user);
        Person::account(user_id, username, family, at(86_400))
    }

    /// The same account with one more login.
    pub fn another_login(&self, caller: &Person) -> Person {
        let family = FamilyId::new(&self.ids, START);
        self.state().families.insert((caller.user_id, family), vec!["elsewhere".to_owned()]);
        Person { family, ..caller.clone() }
    }

    /// An active session of that creator, made at the start.
    pub fn session(&self, creator: &Person, seats: u8) -> SessionId {
        let id = SessionId::new(&self.ids, START);
        self.state().sessions.push(Session {
            id,
            name: SessionName::parse("stand-up").expect("valid"),
            kind: SessionKind::VideoCall,
            visibility: Visibility::Public,
            state: SessionState::Active,
            max_participants: seats,
            seats_taken: 0,
            created_at: START,
            touched_at: START,
            project: creator.scope.project.clone(),
            room: None,
            creator_id: creator.user_id,
            creator_username: creator.username.clone(),
            controls: Controls::default(),
            metadata: Attached::Nothing,
        });
        id
    }

    /// Somebody who joined at the start and is connected over `connection`.
    pub fn connected(&self, session: SessionId, caller: &Person, connection: &str) -> Held {
        let connection = ConnectionId::new(connection);
        let mut participant = seated(session, caller, START, at(600), 0);
        participant.presence = Presence::Connected;
        participant.connection = Some(connection.clone());
        participant.family = Some(caller.family);
        (participant.attempt, participant.tickets) = (1, 1);
        participant.unfenced = vec![connection.clone()];
        participant.untold = None;
        let mut state = self.state();
        state.participants.push(participant);
        state.tickets.insert(caller.user_id, 1);
        let taken = state.sessions.iter_mut().find(|s| s.id == session).expect("made before");
        taken.seats_taken += 1;
        Held { session, user: caller.user_id, connection }
    }

    /// The row of a participant.
    pub fn row(&self, held: &Held) -> Participant {
        self.state().row(held.session, held.user).expect("seated before").clone()
    }

    /// Whether a participant left and everything was done about it.
    pub fn has_left(&self, held: &Held) -> bool {
        let mut state = self.state();
        state.row(held.session, held.user).is_none() && state.left.contains_key(&(held.session, held.user))
    }

    /// Changes the row of a participant behind the rules' back.
    pub fn change(&self, held: &Held, change: impl FnOnce(&mut Participant)) {
        change(self.state().row(held.session, held.user).expect("seated before"));
    }

    /// The connection of a participant, as the log has it.
    pub fn log(&self, held: &Held, caller: &Person) {
        self.log_with(TicketId::new(&self.ids, START), held, caller);
    }

    /// The connection of a participant, as the log has it, with that ticket.
    pub fn log_with(&self, ticket: TicketId, held: &Held, caller: &Person) {
        let admission = Admission {
            ticket,
            user: held.user,
            session: Some(held.session),
            family: caller.family,
            connection: held.connection.clone(),
            at: START,
            address: "192.0.2.1".to_owned(),
            user_agent: String::new(),
        };
        self.state().connections.push(LoggedConnection { admission, closure: None });
    }

    /// A signal to a participant.
    pub fn signal(&self, to: &Held, seconds: u64, text: &str) -> Signal {
        let id = SignalId::new(&self.ids, at(seconds));
        Signal { id, session: to.session, to: to.user, frame: Frame(text.to_owned()) }
    }

    /// A chat message.
    pub fn message(&self, from: &Held, caller: &Person, seconds: u64, text: &str) -> ChatMessage {
        let id = MessageId::new(&self.ids, at(seconds));
        let (username, text) = (caller.username.clone(), text.to_owned());
        ChatMessage {
            id,
            session: from.session,
            from: from.user,
            username,
            identity: None,
            text,
            client_id: None,
            spoken: None,
        }
    }
}

impl State {
    /// So many turns of others the next call waits for: none, or by chance up to three.
    fn turns(&mut self) -> u64 {
        if self.seed == 0 {
            return 0;
        }
        // Knuth's generator; its upper bits are the random ones.
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.seed >> 62
    }

    fn row(&mut self, session: SessionId, user: UserId) -> Option<&mut Participant> {
        self.participants.iter_mut().find(|p| p.session_id == session && p.user_id == user)
    }

    pub fn session(&mut self, id: SessionId) -> Option<&mut Session> {
        self.sessions.iter_mut().find(|session| session.id == id)
    }

    /// The row of whoever is connected over that very connection.
    fn live(&mut self, held: &Held) -> Option<&mut Participant> {
        self.row(held.session, held.user).filter(|row| row.holds_seat() && row.is_on(&held.connection))
    }
}

fn seated(session: SessionId, caller: &Person, now: Timestamp, lease_until: Timestamp, attempt: u64) -> Participant {
    Participant {
        session_id: session,
        user_id: caller.user_id,
        username: caller.username.clone(),
        identity: caller.identity.clone(),
        joined_at: now,
        connected_at: None,
        introduced: !caller.introduction.is_empty(),
        membership: Membership::Seated,
        presence: Presence::Disconnected,
        connection: None,
        family: None,
        attempt,
        tickets: attempt + 1,
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

impl EventEncoder for Fake {
    fn encode(&self, event: &Event<'_>, _: Timestamp) -> Frame {
        Frame(match event {
            Event::UserJoined(who) => format!("userJoined {}", who.username.as_str()),
            Event::UserLeft { username, reason, .. } => format!("userLeft {} {reason:?}", username.as_str()),
            Event::UserStatusUpdated(who) => {
                format!("userStatusUpdated {} {:?} {}", who.username.as_str(), who.presence, who.is_muted)
            }
            Event::ParticipantUpdated { participant: who, about: None } => {
                format!("participantUpdated {} {}", who.username.as_str(), who.rights.role.name())
            }
            Event::ParticipantUpdated { participant: who, about: Some(about) } => {
                format!("participantUpdated {} {:?}", who.username.as_str(), about.attributes)
            }
            Event::ReceiveData(data) => format!("receiveData {} {}", data.topic, data.payload),
            Event::ReceiveRpc(rpc) => format!("receiveRpc {} {}", rpc.method, rpc.payload),
            Event::ReceiveRpcAnswer(answer) => format!("receiveRpcAnswer {:?}", answer.outcome),
            Event::SessionUpdated(session) => {
                format!("sessionUpdated locked={} version={}", session.controls.locked, session.controls.version)
            }
            Event::ParticipantWaiting(knock) => format!("participantWaiting {}", knock.username.as_str()),
            Event::Admitted(knock) => format!("admitted {}", knock.username.as_str()),
            Event::Denied { knock, reason, .. } => format!("denied {} {reason:?}", knock.username.as_str()),
            Event::MuteRequested { kind, .. } => format!("muteRequested {kind:?}"),
            Event::Removed { banned_until: None } => "removed".to_owned(),
            Event::Removed { banned_until: Some(until) } => {
                format!("removed until {}", until.since(START).as_secs())
            }
            Event::ReceiveMessage(message) => format!("receiveMessage {}", message.text),
            Event::ReceiveCaption { said, is_final, .. } => format!("receiveCaption {} final={is_final}", said.text),
            Event::RecordingStarted(_)
            | Event::RecordingStopped(_)
            | Event::RecordingReady(_)
            | Event::RecordingRequested { .. } => "recording".to_owned(),
            Event::SessionEnded(why) => format!("sessionEnded {why:?}"),
            Event::Replaced => "replaced".to_owned(),
        })
    }
}

impl Sockets for Fake {
    async fn push(&self, connection: &ConnectionId, frame: &Frame) -> Result<Pushed> {
        let state = self.step(format!("push {connection} {:.80}", frame.0)).await?;
        Ok(if state.gone.contains(connection) { Pushed::Gone } else { Pushed::Accepted })
    }

    async fn close(&self, connection: &ConnectionId) -> Result<()> {
        self.step(format!("close {connection}")).await?.gone.insert(connection.clone());
        Ok(())
    }
}

impl Delays for Fake {
    async fn after(&self, delay: Duration, message: &DelayedMessage) -> Result<()> {
        let what = match message {
            DelayedMessage::CheckLease { .. } => "check lease".to_owned(),
            DelayedMessage::CheckWaiting { .. } => "check waiting".to_owned(),
            DelayedMessage::Nudge { .. } => return self.step("nudge later").await.map(drop),
            DelayedMessage::Close { connection } => {
                self.state().closing.insert(connection.clone());
                format!("close {connection}")
            }
            DelayedMessage::Evict { .. } => "evict".to_owned(),
            DelayedMessage::Erase { .. } => "erase".to_owned(),
        };
        self.step(format!("after {} s {what}", delay.as_secs())).await.map(drop)
    }
}

impl Inbox for Fake {
    async fn put(&self, signal: &Signal, keep_until: Timestamp) -> Result<()> {
        self.step(format!("put {:.80}", signal.frame.0)).await?.inbox.push((signal.clone(), keep_until));
        Ok(())
    }

    async fn take_back(&self, signal: &Signal) -> Result<()> {
        self.step(format!("take back {}", signal.frame.0)).await?.inbox.retain(|(kept, _)| kept.id != signal.id);
        Ok(())
    }

    async fn signal(&self, _: SessionId, user: UserId, id: SignalId, now: Timestamp) -> Result<Option<Frame>> {
        let state = self.step("read signal").await?;
        let mut waiting = state.inbox.iter().filter(|(s, keep)| s.to == user && s.id == id && *keep > now);
        Ok(waiting.next().map(|(signal, _)| signal.frame.clone()))
    }

    async fn signals(
        &self,
        _: SessionId,
        user: UserId,
        from: SignalId,
        now: Timestamp,
    ) -> Result<Page<Frame, SignalId>> {
        let state = self.step("read inbox").await?;
        let waiting = state.inbox.iter().filter(|(s, keep)| s.to == user && s.id >= from && *keep > now);
        let waiting: Vec<_> = waiting.map(|(signal, _)| (signal.id, signal.frame.clone())).collect();
        Ok(page(waiting, SignalId::successor))
    }
}

/// So many items make a page.
const PAGE: usize = 100;

/// The first page of what was found.
fn page<T, I: Copy>(mut found: Vec<(I, T)>, successor: fn(I) -> I) -> Page<T, I> {
    let more = found.len() > PAGE;
    found.truncate(PAGE);
    let next = found.last().filter(|_| more).map(|(id, _)| successor(*id));
    Page { items: found.into_iter().map(|(_, item)| item).collect(), next }
}

impl ChatLog for Fake {
    async fn append(&self, message: &ChatMessage, _: Timestamp) -> Result<ChatMessage> {
        let chat = &mut self.step(format!("append {}", message.text)).await?.chat;
        let same = |m: &&ChatMessage| {
            m.log() == message.log()
                && m.client_id.is_some()
                && m.client_id == message.client_id
                && m.from == message.from
        };
        if let Some(first) = chat.iter().find(same) {
            return Ok(first.clone());
        }
        chat.push(message.clone());
        Ok(message.clone())
    }

    async fn message(&self, _: SessionId, log: Log, id: MessageId, _: Timestamp) -> Result<Option<ChatMessage>> {
        Ok(self.step("read message").await?.chat.iter().find(|m| m.log() == log && m.id == id).cloned())
    }

    async fn tell_of(&self, message: &ChatMessage, _: Timestamp) -> Result<()> {
        self.step(format!("tell of {}", message.text)).await.map(drop)
    }

    async fn take_back_message(&self, message: &ChatMessage) -> Result<()> {
        self.step(&format!("take back {}", message.text)).await?.chat.retain(|kept| kept.id != message.id);
        Ok(())
    }

    async fn messages_since(
        &self,
        _: SessionId,
        log: Log,
        from: MessageId,
        _: Timestamp,
    ) -> Result<Page<ChatMessage, MessageId>> {
        let what = match log {
            Log::Chat => "read chat",
            Log::Captions => "read captions",
        };
        let state = self.step(what).await?;
        let found = state.chat.iter().filter(|m| m.log() == log && m.id >= from).map(|m| (m.id, m.clone())).collect();
        Ok(page(found, MessageId::successor))
    }
}

impl ChatHistory for Fake {
    async fn history(
        &self,
        _: SessionId,
        limit: usize,
        _: Option<MessageId>,
        _: Timestamp,
    ) -> Result<Vec<ChatMessage>> {
        let state = self.state();
        Ok(state.chat.iter().rev().filter(|m| m.log() == Log::Chat).take(limit).cloned().collect())
    }

    async fn transcript(
        &self,
        _: SessionId,
        limit: usize,
        after: Option<MessageId>,
        _: Timestamp,
    ) -> Result<Vec<ChatMessage>> {
        let state = self.state();
        let wanted = state.chat.iter().filter(|m| m.log() == Log::Captions && Some(m.id) > after);
        Ok(wanted.take(limit).cloned().collect())
    }
}

impl Listeners for Fake {
    async fn hears_of_messages(&self, _: &ProjectId) -> Result<bool> {
        Ok(false)
    }
}

impl Abouts for Fake {
    async fn abouts(&self, session: SessionId, _: Timestamp) -> Result<Vec<About>> {
        let state = self.step("read abouts").await?;
        Ok(state.abouts.iter().filter(|about| about.session == session).cloned().collect())
    }

    async fn set_about(&self, about: &About, seen: Option<u64>, _: Timestamp) -> Result<bool> {
        let mut state = self.step("set about").await?;
        let same = |other: &About| (other.session, other.user) == (about.session, about.user);
        if state.abouts.iter().find(|other| same(other)).map(|other| other.version) != seen {
            return Ok(false);
        }
        state.abouts.retain(|other| !same(other));
        state.abouts.push(about.clone());
        Ok(true)
    }
}

impl Members for Fake {
    async fn about(&self, session: SessionId, user: UserId) -> Result<Option<About>> {
        let state = self.step("read about").await?;
        Ok(state.abouts.iter().find(|about| (about.session, about.user) == (session, user)).cloned())
    }

    async fn member(&self, session: SessionId, user: UserId) -> Result<Option<Participant>> {
        Ok(self.step("read member").await?.row(session, user).cloned())
    }

    async fn told(&self, participant: &Participant, _: Timestamp) -> Result<()> {
        let mut state = self.step("told").await?;
        let seat = (participant.session_id, participant.user_id);
        let as_told = |r: &&mut Participant| r.untold == participant.untold && r.joined_at == participant.joined_at;
        let Some(row) = state.row(seat.0, seat.1).filter(as_told) else {
            return Ok(());
        };
        row.untold = None;
        if row.membership == Membership::Left {
            let kept = (row.unfenced.clone(), row.rights);
            if participant.untold != Some(Untold::Departure(Departure::Removed)) {
                state.passing.insert(seat);
            }
            state.left.insert(seat, kept);
            state.participants.retain(|p| (p.session_id, p.user_id) != seat);
        }
        Ok(())
    }

    async fn was_left(&self, held: &Held) -> Result<bool> {
        let state = self.step("read visit").await?;
        Ok(state.left.get(&(held.session, held.user)).is_some_and(|(left, _)| left.contains(&held.connection)))
    }

    async fn note_waiting(&self, session: SessionId, user: UserId) -> Result<bool> {
        let mut state = self.step("note waiting").await?;
        let catching = state.row(session, user).and_then(|row| row.catching_up.as_mut());
        Ok(catching.map(|catching| catching.waiting += 1).is_some())
    }

    async fn member_hint(&self, session: SessionId, user: UserId) -> Result<Option<Participant>> {
        let mut state = self.step("read hint").await?;
        match state.hints.get(&user).cloned() {
            Some(hint) => Ok(hint),
            None => Ok(state.row(session, user).cloned()),
        }
    }
}

impl Rosters for Fake {
    async fn roster(&self, session: SessionId, _: Timestamp) -> Result<Option<Roster>> {
        let mut state = self.step("read roster").await?;
        if state.failing.contains(&format!("roster of {session}")) {
            return Err(Error::Unavailable("it was told to fail".into()));
        }
        let participants = state.participants.iter().filter(|p| p.session_id == session && p.takes_part());
        let participants = participants.cloned().collect();
        let departed = state.participants.iter().filter(|p| p.session_id == session && p.has_untold_departure());
        let departed = departed.cloned().collect();
        let waiting: Vec<_> = state.waiting.iter().filter(|knock| knock.session == session).cloned().collect();
        let roster = |session| Roster::new(session, participants, departed).with_waiting(waiting);
        Ok(state.session(session).cloned().map(roster))
    }

    async fn banned_until(&self, session: SessionId, user: UserId) -> Result<Option<Timestamp>> {
        Ok(self.step("read ban").await?.bans.get(&(session, user)).copied())
    }
}

impl Sessions for Fake {
    async fn add(&self, session: &Session, _: Timestamp) -> Result<()> {
        self.step("create").await?.sessions.push(session.clone());
        Ok(())
    }

    async fn add_once(
        &self,
        session: &Session,
        _: Timestamp,
        key: &IdempotencyKey,
        _: Timestamp,
    ) -> Result<Option<SessionId>> {
        let mut state = self.step("create").await?;
        let known = state.creations.iter().find(|(by, name, _)| *by == session.creator_id && name == key.as_str());
        if let Some(&(_, _, earlier)) = known {
            return Ok(Some(earlier));
        }
        state.creations.push((session.creator_id, key.as_str().to_owned(), session.id));
        state.sessions.push(session.clone());
        Ok(None)
    }
}

impl SessionMetadata for Fake {
    async fn metadata_of(&self, session: SessionId, _: Timestamp) -> Result<Option<Metadata>> {
        Ok(self.state().sessions.iter().find(|s| s.id == session).and_then(|s| s.metadata.read().cloned()))
    }
}

impl RoomNames for Fake {
    async fn room(&self, project: &ProjectId, name: &RoomName, _: bool) -> Result<Option<SessionId>> {
        let named = (project.clone(), name.as_str().to_owned());
        Ok(self.step("read room").await?.rooms.get(&named).copied())
    }

    async fn add_room(&self, session: &Session, _: Timestamp, over: Option<SessionId>) -> Result<Option<SessionId>> {
        let mut state = self.step("create room").await?;
        let name = session.room.as_ref().expect("a room has a name");
        let named = (session.project.clone(), name.as_str().to_owned());
        if let Some(found) = state.rooms.get(&named).copied().filter(|found| Some(*found) != over) {
            return Ok(Some(found));
        }
        state.rooms.insert(named, session.id);
        state.sessions.push(session.clone());
        Ok(None)
    }
}

/// What is due is told from what is there, but where a test put something off.
impl DueTimes for Fake {
    async fn due(&self, part: u8, now: Timestamp, last: Option<&Due>) -> Result<Page<Due, Due>> {
        let state = self.state();
        if state.failing.contains(&format!("part {part}")) {
            return Err(Error::Unavailable("it was told to fail".into()));
        }
        let seats =
            state.participants.iter().map(|p| Due { session: p.session_id, seat: Some(p.user_id), at: due_at(p) });
        let rooms = state.sessions.iter().filter(|session| !state.unlisted.contains(&session.id));
        let rooms = rooms.map(|session| {
            let at = match session.state {
                SessionState::Active => {
                    let empty = session.touched_at + session.empty_for(&self.policy);
                    session.ends_at().map_or(empty, |end| empty.min(end))
                }
                SessionState::Ended(at) => at + LEFT_ALONE,
            };
            Due { session: session.id, seat: None, at }
        });
        let mut found: Vec<_> = seats
            .chain(rooms)
            .chain(state.found.iter().copied())
            .filter(|due| due.session.as_bytes()[15] % DUE_PARTS == part)
            .collect();
        found.retain(|due| due.at <= now && !state.put_off.iter().any(|(put_off, _)| put_off == due));
        found.sort_by_key(|due| (due.at, due.session, due.seat));
        let after = |due: &Due| last.is_none_or(|l| (due.at, due.session, due.seat) > (l.at, l.session, l.seat));
        found.retain(after);
        let more = found.len() > DUE_PAGE;
        found.truncate(DUE_PAGE);
        let next = found.last().filter(|_| more).copied();
        Ok(Page { items: found, next })
    }

    async fn put_off(&self, due: &Due, until: Option<Timestamp>) -> Result<()> {
        self.step("put off").await?.put_off.push((*due, until));
        Ok(())
    }

    async fn note_due(&self, due: &Due) -> Result<()> {
        self.step("note due").await?.put_off.push((*due, Some(due.at)));
        Ok(())
    }
}

/// So few make a page that some parts have several.
const DUE_PAGE: usize = 2;

fn due_at(participant: &Participant) -> Timestamp {
    match participant.membership {
        Membership::Seated => participant.lease_until,
        Membership::Left | Membership::Ended => START,
    }
}

impl Endings for Fake {
    async fn mark_ended(
        &self,
        session: SessionId,
        at: Timestamp,
        _: Ending,
        unless: Option<Timestamp>,
    ) -> Result<bool> {
        let mut state = self.step("mark ended").await?;
        let found = state.session(session).filter(|s| s.is_active() && unless.is_none_or(|t| s.touched_at <= t));
        Ok(found.map(|session| session.state = SessionState::Ended(at)).is_some())
    }

    async fn release(&self, session: SessionId, user: UserId, _: Timestamp, _: Timestamp) -> Result<()> {
        let mut state = self.step("release").await?;
        if let Some(row) = state.row(session, user).filter(|row| row.holds_seat()) {
            (row.membership, row.connection) = (Membership::Ended, None);
        }
        Ok(())
    }

    async fn forget_active(&self, session: &Session, _: Timestamp) -> Result<()> {
        let mut state = self.step("take off the list").await?;
        state.unlisted.insert(session.id);
        state.rooms.retain(|_, named| *named != session.id);
        Ok(())
    }
}

impl Seats for Fake {
    async fn take_seat(
        &self,
        session: SessionId,
        caller: &Person,
        now: Timestamp,
        lease_until: Timestamp,
        _: Timestamp,
    ) -> Result<TakenSeat> {
        let mut state = self.step("take seat").await?;
        if state.refusing_seats {
            return Ok(TakenSeat::Refused);
        }
        if state.row(session, caller.user_id).is_some_and(|row| row.holds_seat()) {
            return Ok(TakenSeat::HeldAlready);
        }
        let seat = (session, caller.user_id);
        if let Some(until) = state.bans.get(&seat).filter(|until| **until > now) {
            return Ok(TakenSeat::Banned(*until));
        }
        let earlier = state.row(session, caller.user_id).map(|row| row.rights);
        let earlier = earlier.or(state.left.get(&seat).map(|(_, rights)| *rights));
        let rights = earlier.map_or(caller.rights(), |rights| rights.renewed(caller.rights()));
        let (steers, passes) = (rights.moderates(), state.passing.contains(&seat));
        let Some(free) = state.session(session).filter(|s| s.is_active() && !s.has_run_out(now)) else {
            return Ok(TakenSeat::Refused);
        };
        if free.controls.locked && !steers && free.creator_id != caller.user_id {
            return Ok(TakenSeat::Locked);
        }
        if free.controls.waiting_room && !steers && !passes && free.creator_id != caller.user_id {
            return Ok(TakenSeat::Waits);
        }
        if free.seats_taken >= free.max_participants {
            return Ok(TakenSeat::Refused);
        }
        free.seats_taken += 1;
        let visit = Visit { session, family: Some(caller.family), at: now };
        state.visits.retain(|(user, seat)| (*user, seat.session) != (caller.user_id, session));
        state.visits.push((caller.user_id, visit));
        let attempt = state.tickets.get(&caller.user_id).copied().unwrap_or_default() + 1;
        state.tickets.insert(caller.user_id, attempt);
        let mut fresh = seated(session, caller, now, lease_until, attempt - 1);
        fresh.rights = rights;
        fresh.introduced |= earlier.is_some();
        if let Some((unfenced, _)) = state.left.remove(&seat) {
            fresh.unfenced = unfenced;
        }
        if let Some(row) = state.row(session, caller.user_id) {
            fresh.unfenced.extend(row.unfenced.iter().cloned());
            *row = fresh;
        } else {
            state.participants.push(fresh);
        }
        Ok(TakenSeat::Taken(attempt))
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
        let mut state = self.step("free seat").await?;
        let session = participant.session_id;
        let Some(row) = state.row(session, participant.user_id).filter(|row| row.holds_seat()) else {
            return Ok(false);
        };
        let same_attempt = row.attempt == participant.attempt;
        let as_wanted = match guard {
            Guard::Seated => true,
            Guard::SameAttempt => same_attempt,
            Guard::SameLease => same_attempt && row.lease_until == participant.lease_until,
        };
        if as_wanted {
            (row.membership, row.connection, row.family) = (Membership::Left, None, None);
            row.untold = Some(Untold::Departure(reason));
            if reason == Departure::Removed {
                row.rights = row.rights.after_removal();
            }
            state.session(session).expect("made before").seats_taken -= 1;
        }
        Ok(as_wanted)
    }

    async fn rejoin(&self, seen: &Participant, again: Again, _: Timestamp) -> Result<Option<Participant>> {
        let mut state = self.step("rejoin").await?;
        let as_seen = |row: &&mut Participant| (row.joined_at, row.rights) == (seen.joined_at, seen.rights);
        let row = state.row(seen.session_id, seen.user_id).filter(|row| row.holds_seat()).filter(as_seen);
        let Some(row) = row.map(|row| {
            (row.rights, row.introduced) = (again.rights, row.introduced || again.introduced);
            row.untold = row.untold.or(again.is_news.then_some(Untold::Change));
            row.clone()
        }) else {
            return Ok(None);
        };
        let tickets = state.tickets.entry(seen.user_id).or_default();
        *tickets += 1;
        Ok(Some(Participant { tickets: *tickets, ..row }))
    }

    async fn next_attempt(&self, session: SessionId, user: UserId) -> Result<Option<(Participant, u64)>> {
        let mut state = self.step("next attempt").await?;
        let Some(row) = state.row(session, user).filter(|row| row.holds_seat()).cloned() else {
            return Ok(None);
        };
        let tickets = state.tickets.entry(user).or_default();
        *tickets += 1;
        Ok(Some((row, *tickets)))
    }

    async fn extend_wait(&self, participant: &Participant, lease_until: Timestamp) -> Result<()> {
        let mut state = self.step("extend wait").await?;
        if let Some(row) = state.row(participant.session_id, participant.user_id) {
            row.lease_until = row.lease_until.max(lease_until);
        }
        Ok(())
    }
}

impl Moderation for Fake {
    async fn change_seat(
        &self,
        seen: &Participant,
        rights: Rights,
        username: &Username,
        _now: Timestamp,
    ) -> Result<Option<Participant>> {
        let mut state = self.step("change seat").await?;
        let row = state.row(seen.session_id, seen.user_id);
        let same = |row: &&mut Participant| (row.rights, row.joined_at) == (seen.rights, seen.joined_at);
        Ok(row.filter(|row| row.holds_seat()).filter(same).map(|row| {
            (row.rights, row.username) = (rights, username.clone());
            row.clone()
        }))
    }

    async fn ban(&self, session: SessionId, user: UserId, ban: Ban) -> Result<()> {
        let mut state = self.step("ban").await?;
        let longer = state.bans.get(&(session, user)).is_some_and(|until| *until > ban.until);
        if ban.shortens || !longer {
            state.bans.insert((session, user), ban.until);
            state.passing.remove(&(session, user));
        }
        Ok(())
    }

    async fn lift_ban(&self, session: SessionId, user: UserId) -> Result<()> {
        self.step("lift ban").await?.bans.remove(&(session, user));
        Ok(())
    }

    async fn hold_up(&self, session: SessionId, user: UserId) -> Result<()> {
        let mut state = self.step("hold up").await?;
        state.passing.remove(&(session, user));
        let left = state.left.get_mut(&(session, user));
        left.into_iter().for_each(|(_, rights)| *rights = rights.after_removal());
        Ok(())
    }

    async fn set_controls(&self, session: SessionId, change: &SessionChange, _now: Timestamp) -> Result<ControlsSet> {
        let mut state = self.step("set controls").await?;
        let seen = |s: &&mut Session| s.is_active() && change.seen.is_none_or(|seen| seen == s.controls.version);
        let Some(found) = state.session(session).filter(seen) else {
            return Ok(ControlsSet::Refused);
        };
        found.name = change.name.clone().unwrap_or_else(|| found.name.clone());
        found.max_participants = change.max_participants.unwrap_or(found.max_participants);
        found.controls.locked = change.locked.unwrap_or(found.controls.locked);
        found.controls.waiting_room = change.waiting_room.unwrap_or(found.controls.waiting_room);
        found.controls.version += 1;
        if let Some(metadata) = &change.metadata {
            found.metadata = metadata.clone().into();
        }
        Ok(ControlsSet::Set(Box::new(found.clone())))
    }
}

impl WaitingRoom for Fake {
    async fn wait(&self, knock: &Knock, _: Timestamp) -> Result<bool> {
        let mut state = self.step("wait").await?;
        let place = (knock.session, knock.place);
        let own = |other: &Knock| (other.user_id, other.since) == (knock.user_id, knock.since);
        if state.waiting.iter().any(|other| (other.session, other.place) == place && !own(other)) {
            return Ok(false);
        }
        state.waiting.retain(|other| (other.session, other.place) != place);
        state.waiting.push(knock.clone());
        Ok(true)
    }

    async fn keep_waiting(
        &self,
        waits: &Waits,
        connection: &ConnectionId,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<bool> {
        let mut state = self.step("keep waiting").await?;
        let own = state.waiting.iter_mut().find(|knock| Waits::from(&**knock) == *waits && knock.lease_until > now);
        Ok(own.map(|own| (own.connection, own.lease_until) = (Some(connection.clone()), lease_until)).is_some())
    }

    async fn stop_waiting(&self, waits: &Waits, only: &Emptied, outcome: Outcome, _: Timestamp) -> Result<bool> {
        let mut state = self.step("stop waiting").await?;
        let before = state.waiting.len();
        let user = waits.user;
        state.waiting.retain(|knock| {
            let as_wanted = match only {
                Emptied::Anyway => true,
                Emptied::On(connection) => knock.connection.as_ref().is_none_or(|live| live == connection),
                Emptied::RunOut(lease) => knock.lease_until == *lease,
            };
            Waits::from(knock) != *waits || !as_wanted
        });
        let noted = state.waiting.len() < before;
        state.outcomes.extend(noted.then_some((user, outcome)));
        Ok(noted)
    }

    async fn let_pass(&self, session: SessionId, user: UserId, _: Timestamp, _: Timestamp) -> Result<()> {
        self.step("let pass").await?.passing.insert((session, user));
        Ok(())
    }

    async fn verdict(&self, session: SessionId, user: UserId) -> Result<Verdict> {
        let state = self.step("read verdict").await?;
        let seat = (session, user);
        Ok(match state.bans.get(&seat) {
            _ if state.passing.contains(&seat) => Verdict::Passes,
            Some(until) => Verdict::KeptOut(*until),
            None => Verdict::Open,
        })
    }
}

impl Holding for Fake {
    async fn take_over(&self, attempt: &Attempt, _: Timestamp, lease_until: Timestamp) -> Result<TakeOver> {
        let mut state = self.step(format!("take over {}", attempt.held.connection)).await?;
        let Some(row) = state.row(attempt.held.session, attempt.held.user) else {
            return Ok(TakeOver::NotSeated(None));
        };
        if !row.holds_seat() {
            return Ok(TakeOver::NotSeated(Some(row.membership)));
        }
        let before = Box::new(row.clone());
        if row.is_on(&attempt.held.connection) {
            return Ok(TakeOver::HeldAlready(before));
        }
        if row.attempt >= attempt.number {
            return Ok(TakeOver::Superseded);
        }
        row.unheard = row.unheard.or(Some(row.lease_until));
        hold(row, attempt, lease_until);
        Ok(TakeOver::Taken(before))
    }

    async fn unfence(&self, session: SessionId, user: UserId, fenced: &[ConnectionId]) -> Result<()> {
        let mut state = self.step("unfence").await?;
        if let Some(row) = state.row(session, user) {
            row.unfenced.retain(|connection| !fenced.contains(connection));
            row.unheard = None;
        }
        Ok(())
    }

    async fn lose(&self, held: &Held, _: Timestamp, lease_until: Timestamp) -> Result<Option<Participant>> {
        let mut state = self.step("lose").await?;
        Ok(state.live(held).map(|row| {
            row.unheard = row.unheard.or(Some(row.lease_until));
            (row.presence, row.connection, row.lease_until) = (Presence::Reconnecting, None, lease_until);
            row.clone()
        }))
    }

    async fn renew(&self, held: &Held, now: Timestamp, lease_until: Timestamp) -> Result<bool> {
        let mut state = self.step("renew").await?;
        let running = state.live(held).filter(|row| row.is_present(now));
        Ok(running.map(|row| row.lease_until = lease_until).is_some())
    }

    async fn set_status(&self, held: &Held, status: Status, lease_until: Timestamp) -> Result<Option<Participant>> {
        let mut state = self.step("set status").await?;
        Ok(state.live(held).map(|row| {
            (row.is_muted, row.is_video_enabled, row.lease_until) =
                (status.is_muted, status.is_video_enabled, lease_until);
            row.clone()
        }))
    }
}

impl Catching for Fake {
    async fn begin(&self, attempt: &Attempt, lease_until: Timestamp) -> Result<TakeOver> {
        let mut state = self.step(format!("begin {}", attempt.held.connection)).await?;
        let Some(row) = state.row(attempt.held.session, attempt.held.user) else {
            return Ok(TakeOver::NotSeated(None));
        };
        let other = row.catching_up.as_ref();
        let newer = row.attempt < attempt.number && other.is_none_or(|other| other.attempt < attempt.number);
        if let Some(refused) = refusal(row, attempt, newer) {
            return Ok(refused);
        }
        let before = Box::new(row.clone());
        row.unheard = row.unheard.or(Some(row.lease_until));
        row.catching_up =
            Some(CatchingUp { attempt: attempt.number, connection: attempt.held.connection.clone(), waiting: 0 });
        (row.connection, row.lease_until) = (None, lease_until);
        Ok(TakeOver::Taken(before))
    }

    async fn finish(&self, attempt: &Attempt, told: u64, _: Timestamp, lease_until: Timestamp) -> Result<Finished> {
        let mut state = self.step(format!("finish {}", attempt.held.connection)).await?;
        let Some(row) = state.row(attempt.held.session, attempt.held.user) else {
            return Ok(Finished::As(TakeOver::NotSeated(None)));
        };
        if let Some(refused) = refusal(row, attempt, row.attempt < attempt.number) {
            return Ok(Finished::As(refused));
        }
        match &row.catching_up {
            None => Ok(Finished::Interrupted),
            Some(other) if other.attempt != attempt.number => Ok(Finished::As(superseded(row, attempt))),
            Some(mine) if mine.waiting != told => Ok(Finished::MoreWaits(mine.waiting)),
            Some(_) => {
                let before = Box::new(row.clone());
                row.unheard = None;
                hold(row, attempt, lease_until);
                Ok(Finished::As(TakeOver::Taken(before)))
            }
        }
    }
}

/// Why an attempt cannot have a participant, if so.
fn refusal(row: &Participant, attempt: &Attempt, newer: bool) -> Option<TakeOver> {
    if !row.holds_seat() {
        return Some(TakeOver::NotSeated(Some(row.membership)));
    }
    if row.is_on(&attempt.held.connection) {
        return Some(TakeOver::HeldAlready(Box::new(row.clone())));
    }
    (!newer).then(|| superseded(row, attempt))
}

/// Who has it instead.
fn superseded(row: &Participant, attempt: &Attempt) -> TakeOver {
    let underway = row.catching_up.as_ref().is_some_and(|other| other.connection == attempt.held.connection);
    if underway { TakeOver::Underway } else { TakeOver::Superseded }
}

/// Makes the attempt's connection the live one.
fn hold(row: &mut Participant, attempt: &Attempt, lease_until: Timestamp) {
    row.catching_up = None;
    row.connection = Some(attempt.held.connection.clone());
    row.family = Some(attempt.family);
    row.unfenced.push(attempt.held.connection.clone());
    (row.attempt, row.presence, row.lease_until) = (attempt.number, Presence::Connected, lease_until);
}

impl ConnectionLog for Fake {
    async fn open(&self, admission: &Admission, _: Timestamp) -> Result<bool> {
        let mut state = self.step("open").await?;
        if state.connections.iter().any(|logged| logged.admission.ticket == admission.ticket) {
            return Ok(false);
        }
        state.connections.push(LoggedConnection { admission: admission.clone(), closure: None });
        Ok(true)
    }

    async fn close(&self, _: UserId, ticket: TicketId, closure: &Closure) -> Result<Option<SessionId>> {
        let mut state = self.state();
        let logged = state.connections.iter_mut().find(|c| c.admission.ticket == ticket);
        Ok(logged.and_then(|logged| {
            logged.closure = Some(closure.clone());
            logged.admission.session
        }))
    }

    async fn is_closed(&self, _: UserId, ticket: TicketId) -> Result<bool> {
        let state = self.step("read log").await?;
        Ok(state.connections.iter().any(|c| c.admission.ticket == ticket && c.closure.is_some()))
    }

    async fn forget(&self, _: UserId, ticket: TicketId) -> Result<()> {
        self.pause().await;
        self.state().connections.retain(|logged| logged.admission.ticket != ticket);
        Ok(())
    }

    async fn of_user(&self, user: UserId, from: Timestamp) -> Result<Vec<LoggedConnection>> {
        self.pause().await;
        let state = self.state();
        let logged = state.connections.iter().filter(|c| c.admission.user == user && c.admission.at >= from);
        Ok(logged.cloned().collect())
    }
}

impl Visits for Fake {
    async fn visits(&self, user: UserId) -> Result<Vec<Visit>> {
        self.pause().await;
        Ok(self.state().visits.iter().filter(|(who, _)| *who == user).map(|(_, visit)| *visit).collect())
    }
}

impl Erasures for Fake {
    async fn created_by(&self, user: UserId) -> Result<Vec<SessionId>> {
        self.pause().await;
        Ok(self.state().sessions.iter().filter(|s| s.creator_id == user).map(|s| s.id).collect())
    }

    async fn reported_by(&self, _: UserId) -> Result<Vec<SessionId>> {
        self.pause().await;
        Ok(Vec::new())
    }

    async fn erase_session(&self, _: UserId, session: SessionId) -> Result<()> {
        let mut state = self.step("erase session").await?;
        state.sessions.retain(|other| other.id != session);
        state.participants.retain(|participant| participant.session_id != session);
        Ok(())
    }

    async fn erase_traces(&self, user: UserId, session: SessionId) -> Result<()> {
        let mut state = self.step("erase traces").await?;
        state.chat.retain(|message| (message.session, message.from) != (session, user));
        if state.row(session, user).is_none_or(|row| !row.holds_seat()) {
            state.participants.retain(|p| (p.session_id, p.user_id) != (session, user));
            state.left.remove(&(session, user));
            state.visits.retain(|(who, visit)| (*who, visit.session) != (user, session));
        }
        Ok(())
    }

    async fn erase_records(&self, user: UserId) -> Result<()> {
        let mut state = self.step("erase records").await?;
        state.connections.retain(|logged| logged.admission.user != user);
        state.families.retain(|(who, _), _| *who != user);
        Ok(())
    }

    async fn erase_failed_logins(&self, _: &Email) -> Result<()> {
        self.step("erase failed logins").await.map(drop)
    }
}

/// Nothing is recorded where rules of other things are tried; the rules of recordings have a table (`shared/store/tests`).
impl Recordings for Fake {
    async fn begin_recording(&self, recording: &Recording) -> Result<Begun> {
        self.state().recordings.push(recording.clone());
        Ok(Begun::Done)
    }

    async fn recording(&self, id: RecordingId, _now: Timestamp) -> Result<Option<Recording>> {
        Ok(self.state().recordings.iter().find(|each| each.id == id).cloned())
    }

    async fn keep_recording(&self, recording: &Recording, _happened: Option<Timestamp>) -> Result<bool> {
        let mut state = self.state();
        let seen = |each: &&mut Recording| (each.id, each.version) == (recording.id, recording.version);
        let kept = state.recordings.iter_mut().find(seen);
        Ok(kept.map(|kept| *kept = Recording { version: recording.version + 1, ..recording.clone() }).is_some())
    }

    async fn mark_recording(&self, _recording: &Recording) -> Result<bool> {
        Ok(true)
    }

    async fn unmark_recording(&self, _recording: &Recording) -> Result<()> {
        Ok(())
    }

    async fn recordings_in(
        &self,
        session: SessionId,
        _limit: usize,
        _before: Option<RecordingId>,
        _now: Timestamp,
    ) -> Result<Page<Recording, RecordingId>> {
        let items = self.state().recordings.iter().filter(|each| each.session == session).cloned().collect();
        Ok(Page { items, next: None })
    }

    async fn forget_recording(&self, recording: &Recording) -> Result<()> {
        self.state().recordings.retain(|each| each.id != recording.id);
        Ok(())
    }
}

impl RecordedSessions for Fake {
    async fn recorded_sessions(&self, user: UserId) -> Result<Vec<SessionId>> {
        let state = self.state();
        let own = state.recordings.iter().filter(|each| each.is_by(user) || each.host == Some(user));
        Ok(own.map(|each| each.session).collect::<BTreeSet<_>>().into_iter().collect())
    }

    async fn forget_recorded_session(&self, _user: UserId, _session: SessionId) -> Result<()> {
        Ok(())
    }
}

impl RecordingQueue for Fake {
    async fn tend_after(&self, _delay: Duration, _tended: &Tended) -> Result<()> {
        Ok(())
    }
}

impl Users for Fake {
    async fn create(&self, user: &User) -> Result<()> {
        let mut state = self.step("create user").await?;
        if state.users.iter().any(|other| other.email.key() == user.email.key()) {
            return Err(Error::UserExists);
        }
        state.users.push(user.clone());
        Ok(())
    }

    async fn by_email(&self, email: &Email) -> Result<Option<User>> {
        self.pause().await;
        Ok(self.state().users.iter().find(|user| user.email.key() == email.key()).cloned())
    }

    async fn by_id(&self, id: UserId) -> Result<Option<User>> {
        self.pause().await;
        Ok(self.state().users.iter().find(|user| user.id == id).cloned())
    }

    async fn record_login(&self, _: UserId, _: Timestamp) -> Result<()> {
        self.step("record login").await.map(drop)
    }

    async fn replace_password(&self, id: UserId, old: &PasswordHash, new: &PasswordHash) -> Result<bool> {
        let mut state = self.step("replace password").await?;
        let user = state.users.iter_mut().find(|user| user.id == id && user.password == *old);
        Ok(user.map(|user| user.password = new.clone()).is_some())
    }

    async fn password_of(&self, id: UserId) -> Result<Option<PasswordHash>> {
        self.pause().await;
        let state = self.state();
        let user = state.users.iter().find(|user| user.id == id && !state.going.contains(&id));
        Ok(user.map(|user| user.password.clone()))
    }

    async fn begin_removal(&self, id: UserId) -> Result<()> {
        self.step("begin removal").await?.going.insert(id);
        Ok(())
    }

    async fn remove(&self, user: &User) -> Result<()> {
        self.pause().await;
        self.state().users.retain(|other| other.id != user.id);
        Ok(())
    }
}

impl Families for Fake {
    async fn start(&self, user: UserId, family: FamilyId, hash: &str, _: Timestamp) -> Result<()> {
        self.step("start family").await?.families.insert((user, family), vec![hash.to_owned()]);
        Ok(())
    }

    async fn rotate(&self, presented: &PresentedRefresh, next: &str, end: Timestamp, _: Timestamp) -> Result<Rotation> {
        let mut state = self.step("rotate").await?;
        let Some(hashes) = state.families.get_mut(&(presented.user, presented.family)) else {
            return Ok(Rotation::Unknown);
        };
        if hashes.last() == Some(&presented.hash) {
            hashes.push(next.to_owned());
            return Ok(Rotation::Rotated);
        }
        if hashes.ends_with(&[presented.hash.clone(), next.to_owned()]) {
            return Ok(Rotation::Repeated(end));
        }
        Ok(if hashes.contains(&presented.hash) { Rotation::Reused } else { Rotation::Unknown })
    }

    async fn is_live(&self, user: UserId, family: FamilyId, _: Timestamp) -> Result<bool> {
        self.pause().await;
        Ok(self.state().families.contains_key(&(user, family)))
    }

    async fn reissue(&self, user: UserId, family: FamilyId, next: &str, _: Timestamp, _: Timestamp) -> Result<bool> {
        let mut state = self.step("reissue").await?;
        Ok(state.families.get_mut(&(user, family)).map(|hashes| hashes.push(next.to_owned())).is_some())
    }

    async fn end(&self, presented: &PresentedRefresh, _: Timestamp) -> Result<bool> {
        let mut state = self.step("end family").await?;
        let key = (presented.user, presented.family);
        if let Some(hashes) = state.families.get(&key).filter(|hashes| hashes.contains(&presented.hash)).cloned() {
            state.families.remove(&key);
            state.ended.insert(key, hashes);
        }
        Ok(state.ended.get(&key).is_some_and(|hashes| hashes.contains(&presented.hash)))
    }

    async fn revoke(&self, user: UserId, family: FamilyId, _: Timestamp) -> Result<()> {
        self.step("revoke").await?.families.remove(&(user, family));
        Ok(())
    }

    async fn revoke_all(&self, user: UserId, kept: Option<FamilyId>, _: Timestamp) -> Result<()> {
        let mut state = self.step("revoke all").await?;
        state.families.retain(|(owner, family), _| *owner != user || Some(*family) == kept);
        Ok(())
    }
}

impl RefreshMint for Fake {
    fn mint(&self, _: UserId, family: FamilyId) -> MintedRefresh {
        let hash = format!("minted for {family}");
        MintedRefresh { token: format!("token of {hash}"), hash }
    }

    fn successor(&self, presented: &PresentedRefresh) -> MintedRefresh {
        let hash = format!("after {}", presented.hash);
        MintedRefresh { token: format!("token of {hash}"), hash }
    }
}

impl PasswordHasher for Fake {
    async fn hash(&self, password: &Password) -> Result<PasswordHash> {
        let mut state = self.step("hash").await?;
        if state.overtaken {
            state.users.iter_mut().for_each(|user| user.password = PasswordHash("of somebody faster".to_owned()));
        }
        Ok(PasswordHash(password.reveal().to_owned()))
    }

    fn is_current(&self, hash: &PasswordHash) -> bool {
        !hash.0.starts_with("old ")
    }

    async fn verify(&self, password: &Password, hash: Option<&PasswordHash>) -> Result<bool> {
        self.step("verify").await.map(drop)?;
        Ok(hash.is_some_and(|hash| hash.0.trim_start_matches("old ") == password.reveal()))
    }
}

impl Invites for Fake {
    async fn add_invite(&self, invite: &Invite) -> Result<()> {
        self.step("add invite").await?.invites.push(invite.clone());
        Ok(())
    }

    async fn invite(&self, session: SessionId, id: &InviteId, now: Timestamp) -> Result<Option<Invite>> {
        let state = self.step("read invite").await?;
        let good = |one: &&Invite| one.session == session && one.id == *id && one.expires_at > now;
        Ok(state.invites.iter().find(good).cloned())
    }

    async fn invites(&self, session: SessionId, now: Timestamp) -> Result<Vec<Invite>> {
        let state = self.step("read invites").await?;
        let good = |one: &&Invite| one.session == session && one.expires_at > now;
        Ok(state.invites.iter().filter(good).cloned().collect())
    }

    async fn remove_invite(&self, session: SessionId, id: &InviteId) -> Result<()> {
        self.step("remove invite").await?.invites.retain(|one| one.session != session || one.id != *id);
        Ok(())
    }

    async fn remove_invites(&self, session: SessionId) -> Result<()> {
        self.step("remove invites").await?.invites.retain(|one| one.session != session);
        Ok(())
    }
}

/// Numbers codes and guests.
impl GuestMint for Fake {
    fn mint_invite(&self, _: SessionId) -> MintedInvite {
        let id = InviteId::parse(&format!("{:0>22}", self.ids.next(START).simple().to_string().split_off(12)))
            .expect("22 characters");
        MintedInvite { code: format!("code of {}", id.as_str()), id }
    }

    fn mint_guest(&self, invite: &InviteId) -> MintedGuest {
        let random = self.ids.next(START);
        let user_id = UserId::of_app(*random.as_bytes());
        MintedGuest { identity: Identity::of_guest(invite, &random.simple().to_string()), user_id }
    }
}

impl Throttles for Fake {
    async fn hit(&self, what: &Counted, throttle: Throttle, _: Timestamp) -> Result<()> {
        let mut state = self.step(format!("hit {}", counted(what))).await?;
        let hits = state.hits.entry(counted(what)).or_default();
        if *hits >= throttle.limit {
            return Err(Error::RateLimited { retry_after: 1 });
        }
        *hits += 1;
        Ok(())
    }

    async fn refund(&self, what: &Counted, _: Timestamp) -> Result<()> {
        let mut state = self.step(format!("refund {}", counted(what))).await?;
        *state.hits.entry(counted(what)).or_default() -= 1;
        Ok(())
    }
}

fn counted(what: &Counted) -> String {
    match what {
        Counted::FailedLoginsOfAccount(email) => format!("logins of {email}"),
        Counted::FailedLoginsOfAddress(address) => format!("logins from {address}"),
        Counted::RegistrationsOfAddress(address) => format!("registrations from {address}"),
        Counted::InvitesOfAddress(address) => format!("invites from {address}"),
        Counted::WrongPasswordsOf(user) => format!("wrong passwords of {user}"),
        Counted::SessionsOf(_) => "sessions".to_owned(),
        Counted::TicketsOf(_) => "tickets".to_owned(),
        Counted::TranscribeLinesOf(_) => "transcribe lines".to_owned(),
        Counted::RecordingsOf(_) => "recordings".to_owned(),
        Counted::CallsOf(_) => "calls".to_owned(),
    }
}
