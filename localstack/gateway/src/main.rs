//! The whole of TunRTC on one machine.
fn main() {}
