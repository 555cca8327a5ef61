//! The WebSockets that are open, and what waits to be sent to each.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::task::AtomicWaker;
use serde_json::value::RawValue;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::{clock::Moment, events::Identity};

/// One open WebSocket. It is kept small: thousands of them are idle.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) id: Box<str>,
    pub(crate) identity: Identity,
    pub(crate) domain_name: Box<str>,
    /// What the authorizer said about the client, already in JSON.
    pub(crate) authorizer: Option<Box<RawValue>>,
    pub(crate) connected_at: Moment,
    opened: Instant,
    /// Milliseconds from `opened` to the last message in either direction.
    last_active: AtomicU64,
    in_flight: AtomicUsize,
    outbox: Mutex<Outbox>,
    outbox_limit: usize,
    /// Set by injected faults alone: whatever is sent vanishes, whatever arrives is not read.
    black_hole: AtomicBool,
    /// Wakes the task that owns the socket.
    pub(crate) driver: AtomicWaker,
}

#[derive(Debug, Default)]
struct Outbox {
    messages: VecDeque<Utf8Bytes>,
    bytes: usize,
    closed: Option<Closed>,
}

/// Why nothing more is accepted for a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closed {
    /// `DELETE @connections`.
    Deleted,
    /// The gateway shuts down.
    GoingAway,
    /// A test cuts the connection without a close frame.
    Severed,
    /// The socket's task ended it by itself.
    Over,
}

/// Why a message was not accepted for a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotSent {
    Gone,
    BufferFull,
}

impl Connection {
    pub(crate) fn new(
        id: Box<str>,
        identity: Identity,
        domain_name: Box<str>,
        connected_at: Moment,
        authorizer: Option<Box<RawValue>>,
        outbox_limit: usize,
    ) -> Self {
        Self {
            id,
            identity,
            domain_name,
            authorizer,
            connected_at,
            opened: Instant::now(),
            last_active: AtomicU64::new(0),
            in_flight: AtomicUsize::new(0),
            outbox: Mutex::default(),
            outbox_limit,
            black_hole: AtomicBool::new(false),
            driver: AtomicWaker::new(),
        }
    }

    /// Accepts a push; it is sent as soon as the client takes it.
    pub(crate) fn push(&self, message: Utf8Bytes) -> Result<(), NotSent> {
        let mut outbox = self.outbox();
        if outbox.closed.is_some() {
            return Err(NotSent::Gone);
        }
        let is_full = outbox.bytes > 0 && outbox.bytes + message.len() > self.outbox_limit;
        if is_full && !self.is_black_hole() {
            return Err(NotSent::BufferFull);
        }
        self.enqueue(&mut outbox, message);
        Ok(())
    }

    /// Accepts the answer to a client's own message, which is never refused: while the buffer is
    /// full no more messages are read from that client.
    pub(crate) fn answer(&self, message: Utf8Bytes) {
        let mut outbox = self.outbox();
        if outbox.closed.is_none() {
            self.enqueue(&mut outbox, message);
        }
    }

    fn enqueue(&self, outbox: &mut Outbox, message: Utf8Bytes) {
        self.touch();
        if !self.is_black_hole() {
            outbox.bytes += message.len();
            outbox.messages.push_back(message);
            self.driver.wake();
        }
    }

    /// Whether something waits to be sent.
    pub(crate) fn has_messages(&self) -> bool {
        !self.outbox().messages.is_empty()
    }

    /// The next message to send.
    pub(crate) fn next_message(&self) -> Option<Utf8Bytes> {
        let mut outbox = self.outbox();
        let message = outbox.messages.pop_front()?;
        outbox.bytes -= message.len();
        if outbox.messages.is_empty() {
            // An idle connection gives its buffer back.
            outbox.messages = VecDeque::new();
        }
        Some(message)
    }

    /// Accepts no more messages, and tells the socket's task why. The first reason stays.
    pub(crate) fn close(&self, why: Closed) {
        self.outbox().closed.get_or_insert(why);
        self.driver.wake();
    }

    pub(crate) fn closed(&self) -> Option<Closed> {
        self.outbox().closed
    }

    /// Whether no more should be read until answers are sent or functions finish.
    pub(crate) fn is_saturated(&self, messages_in_flight: usize) -> bool {
        self.in_flight.load(Ordering::Acquire) >= messages_in_flight || self.outbox().bytes > self.outbox_limit
    }

    /// Counts a message that runs until the returned guard is dropped.
    pub(crate) fn run_message(self: &Arc<Self>) -> InFlight {
        self.touch();
        self.in_flight.fetch_add(1, Ordering::AcqRel);
        InFlight(Arc::clone(self))
    }

    fn touch(&self) {
        let millis = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_active.fetch_max(millis, Ordering::Relaxed);
    }

    /// When the last message passed, in either direction.
    pub(crate) fn last_active(&self) -> Instant {
        self.opened + self.active_after()
    }

    /// The same by the wall clock.
    pub(crate) fn last_active_at(&self) -> Moment {
        self.connected_at.after(self.active_after())
    }

    fn active_after(&self) -> Duration {
        Duration::from_millis(self.last_active.load(Ordering::Relaxed))
    }

    /// When it was opened.
    pub(crate) fn opened(&self) -> Instant {
        self.opened
    }

    pub(crate) fn is_black_hole(&self) -> bool {
        self.black_hole.load(Ordering::Relaxed)
    }

    pub(crate) fn become_black_hole(&self) {
        self.black_hole.store(true, Ordering::Relaxed);
    }

    fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A message whose function runs.
pub(crate) struct InFlight(Arc<Connection>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::AcqRel);
        self.0.driver.wake();
    }
}

/// All open WebSockets, by connection id.
#[derive(Debug, Default)]
pub(crate) struct Connections(RwLock<HashMap<Box<str>, Arc<Connection>>>);

impl Connections {
    pub(crate) fn insert(&self, connection: Arc<Connection>) {
        let mut open = self.0.write().unwrap_or_else(PoisonError::into_inner);
        open.insert(connection.id.clone(), connection);
    }

    pub(crate) fn get(&self, id: &str) -> Option<Arc<Connection>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    pub(crate) fn remove(&self, id: &str) -> Option<Arc<Connection>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(id)
    }

    pub(crate) fn all(&self) -> Vec<Arc<Connection>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}
