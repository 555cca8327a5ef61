//! The program itself: how it starts, what it survives, how it stops, and what it writes into its log.

mod data;
mod environment;
mod keys;
mod logs;
mod program;
mod reach;
mod site;
#[path = "../support/mod.rs"]
mod support;
mod survival;
mod tunrtc;
