//! Measures the release binary `tunrtc` from outside: what a relayed signal, a join, an idle connection and a start
//! cost. `make bench` runs it; `docs/PERFORMANCE.md` says what came of it.
//!
//! Client and server share the machine, so the client is light: one thread reads, one thread sends on schedule, and
//! nothing is spawned for a message.

mod broadcast;
mod idle;
mod join;
mod people;
mod ready;
mod relay;
mod report;
mod server;
mod socket;
mod spread;
mod throughput;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use report::Report;

/// Whatever is in the way of a measurement.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Measures the release binary of TunRTC.
#[derive(Parser)]
#[command(name = "bench")]
struct Arguments {
    /// The server's binary; the one beside this program unless told otherwise
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    /// What to measure; everything unless told otherwise
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Measure>,
    /// How long signals are relayed, in seconds
    #[arg(long, default_value_t = 20)]
    seconds: u32,
    /// How many signals a second are relayed, over 100 pairs
    #[arg(long, default_value_t = 1000)]
    rate: u32,
    /// How many connections are idle
    #[arg(long, default_value_t = 5000)]
    connections: usize,
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
    /// Memory of idle connections
    Idle,
}

const EVERYTHING: [Measure; 6] =
    [Measure::Ready, Measure::Join, Measure::Relay, Measure::Throughput, Measure::Broadcast, Measure::Idle];

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let measured = match tokio {
        Ok(tokio) => tokio.block_on(measure(&arguments)),
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

async fn measure(arguments: &Arguments) -> Result<Report> {
    allow_files()?;
    let binary = match &arguments.server {
        Some(path) => path.clone(),
        None => std::env::current_exe()?.with_file_name("tunrtc"),
    };
    let mut report = Report::begin()?;
    let chosen = if arguments.only.is_empty() { &EVERYTHING[..] } else { &arguments.only };
    for measure in chosen {
        match measure {
            Measure::Ready => ready::measure(&binary, &mut report)?,
            Measure::Join => join::measure(&binary, &mut report).await?,
            Measure::Relay => relay::measure(&binary, arguments.rate, arguments.seconds, &mut report).await?,
            Measure::Throughput => throughput::measure(&binary, &mut report).await?,
            Measure::Broadcast => broadcast::measure(&binary, &mut report).await?,
            Measure::Idle => idle::measure(&binary, arguments.connections, &mut report).await?,
        }
    }
    report.end()?;
    Ok(report)
}

/// Thousands of connections are as many open files, here and in the server, which inherits the limit.
fn allow_files() -> Result<()> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?)
}
