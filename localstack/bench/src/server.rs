//! A server under measurement: its real program in processes of its own, in memory, on a free port.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use testclient::Api;

use crate::Result;
use crate::dialect::Dialect;

/// How often the log is looked at for the line that says ready.
const GLANCE: Duration = Duration::from_micros(500);
/// A server that is not ready by then has failed.
const PATIENCE: Duration = Duration::from_secs(20);
/// What stands before the port in that line.
const READY: &str = " is ready on http://localhost:";
/// A measurement asks for more than one person or one address may, and has no app: without a key nothing is kept for one.
const SETTINGS: [(&str, &str); 6] = [
    ("TUNRTC_NO_DEMO", "true"),
    ("TUNRTC_FRAMES_PER_SECOND", "10000"),
    ("TUNRTC_FRAMES_BURST", "10000"),
    ("TUNRTC_CHAT_PER_SECOND", "1000"),
    ("TUNRTC_CHAT_BURST", "1000"),
    ("TUNRTC_REGISTRATIONS_PER_ADDRESS", "100000"),
];

/// What is measured.
#[derive(Debug, Clone)]
pub struct Subject {
    /// What its clients say.
    pub dialect: Dialect,
    /// TunRTC's program, or the folder of its peers.
    pub place: PathBuf,
}

impl Subject {
    /// TunRTC, built.
    pub fn ours(program: &Path) -> Self {
        Self { dialect: Dialect::TunRtc, place: program.to_owned() }
    }
}

/// A program that runs; it ends with this value. Its log goes to a file, as it does in use.
struct Program {
    child: Child,
    log: PathBuf,
}

impl Program {
    fn start(command: &mut Command) -> Result<Self> {
        let log = scratch("log");
        let output = File::create(&log)?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let name = command.get_program().display().to_string();
        let child = command.spawn().map_err(|error| format!("cannot start {name}: {error}"))?;
        Ok(Self { child, log })
    }

    /// Waits for the line that says ready, and returns the port in it.
    fn port(&mut self, started: Instant) -> Result<u16> {
        while started.elapsed() < PATIENCE {
            let log = fs::read_to_string(&self.log)?;
            let whole = log.lines().filter(|_| log.ends_with('\n'));
            if let Some((_, port)) = whole.filter_map(|line| line.split_once(READY)).next() {
                return Ok(port.parse()?);
            }
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("the server ended with {status}: {log}").into());
            }
            thread::sleep(GLANCE);
        }
        Err("the server did not become ready".into())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // A program that has ended already needs no end, and a log that cannot be removed does no harm.
        drop(self.child.kill());
        drop(self.child.wait());
        drop(fs::remove_file(&self.log));
    }
}

/// A running server, with all of its processes.
pub struct Server {
    programs: Vec<Program>,
    dialect: Dialect,
    port: u16,
    ready_after: Duration,
}

impl Server {
    /// Starts one and waits until it is ready.
    pub fn start(subject: &Subject) -> Result<Self> {
        Self::start_with(subject, &[])
    }

    /// The same with more settings of TunRTC.
    pub fn start_with(subject: &Subject, settings: &[(&str, &str)]) -> Result<Self> {
        let started = Instant::now();
        let mut programs = match subject.dialect {
            Dialect::TunRtc => {
                let mut ours = Command::new(&subject.place);
                vec![Program::start(ours.args(["--port", "0"]).envs(SETTINGS).envs(settings.iter().copied()))?]
            }
            Dialect::SocketIo => {
                let socket = scratch("redis");
                let mut redis = Command::new("redis-server");
                redis.args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"]).arg(&socket);
                let mut node = Command::new("node");
                node.arg(subject.place.join("socket-io.js")).arg(&socket);
                vec![Program::start(&mut redis)?, Program::start(&mut node)?]
            }
            Dialect::PeerServer => {
                vec![Program::start(Command::new("node").arg(subject.place.join("peer-server.js")))?]
            }
        };
        let last = programs.last_mut().ok_or("a server without a program")?;
        let port = last.port(started)?;
        Ok(Self { programs, dialect: subject.dialect, port, ready_after: started.elapsed() })
    }

    /// How long it took from its start to the line that says ready.
    pub fn ready_after(&self) -> Duration {
        self.ready_after
    }

    /// What its clients say.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// TunRTC's REST API.
    pub fn api(&self) -> Api {
        Api::new(format!("http://{}", self.address()))
    }

    /// Its resident memory, in bytes.
    pub fn memory(&self) -> Result<f64> {
        self.programs.iter().map(|program| memory(program.child.id())).sum()
    }

    /// The processor time it has used so far, on all cores.
    pub fn processor_time(&self) -> Result<Duration> {
        self.programs.iter().map(|program| processor_time(program.child.id())).sum()
    }
}

fn memory(process: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no resident memory")?;
    let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes * 1024.0)
}

fn processor_time(process: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // proc_pid_stat(5): fields 14 and 15, counted from behind the name, in hundredths of a second.
    let (_, fields) = stat.rsplit_once(')').ok_or("no processor time")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    let ticks: u64 = ticks.sum::<std::result::Result<_, _>>()?;
    Ok(Duration::from_millis(ticks * 10))
}

/// A name in the folder for temporary files that nothing else has.
fn scratch(kind: &str) -> PathBuf {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("tunrtc-bench-{}-{number}.{kind}", std::process::id()))
}
