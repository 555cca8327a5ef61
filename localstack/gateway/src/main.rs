//! `tunrtc`: the whole of TunRTC on one machine.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use local::{Options, Server, StartError};
use runtime::{logs, settings};

/// The whole of TunRTC on one machine: API, signaling and console page.
#[derive(Parser)]
#[command(name = "tunrtc", version)]
struct Arguments {
    /// Port to listen on; 0 takes a free one
    #[arg(long, env = "TUNRTC_PORT", default_value_t = 5000)]
    port: u16,
    /// Address to listen on
    #[arg(long, env = "TUNRTC_HOST", default_value = "127.0.0.1")]
    host: String,
    /// File that keeps the data; without it the data lives in memory
    #[arg(long, env = "TUNRTC_DATA", value_name = "FILE")]
    data: Option<PathBuf>,
    /// How clients reach this server, where that is not http://localhost:PORT
    #[arg(long, env = "TUNRTC_PUBLIC_URL", value_name = "URL", value_parser = web_address)]
    public_url: Option<String>,
    /// TURN address, such as turn:turn.example.org:3478; may be given more than once
    #[arg(long, env = "TUNRTC_TURN_URLS", value_name = "URL", value_delimiter = ',', requires = "turn_secret")]
    turn_url: Vec<String>,
    /// Secret shared with the TURN server
    #[arg(long, env = "TUNRTC_TURN_SECRET", value_name = "SECRET", hide_env_values = true)]
    turn_secret: Option<String>,
    /// STUN address, such as stun:stun.example.org:3478; may be given more than once
    #[arg(long, env = "TUNRTC_STUN_URLS", value_name = "URL", value_delimiter = ',')]
    stun_url: Vec<String>,
    /// Web origin that may connect besides those of this machine; may be given more than once
    #[arg(long, env = "TUNRTC_ALLOWED_ORIGINS", value_name = "ORIGIN", value_delimiter = ',')]
    allow_origin: Vec<String>,
    /// How long a participant whose connection was lost keeps the seat, in seconds
    #[arg(long, env = settings::RECONNECT_GRACE_SECONDS, value_name = "N", default_value_t = 30)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=900))]
    reconnect_grace_seconds: u32,
    /// How often clients show life, in seconds
    #[arg(long, env = settings::HEARTBEAT_SECONDS, value_name = "N", default_value_t = 240)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=540))]
    heartbeat_seconds: u32,
    /// Folder of the built console page
    #[arg(long, env = "TUNRTC_CONSOLE", value_name = "FOLDER")]
    console: Option<PathBuf>,
    /// How log lines look
    #[arg(long, env = settings::LOG, value_enum, default_value_t = Log::Text)]
    log: Log,
}

#[derive(Clone, Copy, ValueEnum)]
enum Log {
    /// For people
    Text,
    /// For machines
    Json,
}

fn web_address(text: &str) -> Result<String, &'static str> {
    let starts = text.starts_with("http://") || text.starts_with("https://");
    starts.then(|| text.trim_end_matches('/').to_owned()).ok_or("must start with http:// or https://")
}

impl From<Arguments> for Options {
    fn from(arguments: Arguments) -> Self {
        Self {
            host: arguments.host,
            port: arguments.port,
            data: arguments.data,
            public_url: arguments.public_url,
            stun_urls: arguments.stun_url,
            turn_urls: arguments.turn_url,
            turn_secret: arguments.turn_secret,
            allowed_origins: arguments.allow_origin,
            console: arguments.console.unwrap_or_else(built_console),
            settings: vec![
                (settings::RECONNECT_GRACE_SECONDS, arguments.reconnect_grace_seconds.to_string()),
                (settings::HEARTBEAT_SECONDS, arguments.heartbeat_seconds.to_string()),
            ],
            ..Self::default()
        }
    }
}

/// The console page of the checkout that this program was built from, or of the one it is started in.
fn built_console() -> PathBuf {
    let here = Options::default().console;
    let built_from = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../sdk-js/dist/console"));
    if here.is_dir() { here } else { built_from }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    logs::init(match arguments.log {
        Log::Text => logs::Format::Text,
        Log::Json => logs::Format::Json,
    });
    let tokio = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let ran = match tokio {
        Ok(tokio) => tokio.block_on(run(arguments.into())),
        Err(error) => Err(StartError::Loopback(error)),
    };
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to do when standard error is closed.
            drop(writeln!(std::io::stderr(), "tunrtc: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), StartError> {
    let server = Server::start(options).await?;
    // From here on, so that whoever was told that the server is ready can stop it cleanly.
    let stop_signal = stop_signal();
    // Whoever closed standard output does not want to know.
    drop(writeln!(std::io::stdout(), "TunRTC is ready on {}", server.url()));
    stop_signal.await;
    server.stop().await;
    Ok(())
}

/// Listens for SIGTERM and Ctrl-C at once; what it returns waits for the first of them.
#[cfg(unix)]
fn stop_signal() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).expect("a process may listen for SIGTERM");
    let mut interrupt = signal(SignalKind::interrupt()).expect("a process may listen for SIGINT");
    async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
async fn stop_signal() {
    // An error means that Ctrl-C cannot be heard; then the process runs until it is killed.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
