//! The wire types of REST and signaling, the route table, and the documents made from them.
//!
//! Texts are parsed here, at the edge, into the domain's types; nothing behind it validates again.

pub mod analytics;
pub mod captions;
mod cursor;
pub mod data;
#[cfg(feature = "schema")]
pub mod documents;
pub mod endpoints;
mod fields;
pub mod hub;
pub mod invites;
pub mod keys;
pub mod quality;
pub mod recordings;
pub mod rest;
pub mod rights;
pub mod routes;
mod sdp;
pub mod signaling;
mod times;
pub mod turn_log;
pub mod usage;
pub mod webhooks;

pub use cursor::{Page, PageError};
pub use fields::Fields;
pub use times::{format_time, parse_time};
