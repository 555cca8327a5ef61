//! The rules, one sentence each, over ports in memory.

mod about;
mod accounts;
mod broadcasting;
mod captioning;
mod catching_up;
mod endings;
mod fake;
mod happening;
mod inviting;
mod moderating;
mod overlapping;
mod quotas;
mod relaying;
mod resuming;
mod seats;
mod telling;
mod usage;
mod waiting;
mod webhooks;
