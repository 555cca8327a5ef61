//! What functions call, and what calls them besides clients: `@connections`, queues, streams and schedules.

pub(crate) mod management;
pub(crate) mod queue;
pub(crate) mod requests;
pub(crate) mod schedule;
pub(crate) mod sqs;
pub(crate) mod stream;
