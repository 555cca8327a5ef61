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
    /// How many.
    Count(u64),
    /// A part of something, or what came on top of it.
    Share(f64),
}

impl Value {
    /// So many times as much.
    pub fn times(self, factor: f64) -> Self {
        match self {
            Self::Time(time) => Self::Time(time.mul_f64(factor)),
            Self::Memory(bytes) => Self::Memory(bytes * factor),
            Self::Rate(rate) => Self::Rate(rate * factor),
            Self::Count(count) => Self::Count((count as f64 * factor).round() as u64),
            Self::Share(share) => Self::Share(share * factor),
        }
    }

    /// In its unit, to compare with one of the same kind.
    pub fn number(self) -> f64 {
        match self {
            Self::Time(time) => time.as_secs_f64(),
            Self::Memory(bytes) => bytes,
            Self::Rate(rate) => rate,
            Self::Count(count) => count as f64,
            Self::Share(share) => share,
        }
    }
}

/// Ours in a share of another's.
fn ratio(ours: Option<Value>, other: Option<Value>) -> String {
    match (ours, other) {
        (Some(ours), Some(other)) => format!(" {:>6.2}x", ours.number() / other.number()),
        _ => format!(" {:>7}", "-"),
    }
}

/// How busy the machine is before anything is measured.
pub fn load() -> Result<String> {
    let averages = std::fs::read_to_string("/proc/loadavg")?;
    let last: Vec<_> = averages.split(' ').take(3).collect();
    Ok(format!("load of the machine (1, 5, 15 minutes): {}", last.join(", ")))
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(time) => write!(f, "{:.3} ms", time.as_secs_f64() * 1000.0),
            Self::Memory(bytes) if *bytes < 1024.0 * 1024.0 => write!(f, "{:.1} KiB", bytes / 1024.0),
            Self::Memory(bytes) => write!(f, "{:.1} MiB", bytes / 1024.0 / 1024.0),
            Self::Rate(rate) => write!(f, "{rate:.0}/s"),
            Self::Count(count) => write!(f, "{count}"),
            Self::Share(share) => write!(f, "{:.1} %", share * 100.0),
        }
    }
}

/// What a number should be.
#[derive(Clone, Copy)]
pub enum Goal {
    /// At most that.
    AtMost(Value),
    /// At least that.
    AtLeast(Value),
}

impl Goal {
    /// Whether that number is as it should be.
    pub fn is_met_by(self, value: Value) -> bool {
        match self {
            Self::AtMost(goal) => value.number() <= goal.number(),
            Self::AtLeast(goal) => value.number() >= goal.number(),
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(goal) => write!(f, "<= {goal}"),
            Self::AtLeast(goal) => write!(f, ">= {goal}"),
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
        report.print(&format!("{}\n{:<58} {:>14} {:>16}\n{:-<90}", load()?, "measured", "value", "goal", ""))?;
        Ok(report)
    }

    /// A number that has no goal.
    pub fn note(&mut self, what: &str, value: Value) -> Result<()> {
        self.print(&format!("{what:<58} {:>14}", value.to_string()))
    }

    /// A number that should be something.
    pub fn goal(&mut self, what: &str, value: Value, goal: Goal) -> Result<()> {
        let is_met = goal.is_met_by(value);
        self.missed += u32::from(!is_met);
        let mark = if is_met { "" } else { "  MISSED" };
        self.print(&format!("{what:<58} {:>14} {:>16}{mark}", value.to_string(), goal.to_string()))
    }

    /// What several servers did, side by side, and whether the first of them is as it should be beside the others.
    pub fn compared(&mut self, what: &str, values: &[Option<Value>], goal: Option<Goal>) -> Result<()> {
        let shown = values.iter().map(|value| value.map_or_else(|| "failed".to_owned(), |value| value.to_string()));
        let columns: String = shown.map(|value| format!(" {value:>14}")).collect();
        let ratios: String = values.iter().skip(1).map(|&other| ratio(values[0], other)).collect();
        let is_met = goal.is_none_or(|goal| values[0].is_some_and(|ours| goal.is_met_by(ours)));
        self.missed += u32::from(!is_met);
        let goal = goal.map(|goal| goal.to_string()).unwrap_or_default();
        self.print(&format!("{what:<34}{columns}{ratios} {goal:>16}{}", if is_met { "" } else { "  MISSED" }))
    }

    /// A line of its own.
    pub fn line(&self, text: &str) -> Result<()> {
        self.print(text)
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
