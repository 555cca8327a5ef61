//! API Gateway event in, problem document or frame out. The only place that knows status codes.
//!
//! Each request is logged here, once, in one line: request id, route, user, outcome and time; never a password, token,
//! ticket, SDP or chat text.

mod edge;
mod frame_rates;
pub mod hub;
mod origins;
pub mod problem;
pub mod queue;
pub mod rest;
mod surroundings;
mod tools;
pub mod views;
pub mod websocket;

pub use edge::Edge;
pub use frame_rates::FrameRates;
pub use origins::{NoOrigin, Origins};
pub use surroundings::Surroundings;
pub use tools::{JoinedTools, ReadTools, RestTools, Tools};
