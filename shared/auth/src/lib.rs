//! Tokens, tickets, password hashing and TURN credentials.
//!
//! The present moment is always passed in; randomness comes from the system through one function. No type
//! shows a secret when it is printed for debugging.

mod configured;
mod ice;
mod ice_url;
mod jwt;
mod password;
mod random;
mod refresh;
#[cfg(test)]
mod samples;
mod secrets;
mod ticket;
mod token;

pub use ice::{Ice, IceServer};
pub use ice_url::{IceUrlKind, check_ice_url};
pub use password::Argon2Hasher;
pub use refresh::RefreshTokens;
pub use secrets::{SecretError, Secrets, same_secret};
pub use ticket::{Ticket, Tickets};
pub use token::Tokens;
