//! How long a start takes.

use std::time::Duration;

use crate::Result;
use crate::server::{Server, Subject};
use crate::spread::Spread;

/// How many starts are measured.
pub const STARTS: u32 = 10;

/// What came of it.
pub struct Ready {
    /// From exec to the line that says ready.
    pub after: Spread,
    /// The server's processor time for a start.
    pub used: Duration,
}

/// Starts it a few times, one after the other.
pub fn measure(subject: &Subject) -> Result<Ready> {
    let (mut starts, mut used) = (Vec::new(), Duration::ZERO);
    for _ in 0..STARTS {
        let server = Server::start(subject)?;
        starts.push(server.ready_after());
        used += server.processor_time()?;
    }
    Ok(Ready { after: Spread::of(starts), used: used / STARTS })
}
