//! What a function's `main.rs` calls: configuration, AWS clients, the clock, identifiers and logs.
//!
//! The only place, with the mains themselves, that reads the environment, the system's clock and its randomness.

mod aws;
mod clock;
pub mod logs;
pub mod metrics;
pub mod settings;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_types::SdkConfig;
use domain::relay::Standings;
use domain::{Backoff, Clock, IdSource};
use gateway::{Edge, FrameRates};

pub use clock::{SystemClock, UuidSource};
pub use settings::{Missing, Settings};

/// What stays the same between two invocations of one function instance.
pub struct Runtime {
    /// The configuration.
    pub settings: Settings,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    aws: OnceLock<Result<SdkConfig, Missing>>,
    frame_rates: Arc<FrameRates>,
    standings: Arc<Standings>,
}

impl Runtime {
    /// From the environment, with logs set up: what a Lambda function does first.
    pub fn start() -> Self {
        let settings = Settings::from_env();
        logs::init(settings.log_format());
        Self::new(settings, OnceLock::new(), Arc::new(SystemClock), Arc::new(UuidSource::default()))
    }

    /// With everything given: what the local gateway and tests do.
    pub fn with(settings: Settings, aws: SdkConfig, clock: Arc<dyn Clock>, ids: Arc<dyn IdSource>) -> Self {
        Self::new(settings, OnceLock::from(Ok(aws)), clock, ids)
    }

    fn new(
        settings: Settings,
        aws: OnceLock<Result<SdkConfig, Missing>>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
    ) -> Self {
        Self { settings, clock, ids, aws, frame_rates: Arc::default(), standings: Arc::default() }
    }

    /// What a handler meets the outside with.
    pub fn edge(&self) -> Result<Edge, Missing> {
        Ok(Edge {
            clock: Arc::clone(&self.clock),
            ids: Arc::clone(&self.ids),
            policy: self.settings.policy()?,
            frame_rates: Arc::clone(&self.frame_rates),
        })
    }

    /// Region, credentials and endpoints, read at the first call: a function without a client pays nothing for them.
    pub fn aws(&self) -> Result<&SdkConfig, Missing> {
        self.aws.get_or_init(|| aws::config(&self.settings)).as_ref().map_err(Missing::clone)
    }

    /// Which connections are known to have joined.
    pub fn standings(&self) -> Arc<Standings> {
        Arc::clone(&self.standings)
    }

    /// How throttled and conflicting calls are tried again: about two seconds in all, well within a function's time.
    pub fn backoff(&self) -> Backoff {
        Backoff { retries: 5, base: Duration::from_millis(50), cap: Duration::from_secs(1), jitter: fastrand::f64 }
    }
}
