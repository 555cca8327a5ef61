//! `tunrtc`: the whole of TunRTC on one machine.

use std::fmt::Display;
use std::io::Write;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use apigateway::IpNet;
use auth::IceUrlKind;
use clap::builder::Resettable;
use clap::error::ErrorKind;
use clap::{Arg, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use gateway::{NoOrigin, Origins};
use local::{DEFAULT_STUN_URL, HEARTBEAT_SECONDS, Options, Server, StartError, health};
use runtime::{Settings, logs, settings};

/// Gives memory back that hashing a password needed for a moment, and is faster than the system's with many threads (ADR 17).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The whole of TunRTC on one machine: API, signaling and console page.
#[derive(Parser)]
#[command(name = "tunrtc", version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
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
    #[arg(long, env = "TUNRTC_TURN_URLS", value_name = "URL", value_delimiter = ',', requires = "turn_secret", value_parser = turn_url)]
    turn_url: Vec<String>,
    /// Secret shared with the TURN server
    #[arg(long, env = "TUNRTC_TURN_SECRET", value_name = "SECRET", hide_env_values = true, requires = "turn_url")]
    turn_secret: Option<String>,
    /// STUN address, such as stun:stun.example.org:3478; may be given more than once; "none" for none at all
    /// [default without a TURN address: stun:stun.l.google.com:19302]
    #[arg(long, env = "TUNRTC_STUN_URLS", value_name = "URL", value_delimiter = ',', value_parser = stun_url)]
    stun_url: Vec<String>,
    /// Web origin that may connect besides those of this machine; may be given more than once
    #[arg(long, env = "TUNRTC_ALLOWED_ORIGINS", value_name = "ORIGIN", value_delimiter = ',', value_parser = origin)]
    allow_origin: Vec<String>,
    /// Proxy in front of this server, whose X-Forwarded-For or Forwarded names clients: an address or a network such as
    /// 10.0.0.0/8; may be given more than once
    #[arg(long, env = "TUNRTC_TRUSTED_PROXIES", value_name = "ADDRESS", value_delimiter = ',', value_parser = network)]
    trusted_proxy: Vec<IpNet>,
    /// Throttle each route as the deployment on AWS does
    #[arg(long, env = "TUNRTC_ROUTE_THROTTLES")]
    route_throttles: bool,
    /// How long a participant whose connection was lost keeps the seat, in seconds
    #[arg(long, env = settings::RECONNECT_GRACE_SECONDS, value_name = "N", default_value_t = 30)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=900))]
    reconnect_grace_seconds: u32,
    /// How often clients show life, in seconds
    #[arg(long, env = settings::HEARTBEAT_SECONDS, value_name = "N", default_value_t = HEARTBEAT_SECONDS)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=540))]
    heartbeat_seconds: u32,
    /// Folder of the built console page, in place of the one that the program has or finds
    #[arg(long, env = "TUNRTC_CONSOLE", value_name = "FOLDER", value_parser = folder)]
    console: Option<PathBuf>,
    /// How log lines look
    #[arg(long, env = settings::LOG, value_enum, default_value_t = Log::Text)]
    log: Log,
}

#[derive(Subcommand)]
enum Command {
    /// Ask the server on this machine whether it is well: exit status 0 if it is (for a container's health check)
    Health,
}

#[derive(Clone, Copy, ValueEnum)]
enum Log {
    /// For people
    Text,
    /// For machines
    Json,
}

/// An origin, as clients reach the server: every route is at its root.
fn web_address(text: &str) -> Result<String, &'static str> {
    let address = text.strip_suffix('/').unwrap_or(text);
    let starts = address.starts_with("http://") || address.starts_with("https://");
    let is_origin = starts && Origins::new(vec![address.to_owned()]).is_ok() && !address.ends_with(":*");
    is_origin
        .then(|| address.to_owned())
        .ok_or("must be http:// or https:// with a host, perhaps a port, and nothing behind it")
}

fn origin(text: &str) -> Result<String, NoOrigin> {
    Origins::new(vec![text.to_owned()]).map(|_| text.to_owned())
}

fn stun_url(text: &str) -> Result<String, &'static str> {
    if text == NO_STUN {
        return Ok(text.to_owned());
    }
    auth::check_ice_url(IceUrlKind::Stun, text).map(|()| text.to_owned())
}

fn turn_url(text: &str) -> Result<String, &'static str> {
    auth::check_ice_url(IceUrlKind::Turn, text).map(|()| text.to_owned())
}

fn folder(text: &str) -> Result<PathBuf, &'static str> {
    let path = PathBuf::from(text);
    if path.is_dir() { Ok(path) } else { Err("must be a folder that is there") }
}

/// A network, or the one address of a host.
fn network(text: &str) -> Result<IpNet, &'static str> {
    let parsed = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    parsed.map_err(|_| "must be an IP address or a network such as 10.0.0.0/8")
}

/// The settings of operators that are in the environment, without those that have an option of their own.
fn environment() -> Vec<(&'static str, String)> {
    let set = Settings::from_env();
    let named = settings::OPERATORS.into_iter().filter_map(|name| Some((name, set.optional(name)?.to_owned())));
    named.collect()
}

/// Names in the environment that look like settings and have no effect here.
fn unknown_names() -> Vec<String> {
    let options = Arguments::command();
    let known: Vec<_> = options.get_arguments().filter_map(|option| option.get_env()?.to_str()).collect();
    let set = Settings::from_env();
    let ours = set.names().filter(|name| name.starts_with("TUNRTC_"));
    ours.filter(|name| !known.contains(name) && !settings::OPERATORS.contains(name)).map(str::to_owned).collect()
}

/// What `--stun-url` says for no STUN server at all.
const NO_STUN: &str = "none";

/// What clients are told where nothing was said: as on AWS, so that two homes can call each other. A TURN server answers
/// STUN requests too (RFC 8656), so nobody else is named beside one.
fn stun_urls(given: Vec<String>, has_turn: bool) -> Vec<String> {
    match given.as_slice() {
        [] if has_turn => Vec::new(),
        [] => vec![DEFAULT_STUN_URL.to_owned()],
        [only] if only == NO_STUN => Vec::new(),
        _ => given,
    }
}

impl From<Arguments> for Options {
    fn from(arguments: Arguments) -> Self {
        let mut settings = environment();
        // What was given as an option counts more, and has the environment's value where it was not.
        settings.push((settings::RECONNECT_GRACE_SECONDS, arguments.reconnect_grace_seconds.to_string()));
        settings.push((settings::HEARTBEAT_SECONDS, arguments.heartbeat_seconds.to_string()));
        Self {
            host: arguments.host,
            port: arguments.port,
            data: arguments.data,
            public_url: arguments.public_url,
            stun_urls: stun_urls(arguments.stun_url, !arguments.turn_url.is_empty()),
            turn_urls: arguments.turn_url,
            turn_secret: arguments.turn_secret,
            allowed_origins: arguments.allow_origin,
            console: arguments.console,
            settings,
            trusted_proxies: arguments.trusted_proxy,
            route_throttles: arguments.route_throttles,
            ..Self::default()
        }
    }
}

fn main() -> ExitCode {
    let arguments = arguments();
    match arguments.command {
        Some(Command::Health) => ended(health::check(arguments.port)),
        None => ended(serve(arguments)),
    }
}

/// The command line, and the environment where that says nothing. A variable that is empty is not set.
fn arguments() -> Arguments {
    let set = Settings::from_env();
    let is_empty =
        |argument: &Arg| argument.get_env().and_then(|name| name.to_str()).is_some_and(|name| set.is_empty(name));
    let mut command = Arguments::command()
        .mut_args(|argument| if is_empty(&argument) { argument.env(Resettable::Reset) } else { argument });
    let matches = command.clone().get_matches();
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    if arguments.stun_url.len() > 1 && arguments.stun_url.iter().any(|url| url == NO_STUN) {
        let contradiction = "--stun-url takes \"none\" or addresses, not both";
        command.error(ErrorKind::ArgumentConflict, contradiction).exit();
    }
    arguments
}

fn ended(result: Result<(), impl Display>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to do when standard error is closed.
            drop(writeln!(std::io::stderr(), "tunrtc: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn serve(arguments: Arguments) -> Result<(), StartError> {
    let log = arguments.log;
    logs::init(match log {
        Log::Text => logs::Format::Text,
        Log::Json => logs::Format::Json,
    });
    for name in unknown_names() {
        tracing::warn!(setting = name, "no setting of this server has this name; it has no effect");
    }
    let tokio = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(StartError::Loopback)?;
    tokio.block_on(run(arguments.into(), log))
}

async fn run(options: Options, log: Log) -> Result<(), StartError> {
    let server = Server::start(options).await?;
    // From here on, so that whoever was told that the server is ready can stop it cleanly.
    let stop_signal = stop_signal();
    // Whoever closed standard output does not want to know.
    drop(writeln!(std::io::stdout(), "TunRTC is ready on {}", server.url()));
    for note in server.notes() {
        match log {
            Log::Text => drop(writeln!(std::io::stdout(), "{note}")),
            Log::Json => tracing::info!("{note}"),
        }
    }
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
