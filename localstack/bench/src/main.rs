//! Measures the release binary `tunrtc` from outside: what a relayed signal, a join, an idle connection and a start
//! cost. `make bench` runs it; `docs/PERFORMANCE.md` says what came of it.
//!
//! Client and server share the machine, so the client is light: one thread reads, one thread sends on schedule, and
//! nothing is spawned for a message.

mod broadcast;
mod connects;
mod dialect;
mod growth;
mod idle;
mod join;
mod overload;
mod passwords;
mod peers;
mod people;
mod ready;
mod relay;
mod report;
mod server;
mod soak;
mod socket;
mod spread;
mod throughput;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};

use dialect::Dialect;
use report::{Goal, Report, Value};
use server::Subject;

/// Whatever is in the way of a measurement.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Measures the release binary of TunRTC.
#[derive(Parser)]
#[command(name = "bench")]
struct Arguments {
    /// The server's binary; the one beside this program unless told otherwise
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    /// What to measure; everything but overload and soak unless told otherwise
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Measure>,
    /// How long signals are relayed, or the server is overloaded, in seconds
    #[arg(long, default_value_t = 20)]
    seconds: u32,
    /// How many signals a second are relayed, over 100 pairs
    #[arg(long, default_value_t = 1000)]
    rate: u32,
    /// How many connections are idle
    #[arg(long, default_value_t = 10_000)]
    connections: usize,
    /// Measures TunRTC beside Socket.IO and PeerServer instead, which are in this folder
    #[arg(long, value_name = "FOLDER")]
    peers: Option<PathBuf>,
    /// Measures how TunRTC grows with people and sessions instead, and writes that to this file
    #[arg(long, value_name = "FILE", conflicts_with = "peers")]
    growth: Option<PathBuf>,
    /// How often each is measured beside the others
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Fails when a goal is missed
    #[arg(long)]
    check: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Measure {
    /// From exec to the line that says ready
    Ready,
    /// Joining a session over REST
    Join,
    /// Candidates at a fixed rate
    Relay,
    /// Candidates as fast as they are acknowledged
    Throughput,
    /// A chat message to 50 participants
    Broadcast,
    /// Connecting and joining, many at a time
    Connects,
    /// Memory after many logins and registrations
    Passwords,
    /// Memory of idle connections
    Idle,
    /// Three times the capacity, then a third of it; only when it is asked for
    Overload,
    /// Signals while people come and go; only when it is asked for
    Soak,
}

const EVERYTHING: [Measure; 8] = [
    Measure::Ready,
    Measure::Join,
    Measure::Relay,
    Measure::Throughput,
    Measure::Broadcast,
    Measure::Connects,
    Measure::Passwords,
    Measure::Idle,
];

/// Ready after so long at most.
const READY: Duration = Duration::from_millis(150);
/// A join over REST takes so long at most, in the middle.
const JOIN: Duration = Duration::from_millis(5);
/// A candidate arrives after so long at most: half of all, and all but one in a hundred.
const RELAY: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(8)];
/// The server holds so much at most after many logins, in bytes.
const PASSWORDS: f64 = 80.0 * 1024.0 * 1024.0;
/// An idle connection that has joined holds so much at most, in bytes.
const IDLE: f64 = 12.0 * 1024.0;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let measured = match tokio {
        Ok(tokio) => tokio.block_on(async {
            tokio::select! {
                measured = measure(&arguments) => measured,
                stopped = stopped() => Err(stopped.err().unwrap_or_else(|| "stopped".into())),
            }
        }),
        Err(error) => Err(error.into()),
    };
    match measured {
        Ok(report) if arguments.check && !report.is_met() => ExitCode::FAILURE,
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to do when standard error is closed.
            drop(writeln!(io::stderr(), "bench: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Waits for Ctrl-C or SIGTERM: whoever is stopped ends what it started.
async fn stopped() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => Ok(interrupted?),
        _ = terminate.recv() => Ok(()),
    }
}

async fn measure(arguments: &Arguments) -> Result<Report> {
    allow_files()?;
    let binary = match &arguments.server {
        Some(path) => path.clone(),
        None => std::env::current_exe()?.with_file_name("tunrtc"),
    };
    let ours = Subject::ours(&binary);
    let mut report = Report::begin()?;
    if let Some(folder) = &arguments.peers {
        let peer = |dialect| Subject { dialect, place: folder.clone() };
        let subjects = [ours, peer(Dialect::SocketIo), peer(Dialect::PeerServer)];
        peers::measure(&subjects, arguments.rounds, arguments.connections, &mut report).await?;
    } else if let Some(file) = &arguments.growth {
        growth::measure(&ours, file, &mut report).await?;
    } else {
        let chosen = if arguments.only.is_empty() { &EVERYTHING[..] } else { &arguments.only };
        for measure in chosen {
            measure.run(&ours, arguments, &mut report).await?;
        }
    }
    report.end()?;
    Ok(report)
}

impl Measure {
    async fn run(self, subject: &Subject, arguments: &Arguments, report: &mut Report) -> Result<()> {
        match self {
            Self::Ready => ready(subject, report),
            Self::Join => join(subject, report).await,
            Self::Relay => relay(subject, arguments, report).await,
            Self::Throughput => throughput(subject, report).await,
            Self::Broadcast => broadcast(subject, report).await,
            Self::Connects => connects(subject, report).await,
            Self::Passwords => passwords(subject, report).await,
            Self::Idle => idle(subject, arguments.connections, report).await,
            Self::Overload => overload::measure(subject, arguments.seconds, report).await,
            Self::Soak => soak::measure(subject, arguments.rate, arguments.seconds, report).await,
        }
    }
}

fn ready(subject: &Subject, report: &mut Report) -> Result<()> {
    let ready = ready::measure(subject)?;
    let what = format!("ready after start, median of {}", ready::STARTS);
    report.goal(&what, Value::Time(ready.after.median()), Goal::AtMost(Value::Time(READY)))?;
    report.note("ready after start, longest", Value::Time(ready.after.longest()))?;
    report.note("server's processor time for a start", Value::Time(ready.used))
}

async fn join(subject: &Subject, report: &mut Report) -> Result<()> {
    let joins = join::measure(subject).await?;
    report.goal("REST join, median", Value::Time(joins.took.median()), Goal::AtMost(Value::Time(JOIN)))?;
    report.note("REST join, p99", Value::Time(joins.took.quantile(0.99)))?;
    report.note("server's processor time for a join", Value::Time(joins.used))
}

async fn relay(subject: &Subject, arguments: &Arguments, report: &mut Report) -> Result<()> {
    let relayed = relay::measure(subject, arguments.rate, arguments.seconds).await?;
    let at = format!("candidate at {}/s over {} pairs", arguments.rate, relay::PAIRS);
    let [p50, p99] = RELAY.map(|goal| Goal::AtMost(Value::Time(goal)));
    report.goal(&format!("{at}, arrives, p50"), Value::Time(relayed.arrived.median()), p50)?;
    report.goal(&format!("{at}, arrives, p99"), Value::Time(relayed.arrived.quantile(0.99)), p99)?;
    report.note(&format!("{at}, arrives, max"), Value::Time(relayed.arrived.longest()))?;
    if let Some(acknowledged) = relayed.acknowledged {
        report.note(&format!("{at}, acknowledged, p50"), Value::Time(acknowledged.median()))?;
        report.note(&format!("{at}, acknowledged, p99"), Value::Time(acknowledged.quantile(0.99)))?;
    }
    report.note("server's processor time for a candidate", Value::Time(relayed.used))
}

async fn throughput(subject: &Subject, report: &mut Report) -> Result<()> {
    let fast = throughput::measure(subject).await?;
    report.note("candidates, as fast as acknowledged", Value::Rate(fast.rate))?;
    report.note("server's processor time for a candidate then", Value::Time(fast.used))
}

async fn broadcast(subject: &Subject, report: &mut Report) -> Result<()> {
    let chat = broadcast::measure(subject).await?;
    let what = format!("chat to {}, last one has it", broadcast::PEOPLE);
    report.note(&format!("{what}, p50"), Value::Time(chat.last.median()))?;
    report.note(&format!("{what}, p99"), Value::Time(chat.last.quantile(0.99)))?;
    report.note(&format!("server's processor time for a chat message to {}", broadcast::PEOPLE), Value::Time(chat.used))
}

async fn connects(subject: &Subject, report: &mut Report) -> Result<()> {
    let connects = connects::measure(subject).await?;
    report.note("connected and joined", Value::Rate(connects.rate))?;
    report.note("server's processor time for one", Value::Time(connects.used))
}

async fn passwords(subject: &Subject, report: &mut Report) -> Result<()> {
    let passwords = passwords::measure(subject).await?;
    report.note("memory of the server after its start", Value::Memory(passwords.before))?;
    let what = format!("the same after {0} registrations and {0} logins", passwords::EACH);
    report.goal(&what, Value::Memory(passwords.after), Goal::AtMost(Value::Memory(PASSWORDS)))
}

async fn idle(subject: &Subject, connections: usize, report: &mut Report) -> Result<()> {
    let idle = idle::measure(subject, connections).await?;
    report.note(&format!("memory of an idle connection, of {connections}"), Value::Memory(idle.connected))?;
    let what = format!("memory of an idle participant, joined, of {connections}");
    report.goal(&what, Value::Memory(idle.joined), Goal::AtMost(Value::Memory(IDLE)))?;
    report.note("memory of the server with all of them", Value::Memory(idle.whole))
}

/// Thousands of connections are as many open files, here and in the server, which inherits the limit.
fn allow_files() -> Result<()> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?)
}
