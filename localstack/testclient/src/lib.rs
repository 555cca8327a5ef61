//! A plain HTTP and WebSocket client for end-to-end tests and benchmarks. It knows the envelope of frames, and nothing
//! of what the SDK does to survive: what a test wants repeated, it repeats itself.

mod api;
pub mod hub;
mod socket;

pub use api::{Account, Api, Lost, Reply, account, socket_address};
pub use socket::{Ended, Refused, Socket};
