//! How long a start takes.

use std::path::Path;
use std::time::Duration;

use crate::Result;
use crate::report::{Report, Value::Time};
use crate::server::Server;
use crate::spread::Spread;

const STARTS: u32 = 10;

/// Starts it a few times, one after the other.
pub fn measure(binary: &Path, report: &mut Report) -> Result<()> {
    let (mut starts, mut used) = (Vec::new(), Duration::ZERO);
    for _ in 0..STARTS {
        let server = Server::start(binary)?;
        starts.push(server.ready_after());
        used += server.processor_time()?;
    }
    let spread = Spread::of(starts);
    report.goal("ready after start, median of 10", Time(spread.median()), Time(Duration::from_millis(300)))?;
    report.note("ready after start, longest", Time(spread.longest()))?;
    report.note("server's processor time for a start", Time(used / STARTS))
}
