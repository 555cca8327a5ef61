//! The server under measurement: the real binary in a process of its own, in memory, on a free port.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use testclient::Api;

use crate::Result;

/// How often the log is looked at for the line that says ready.
const GLANCE: Duration = Duration::from_micros(500);
/// A server that is not ready by then has failed.
const PATIENCE: Duration = Duration::from_secs(20);
/// What stands before the address in that line.
const READY: &str = "TunRTC is ready on http://localhost:";

/// A measurement asks for more than one person or one address may.
const MORE_THAN_PEOPLE_MAY: [(&str, &str); 3] =
    [("TUNRTC_CHAT_PER_SECOND", "1000"), ("TUNRTC_CHAT_BURST", "1000"), ("TUNRTC_REGISTRATIONS_PER_ADDRESS", "100000")];

/// A running server; it ends with this value. Its log goes to a file, as it does in use.
pub struct Server {
    child: Child,
    log: PathBuf,
    port: u16,
    ready_after: Duration,
}

impl Server {
    /// Starts one and waits until it is ready.
    pub fn start(binary: &Path) -> Result<Self> {
        let log = std::env::temp_dir().join(format!("tunrtc-bench-{}.log", std::process::id()));
        let output = File::create(&log)?;
        let started = Instant::now();
        let mut command = Command::new(binary);
        command
            .args(["--port", "0"])
            .envs(MORE_THAN_PEOPLE_MAY)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        let child = command.spawn().map_err(|error| format!("cannot start {}: {error}", binary.display()))?;
        let mut server = Self { child, log, port: 0, ready_after: Duration::ZERO };
        server.port = server.wait(started)?;
        server.ready_after = started.elapsed();
        Ok(server)
    }

    fn wait(&mut self, started: Instant) -> Result<u16> {
        while started.elapsed() < PATIENCE {
            let log = fs::read_to_string(&self.log)?;
            if let Some(port) = log.lines().find_map(|line| line.strip_prefix(READY)).filter(|_| log.ends_with('\n')) {
                return Ok(port.parse()?);
            }
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("the server ended with {status}: {log}").into());
            }
            thread::sleep(GLANCE);
        }
        Err("the server did not become ready".into())
    }

    /// How long it took from its start to the line that says ready.
    pub fn ready_after(&self) -> Duration {
        self.ready_after
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Its REST API.
    pub fn api(&self) -> Api {
        Api::new(format!("http://{}", self.address()))
    }

    /// Its resident memory, in bytes.
    pub fn memory(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no resident memory")?;
        let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kibibytes * 1024.0)
    }

    /// The processor time it has used so far, on all cores.
    pub fn processor_time(&self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // proc_pid_stat(5): fields 14 and 15, counted from behind the name, in hundredths of a second.
        let (_, fields) = stat.rsplit_once(')').ok_or("no processor time")?;
        let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
        let ticks: u64 = ticks.sum::<std::result::Result<_, _>>()?;
        Ok(Duration::from_millis(ticks * 10))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A server that has ended already needs no end, and a log that cannot be removed does no harm.
        drop(self.child.kill());
        drop(self.child.wait());
        drop(fs::remove_file(&self.log));
    }
}
