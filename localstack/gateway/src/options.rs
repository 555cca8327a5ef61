//! What a server is started with.

use std::path::PathBuf;
use std::time::Duration;

use apigateway::{Chances, IpNet, Limits, MessageOrder};
use webhook::Secret;

use crate::{Intercept, Recordings, template};

/// How often clients of this server show life, in seconds, where nothing else is set. Proxies on the way to a machine of
/// one's own often end a connection that is silent for a minute.
pub const HEARTBEAT_SECONDS: u32 = 50;

/// The STUN server that clients are told where an operator names neither STUN nor TURN: the one of infra/template.yaml. It
/// is somebody else's, and sees the addresses of those who ask it.
pub const DEFAULT_STUN_URL: &str = "stun:stun.l.google.com:19302";

/// How many days the files of recordings are kept where nothing else is set: as infra/template.yaml has it.
pub const RECORDINGS_DAYS: u32 = 30;

/// Everything about a server that its command line, or a test, may choose.
pub struct Options {
    /// The address to listen on.
    pub host: String,
    /// The port; 0 takes a free one.
    pub port: u16,
    /// The data file; without one the data lives in memory.
    pub data: Option<PathBuf>,
    /// Whether a server without a data file has the demo accounts and the API key for trying, whose secrets everybody knows.
    pub demo: bool,
    /// How clients reach the server, where that is not `http://localhost:PORT`.
    pub public_url: Option<String>,
    /// STUN addresses.
    pub stun_urls: Vec<String>,
    /// TURN addresses.
    pub turn_urls: Vec<String>,
    /// The secret shared with the TURN server.
    pub turn_secret: Option<String>,
    /// Web origins that may connect besides this machine's own.
    pub allowed_origins: Vec<String>,
    /// Proxies in front of the server, whose word about a client's address is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether requests to each route are throttled as the deployment on AWS does it.
    pub route_throttles: bool,
    /// Folder of the built console page, in place of the one that the program has or finds.
    pub console: Option<PathBuf>,
    /// Folder of the files for captions, in place of the one that is found beside the program.
    pub captions: Option<PathBuf>,
    /// Settings of the functions by the name of their environment variable.
    pub settings: Vec<(&'static str, String)>,
    /// Whether participants may record themselves, and where that is kept.
    pub recordings: Recordings,
    /// How many days the files of recordings are kept.
    pub recordings_days: u32,
    /// API Gateway's quotas.
    pub limits: Limits,
    /// In which order the messages of one connection run.
    pub message_order: MessageOrder,
    /// Where webhooks go, and the secret that they are signed with; a new one if there is none.
    pub webhook: Option<(String, Option<Secret>)>,
    /// Whether what happens is noted and told, as on AWS. Only tests that count what a request costs can switch it off.
    pub tells: bool,
    /// How often the sweep runs.
    pub sweep_every: Duration,
    /// Faults to inject. Only tests can: no option and no environment variable leads here.
    pub faults: Option<Chances>,
    /// Faults of AWS itself: throttled, slow or wrong answers to calls of the SDK. Only tests can set them, too.
    pub intercept: Option<Intercept>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 5000,
            data: None,
            demo: true,
            public_url: None,
            stun_urls: Vec::new(),
            turn_urls: Vec::new(),
            turn_secret: None,
            allowed_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            route_throttles: false,
            console: None,
            captions: None,
            settings: Vec::new(),
            recordings: Recordings::default(),
            recordings_days: RECORDINGS_DAYS,
            limits: template::limits(),
            message_order: MessageOrder::default(),
            webhook: None,
            tells: true,
            sweep_every: Duration::from_secs(30),
            faults: None,
            intercept: None,
        }
    }
}

impl Options {
    /// Whether the server has the demo accounts and the API key for trying.
    pub fn has_demo(&self) -> bool {
        self.demo && self.data.is_none()
    }
}
