//! The gateway against what AWS documents of API Gateway, fact by fact, with real clients.
//! A fact that AWS does not document has `undocumented` in its test's name.

mod authorizer;
mod chaos;
mod closing;
mod connections_api;
mod cors;
mod faults;
mod handshake;
mod http_api;
mod messages;
mod proxies;
mod queue;
mod refusals;
mod schedule;
mod server;
mod support;
mod throttles;
