//! The whole of TunRTC on one machine: the functions of the route table behind a local API Gateway, on an embedded
//! DynamoDB, with the console page.
//!
//! No production code knows that it runs here. Functions get the events that AWS sends, through their JSON. What answers
//! for DynamoDB and `@connections` is given to them through the traits of `store` and `push`; the delay queue, and everything
//! while a test injects faults, goes through the ordinary SDK.

mod addresses;
mod aws;
mod console;
mod data_file;
mod database;
mod demo;
mod functions;
pub mod health;
mod object_store;
pub mod operator;
mod options;
mod pages;
mod refusals;
mod secret;
mod security;
mod stream;
mod template;
mod webhook_page;
mod webhooks;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use apigateway::{BuildError, Builder, Function, Gateway};
use auth::WebhookSealer;
use bytes::Bytes;
use domain::{Clock, IdSource, Policy, sweep};
use protocol::routes::{self, Api, ROUTES, Route};
use push::Endpoint;
use runtime::{Runtime, SettingError, Settings, SystemClock, UuidSource, settings};
use s3::S3;
use store::{Engine, Found, Store, TableDefinition};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use aws::{Fate, Intercept, SdkCall};
pub use object_store::Recordings;
pub use options::{DEFAULT_STUN_URL, HEARTBEAT_SECONDS, Options, RECORDINGS_DAYS};

use console::Site;
use data_file::DataFile;
use database::{Database, QueueJournal, Table};
use operator::OperatorError;
use stream::TableStream;
use webhook_page::WebhookPage;

const TABLE: &str = "tunrtc";
const STAGE: &str = "local";
const QUEUE: &str = "delay";
/// The hub has the WebSocket API's address, and this one, as infra/edge.yaml has it.
const HUB: &str = "/hubs/signaling";
const RECORDINGS: &str = "recordings";
const WEBHOOKS: &str = "webhooks.fifo";
const WEBHOOKS_LATER: &str = "webhooks-later";

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port is taken.
    #[error("port {port} is in use; choose another with --port (or TUNRTC_PORT)")]
    PortInUse {
        /// The port.
        port: u16,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}; choose another address with --host (or TUNRTC_HOST): {source}")]
    Listen {
        /// The address.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// The machine refuses what a server needs before anything else: threads, or the address of its socket.
    #[error("the machine refuses to serve: {0}")]
    Loopback(io::Error),
    /// The data file, or what stands beside it, cannot be used.
    #[error("cannot use the data at {}; choose another file with --data (or TUNRTC_DATA): {source}", path.display())]
    Data {
        /// The data file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The folder of recordings cannot be used.
    #[error("cannot keep recordings in {}; choose another folder with --recordings (or TUNRTC_RECORDINGS), or off: {source}", path.display())]
    Recordings {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The embedded database does not open in memory.
    #[error("the database does not open: {0}")]
    Database(String),
    /// A setting is missing or wrong.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// The table or the demo accounts cannot be made.
    #[error("the table cannot be prepared: {0}")]
    Table(#[from] domain::Error),
    /// The routes do not fit together.
    #[error(transparent)]
    Routes(#[from] BuildError),
}

/// A server that is running.
pub struct Server {
    address: SocketAddr,
    url: String,
    notes: Vec<String>,
    gateway: Gateway,
    database: Database,
    bucket: Option<S3>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
    runtime: Runtime,
    operator: Option<(PathBuf, JoinHandle<()>)>,
}

impl Server {
    /// Starts everything; when this returns, requests are answered.
    ///
    /// # Errors
    /// The first thing that is in the way, in one line that says what to do.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let listener = listen(&options).await?;
        let address = listener.local_addr().map_err(StartError::Loopback)?;
        let url = options.public_url.clone().unwrap_or_else(|| addresses::own_url(&options.host, address.port()));

        let mut notes = addresses::notes(&options, address.port());

        let file = options.data.as_deref().map(|data| DataFile::take(data, TABLE)).transpose()?;
        let secret = signing_secret(file.as_ref())?;
        let database = Database::open(file)?;
        let (keys, control) = (object_store::keys(&secret), Arc::new(OnceLock::new()));
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let days = Duration::from_secs(u64::from(options.recordings_days) * 24 * 60 * 60);
        let origins = allowed_origins(&options, &url);
        let bucket = object_store::open(
            &options.recordings,
            options.data.as_deref(),
            days,
            keys.clone(),
            &origins,
            Arc::clone(&clock),
        )
        .await?;
        let aws = aws::config(database.table(), Arc::clone(&control), &keys, bucket.clone(), options.intercept.clone());
        let ids: Arc<dyn IdSource> = Arc::new(UuidSource::default());
        let settings = configure(&options, &url, secret);
        let runtime = Runtime::new(settings, Arc::clone(&clock), Arc::clone(&ids), move |_| Ok(aws.clone()));
        // A test that decides over calls of the SDK needs the SDK to make them.
        let runtime = match options.intercept {
            Some(_) => runtime,
            None => {
                runtime.holding(Engine::new(database.table())).holding(Endpoint::new(aws::Direct(Arc::clone(&control))))
            }
        };

        let store = runtime.get::<Store>()?;
        let table = TableDefinition::new(runtime.aws()?, TABLE);
        if table.create_table().await? == Found::WithoutDueTimes {
            // First what is noted, then the index: whoever is interrupted begins again.
            sweep::note_all(&store, &runtime.get::<Policy>()?, clock.now()).await?;
            table.index_due_times().await?;
        }
        let embedded = database.table();
        embedded.finish_records(TABLE).await.map_err(|error| StartError::Database(error.to_string()))?;
        if options.has_demo() {
            demo::create(&store, &*clock, &*ids).await?;
            demo::create_key(&store, &runtime.get()?, &*clock).await?;
            notes.insert(0, demo::key_note());
        }
        notes.extend(own_webhook(&runtime, &options).await?);
        if options.tells && webhooks::anybody_asks(&store).await? {
            embedded.tell();
        }
        let operator = listen_to_operator(options.data.as_deref(), &runtime, &embedded)?;
        let gateway = assemble(&runtime, options, keys.access_key_id, &embedded, bucket.clone()).await?;
        // The cell was made above for this one value.
        drop(control.set(gateway.clone()));

        let (stop, stopped) = oneshot::channel::<()>();
        let served = gateway.clone();
        let serving = tokio::spawn(async move { served.serve(listener, async move { drop(stopped.await) }).await });
        Ok(Self { address, url, notes, gateway, database, bucket, stop, serving, runtime, operator })
    }

    /// Carries out a command for API keys on data that no server has open.
    pub(crate) async fn command(data: &Path, command: String) -> Result<Bytes, OperatorError> {
        let file = DataFile::take(data, TABLE)?;
        let secret = signing_secret(Some(&file))?;
        let database = Database::open(Some(file))?;
        let aws = aws::config(database.table(), Arc::default(), &object_store::keys(&secret), None, None);
        let (clock, ids) = (Arc::new(SystemClock), Arc::new(UuidSource::default()));
        let settings = configure(&Options::default(), "", secret);
        let runtime =
            Runtime::new(settings, clock, ids, move |_| Ok(aws.clone())).holding(Engine::new(database.table()));
        TableDefinition::new(runtime.aws().map_err(StartError::from)?, TABLE)
            .create_table()
            .await
            .map_err(StartError::from)?;
        let function = functions::function(routes::API_KEYS, &runtime).map_err(StartError::from)?;
        let answer = operator::invoke(&function, command).await;
        database.stop().await;
        answer
    }

    /// Where it is, for people and their browsers.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What people should know before they use it, a line each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The gateway, for tests that cut connections.
    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// What its functions are made from, for tests that look at the table.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// One more instance of a function by its name in the route table, for tests that hand it events themselves.
    ///
    /// # Errors
    /// The setting that the function misses.
    pub fn function(&self, name: &str) -> Result<Function, SettingError> {
        functions::function(name, &self.runtime)
    }

    /// Stops: connections are closed with 1001, running functions finish.
    pub async fn stop(self) {
        // An error means that it has stopped already.
        let _stopped_before = self.stop.send(());
        drop(self.serving.await);
        if let Some((data, listening)) = self.operator {
            listening.abort();
            operator::control::remove(&data);
        }
        if let Some(bucket) = self.bucket {
            bucket.close();
        }
        self.database.stop().await;
    }
}

/// Listens for the operator's commands, where there is data that they would be about.
fn listen_to_operator(
    data: Option<&Path>,
    runtime: &Runtime,
    embedded: &Table,
) -> Result<Option<(PathBuf, JoinHandle<()>)>, StartError> {
    let Some(given) = data else { return Ok(None) };
    let failed = |source| StartError::Data { path: given.to_owned(), source };
    let data = std::fs::canonicalize(given).map_err(failed)?;
    let function = telling(functions::function(routes::API_KEYS, runtime)?, embedded);
    match operator::control::listen(&data, function) {
        Ok(listening) => Ok(Some((data, listening))),
        Err(error) => {
            // A path that is too long for a socket, say. The server is as good without: it has to be stopped for commands.
            tracing::warn!(%error, "commands for API keys are not listened for");
            Ok(None)
        }
    }
}

async fn listen(options: &Options) -> Result<TcpListener, StartError> {
    let (host, port) = (options.host.as_str(), options.port);
    TcpListener::bind((host, port)).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => StartError::PortInUse { port },
        _ => StartError::Listen { address: format!("{host}:{port}"), source },
    })
}

/// The settings that the template gives to functions on AWS.
fn configure(options: &Options, url: &str, secret: String) -> Settings {
    // Without a public address the server answers under whatever name it was asked by.
    let origin = options.public_url.as_deref().unwrap_or("{scheme}://{host}");
    let base = Settings::default()
        .with(settings::TABLE, TABLE)
        .with(settings::SECRET, secret)
        .with(settings::SIGNALING_URL, format!("{}/ws", origin.replacen("http", "ws", 1)))
        .with(settings::CONNECTIONS_ENDPOINT, format!("{}/{STAGE}", aws::ENDPOINT))
        .with(settings::DELAY_QUEUE_URL, format!("{}/000000000000/{QUEUE}", aws::ENDPOINT))
        .with(settings::RECORDING_QUEUE_URL, format!("{}/000000000000/{RECORDINGS}", aws::ENDPOINT))
        .with(settings::WEBHOOK_QUEUE_URL, format!("{}/000000000000/{WEBHOOKS}", aws::ENDPOINT))
        .with(settings::WEBHOOK_LATER_QUEUE_URL, format!("{}/000000000000/{WEBHOOKS_LATER}", aws::ENDPOINT))
        .with(settings::WEBHOOK_ALLOW_LOCAL, "true")
        .with(settings::ALLOWED_ORIGINS, allowed_origins(options, url).join(","))
        .with(settings::STUN_URLS, options.stun_urls.join(","))
        .with(settings::TURN_URLS, options.turn_urls.join(","))
        .with(settings::TURN_SECRET, options.turn_secret.as_deref().unwrap_or_default())
        .with(settings::HEARTBEAT_SECONDS, options::HEARTBEAT_SECONDS)
        .with(settings::CALL_QUALITY, "on");
    let base = match options.recordings {
        Recordings::Off => base,
        Recordings::On | Recordings::Folder(_) => base
            .with(settings::RECORDINGS_BUCKET, object_store::BUCKET)
            .with(settings::RECORDINGS_ENDPOINT, origin)
            .with(settings::RECORDINGS_DAYS, options.recordings_days),
    };
    options.settings.iter().fold(base, |all, (name, value)| all.with(name, value))
}

/// Kept beside the data, so that tokens outlive the process; made anew without data.
fn signing_secret(file: Option<&DataFile>) -> Result<String, StartError> {
    let Some(file) = file else { return Ok(secret::random()) };
    secret::beside(file.path()).map_err(|source| StartError::Data { path: file.path().to_owned(), source })
}

/// Pages from this server, and from whatever else a developer runs on this machine.
fn allowed_origins(options: &Options, url: &str) -> Vec<String> {
    let asked: &[&str] = if options.public_url.is_none() { &["http://{host}", "https://{host}"] } else { &[] };
    let local = ["http://localhost:*", "http://127.0.0.1:*", "https://localhost:*"];
    let own = std::iter::once(url).chain(asked.iter().copied()).chain(local).map(str::to_owned);
    own.chain(options.allowed_origins.iter().cloned()).collect()
}

/// Has webhooks go where the server was told, and nowhere else that an earlier start was told; what its user has to know of that.
async fn own_webhook(runtime: &Runtime, options: &Options) -> Result<Option<String>, StartError> {
    let (store, sealer) = (runtime.get::<Store>()?, runtime.get::<WebhookSealer>()?);
    let Some((url, secret)) = options.webhook.clone() else {
        webhooks::forget(&store).await?;
        return Ok(None);
    };

    let (clock, ids) = (runtime.get::<Arc<dyn Clock>>()?, runtime.get::<Arc<dyn IdSource>>()?);
    let with = webhooks::Surroundings { store: &store, sealer: &sealer, clock: &*clock, ids: &*ids };
    let is_new = secret.is_none();
    let secret = webhooks::start_with(&with, &url, secret).await?;
    Ok(is_new.then(|| {
        // The secret ends the line, so that it is copied as it is.
        format!("Webhooks go to {url}. Keep their secret with --webhook-secret; it is {}", secret.as_str())
    }))
}

async fn assemble(
    runtime: &Runtime,
    options: Options,
    access_key: String,
    embedded: &Table,
    bucket: Option<S3>,
) -> Result<Gateway, StartError> {
    let (site, webhook_page) = (Arc::new(Site::new(&options)), Arc::new(WebhookPage::new(runtime)?));
    let clock: Arc<dyn Clock> = runtime.get()?;
    let expiry = functions::function(routes::EXPIRY, runtime)?;
    let sender = functions::function(routes::SENDER, runtime)?;
    let journal = |queue| Arc::new(QueueJournal::new(embedded.clone(), TABLE, queue));
    let mut builder = Gateway::builder()
        .access_key_id(access_key)
        .ws_stage(STAGE)
        .ws_path("/ws")
        .ws_also_at(HUB)
        .limits(options.limits)
        .message_order(options.message_order)
        .cors(template::cors(runtime.settings.list(settings::ALLOWED_ORIGINS)))
        .trusted_proxies(options.trusted_proxies)
        .request_id_header(refusals::REQUEST_ID)
        .refusals(refusals::render)
        .ws_overloaded(move |frame| refusals::refuse_frame(frame, &*clock))
        .authorizer_of_all(functions::function(routes::AUTHORIZER, runtime)?)
        .queue(QUEUE, expiry.clone())
        .stream(
            TABLE,
            Arc::new(TableStream::new(embedded.clone(), TABLE)),
            functions::function(routes::FANOUT, runtime)?,
        )
        .lasting_queue(
            RECORDINGS,
            functions::function(routes::COMPOSER, runtime)?,
            template::recordings(),
            journal(RECORDINGS),
        )
        .lasting_queue(WEBHOOKS, sender.clone(), template::webhook_line(), journal(WEBHOOKS))
        .lasting_queue(WEBHOOKS_LATER, sender, template::webhooks_later(), journal(WEBHOOKS_LATER))
        .schedule("sweep", options.sweep_every, expiry)
        .assets(move |request| {
            let (site, webhook_page) = (Arc::clone(&site), Arc::clone(&webhook_page));
            async move {
                match webhook_page.serve(&request).await {
                    Some(page) => Some(Ok(page)),
                    None => site.serve(request).await,
                }
            }
        });
    if let Some(bucket) = bucket {
        let (has, answers) = (bucket.clone(), bucket.clone());
        builder =
            builder.schedule("expiry of objects", object_store::EXPIRE_EVERY, object_store::expiring(bucket)).beside(
                move |path| has.has(path),
                move |request| {
                    let bucket = answers.clone();
                    async move { bucket.answer(request).await }
                },
            );
    }
    for route in ROUTES {
        builder = add_route(builder, route, functions::function(route.function, runtime)?, options.route_throttles);
    }
    if let Some(faults) = options.faults {
        builder = builder.faults(faults.build());
    }
    Ok(builder.build()?)
}

/// The function that makes API keys: from the first one on, what happens is kept, because a key can ask for it.
fn telling(function: Function, embedded: &Table) -> Function {
    let embedded = embedded.clone();
    apigateway::function(move |event| {
        embedded.tell();
        function(event)
    })
}

fn add_route(builder: Builder, route: &Route, function: Function, throttled: bool) -> Builder {
    let rate = template::rate(route.function);
    let builder = match (route.api, throttled) {
        (Api::Http, true) => builder.http_throttle(route.key, rate),
        (Api::WebSocket, true) => builder.ws_throttle(route.key, rate),
        (Api::Http | Api::WebSocket, false) => builder,
    };
    match route.api {
        Api::Http => builder.http_route(route.key, function),
        Api::WebSocket if route.has_route_response() => builder.ws_route_with_response(route.key, function),
        Api::WebSocket => builder.ws_route(route.key, function),
    }
}
