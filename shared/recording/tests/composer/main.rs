//! What is composed of what was uploaded: made by ffmpeg, and checked by it.
#![allow(clippy::unwrap_used)]

mod bucket;
mod chunks;
mod damage;
mod ffmpeg;
mod files;
mod gaps;
mod made;
mod segments;
