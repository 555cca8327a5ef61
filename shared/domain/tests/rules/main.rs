//! The rules, one sentence each, over ports in memory.

mod accounts;
mod endings;
mod fake;
mod relaying;
mod resuming;
mod seats;
