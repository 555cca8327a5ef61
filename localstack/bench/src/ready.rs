//! How long a start takes.

use std::path::Path;
use std::time::Duration;

use crate::Result;
use crate::report::{Report, Value::Time};
use crate::server::Server;
use crate::spread::Spread;

const STARTS: usize = 10;

/// Starts it a few times, one after the other.
pub fn measure(binary: &Path, report: &mut Report) -> Result<()> {
    let starts: Vec<_> = (0..STARTS).map(|_| Ok(Server::start(binary)?.ready_after())).collect::<Result<_>>()?;
    let spread = Spread::of(starts);
    report.goal("ready after start, median of 10", Time(spread.median()), Time(Duration::from_millis(300)))?;
    report.note("ready after start, longest", Time(spread.longest()))
}
