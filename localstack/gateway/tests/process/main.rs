//! The program itself: how it starts, what it survives, how it stops, and what it writes into its log.

mod logs;
mod program;
#[path = "../support/mod.rs"]
mod support;
mod survival;
mod tunrtc;
