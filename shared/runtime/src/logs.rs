//! Structured logs.

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// Sends log lines to standard output. Does nothing when logs are set up already.
pub fn init(format: Format) {
    // Dependencies log what went over the wire at debug level; that never belongs in a log.
    let ours = Targets::new().with_default(LevelFilter::WARN).with_targets(
        [
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
        ]
        .map(|target| (target, LevelFilter::INFO)),
    );
    let registry = tracing_subscriber::registry().with(ours);
    let lines = tracing_subscriber::fmt::layer().with_target(false);
    let set = match format {
        Format::Text => registry.with(lines.compact()).try_init(),
        Format::Json => registry.with(lines.json().flatten_event(true)).try_init(),
    };
    drop(set);
}
