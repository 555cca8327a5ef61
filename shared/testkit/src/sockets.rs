//! Sockets that deliver into a list, die, fail and swallow, as a test wants it.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use domain::ports::{Pushed, Sockets};
use domain::{ConnectionId, Error, Frame, Result};

use crate::lock;

/// Sockets without a network. Every connection is live until it is closed or killed.
#[derive(Debug, Default)]
pub struct FakeSockets(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    delivered: Vec<(ConnectionId, Frame)>,
    pushes: usize,
    closed: Vec<ConnectionId>,
    gone: HashSet<ConnectionId>,
    failing: HashMap<ConnectionId, usize>,
    swallowing: HashSet<ConnectionId>,
}

impl FakeSockets {
    /// From now on pushes to it are answered `Gone`.
    pub fn kill(&self, connection: &ConnectionId) {
        lock(&self.0).gone.insert(connection.clone());
    }

    /// The next so many pushes to it fail.
    pub fn fail(&self, connection: &ConnectionId, times: usize) {
        lock(&self.0).failing.insert(connection.clone(), times);
    }

    /// From now on pushes to it are accepted and lost, as with a connection that died unnoticed.
    pub fn swallow(&self, connection: &ConnectionId) {
        lock(&self.0).swallowing.insert(connection.clone());
    }

    /// What reached that connection, in order.
    pub fn delivered_to(&self, connection: &ConnectionId) -> Vec<String> {
        let state = lock(&self.0);
        state.delivered.iter().filter(|(to, _)| to == connection).map(|(_, frame)| frame.0.clone()).collect()
    }

    /// How many pushes were tried.
    pub fn pushes(&self) -> usize {
        lock(&self.0).pushes
    }

    /// Which connections were closed from our side, in order.
    pub fn closed(&self) -> Vec<ConnectionId> {
        lock(&self.0).closed.clone()
    }
}

impl Sockets for FakeSockets {
    async fn push(&self, connection: &ConnectionId, frame: &Frame) -> Result<Pushed> {
        let mut state = lock(&self.0);
        state.pushes += 1;
        if state.gone.contains(connection) {
            return Ok(Pushed::Gone);
        }
        if let Some(left) = state.failing.get_mut(connection).filter(|left| **left > 0) {
            *left -= 1;
            return Err(Error::Unavailable("a push was told to fail".into()));
        }
        if !state.swallowing.contains(connection) {
            state.delivered.push((connection.clone(), frame.clone()));
        }
        Ok(Pushed::Accepted)
    }

    async fn close(&self, connection: &ConnectionId) -> Result<()> {
        let mut state = lock(&self.0);
        state.closed.push(connection.clone());
        state.gone.insert(connection.clone());
        Ok(())
    }
}
