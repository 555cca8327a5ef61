//! Structured logs.

use std::sync::Arc;

use config::{Settings, settings};
use domain::Clock;
use tracing::Subscriber;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::{Format as LineFormat, Json as JsonLines, JsonFields};
use tracing_subscriber::layer::{Layer, Layered, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, fmt, registry};

use crate::SystemClock;
use crate::metrics::Embedding;

/// How log lines look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// For machines: one JSON object a line.
    Json,
    /// JSON for CloudWatch, which makes metrics of lines that count, for the deployment of this name.
    Counting(String),
}

impl Format {
    /// The configured one; JSON unless told otherwise.
    pub fn of(settings: &Settings) -> Self {
        match (settings.optional(settings::LOG), settings.optional(settings::METRICS_STACK)) {
            (Some("text"), _) => Self::Text,
            (_, Some(stack)) => Self::Counting(stack.to_owned()),
            (_, None) => Self::Json,
        }
    }
}

/// Sends log lines to standard output. Does nothing when logs are set up already.
pub fn init(format: Format) {
    let set = match format {
        Format::Text => filtered(fmt::layer().with_target(false).compact()).try_init(),
        Format::Json => filtered(fmt::layer().event_format(json()).fmt_fields(JsonFields::new())).try_init(),
        Format::Counting(stack) => filtered(counting(Arc::new(SystemClock), stack)).try_init(),
    };
    drop(set);
}

/// The part of the SDK that complains, once for each call that is tried again, where there is no connection to close: in the
/// local server, whose calls stay in the process.
const CONNECTION_POISONING: &str = "aws_smithy_runtime::client::http::connection_poisoning";

type Ours = Layered<Targets, Registry>;

/// Our lines, and the warnings of others.
pub(crate) fn filtered(lines: impl Layer<Ours> + Send + Sync) -> impl Subscriber + Send + Sync {
    // Dependencies log what went over the wire at debug level; that never belongs in a log.
    let ours = [
        "gateway",
        "push",
        "store",
        "delay",
        "auth",
        "runtime",
        "tunrtc",
        "apigateway",
        "participant_expiry",
        "ws_authorizer",
    ];
    let targets = ours.map(|target| (target, LevelFilter::INFO));
    let targets = Targets::new().with_default(LevelFilter::WARN).with_targets(targets);
    registry().with(targets.with_target(CONNECTION_POISONING, LevelFilter::OFF)).with(lines)
}

/// JSON lines that embed metrics.
pub(crate) fn counting(clock: Arc<dyn Clock>, stack: String) -> fmt::Layer<Ours, JsonFields, Embedding> {
    fmt::layer().event_format(Embedding { lines: json(), stack, clock }).fmt_fields(JsonFields::new())
}

fn json() -> LineFormat<JsonLines> {
    fmt::format().json().flatten_event(true).with_target(false)
}
