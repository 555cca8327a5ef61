//! `$default`: the records of the hub. A frame that ends with 0x1E is no JSON, so API Gateway brings every one here. What speaks our
//! own frames and comes here wants an action that does not exist.

use std::sync::Arc;
use std::time::Duration;

use auth::{Callers, Presented};
use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use delay::DelayQueue;
use domain::ports::{Attempt, ChatMessage, Held, Members, Places, Ports};
use domain::quotas::{self, Quotas};
use domain::resume::CaughtUp;
use domain::standing::{JoinedCache, Standing};
use domain::{
    Context, Error, Metric, Permission, Person, Result, RoomRef, SessionId, chat, leases, relay, resume, sessions,
};
use gateway::Surroundings;
use gateway::websocket::{Door, FrameRequest, HubRequest, Speaker, say, silence};
use protocol::hub::{self, Invocation, Malformed, Method, Record};
use protocol::rest::SessionDetail;
use protocol::signaling::{ClientFrame, ClientMessage, JsonEncoder, Nothing};
use push::Push;
use runtime::{Runtime, SettingError};
use store::Store;

/// What this function needs.
pub struct Deps {
    surroundings: Surroundings,
    store: Store,
    push: Push,
    delay: DelayQueue,
    callers: Callers,
    joined: Arc<JoinedCache>,
    quotas: Quotas,
}

impl Deps {
    /// From configuration; names the setting that is missing.
    pub fn new(runtime: &Runtime) -> Result<Self, SettingError> {
        Ok(Self {
            surroundings: runtime.get()?,
            store: runtime.get()?,
            push: runtime.get()?,
            delay: runtime.get()?,
            callers: runtime.get()?,
            joined: runtime.get()?,
            quotas: runtime.get()?,
        })
    }
}

/// Answers a frame.
pub async fn handle(
    deps: &Deps,
    event: ApiGatewayWebsocketProxyRequest,
) -> Result<ApiGatewayProxyResponse, lambda_runtime::Error> {
    match Speaker::of(&event)? {
        Speaker::Own(identity) => {
            let request = FrameRequest::of(&deps.surroundings, &event, identity);
            let refused = request.frame().and(Err::<Nothing, _>(Error::UnknownAction));
            Ok(request.respond(refused))
        }
        Speaker::Hub(identity) => {
            let request = HubRequest::new(&deps.surroundings, &event, identity);
            let answers = converse(deps, &request).await;
            Ok(if answers.is_empty() { silence() } else { say(answers) })
        }
    }
}

/// What a record comes to.
enum Reply {
    /// Its answer; there may be none.
    Said(String),
    /// Its answer, and the end of the connection.
    Last(&'static str),
    /// The same for a handshake, whose refusals name what they refuse.
    Refused(String),
}

/// Answers every record of a frame, in order, and keeps what is left behind the last one.
async fn converse(deps: &Deps, request: &HubRequest<'_>) -> String {
    let mut answers = String::new();
    let text = match whole(deps, request).await {
        Ok(text) => text,
        Err(Malformed) => {
            end(deps, request).await;
            return hub::CLOSED_WITH_ERROR.to_owned();
        }
    };
    for text in hub::split(&text).0 {
        let (answer, last) = match answer(deps, request, text).await {
            Reply::Said(answer) => (answer, false),
            Reply::Last(answer) => (answer.to_owned(), true),
            Reply::Refused(answer) => (answer, true),
        };
        answers.push_str(&answer);
        if last {
            end(deps, request).await;
            break;
        }
    }
    answers
}

/// Closes the connection once its last answer has arrived; the client closes it at once if it hears that.
async fn end(deps: &Deps, request: &HubRequest<'_>) {
    // Best effort: a connection that stays is idle, and API Gateway closes idle ones.
    let _scheduled = leases::close_later(&deps.delay, &request.identity.connection).await;
}

/// How often the beginning of a record is looked for, whose function may still be at it.
const LOOKS: usize = 5;
/// How long between two looks.
const BETWEEN: Duration = Duration::from_millis(50);

/// The frame with what came before it, if it does not begin with a record. What is left behind its last record is kept.
async fn whole(deps: &Deps, request: &HubRequest<'_>) -> Result<String, Malformed> {
    let text = request.text();
    let (records, rest) = hub::split(text);
    let begins_anew = match records.first() {
        Some(first) => Record::parse(first).is_ok(),
        None => rest.is_empty(),
    };
    if begins_anew && rest.is_empty() {
        return Ok(text.to_owned());
    }
    let known = if begins_anew { None } else { begun(deps, request, !records.is_empty()).await };
    if !begins_anew && known.is_none() && !records.is_empty() {
        // Its first record says so itself.
        return Ok(text.to_owned());
    }
    let all = known.as_deref().unwrap_or_default().to_owned() + text;
    let rest = hub::split(&all).1;
    if rest.len() > hub::MAX_RECORD {
        return Err(Malformed);
    }
    let (user, ticket) = (request.identity.caller.user_id, request.identity.ticket);
    let kept = Some(rest).filter(|rest| !rest.is_empty());
    match deps.store.set_rest(user, ticket, known.as_deref(), kept).await {
        Ok(true) => Ok(all),
        Ok(false) | Err(_) => Err(Malformed),
    }
}

/// The beginning of a record that came with an earlier frame. A frame that ends a record waits a little for it.
async fn begun(deps: &Deps, request: &HubRequest<'_>, expected: bool) -> Option<String> {
    let (user, ticket) = (request.identity.caller.user_id, request.identity.ticket);
    for look in 0..LOOKS {
        if look > 0 {
            tokio::time::sleep(BETWEEN).await;
        }
        let place = deps.store.place(user, ticket, true).await.ok().flatten()?;
        if place.rest.is_some() || !expected {
            return place.rest;
        }
    }
    None
}

async fn answer(deps: &Deps, request: &HubRequest<'_>, text: &str) -> Reply {
    let context = request.context();
    match Record::parse(text) {
        Err(Malformed) => Reply::Last(hub::CLOSED_WITH_ERROR),
        Ok(Record::Handshake(Ok(()))) => Reply::Said(hub::HANDSHAKE.to_owned()),
        Ok(Record::Handshake(Err(refused))) => Reply::Refused(hub::refused_handshake(&refused)),
        Ok(Record::Ping) => ping(deps, request, context).await,
        Ok(Record::Close) => Reply::Last(hub::CLOSED),
        Ok(Record::Ignored) => Reply::Said(String::new()),
        Ok(Record::Invocation(invocation)) => Reply::Said(invoke(deps, request, context, &invocation).await),
    }
}

/// A function has ended after so long. Until then a connection whose session is noted may still be joining it.
const JOINING: Duration = Duration::from_secs(30);

/// Answers a sign of life. A connection that has lost its participant, or whose access ran out, is ended: its client comes back,
/// and joins again.
async fn ping(deps: &Deps, request: &HubRequest<'_>, context: Context<'_>) -> Reply {
    let identity = &request.identity;
    let alive = async {
        request.limit(context)?;
        if identity.caller.expires_at <= context.now {
            return Err(Error::Unauthorized);
        }
        let place = deps.store.place(identity.caller.user_id, identity.ticket, false).await?.unwrap_or_default();
        let Some(session) = place.session else { return Ok(()) };
        match deps.joined.check(&deps.store, context, &held(request, session)).await {
            Err(Error::NotJoined) if place.since.is_some_and(|since| context.now.since(since) < JOINING) => Ok(()),
            checked => checked.map(drop),
        }
    };
    let result = alive.await;
    request.log("ping", context.now, &result, None);
    match result {
        Err(Error::NotJoined | Error::Unauthorized) => Reply::Last(hub::CLOSED_WITH_ERROR),
        Ok(()) | Err(_) => Reply::Said(hub::PING.to_owned()),
    }
}

fn held(request: &HubRequest<'_>, session: SessionId) -> Held {
    let identity = &request.identity;
    Held { session, user: identity.caller.user_id, connection: identity.connection.clone() }
}

/// The completion of a call; nothing for one that wants none.
async fn invoke(deps: &Deps, request: &HubRequest<'_>, context: Context<'_>, invocation: &Invocation<'_>) -> String {
    let answered = |text: fn(&str, &str) -> String, error: &str| match &invocation.id {
        Some(id) => text(id, error),
        None => String::new(),
    };
    let (method, frame) = match invocation.bind() {
        Ok(bound) => bound,
        Err(refused) => return answered(hub::failure, &refused),
    };
    let call = async {
        request.limit(context)?;
        if request.identity.caller.expires_at <= context.now {
            return Err(Error::Unauthorized);
        }
        let frame = ClientFrame::parse(&frame).map_err(|unreadable| unreadable.error)?;
        call(deps, request, context, method, &frame).await
    };
    let result = call.await;
    let relays = matches!(method, Method::SendOffer | Method::SendAnswer | Method::SendIceCandidate);
    request.log(method.name(), context.now, &result, relays.then_some(Metric::Relays));
    match (&invocation.id, result) {
        (None, _) => String::new(),
        (Some(id), Ok(joined)) => hub::completion(id, &joined),
        (Some(id), Err(error)) => hub::failure(id, &invocation.error(&error)),
    }
}

/// Carries a call out; its result, for the one method that has one.
async fn call(
    deps: &Deps,
    request: &HubRequest<'_>,
    context: Context<'_>,
    method: Method,
    frame: &ClientFrame<'_>,
) -> Result<Option<SessionDetail>> {
    match method {
        Method::JoinSession => join(deps, request, context, frame.join_at_hub()?).await.map(Some),
        Method::LeaveSession => leave(deps, request, context).await.map(|()| None),
        Method::SendOffer | Method::SendAnswer | Method::SendIceCandidate => {
            signal(deps, request, context, frame).await.map(|()| None)
        }
        Method::SendMessage => message(deps, request, context, frame).await.map(|()| None),
        Method::UpdateStatus => {
            let status = frame.status()?;
            let (held, _) = seat(deps, request, context).await?;
            leases::update_status(ports(deps, context), &held, status).await.map(|()| None)
        }
    }
}

fn ports<'a>(deps: &'a Deps, context: Context<'a>) -> Ports<'a, Store, Push, DelayQueue> {
    Ports { store: &deps.store, sockets: &deps.push, delays: &deps.delay, encoder: &JsonEncoder, context }
}

/// Takes a seat if there is none, as joining over REST does, and makes this connection the live one, as `joinSession` does. A
/// connection is in one session at a time: the one before is left once there is a seat in the other, so a refused join changes
/// nothing.
async fn join(
    deps: &Deps,
    request: &HubRequest<'_>,
    context: Context<'_>,
    asked: Option<RoomRef>,
) -> Result<SessionDetail> {
    let (identity, ports) = (&request.identity, ports(deps, context));
    let (user, ticket) = (identity.caller.user_id, identity.ticket);
    let place = deps.store.place(user, ticket, true).await?.ok_or(Error::NotJoined)?;
    let (session, newest) = sit(deps, request, context, asked).await?;
    let here = held(request, session);
    let number = match place.session {
        Some(other) if other != session => {
            stand_up(deps, context, &held(request, other)).await?;
            newest
        }
        Some(_) => number_again(deps, &here, place.attempt, newest).await?,
        None => newest,
    };
    // Before the participant is taken over: whoever notes the end of this connection must find out where it was.
    deps.store.set_place(user, ticket, Some((session, number)), context.now).await?;
    let attempt = Attempt { held: here, number, family: identity.caller.family, ticket };
    let told = place.told.filter(|_| place.session == Some(session));
    match resume::join_caught_up(ports, &attempt, told).await? {
        CaughtUp::Joined(joined) => Ok(SessionDetail::new(&joined.roster, context.now)),
        CaughtUp::More(next) => {
            deps.store.set_told(user, ticket, next).await?;
            Err(Error::Unavailable("there is more to tell than one call can".into()))
        }
    }
}

/// The attempt's number where a connection joins once more the session that it is in. Where it is the live one, or a newer one is,
/// that is the one it had: as a newer attempt it would take over from the connection that has just replaced it, and neither would
/// be left. What was cut short, or lost the seat, begins anew.
async fn number_again(deps: &Deps, held: &Held, noted: Option<u64>, newest: u64) -> Result<u64> {
    let Some(member) = deps.store.member(held.session, held.user).await? else { return Ok(newest) };
    let catching_up = member.catching_up.as_ref().filter(|other| other.connection != held.connection);
    let counts = |had: &u64| {
        let newer = member.attempt.max(catching_up.map_or(0, |other| other.attempt));
        member.is_on(&held.connection) || newer > *had
    };
    Ok(noted.filter(counts).unwrap_or(newest))
}

/// The session where the caller has a seat now, and the number of the attempt: by what opened the connection. A join token is
/// verified anew, because its key may be disabled and its time over since.
async fn sit(
    deps: &Deps,
    request: &HubRequest<'_>,
    context: Context<'_>,
    asked: Option<RoomRef>,
) -> Result<(SessionId, u64)> {
    let caller = &request.identity.caller;
    match &request.identity.door {
        Door::AccessToken => take_seat(deps, context, caller, asked).await,
        Door::Ticket(session) if asked.as_ref().is_some_and(|asked| *asked != RoomRef::Session(*session)) => {
            Err(Error::Unauthorized)
        }
        Door::Ticket(session) => Ok((*session, sessions::ticket(&deps.store, context, caller, *session).await?)),
        Door::JoinToken(token) => {
            let access = context.policy.access_token;
            let shown = deps.callers.verify_token(&deps.store, token.reveal(), context.now, access).await?;
            match shown.expired {
                None => take_seat(deps, context, shown.caller.person()?, asked).await,
                Some(seconds) => {
                    let kept = keep_seat(deps, context, shown, asked).await;
                    kept.map_err(|error| match error {
                        Error::NotInSession | Error::SessionNotFound => Error::TokenExpired { seconds },
                        error => error,
                    })
                }
            }
        }
    }
}

/// Takes a seat, or finds the one already held, as joining over REST does.
async fn take_seat(
    deps: &Deps,
    context: Context<'_>,
    person: &Person,
    asked: Option<RoomRef>,
) -> Result<(SessionId, u64)> {
    let ports = ports(deps, context);
    let room = sessions::meant(&person.scope, asked)?;
    quotas::admit_participant(&deps.store, &deps.quotas, context, person, &room).await?;
    let seated = match room {
        RoomRef::Session(session) => sessions::join(ports, person, session).await?.seated()?,
        RoomRef::Room(name) => sessions::join_room(ports, &deps.quotas, person, &name).await?.seated()?,
    };
    Ok((seated.roster.session.id, seated.attempt))
}

/// The seat already held by somebody whose join token has ended, as asking for a ticket over REST.
async fn keep_seat(
    deps: &Deps,
    context: Context<'_>,
    shown: Presented,
    asked: Option<RoomRef>,
) -> Result<(SessionId, u64)> {
    let caller = shown.seated()?;
    let room = sessions::meant(caller.scope(), asked)?;
    let session = sessions::find(&deps.store, context, &caller, &room).await?;
    Ok((session, sessions::ticket(&deps.store, context, caller.person()?, session).await?))
}

/// Gives the seat up. The connection stays, and may join another session.
async fn leave(deps: &Deps, request: &HubRequest<'_>, context: Context<'_>) -> Result<()> {
    let (user, ticket) = (request.identity.caller.user_id, request.identity.ticket);
    let place = deps.store.place(user, ticket, true).await?;
    let session = place.and_then(|place| place.session).ok_or(Error::NotJoined)?;
    stand_up(deps, context, &held(request, session)).await?;
    deps.store.set_place(user, ticket, None, context.now).await
}

/// Gives a seat up, unless it is lost already.
async fn stand_up(deps: &Deps, context: Context<'_>, held: &Held) -> Result<()> {
    let left = leases::stand_up(ports(deps, context), held).await;
    deps.joined.forget(&held.connection);
    match left {
        Err(Error::NotJoined) => Ok(()),
        left => left,
    }
}

/// Where the connection sits and what it may do, once it is known to have joined. The cheap read may be older than its join, so only the consistent
/// one refuses.
async fn seat(deps: &Deps, request: &HubRequest<'_>, context: Context<'_>) -> Result<(Held, Standing)> {
    let (user, ticket) = (request.identity.caller.user_id, request.identity.ticket);
    let mut refused = Error::NotJoined;
    for certain in [false, true] {
        let place = deps.store.place(user, ticket, certain).await?;
        let Some(session) = place.and_then(|place| place.session) else { continue };
        let held = held(request, session);
        match deps.joined.check(&deps.store, context, &held).await {
            Ok(standing) => return Ok((held, standing)),
            Err(error @ (Error::NotJoined | Error::SessionEnded)) => refused = error,
            Err(error) => return Err(error),
        }
    }
    Err(refused)
}

async fn signal(deps: &Deps, request: &HubRequest<'_>, context: Context<'_>, frame: &ClientFrame<'_>) -> Result<()> {
    let sent = frame.signal()?;
    let (held, standing) = seat(deps, request, context).await?;
    sent.check(standing.rights)?;
    let signal = sent.into_signal(context, held.session, &standing.sender)?;
    relay::relay(ports(deps, context), &signal).await.map(drop)
}

async fn message(deps: &Deps, request: &HubRequest<'_>, context: Context<'_>, frame: &ClientFrame<'_>) -> Result<()> {
    let ClientMessage { text, client_id } = frame.message()?;
    request.limit_chat(context)?;
    let (held, standing) = seat(deps, request, context).await?;
    standing.rights.require(Permission::Chat)?;
    let message = ChatMessage::new(context, held.session, standing.sender, text, client_id);
    chat::send(ports(deps, context), &message).await.map(drop)
}
