//! The WebSocket API.

pub(crate) mod authorizer;
pub(crate) mod connections;
pub(crate) mod handshake;
pub(crate) mod messages;
pub(crate) mod order;
pub(crate) mod socket;
