//! What a function's `main.rs` calls: the start of a function, the clock, identifiers and logs.
//!
//! The only place, with `config`, that reads the environment, the system's clock and its randomness.

mod aws;
mod clock;
pub mod logs;
pub mod metrics;
pub mod serve;

use std::sync::Arc;

pub use clock::{SystemClock, UuidSource};
pub use config::{FromRuntime, Runtime, SettingError, Settings, settings};

/// From the environment, with logs set up: what a Lambda function does first.
pub fn start() -> Runtime {
    let settings = Settings::from_env();
    logs::init(logs::Format::of(&settings));
    Runtime::new(settings, Arc::new(SystemClock), Arc::new(UuidSource::default()), aws::config)
}
