//! `tunrtc`: the whole of TunRTC on one machine.

use std::fmt::Display;
use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use apigateway::IpNet;
use auth::IceUrlKind;
use clap::builder::Resettable;
use clap::error::ErrorKind;
use clap::{Arg, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use domain::webhooks::{NotATarget, Target};
use gateway::{NoOrigin, Origins};
use local::{
    DEFAULT_STUN_URL, HEARTBEAT_SECONDS, Options, RECORDINGS_DAYS, Recordings, Server, StartError, health, operator,
};
use protocol::keys::MOST_ALLOCATIONS;
use protocol::turn_log;
use runtime::{Settings, logs, settings};
use serde_json::{Value, json};
use webhook::Secret;

/// Gives memory back that hashing a password needed for a moment, and is faster than the system's with many threads (ADR 17).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long a thread of passwords and files waits for more work. The allocator gives back what has been free for a second when a
/// thread ends, and a hash needs 19 MiB for a moment.
const THREAD_KEEP_ALIVE: Duration = Duration::from_millis(1200);

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
    #[arg(long, env = "TUNRTC_DATA", value_name = "FILE", global = true)]
    data: Option<PathBuf>,
    /// Leave out the demo accounts and the API key for trying, which a server without data has, and whose secrets everybody knows
    #[arg(long, env = "TUNRTC_NO_DEMO")]
    no_demo: bool,
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
    /// Whether clients report the quality of their calls, and that is kept
    #[arg(long, env = settings::CALL_QUALITY, value_enum, default_value_t = Switch::On)]
    call_quality: Switch,
    /// Region of AWS whose Amazon Transcribe writes captions where a page asks for it, such as eu-central-1, paid by the owner of
    /// AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN) in the environment; none without it
    #[arg(long, env = settings::TRANSCRIBE_REGION, value_name = "REGION")]
    transcribe_region: Option<String>,
    /// Who can find a session of which its maker does not say it
    #[arg(long, env = settings::DEFAULT_VISIBILITY, value_enum, default_value_t = Visibility::Public)]
    default_visibility: Visibility,
    /// Whether participants may record themselves: on keeps that beside the data, in memory without any; or a folder to keep it in
    #[arg(long, env = "TUNRTC_RECORDINGS", value_name = "on|off|FOLDER", default_value = "on", value_parser = recordings)]
    recordings: Recordings,
    /// How many days the files of recordings are kept
    #[arg(long, env = settings::RECORDINGS_DAYS, value_name = "N", default_value_t = RECORDINGS_DAYS)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=3650))]
    recordings_days: u32,
    /// How long a recording of which nothing comes any more waits for its browser, in seconds; then its files are made of what came
    #[arg(long, env = settings::RECORDINGS_QUIET_SECONDS, value_name = "N", default_value_t = 600)]
    #[arg(value_parser = clap::value_parser!(u32).range(8..=43_200))]
    recordings_quiet_seconds: u32,
    /// Folder of the built console page, in place of the one that the program has or finds
    #[arg(long, env = "TUNRTC_CONSOLE", value_name = "FOLDER", value_parser = folder)]
    console: Option<PathBuf>,
    /// Folder of the files for captions, in place of the one that is found beside the program
    #[arg(long, env = "TUNRTC_CAPTIONS", value_name = "FOLDER", value_parser = folder)]
    captions: Option<PathBuf>,
    /// Where webhooks go: https://, or http://localhost on any port
    #[arg(long, env = "TUNRTC_WEBHOOK_URL", value_name = "URL", value_parser = webhook_url)]
    webhook_url: Option<String>,
    /// Secret that webhooks are signed with, whsec_...; without it a new one is made and told at each start
    #[arg(long, env = "TUNRTC_WEBHOOK_SECRET", value_name = "SECRET", hide_env_values = true, requires = "webhook_url", value_parser = Secret::parse)]
    webhook_secret: Option<Secret>,
    /// How log lines look
    #[arg(long, env = settings::LOG, value_enum, default_value_t = Log::Text)]
    log: Log,
}

#[derive(Subcommand)]
enum Command {
    /// Ask the server on this machine whether it is well: exit status 0 if it is (for a container's health check)
    Health,
    /// API keys of apps, kept in the data: create, list and disable them, whether the server runs or not
    #[command(subcommand)]
    Keys(Keys),
    /// Read what coturn relayed from its log into the ledger behind GET /api/usage; the same log again changes nothing
    TurnUsage {
        /// The log of coturn with `verbose` and `new-log-timestamp`, from its beginning on; - reads standard input
        log: PathBuf,
    },
}

#[derive(Subcommand)]
enum Keys {
    /// Create a key; its secret is shown this once
    Create {
        /// The app's project: 1-40 characters of a-z, 0-9 and -
        #[arg(long, value_name = "NAME")]
        project: String,
        /// A grant that the key may give and use (roomJoin, roomCreate, roomAdmin, roomList); may be given more than once;
        /// all without it
        #[arg(long, value_name = "GRANT", value_delimiter = ',')]
        grant: Vec<String>,
        /// How the names of its rooms begin
        #[arg(long, value_name = "TEXT")]
        room_prefix: Option<String>,
        /// The longest life of its tokens, in seconds, at most 86400
        #[arg(long, value_name = "N")]
        max_token_seconds: Option<u64>,
        /// When it ends by itself, such as 2027-01-01T00:00:00Z
        #[arg(long, value_name = "TIME")]
        ends_at: Option<String>,
        /// A join does not make the room that it names, unless its token has roomCreate
        #[arg(long)]
        no_auto_create: bool,
    },
    /// List the keys of a project, or of all
    List {
        /// The project
        #[arg(long, value_name = "NAME")]
        project: Option<String>,
    },
    /// Disable a key: within 30 s nothing of it is accepted any more
    Disable {
        /// The key
        key: String,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Switch {
    /// It is wanted
    On,
    /// It is not
    Off,
}

impl Switch {
    /// As a setting says it.
    fn word(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum Visibility {
    /// Everybody with an account sees it in the list, and can join
    Public,
    /// Whoever has its link can join
    Unlisted,
}

impl Visibility {
    /// As a setting says it.
    fn word(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Unlisted => "unlisted",
        }
    }
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

fn webhook_url(text: &str) -> Result<String, NotATarget> {
    Target::parse(text, true).map(|_| text.to_owned())
}

/// A folder is made where there is none; a name without a slash is more likely a slip of the pen.
fn recordings(text: &str) -> Result<Recordings, &'static str> {
    match text {
        "on" => Ok(Recordings::On),
        "off" => Ok(Recordings::Off),
        _ if text.contains(['/', std::path::MAIN_SEPARATOR]) => Ok(Recordings::Folder(PathBuf::from(text))),
        _ => Err("must be on, off, or a folder with a slash in its name such as ./recordings"),
    }
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

/// The region whose Amazon Transcribe is offered, and the key in the environment that pays for it.
fn transcribing(region: Option<String>) -> Vec<(&'static str, String)> {
    let Some(region) = region else { return Vec::new() };
    let set = Settings::from_env();
    let key = [settings::ACCESS_KEY_ID, settings::SECRET_ACCESS_KEY, settings::SESSION_TOKEN];
    let given = key.into_iter().filter_map(|name| Some((name, set.optional(name)?.to_owned())));
    given.chain([(settings::TRANSCRIBE_REGION, region)]).collect()
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
        settings.push((settings::RECORDINGS_QUIET_SECONDS, arguments.recordings_quiet_seconds.to_string()));
        settings.push((settings::CALL_QUALITY, arguments.call_quality.word().to_owned()));
        settings.extend(transcribing(arguments.transcribe_region));
        settings.push((settings::DEFAULT_VISIBILITY, arguments.default_visibility.word().to_owned()));
        Self {
            host: arguments.host,
            port: arguments.port,
            data: arguments.data,
            demo: !arguments.no_demo,
            public_url: arguments.public_url,
            stun_urls: stun_urls(arguments.stun_url, !arguments.turn_url.is_empty()),
            turn_urls: arguments.turn_url,
            turn_secret: arguments.turn_secret,
            allowed_origins: arguments.allow_origin,
            console: arguments.console,
            captions: arguments.captions,
            recordings: arguments.recordings,
            recordings_days: arguments.recordings_days,
            settings,
            trusted_proxies: arguments.trusted_proxy,
            webhook: arguments.webhook_url.map(|url| (url, arguments.webhook_secret)),
            route_throttles: arguments.route_throttles,
            ..Self::default()
        }
    }
}

fn main() -> ExitCode {
    let arguments = arguments();
    match arguments.command {
        Some(Command::Health) => ended(health::check(arguments.port)),
        Some(Command::Keys(ref command)) => ended(keys(arguments.data.as_deref(), command)),
        Some(Command::TurnUsage { ref log }) => ended(turn_usage(arguments.data.as_deref(), log)),
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

/// Has a command for API keys carried out, and prints what came of it.
fn keys(data: Option<&Path>, command: &Keys) -> Result<(), String> {
    let text = keys_answer(&operate(data, command.to_json())?)?;
    say(&text);
    Ok(())
}

/// Has an operator's command carried out on that data.
fn operate(data: Option<&Path>, command: String) -> Result<Value, String> {
    let data = data.ok_or("it is kept in the data: say which with --data FILE (or TUNRTC_DATA)")?;
    let tokio =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    let answer = tokio.block_on(operator::command(data, command)).map_err(|error| error.to_string())?;
    serde_json::from_slice(&answer).map_err(|error| error.to_string())
}

/// Tells whoever gave a command.
fn say(text: &str) {
    // Whoever closed standard output does not want to know.
    drop(writeln!(std::io::stdout(), "{text}"));
}

/// All that somebody has to say.
fn whole(mut from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Has what a log says added to the ledger, and prints how much that was.
fn turn_usage(data: Option<&Path>, log: &Path) -> Result<(), String> {
    let read = if log == Path::new("-") { whole(std::io::stdin()) } else { std::fs::read(log) };
    let read = read.map_err(|error| format!("{}: {error}", log.display()))?;
    // coturn writes a refused user name as it came, whatever its bytes are.
    let log = turn_log::read(&String::from_utf8_lossy(&read));
    let mut noted = 0;
    for relayed in log.relayed.chunks(MOST_ALLOCATIONS) {
        let answer = operate(data, turn_log::command(relayed))?;
        noted +=
            answer["noted"].as_u64().ok_or_else(|| answer["refused"].as_str().unwrap_or("it failed").to_owned())?;
    }
    let (all, unreadable) = (log.relayed.len(), log.unreadable);
    say(&format!("{noted} of {all} allocations are in the ledger; {unreadable} lines could not be read"));
    Ok(())
}

impl Keys {
    /// As the function behind the commands reads it.
    fn to_json(&self) -> String {
        match self {
            Self::Create { project, grant, room_prefix, max_token_seconds, ends_at, no_auto_create } => json!({
                "action": "create", "project": project, "grants": (!grant.is_empty()).then_some(grant),
                "roomPrefix": room_prefix, "maxTokenSeconds": max_token_seconds, "endsAt": ends_at,
                "autoCreate": !no_auto_create,
            }),
            Self::List { project } => json!({ "action": "list", "project": project }),
            Self::Disable { key } => json!({ "action": "disable", "key": key }),
        }
        .to_string()
    }
}

/// What a command came to, for people: a new key as two lines of a `.env` file, a list as a line each.
fn keys_answer(answer: &Value) -> Result<String, String> {
    if let Some(why) = answer["refused"].as_str() {
        return Err(why.to_owned());
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if let Value::Object(made) = &answer["created"] {
        return Ok(format!("TUNRTC_API_KEY={}\nTUNRTC_API_SECRET={}", text(&made["key"]), text(&made["secret"])));
    }
    if let Value::Array(keys) = &answer["keys"] {
        let line = |key: &Value| {
            let state = match (key["disabledAt"].as_str(), key["endsAt"].as_str()) {
                (Some(at), _) => format!("disabled {at}"),
                (None, Some(at)) => format!("ends {at}"),
                (None, None) => "active".to_owned(),
            };
            format!("{}  {}  {}  {state}", text(&key["key"]), text(&key["project"]), text(&key["createdAt"]))
        };
        return Ok(keys.iter().map(line).collect::<Vec<_>>().join("\n"));
    }
    Ok(format!("{} is disabled", text(&answer["disabled"])))
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
    let mut tokio = tokio::runtime::Builder::new_multi_thread();
    let tokio = tokio.enable_all().thread_keep_alive(THREAD_KEEP_ALIVE).build().map_err(StartError::Loopback)?;
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
