//! Faults that tests inject, to see what applications make of a network's bad days.
//!
//! They are a value handed to [`Builder::faults`](crate::Builder::faults); no option, variable or
//! request turns them on. Without one the gateway asks nobody.

use std::{ops::Range, sync::Mutex, sync::PoisonError, time::Duration};

use crate::websocket::connections::Connection;

/// Decides what goes wrong. Each question is asked once per occasion.
pub trait Faults: Send + Sync + 'static {
    /// Whether a new connection is a black hole: pushes are accepted and vanish, nothing is read
    /// from it, and its loss stays unnoticed until the idle limit or `DELETE @connections`.
    fn is_black_hole(&self, _connection: &Peer<'_>) -> bool {
        false
    }

    /// How long a client's message waits before its function runs; unequal waits reorder.
    fn message_delay(&self, _connection: &Peer<'_>) -> Duration {
        Duration::ZERO
    }

    /// What becomes of a `POST @connections`.
    fn push(&self, _connection: &Peer<'_>) -> PushFate {
        PushFate::Deliver
    }

    /// What becomes of a `$disconnect`.
    fn disconnect(&self, _connection: &Peer<'_>) -> DisconnectFate {
        DisconnectFate::Deliver
    }
}

/// The connection a decision is about.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Peer<'a> {
    /// The connection's id.
    pub connection_id: &'a str,
    /// What the authorizer said about the client, in JSON.
    pub authorizer: Option<&'a str>,
}

impl<'a> Peer<'a> {
    pub(crate) fn of(connection: &'a Connection) -> Self {
        Self {
            connection_id: &connection.id,
            authorizer: connection.authorizer.as_deref().map(serde_json::value::RawValue::get),
        }
    }
}

/// What becomes of a `POST @connections`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PushFate {
    /// It is sent.
    Deliver,
    /// It is sent, but only after this time.
    After(Duration),
    /// It is answered 200 and lost.
    Swallow,
    /// It is answered 410 although the connection lives.
    Gone,
    /// It is answered 429.
    Throttled,
}

/// What becomes of a `$disconnect`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisconnectFate {
    /// The function hears of it at once.
    Deliver,
    /// The function hears of it after this time.
    After(Duration),
    /// The function never hears of it.
    Lose,
}

/// Faults at random, the same for the same seed and the same order of occasions.
/// Each probability lies between 0 and 1; the default is no fault at all.
#[derive(Debug, Clone, Default)]
pub struct Chances {
    /// Seed of all decisions.
    pub seed: u64,
    /// Probability that a new connection is a black hole.
    pub black_hole: f64,
    /// Probability that a `$disconnect` is lost.
    pub lost_disconnect: f64,
    /// Probability that a `$disconnect` comes late, by `lateness`.
    pub late_disconnect: f64,
    /// How late it then comes.
    pub lateness: Range<Duration>,
    /// Probability that a client's message is delayed, by `message_delay`.
    pub delayed_message: f64,
    /// How long it then waits.
    pub message_delay: Range<Duration>,
    /// Probability that a push is answered 200 and lost.
    pub swallowed_push: f64,
    /// Probability that a push is answered 410.
    pub gone_push: f64,
    /// Probability that a push is answered 429.
    pub throttled_push: f64,
    /// Probability that a push is delayed, by `push_delay`.
    pub delayed_push: f64,
    /// How long it then waits.
    pub push_delay: Range<Duration>,
}

impl Chances {
    /// Makes the decisions' source; hand it to [`Builder::faults`](crate::Builder::faults).
    pub fn build(self) -> impl Faults {
        RandomFaults { random: Mutex::new(fastrand::Rng::with_seed(self.seed)), chances: self }
    }
}

struct RandomFaults {
    chances: Chances,
    random: Mutex<fastrand::Rng>,
}

impl RandomFaults {
    /// Picks the first fault that happens; `None` when none does.
    fn pick<const N: usize>(&self, probabilities: [f64; N]) -> Option<usize> {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        probabilities.into_iter().position(|probability| random.f64() < probability)
    }

    fn within(&self, range: &Range<Duration>) -> Duration {
        let span = range.end.saturating_sub(range.start);
        let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        range.start + Duration::from_nanos(if nanos == 0 { 0 } else { random.u64(..nanos) })
    }
}

impl Faults for RandomFaults {
    fn is_black_hole(&self, _connection: &Peer<'_>) -> bool {
        self.pick([self.chances.black_hole]).is_some()
    }

    fn message_delay(&self, _connection: &Peer<'_>) -> Duration {
        match self.pick([self.chances.delayed_message]) {
            Some(_) => self.within(&self.chances.message_delay),
            None => Duration::ZERO,
        }
    }

    fn push(&self, _connection: &Peer<'_>) -> PushFate {
        let chances = &self.chances;
        match self.pick([chances.swallowed_push, chances.gone_push, chances.throttled_push, chances.delayed_push]) {
            None => PushFate::Deliver,
            Some(0) => PushFate::Swallow,
            Some(1) => PushFate::Gone,
            Some(2) => PushFate::Throttled,
            Some(_) => PushFate::After(self.within(&chances.push_delay)),
        }
    }

    fn disconnect(&self, _connection: &Peer<'_>) -> DisconnectFate {
        match self.pick([self.chances.lost_disconnect, self.chances.late_disconnect]) {
            None => DisconnectFate::Deliver,
            Some(0) => DisconnectFate::Lose,
            Some(_) => DisconnectFate::After(self.within(&self.chances.lateness)),
        }
    }
}
