//! The delay queue: messages to ourselves, some seconds from now.

mod message;
mod queue;

pub use message::{DecodeError, decode, encode};
pub use queue::DelayQueue;
