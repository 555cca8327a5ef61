//! What was measured, a line each, with the goals beside.

use std::fmt;
use std::io::{self, Write};
use std::time::Duration;

use crate::Result;

/// A number that was measured.
#[derive(Clone, Copy)]
pub enum Value {
    /// How long something took.
    Time(Duration),
    /// How much memory something holds, in bytes.
    Memory(f64),
    /// How many in a second.
    Rate(f64),
}

impl Value {
    fn number(self) -> f64 {
        match self {
            Self::Time(time) => time.as_secs_f64(),
            Self::Memory(bytes) => bytes,
            Self::Rate(rate) => rate,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(time) => write!(f, "{:.3} ms", time.as_secs_f64() * 1000.0),
            Self::Memory(bytes) => write!(f, "{:.1} KiB", bytes / 1024.0),
            Self::Rate(rate) => write!(f, "{rate:.0}/s"),
        }
    }
}

/// Prints each line as it is measured, and remembers whether every goal was met.
pub struct Report {
    missed: u32,
}

impl Report {
    /// Begins with the heads of the columns.
    pub fn begin() -> Result<Self> {
        let report = Self { missed: 0 };
        report.print(&format!("{:<58} {:>14} {:>14}\n{:-<88}", "measured", "value", "at most", ""))?;
        Ok(report)
    }

    /// A number that has no goal.
    pub fn note(&mut self, what: &str, value: Value) -> Result<()> {
        self.print(&format!("{what:<58} {:>14}", value.to_string()))
    }

    /// A number that should be at most `goal`.
    pub fn goal(&mut self, what: &str, value: Value, goal: Value) -> Result<()> {
        let is_met = value.number() <= goal.number();
        self.missed += u32::from(!is_met);
        let mark = if is_met { "" } else { "  MISSED" };
        self.print(&format!("{what:<58} {:>14} {:>14}{mark}", value.to_string(), goal.to_string()))
    }

    /// Ends with one line that sums up.
    pub fn end(&self) -> Result<()> {
        match self.missed {
            0 => self.print("every goal is met"),
            missed => self.print(&format!("{missed} missed")),
        }
    }

    /// Whether every goal was met.
    pub fn is_met(&self) -> bool {
        self.missed == 0
    }

    fn print(&self, line: &str) -> Result<()> {
        Ok(writeln!(io::stdout(), "{line}")?)
    }
}
