//! The delay queue: messages to ourselves, some seconds from now.

mod message;
mod queue;

pub use message::{DecodeError, decode, decode_tended, encode, encode_tended};
pub use queue::{DelayQueue, TendingQueue};
