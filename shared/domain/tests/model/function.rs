//! The functions, as API Gateway and the delay queue start them: a task each, that runs the real rules over the ports.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use domain::ports::{Attempt, ChatMessage, Closure, ConnectionLog, DelayedMessage, Delays, Signal, Sockets};
use domain::{
    ConnectionId, Error, Frame, MessageId, Presence, Result, SignalId, TicketId, Timestamp, chat, eviction, leases,
    nudge, relay, resume, sessions, sweep, waiting,
};

use crate::house::House;
use crate::world::{Answer, DAWN, Seat, place};

/// A function is ended after so long (infra/functions.yaml).
pub const LIMIT: Duration = Duration::from_secs(15);

/// The delay queue hides a message for so long from when a function gets it. Shorter than it is, so that calm comes in time.
const VISIBILITY: Duration = Duration::from_secs(20);

/// What starts a function.
#[derive(Clone)]
pub enum Call {
    /// `POST /api/session/join` (the first time, or after a removal) or `/ticket`, over HTTP.
    Admit { user: usize, serial: u32, anew: bool },
    /// A frame of a connection.
    Frame { connection: ConnectionId, request: Request },
    /// `$disconnect`.
    Disconnect { connection: ConnectionId },
    /// A message of the delay queue.
    Delayed(DelayedMessage),
    /// The schedule.
    Sweep,
}

/// A client's frame.
#[derive(Clone)]
pub enum Request {
    Join { since: Timestamp },
    Signal { to: usize, seq: u32 },
    Chat { index: usize },
    Sync { since: Timestamp },
    Ping,
}

/// What came of a function.
pub enum Outcome {
    /// A client over HTTP.
    Admitted { user: usize, serial: u32, admission: Result<Admission, &'static str> },
    /// A client over its connection.
    Answered { connection: ConnectionId, answer: Answer, receipt: Option<Receipt> },
    /// Nobody waits for it.
    Done,
}

/// What a ticket says.
pub struct Admission {
    /// The number of the attempt.
    pub attempt: u64,
    /// When the seat was taken, as the answer of `join` says.
    pub joined_at: Option<Timestamp>,
}

/// What an acknowledgement promised.
pub enum Receipt {
    Signal { from: usize, to: usize, seq: u32 },
    Chat(MessageId),
}

/// A function that runs.
pub struct Running {
    pub started: Timestamp,
    /// The message of the delay queue that started it.
    pub message: Option<DelayedMessage>,
    pub body: Pin<Box<dyn Future<Output = Outcome> + Send>>,
}

impl Running {
    /// Starts a function; the clock of its host is up to a second ahead of others.
    pub fn start(house: &Arc<House>, call: Call) -> Self {
        let (started, now) = {
            let mut world = house.lock();
            let ahead = Duration::from_millis(world.chance.below(1000) as u64);
            (world.now, world.now + ahead)
        };
        let message = if let Call::Delayed(message) = &call { Some(message.clone()) } else { None };
        Self { started, message, body: Box::pin(run(Arc::clone(house), now, call)) }
    }

    /// The function dies. A message that started it is still in the queue, and comes again after a while.
    pub fn die(self, house: &House) {
        if let Some(message) = self.message {
            let mut world = house.lock();
            let due = world.now + VISIBILITY;
            world.delayed.push((due, message));
        }
    }
}

async fn run(house: Arc<House>, now: Timestamp, call: Call) -> Outcome {
    match call {
        Call::Admit { user, serial, anew } => {
            let admission = admit(&house, now, user, anew).await.map_err(|error| error.code());
            Outcome::Admitted { user, serial, admission }
        }
        Call::Frame { connection, request } => {
            let (answer, receipt) = answer(&house, now, &connection, request).await;
            Outcome::Answered { connection, answer, receipt }
        }
        Call::Disconnect { connection } => {
            let user = house.lock().connection(&connection).user;
            house.joined.forget(&connection);
            let held = house.held(user, &connection);
            let closure = Closure { at: now, code: 1006, reason: String::new() };
            // Whoever fails here is found by the sweep.
            let _noted = ConnectionLog::close(&*house, held.user, ticket_of(&connection), &closure).await;
            let _lost = leases::lose_connection(house.ports(now), &held).await;
            Outcome::Done
        }
        Call::Sweep => {
            let _swept = sweep::sweep(house.ports(now), &*house, now + LIMIT, |_, _| {}).await;
            Outcome::Done
        }
        Call::Delayed(message) => {
            if act(&house, now, &message).await.is_err() {
                // What failed comes again; whatever gets lost here is found by the sweep.
                let _sent = house.after(Duration::from_secs(5), &message).await;
            }
            Outcome::Done
        }
    }
}

/// Does what a message of the delay queue asks for.
pub async fn act(house: &House, now: Timestamp, message: &DelayedMessage) -> Result<()> {
    match message {
        DelayedMessage::CheckLease { session, user } => leases::check_lease(house.ports(now), *session, *user).await,
        DelayedMessage::Nudge { session, user, waiting } => {
            nudge::nudge(house.ports(now), *session, *user, *waiting).await
        }
        DelayedMessage::Close { connection } => Sockets::close(house, connection).await,
        DelayedMessage::CheckWaiting { session, user } => waiting::check(house.ports(now), *session, *user).await,
        DelayedMessage::Evict { user } => eviction::evict_ended(house.ports(now), *user).await,
        DelayedMessage::Erase { .. } => unreachable!("no account is removed here"),
    }
}

/// The ticket of a connection.
pub fn ticket_of(connection: &ConnectionId) -> TicketId {
    TicketId::first_at(DAWN + Duration::from_millis(place(connection) as u64))
}

async fn admit(house: &House, now: Timestamp, user: usize, anew: bool) -> Result<Admission> {
    let (context, caller, session) = (house.context(now), house.caller(user), house.session.id);
    if !anew {
        let attempt = sessions::ticket(house, context, &caller, session).await?;
        return Ok(Admission { attempt, joined_at: None });
    }
    let seated = sessions::join(house.ports(now), &caller, session).await?.seated()?;
    // The seat may have run out just before this sign of life; the client joins once more.
    let participant = seated.roster.seated(caller.user_id).ok_or(Error::NotInSession)?;
    Ok(Admission { attempt: seated.attempt, joined_at: Some(participant.joined_at) })
}

/// Answers one frame, as the functions of the WebSocket routes do.
async fn answer(
    house: &House,
    now: Timestamp,
    connection: &ConnectionId,
    request: Request,
) -> (Answer, Option<Receipt>) {
    let user = house.lock().connection(connection).user;
    match request {
        Request::Join { since } => {
            let joined = join(house, now, user, connection, since).await.map_err(|error| error.code());
            let (joined, roster) = joined.map_or_else(|code| (Err(code), Vec::new()), |(ok, roster)| (Ok(ok), roster));
            (Answer::Joined(joined, roster), None)
        }
        Request::Signal { to, seq } => {
            let acked = signal(house, now, user, connection, to, seq).await.is_ok();
            (Answer::Signal { to, seq, acked }, acked.then_some(Receipt::Signal { from: user, to, seq }))
        }
        Request::Chat { index } => {
            let sent = message(house, now, user, connection).await.ok();
            (Answer::Chat { index, acked: sent.is_some() }, sent.map(Receipt::Chat))
        }
        Request::Sync { since } => (Answer::Synced(sync(house, now, user, connection, since).await.is_ok()), None),
        Request::Ping => {
            let pinged = leases::ping(house, house.context(now), &house.held(user, connection)).await;
            (Answer::Pinged(pinged.map_err(|error| error.code())), None)
        }
    }
}

/// Whether nothing was missed, and who is there since when.
async fn join(
    house: &House,
    now: Timestamp,
    user: usize,
    connection: &ConnectionId,
    since: Timestamp,
) -> Result<(bool, Vec<Seat>)> {
    let number = house.lock().connection(connection).attempt;
    house.lock().asked[user] = since;
    let attempt =
        Attempt { held: house.held(user, connection), number, family: house.family, ticket: ticket_of(connection) };
    let joined = resume::join_connection(house.ports(now), &attempt, Some(since)).await?;
    // Who never connected is shown as `disconnected`, and nobody hears of the end of that.
    let here = joined.roster.present(now).filter(|p| p.presence != Presence::Disconnected);
    let roster = here.map(|p| (house.place(p.user_id), p.joined_at)).collect();
    Ok((joined.recovered, roster))
}

async fn signal(
    house: &House,
    now: Timestamp,
    from: usize,
    connection: &ConnectionId,
    to: usize,
    seq: u32,
) -> Result<()> {
    let context = house.context(now);
    house.joined.check(house, context, &house.held(from, connection)).await?;
    let frame = Frame(format!("{} s {from} {seq}", now.millis()));
    let id = SignalId::new(context.ids, now);
    let signal = Signal { id, session: house.session.id, to: house.users[to], frame };
    relay::relay(house.ports(now), &signal).await.map(drop)
}

async fn message(house: &House, now: Timestamp, from: usize, connection: &ConnectionId) -> Result<MessageId> {
    let context = house.context(now);
    house.joined.check(house, context, &house.held(from, connection)).await?;
    let id = MessageId::new(context.ids, now);
    let caller = house.caller(from);
    let session = house.session.id;
    let (from, username, text) = (caller.user_id, caller.username, "hello".to_owned());
    let message = ChatMessage { id, session, from, username, identity: None, text, client_id: None, spoken: None };
    chat::send(house.ports(now), &message).await
}

async fn sync(house: &House, now: Timestamp, user: usize, connection: &ConnectionId, since: Timestamp) -> Result<()> {
    let (context, held) = (house.context(now), house.held(user, connection));
    let standing = house.joined.check(house, context, &held).await?;
    house.lock().asked[user] = since;
    resume::sync(house.ports(now), &held, since, standing.joined_at).await.map(drop)
}
