//! TunRTC beside what people would pick instead, one after the other in one run, in several rounds.

use std::future::Future;

use crate::Result;
use crate::report::{Goal, Report, Value, Value::Memory, Value::Rate, Value::Time, load};
use crate::server::Subject;
use crate::{broadcast, connects, idle, relay, throughput};

/// How long candidates are relayed at each rate, in seconds.
const SECONDS: u32 = 8;
/// How many a second.
const RATES: [u32; 3] = [1000, 2000, 4000];
/// Where a rate counts as sustained.
const SUSTAINED: std::time::Duration = std::time::Duration::from_millis(25);

/// Numbers of one measurement of one server, in the order of the rows; none where it failed.
type Column = Vec<Option<Value>>;

/// Measures each subject in each round; the middle of the rounds counts.
pub async fn measure(subjects: &[Subject], rounds: usize, connections: usize, report: &mut Report) -> Result<()> {
    report.line(&format!(
        "{:<34} {:>14} {:>14} {:>14} {:>7} {:>7} {:>16}\n{:-<115}",
        format!("middle of {rounds} rounds"),
        "TunRTC",
        "Socket.IO",
        "PeerServer",
        "of it",
        "of it",
        "goal",
        ""
    ))?;
    let fast = over(subjects, rounds, 2, fast).await?;
    report.compared("closed loop, 400 in flight", &fast[0], at_least(fast[0][1]))?;
    report.compared("  processor time of the server, each", &fast[1], None)?;
    for rate in RATES {
        let relayed = over(subjects, rounds, 3, |subject| steady(subject, rate)).await?;
        let (p50, p99) = match rate {
            1000 => (at_most(relayed[0][1], 1.0), at_most(relayed[1][1], 0.5)),
            4000 => (None, Some(Goal::AtMost(Time(SUSTAINED)))),
            _ => (None, None),
        };
        report.compared(&format!("{rate}/s, arrives, p50"), &relayed[0], p50)?;
        report.compared(&format!("{rate}/s, arrives, p99"), &relayed[1], p99)?;
        report.compared("  processor time of the server, each", &relayed[2], None)?;
    }
    let chat = over(subjects, rounds, 2, chat).await?;
    report.compared("chat to 50, last has it, p50", &chat[0], at_most(chat[0][2], 1.0))?;
    report.compared("chat to 50, last has it, p99", &chat[1], None)?;
    let opened = over(subjects, rounds, 1, open).await?;
    report.compared("connected and joined", &opened[0], at_least(opened[0][1]))?;
    let held = over(subjects, 1, 1, |subject| hold(subject, connections)).await?;
    report.compared(&format!("memory, joined, of {connections}"), &held[0], None)?;
    report.line(&load()?)
}

/// The rows of a measurement: for each number, what came of each subject.
async fn over<'a, F>(
    subjects: &'a [Subject],
    rounds: usize,
    rows: usize,
    measure: impl Fn(&'a Subject) -> F,
) -> Result<Vec<Column>>
where
    F: Future<Output = Result<Vec<Value>>>,
{
    let mut all: Vec<Vec<Vec<Value>>> = vec![vec![Vec::new(); subjects.len()]; rows];
    for _ in 0..rounds {
        for (place, subject) in subjects.iter().enumerate() {
            // A server that does not keep up with a rate has no number there; that is what the table says.
            for (row, value) in measure(subject).await.unwrap_or_default().into_iter().enumerate() {
                all[row][place].push(value);
            }
        }
    }
    Ok(all.into_iter().map(|row| row.into_iter().map(middle).collect()).collect())
}

fn middle(mut values: Vec<Value>) -> Option<Value> {
    values.sort_by(|a, b| a.number().total_cmp(&b.number()));
    values.get(values.len() / 2).copied()
}

fn at_least(other: Option<Value>) -> Option<Goal> {
    other.map(Goal::AtLeast)
}

fn at_most(other: Option<Value>, share: f64) -> Option<Goal> {
    other.map(|other| Goal::AtMost(other.times(share)))
}

async fn fast(subject: &Subject) -> Result<Vec<Value>> {
    let fast = throughput::measure(subject).await?;
    Ok(vec![Rate(fast.rate), Time(fast.used)])
}

async fn steady(subject: &Subject, rate: u32) -> Result<Vec<Value>> {
    let relayed = relay::measure(subject, rate, SECONDS).await?;
    Ok(vec![Time(relayed.arrived.median()), Time(relayed.arrived.quantile(0.99)), Time(relayed.used)])
}

async fn chat(subject: &Subject) -> Result<Vec<Value>> {
    let chat = broadcast::measure(subject).await?;
    Ok(vec![Time(chat.last.median()), Time(chat.last.quantile(0.99))])
}

async fn open(subject: &Subject) -> Result<Vec<Value>> {
    Ok(vec![Rate(connects::measure(subject).await?.rate)])
}

async fn hold(subject: &Subject, connections: usize) -> Result<Vec<Value>> {
    Ok(vec![Memory(idle::measure(subject, connections).await?.joined)])
}
