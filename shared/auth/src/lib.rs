//! Tokens, tickets, password hashing and TURN credentials.
//!
//! The present moment is always passed in; randomness comes from the system through one function. No type
//! shows a secret when it is printed for debugging.

mod callers;
mod configured;
mod guests;
mod ice;
mod ice_url;
mod join_token;
mod jwt;
mod password;
mod random;
mod refresh;
#[cfg(test)]
mod samples;
mod seal;
mod sealing;
mod secrets;
mod ticket;
mod token;
mod webhook_sealer;

pub use callers::{Callers, Presented, bearer};
pub use guests::{GuestTokens, Invitations};
pub use ice::{Ice, IceServer};
pub use ice_url::{IceUrlKind, check_ice_url};
pub use join_token::user_of;
pub use password::Argon2Hasher;
pub use refresh::RefreshTokens;
pub use seal::{KeySecret, Opened, Sealer, random_key_id};
pub use secrets::{SecretError, Secrets, same_secret};
pub use ticket::{Ticket, Tickets};
pub use token::Tokens;
pub use webhook_sealer::WebhookSealer;
