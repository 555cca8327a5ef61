//! A running `tunrtc`.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use testclient::Api;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the line that says so begins with.
pub const READY: &str = "TunRTC is ready on ";

/// A command that starts the program with nothing in its environment.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tunrtc"));
    command.args(arguments).env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the program to its end: the exit code, standard output and standard error.
pub fn run(arguments: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let mut child = command(arguments).envs(environment.iter().copied()).spawn().expect("the program");
    let code = end(&mut child).code();
    let output = child.wait_with_output().expect("its output");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (code, text(output.stdout), text(output.stderr))
}

/// A server that runs in a process of its own, and is killed when this is dropped.
pub struct Tunrtc {
    child: Child,
    stdout: JoinHandle<Vec<String>>,
    stderr: JoinHandle<String>,
    /// Its REST API.
    pub api: Api,
    port: u16,
}

impl Tunrtc {
    /// Starts on a free port; it is ready when this returns.
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_in(arguments, &[])
    }

    /// The same with something in its environment.
    pub fn start_in(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let environment = environment.iter().copied();
        let mut child = command(arguments).args(["--port", "0"]).envs(environment).spawn().expect("the program");
        let mut stderr = child.stderr.take().expect("a pipe");
        let stderr = std::thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).expect("text");
            text
        });
        let (stdout, ready) = follow(&mut child);
        let url = ready.recv_timeout(PATIENCE).expect("the line that says that it is ready");
        let port = url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("an address with a port");
        Self { child, stdout, stderr, api: Api::new(url), port }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(sent.expect("the kill command").success());
    }

    /// Waits for its end; how it ended, the lines of its standard output and the text of its standard error.
    pub fn ended(mut self) -> (ExitStatus, Vec<String>, String) {
        let status = end(&mut self.child);
        let stdout = std::mem::replace(&mut self.stdout, std::thread::spawn(Vec::new));
        let stderr = std::mem::replace(&mut self.stderr, std::thread::spawn(String::new));
        (status, stdout.join().expect("lines"), stderr.join().expect("text"))
    }
}

impl Drop for Tunrtc {
    fn drop(&mut self) {
        // It may have ended before.
        let _killed = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Collects standard output, and tells the address once it is there.
fn follow(child: &mut Child) -> (JoinHandle<Vec<String>>, Receiver<String>) {
    let (ready, address) = channel();
    let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    let lines = std::thread::spawn(move || {
        let mut lines = Vec::new();
        for line in stdout.lines() {
            let line = line.expect("text");
            if let Some(url) = line.strip_prefix(READY) {
                // Whoever is not waiting any more knows it already.
                let _known = ready.send(url.to_owned());
            }
            lines.push(line);
        }
        lines
    });
    (lines, address)
}

/// Waits for the end of a process, and not forever.
pub fn end(child: &mut Child) -> ExitStatus {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().expect("a child") {
            return status;
        }
        assert!(Instant::now() < deadline, "the program does not end");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A folder that is removed in the end.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(crate::support::unique(name));
        std::fs::create_dir_all(&path).expect("a new folder");
        Self(path)
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("a path in UTF-8").to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed stays in the target folder.
        let _removed = std::fs::remove_dir_all(&self.0);
    }
}
