//! Replaying what waits for a participant: page by page into the pushes, never all in memory.

use std::collections::HashSet;

use futures_util::stream::{self, StreamExt};

use crate::ports::{ChatLog, Held, Inbox, Log, Ports, Pushed, Sockets, Told};
use crate::{ConnectionId, Frame, Result, Timestamp};

/// The most that one replay pushes. It is more than a page has, so that what begins again at a page comes further.
const MOST_ITEMS: usize = 2_000;
/// The most that one replay pushes, in bytes; a page has less, too.
const MOST_BYTES: usize = 4 * 1024 * 1024;
/// Replays are pushed so many at a time: receivers put them in order.
const REPLAYS_AT_ONCE: usize = 8;

/// What came of a replay.
pub(crate) struct Replayed {
    /// How many frames were pushed.
    pub(crate) count: usize,
    /// How it ended.
    pub(crate) end: ReplayEnd,
    /// The page where one that was truncated goes on.
    pub(crate) next: Told,
}

/// How a replay ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReplayEnd {
    /// Everything was pushed.
    Complete,
    /// There was more than one replay may push.
    Truncated,
    /// The connection is gone.
    Gone,
    /// A push was throttled or failed.
    Failed,
}

/// Pushes every signal in the inbox, every chat message and every caption from `from` on, strongly consistent, each in the order
/// of their identifiers; what was said to everybody not from before the participant joined.
pub(crate) async fn replay(
    ports: Ports<'_, impl Inbox + ChatLog + Sync, impl Sockets + Sync, impl Sync>,
    held: &Held,
    from: Timestamp,
    joined_at: Timestamp,
) -> Result<Replayed> {
    let mut pusher = Pusher::new(ports.sockets, &held.connection, REPLAYS_AT_ONCE, None);
    replay_by(ports, held, Told::until(from, joined_at), &mut pusher).await
}

/// The same from `next` on, one frame after the other, for receivers that do not put them in order. Leaves out what was `told`, and
/// adds what is pushed.
pub(crate) async fn replay_once(
    ports: Ports<'_, impl Inbox + ChatLog + Sync, impl Sockets + Sync, impl Sync>,
    held: &Held,
    next: Told,
    told: &mut HashSet<Frame>,
) -> Result<Replayed> {
    let mut pusher = Pusher::new(ports.sockets, &held.connection, 1, Some(told));
    replay_by(ports, held, next, &mut pusher).await
}

async fn replay_by<C: Sockets + Sync>(
    ports: Ports<'_, impl Inbox + ChatLog + Sync, C, impl Sync>,
    held: &Held,
    mut next: Told,
    pusher: &mut Pusher<'_, C>,
) -> Result<Replayed> {
    let Ports { store, encoder, context, .. } = ports;
    let mut signals = Some(next.signals);
    while let Some(first) = signals.filter(|_| pusher.goes_on()) {
        next.signals = first;
        let page = store.signals(held.session, held.user, first, context.now).await?;
        pusher.push(page.items).await;
        signals = page.next;
    }
    for (log, next) in [(Log::Chat, &mut next.messages), (Log::Captions, &mut next.captions)] {
        let mut said = Some(*next);
        while let Some(first) = said.filter(|_| pusher.goes_on()) {
            *next = first;
            let page = store.messages_since(held.session, log, first, context.now).await?;
            let frames = page.items.iter().map(|message| encoder.encode(&message.event(), message.id.timestamp()));
            pusher.push(frames.collect()).await;
            said = page.next;
        }
    }
    Ok(Replayed { count: pusher.count, end: pusher.end.unwrap_or(ReplayEnd::Complete), next })
}

/// Pushes to one connection until something ends it.
struct Pusher<'a, C> {
    sockets: &'a C,
    to: &'a ConnectionId,
    at_once: usize,
    told: Option<&'a mut HashSet<Frame>>,
    count: usize,
    bytes: usize,
    end: Option<ReplayEnd>,
}

impl<'a, C: Sockets + Sync> Pusher<'a, C> {
    fn new(sockets: &'a C, to: &'a ConnectionId, at_once: usize, told: Option<&'a mut HashSet<Frame>>) -> Self {
        Self { sockets, to, at_once, told, count: 0, bytes: 0, end: None }
    }

    fn goes_on(&self) -> bool {
        self.end.is_none()
    }

    /// Pushes the frames of a page, without those that were told, as far as the bounds allow.
    async fn push(&mut self, frames: Vec<Frame>) {
        let (mut within, mut room) = (Vec::with_capacity(frames.len()), true);
        for frame in frames {
            if self.told.as_mut().is_some_and(|told| !told.insert(frame.clone())) {
                continue;
            }
            room = self.count + within.len() < MOST_ITEMS && self.bytes + frame.0.len() <= MOST_BYTES;
            if !room {
                break;
            }
            self.bytes += frame.0.len();
            within.push(frame);
        }
        let (sockets, to) = (self.sockets, self.to);
        let pushes = within.into_iter().map(|frame| async move { sockets.push(to, &frame).await });
        let mut answers = stream::iter(pushes).buffered(self.at_once);
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(Pushed::Accepted) => self.count += 1,
                Ok(Pushed::Gone) => return self.end = Some(ReplayEnd::Gone),
                Err(_) => return self.end = Some(ReplayEnd::Failed),
            }
        }
        if !room {
            self.end = Some(ReplayEnd::Truncated);
        }
    }
}
