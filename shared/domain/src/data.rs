//! Data between participants, and calls of each other's procedures: kept and delivered as signals are, so that they survive a
//! lost connection.

use std::collections::BTreeSet;

use futures_util::stream::{self, StreamExt};

use crate::delivery::kept_until;
use crate::ports::{Delays, Inbox, Members, Ports, Rosters, Signal, Sockets};
use crate::relay::{relay, relay_until};
use crate::sessions::active_roster;
use crate::{Error, Event, Frame, Result, Sender, SessionId, SignalId, UserId};

/// The largest payload in bytes, LiveKit's limit.
/// <https://docs.livekit.io/transport/data/rpc/>
pub const MAX_PAYLOAD: usize = 15 * 1024;

/// So many are sent to at the same time.
const SENDS_AT_ONCE: usize = 16;

/// Something that an app sends to its users' clients. What is in it is the app's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Data {
    /// What its sender calls it, so that what is sent again is the same.
    pub id: String,
    /// Who sends it; nobody where the app itself does.
    pub from: Option<Sender>,
    /// What it is about.
    pub topic: String,
    /// At most [`MAX_PAYLOAD`] bytes.
    pub payload: String,
}

/// Whom data is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipients {
    /// Everybody else.
    Everybody,
    /// These.
    These(Vec<UserId>),
}

/// Sends data. To everybody it is one read of the roster more.
///
/// # Errors
/// `PeerNotFound` where one of those whom it is for does not take part; the others get it all the same.
pub async fn send_data(
    ports: Ports<'_, impl Inbox + Members + Rosters + Sync, impl Sockets + Sync, impl Delays + Sync>,
    session: SessionId,
    data: &Data,
    to: &Recipients,
) -> Result<()> {
    let from = data.from.as_ref().map(|from| from.user_id);
    let frame = ports.encode(&Event::ReceiveData(data));
    match to {
        Recipients::Everybody => {
            let roster = active_roster(ports.store, session, ports.context.now).await?;
            let others = roster.present(ports.context.now).map(|p| p.user_id).filter(|user| Some(*user) != from);
            to_each(ports, session, others.collect(), &frame, Absent::Passed).await
        }
        Recipients::These(users) => {
            // Whoever is named twice gets it once.
            let users: BTreeSet<_> = users.iter().copied().collect();
            to_each(ports, session, users.into_iter().collect(), &frame, Absent::Refused).await
        }
    }
}

/// What becomes of a target that does not take part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Absent {
    Passed,
    Refused,
}

/// Sends one frame to each of them as signals are sent: written first, pushed then. The first error comes after every other target
/// was served.
pub(crate) async fn to_each(
    ports: Ports<'_, impl Inbox + Members + Sync, impl Sockets + Sync, impl Delays + Sync>,
    session: SessionId,
    targets: Vec<UserId>,
    frame: &Frame,
    absent: Absent,
) -> Result<()> {
    let id = SignalId::new(ports.context.ids, ports.context.now);
    let signals = targets.into_iter().map(|to| Signal { id, session, to, frame: frame.clone() });
    let sends = signals.map(|signal| async move { relay(ports, &signal).await });
    let sent: Vec<_> = stream::iter(sends.collect::<Vec<_>>()).buffer_unordered(SENDS_AT_ONCE).collect().await;
    sent.into_iter().try_for_each(|sent| match sent {
        Err(Error::PeerNotFound) if absent == Absent::Passed => Ok(()),
        sent => sent.map(drop),
    })
}

/// A call of a procedure of another participant's client, as LiveKit's RPC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rpc {
    /// What its caller calls it.
    pub id: String,
    /// Who calls.
    pub from: Sender,
    /// The procedure's name.
    pub method: String,
    /// At most [`MAX_PAYLOAD`] bytes.
    pub payload: String,
    /// How long the caller waits for the answer, in milliseconds.
    pub timeout_ms: u64,
}

/// The answer to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RpcAnswer {
    /// The call.
    pub id: String,
    /// Who answers.
    pub from: Sender,
    /// The result, or why there is none.
    pub outcome: std::result::Result<String, RpcFailure>,
}

/// Why a call has no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RpcFailure {
    /// A number of LiveKit's, or the app's own.
    pub code: u64,
    /// For people, at most 256 characters.
    pub message: String,
    /// Whatever else the app says, at most [`MAX_PAYLOAD`] bytes.
    pub data: Option<String>,
}

/// Calls a procedure of a participant. The call waits for whoever is away for a moment, but not for longer than its caller does.
///
/// # Errors
/// `PeerNotFound`.
pub async fn call(
    ports: Ports<'_, impl Inbox + Members + Sync, impl Sockets + Sync, impl Delays + Sync>,
    session: SessionId,
    to: UserId,
    rpc: &Rpc,
) -> Result<()> {
    let keep_until = ports.context.now + std::time::Duration::from_millis(rpc.timeout_ms);
    let signal = addressed(ports, session, to, &Event::ReceiveRpc(rpc));
    relay_until(ports, &signal, keep_until).await.map(drop)
}

/// Answers a call.
///
/// # Errors
/// `PeerNotFound`.
pub async fn answer(
    ports: Ports<'_, impl Inbox + Members + Sync, impl Sockets + Sync, impl Delays + Sync>,
    session: SessionId,
    to: UserId,
    answer: &RpcAnswer,
) -> Result<()> {
    let signal = addressed(ports, session, to, &Event::ReceiveRpcAnswer(answer));
    relay_until(ports, &signal, kept_until(ports.context)).await.map(drop)
}

fn addressed<S, C, D>(ports: Ports<'_, S, C, D>, session: SessionId, to: UserId, event: &Event<'_>) -> Signal {
    let id = SignalId::new(ports.context.ids, ports.context.now);
    Signal { id, session, to, frame: ports.encode(event) }
}
