//! The HTTP API.

pub(crate) mod cors;
pub(crate) mod requests;
pub(crate) mod routes;
